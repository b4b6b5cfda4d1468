import { l10n, commands as registry, workspace } from 'vscode';
import { commands } from '../../contributions.ts';
import { classify, WorkbenchError } from '../../core/errors.ts';
import { type Connection, usesKey } from '../../core/records/connection.ts';
import { connectionsSharingToken } from '../../core/records/families.ts';
import { isSignable, type Session } from '../../core/records/sessions.ts';
import { storeCredentials } from '../../core/records/storeTokens.ts';
import { printable } from '../../core/redact.ts';
import { grantNames, grants } from '../../core/signIn/grants.ts';
import { signOut as deleteTokens, handOnAndSignOut, revokeAndSignOut } from '../../core/signIn/signOut.ts';
import { startingPointOf } from '../../core/signIn/startingPoints.ts';
import { textFrom } from '../../core/tokens/json.ts';
import { changeInSettings } from '../connections.ts';
import { setMenuKey } from '../contextKeys.ts';
import { pickConnection, pickGrant, sessionOf } from '../prompts/pick.ts';
import { confirm, flash, notify, progress, toClipboard } from '../screen.ts';
import { showDevicePanel } from '../signInPage.ts';
import { describeError } from '../text/errors.ts';
import {
  noRefreshTokenText,
  notBoundText,
  refreshTokenText,
  sharedSignOutText,
  sharedTokenText,
  signedInText,
  waitingText,
} from '../text/signIn.ts';
import { defineCommand, labelIn, type Services } from './command.ts';
import { askForCredentials } from './connections.ts';
import { choice, connectionId, flag, optional, type Values, withDefault } from './fields.ts';

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
  const { client_secret, private_key } = (await services.vault.read(id)) ?? {};
  if ((usesKey(method) ? private_key : client_secret) !== undefined) return true;
  const credentials = await askForCredentials(services, connection);
  if (credentials === undefined) return false;
  await storeCredentials(services, connection, credentials, new AbortController().signal);
  return true;
}

const signOutFields = { connection: connectionId, revoke: optional(flag), endSession: optional(flag) };

interface SignOutArgument extends Values<typeof signOutFields> {
  /** A user is present and can be asked what to do if the issuer cannot be reached. */
  readonly asked?: true;
}

interface SignedOut {
  readonly revoked: boolean;
  /** The issuer did not revoke the access token. */
  readonly accessTokenLeft?: true;
  readonly failure?: WorkbenchError;
  readonly sessionEnded?: boolean;
  /** Why other windows could not be notified. */
  readonly untold?: Untold;
  /** The session's ID token, to end the session at the issuer. */
  readonly idToken?: string | undefined;
}

/**
 * Revokes the tokens at the issuer and deletes them here. If the issuer cannot be reached, they stay until the user
 * decides.
 */
