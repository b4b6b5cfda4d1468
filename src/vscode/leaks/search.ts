import {
  type Diagnostic,
  DiagnosticSeverity,
  type Event,
  extensions,
  FileType,
  l10n,
  Position,
  Range,
  commands as registry,
  type TextDocument,
  Uri,
  workspace,
} from 'vscode';
import { commands } from '../../contributions.ts';
import { classify, WorkbenchError } from '../../core/errors.ts';
import { type KnownToken, type Leak, leakMarks, scanForLeaks } from '../../core/imports/leakScan.ts';
import type { Clock, FileSearch, IsWanted } from '../../core/ports.ts';
import { endOf, type Sessions, tokenOf } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { leakCode } from '../editor/problems.ts';
import { notify, problem } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { relativeText } from '../text/time.ts';

export interface FileLeaks {
  readonly uri: Uri;
  readonly diagnostics: readonly Diagnostic[];
  readonly leaks: readonly Leak[];
}

/** The found tokens in the Problems panel. */
export interface LeakList {
  show(found: readonly FileLeaks[]): void;
  clear(): void;
}

export interface Search {
  readonly searched: number;
  /** More files matched than are searched. */
  readonly cut: boolean;
  readonly found: readonly FileLeaks[];
}

export interface SearchParts {
  readonly sessions: Sessions;
  readonly files: FileSearch;
  readonly clock: Clock;
}

/** Reports the progress of a search. */
export type Tell = (text: string) => void;

const maxFiles = 20_000;
const mostBytes = 5 * 1024 * 1024;
const concurrency = 16;

/** Up to this many staged files are read one by one. */
const fewStaged = 200;

/** Searches every file of the workspace that the settings do not exclude. No token is stored. */
export async function searchWorkspace(parts: SearchParts, signal: AbortSignal, tell: Tell): Promise<Search> {
  const staged = stagedUris();
  const look = createScanner(parts, uri => staged.has(uri.toString()), signal, tell);
  const file = (uri: Uri, places?: readonly number[]) =>
    look.at({ uri, read: isWanted => textOf(uri, parts.files, isWanted, places) });
  for (const { uri, isDirty } of workspace.textDocuments) if (isDirty && workspace.getWorkspaceFolder(uri)) file(uri);
  let searched: number | undefined = 0;
  for (const { uri } of workspace.workspaceFolders ?? []) {
    const settings = workspace.getConfiguration('files', uri).get<Record<string, unknown>>('exclude', {});
    const excluded = Object.entries(settings).flatMap(([glob, on]) => (on === true ? [glob] : []));
    const count = await markedBelow(
      uri,
      ['**/node_modules/', '**/.git/', ...excluded],
      parts.files,
      look.known,
      file,
      signal,
    );
    searched = searched === undefined || count === undefined ? undefined : searched + count;
  }
  if (searched === undefined) {
    const all = await workspace.findFiles('**/*', '**/{node_modules,.git}/**', maxFiles + 1);
    for (const uri of all) file(uri);
    searched = all.length;
  }
  const { found, cut } = await look.end();
  return { searched, cut, found };
}

/** Searches what Git would commit next. @throws WorkbenchError `git_unavailable`, `staged_unreadable` */
export async function searchStaged(parts: SearchParts, signal: AbortSignal, tell: Tell): Promise<Search> {
  const api = await gitApi();
  const staged = stagedFiles(api);
  const look = createScanner(parts, () => true, signal, tell);
  const marked = staged.length > fewStaged ? await markedStaged(api, parts.files, look.known, signal) : undefined;
  for (const file of staged) {
    // With many staged files, those unchanged since staging are searched on disk first, which shows the ones worth
    // reading.
    if (!marked || file.changed) look.at(file);
    else if (marked.has(file.uri.toString()))
      look.at({ ...file, read: isWanted => textOf(file.uri, parts.files, isWanted) });
  }
  return { searched: staged.length, ...(await look.end()) };
}

