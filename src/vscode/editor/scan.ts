import { type Position, Range, type TextDocument, Uri, window, workspace } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import { matchingConnections, tokenClaims } from '../../core/imports/tokenOwner.ts';
import type { Connection } from '../../core/records/connection.ts';
import { isRefreshable, type Sessions, type TokenName, tokenOf } from '../../core/records/sessions.ts';
import { isTokenCharacter, longestEscape, mayHoldToken } from '../../core/tokens/findJwts.ts';
import { tokenLimit, tryDecode } from '../../core/tokens/jwt.ts';
import { findTokens, mostTokens, type Piece, type TokenRange, tokenAt } from '../../core/tokens/tokenRanges.ts';
import { tokenUse } from '../../core/tokens/tokenUse.ts';
import { anything, optional, tokenText, type Values } from '../commands/fields.ts';

/** A token in a document: its range, and its text without line breaks. */
export interface PlacedToken {
  readonly range: Range;
  /** The parts of the range that belong to the token, without line breaks and indentation. */
  readonly pieces: readonly Range[];
  readonly token: string;
  readonly wrapped: boolean;
  readonly known?: KnownToken;
}

/** A token that a connection holds. It is recognised by its text, so it need not look like a token. */
export interface KnownToken {
  readonly connection: string;
  readonly name: TokenName;
}

type Found = Omit<TokenRange, 'kind'> & { readonly known?: KnownToken };

/** Lines above and below the pointer that are searched for the rest of a wrapped token. */
const reach = 100;

/** In longer lines, only the surroundings of the pointer are searched. */
const longLine = 20_000;

/** Characters of one document that are searched. Beyond them, tokens are found on hover only. */
export const scanLimit = 2_000_000;

/** Characters before and after the pointer's line that are searched for the rest of a wrapped token. */
const reachCharacters = 100_000;

/**
 * A cheap test whether the text may contain a token, before any code is loaded.
 * @param sessions their tokens count too, whatever they look like
 */
export function holdsToken(document: TextDocument, area?: Range, sessions?: Sessions): boolean {
  const { text } = searched(document, area);
  return mayHoldToken(text) || (sessions !== undefined && heldIn(text, sessions, 1).length > 0);
}

/** The text to search, and the offset at which it starts. */
function searched(document: TextDocument, area?: Range): { text: string; start: number } {
  const start = area ? document.offsetAt(area.start) : 0;
  const end = Math.min(area ? document.offsetAt(area.end) : scanLimit, start + scanLimit);
  return { text: document.getText(new Range(document.positionAt(start), document.positionAt(end))), start };
}

/** The range around a position that contains any token covering the position. */
export function surroundingRange(document: TextDocument, position: Position): Range {
  const { line, character } = position;
  const { text } = document.lineAt(line);
  if (text.length > longLine) {
    const start = edge(text, character, -1);
    // No token is that long, so there is nothing to find.
    if (character - start >= tokenLimit) return new Range(position, position);
    // A few characters more, because an escape sequence before the token shows where it starts.
    return new Range(line, Math.max(0, start - longestEscape), line, edge(text, character, 1));
  }
  let first = line;
  let last = line;
  let left = reachCharacters;
  const fits = (at: number) => {
    const { length } = document.lineAt(at).text;
    left -= length;
    return length > 0 && length < longLine && left >= 0;
  };
  while (first > 0 && line - first < reach && fits(first - 1)) first--;
  left = reachCharacters;
  while (last < document.lineCount - 1 && last - line < reach && fits(last + 1)) last++;
  return document.validateRange(new Range(first, 0, last, longLine));
}

/** Where the run of token characters ends, at most the longest token's length away. */
function edge(text: string, from: number, step: 1 | -1): number {
  let at = from;
  const last = Math.min(Math.max(from + step * tokenLimit, 0), text.length);
  while (at !== last && isTokenCharacter(text.charCodeAt(step < 0 ? at - 1 : at))) at += step;
  return at;
}

