import { Range, type TextDocument, Uri, window, workspace } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import type { Fields } from '../commands/command.ts';
import { type PlacedToken, tokenAtPosition, tokensIn } from './scan.ts';

/**
 * Where a token stands, as the argument of a command. Links carry this and never the token, which is read again
 * when the command runs: command links end in places that are kept.
 */
export interface Place {
  readonly uri: string;
  /** Start line and character, end line and character. */
  readonly range: readonly [number, number, number, number];
}

export function placeOf({ uri }: TextDocument, { start, end }: Range): Place {
  return { uri: uri.toString(), range: [start.line, start.character, end.line, end.character] };
}

/** @throws WorkbenchError `argument_invalid` */
export function readPlace(fields: Fields): Place | undefined {
  const { uri, range } = fields;
  if (uri === undefined) return undefined;
  const numbers: readonly unknown[] = Array.isArray(range) ? range : [];
  const [a, b, c, d] = numbers.filter((item): item is number => Number.isInteger(item));
  if (typeof uri !== 'string' || a === undefined || b === undefined || c === undefined || d === undefined) {
    throw new WorkbenchError('argument_invalid', { field: 'range', expected: 'uri and four numbers' });
  }
  return { uri, range: [a, b, c, d] };
}

/** The token that stands at the place now. @throws WorkbenchError `not_a_token` */
export async function tokenAtPlace({ uri, range }: Place, sessions: Sessions): Promise<PlacedToken> {
  const wanted = Uri.parse(uri, true);
  // Documents that are open and no others: a link opens nothing by itself.
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
