import { l10n } from 'vscode';
import type { DataOf, ErrorCode } from '../../core/errors.ts';
import { show } from './answerErrors.ts';
import { dateText } from './time.ts';

/** What is stored for a connection, and who may use it now. */
export const storedSentences = {
  no_refresh_token: () =>
    l10n.t(
      'No refresh token is stored for this connection. Sign in or import one; many issuers require the scope offline_access.',
    ),
  refresh_token_refused: ({ at, error }) =>
    typeof at === 'number'
      ? l10n.t(
          'The issuer rejected the refresh token on {0} ({1}). It is not sent again. Sign in again or import a new one.',
          dateText(at),
          show(error),
        )
      : l10n.t('The issuer rejected the refresh token. It is not sent again. Sign in again or import a new one.'),
  refresh_token_shared: ({ other }) =>
    l10n.t(
      'The connection {0} holds the same refresh token and may have used it, so it was not sent again: the issuer would revoke both. Sign in again, or remove one of the two connections.',
      show(other),
    ),
  binding_mismatch: ({ member, expected, found }) =>
    l10n.t(
      'The stored tokens were issued for another {0} ({1}, the settings now say {2}), so nothing was sent. Change the setting back, or sign in again.',
      show(member, 'issuer'),
      show(expected, l10n.t('none')),
      show(found, l10n.t('none')),
    ),
  record_unreadable: ({ reason }) =>
    l10n.t(
      'The stored tokens of this connection cannot be read ({0}). They are kept. Delete the stored tokens of the connection, then import them again.',
      show(reason, l10n.t('no reason given')),
    ),
  record_newer_version: () =>
    l10n.t('The stored tokens were written by a newer version of JWT Workbench and are kept. Update the extension.'),
  record_too_large: ({ size, limit }) =>
    l10n.t(
      'These tokens are too large to be stored: {0} characters, at most {1}. Ask the issuer for fewer scopes or claims.',
      show(size),
      show(limit),
    ),
  record_behind: ({ unopened }) =>
    unopened === true
      ? l10n.t(
          'There are newer tokens, stored by another window or before a restart, which this window cannot open. Nothing was sent. Reload this window; if that does not help, VS Code does not keep secrets here: sign in again or import the tokens.',
        )
      : l10n.t(
          'Another window has stored newer tokens, and they have not arrived here. Nothing was sent. Try again in a moment, or reload this window.',
        ),
  superseded: ({ signedOut }) =>
    signedOut === true
      ? l10n.t('You signed out in the meantime, so the result was discarded.')
      : l10n.t('Newer tokens were stored in the meantime and are used.'),
  secret_unavailable: () =>
    l10n.t(
      'VS Code SecretStorage did not answer, so the tokens cannot be read or stored. Check the keyring of the system, then reload the window.',
    ),
  lock_timeout: ({ process, since }) =>
    typeof since === 'number'
      ? l10n.t(
          'Another window (process {0}) has been refreshing this connection since {1} and has not finished. Nothing was sent, since its refresh token may be in use. Try again later, or end that process.',
          show(process),
          dateText(since),
        )
      : l10n.t(
          'Another window is refreshing this connection and has not finished. Nothing was sent. Try again in a moment.',
        ),
  lock_unavailable: ({ reason }) => {
    if (reason === 'damaged') {
      return l10n.t(
        'The record that the windows of this computer share about this connection is damaged, so the newest refresh token is unknown. Nothing was sent. Sign in again or import the tokens.',
      );
    }
    return reason === 'journal_key'
      ? l10n.t(
          'VS Code SecretStorage does not hold the key that protects new tokens on the disk. Nothing was sent. Check the keyring of the system, then reload the window.',
        )
      : l10n.t(
          'The folder that keeps windows from refreshing at the same time cannot be used ({0}). Nothing was sent. Check that the disk is not full and that VS Code may write to its own folders, then try again.',
          show(reason, l10n.t('no reason given')),
        );
  },
  lock_lost: () =>
    l10n.t(
      'Another window took over this connection, most likely after this computer was asleep. Nothing was sent. Try again.',
    ),
  answer_lost: ({ at, error }) =>
    l10n.t(
      'The response to the refresh on {0} was lost, and the issuer has since rejected the old refresh token ({1}). The new one was most likely in that response. Sign in again or import a new one.',
      typeof at === 'number' ? dateText(at) : l10n.t('an unknown date'),
      show(error, l10n.t('no reason given')),
    ),
  // It may be lost with the answer, and an issuer may take a further use for a theft.
  answer_missing: ({ at }) =>
    l10n.t(
      'The responses to the refresh on {0} and to its retry were lost, so the refresh token may be used up. It is not sent again automatically. Refresh to try once more, or sign in again.',
      typeof at === 'number' ? dateText(at) : l10n.t('an unknown date'),
    ),
} satisfies { readonly [C in ErrorCode]?: (data: DataOf<C>) => string };
