import { l10n, workspace } from 'vscode';
import { classify, WorkbenchError } from '../../core/errors.ts';
import type { Connection } from '../../core/records/connection.ts';
import { connectionsSharingToken } from '../../core/records/families.ts';
import { isUnreadable } from '../../core/records/record.ts';
import type { Session } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { signOut as deleteTokens, handOnAndSignOut, revokeAndSignOut } from '../../core/signIn/signOut.ts';
import { textFrom } from '../../core/tokens/json.ts';
import { pickConnection, sessionOf } from '../prompts/pick.ts';
import { confirm, flash, notify, progress } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { sharedSignOutText } from '../text/signIn.ts';
import { defineCommand, labelIn, type Services } from './command.ts';
import { connectionId, flag, optional, type Values } from './fields.ts';

const signOutFields = { connection: connectionId, revoke: optional(flag), endSession: optional(flag) };

interface SignedOut {
  readonly revoked: boolean;
  /** The issuer did not revoke the access token. */
  readonly accessTokenLeft?: true;
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
    const ending = endingParts(services);
    const label = labelIn(services);
    return {
      async ask(node): Promise<Values<typeof signOutFields> | undefined> {
        const isStored = ({ record, problem }: Session) => record !== undefined || problem !== undefined;
        return pickConnection(sessions, node, l10n.t('Sign out of which connection?'), isStored);
      },
      async confirm(argument) {
        const { problem } = sessionOf(sessions, argument.connection);
        const both = l10n.t('Sign Out');
        const here = l10n.t('Delete Locally Only');
        const question = l10n.t('Sign out of "{0}"?', label(argument));
        const sharing = connectionsSharingToken(sessions, argument.connection, undefined);
        const others = sharing.map(id => labelIn(services)({ connection: id }));
        const isUnread = problem !== undefined && isUnreadable(problem);
        const fate = isUnread
          ? l10n.t(
              'The stored tokens cannot be read, so they cannot be revoked at the issuer. They are deleted here. The connection stays.',
            )
          : l10n.t(
              'The tokens are revoked at the issuer if it supports revocation, and then deleted here. The connection stays. A deleted refresh token cannot be restored.',
            );
        const detail = others.length > 0 ? `${fate}\n\n${sharedSignOutText(others)}` : fate;
        // In an untrusted workspace nothing is sent to the issuer.
        const ways = argument.revoke === true ? [both] : workspace.isTrusted && !isUnread ? [both, here] : [here];
        const answer = await confirm(question, detail, ...ways);
        if (answer === undefined) return undefined;
        return answer === here ? { ...argument, revoke: false } : argument;
      },
      async run({ connection: id, revoke, endSession: ends }, signal): Promise<SignedOut> {
        const { connection, record } = sessionOf(sessions, id);
        const idToken = record?.tokens?.id_token;
        if (revoke === true && !workspace.isTrusted) throw new WorkbenchError('not_trusted');
        signIns.cancel(id);
        if (revoke === false || !workspace.isTrusted) {
          return { revoked: false, untold: await handOnAndSignOut(ending, id, signal) };
        }
        const told = await revokeAndSignOut(ending, id, revoke ? 'required' : 'offered', signal);
        if (!ends) return { ...told, idToken };
        const client = await services.issuerClient();
        // The tokens are deleted, whether or not the logout page works.
        const over = client.logout(connection, idToken, true, signal);
        const isOver = () => true;
        const isOpen = (thrown: unknown) => {
          services.log('warn', 'session in the browser not ended', { connection: id, error: classify(thrown) });
          return false;
        };
        return { ...told, sessionEnded: await over.then(isOver, isOpen) };
      },
      anyway(failure, argument) {
        const reason = describeError(failure, { label: label(argument) });
        return {
          text:
            argument.revoke === false || failure.data.withheldFrom !== undefined
              ? l10n.t('Not signed out: the tokens are still stored. {0}', reason)
              : l10n.t('Not signed out: the tokens could not be revoked and are still stored. {0}', reason),
          button: l10n.t('Delete Locally Anyway'),
          run: async () => ({ revoked: false, untold: await deleteTokens(ending, argument.connection) }),
        };
      },
      answer: ({ revoked, sessionEnded }) => ({ revoked, ...(sessionEnded !== undefined && { sessionEnded }) }),
      progress: argument => l10n.t('Signing out of {0}', label(argument)),
      labelOf: label,
      async report({ revoked, accessTokenLeft, idToken, untold }, argument) {
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
        warnUntold(untold, label(argument));
        if (idToken !== undefined && connection) await offerLogout(services, connection, idToken);
      },
    };
  },
);

/** What ends a session: in a sign-out, and in the removal of a connection. */
export function endingParts(services: Services) {
  return { ...services, discard: services.refresher.discard };
}

type Untold = WorkbenchError<'lock_unavailable'> | undefined;

/** Other windows may still hold the tokens in memory. Nothing waits until the user closes the warning. */
export function warnUntold(untold: Untold, label: string): void {
  if (untold === undefined) return;
  const text = l10n.t(
    'The tokens of {0} are deleted here, but other windows could not be told: their shared folder cannot be used ({1}). Reload those windows.',
    label,
    printable(untold.data.reason, 40),
  );
  void notify('warning', text);
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
