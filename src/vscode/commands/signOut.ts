import { l10n, workspace } from 'vscode';
import { classify, WorkbenchError } from '../../core/errors.ts';
import type { Connection } from '../../core/records/connection.ts';
import { printable } from '../../core/redact.ts';
import { signOut as deleteTokens, revokeAndSignOut } from '../../core/signIn/signOut.ts';
import { textFrom } from '../../core/tokens/json.ts';
import { pickConnection, sessionOf } from '../prompts/pick.ts';
import { confirm, flash, notify, progress } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { defineCommand, labelIn } from './command.ts';
import { connectionId, flag, optional, type Values } from './fields.ts';
import type { Services } from './services.ts';

const fields = { connection: connectionId, revoke: optional(flag), endSession: optional(flag) };

interface Argument extends Values<typeof fields> {
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
    fields,
    returns:
      '`{ revoked: boolean, sessionEnded?: boolean }`. `revoke`: by default, the tokens are revoked if the issuer supports it; with `true`, sign-out fails if they cannot be revoked; with `false`, they are only deleted here. `endSession` also ends the session in the browser',
  },
  services => {
    const { sessions, signIns } = services;
    const ending = { ...services, discard: services.refresher.discard };
    const label = labelIn(services);
    return {
      async ask(node): Promise<Argument | undefined> {
        const hasTokens = ({ record }: { record?: unknown }) => record !== undefined;
        const picked = await pickConnection(sessions, node, l10n.t('Sign out of which connection?'), hasTokens);
        return picked && { ...picked, asked: true };
      },
      async confirm(argument) {
        sessionOf(sessions, argument.connection);
        const both = l10n.t('Sign Out');
        const here = l10n.t('Delete Locally Only');
        const question = l10n.t('Sign out of "{0}"?', label(argument));
        const detail = l10n.t(
          'The tokens are revoked at the issuer if it supports revocation, and then deleted here. The connection stays. A deleted refresh token cannot be restored.',
        );
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
        if (revoke === false || !workspace.isTrusted) {
          return { revoked: false, untold: await deleteTokens(ending, id) };
        }
        try {
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
        const text = l10n.t(
          'Not signed out: the tokens could not be revoked and are still stored. {0}',
          describeError(failure, { label: label(argument) }),
        );
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
