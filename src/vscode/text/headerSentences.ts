import { l10n } from 'vscode';
import type { CheckCode } from '../../core/checks/checks.ts';
import { kindOf, plain, quoted, type SentencesOf } from './checkWords.ts';

/** About the header and the form of a token. */
export const headerSentences = {
  alg_allowed: ({ found }) => [l10n.t('{0} is allowed.', plain(found))],
  alg_none: ({ found }) => [
    l10n.t('The algorithm is {0}: the token is not signed, and anyone could have written it.', quoted(found)),
    l10n.t('Do not trust it. The issuer has to sign its tokens.'),
  ],
  alg_missing: () => [
    l10n.t('The header names no algorithm.'),
    l10n.t('RFC 7515 requires it. The issuer has to correct this.'),
  ],
  alg_not_allowed: ({ expected, found }) => [
    l10n.t('{0} is not among the algorithms that were asked for: {1}.', plain(found), plain(expected, l10n.t('none'))),
    l10n.t('If the issuer really signs so, add it to the algorithms.'),
  ],
  alg_unsupported: ({ found }) => [
    l10n.t('{0} is no signature algorithm that is supported here.', quoted(found)),
    found === 'ES256K' || found === 'Ed448'
      ? l10n.t('Web Crypto has no such curve, and jose, which checks signatures here, no longer brings its own.')
      : l10n.t('The names are case-sensitive, for example RS256 or ES256.'),
  ],
  alg_symmetric: ({ found }) => [
    l10n.t(
      '{0} uses a shared secret, and only public keys were given. A public key is never used as a secret.',
      plain(found),
    ),
    l10n.t('If the token is meant to be signed so, give the shared secret as the key.'),
  ],
  alg_asymmetric: ({ found }) => [
    l10n.t('{0} needs a public key, and a shared secret was given.', plain(found)),
    l10n.t('Give the public key of the issuer as PEM, JWK or JWK Set.'),
  ],

  typ_right: ({ found }) => [l10n.t('The type is {0}, as it should be.', plain(found))],
  typ_any: ({ found }) => [l10n.t('The type is {0}. Any type was accepted.', plain(found))],
  typ_missing: ({ expected }) => [
    l10n.t(
      'The header names no type. RFC 9068 wants {0} for access tokens, and many issuers leave it out.',
      plain(expected),
    ),
    l10n.t('Make sure that no ID token is accepted in its place.'),
  ],
  typ_generic: ({ expected, found }) => [
    l10n.t(
      'The type is {0}. RFC 9068 wants {1} for access tokens, and many issuers do without.',
      plain(found),
      plain(expected),
    ),
    l10n.t('Make sure that no ID token is accepted in its place.'),
  ],
  typ_wrong: ({ expected, found }) => [
    l10n.t(
      'The type is {0}, and {1} was expected: this token is meant for something else.',
      quoted(found),
      plain(expected),
    ),
    l10n.t('Use the token for what it was issued for.'),
  ],
  used_as_other: ({ expected, found }) => [
    l10n.t('By its type and claims this is an {0}, and it is used as an {1}.', kindOf(found), kindOf(expected)),
    l10n.t('Check that the tokens were not mixed up. An API takes access tokens, a client reads ID tokens.'),
  ],

  crit_unknown: ({ found }) => [
    l10n.t('The token demands extensions that are not known here: {0}.', plain(found)),
    l10n.t('RFC 7515 says that such a token must be refused.'),
  ],
  crit_invalid: ({ found }) => [
    l10n.t('The list of critical extensions is not valid: {0}.', plain(found)),
    l10n.t('It must name members of this header. The issuer has to correct this.'),
  ],
  crit_understood: ({ found }) => [l10n.t('All critical extensions are understood: {0}.', plain(found))],
  b64_false: () => [
    l10n.t('The payload is signed without base64url encoding, which RFC 7797 forbids for a JWT.'),
    l10n.t('The issuer has to leave "b64" out.'),
  ],
  b64_invalid: ({ found }) => [
    l10n.t('"b64" is {0}, and only true and false are defined.', plain(found)),
    l10n.t('The issuer has to leave "b64" out.'),
  ],
  b64_true: () => [l10n.t('The payload is base64url encoded, as usual.')],
  b64_detached: () => [l10n.t('The content is signed as it is, without base64url (RFC 7797).')],
  embedded_key_ignored: ({ found }) => [
    l10n.t('The header brings its own key ({0}). It was neither used nor fetched.', plain(found)),
    l10n.t('Whoever verifies this token must ignore it as well: a forger brings a key that fits.'),
  ],
  members_unique: () => [l10n.t('No name stands twice in the header or the claims.')],
  members_duplicate: ({ found }) => [
    l10n.t('These names stand twice: {0}. The last one was taken, and other readers take the first.', plain(found)),
    l10n.t('Do not rely on them. The issuer has to send each name once.'),
  ],
  not_claims: () => [
    l10n.t('The payload is no JSON object: this is signed content (RFC 7515) and no JWT.'),
    l10n.t('No claim in it can be relied on. Where a JWT was expected, copy the whole token again.'),
  ],
  encoding_canonical: () => [l10n.t('The base64url of all parts is as it should be.')],
  encoding_ambiguous: ({ found }) => [
    l10n.t('The last character of these parts could be another one: {0}.', plain(found)),
    l10n.t('RFC 4648 lets readers refuse it. Copy the token again; if it is right, the issuer has to correct this.'),
  ],
  encoding_base64: ({ found }) => [
    l10n.t('These parts are base64 with padding or with + and /: {0}. RFC 7515 wants base64url.', plain(found)),
    l10n.t('They were checked as they stand. Many libraries refuse such a token: remove nothing before you verify it.'),
  ],
  form_json: ({ found }) => [
    l10n.t('This is a JWS in JSON (RFC 7515 section 7.2) with {0} signatures, and no JWT.', plain(found)),
    l10n.t('Where a JWT is expected, refuse it: RFC 7519 wants the compact form.'),
  ],
  form_cut: () => [
    l10n.t('Only the header and the payload were copied: the signature is missing.'),
    l10n.t('Copy the whole token, up to the end of the third part.'),
  ],
  encoding_latin1: ({ found }) => [
    l10n.t('These parts are not UTF-8 and were read as Latin-1: {0}.', plain(found)),
    l10n.t('RFC 7519 wants UTF-8. The issuer has to correct this.'),
  ],
  numbers_exact: () => [l10n.t('All numbers are exact in JavaScript.')],
  number_rounded: ({ found }) => [
    l10n.t('JavaScript and many other readers round these numbers: {0}.', plain(found)),
    l10n.t('The issuer should send large numbers as strings (RFC 7493).'),
  ],
} satisfies Partial<Record<CheckCode, SentencesOf>>;