/** @param sessions their tokens are found too, whatever they look like */
export function tokensIn(document: TextDocument, area?: Range, limit = mostTokens, sessions?: Sessions): PlacedToken[] {
  const { text, start } = searched(document, area);
  const found: Found[] = findTokens(text, limit);
  for (const held of sessions ? heldIn(text, sessions, limit) : [])
    if (!found.some(each => each.start < held.end && held.start < each.end)) found.push(held);
  return found.toSorted((one, other) => one.start - other.start).map(each => placed(document, start, each));
}

/** Limit on the characters compared for the tokens of all connections in one text; far more would be noticeable. */
const mostCompared = 100_000_000;

/** The tokens of connections in a text. They are searched for one by one, so that no list of them is kept. */
function heldIn(text: string, sessions: Sessions, limit: number): Found[] {
  const found: Found[] = [];
  const tokens = heldTokens(sessions);
  if (text.length * tokens.length > mostCompared) return found;
  for (const { token, known } of tokens) {
    for (let start = text.indexOf(token); start >= 0 && found.length < limit; ) {
      const end = start + token.length;
      found.push({ start, end, token, known, wrapped: false, pieces: [{ start, end }] });
      start = text.indexOf(token, end);
    }
  }
  return found;
}

function heldTokens(sessions: Sessions): { readonly token: string; readonly known: KnownToken }[] {
  return sessions.list().flatMap(session =>
    (['access_token', 'id_token', 'refresh_token'] as const).flatMap(name => {
      const token = tokenOf(session, name);
      // Shorter texts could be ordinary words.
      if (token === undefined || token.length < 16) return [];
      return [{ token, known: { connection: session.connection.id, name } }];
    }),
  );
}

function placed(document: TextDocument, offset: number, { known, ...found }: Found): PlacedToken {
  const rangeOf = ({ start, end }: Piece) =>
    new Range(document.positionAt(offset + start), document.positionAt(offset + end));
  return {
    range: rangeOf(found),
    pieces: found.pieces.map(rangeOf),
    token: found.token,
    wrapped: found.wrapped,
    ...(known && { known }),
  };
}

/** The token at a position: text that reads as a token, or any text that is a token of a connection. */
export function tokenAtPosition(
  document: TextDocument,
  position: Position,
  sessions: Sessions,
): PlacedToken | undefined {
  const known = knownTokenAt(document, position, sessions);
  if (known) return known;
  const { text, start } = searched(document, surroundingRange(document, position));
  const found = tokenAt(findTokens(text), document.offsetAt(position) - start);
  return found && placed(document, start, found);
}

export function knownTokenAt(
  document: TextDocument,
  { line, character }: Position,
  sessions: Sessions,
): PlacedToken | undefined {
  const found = knownTokenIn(document.lineAt(line).text, sessions, character);
  if (!found) return undefined;
  const { start, end, token, known } = found;
  const range = new Range(line, start, line, end);
  return { range, token, known, pieces: [range], wrapped: false };
}

/** A token of a connection in a line. @param near an offset within the token */
export function knownTokenIn(
  line: string,
  sessions: Sessions,
  near?: number,
): { start: number; end: number; token: string; known: KnownToken } | undefined {
  for (const { token, known } of heldTokens(sessions)) {
    // Searches only as far as the token can reach, because lines can be megabytes long and there can be many
    // connections.
    const from = near === undefined ? 0 : Math.max(0, near - token.length);
    const reach = near === undefined ? line : line.slice(from, near + token.length);
    const start = from + reach.indexOf(token);
    if (start >= from) return { start, end: start + token.length, token, known };
  }
  return undefined;
}

/**
 * The place of a token, as the argument of a command. Links contain the place instead of the token, because command
 * links are stored in places such as logs. The command reads the token when it runs.
 */
export interface Place {
  readonly uri: string;
  /** Start line and character, end line and character. */
  readonly range: readonly [number, number, number, number];
}

export function placeOf({ uri }: TextDocument, { start, end }: Range): Place {
  return { uri: uri.toString(), range: [start.line, start.character, end.line, end.character] };
}

/** The members of an argument that describe a place. */
export const placeFields = {
  uri: optional(anything('string', { type: 'string' })),
  range: optional(
    anything('[line, character, line, character]', { type: 'array', items: { type: 'integer' }, minItems: 4 }),
  ),
};

