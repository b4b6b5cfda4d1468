import { l10n, Range, commands as registry, Selection, TextEditorRevealType, window } from 'vscode';
import { commands, settings } from '../../contributions.ts';
import { WorkbenchError } from '../../core/errors.ts';
import type { TokenClaims } from '../../core/imports/tokenOwner.ts';
import { readCredentials } from '../../core/issuer/clientKey.ts';
import { type Connection, readConnection, usesKey } from '../../core/records/connection.ts';
import { type ClientCredentials, emptyRecord } from '../../core/records/record.ts';
import { isConfidential, isSignable } from '../../core/records/session.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { storeCredentials } from '../../core/records/storeTokens.ts';
import { signOut } from '../../core/signIn/signOut.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { addToSettings, removeFromSettings } from '../connections.ts';
import { askCredentials } from '../prompts/credentials.ts';
import { askConnection } from '../prompts/newConnection.ts';
import { pickConnection, sessionOf } from '../prompts/pick.ts';
import { flash } from '../screen.ts';
import { registeredRedirectUri } from '../signInPage.ts';
import { defineCommand, isConfirmed, labelIn } from './command.ts';
import { anything, connectionId, optional, text, type Values } from './fields.ts';
import type { Services } from './services.ts';

const credentialFields = { clientSecret: optional(text), privateKey: optional(text) };

function credentialsOf({ clientSecret, privateKey }: Values<typeof credentialFields>): ClientCredentials {
  return {
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
    ...(privateKey !== undefined && { private_key: privateKey }),
  };
}

interface AddArgument {
  /** An entry of the setting, checked by the setting's reader. */
  readonly connection: unknown;
  readonly credentials: ClientCredentials;
}

export const addConnection = defineCommand(
  {
    name: 'addConnection',
    needsTrust: true,
    completes: 'connected',
    fields: { connection: anything('an entry of the setting', { type: 'object' }), ...credentialFields },
    returns: '`{ id }`',
  },
  services => ({
    accept: ({ connection, ...credentials }) => ({ connection, credentials: credentialsOf(credentials) }),
    ask: () => askFor(services),
    run: argument => add(services, argument),
    async report({ id }) {
      await services.show(id);
      flash(l10n.t('Connection {0} added', labelIn(services)({ connection: id })));
      if (isSignable(sessionOf(services.sessions, id)))
        await registry.executeCommand(commands.signIn, { kind: 'connection', id, isNew: true });
    },
  }),
);

async function add(services: Services, { connection: entry, credentials }: AddArgument): Promise<{ id: string }> {
  const { connection, problems } = readConnection(entry);
  const flaw = problems.find(({ severity }) => severity === 'error');
  if (connection === undefined) {
    throw new WorkbenchError('connection_invalid', { field: flaw?.field, problem: flaw?.code, found: flaw?.found });
  }
  const { id } = connection;
  if (services.sessions.get(id)) throw new WorkbenchError('connection_exists', { connection: id });
  await assertCredentials(connection, credentials);
  // Written first, so that no secret is left behind without a connection if settings.json cannot be written.
  await addToSettings(entry as object);
  if (Object.keys(credentials).length > 0)
    await services.vault.update(id, (record = emptyRecord(id)) => ({ ...record, ...credentials }));
  services.connections.reload();
  return { id };
}

/** Asks for a connection and adds it. Returns its id, or `undefined` if the user cancelled. */
export async function addByAsking(services: Services, proposal: TokenClaims): Promise<string | undefined> {
  const answer = await askFor(services, proposal);
  return answer && (await add(services, answer)).id;
}

function askFor(services: Services, proposal: TokenClaims = {}): Promise<AddArgument | undefined> {
  const { discovery, unlockKey, sessions } = services;
  const taken = sessions.list().map(({ connection }) => connection.id);
  return askConnection({ discovery, unlockKey, redirectUri: registeredRedirectUri, taken, proposal });
}

/** Removes the connection from the settings, and everything stored for it from SecretStorage. */
export const removeConnection = defineCommand(
  { name: 'removeConnection', needsTrust: false, fields: { connection: connectionId }, returns: '`{ id }`' },
  services => {
    const { sessions, vault, refresher, connections, histories, lock, clock } = services;
    return {
      ask: node => pickConnection(sessions, node, l10n.t('Remove which connection?')),
      async confirm(argument) {
        const { connection, record } = sessionOf(sessions, argument.connection);
        const detail = record?.tokens
          ? l10n.t(
              'Its entry in your settings and its stored tokens are deleted. A deleted refresh token cannot be restored: you would have to sign in again.',
            )
          : l10n.t('Its entry in your settings is deleted.');
        const question = l10n.t('Remove the connection "{0}"?', connection.label);
        return (await isConfirmed(question, detail, l10n.t('Remove'))) ? argument : undefined;
      },
      async run({ connection: id }) {
        sessionOf(sessions, id);
        // Signs out first: other windows still hold the record, and a refresh in progress would store it again.
        await signOut({ vault, lock, sessions, clock, discard: refresher.discard }, id);
        // The secrets are deleted before the entry: an entry without tokens is harmless, but tokens without an entry
        // would remain unnoticed.
        await vault.delete(id);
        sessions.forget(id);
        await histories.remove(id);
        if (connections.isMemoryOnly(id)) connections.removeMemoryOnly(id);
        else await removeFromSettings(id);
        connections.reload();
        return { id };
      },
    };
  },
);

