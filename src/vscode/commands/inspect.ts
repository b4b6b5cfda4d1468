import { l10n, type Uri } from 'vscode';
import type { Verifier } from '../../core/checks/verifier.ts';
import { WorkbenchError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { TokenName } from '../../core/records/session.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { isObject, type JsonObject } from '../../core/tokens/json.ts';
import { tokenAtCursor, tokenAtPlace } from '../editor/place.ts';
import { texts } from '../editor/texts.ts';
import type { Subject } from '../inspector/inspection.ts';
import type { InspectOptions } from '../inspector/panel.ts';
import { openInspector } from '../inspector/panel.ts';
import type { MockService } from '../mockIssuer.ts';
import type { KeyChooser } from '../prompts/pickKey.ts';
import { type Command, type Fields, optionalText } from './command.ts';
import { askToken } from './decode.ts';
import { readToken, type TokenArgument } from './looking.ts';

export interface InspectParts {
  readonly own: <T extends { dispose(): unknown }>(disposable: T) => T;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly verifier: () => Promise<Verifier>;
  readonly extensionUri: Uri;
  readonly mock: Pick<MockService, 'testKey'>;
  readonly keys: KeyChooser;
}

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

export async function showInInspector(parts: InspectParts, subject: Subject, options: InspectOptions) {
  return openInspector(subject, options, { ...parts, texts, testKey: parts.mock.testKey });
}

/** Shows a token, its lifetime and its checks in the editor area. */
export function inspectCommand(parts: InspectParts): Command<Argument, Opened> {
  const { sessions } = parts;
  return {
    needsTrust: false,
    parse: fields => {
      const connection = optionalText(fields, 'connection');
      const known = connection === undefined ? {} : { known: { connection, name: 'access_token' as const } };
      const shown = {
        verify: fields.verify === true,
        decrypt: fields.decrypt === true,
        ask: fields.show === true,
      };
      return { ...readToken(fields), ...known, ...shown, ...readEdit(fields) };
    },
    async ask(node) {
      if (node?.kind === 'token' || node?.kind === 'section') {
        const known = { connection: node.id, name: node.name };
        return { ...(await askToken(sessions, node, '')), known, ask: true };
      }
      const found = tokenAtCursor(sessions) ?? (await askToken(sessions, node, l10n.t('Inspect Token')));
      return found && { ...found, ask: true };
    },
    async run({ token, place, known, verify = false, decrypt = false, ask = false, edit, sign = false }) {
      const found = place ? await tokenAtPlace(place, sessions) : { token: token ?? '' };
      const subject = { token: found.token, ...('known' in found && found.known && { known: found.known }) };
      if (sign && !parts.mock.testKey()) throw new WorkbenchError('mock_not_running');
      const { verified, edited } = await showInInspector(
        parts,
        { ...subject, ...(known && { known }) },
        { verify, decrypt, ask, ...(edit && { edit: { ...edit, sign } }) },
      );
      return { opened: true, verified, ...(edited && { edited }) };
    },
  };
}

function readEdit({ edit, sign }: Fields): Pick<Argument, 'edit' | 'sign'> {
  if (edit === undefined) return {};
  const { header, payload } = isObject(edit) ? edit : { header: edit, payload: edit };
  for (const part of [header, payload]) {
    if (part !== undefined && !isObject(part))
      throw new WorkbenchError('argument_invalid', { field: 'edit', expected: '{ header?, payload? }' });
  }
  return {
    edit: { ...(isObject(header) && { header }), ...(isObject(payload) && { payload }) },
    sign: sign === true,
  };
}
