import { l10n } from 'vscode';
import type { CheckCode } from '../../core/checks/checks.ts';
import { clockOr, dateOf, nameOf, plain, quoted, type SentencesOf } from './checkWords.ts';

/** About the claims of a token. */
export const claimSentences = {
  matches: ({ found }) => [l10n.t('It is {0}, as expected.', plain(found))],
  mismatch: ({ id, expected, found }) => [
    l10n.t('Expected {0}, found {1}.', quoted(expected), quoted(found)),
    mismatchAdvice(id),
  ],
  missing: ({ id, status, expected }) => [
    id === 'exp'
      ? l10n.t('The token has no end: whoever has it can use it for ever.')
      : expected === undefined
        ? l10n.t('The token has no {0}, and one is required.', nameOf(id))
        : l10n.t('The token has no {0}. Expected {1}.', nameOf(id), quoted(expected)),
    status === 'warning'
      ? l10n.t('Ask the issuer for tokens that expire.')
      : l10n.t('Check that the token comes from the expected issuer, which has to send this claim.'),
  ],
  wrong_type: ({ id, found }) => [
    l10n.t('{0} has a value that it cannot have: {1}.', nameOf(id), plain(found)),
    l10n.t('RFC 7519 wants text here. The issuer has to correct this.'),
  ],
  slash_differs: ({ expected, found }) => [
    l10n.t('Expected {0}, found {1}: they differ in the slash at the end only.', quoted(expected), quoted(found)),
    l10n.t('Issuers are compared character by character. Write it as the token does, if that is the right issuer.'),
  ],
  azp_missing: ({ found }) => [
    l10n.t('The ID token has several audiences ({0}) and does not say which client asked for it.', plain(found)),
    l10n.t('OpenID Connect wants the claim azp then.'),
  ],

  time_not_a_number: ({ found }) => [
    l10n.t('The time is not a number: {0}.', plain(found)),
    l10n.t('RFC 7519 wants seconds since 1970 as a number. The issuer has to correct this.'),
  ],
  time_in_milliseconds: ({ found }) => [
    l10n.t('The time is in milliseconds: {0}. Read as seconds it lies thousands of years ahead.', plain(found)),
    l10n.t('RFC 7519 wants seconds since 1970. The issuer has to divide by 1000.'),
  ],
  time_out_of_range: ({ found }) => [
    l10n.t('The time is no date that a calendar knows: {0}.', plain(found)),
    l10n.t('RFC 7519 wants seconds since 1970. The issuer has to correct this.'),
  ],
  exp_ahead: ({ at }) => [l10n.t('The token is valid until {0}.', dateOf(at))],
  exp_past: ({ at, data }) => [
    l10n.t('The token expired on {0}.', dateOf(at)),
    clockOr(data, l10n.t('Refresh it. If it is fresh, check the clock of this computer.')),
  ],
  exp_tolerated: ({ at }) => [
    l10n.t('The token expired on {0}, within the tolerance for clocks that differ.', dateOf(at)),
    l10n.t('Refresh it soon, and check the clock of this computer.'),
  ],
  nbf_past: ({ at }) => [l10n.t('The token is valid since {0}.', dateOf(at))],
  nbf_ahead: ({ at, data }) => [
    l10n.t('The token is not valid before {0}.', dateOf(at)),
    clockOr(data, l10n.t('Wait until then. If that should be past, check the clock of this computer.')),
  ],
  nbf_tolerated: ({ at }) => [
    l10n.t('The token is valid from {0} on, within the tolerance for clocks that differ.', dateOf(at)),
    l10n.t('Check the clock of this computer.'),
  ],
  iat_past: ({ at }) => [l10n.t('The token was issued on {0}.', dateOf(at))],
  iat_ahead: ({ at, data }) => [
    l10n.t('The token says that it will be issued on {0}, which is still to come.', dateOf(at)),
    clockOr(data, l10n.t('Check the clock of this computer, and that of the issuer.')),
  ],

  hash_matches: () => [l10n.t('The ID token and the access token belong together.')],
  hash_mismatch: ({ expected, found }) => [
    l10n.t('The access token has the hash {0}, and the ID token says {1}.', plain(expected), plain(found)),
    l10n.t(
      'They were not issued together. An ID token from the first sign-in no longer matches a refreshed access token.',
    ),
  ],
  hash_unknown_alg: ({ found }) => [
    l10n.t('The hash {0} could not be checked: the algorithm does not say how it is made.', plain(found)),
  ],

  bound: () => [l10n.t('The token is bound to the key of this connection, and of no use without it.')],
  bound_elsewhere: ({ expected, found }) => [
    expected === undefined
      ? l10n.t('The token is bound to the key {0}, and there is none here.', plain(found))
      : l10n.t(
          'The token is bound to the key {0}, and the key of this connection is {1}.',
          plain(found),
          plain(expected),
        ),
    l10n.t('It cannot be used from here. Sign in again.'),
  ],
  not_bound: () => [
    l10n.t('The token is not bound to a key, although dpop is on: whoever has it can use it.'),
    l10n.t('Allow DPoP for this client at the issuer, then sign in again; some issuers do not offer it.'),
  ],
} satisfies Partial<Record<CheckCode, SentencesOf>>;

function mismatchAdvice(id: string): string {
  switch (id) {
    case 'iss':
      return l10n.t(
        'The token comes from another issuer. Check the issuer in the settings and where the token was copied.',
      );
    case 'aud':
      return l10n.t(
        'The token is meant for someone else. Ask the issuer for this audience, or correct the expected one.',
      );
    case 'azp':
      return l10n.t('The token was issued to another client. Check clientId.');
    case 'nonce':
      return l10n.t('The token belongs to another sign-in. Sign in again, and do not use this one.');
    default:
      return l10n.t('The token is about someone or something else. Check where it comes from.');
  }
}
