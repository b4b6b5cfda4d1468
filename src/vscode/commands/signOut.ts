import { l10n, workspace } from 'vscode';
import { classify, WorkbenchError } from '../../core/errors.ts';
import type { Discovery } from '../../core/issuer/discovery.ts';
import type { Connection } from '../../core/records/connection.ts';
import { valueText } from '../../core/redact.ts';
import type { Refresher } from '../../core/refresh/refresher.ts';
import { type EndSessionParts, endSession } from '../../core/signIn/endSession.ts';
import type { IssuerClient } from '../../core/signIn/issuerClient.ts';
import type { SignIns } from '../../core/signIn/signIns.ts';
import { signOut } from '../../core/signIn/signOut.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { confirm, flash, notify, progress } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { type Command, textField } from './command.ts';

export interface SignOutParts extends Omit<EndSessionParts, 'discard'> {
  readonly refresher: Refresher;
  readonly signIns: SignIns;
  readonly discovery: () => Promise<Discovery>;
  readonly issuerClient: () => Promise<IssuerClient>;
}

interface Argument {
  readonly connection: string;
  /** Left out: where the issuer offers it. */
  readonly revoke?: boolean;
  /** Whether the user's session at the issuer is to be ended in the browser as well. */
  readonly endSession?: boolean;
  /** Somebody is there to be asked what to do where the issuer cannot be reached. */
  readonly asked?: true;
}

interface SignedOut {
  readonly revoked: boolean;
  /** The issuer did not take the access token back. */
  readonly accessTokenLeft?: true;
  readonly failure?: WorkbenchError;
  readonly sessionEnded?: boolean;
  /** Whose session it was. */
  readonly idToken?: string | undefined;
}

/** Revokes the tokens at the issuer and deletes them here. Where the issuer cannot be told, they stay until one says so. */
export function signOutCommand(parts: SignOutParts): Command<Argument, SignedOut> {
  const { sessions, refresher, signIns } = parts;
  const ending = { ...parts, discard: refresher.discard };
  const label = ({ connection }: Argument) => sessions.connection(connection)?.label ?? connection;
  return {
    needsTrust: false,
    parse(fields) {
      const flag = (field: 'revoke' | 'endSession') => {
        const value = fields[field];
        if (value !== undefined && typeof value !== 'boolean')
          throw new WorkbenchError('argument_invalid', { field, expected: 'boolean' });
        return value !== undefined && { [field]: value };
      };
      return { connection: textField(fields, 'connection'), ...flag('revoke'), ...flag('endSession') };
    },
    async ask(node) {
      const hasTokens = ({ record }: { record?: unknown }) => record !== undefined;
      const title = l10n.t('Sign out of which connection?');
      const picked = await pickConnection(sessions, node, title, hasTokens);
      if (picked === undefined) return undefined;
      const both = l10n.t('Sign Out');
      const here = l10n.t('Only Delete Here');
      const question = l10n.t('Sign out of "{0}"?', label(picked));
      const detail = l10n.t(
        'The tokens are revoked at the issuer, where it offers that, and then deleted here. The connection stays. A refresh token cannot be brought back.',
      );
      // Nothing is sent before the workspace is trusted.
      const ways = workspace.isTrusted ? [both, here] : [here];
      const answer = await confirm(question, detail, ...ways);
      if (answer === undefined) return undefined;
      return { ...picked, asked: true, ...(answer === here && { revoke: false }) };
    },
    async run({ connection: id, revoke, endSession: ends, asked }, signal) {
      const { connection, record } = sessionOf(sessions, id);
      const idToken = record?.tokens?.id_token;
      if (revoke === true && !workspace.isTrusted) throw new WorkbenchError('not_trusted');
      signIns.cancel(id);
      if (revoke === false || !workspace.isTrusted) {
        await signOut(ending, id);
        return { revoked: false };
      }
      try {
        const told = await endSession(ending, id, revoke ? 'required' : 'offered', signal);
        if (!ends) return { ...told, idToken };
        const client = await parts.issuerClient();
        // The tokens are gone, whatever becomes of the page.
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
    async report({ revoked, accessTokenLeft, failure, idToken }, argument) {
      if (failure === undefined) {
        const text = !revoked
          ? l10n.t('The tokens of {0} are deleted here. Not revoked at the issuer.', label(argument))
          : accessTokenLeft
            ? l10n.t(
                'Signed out of {0}. The issuer has revoked the refresh token, but not the access token, which ends by itself.',
                label(argument),
              )
            : l10n.t('Signed out of {0}. The issuer has revoked the tokens.', label(argument));
        flash(text);
        const connection = sessions.connection(argument.connection);
        if (idToken !== undefined && connection) await offerLogout(parts, connection, idToken);
        return;
      }
      const anyway = l10n.t('Delete Here Anyway');
      const text = l10n.t(
        'Not signed out, the tokens are still here: they could not be revoked. {0}',
        describeError(failure, { label: label(argument) }),
      );
      if ((await notify('warning', text, anyway)) === anyway) await signOut(ending, argument.connection);
    },
  };
}

/** The issuer may still know the user in the browser: then the next sign-in asks nothing. */
async function offerLogout(parts: SignOutParts, connection: Connection, idToken: string): Promise<void> {
  const { issuer, label } = connection;
  const metadata = issuer && (await (await parts.discovery()).metadata(issuer).catch(() => undefined));
  if (!metadata || metadata.end_session_endpoint === undefined) return;
  const end = l10n.t('Sign Out in the Browser');
  const question = l10n.t(
    'Signed out of {0} here. The issuer may still know you in the browser, and let you in without asking.',
    label,
  );
  const again = l10n.t('Try Without Coming Back');
  let chosen = await notify('info', question, end);
  const client = chosen && (await parts.issuerClient());
  while (client && chosen) {
    const abort = new AbortController();
    const title = l10n.t('Signing out of {0}: finish in the browser', label);
    const over = client.logout(connection, idToken, chosen === end, abort.signal);
    const failure = await progress(title, over, () => abort.abort()).then(
      () => undefined,
      (error: unknown) => classify(error),
    );
    if (failure === undefined) {
      if (chosen === end) flash(l10n.t('The session of {0} in the browser has ended.', label));
      return;
    }
    if (chosen === again) return;
    const text = l10n.t(
      'The browser did not come back from signing out; the tokens are deleted all the same. If the issuer complained about the address, register {0} there as a post-logout redirect URI.',
      valueText(failure.data.redirectUri ?? 'http://127.0.0.1/callback'),
    );
    chosen = await notify('info', text, again);
  }
}
