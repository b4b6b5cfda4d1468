import { l10n } from 'vscode';
import { commands } from '../../contributions.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { isRefused } from '../../core/records/record.ts';
import type { Session } from '../../core/records/sessions.ts';
import { refusal } from '../../core/refresh/refreshSteps.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import type { Row } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { momentText } from '../text/time.ts';

/** A line that says why there is nothing to show, or what went wrong last. */
export function messageItem(
  { id, message, error }: ViewNode & { kind: 'message' },
  session: Session | undefined,
  now: number,
): Row {
  const reason = error ? describeError(error) : '';
  const warning = { icon: 'warning', color: 'list.warningForeground' };
  const row = [{ kind: 'connection', id }];
  const signIn = { command: commands.signIn, title: l10n.t('Sign In'), arguments: row };
  switch (message) {
    case 'sign_in':
      return {
        label: l10n.t('Sign in'),
        description: l10n.t('no tokens yet'),
        icon: 'sign-in',
        tooltip: l10n.t('Opens the browser, where you sign in at the issuer.'),
        command: signIn,
      };
    case 'no_tokens':
      return {
        label: l10n.t('Import tokens'),
        description: l10n.t('where you have some already'),
        icon: 'cloud-download',
        tooltip: l10n.t('Import a token response, a refresh token or a JWT into this connection.'),
        command: { command: commands.importTokens, title: l10n.t('Import Tokens'), arguments: row },
      };
    case 'storage':
      return {
        label: l10n.t('Stored data'),
        description: reason,
        icon: 'error',
        color: 'list.errorForeground',
      };
    case 'refused': {
      const refused = session?.record?.refused;
      return {
        label: l10n.t('Sign in again'),
        // After a restart, too: the refusal alone would read as if the issuer had revoked it.
        description: refused?.answer_lost_at
          ? describeError(refusal(refused, { error: refused.error }))
          : refused
            ? l10n.t('the issuer refused the refresh token ({0}) on {1}', refused.error, momentText(refused.at, now))
            : '',
        command: signIn,
        ...warning,
      };
    }
    case 'unanswered':
      return {
        label: l10n.t('Refresh once more'),
        description: describeError(new WorkbenchError('answer_missing', { at: session?.record?.intent?.at })),
        command: { command: commands.refresh, title: l10n.t('Refresh'), arguments: row },
        ...warning,
      };
    case 'last_refresh':
      return {
        label: l10n.t('Last refresh'),
        description: reason,
        ...warning,
        ...(session?.record && isRefused(session.record) && { command: signIn }),
      };
    case 'undecodable':
      return { label: l10n.t('Cannot be decoded'), description: reason, ...warning };
    case 'opaque':
      return {
        label: l10n.t('Opaque token'),
        description: l10n.t('only its issuer can read it'),
        icon: 'info',
      };
    case 'encrypted':
      return {
        label: l10n.t('Encrypted token'),
        description: l10n.t('only its receiver can read the claims'),
        icon: 'lock',
      };
    case 'verify_failed':
      return { label: l10n.t('Not checked'), description: reason, ...warning };
  }
}
