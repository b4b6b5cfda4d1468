import { l10n } from 'vscode';
import type { DataOf, ErrorCode, WorkbenchError } from '../../core/errors.ts';
import type { ConnectionProblem } from '../../core/records/connection.ts';
import { joined, show, unknownReason } from './answerErrors.ts';
import { foreignFormat } from './inputErrors.ts';
import { dateText } from './time.ts';

/** Errors of the data stored for a connection. */
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
  refresh_token_shared: ({ other, otherLabel }) =>
    l10n.t(
      'The connection {0} holds the same refresh token and may have used it, so it was not sent again: the issuer would revoke both. Sign in again, or remove one of the two connections.',
      show(otherLabel, show(other)),
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
      'The stored tokens of this connection cannot be read ({0}). They are kept. Sign out to delete them, then sign in or import tokens.',
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
          'Another window has stored newer tokens, which have not arrived here. Nothing was sent. Try again in a moment, or reload this window.',
        ),
  superseded: ({ signedOut }) =>
    signedOut === true
      ? l10n.t('You signed out in the meantime, so the result was discarded.')
      : l10n.t('Newer tokens were stored in the meantime and are used.'),
  secret_unavailable: () =>
    l10n.t(
      'VS Code SecretStorage did not answer, so the tokens cannot be read or stored. Check the keyring of the system, then reload the window.',
    ),
  secrets_not_kept: () =>
    l10n.t(
      'VS Code kept the tokens of this connection in memory only, so a restart deleted them. Sign in again, or import the tokens.',
    ),
  lock_timeout: ({ process, since }) => {
    if (typeof since === 'number')
      return l10n.t(
        'Another window (process {0}) has been refreshing this connection since {1} and has not finished. Nothing was sent, since its refresh token may be in use. Try again later. If that window hangs, close or reload it or end its process, or sign in again.',
        show(process),
        dateText(since),
      );
    return process === undefined
      ? l10n.t(
          'Another window is refreshing this connection and has not finished. Nothing was sent. Try again in a moment.',
        )
      : l10n.t(
          'Another window (process {0}) is using this connection and has not finished. Nothing was sent. Try again in a moment. If that window hangs, close or reload it or end its process.',
          show(process),
        );
  },
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
  // The refresh token may have been rotated in the lost response. Sending it again may look like theft to the issuer.
  answer_missing: ({ at }) =>
    l10n.t(
      'The refresh on {0} and its retry brought no tokens, and the issuer may have used up the refresh token. It is not sent again automatically. Refresh to try once more, or sign in again.',
      typeof at === 'number' ? dateText(at) : l10n.t('an unknown date'),
    ),
} satisfies { readonly [C in ErrorCode]?: (data: DataOf<C>) => string };

/** @param reason the sentence of an error, in which "this connection" may be another one that shares a refresh token */
export function aboutOtherText({ code, data }: WorkbenchError, reason: string): string {
  const { connection, withheldFrom, otherLabel } = data;
  const other = show(otherLabel, show(withheldFrom));
  if (withheldFrom !== undefined)
    return connection === undefined || connection === withheldFrom
      ? l10n.t(
          'The connection {0} shares this refresh token and loses its session unless it gets the newest one first. That failed, so nothing has changed. {0}: {1}',
          other,
          reason,
        )
      : l10n.t(
          'This connection may hold the newest refresh token of {0}, which cannot be read here. {0} loses its session if that is deleted, so nothing has changed. {1}',
          other,
          reason,
        );
  if (otherLabel === undefined || code === 'refresh_token_shared') return reason;
  return l10n.t('The connection {0} shares this refresh token and has to be free as well. {0}: {1}', other, reason);
}

/** Which client credential is missing or unusable, and why. */
export const credentialSentences = {
  client_secret_missing: ({ method }: DataOf<'client_secret_missing'>) =>
    l10n.t(
      'The client secret ({0}) is missing. Run "Set Client Secret or Key", or set tokenEndpointAuthMethod to none for a public client.',
      show(method),
    ),
  private_key_missing: ({ method }: DataOf<'private_key_missing'>) =>
    l10n.t('The private key ({0}) is missing. Run "Set Client Secret or Key".', show(method)),
  auth_method_unsupported: ({ method }: DataOf<'auth_method_unsupported'>) =>
    l10n.t(
      'The client authentication {0} requires a TLS certificate, which VS Code cannot send from a browser. Use the desktop, or another tokenEndpointAuthMethod.',
      show(method),
    ),
  credential_invalid: invalidCredential,
  client_certificate_refused: ({ host, detail }: DataOf<'client_certificate_refused'>) =>
    l10n.t(
      '{0} did not accept the certificate of this client ({1}), so the request was not read. Check that the certificate has not expired and is registered there, then run "Set Client Secret or Key".',
      show(host),
      show(detail),
    ),
  dpop_key_lost: () =>
    l10n.t(
      'These tokens are bound to a key (DPoP) that is no longer stored, so nothing was sent. Sign in again: only new tokens can be bound to a new key.',
    ),
} as const;

