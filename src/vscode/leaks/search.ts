import {
  type Diagnostic,
  DiagnosticSeverity,
  l10n,
  Position,
  Range,
  type TextDocument,
  type Uri,
  workspace,
} from 'vscode';
import { endOf, tokenOf } from '../../core/records/session.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { type KnownToken, type Leak, scanForLeaks } from '../../core/tokens/leakScan.ts';
import { leakCode } from '../editor/problems.ts';
import { problem } from '../screen.ts';
import { relativeText } from '../text/time.ts';
import { gitApi, type StagedFile, stagedFiles, stagedUris } from './git.ts';

export interface FileLeaks {
  readonly uri: Uri;
  readonly diagnostics: readonly Diagnostic[];
  readonly leaks: readonly Leak[];
}

export interface Search {
  readonly searched: number;
  /** There were more files than are looked at. */
  readonly cut: boolean;
  readonly found: readonly FileLeaks[];
}

const mostFiles = 20_000;
const mostBytes = 5 * 1024 * 1024;
const atOnce = 16;

/** Looks through every file of the workspace that its settings do not exclude. Nothing of a token is kept. */
export async function searchWorkspace(sessions: Sessions, now: number, signal: AbortSignal): Promise<Search> {
  const files = await workspace.findFiles('**/*', '**/{node_modules,.git}/**', mostFiles);
  const staged = stagedUris();
  const texts = files.map(uri => ({ uri, read: () => textOf(uri) }));
  return search(texts, uri => staged.has(uri.toString()), sessions, now, signal);
}

/** The same for what Git would commit next. @throws WorkbenchError `git_unavailable` */
export async function searchStaged(sessions: Sessions, now: number, signal: AbortSignal): Promise<Search> {
  return search(stagedFiles(await gitApi()).slice(0, mostFiles), () => true, sessions, now, signal);
}

async function search(
  files: readonly StagedFile[],
  isStaged: (uri: Uri) => boolean,
  sessions: Sessions,
  now: number,
  signal: AbortSignal,
): Promise<Search> {
  const known = knownTokens(sessions);
  const found: FileLeaks[] = [];
  let next = 0;
  const work = async () => {
    for (let file = files[next++]; file && !signal.aborted; file = files[next++]) {
      const { uri } = file;
      const text = (await file.read())?.slice(0, mostBytes);
      if (text === undefined) continue;
      const leaks = scanForLeaks(text, known, now);
      if (leaks.length === 0) continue;
      const at = positionsIn(text);
      const diagnostics = leaks.map(leak => diagnosticOf(leak, at, isStaged(uri), now));
      found.push({ uri, leaks, diagnostics });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  signal.throwIfAborted();
  found.sort((one, other) => (one.uri.path < other.uri.path ? -1 : 1));
  return { searched: files.length, cut: files.length >= mostFiles, found };
}

/** The same for one open document as it stands now. */
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

async function textOf(uri: Uri): Promise<string | undefined> {
  const open = workspace.textDocuments.find(document => document.uri.toString() === uri.toString());
  if (open) return open.getText().slice(0, mostBytes);
  try {
    const { size } = await workspace.fs.stat(uri);
    if (size > mostBytes) return undefined;
    const bytes = await workspace.fs.readFile(uri);
    // A zero among the first bytes: no text.
    return bytes.subarray(0, 1000).includes(0) ? undefined : new TextDecoder().decode(bytes);
  } catch {
    // Gone since it was listed, or not to be read: a search goes on.
    return undefined;
  }
}

/** For offsets that only grow: each line is counted once. */
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

function leakText({ kind, expiresAt, connection }: Leak, now: number): string {
  switch (kind) {
    case 'token':
      return l10n.t('A token that still works: it expires {0}.', relativeText(expiresAt ?? now, now));
    case 'endless_token':
      return l10n.t('A token without an end: who reads this file can use it.');
    case 'encrypted_token':
      return l10n.t('An encrypted token: it may still work.');
    case 'refresh_token':
      return l10n.t('A refresh token: as valuable as a password.');
    case 'known_token':
      return l10n.t('A token of the connection "{0}".', printable(connection ?? '', 80));
  }
}
