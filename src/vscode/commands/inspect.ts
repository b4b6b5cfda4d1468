import { l10n } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { TokenName } from '../../core/records/session.ts';
import { isObject, type JsonObject } from '../../core/tokens/json.ts';
import { type TokenArgument, tokenArgument, tokenAtCursor, tokenAtPlace, tokenFields } from '../editor/place.ts';
import type { Subject } from '../inspector/inspection.ts';
import { type InspectOptions, openInspector } from '../inspector/panel.ts';
import { askToken } from '../prompts/pickText.ts';
import { defineCommand } from './command.ts';
import { anything, connectionId, flag, optional, withDefault } from './fields.ts';
import type { Services } from './services.ts';

interface Argument extends TokenArgument {
  readonly known?: { readonly connection: string; readonly name: TokenName };
  readonly verify?: boolean;
  /** Asks for the key of an encrypted token at once. */
  readonly decrypt?: boolean;
  /** Called by a person, who can be asked. */
  readonly ask?: boolean;
  /** Members that are put in the place of the token's own, to see what a verifier would say. */
  readonly edit?: { readonly header?: JsonObject; readonly payload?: JsonObject };
  /** The edited token is signed with the mock issuer's test key. */
  readonly sign?: boolean;
}

interface Opened {
  readonly opened: true;
  readonly verified: boolean;
  readonly edited?: 'unsigned' | 'signed';
}

export function showInInspector(services: Services, subject: Subject, options: InspectOptions) {
  return openInspector(subject, options, { ...services, testKey: services.mock.testKey });
}

const fields = {
  ...tokenFields,
  connection: optional(connectionId),
  verify: withDefault(flag, false),
  /** Asks for the key of an encrypted token. */
  decrypt: withDefault(flag, false),
  /** A person is there to be asked for keys. */
  show: withDefault(flag, false),
  edit: optional(anything('{ header?, payload? }', { type: 'object' })),
  sign: withDefault(flag, false),
};

/** Shows a token, its lifetime and its checks in the editor area. */
export const inspect = defineCommand(
  { name: 'inspect', needsTrust: false, fields, returns: '`{ opened: true, verified, edited? }`' },
  services => {
    const { sessions, mock } = services;
    return {
      accept: ({ connection, verify, decrypt, show, edit, sign, ...token }): Argument => ({
        ...tokenArgument(token),
        ...(connection !== undefined && { known: { connection, name: 'access_token' as const } }),
        ...{ verify, decrypt, ask: show },
        ...(edit !== undefined && { edit: readEdit(edit), sign }),
      }),
      async ask(node): Promise<Argument | undefined> {
        if (node?.kind === 'token' || node?.kind === 'section') {
          const known = { connection: node.id, name: node.name };
          return { ...(await askToken(sessions, node, '')), known, ask: true };
        }
        const found = tokenAtCursor(sessions) ?? (await askToken(sessions, node, l10n.t('Inspect Token')));
        return found && { ...found, ask: true };
      },
      async run({
        token,
        place,
        known,
        verify = false,
        decrypt = false,
        ask = false,
        edit,
        sign = false,
      }): Promise<Opened> {
        const found = place ? await tokenAtPlace(place, sessions) : { token: token ?? '' };
        const subject = { token: found.token, ...('known' in found && found.known && { known: found.known }) };
        if (sign && !mock.testKey()) throw new WorkbenchError('mock_not_running');
        const { verified, edited } = await showInInspector(
          services,
          { ...subject, ...(known && { known }) },
          { verify, decrypt, ask, ...(edit && { edit: { ...edit, sign } }) },
        );
        return { opened: true, verified, ...(edited && { edited }) };
      },
    };
  },
);

function readEdit(edit: unknown): NonNullable<Argument['edit']> {
  const { header, payload } = isObject(edit) ? edit : { header: edit, payload: edit };
  for (const part of [header, payload]) {
    if (part !== undefined && !isObject(part))
      throw new WorkbenchError('argument_invalid', { field: 'edit', expected: '{ header?, payload? }' });
  }
  return { ...(isObject(header) && { header }), ...(isObject(payload) && { payload }) };
}