async function markedStaged(api: GitApi, files: FileSearch, known: readonly KnownToken[], signal: AbortSignal) {
  const marked = new Set<string>();
  for (const { rootUri } of api.repositories) {
    const found = (uri: Uri) => marked.add(uri.toString());
    const searched = await markedBelow(rootUri, ['**/.git/'], files, known, found, signal);
    if (searched === undefined) return undefined;
  }
  return marked;
}

/** Reports the files that may contain a token. Resolves with the number of searched files, if it is known. */
async function markedBelow(
  folder: Uri,
  exclude: readonly string[],
  files: FileSearch,
  known: readonly KnownToken[],
  found: (uri: Uri, places: readonly number[] | undefined) => void,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (folder.scheme !== 'file') return undefined;
  const patterns = leakMarks(known);
  const searched = await files.filesWith(
    { folder: folder.fsPath, patterns, exclude, mostBytes },
    (name, places) => found(Uri.joinPath(folder, ...name.split(/[\\/]/)), places),
    signal,
  );
  signal.throwIfAborted();
  return searched;
}

interface SearchedFile {
  readonly uri: Uri;
  /** `undefined` if the file is gone, not text, or `isWanted` says no to its bytes. */
  read(isWanted: IsWanted): Promise<string | undefined>;
}

/** Reads files, several at a time and each once, while the search for others continues. */
function createScanner(
  { sessions, clock }: SearchParts,
  isStaged: (uri: Uri) => boolean,
  signal: AbortSignal,
  tell: Tell,
) {
  const now = clock.now();
  // Expired ones are not reported, and each token that is searched makes the search slower.
  const known = knownTokens(sessions).filter(({ expiresAt = now + 1 }) => expiresAt > now);
  const leaksOf = (text: string, bytes?: Uint8Array) => scanForLeaks(text, known, now, bytes);
  // Leaks consist of ASCII, which is the same in the bytes of a file and in its text.
  const isWanted: IsWanted = (text, bytes) => leaksOf(text, bytes).length > 0;
  const found: FileLeaks[] = [];
  const listed = new Set<string>();
  const waiting: SearchedFile[] = [];
  const working = new Set<Promise<void>>();
  let done = 0;
  let cut = false;
  let failure: unknown;

  async function work(): Promise<void> {
    for (let file = waiting.shift(); file && !signal.aborted; file = waiting.shift()) {
      const { uri } = file;
      const text = (await file.read(isWanted))?.slice(0, mostBytes);
      if (++done % 50 === 0) tell(l10n.t('Checked {0} of {1} files that may contain tokens', done, listed.size));
      const leaks = text === undefined ? [] : leaksOf(text);
      if (text === undefined || leaks.length === 0) continue;
      const at = positionsIn(text);
      found.push({ uri, leaks, diagnostics: leaks.map(leak => diagnosticOf(leak, at, isStaged(uri), now)) });
    }
  }

  return {
    /** The tokens of connections that are searched. */
    known,
    at(file: SearchedFile) {
      const key = file.uri.toString();
      if (listed.has(key)) return;
      if (listed.size >= maxFiles) {
        cut = true;
        return;
      }
      listed.add(key);
      waiting.push(file);
      if (working.size >= concurrency) return;
      const worker: Promise<void> = work()
        .catch(error => {
          failure ??= error;
        })
        .finally(() => working.delete(worker));
      working.add(worker);
    },
    async end() {
      await Promise.all(working);
      if (failure !== undefined) throw failure;
      signal.throwIfAborted();
      return { found: found.sort((one, other) => (one.uri.path < other.uri.path ? -1 : 1)), cut };
    },
  };
}

/** The tokens in one open document as it is now. */
export function leaksIn(document: TextDocument, sessions: Sessions, now: number): Diagnostic[] {
  const at = (offset: number) => document.positionAt(offset);
  const leaks = scanForLeaks(document.getText().slice(0, mostBytes), knownTokens(sessions), now);
  return leaks.map(leak => diagnosticOf(leak, at, false, now));
}

