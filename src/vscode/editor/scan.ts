import { type Position, Range, type TextDocument } from 'vscode';
import { type TokenName, tokenOf } from '../../core/records/session.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { isTokenCharacter, longestEscape, mayHoldToken } from '../../core/tokens/findJwts.ts';
import { tokenLimit } from '../../core/tokens/jwt.ts';
import { findTokens, mostTokens, type Piece, type TokenRange, tokenAt } from '../../core/tokens/tokenRanges.ts';

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

/** Characters before and after the pointer's line that a wrapped token may reach. */
const farthest = 100_000;

/** Could there be a token? A cheap question before any code is loaded. */
export function holdsToken(document: TextDocument, area?: Range): boolean {
  return mayHoldToken(searched(document, area).text);
}

/** The text that is searched, and the offset at which it starts. */
function searched(document: TextDocument, area?: Range): { text: string; start: number } {
  const start = area ? document.offsetAt(area.start) : 0;
  const end = Math.min(area ? document.offsetAt(area.end) : scanLimit, start + scanLimit);
  return { text: document.getText(new Range(document.positionAt(start), document.positionAt(end))), start };
}

/** The text around a position in which a token that covers it has to start and end. */
export function surroundings(document: TextDocument, position: Position): Range {
  const { line, character } = position;
  const { text } = document.lineAt(line);
  if (text.length > longLine) {
    const start = edge(text, character, -1);
    // No token is so long: there is nothing to find.
    if (character - start >= tokenLimit) return new Range(position, position);
    // Some characters more: an escape before the token tells where it starts.
    return new Range(line, Math.max(0, start - longestEscape), line, edge(text, character, 1));
  }
  let first = line;
  let last = line;
  let left = farthest;
  const fits = (at: number) => {
    const { length } = document.lineAt(at).text;
    left -= length;
    return length > 0 && length < longLine && left >= 0;
  };
  while (first > 0 && line - first < reach && fits(first - 1)) first--;
  left = farthest;
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

export function tokensIn(document: TextDocument, area?: Range, limit = mostTokens): PlacedToken[] {
  const { text, start } = searched(document, area);
  return findTokens(text, limit).map(found => placed(document, start, found));
}

function placed(document: TextDocument, offset: number, found: TokenRange): PlacedToken {
  const rangeOf = ({ start, end }: Piece) =>
    new Range(document.positionAt(offset + start), document.positionAt(offset + end));
  return {
    range: rangeOf(found),
    pieces: found.pieces.map(rangeOf),
    token: found.token,
    wrapped: found.wrapped,
  };
}

/** The token at a position: one that reads as a token, or any text that is a token of a connection. */
export function tokenAtPosition(
  document: TextDocument,
  position: Position,
  sessions: Sessions,
): PlacedToken | undefined {
  const known = knownTokenAt(document, position, sessions);
  if (known) return known;
  const { text, start } = searched(document, surroundings(document, position));
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
