import { type Position, Range, type TextDocument } from 'vscode';
import { tokenLimit } from '../../core/jwt.ts';
import type { Sessions } from '../../core/sessions.ts';
import { type TokenName, tokenOf } from '../../core/sessionView.ts';
import { findTokens, mostTokens, type Piece } from '../../core/tokenRanges.ts';

/** A token in a document: where it stands, and itself in one piece. */
export interface PlacedToken {
  readonly range: Range;
  /** The parts of the range that are token and not line break or indentation. */
  readonly pieces: readonly Range[];
  readonly token: string;
  readonly wrapped: boolean;
  readonly known?: KnownToken;
}

/** A token that a connection holds: its reader knows it by its text, whatever it looks like. */
export interface KnownToken {
  readonly connection: string;
  readonly name: TokenName;
}

/** Lines above and below the pointer that a wrapped token may reach. */
const reach = 100;

/** Longer lines are looked at only where the pointer is. */
const longLine = 20_000;

/** Characters of one document that are searched; what is beyond shows on hover only. */
export const scanLimit = 2_000_000;

/** Where a JOSE header can start: a cheap question before any code is loaded. */
export const tokenStart = /(?:ey[A-DI-L]|ew[k-r0-3])[\w-]{8}/;

/** The text around a position in which a token that covers it has to start and end. */
export function surroundings(document: TextDocument, position: Position): Range {
  const { line, character } = position;
  const { text } = document.lineAt(line);
  if (text.length > longLine) {
    const [start, end] = [edge(text, character, -1), edge(text, character, 1)];
    // Some characters more: an escape before the token tells where it starts.
    return new Range(line, Math.max(0, start - 3), line, end);
  }
  let first = line;
  let last = line;
  const fits = (at: number) => {
    const { length } = document.lineAt(at).text;
    return length > 0 && length < longLine;
  };
  while (first > 0 && line - first < reach && fits(first - 1)) first--;
  while (last < document.lineCount - 1 && last - line < reach && fits(last + 1)) last++;
  return document.validateRange(new Range(first, 0, last, longLine));
}

/** Where the characters of a token begin or end, at most as far as a token may be long. */
function edge(text: string, from: number, step: 1 | -1): number {
  let at = from;
  const last = Math.min(Math.max(from + step * tokenLimit, 0), text.length);
  while (at !== last && isTokenCharacter(text.charCodeAt(step < 0 ? at - 1 : at))) at += step;
  return at;
}

function isTokenCharacter(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f
  );
}

export function tokensIn(document: TextDocument, area?: Range, limit = mostTokens): PlacedToken[] {
  const start = area ? document.offsetAt(area.start) : 0;
  const end = Math.min(area ? document.offsetAt(area.end) : scanLimit, start + scanLimit);
  const text = document.getText(new Range(document.positionAt(start), document.positionAt(end)));
  if (!tokenStart.test(text) && !/e[yw][\w-]+\s*["'\\+]*\s*\n/.test(text.slice(0, 200_000))) return [];
  const rangeOf = (piece: Piece) =>
    new Range(document.positionAt(start + piece.start), document.positionAt(start + piece.end));
  return findTokens(text, limit).map(found => ({
    range: rangeOf(found),
    pieces: found.pieces.map(rangeOf),
    token: found.token,
    wrapped: found.wrapped,
  }));
}

/** The token at a position: one that reads as a token, or any text that is a token of a connection. */
export function tokenAtPosition(
  document: TextDocument,
  position: Position,
  sessions: Sessions,
): PlacedToken | undefined {
  const known = knownTokenAt(document, position, sessions);
  if (known) return known;
  return tokensIn(document, surroundings(document, position)).find(({ range }) => range.contains(position));
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
  return { ...{ range, token, known }, pieces: [range], wrapped: false };
}

/** A token of a connection in a line. @param near an offset that it has to be at */
export function knownTokenIn(
  line: string,
  sessions: Sessions,
  near?: number,
): { start: number; end: number; token: string; known: KnownToken } | undefined {
  for (const session of sessions.list()) {
    for (const name of ['access_token', 'id_token', 'refresh_token'] as const) {
      const token = tokenOf(session, name);
      // Shorter ones could be any word.
      if (token === undefined || token.length < 16) continue;
      // No farther than it can reach: lines can be megabytes, and connections many.
      const from = near === undefined ? 0 : Math.max(0, near - token.length);
      const reach = near === undefined ? line : line.slice(from, near + token.length);
      const start = from + reach.indexOf(token);
      if (start < from) continue;
      return { start, end: start + token.length, token, known: { connection: session.connection.id, name } };
    }
  }
  return undefined;
}