export const signOut = defineCommand(
  {
    name: 'signOut',
    needsTrust: false,
    fields: signOutFields,
    returns:
      '`{ revoked: boolean, sessionEnded?: boolean }`. `revoke`: by default, the tokens are revoked if the issuer supports it; with `true`, sign-out fails if they cannot be revoked; with `false`, they are only deleted here. `endSession` also ends the session in the browser',
  },
  services => {
    const { sessions, signIns } = services;
    const ending = { ...services, discard: services.refresher.discard };
    const label = labelIn(services);
    return {
      async ask(node): Promise<SignOutArgument | undefined> {
        const hasTokens = ({ record }: { record?: unknown }) => record !== undefined;
        const picked = await pickConnection(sessions, node, l10n.t('Sign out of which connection?'), hasTokens);
        return picked && { ...picked, asked: true };
      },
      async confirm(argument) {
        sessionOf(sessions, argument.connection);
        const both = l10n.t('Sign Out');
        const here = l10n.t('Delete Locally Only');
        const question = l10n.t('Sign out of "{0}"?', label(argument));
        const sharing = connectionsSharingToken(sessions, argument.connection, undefined);
        const others = sharing.map(id => labelIn(services)({ connection: id }));
        const fate = l10n.t(
          'The tokens are revoked at the issuer if it supports revocation, and then deleted here. The connection stays. A deleted refresh token cannot be restored.',
        );
        const detail = others.length > 0 ? `${fate}\n\n${sharedSignOutText(others)}` : fate;
        // In an untrusted workspace nothing is sent to the issuer.
        const ways = argument.revoke === true ? [both] : workspace.isTrusted ? [both, here] : [here];
        const answer = await confirm(question, detail, ...ways);
        if (answer === undefined) return undefined;
        return answer === here ? { ...argument, revoke: false } : argument;
      },
      async run({ connection: id, revoke, endSession: ends, asked }, signal): Promise<SignedOut> {
        const { connection, record } = sessionOf(sessions, id);
        const idToken = record?.tokens?.id_token;
        if (revoke === true && !workspace.isTrusted) throw new WorkbenchError('not_trusted');
        signIns.cancel(id);
        try {
          if (revoke === false || !workspace.isTrusted) {
            return { revoked: false, untold: await handOnAndSignOut(ending, id, signal) };
          }
          const told = await revokeAndSignOut(ending, id, revoke ? 'required' : 'offered', signal);
          if (!ends) return { ...told, idToken };
          const client = await services.issuerClient();
          // The tokens are deleted, whether or not the logout page works.
          const over = client.logout(connection, idToken, true, signal);
          const isOver = () => true;
          return { ...told, sessionEnded: await over.then(isOver, () => false) };
        } catch (error) {
          const failure = classify(error);
          if (!asked || failure.code === 'cancelled') throw failure;
          return { revoked: false, failure };
        }
      },
      answer: ({ revoked, sessionEnded }) => ({ revoked, ...(sessionEnded !== undefined && { sessionEnded }) }),
      progress: argument => l10n.t('Signing out of {0}', label(argument)),
      labelOf: label,
      async report({ revoked, accessTokenLeft, failure, idToken, untold }, argument) {
        if (failure === undefined) {
          flash(
            !revoked
              ? l10n.t('The tokens of {0} are deleted here. Not revoked at the issuer.', label(argument))
              : accessTokenLeft
                ? l10n.t(
                    'Signed out of {0}. The issuer has revoked the refresh token, but not the access token, which expires by itself.',
                    label(argument),
                  )
                : l10n.t('Signed out of {0}. The issuer has revoked the tokens.', label(argument)),
          );
          const connection = sessions.connection(argument.connection);
          await warnNotRevoked(untold, label(argument));
          if (idToken !== undefined && connection) await offerLogout(services, connection, idToken);
          return;
        }
        const anyway = l10n.t('Delete Locally Anyway');
        const reason = describeError(failure, { label: label(argument) });
        const text =
          argument.revoke === false || failure.data.withheldFrom !== undefined
            ? l10n.t('Not signed out: the tokens are still stored. {0}', reason)
            : l10n.t('Not signed out: the tokens could not be revoked and are still stored. {0}', reason);
        if ((await notify('warning', text, anyway)) !== anyway) return;
        await warnNotRevoked(await deleteTokens(ending, argument.connection), label(argument));
      },
    };
  },
);

type Untold = WorkbenchError<'lock_unavailable'> | undefined;

/** Other windows may still hold the tokens in memory. */
async function warnNotRevoked(untold: Untold, label: string): Promise<void> {
  if (untold === undefined) return;
  const text = l10n.t(
    'The tokens of {0} are deleted here, but other windows could not be told: their shared folder cannot be used ({1}). Reload those windows.',
    label,
    printable(untold.data.reason, 40),
  );
  await notify('warning', text);
}

/** Offers to end the session in the browser: while it lasts, the next sign-in asks nothing. */
async function offerLogout(services: Services, connection: Connection, idToken: string): Promise<void> {
  const { issuer, label } = connection;
  const metadata = issuer && (await (await services.discovery()).metadata(issuer).catch(() => undefined));
  if (!metadata || metadata.end_session_endpoint === undefined) return;
  const end = l10n.t('Sign Out in the Browser');
  const question = l10n.t(
    'Signed out of {0} in VS Code. The browser may still have a session at the issuer, so that the next sign-in asks nothing.',
    label,
  );
  const again = l10n.t('Try Without Redirect');
  let chosen = await notify('info', question, end);
  const client = chosen && (await services.issuerClient());
  while (client && chosen) {
    const abort = new AbortController();
    const title = l10n.t('Signing out of {0}: finish in the browser', label);
    const over = client.logout(connection, idToken, chosen === end, abort.signal);
    const failure = await progress(title, over, () => abort.abort()).then(
      () => undefined,
      (error: unknown) => classify(error),
    );
    if (failure === undefined) {
      if (chosen === end) flash(l10n.t('The browser session of {0} has ended.', label));
      return;
    }
    if (chosen === again) return;
    const text = l10n.t(
      'The browser did not return from signing out. The tokens are deleted. If the issuer rejected the redirect, register {0} there as a post-logout redirect URI.',
      textFrom(failure.data.redirectUri ?? 'http://127.0.0.1/callback'),
    );
    chosen = await notify('info', text, again);
  }
}
