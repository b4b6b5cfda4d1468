import { l10n } from 'vscode';
import type { CheckCode } from '../../core/checks/checks.ts';
import { varieties } from '../../core/tokens/varieties.ts';
import { dateOf, plain, quoted, type SentencesOf } from './checkWords.ts';
import { varietyAdvice, verifiersText } from './varieties.ts';

/** About the signature and the key that it was checked with. */
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
      'The signature has {0} bytes in DER. RFC 7518 wants R and S side by side, {1} bytes.',
      plain(found),
      plain(expected),
    ),
    l10n.t('The signer has to convert it from DER, for example with dsaEncoding: "ieee-p1363" in Node.js.'),
  ],
  signature_length: ({ expected, found }) => [
    l10n.t('The signature has {0} bytes, and one of this algorithm has {1}.', plain(found), plain(expected)),
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
  signature_missing: () => [
    l10n.t('The signature is empty: anyone could have written this token.'),
    l10n.t('Copy the whole token. If it is whole, do not trust it.'),
  ],
  signature_not_checked: () => [
    l10n.t('The signature was not checked: there is no key to check it with.'),
    l10n.t('Give an issuer, a jwksUri or a key.'),
  ],
  refused_by_header: ({ found }) => [
    l10n.t('The signature was not looked at: the header is refused for its {0}.', plain(found)),
    l10n.t('See the line about {0}.', plain(found)),
  ],
  kid_unknown: ({ found, data }) => [
    found === undefined
      ? l10n.t('There is no key to try.')
      : l10n.t('None of the {0} keys has the id {1}.', plain(data?.keys), quoted(found)),
    l10n.t('Check that the token comes from this issuer. It may also be signed with a key that was withdrawn.'),
  ],
  kid_invalid: ({ found }) => [
    l10n.t('The key id (kid) is not a text: {0}.', plain(found)),
    l10n.t('RFC 7515 wants a text. The issuer has to correct this.'),
  ],
  key_unsuitable: ({ found, data }) => [
    found === undefined
      ? l10n.t('None of the {0} keys is meant for {1} signatures.', plain(data?.keys), plain(data?.alg))
      : l10n.t('The key {0} is not meant for {1} signatures.', quoted(found), plain(data?.alg)),
    l10n.t('Check the kind, the curve, "alg", "use" and "key_ops" of the key against the algorithm of the token.'),
  ],
  key_rejected: () => [
    l10n.t('The key cannot be used on this platform: it is damaged, too weak or of an unknown kind.'),
    l10n.t('Check the key, and see the line about it.'),
  ],
  platform_lacks_alg: ({ found }) => [
    l10n.t('The Web Crypto of this VS Code has no {0} yet, so the signature could not be checked.', plain(found)),
    /^ML-DSA/.test(found ?? '')
      ? l10n.t(
          'It comes with Node.js 24.7 built on OpenSSL 3.5. Try a newer VS Code, or check this token with Node.js.',
        )
      : l10n.t('Try a newer VS Code.'),
  ],
  secret_needed: () => [
    l10n.t('The token is signed with a shared secret (HMAC), and only public keys were given.'),
    l10n.t('Give the shared secret itself. A public key is never used as one.'),
  ],

  key_ok: ({ found }) => [l10n.t('No weakness was found ({0}).', plain(found))],
  key_none: () => [l10n.t('No key was used.')],
  kid_differs: ({ found }) => [
    l10n.t('The key that was given has another id ({0}) than the token names.', quoted(found)),
    l10n.t('Check that it is the right key.'),
  ],
  kid_absent: () => [
    l10n.t('The token names a key (kid), and the keys of the issuer have no ids. Those of the right kind were tried.'),
    l10n.t('The issuer should add "kid" to each key: without it, verifiers fail as soon as there are two keys.'),
  ],
  key_base64: ({ found }) => [
    l10n.t('The key writes these members as base64, where base64url without padding belongs: {0}.', plain(found)),
    l10n.t('The issuer should correct this (RFC 7518 section 6). Many libraries refuse such a key.'),
  ],
  keys_outdated: ({ at, data }) => [
    l10n.t('The keys are those of {0}: fetching them again failed ({1}).', dateOf(at), plain(data?.error)),
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
    l10n.t('The RSA key was made by faulty hardware (ROCA, CVE-2017-15361), and its private half can be computed.'),
    l10n.t('The issuer needs a new key from other hardware or software.'),
  ],
  hmac_too_short: ({ expected, found }) => [
    l10n.t('The secret has {0} bits. RFC 7518 wants at least {1} for this algorithm.', plain(found), plain(expected)),
    l10n.t('Use a longer, random secret: short ones can be guessed from one token.'),
  ],
  private_key_published: () => [
    l10n.t('The key set holds the private half of this key: anyone can sign with it.'),
    l10n.t('Tell the operator of the issuer. The key must be replaced.'),
  ],
  private_key_given: () => [
    l10n.t('The private half was given with the key. It was not used.'),
    l10n.t('Give the public half alone: whoever has this text can sign.'),
  ],
} satisfies Partial<Record<CheckCode, SentencesOf>>;
