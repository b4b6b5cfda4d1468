import { l10n, commands as registry } from 'vscode';
import { commands } from '../../contributions.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { bindingOf, usesKey } from '../../core/records/connection.ts';
import type { ClientCredentials } from '../../core/records/record.ts';
import { isSignable, type Session } from '../../core/records/sessions.ts';
import { storeCredentials } from '../../core/records/storeTokens.ts';
import { isSameClient } from '../../core/records/tokenSet.ts';
import { grantNames, grants } from '../../core/signIn/grants.ts';
import { startingPointOf } from '../../core/signIn/startingPoints.ts';
import { changeInSettings } from '../connections.ts';
import { setMenuKey } from '../contextKeys.ts';
import { pickConnection, pickGrant, sessionOf } from '../prompts/pick.ts';
import { flash, notify, toClipboard } from '../screen.ts';
import { showDevicePanel } from '../signInPage.ts';
import { notHandedOnText } from '../text/errors.ts';
import {
  handingOnText,
  noRefreshTokenText,
  notBoundText,
  refreshTokenText,
  sharedTokenText,
  signedInText,
  waitingForWindowText,
  waitingText,
} from '../text/signIn.ts';
import { defineCommand, labelIn, type Services, withProgress } from './command.ts';
import { askForCredentials } from './connections.ts';
import { choice, connectionId, optional, type Values, withDefault } from './fields.ts';

const signInFields = {
  connection: connectionId,
  grant: withDefault(choice(...grantNames), 'authorization_code'),
  redirect: optional(choice('loopback', 'uri_handler')),
};

type SignInArgument = Values<typeof signInFields>;

export const signIn = defineCommand(
  {
    name: 'signIn',
    needsTrust: true,
    fields: signInFields,
    returns: '`{ outcome: "refreshed", generation, expiresAt? }`',
  },
  services => {
    const { sessions, clock, signIns, extensionUri, openBrowser: open } = services;
    const label = labelIn(services);
    return {
      async ask(node): Promise<SignInArgument | undefined> {
        const picked = await pickConnection(sessions, node, l10n.t('Sign in to which connection?'), isSignable);
        if (picked === undefined) return undefined;
        const { connection } = sessionOf(sessions, picked.connection);
        const importing = () => registry.executeCommand(commands.importTokens, node);
        const isNew = node?.kind === 'connection' && node.isNew;
        const grant = await pickGrant(connection, await services.discovery(), isNew ? importing : undefined);
        if (grant === undefined || !(await askSecret(services, picked.connection))) return undefined;
        return { ...picked, grant };
      },
      async run({ connection: id, grant, redirect }, signal, show) {
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
              if (step.waitingFor === 'browser') {
                void setMenuKey('signingIn', true);
                const argument = { connection: id };
                return show(l10n.t('finish in the browser. Redirect URI: {0}', step.redirectUri), [
                  { title: l10n.t('Copy Redirect URI'), command, argument: { ...argument, what: 'redirect_uri' } },
                  { title: l10n.t('Copy Sign-In Link'), command, argument: { ...argument, what: 'link' } },
                ]);
              }
              const cancel = () => closed.abort();
              if (step.waitingFor === 'connections') {
                panel?.dispose();
                return show(handingOnText(step.ids.map(other => label({ connection: other }))));
              }
              panel = showDevicePanel({ label: connection.label, step, extensionUri, open, cancel });
            },
          });
        } finally {
          panel?.dispose();
          const waits = sessions.list().some(({ connection: other }) => signIns.waiting(other.id));
          void setMenuKey('signingIn', waits);
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
        if (result.hasRefreshToken || grants[result.grant].askAgain)
          flash(signedInText(label(argument), result, clock.now()));
        else void offerOfflineAccess(services, argument.connection);
        if (result.notHandedOn) void notify('warning', notHandedOnText(label(argument), result.notHandedOn));
        if (result.warnings.some(({ code }) => code === 'token_not_bound'))
          void notify('warning', notBoundText(label(argument)));
        if (result.sharedWith.length > 0) {
          const others = result.sharedWith.map(id => labelIn(services)({ connection: id }));
          void notify('warning', sharedTokenText(label(argument), others));
        }
        await services.show(argument.connection);
      },
    };
  },
);

/**
 * Copies the link of a pending sign-in, to open it in another browser or profile, or its redirect URI, to register it
 * at the issuer.
 */
export const copySignInLink = defineCommand(
  {
    name: 'copySignInLink',
    needsTrust: true,
    fields: { connection: connectionId, what: withDefault(choice('link', 'redirect_uri'), 'link') },
    returns:
      '`{ copied: true }`. Works while a sign-in waits for the browser: copies its link, or the redirect URI to register',
  },
  ({ sessions, signIns }) => ({
    async ask(node): Promise<{ connection: string; what: 'link' | 'redirect_uri' } | undefined> {
      const waits = ({ connection }: Session) => signIns.waiting(connection.id) !== undefined;
      const picked = await pickConnection(sessions, node, l10n.t('Copy the sign-in link of which connection?'), waits);
      return picked && { ...picked, what: 'link' };
    },
    async run({ connection: id, what }) {
      const step = signIns.waiting(sessionOf(sessions, id).connection.id);
      if (step === undefined) throw new WorkbenchError('nothing_to_pick');
      await toClipboard(what === 'link' ? step.url : step.redirectUri);
      flash(what === 'link' ? l10n.t('Sign-in link copied') : l10n.t('Redirect URI copied'));
      return { copied: true };
    },
  }),
);

const command = commands.copySignInLink;

/** Explains why there is no refresh token, and offers a remedy if one is known. */
async function offerOfflineAccess(services: Services, id: string): Promise<void> {
  const { connection, memoryOnly } = sessionOf(services.sessions, id);
  const { label, issuer, scope = '' } = connection;
  const discovery = await services.discovery();
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
  services.connections.reload();
  await registry.executeCommand(commands.signIn, { kind: 'connection', id });
}

/** Asks for the client secret or key if it is needed and not stored; false if the user cancelled. */
async function askSecret(services: Services, id: string): Promise<boolean> {
  const { connection } = sessionOf(services.sessions, id);
  const method = connection.tokenEndpointAuthMethod;
  if (method === 'none') return true;
  const stored = await services.vault.read(id);
  // Those of an earlier issuer or client are not used for this one.
  const { client_secret, private_key }: ClientCredentials = isSameClient(stored?.binding, bindingOf(connection))
    ? { ...stored }
    : {};
  if ((usesKey(method) ? private_key : client_secret) !== undefined) return true;
  const credentials = await askForCredentials(services, connection);
  if (credentials === undefined) return false;
  const abort = new AbortController();
  const store = () => storeCredentials(services, connection, credentials, abort.signal);
  await withProgress(waitingForWindowText(connection.label), store, abort);
  return true;
}