function invalidCredential({ reason, found, expected }: DataOf<'credential_invalid'>): string {
  switch (reason) {
    case 'empty':
      return l10n.t('The text is empty. Paste a private key as PEM (PKCS #8) or JWK.');
    case 'public_key':
      return l10n.t('This is the public key, which belongs at the issuer. Paste the private key.');
    case 'certificate':
      return l10n.t('This is a certificate without its private key. Paste both, one after the other.');
    case 'certificate_missing':
      return l10n.t('This is a private key without its certificate. Paste both PEM blocks, one after the other.');
    case 'certificate_mismatch':
      return l10n.t('The certificate and the private key do not match, or one of them is damaged.');
    case 'encrypted':
      return l10n.t(
        'This private key is encrypted with a passphrase. Run "Set Client Secret or Key", which asks for the passphrase, or decrypt a copy: openssl pkcs8 -topk8 -nocrypt -in <file>.',
      );
    case 'passphrase':
      return l10n.t('The passphrase does not open this key, or the key is damaged. Try again.');
    case 'cipher':
      return l10n.t(
        'VS Code cannot open this kind of encryption, or the key is damaged. Decrypt a copy: openssl pkcs8 -topk8 -nocrypt -in <file>.',
      );
    case 'ssh':
      return l10n.t('This is a key in OpenSSH format. Convert a copy of it with: ssh-keygen -p -m PKCS8 -f <file>.');
    case 'foreign':
      return joined(...foreignFormat(found));
    case 'symmetric':
      return l10n.t(
        'This JWK is a shared secret, not a private key. Set tokenEndpointAuthMethod to client_secret_jwt for it.',
      );
    case 'several':
      return l10n.t('This is a set of keys. Paste the one that this client signs with.');
    case 'kty':
      return l10n.t('This kind of JWK cannot sign. Supported: RSA, EC (P-256, P-384, P-521) and Ed25519.');
    case 'broken':
      return l10n.t('This private key is damaged or not complete. Copy it again, from its beginning to its end.');
    case 'no_tls':
      return l10n.t('{0} has no TLS, so no client certificate can be used. Use an https URL.', show(found));
    case 'secret_short':
      return l10n.t(
        'client_secret_jwt requires a secret of at least {1} bytes (RFC 7518), but this one has {0}. Get a longer one from the issuer, or use client_secret_basic.',
        show(found),
        show(expected),
      );
    case 'algorithm':
      return l10n.t(
        'This key signs with {0}, but the issuer accepts only {1} from clients. Register a key of the right kind there and store it here.',
        show(found),
        show(expected),
      );
    case 'unknown':
      return l10n.t('Not a private key. Paste PEM (PKCS #8), from BEGIN to END, or a JWK.');
    default:
      return unknownReason(reason);
  }
}

/** What is wrong with an entry of the setting, and how to correct it. The place that shows it names the entry. */
export function describeProblem({ code, field = '', found }: ConnectionProblem): string {
  const now = found === undefined ? '' : l10n.t(' Now it is "{0}".', found);
  switch (code) {
    case 'not_an_array':
      return l10n.t('jwtWorkbench.connections must be a list. Write the connections in square brackets.');
    case 'not_an_object':
      return l10n.t('This entry must be an object. Write a connection in curly braces, with id, issuer and clientId.');
    case 'missing':
      return field === 'issuer'
        ? l10n.t('issuer is missing. Set it, or tokenEndpoint where the issuer has no metadata.')
        : l10n.t('{0} is missing.', field);
    case 'wrong_type':
      return l10n.t('{0} has a value of the wrong type ({1}).', field, found ?? '');
    case 'not_a_slug':
      return l10n.t('id may hold letters, digits, dots, dashes and underscores, at most 64 of them.') + now;
    case 'not_a_url':
      return l10n.t('{0} must be a full URL: https, no user name, nothing after #.', field) + now;
    case 'insecure_url':
      return l10n.t('{0} must be an https URL; http is allowed only for 127.0.0.1, [::1] and localhost.', field) + now;
    case 'unknown_value':
      return l10n.t('{0} has an unknown value.', field) + now;
    case 'unknown_field':
      return l10n.t('{0} is not a field of a connection and is ignored. Check its spelling.', field);
    case 'reserved_parameter':
      return l10n.t('{0} is set by the request itself and is ignored here.', field);
    case 'secret_in_settings':
      return l10n.t(
        '{0} looks like a secret, and settings are plain text. Remove it there and store it with JWT Workbench; if the settings were synced or shared, replace the secret.',
        field,
      );
    case 'duplicate_id':
      return l10n.t('Another entry has the id "{0}". Only the first one is used. Choose another id.', found ?? '');
  }
}
