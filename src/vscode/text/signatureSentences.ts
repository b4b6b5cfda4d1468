import { l10n } from 'vscode';
import type { CheckCode } from '../../core/checks/finding.ts';
import type { ChainFlaw } from '../../core/tokens/certificates.ts';
import { varieties } from '../../core/tokens/varieties.ts';
import { dateOf, kindOf, plain, quoted, type SentencesOf } from './checkWords.ts';
import { varietyAdvice, verifiersText } from './varieties.ts';

/** Sentences about the signature and the key that it was checked with. */
export const signatureSentences = {
  signature_valid: ({ found }) => [l10n.t('The signature is valid ({0}).', plain(found))],
  signature_invalid: ({ data }) => [
    typeof data?.tried === 'number'
      ? l10n.t('None of {0} matching keys made this signature.', data.tried)
      : l10n.t('The key did not make this signature.'),
    l10n.t('Check that the token is complete and unchanged, and that the keys belong to its issuer.'),
  ],
  signature_der: ({ expected, found }) => [
    l10n.t(
      'The signature has {0} bytes in DER. RFC 7518 requires R and S side by side, {1} bytes.',
      plain(found),
      plain(expected),
    ),
    l10n.t('The signer has to convert it from DER, for example with dsaEncoding: "ieee-p1363" in Node.js.'),
  ],
  signature_length: ({ expected, found }) => [
    l10n.t('The signature has {0} bytes, but this algorithm produces {1}.', plain(found), plain(expected)),
    l10n.t('Copy the whole token. If it is whole, the signer encodes signatures wrongly.'),
  ],
  signature_recipient: ({ data }) => {
    const variety = varieties.find(({ id }) => id === data?.variety);
    if (!variety) return [l10n.t('The key did not make this signature.')];
    return [l10n.t('{0}: {1} can verify it.', variety.name, verifiersText(variety.verifiers)), varietyAdvice(variety)];
  },
  signature_malformed: () => [
    l10n.t('One of the signatures of this JWS cannot be read.'),
    l10n.t('Copy the whole object.'),
  ],
  chain_invalid: ({ found, data }) => [
    chainText(data?.reason as ChainFlaw, found),
    l10n.t('Give the root certificate that the chain in x5c has to end at, for example as the vendor publishes it.'),
  ],
  signature_missing: () => [
    l10n.t('The signature is empty: anyone could have written this token.'),
    l10n.t('Copy the whole token. If it is whole, do not trust it.'),
  ],
  signature_not_checked: () => [
    l10n.t('The signature was not checked: there is no key to check it with.'),
    l10n.t('Give an issuer, a jwksUri or a key.'),
  ],
  refused_by_header: ({ found }) => [
    l10n.t('The signature was not checked, because the header is rejected for its {0}.', plain(found)),
    l10n.t('See the check of {0}.', plain(found)),
  ],
  kid_unknown: ({ found, data }) => [
    found === undefined
      ? l10n.t('There is no key to use.')
      : l10n.t('None of the {0} keys has the id {1}.', plain(data?.keys), quoted(found)),
    l10n.t('Check that the token comes from this issuer. It may also be signed with a key that was withdrawn.'),
  ],
  kid_invalid: ({ found }) => [
    l10n.t('The key id (kid) is not a string: {0}.', plain(found)),
    l10n.t('RFC 7515 requires a string. The issuer has to correct this.'),
  ],
  key_unsuitable: ({ found, data }) => [
    found === undefined
      ? l10n.t('None of the {0} keys is meant for {1} signatures.', plain(data?.keys), plain(data?.alg))
      : l10n.t('The key {0} is not meant for {1} signatures.', quoted(found), plain(data?.alg)),
    l10n.t('Check the kind, the curve, "alg", "use" and "key_ops" of the key against the algorithm of the token.'),
  ],
  key_rejected: () => [
    l10n.t('The key cannot be used on this platform: it is damaged, too weak or of an unknown kind.'),
    l10n.t('Check the key, and see the check of the key.'),
  ],
  platform_lacks_alg: ({ found }) => [
    l10n.t('The Web Crypto of this VS Code has no {0}, so the signature could not be checked.', plain(found)),
    /^ML-DSA/.test(found ?? '')
      ? l10n.t(
          'Node.js has it from version 24.7 on, if built with OpenSSL 3.5. Try a newer VS Code, or check this token with Node.js.',
        )
      : found === 'ES256K' || found === 'Ed448'
        ? l10n.t('Check this token with a library that has its curve.')
        : l10n.t('Try a newer VS Code.'),
  ],
  secret_needed: () => [
    l10n.t('The token is signed with a shared secret (HMAC), but only public keys were provided.'),
    l10n.t('Give the shared secret itself. A public key is never used as one.'),
  ],

  key_ok: ({ found }) => [l10n.t('No weakness was found ({0}).', plain(found))],
  key_none: () => [l10n.t('No key was used.')],
  kid_differs: ({ found }) => [
    l10n.t('The key you provided has the id {0}, but the token names another.', quoted(found)),
    l10n.t('Check that it is the right key.'),
  ],
  kid_absent: () => [
    l10n.t('The token names a key (kid), but the keys of the issuer have no ids. Those of the right kind were tried.'),
    l10n.t('The issuer should add "kid" to each key: without it, verifiers fail as soon as there are two keys.'),
  ],
  key_base64: ({ found }) => [
    l10n.t('The key has these members in base64 where base64url without padding is required: {0}.', plain(found)),
    l10n.t('The issuer should correct this (RFC 7518 section 6). Many libraries reject the key.'),
  ],
  chain_valid: ({ expected, found }) => [
    l10n.t('The chain in x5c leads from {0} to the certificate that was given, {1}.', quoted(found), quoted(expected)),
  ],
  key_respelled: ({ found }) => [
    l10n.t('The key or its set has these members in another form than RFC 7517 defines: {0}.', plain(found)),
    l10n.t('The issuer should correct this. Many libraries reject the key.'),
  ],
  keys_outdated: ({ at, data }) => [
    l10n.t('The keys were fetched at {0}; fetching them again failed ({1}).', dateOf(at), plain(data?.error)),
    l10n.t('Check that the issuer can be reached. Withdrawn keys would not be noticed until then.'),
  ],
  rsa_too_short: ({ expected, found }) => [
    l10n.t('The RSA key has {0} bits. At least {1} are required.', plain(found), plain(expected)),
    l10n.t('The issuer needs a longer key.'),
  ],
  rsa_exponent: ({ expected, found }) => [
    l10n.t('The RSA key has the public exponent {0}, with which signatures can be forged.', plain(found)),
    l10n.t('The issuer needs a new key, usually with the exponent {0}.', plain(expected)),
  ],
  rsa_roca: () => [
    l10n.t('The RSA key was generated by faulty hardware (ROCA, CVE-2017-15361): its private key can be computed.'),
    l10n.t('The issuer needs a new key from other hardware or software.'),
  ],
  hmac_too_short: ({ expected, found }) => [
    l10n.t(
      'The secret has {0} bits. RFC 7518 requires at least {1} for this algorithm.',
      plain(found),
      plain(expected),
    ),
    l10n.t('Use a longer, random secret: short ones can be guessed from one token.'),
  ],
  private_key_published: () => [
    l10n.t('The key set contains the private half of this key: anyone can sign with it.'),
    l10n.t('Report it to the operator of the issuer. The key must be replaced.'),
  ],
  private_key_given: () => [
    l10n.t('The private half was provided with the key. It was not used.'),
    l10n.t('Give the public half alone: anyone who has this text can sign.'),
  ],
} satisfies Partial<Record<CheckCode, SentencesOf>>;