function knownTokens(sessions: Sessions): KnownToken[] {
  return sessions.list().flatMap(session =>
    (['access_token', 'id_token', 'refresh_token'] as const).flatMap(name => {
      const token = tokenOf(session, name);
      const end = endOf(session, name);
      if (token === undefined) return [];
      return [{ token, name, connection: session.connection.label, ...(end !== undefined && { expiresAt: end }) }];
    }),
  );
}

async function textOf(
  uri: Uri,
  files: FileSearch,
  isWanted: IsWanted,
  places?: readonly number[],
): Promise<string | undefined> {
  const open = workspace.textDocuments.find(document => document.uri.toString() === uri.toString());
  if (open) return open.getText().slice(0, mostBytes);
  if (uri.scheme === 'file') return files.read(uri.fsPath, mostBytes, isWanted, places);
  try {
    const { size } = await workspace.fs.stat(uri);
    if (size > mostBytes) return undefined;
    const bytes = await workspace.fs.readFile(uri);
    // A zero byte at the start means that the file is binary.
    return bytes.subarray(0, 1000).includes(0) ? undefined : new TextDecoder().decode(bytes);
  } catch {
    // The file was deleted or cannot be read; the search continues.
    return undefined;
  }
}

/** For increasing offsets, so that each line is counted once. */
function positionsIn(text: string): (offset: number) => Position {
  let line = 0;
  let lineStart = 0;
  let lineEnd = text.indexOf('\n');
  return offset => {
    for (; lineEnd >= 0 && lineEnd < offset; lineEnd = text.indexOf('\n', lineStart)) {
      line++;
      lineStart = lineEnd + 1;
    }
    return new Position(line, offset - lineStart);
  };
}

function diagnosticOf(leak: Leak, at: (offset: number) => Position, staged: boolean, now: number): Diagnostic {
  const text = staged ? l10n.t('{0} It is about to be committed.', leakText(leak, now)) : leakText(leak, now);
  const severe = staged || leak.kind === 'refresh_token' || leak.kind === 'known_token';
  const range = new Range(at(leak.start), at(leak.end));
  return problem(range, text, severe ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning, leakCode);
}

function leakText({ kind, expiresAt, connection, issuer }: Leak, now: number): string {
  switch (kind) {
    case 'token':
      return l10n.t('A token that expires {0}.', relativeText(expiresAt ?? now, now));
    case 'endless_token':
      return l10n.t('A token without expiry: anyone who reads this file can use it.');
    case 'encrypted_token':
      return l10n.t('An encrypted token: it may still be valid.');
    case 'opaque_token':
      return l10n.t('An access token of {0}: it may still work.', printable(issuer ?? '', 80));
    case 'refresh_token':
      return l10n.t('A refresh token: as valuable as a password.');
    case 'known_token':
      return l10n.t('A token of the connection "{0}".', printable(connection ?? '', 80));
  }
}

/** The used part of the API of VS Code's Git extension (`getAPI(1)`), which reports the staged files. */
interface GitApi {
  readonly repositories: readonly Repository[];
  readonly onDidOpenRepository: Event<Repository>;
}

interface Repository {
  readonly rootUri: Uri;
  readonly state: {
    readonly indexChanges: readonly { readonly uri: Uri; readonly status: number }[];
    readonly workingTreeChanges: readonly { readonly uri: Uri }[];
    readonly onDidChange: Event<void>;
  };
  /** With an empty `ref`: the staged content. */
  show(ref: string, path: string): Promise<string>;
}

interface StagedFile {
  readonly uri: Uri;
  /** The file differs from its staged content. */
  readonly changed: boolean;
  /** The staged content; `undefined` if the removal of the file is staged. */
  read(): Promise<string | undefined>;
}

/** @throws WorkbenchError `git_unavailable` if the extension is missing, disabled or on another machine */
export async function gitApi(): Promise<GitApi> {
  const git = extensions.getExtension<{ getAPI(version: 1): GitApi }>('vscode.git');
  try {
    // Throws if the setting git.enabled is off.
    const api = (git?.isActive ? git.exports : await git?.activate())?.getAPI(1);
    if (api) return api;
  } catch {
    // VS Code reports by itself why it does not run.
  }
  throw new WorkbenchError('git_unavailable');
}

