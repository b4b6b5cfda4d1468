import { l10n } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import { readCredentials } from '../../core/issuer/clientKey.ts';
import type { RecordParts } from '../../core/records/changeRecord.ts';
import { type Connection, usesKey } from '../../core/records/connection.ts';
import type { ClientCredentials } from '../../core/records/credentials.ts';
import { isConfidential } from '../../core/records/session.ts';
import { storeCredentials } from '../../core/records/storeTokens.ts';
import { askCredentials } from '../prompts/askCredentials.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { flash } from '../screen.ts';
import { type Command, type Fields, optionalText, textField } from './command.ts';

interface Argument {
  readonly connection: string;
  readonly credentials: ClientCredentials;
}

/** Stores a client's secret or key, or another one in its place. Tokens stay as they are. */
export function setClientSecretCommand(parts: RecordParts): Command<Argument, { id: string }> {
  const { sessions } = parts;
  return {
    needsTrust: true,
    parse: fields => ({
      connection: textField(fields, 'connection'),
      credentials: credentialFields(fields),
    }),
    async ask(node) {
      const title = l10n.t('Whose client secret or key?');
      const picked = await pickConnection(sessions, node, title, isConfidential);
      if (picked === undefined) return undefined;
      const { connection } = sessionOf(sessions, picked.connection);
      const credentials = await askForCredentials(connection);
      return credentials && { ...picked, credentials };
    },
    async run({ connection: id, credentials }, signal) {
      const { connection } = sessionOf(sessions, id);
      if (Object.keys(credentials).length === 0)
        throw new WorkbenchError('argument_invalid', { field: 'clientSecret', expected: 'string' });
      await assertCredentials(connection, credentials);
      await storeCredentials(parts, connection, credentials, signal);
      return { id };
    },
    labelOf: ({ connection }) => sessions.connection(connection)?.label ?? connection,
    report(_, { connection }) {
      const label = sessions.connection(connection)?.label ?? connection;
      flash(l10n.t('Stored for {0}, from the next request on', label));
    },
  };
}

/** `undefined` where the user turned away. */
export async function askForCredentials(connection: Connection): Promise<ClientCredentials | undefined> {
  const { label, tokenEndpointAuthMethod } = connection;
  const title = l10n.t('Client Secret or Key of {0}', label);
  const given = await askCredentials({ title, step: 0 }, tokenEndpointAuthMethod);
  return given === 'back' || given === 'cancelled' ? undefined : given;
}

export function credentialFields(fields: Fields): ClientCredentials {
  const client_secret = optionalText(fields, 'clientSecret');
  const private_key = optionalText(fields, 'privateKey');
  return {
    ...(client_secret !== undefined && { client_secret }),
    ...(private_key !== undefined && { private_key }),
  };
}

/** @throws WorkbenchError `credential_invalid` where they could never work for this connection */
export async function assertCredentials(
  { tokenEndpointAuthMethod: method }: Connection,
  { client_secret, private_key }: ClientCredentials,
): Promise<void> {
  if (private_key !== undefined) await readCredentials(usesKey(method) ? method : 'private_key_jwt', private_key);
  if (client_secret !== undefined && method === 'client_secret_jwt') await readCredentials(method, client_secret);
}
