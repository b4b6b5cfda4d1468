import { l10n } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { jsonText } from '../../core/tokens/json.ts';
import { decodeToken, roundedIn } from '../../core/tokens/jwt.ts';
import { type Place, readPlace, tokenAtCursor, tokenAtPlace } from '../editor/place.ts';
import { flash, toClipboard } from '../screen.ts';
import { decodedLines } from '../tokenText.ts';
import { type Command, type Fields, optionalText } from './command.ts';
import { askToken, type DecodeParts } from './decode.ts';

/** A token in hand, or the place in an open document where it stands. */
export interface TokenArgument {
  readonly token?: string;
  readonly place?: Place;
}

export function readToken(fields: Fields): TokenArgument {
  const place = readPlace(fields);
  const token = optionalText(fields, 'token');
  if (!place && token === undefined)
    throw new WorkbenchError('argument_invalid', { field: 'token', expected: 'string' });
  return { ...(place && { place }), ...(token !== undefined && { token }) };
}

/** @throws WorkbenchError `not_a_token` */
export async function tokenFor({ token, place }: TokenArgument, sessions: Sessions): Promise<string> {
  return token ?? (place ? (await tokenAtPlace(place, sessions)).token : '');
}

/** Copies the payload as JSON: the claims, nothing that could be used as a token. */
export function copyPayloadCommand(sessions: Sessions): Command<TokenArgument, { copied: true }> {
  return {
    needsTrust: false,
    parse: readToken,
    ask: async node =>
      tokenAtCursor(sessions) ?? (await askToken(sessions, node, l10n.t('Copy the Payload of a Token'))),
    async run(argument) {
      const decoded = decodeToken(await tokenFor(argument, sessions));
      if (decoded.kind !== 'jws') throw new WorkbenchError('not_a_token', { reason: 'empty' });
      await toClipboard(
        decoded.content ? decoded.payloadText : jsonText(decoded.payload, roundedIn(decoded), 2, '/payload'),
      );
      flash(l10n.t('Payload copied'), 3000);
      return { copied: true };
    },
  };
}

/** Opens what the token in the selection, at the cursor or at a place says, as a read-only document. */
export function decodeSelectionCommand({
  sessions,
  clock,
  documents,
}: DecodeParts): Command<TokenArgument, { shown: true }> {
  return {
    needsTrust: false,
    parse: readToken,
    ask: async node => tokenAtCursor(sessions) ?? (await askToken(sessions, node, l10n.t('Decode Token'))),
    async run(argument) {
      const decoded = decodeToken(await tokenFor(argument, sessions));
      await documents.show(l10n.t('Decoded token'), decodedLines(decoded, clock.now()));
      return { shown: true };
    },
  };
}