/** Stores or replaces a client secret or private key. Tokens stay as they are. */
export const setClientSecret = defineCommand(
  {
    name: 'setClientSecret',
    needsTrust: true,
    fields: { connection: connectionId, ...credentialFields },
    returns: '`{ id }`',
  },
  services => {
    const { sessions, vault } = services;
    const label = labelIn(services);
    return {
      accept: ({ connection, ...credentials }) => ({ connection, credentials: credentialsOf(credentials) }),
      async ask(node) {
        const title = l10n.t('Set the client secret or key of which connection?');
        const picked = await pickConnection(sessions, node, title, isConfidential);
        if (picked === undefined) return undefined;
        const credentials = await askForCredentials(services, sessionOf(sessions, picked.connection).connection);
        return credentials && { ...picked, credentials };
      },
      async confirm(argument, byCaller) {
        if (!byCaller) return argument;
        const { connection: id, credentials } = argument;
        sessionOf(sessions, id);
        const stored = await vault.read(id);
        const replaced = stored && Object.keys(credentials).some(name => Object.hasOwn(stored, name));
        if (!replaced) return argument;
        const question = l10n.t('Replace the client secret or key of "{0}"?', label(argument));
        const detail = l10n.t('The stored one is deleted and cannot be restored.');
        return (await isConfirmed(question, detail, l10n.t('Replace'))) ? argument : undefined;
      },
      async run({ connection: id, credentials }, signal) {
        const { connection } = sessionOf(sessions, id);
        if (Object.keys(credentials).length === 0)
          throw new WorkbenchError('argument_invalid', { field: 'clientSecret', expected: 'string' });
        await assertCredentials(connection, credentials);
        await storeCredentials(services, connection, credentials, signal);
        return { id };
      },
      labelOf: label,
      report: (_, argument) => flash(l10n.t('Stored for {0}. The next request uses it.', label(argument))),
    };
  },
);

/** `undefined` if the user cancelled. */
export async function askForCredentials(
  { unlockKey }: Pick<Services, 'unlockKey'>,
  connection: Connection,
): Promise<ClientCredentials | undefined> {
  const { label, tokenEndpointAuthMethod } = connection;
  const title = l10n.t('Client Secret or Key of {0}', label);
  const given = await askCredentials({ title, step: 0 }, tokenEndpointAuthMethod, unlockKey);
  return given.turn === 'next' ? given.value : undefined;
}

/** @throws WorkbenchError `credential_invalid` if they cannot work for this connection */
async function assertCredentials(
  { tokenEndpointAuthMethod: method }: Connection,
  { client_secret, private_key }: ClientCredentials,
): Promise<void> {
  if (private_key !== undefined) await readCredentials(usesKey(method) ? method : 'private_key_jwt', private_key);
  if (client_secret !== undefined && method === 'client_secret_jwt') await readCredentials(method, client_secret);
}

/** Opens the user's settings.json at the setting, or at the entry of a connection. */
export const openSettings = defineCommand(
  { name: 'openSettings', needsTrust: false, fields: { connection: optional(connectionId) }, returns: '`{}`' },
  ({ sessions }) => ({
    ask: async (node): Promise<{ readonly connection?: string | undefined }> => ({ connection: idOf(node, sessions) }),
    async run({ connection }) {
      await registry.executeCommand('workbench.action.openSettingsJson', {
        revealSetting: { key: `${settings.section}.${settings.connections}`, edit: false },
      });
      if (connection !== undefined) revealEntry(connection);
      return {};
    },
  }),
);

function idOf(node: ViewNode | undefined, sessions: Sessions): string | undefined {
  if (node?.kind === 'problem') return node.problem.id;
  return node && 'id' in node ? sessions.get(node.id)?.connection.id : undefined;
}

/** Searches the text, because users need to see an entry especially if it cannot be parsed. */
function revealEntry(id: string): void {
  const editor = window.activeTextEditor;
  if (editor === undefined) return;
  const pattern = JSON.stringify(id).replace(/[.*+?^$()|[\]\\{}]/g, '\\$&');
  const found = new RegExp(`"id"\\s*:\\s*${pattern}`).exec(editor.document.getText());
  if (found === null) return;
  const at = editor.document.positionAt(found.index);
  editor.selection = new Selection(at, at);
  editor.revealRange(new Range(at, at), TextEditorRevealType.InCenter);
}
