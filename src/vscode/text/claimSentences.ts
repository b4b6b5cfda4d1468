import { l10n } from 'vscode';
import type { CheckCode } from '../../core/checks/finding.ts';
import { clockOr, dateOf, nameOf, plain, quoted, type SentencesOf } from './checkWords.ts';

/** Sentences about the claims of a token. */
export const claimSentences = {
  matches: ({ found }) => [l10n.t('It is {0}, as expected.', plain(found))],
  mismatch: ({ id, expected, found }) => [
    l10n.t('Expected {0}, found {1}.', quoted(expected), quoted(found)),
    mismatchAdvice(id),
  ],
  missing: ({ id, status, expected }) => [
    id === 'exp'
      ? l10n.t('The token does not expire: anyone who has it can use it forever.')
      : expected === undefined
        ? l10n.t('The token has no {0}, but one is required.', nameOf(id))
        : l10n.t('The token has no {0}. Expected {1}.', nameOf(id), quoted(expected)),
    status === 'warning'
      ? l10n.t('Ask the issuer for tokens that expire.')
      : l10n.t('Check that the token comes from the expected issuer, which has to send this claim.'),
  ],
  wrong_type: ({ id, found }) => [
    l10n.t('{0} has an invalid value: {1}.', nameOf(id), plain(found)),
    l10n.t('RFC 7519 requires text here. The issuer has to correct this.'),
  ],
  aud_slash: ({ expected, found }) => [
    l10n.t('Expected {0}, found {1}: they differ only in the trailing slash.', quoted(expected), quoted(found)),
    l10n.t(
      'Audiences are compared character by character. Give the audience as the token has it, or change it at the issuer.',
    ),
  ],
  aud_api: ({ expected, found }) => [
    l10n.t(
      'Expected {0}, found {1}: two names of the same API at Microsoft Entra ID.',
      quoted(expected),
      quoted(found),
    ),
    l10n.t(
      'v1.0 tokens name the identifier URI (api://...), v2.0 tokens the client ID. Give the one that the token has.',
    ),
  ],
  slash_differs: ({ expected, found }) => [
    l10n.t('Expected {0}, found {1}: they differ only in the trailing slash.', quoted(expected), quoted(found)),
    l10n.t('Issuers are compared character by character. If it is the right issuer, write it as the token does.'),
  ],
  azp_missing: ({ found }) => [
    l10n.t('The ID token has several audiences ({0}) and does not say which client asked for it.', plain(found)),
    l10n.t('OpenID Connect then requires the claim azp.'),
  ],

  time_not_a_number: ({ found }) => [
    l10n.t('The time is not a number: {0}.', plain(found)),
    l10n.t('RFC 7519 requires seconds since 1970 as a number. The issuer has to correct this.'),
  ],
  time_in_milliseconds: ({ found }) => [
    l10n.t('The time is in milliseconds: {0}. Read as seconds, it is thousands of years ahead.', plain(found)),
    l10n.t('RFC 7519 requires seconds since 1970. The issuer has to divide by 1000.'),
  ],
  time_out_of_range: ({ found }) => [
    l10n.t('The time is not a valid date: {0}.', plain(found)),
    l10n.t('RFC 7519 requires seconds since 1970. The issuer has to correct this.'),
  ],
  exp_ahead: ({ at }) => [l10n.t('The token is valid until {0}.', dateOf(at))],
  exp_past: ({ at, data }) => [
    l10n.t('The token expired on {0}.', dateOf(at)),
    clockOr(data, l10n.t('Refresh it. If it was just issued, check the clock of this computer.')),
  ],
  exp_tolerated: ({ at }) => [
    l10n.t('The token expired on {0}, within the tolerance for clocks that differ.', dateOf(at)),
    l10n.t('Refresh it soon, and check the clock of this computer.'),
  ],
  nbf_past: ({ at }) => [l10n.t('The token is valid since {0}.', dateOf(at))],
  nbf_ahead: ({ at, data }) => [
    l10n.t('The token is not valid before {0}.', dateOf(at)),
    clockOr(data, l10n.t('Wait until then. If that time is past, check the clock of this computer.')),
  ],
  nbf_tolerated: ({ at }) => [
    l10n.t('The token is valid from {0} on, within the tolerance for clocks that differ.', dateOf(at)),
    l10n.t('Check the clock of this computer.'),
  ],
  iat_past: ({ at }) => [l10n.t('The token was issued on {0}.', dateOf(at))],
  iat_ahead: ({ at, data }) => [
    l10n.t('The token says that it was issued on {0}, which is in the future.', dateOf(at)),
    clockOr(data, l10n.t('Check the clock of this computer, and that of the issuer.')),
  ],

  hash_matches: () => [l10n.t('The ID token and the access token belong together.')],
  hash_mismatch: ({ expected, found }) => [
    l10n.t('The hash of the access token is {0}, but the ID token names {1}.', plain(expected), plain(found)),
    l10n.t(
      'They were not issued together. An ID token from the first sign-in no longer matches a refreshed access token.',
    ),
  ],
  hash_unknown_alg: ({ found }) => [
    l10n.t(
      'The hash {0} could not be checked: the algorithm of the signature does not say how to compute it.',
      plain(found),
    ),
  ],

  bound: () => [l10n.t('The token is bound to the key of this connection and useless without it.')],
  bound_elsewhere: ({ expected, found }) => [
    expected === undefined
      ? l10n.t('The token is bound to the key {0}, which is not available here.', plain(found))
      : l10n.t(
          'The token is bound to the key {0}, but the key of this connection is {1}.',
          plain(found),
          plain(expected),
        ),
    l10n.t("It can't be used from here. Sign in again."),
  ],
  not_bound: () => [
    l10n.t('The token is not bound to a key although dpop is on: anyone who has it can use it.'),
    l10n.t('Allow DPoP for this client at the issuer, then sign in again; some issuers do not offer it.'),
  ],

  claims_present: ({ expected }) => [l10n.t('All claims that this type requires are there: {0}.', plain(expected))],
  claims_missing: ({ found }) => [
    l10n.t('The specification of this type requires claims that are missing: {0}.', plain(found)),
    l10n.t('The sender has to add them, or use another type.'),
  ],
  aud_client_id: ({ status, expected, found }) =>
    status === 'passed'
      ? [l10n.t('Cognito access tokens have no aud: the client is in client_id, {0}, as expected.', quoted(found))]
      : [
          l10n.t('Cognito access tokens have no aud: client_id is {0}, expected {1}.', quoted(found), quoted(expected)),
          l10n.t('Compare client_id and token_use instead of aud. Give the client ID as the audience here.'),
        ],
  issuer_alias: ({ expected, found }) => [
    l10n.t('Expected {0}, found {1}. Google uses both names.', quoted(expected), quoted(found)),
    l10n.t('Accept both names for tokens of Google, and no other form.'),
  ],
  issuer_v1: ({ expected, found }) => [
    l10n.t('Expected {0}, found {1}: the v1.0 name of the same tenant.', quoted(expected), quoted(found)),
    l10n.t(
      'The API is registered for v1.0 tokens. Set requestedAccessTokenVersion to 2 in its manifest, or expect the v1.0 issuer.',
    ),
  ],

  disclosures_match: ({ found, data }) => [
    found === ''
      ? l10n.t('Nothing was disclosed; {0} digests stay hidden.', plain(data?.hidden))
      : l10n.t(
          'The issuer signed the digest of each disclosure: {0}. {1} more stay hidden.',
          plain(found),
          plain(data?.hidden),
        ),
  ],
  disclosure_invalid: ({ data }) => [
    disclosureFlaw(data?.reason),
    l10n.t('Do not trust the disclosed claims. RFC 9901 requires rejecting the token.'),
  ],
  binding_absent: () => [
    l10n.t('The token names a key of its holder (cnf), but no key binding follows the last "~".'),
    l10n.t('Ask the holder for a key binding where it matters who presents the token.'),
  ],
  binding_valid: ({ found }) => [l10n.t('The holder signed this presentation for {0}.', quoted(found))],
  binding_key_missing: () => [
    l10n.t('A key binding follows, but the token names no key of its holder (cnf.jwk).'),
    l10n.t('Reject the presentation: nothing ties the holder to this token.'),
  ],
  binding_malformed: () => [
    l10n.t('The key binding after the last "~" cannot be read.'),
    l10n.t('Copy the whole presentation.'),
  ],
  binding_signature: () => [
    l10n.t("The key binding was not signed with the holder's key (cnf)."),
    l10n.t('Reject the presentation: someone else may have made it.'),
  ],
  binding_hash: ({ expected, found }) => [
    l10n.t('The key binding is for other disclosures: sd_hash is {0}, expected {1}.', quoted(found), quoted(expected)),
    l10n.t('Disclosures were added or removed after the holder signed. Copy the whole presentation.'),
  ],
  proof_complete: ({ found }) => [l10n.t('The proof is for {0}.', plain(found))],
  proof_key_missing: () => [
    l10n.t('The proof does not contain its key (jwk).'),
    l10n.t('RFC 9449 requires it in the header.'),
  ],
  proof_address: ({ found }) => [
    l10n.t('The URL in the proof (htu) has a query or a fragment: {0}.', quoted(found)),
    l10n.t('RFC 9449 requires the URL without either.'),
  ],
  proof_old: ({ at, found }) => [
    l10n.t(
      'The proof for {0} was made on {1}. Servers accept proofs for seconds to a few minutes.',
      plain(found),
      dateOf(at),
    ),
    l10n.t('Make a new proof for each request.'),
  ],
  proof_key: () => [
    l10n.t('The proof was checked with the key that it contains: its sender holds that key.'),
    l10n.t("Compare the key's thumbprint with cnf.jkt of the access token."),
  ],
} satisfies Partial<Record<CheckCode, SentencesOf>>;

function disclosureFlaw(reason: string | number | boolean | undefined): string {
  switch (reason) {
    case 'undigested':
      return l10n.t('A disclosure has no digest in the token: its issuer did not sign it.');
    case 'duplicate':
      return l10n.t('A digest or a disclosed name appears twice.');
    case 'algorithm':
      return l10n.t('The hash algorithm of the disclosures (_sd_alg) is not supported here.');
    case 'depth':
      return l10n.t('The disclosures are nested too deeply.');
    default:
      return l10n.t('A disclosure has a name where none is allowed, or lacks one where it is required.');
  }
}

function mismatchAdvice(id: string): string {
  switch (id) {
    case 'iss':
      return l10n.t(
        'The token comes from another issuer. Check the issuer in the settings and where the token was copied.',
      );
    case 'aud':
      return l10n.t(
        'The token has another intended recipient. Request this audience from the issuer, or correct the expected one.',
      );
    case 'azp':
      return l10n.t('The token was issued to another client. Check clientId.');
    case 'nonce':
      return l10n.t('The token belongs to another sign-in. Sign in again, and do not use this one.');
    default:
      return l10n.t('The token has another subject. Check where it comes from.');
  }
}
