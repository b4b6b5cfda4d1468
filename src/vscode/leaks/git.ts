/** What Git would commit next, by the word of VS Code's own Git extension. No process is started here. */
import { type Event, extensions, l10n, commands as registry, type Uri } from 'vscode';
import { commands } from '../../contributions.ts';
import { WorkbenchError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { notify } from '../screen.ts';

/** The part of the extension's API that is used: `getAPI(1)` of `vscode.git`. */
export interface GitApi {
  readonly repositories: readonly Repository[];
  readonly onDidOpenRepository: Event<Repository>;
}

interface Repository {
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

interface WatchParts {
  readonly own: <T extends { dispose(): unknown }>(disposable: T) => T;
  readonly clock: Clock;
  /** The setting, which may change. */
  readonly wanted: () => boolean;
}

/** Milliseconds of rest after Git has changed something: staging many files is many changes. */
const debounce = 400;

/** Warns when a token that still works is staged. @throws WorkbenchError `git_unavailable` */
export async function watchStaged({ own, clock, wanted }: WatchParts): Promise<void> {
  const api = await gitApi();
  let seen: ReadonlySet<string> = new Set();
  let cancel: (() => void) | undefined;
  own({ dispose: () => cancel?.() });
  const soon = () => {
    cancel?.();
    cancel = clock.schedule(() => void look(api), debounce);
  };
  const watch = ({ state }: Repository) => void own(state.onDidChange(soon));
  api.repositories.forEach(watch);
  own(
    api.onDidOpenRepository(repository => {
      watch(repository);
      soon();
    }),
  );
  soon();

  /** Files that were staged before are not warned of again. */
  async function look(api: GitApi): Promise<void> {
    const before = seen;
    seen = new Set(stagedFiles(api).map(({ uri }) => uri.toString()));
    if (!wanted() || [...seen].every(uri => before.has(uri))) return;
    const { leaks } = await registry.executeCommand<{ leaks: readonly { uri: string }[] }>(commands.findLeaks, {
      staged: true,
    });
    const found = leaks.filter(({ uri }) => !before.has(uri));
    const [first] = found;
    if (!first) return;
    const show = l10n.t('Show Problems');
    const name = decodeURIComponent(first.uri.slice(first.uri.lastIndexOf('/') + 1));
    const text =
      found.length === 1
        ? l10n.t('{0} contains a valid token and is about to be committed.', name)
        : l10n.t('{0} valid tokens are about to be committed, the first in {1}.', found.length, name);
    if ((await notify('warning', text, show)) === show)
      await registry.executeCommand('workbench.panel.markers.view.focus');
  }
}
