import { Range, type TextDocument, Uri, window, workspace } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import { matchingConnections, tokenClaims } from '../../core/imports/tokenOwner.ts';
import type { Connection } from '../../core/records/connection.ts';
import { isRefreshable, tokenOf } from '../../core/records/session.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { tryDecode } from '../../core/tokens/jwt.ts';
import { tokenUse } from '../../core/tokens/tokenUse.ts';
import { anything, optional, text, type Values } from '../commands/fields.ts';
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

/** The members of an argument that name a place. */
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

/** A token in hand, or the place in an open document where it stands. */
export const tokenFields = { token: optional(text), ...placeFields };

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

/** The connection that a token belongs to: the one that holds it, else one of its issuer. */
export function ownerOf(
  { token, known }: Pick<PlacedToken, 'token' | 'known'>,
  sessions: Sessions,
): Connection | undefined {
  const holder = known && sessions.connection(known.connection);
  return holder ?? matchingConnections(sessions.list(), { access_token: token })[0];
}

/** What a token in a document can be replaced by. */
export interface Replacement {
  readonly connection: Connection;
  readonly name: 'access_token' | 'id_token';
}

/**
 * The fresh token that can take the place of one: of the connection that holds it, else of the only one of its issuer
 * and its client. A refresh token has no place in a document.
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
