/** What Git would commit next, by the word of VS Code's own Git extension. No process is started here. */
import { type Event, extensions, type Uri } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';

/** The part of the extension's API that is used: `getAPI(1)` of `vscode.git`. */
export interface GitApi {
  readonly repositories: readonly Repository[];
  readonly onDidOpenRepository: Event<Repository>;
}

export interface Repository {
  readonly rootUri: Uri;
  readonly state: {
    readonly indexChanges: readonly { readonly uri: Uri }[];
    readonly workingTreeChanges: readonly { readonly uri: Uri }[];
    readonly onDidChange: Event<void>;
  };
  /** With no `ref`: the file as it is staged. */
  show(ref: string, path: string): Promise<string>;
}

export interface StagedFile {
  readonly uri: Uri;
  /** The file is another than what is staged. */
  readonly changed: boolean;
  /** What is staged, which the file may have left behind; `undefined` for a file whose removal is staged. */
  read(): Promise<string | undefined>;
}

/** @throws WorkbenchError `git_unavailable` where the extension is missing, switched off or on another machine */
export async function gitApi(): Promise<GitApi> {
  const git = extensions.getExtension<{ getAPI(version: 1): GitApi }>('vscode.git');
  try {
    // It throws where the setting git.enabled is off.
    const api = (git?.isActive ? git.exports : await git?.activate())?.getAPI(1);
    if (api) return api;
  } catch {
    // Why it does not run is said by itself.
  }
  throw new WorkbenchError('git_unavailable');
}

/** Of the extension where it runs already; none otherwise. */
export function stagedUris(): ReadonlySet<string> {
  const git = extensions.getExtension<{ getAPI?(version: 1): GitApi }>('vscode.git');
  try {
    const api = git?.isActive ? git.exports.getAPI?.(1) : undefined;
    return new Set(api ? stagedFiles(api).map(({ uri }) => uri.toString()) : []);
  } catch {
    // The setting git.enabled is off.
    return new Set();
  }
}

export function stagedFiles({ repositories }: GitApi): StagedFile[] {
  return repositories.flatMap(repository => {
    const { state } = repository;
    const changed = new Set(state.workingTreeChanges.map(({ uri }) => uri.toString()));
    return state.indexChanges.map(({ uri }) => ({
      uri,
      changed: changed.has(uri.toString()),
      read: () => repository.show('', uri.fsPath).catch(() => undefined),
    }));
  });
}