/** @throws WorkbenchError `argument_invalid` */
export function placeIn({ uri, range }: { readonly uri?: unknown; readonly range?: unknown }): Place | undefined {
  if (uri === undefined) return undefined;
  const numbers: readonly unknown[] = Array.isArray(range) ? range : [];
  const [a, b, c, d] = numbers.filter((item): item is number => Number.isInteger(item));
  if (typeof uri !== 'string' || a === undefined || b === undefined || c === undefined || d === undefined) {
    throw new WorkbenchError('argument_invalid', { field: 'range', expected: 'uri and four numbers' });
  }
  return { uri, range: [a, b, c, d] };
}

/** The token that is at the place now. @throws WorkbenchError `not_a_token` */
export async function tokenAtPlace({ uri, range }: Place, sessions: Sessions): Promise<PlacedToken> {
  const wanted = Uri.parse(uri, true);
  // Only documents that are already open: a link must not open anything.
  const document = workspace.textDocuments.find(each => each.uri.toString() === wanted.toString());
  const where = document?.validateRange(new Range(...range));
  const found =
    document &&
    where &&
    (tokenAtPosition(document, where.start, sessions) ??
      tokensIn(document, where).find(token => token.range.intersection(where)));
  if (!found) throw new WorkbenchError('not_a_token', { reason: 'empty' });
  return found;
}

/** A token, or the place of one in an open document. */
export const tokenFields = { token: optional(tokenText), ...placeFields };

export interface TokenArgument {
  readonly token?: string | undefined;
  readonly place?: Place | undefined;
}

/** @throws WorkbenchError `argument_invalid` */
export function tokenArgument({ token, ...place }: Values<typeof tokenFields>): TokenArgument {
  const at = placeIn(place);
  if (!at && token === undefined) throw new WorkbenchError('argument_invalid', { field: 'token', expected: 'string' });
  return { token, place: at };
}

/** @throws WorkbenchError `not_a_token` */
export async function tokenFor({ token, place }: TokenArgument, sessions: Sessions): Promise<string> {
  return token ?? (place ? (await tokenAtPlace(place, sessions)).token : '');
}

/** The token in the selection or at the cursor of the active editor, with its place. */
export function tokenAtCursor(sessions: Sessions): (PlacedToken & { readonly place: Place }) | undefined {
  const editor = window.activeTextEditor;
  if (!editor) return undefined;
  const { document, selection } = editor;
  const token = selection.isEmpty
    ? tokenAtPosition(document, selection.active, sessions)
    : tokensIn(document, selection)[0];
  return token && { ...token, place: placeOf(document, token.range) };
}

/** The connection that a token belongs to: the one that holds it, otherwise one with its issuer. */
export function ownerOf(
  { token, known }: Pick<PlacedToken, 'token' | 'known'>,
  sessions: Sessions,
): Connection | undefined {
  const holder = known && sessions.connection(known.connection);
  return holder ?? matchingConnections(sessions.list(), { access_token: token })[0];
}

interface Replacement {
  readonly connection: Connection;
  readonly name: 'access_token' | 'id_token';
}

/**
 * The connection whose fresh token can replace this one: the connection that holds it, otherwise the only one with its
 * issuer and client. Refresh tokens are not offered, because they do not belong in documents.
 */
export function replacementOf(
  { token, known }: Pick<PlacedToken, 'token' | 'known'>,
  sessions: Sessions,
): Replacement | undefined {
  if (!workspace.isTrusted || sessions.list().length === 0) return undefined;
  const decoded = tryDecode(token);
  const name = known?.name ?? ('error' in decoded ? undefined : tokenUse(decoded)?.use) ?? 'access_token';
  if (name === 'refresh_token') return undefined;
  const { clientId } = tokenClaims({ [name]: token });
  const matching = known
    ? [sessions.connection(known.connection)]
    : matchingConnections(sessions.list(), { [name]: token }).filter(
        connection => clientId === undefined || clientId === connection.clientId,
      );
  const [connection] = matching;
  const session = connection && matching.length === 1 ? sessions.get(connection.id) : undefined;
  if (connection === undefined || session === undefined) return undefined;
  return isRefreshable(session) || tokenOf(session, name) !== undefined ? { connection, name } : undefined;
}
