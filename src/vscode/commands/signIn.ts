import { l10n, commands as registry, type Uri } from 'vscode';
import { commands } from '../../contributions.ts';
import type { Discovery } from '../../core/issuer/discovery.ts';
import type { RedirectWay } from '../../core/ports.ts';
import type { RecordParts } from '../../core/records/changeRecord.ts';
import { usesKey } from '../../core/records/connection.ts';
import { isSignable } from '../../core/records/session.ts';
import { storeCredentials } from '../../core/records/storeTokens.ts';
import type { Grant, SignInResult } from '../../core/signIn/signIn.ts';
import type { SignIns } from '../../core/signIn/signIns.ts';
import { startingPointOf } from '../../core/signIn/startingPoints.ts';
import type { Connections } from '../connections.ts';
import { showDevicePanel } from '../devicePanel.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { pickGrant } from '../prompts/pickGrant.ts';
import { flash, notify } from '../screen.ts';
import { changeInSettings } from '../settings.ts';
import { noRefreshTokenText, notBoundText, sharedTokenText, signedInText, waitingText } from '../text/signIn.ts';
import { refreshTokenText } from '../text/startingPoints.ts';
import { type Command, choiceField, textField } from './command.ts';
import { askForCredentials } from './setClientSecret.ts';

export interface SignInCommandParts extends RecordParts {
  readonly signIns: SignIns;
  readonly connections: Connections;
  readonly discovery: () => Promise<Discovery>;
  readonly openBrowser: (url: string) => unknown;
  readonly extensionUri: Uri;
  /** Shows a connection in the sidebar. */
  readonly show: (id: string) => unknown;
}

interface Argument {
  readonly connection: string;
  readonly grant: Grant;
  readonly redirect?: RedirectWay | undefined;
}

/** As in src/core/signIn/signIn.ts, which is loaded only when somebody signs in. */
const grants: readonly Grant[] = ['authorization_code', 'device_code', 'client_credentials'];

const redirects: readonly RedirectWay[] = ['loopback', 'uri_handler'];

export function signInCommand(parts: SignInCommandParts): Command<Argument, SignInResult> {
  const { sessions, clock, signIns } = parts;
  const label = ({ connection }: Argument) => sessions.connection(connection)?.label ?? connection;
  return {
    needsTrust: true,
    parse: fields => ({
      connection: textField(fields, 'connection'),
      grant: choiceField(fields, 'grant', grants, 'authorization_code'),
      redirect: fields.redirect === undefined ? undefined : choiceField(fields, 'redirect', redirects, 'loopback'),
    }),
    async ask(node) {
      const picked = await pickConnection(sessions, node, l10n.t('Sign in to which connection?'), isSignable);
      if (picked === undefined) return undefined;
      const { connection } = sessionOf(sessions, picked.connection);
      const grant = await pickGrant(connection, await parts.discovery());
      if (grant === undefined || !(await askSecret(parts, picked.connection))) return undefined;
      return { ...picked, grant };
    },
    async run({ connection: id, grant, redirect }, signal) {
      const { connection } = sessionOf(sessions, id);
      const closed = new AbortController();
      let panel: { dispose(): void } | undefined;
      try {
        return await signIns.run({
          connection,
          grant,
          redirect,
          signal: AbortSignal.any([signal, closed.signal]),
          tell(step) {
            if (step.waitingFor !== 'device') return;
            const cancel = () => closed.abort();
            const { extensionUri, openBrowser: open } = parts;
            panel = showDevicePanel({ label: connection.label, step, extensionUri, open, cancel });
          },
        });
      } finally {
        panel?.dispose();
      }
    },
    answer: ({ generation, expiresAt }) => ({
      outcome: 'refreshed',
      generation,
      ...(expiresAt !== undefined && { expiresAt }),
    }),
    progress: argument => waitingText(label(argument), argument.grant),
    labelOf: label,
    async report(result, argument) {
      if (result.hasRefreshToken || result.grant === 'client_credentials') {
        flash(signedInText(label(argument), result, clock.now()));
      } else {
        void offerOfflineAccess(parts, argument.connection);
      }
      if (result.warnings.some(({ code }) => code === 'token_not_bound'))
        void notify('warning', notBoundText(label(argument)));
      if (result.sharedWith.length > 0) {
        const others = result.sharedWith.map(id => sessions.connection(id)?.label ?? id);
        void notify('warning', sharedTokenText(label(argument), others));
      }
      await parts.show(argument.connection);
    },
  };
}

/** Says why there is no refresh token, and does what would bring one where that is known. */
async function offerOfflineAccess(parts: SignInCommandParts, id: string): Promise<void> {
  const { connection, memoryOnly } = sessionOf(parts.sessions, id);
  const { label, issuer, scope = '' } = connection;
  const discovery = await parts.discovery();
  const metadata = issuer === undefined ? undefined : await discovery.metadata(issuer).catch(() => undefined);
  const known = metadata?.scopes_supported?.includes('offline_access') ?? true;
  const point = issuer === undefined ? undefined : startingPointOf(issuer);
  const asksBy = point && point.refreshToken !== 'offline_access';
  const text = noRefreshTokenText(label, scope, known && !asksBy);
  const add = l10n.t('Add offline_access and Sign In Again');
  const helps = known && !asksBy && !memoryOnly && !scope.split(' ').includes('offline_access');
  const chosen = await notify('info', asksBy ? `${text} ${refreshTokenText(point)}` : text, ...(helps ? [add] : []));
  if (chosen !== add) return;
  await changeInSettings(id, { scope: `${scope} offline_access`.trim() });
  parts.connections.reload();
  await registry.executeCommand(commands.signIn, { kind: 'connection', id });
}

/** Asks for a secret or a key that is needed and not stored; false where the user turned away. */
async function askSecret(parts: SignInCommandParts, id: string): Promise<boolean> {
  const { connection } = sessionOf(parts.sessions, id);
  const method = connection.tokenEndpointAuthMethod;
  if (method === 'none') return true;
  const { client_secret, private_key } = (await parts.vault.read(id)) ?? {};
  if ((usesKey(method) ? private_key : client_secret) !== undefined) return true;
  const credentials = await askForCredentials(connection);
  if (credentials === undefined) return false;
  await storeCredentials(parts, connection, credentials, new AbortController().signal);
  return true;
}