/** The staged files, if the Git extension already runs; otherwise none. */
function stagedUris(): ReadonlySet<string> {
  const git = extensions.getExtension<{ getAPI?(version: 1): GitApi }>('vscode.git');
  try {
    const api = git?.isActive ? git.exports.getAPI?.(1) : undefined;
    return new Set(api ? stagedFiles(api).map(({ uri }) => uri.toString()) : []);
  } catch {
    // The setting git.enabled is off.
    return new Set();
  }
}

/** `Status.INDEX_DELETED` of the Git extension. */
const stagedRemoval = 2;

export function stagedFiles({ repositories }: GitApi): StagedFile[] {
  return repositories.flatMap(repository => {
    const { state } = repository;
    const changed = new Set(state.workingTreeChanges.map(({ uri }) => uri.toString()));
    return state.indexChanges.map(({ uri, status }) => ({
      uri,
      changed: changed.has(uri.toString()),
      read: async () => (status === stagedRemoval ? undefined : stagedText(repository, uri)),
    }));
  });
}

/**
 * A file that cannot be read must not count as one without tokens.
 * @throws WorkbenchError `staged_unreadable`
 */
async function stagedText(repository: Repository, uri: Uri): Promise<string | undefined> {
  const show = () => repository.show('', uri.fsPath);
  try {
    // Tried once more, because a busy machine may fail to start a process.
    return await show().catch(show);
  } catch {
    // A submodule has no content of its own.
    const isFolder = await workspace.fs.stat(uri).then(
      ({ type }) => (type & FileType.Directory) !== 0,
      () => false,
    );
    if (isFolder) return undefined;
    throw new WorkbenchError('staged_unreadable', { file: workspace.asRelativePath(uri) });
  }
}

interface WatchParts {
  readonly own: <T extends { dispose(): unknown }>(disposable: T) => T;
  readonly clock: Clock;
  /** The value of the setting, which may change. */
  readonly wanted: () => boolean;
}

/** Milliseconds without changes before staged files are checked, because staging many files causes many events. */
const debounce = 400;

/** Warns when a working token is staged. @throws WorkbenchError `git_unavailable` */
export async function watchStaged({ own, clock, wanted }: WatchParts): Promise<void> {
  const api = await gitApi();
  let seen: ReadonlySet<string> = new Set();
  let cancel: (() => void) | undefined;
  own({ dispose: () => cancel?.() });
  const scheduleCheck = () => {
    cancel?.();
    cancel = clock.schedule(() => void look(api), debounce);
  };
  const watch = ({ state }: Repository) => void own(state.onDidChange(scheduleCheck));
  api.repositories.forEach(watch);
  own(
    api.onDidOpenRepository(repository => {
      watch(repository);
      scheduleCheck();
    }),
  );
  scheduleCheck();

  /** Checks newly staged files only, so that each is reported once. */
  async function look(api: GitApi): Promise<void> {
    const before = seen;
    seen = new Set(stagedFiles(api).map(({ uri }) => uri.toString()));
    if (!wanted() || [...seen].every(uri => before.has(uri))) return;
    let leaks: readonly { uri: string }[];
    try {
      const search = { staged: true };
      ({ leaks } = await registry.executeCommand<{ leaks: readonly { uri: string }[] }>(commands.findLeaks, search));
    } catch (error) {
      // They are checked again at the next change.
      seen = before;
      await notify('warning', describeError(classify(error)));
      return;
    }
    const found = leaks.filter(({ uri }) => !before.has(uri));
    const [first] = found;
    if (!first) return;
    const show = l10n.t('Show Problems');
    const name = decodeURIComponent(first.uri.slice(first.uri.lastIndexOf('/') + 1));
    const text =
      found.length === 1
        ? l10n.t('{0} contains a token that may still work and is about to be committed.', name)
        : l10n.t('{0} tokens that may still work are about to be committed, the first in {1}.', found.length, name);
    if ((await notify('warning', text, show)) === show)
      await registry.executeCommand('workbench.panel.markers.view.focus');
  }
}
