import { l10n, Range, commands as registry, Selection, TextEditorRevealType, window } from 'vscode';
import { commands, settings } from '../../contributions.ts';
import { classify, WorkbenchError } from '../../core/errors.ts';
import { likelyHttpsUrl, requireSecureUrl } from '../../core/http/http.ts';
import type { TokenClaims } from '../../core/imports/tokenOwner.ts';
import { readCredentials } from '../../core/issuer/clientKey.ts';
import { type Connection, readConnection, usesKey } from '../../core/records/connection.ts';
import type { ClientCredentials } from '../../core/records/record.ts';
import { isConfidential, isSignable, type Sessions } from '../../core/records/sessions.ts';
import { renameIssuer, storeCredentials } from '../../core/records/storeTokens.ts';
import { signOut as deleteTokens, handOnAndSignOut } from '../../core/signIn/signOut.ts';
import { textOf } from '../../core/tokens/json.ts';
import { tryDecode } from '../../core/tokens/jwt.ts';
import {
  entraV2Issuer,
  hasPlaceholder,
  likelyIssuers,
  meansSameIssuer,
  tenantPattern,
} from '../../core/tokens/tokenUse.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { addToSettings, changeInSettings, memberInSettings, removeFromSettings } from '../connections.ts';
import { askCredentials, urlFlaw } from '../prompts/connectionQuestions.ts';
import { askConnection } from '../prompts/newConnection.ts';
import { pickConnection, sessionOf } from '../prompts/pick.ts';
import { ask, pick } from '../prompts/questions.ts';
import { flash } from '../screen.ts';
import { registeredRedirectUri } from '../signInPage.ts';
import { describeError } from '../text/errors.ts';
import { waitingForWindowText } from '../text/signIn.ts';
import { defineCommand, isConfirmed, labelIn, type Services, showError } from './command.ts';
import { anything, connectionId, optional, text, type Values } from './fields.ts';
import { endingParts, warnUntold } from './signOut.ts';

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
  services.connections.reload();
  // An earlier connection of this id may have left a record, of another client even.
  if (Object.keys(credentials).length > 0)
    await storeCredentials(services, connection, credentials, new AbortController().signal);
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
    const { sessions, vault, connections, histories } = services;
    const label = labelIn(services);
    async function remove(id: string, untold: Awaited<ReturnType<typeof deleteTokens>>) {
      const named = label({ connection: id });
      // The secrets are deleted before the entry: an entry without tokens is harmless, but tokens without an entry
      // would remain unnoticed.
      await vault.delete(id);
      sessions.forget(id);
      await histories.remove(id);
      if (connections.isMemoryOnly(id)) connections.removeMemoryOnly(id);
      else await removeFromSettings(id);
      connections.reload();
      return { id, label: named, untold };
    }
    return {
      ask: node => pickConnection(sessions, node, l10n.t('Remove which connection?')),
      async confirm(argument) {
        const { connection, record, problem, memoryOnly } = sessionOf(sessions, argument.connection);
        const detail = memoryOnly
          ? l10n.t('It is in memory only, and is deleted with its tokens. Your settings stay as they are.')
          : record?.tokens || problem
            ? l10n.t(
                'Its entry in your settings and its stored tokens are deleted. A deleted refresh token cannot be restored: you would have to sign in again.',
              )
            : l10n.t('Its entry in your settings is deleted.');
        const question = l10n.t('Remove the connection "{0}"?', connection.label);
        return (await isConfirmed(question, detail, l10n.t('Remove'))) ? argument : undefined;
      },
      async run({ connection: id }, signal) {
        sessionOf(sessions, id);
        // Signs out first: other windows still hold the record, and a refresh in progress would store it again.
        return remove(id, await handOnAndSignOut(endingParts(services), id, signal));
      },
      anyway(failure, { connection: id }) {
        // The tokens are deleted by then, or there is nothing to remove.
        if (['settings_unwritable', 'connection_unknown'].includes(failure.code)) return undefined;
        const reason = describeError(failure, { label: label({ connection: id }) });
        return {
          text: l10n.t('Not removed: the tokens are still stored. {0}', reason),
          button: l10n.t('Remove Anyway'),
          run: async () => remove(id, await deleteTokens(endingParts(services), id)),
        };
      },
      answer: ({ id }) => ({ id }),
      // Nothing is sent, so it is another window that takes long.
      progress: argument => waitingForWindowText(label(argument)),
      labelOf: label,
      report: ({ label: removed, untold }) => warnUntold(untold, removed),
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
      progress: argument => waitingForWindowText(label(argument)),
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

const issuerFields = { connection: connectionId, issuer: text };

type IssuerArgument = Values<typeof issuerFields>;

/** Sets the issuer of a connection in the user's settings, to the issuer named in its metadata if that is known. */
export const setIssuer = defineCommand(
  { name: 'setIssuer', needsTrust: true, fields: issuerFields, returns: '`{ id, issuer }`' },
  services => {
    const { sessions, vault, connections, discovery } = services;
    const label = labelIn(services);
    return {
      async ask(node): Promise<IssuerArgument | undefined> {
        const ofProblem = node?.kind === 'problem' && node.problem.id;
        const picked = ofProblem
          ? { connection: ofProblem }
          : await pickConnection(
              sessions,
              node,
              l10n.t('Set the issuer of which connection?'),
              ({ memoryOnly }) => !memoryOnly,
            );
        const issuer = picked && (await askIssuer(services, picked.connection));
        return picked && issuer ? { ...picked, issuer } : undefined;
      },
      async confirm(argument) {
        const { connection: id, issuer } = argument;
        const before = issuerOf(id);
        const held = sessions.get(id)?.record?.tokens;
        const another = held && !meansSameIssuer(before, issuer);
        const detail = [
          l10n.t('Now: {0}', before || l10n.t('none')),
          l10n.t('New: {0}', issuer),
          ...(another
            ? [l10n.t('The stored tokens belong to the previous issuer: sign in or import tokens afterwards.')]
            : []),
        ];
        const question = l10n.t('Set the issuer of "{0}" in your settings?', label(argument));
        return (await isConfirmed(question, detail.join('\n'), l10n.t('Set Issuer'))) ? argument : undefined;
      },
      async run({ connection: id, issuer }, signal) {
        requireSecureUrl(issuer, 'issuer');
        if (memberInSettings(id, 'id') === undefined)
          throw new WorkbenchError('connection_unknown', { connection: id });
        // Written first: if settings.json cannot be written, the tokens stay bound to the issuer in the settings.
        await changeInSettings(id, { issuer });
        connections.reload();
        if (await vault.read(id)) await renameIssuer(services, id, issuer, signal);
        return { id, issuer };
      },
      labelOf: label,
      async report(_, argument) {
        try {
          await (await discovery()).metadata(argument.issuer);
          flash(l10n.t('The issuer of {0} is set, and its metadata matches.', label(argument)));
        } catch (error) {
          await showError(classify(error), { label: label(argument), id: argument.connection });
        }
      },
    };
  },
);

function issuerOf(id: string): string {
  const value = memberInSettings(id, 'issuer');
  return typeof value === 'string' ? value.trim() : '';
}

/** The issuer named in the metadata, or the one that the user types. */
async function askIssuer({ sessions, discovery }: Services, id: string): Promise<string | undefined> {
  const before = issuerOf(id);
  const address = likelyHttpsUrl(before);
  if (address !== undefined) return address;
  const title = l10n.t('Issuer of {0}', sessions.get(id)?.connection.label ?? id);
  // The setting may hold the address of the metadata.
  const asked = sessions.get(id)?.connection.issuer ?? before;
  const failure = await (await discovery()).metadata(asked).then(() => undefined, classify);
  const found = failure?.code === 'issuer_mismatch' ? failure.data.found : undefined;
  if (found !== undefined) {
    const tenant = hasPlaceholder(found)
      ? (tenantOf(sessions.get(id)?.record?.tokens) ?? (await askTenant(title)))
      : '';
    if (tenant === undefined) return undefined;
    const meant = likelyIssuers(asked, found, tenant).filter(each => urlFlaw(each, 'issuer') === undefined);
    const [only] = meant;
    if (meant.length === 1) return only;
    const items = meant.map(label => ({
      label,
      description: label === entraV2Issuer(found) ? l10n.t('v2.0, takes scopes') : l10n.t('v1.0, takes a resource'),
    }));
    if (only !== undefined) return (await pick(items, { title }))?.label;
  }
  return ask({
    title,
    value: before,
    prompt: l10n.t('The issuer, as its tokens name it (iss)'),
    placeHolder: 'https://login.example.com',
    flaw: text => urlFlaw(text, 'issuer'),
  });
}

function askTenant(title: string): Promise<string | undefined> {
  return ask({
    title,
    prompt: l10n.t('The tenant ID, which the overview page of Microsoft Entra ID shows'),
    placeHolder: '00000000-0000-0000-0000-000000000000',
    flaw: text =>
      tenantPattern.test(text) ? undefined : l10n.t('A tenant ID has 32 hexadecimal digits and four dashes.'),
  });
}

/** The tenant in the stored tokens. It is unverified, but the user sees the resulting address. */
function tenantOf(tokens: { readonly id_token?: string; readonly access_token?: string } = {}): string | undefined {
  const named = [tokens.id_token, tokens.access_token].map(token => {
    const decoded = tryDecode(token ?? '');
    return 'error' in decoded || decoded.kind !== 'jws' ? undefined : textOf(decoded.payload, 'tid');
  });
  return named.find(tid => tid !== undefined && tenantPattern.test(tid));
}