function chainText(flaw: ChainFlaw, name: string | undefined): string {
  const of = quoted(name);
  switch (flaw) {
    case 'malformed':
      return l10n.t('A certificate in x5c cannot be read.');
    case 'root':
      return l10n.t('The chain in x5c does not lead to the certificate that was given.');
    case 'signature':
      return l10n.t('The certificate {0} was not signed by the next one in x5c.', of);
    case 'time':
      return l10n.t('The certificate {0} is not valid at this time.', of);
    case 'authority':
      return l10n.t('The certificate {0} may not issue the one before it.', of);
    case 'critical':
      return l10n.t('The certificate {0} has a critical extension that is not understood here.', of);
    case 'purpose':
      return l10n.t('The certificate {0} was not issued for tokens of this kind.', of);
  }
}

/** Sentences about the header and the form of a token. */
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
    l10n.t('If the issuer signs with it, add it to the algorithms.'),
  ],
  alg_unsupported: ({ found }) => [
    l10n.t('{0} is not a supported signature algorithm.', quoted(found)),
    found === 'ES256K' || found === 'Ed448'
      ? l10n.t('Web Crypto does not have this curve, and jose, which checks signatures here, no longer includes it.')
      : l10n.t('The names are case-sensitive, for example RS256 or ES256.'),
  ],
  alg_symmetric: ({ found }) => [
    l10n.t(
      '{0} uses a shared secret, but only public keys were provided. A public key is never used as a secret.',
      plain(found),
    ),
    l10n.t('If the token is signed with a shared secret, give it as the key.'),
  ],
  alg_asymmetric: ({ found }) => [
    l10n.t('{0} requires a public key, but a shared secret was provided.', plain(found)),
    l10n.t('Give the public key of the issuer as PEM, JWK or JWK Set.'),
  ],

  typ_right: ({ found }) => [l10n.t('The type is {0}, as expected.', plain(found))],
  typ_any: ({ found }) => [l10n.t('The type is {0}. Any type was accepted.', plain(found))],
  typ_missing: ({ expected }) => [
    l10n.t(
      'The header names no type. RFC 9068 requires {0} for access tokens, but many issuers omit it.',
      plain(expected),
    ),
    l10n.t('Make sure that no ID token is accepted in its place.'),
  ],
  typ_generic: ({ expected, found }) => [
    l10n.t(
      'The type is {0}. RFC 9068 requires {1} for access tokens, but many issuers omit it.',
      plain(found),
      plain(expected),
    ),
    l10n.t('Make sure that no ID token is accepted in its place.'),
  ],
  typ_wrong: ({ expected, found }) => [
    l10n.t('The type is {0}, expected {1}: this token has another purpose.', quoted(found), plain(expected)),
    l10n.t('Use the token only for its intended purpose.'),
  ],
  used_as_other: ({ expected, found }) => [
    l10n.t('By its type and claims this is an {0}, but it is used as an {1}.', kindOf(found), kindOf(expected)),
    l10n.t('Check that the tokens were not mixed up. An API takes access tokens, a client reads ID tokens.'),
  ],

  crit_unknown: ({ found }) => [
    l10n.t('The token requires unknown extensions: {0}.', plain(found)),
    l10n.t('RFC 7515 requires verifiers to reject it.'),
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
  b64_not_critical: () => [
    l10n.t('The content is signed without base64url, and "crit" does not name "b64", as RFC 7797 requires.'),
    l10n.t('The issuer has to add "crit": ["b64"] to the header.'),
  ],
  b64_true: () => [l10n.t('The payload is base64url encoded, as usual.')],
  b64_detached: () => [l10n.t('The content is signed as it is, without base64url (RFC 7797).')],
  embedded_key_ignored: ({ found }) => [
    l10n.t('The header contains its own key ({0}). It was neither used nor fetched.', plain(found)),
    l10n.t('Verifiers must ignore it: a forger adds a key that matches.'),
  ],
  members_unique: () => [l10n.t('No name appears twice in the header or the claims.')],
  members_duplicate: ({ found }) => [
    l10n.t('These names appear twice: {0}. The last one was used; other readers use the first.', plain(found)),
    l10n.t('Do not rely on them. The issuer must send each name once.'),
  ],
  not_claims: () => [
    l10n.t('The payload is not a JSON object: this is signed content (RFC 7515), not a JWT.'),
    l10n.t('No claim in it can be relied on. Where a JWT was expected, copy the whole token again.'),
  ],
  encoding_canonical: () => [l10n.t('All parts are valid base64url.')],
  encoding_ambiguous: ({ found }) => [
    l10n.t('These parts do not end in canonical base64url: {0}.', plain(found)),
    l10n.t('RFC 4648 allows rejecting it. Copy the token again; if it is complete, the issuer has to correct this.'),
  ],
  encoding_base64: ({ found }) => [
    l10n.t('These parts are base64 with padding or with + and /: {0}. RFC 7515 requires base64url.', plain(found)),
    l10n.t('They were checked unchanged. Many libraries reject this: verify the token without removing anything.'),
  ],
  form_json: ({ found }) => [
    l10n.t('This is a JWS in JSON serialization (RFC 7515 section 7.2) with {0} signatures, not a JWT.', plain(found)),
    l10n.t('Reject it where a JWT is expected: RFC 7519 requires the compact form.'),
  ],
  form_cut: () => [
    l10n.t('Only the header and the payload were copied: the signature is missing.'),
    l10n.t('Copy the whole token, up to the end of the third part.'),
  ],
  encoding_latin1: ({ found }) => [
    l10n.t('These parts are not UTF-8 and were read as Latin-1: {0}.', plain(found)),
    l10n.t('RFC 7519 requires UTF-8. The issuer has to correct this.'),
  ],
  numbers_exact: () => [l10n.t('All numbers are exact in JavaScript.')],
  number_rounded: ({ found }) => [
    l10n.t('JavaScript and many other readers round these numbers: {0}.', plain(found)),
    l10n.t('The issuer should send large numbers as strings (RFC 7493).'),
  ],
} satisfies Partial<Record<CheckCode, SentencesOf>>;
