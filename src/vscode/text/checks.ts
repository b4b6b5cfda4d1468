import { l10n } from 'vscode';
import type { Check, CheckCode } from '../../core/checks.ts';
import { type ErrorCode, errorCodes, WorkbenchError } from '../../core/errors.ts';
import { printable } from '../../core/redact.ts';
import { skewAdvice } from './clock.ts';
import { describeError } from './errors.ts';
import { dateText } from './time.ts';

export interface CheckText {
  /** The check's name in the words of the specifications. */
  readonly title: string;
  /** What was found, and what was expected where that is another thing. */
  readonly detail: string;
  /** What to do, where something can be done. */
  readonly advice?: string;
}

/** The sentences for one line of a verification. What the token says is shown with its invisible characters. */
export function checkText(check: Check): CheckText {
  const [detail, advice] = sentencesFor(check);
  return { title: titleOf(check.id), detail, ...(advice !== undefined && { advice }) };
}

type Sentences = readonly [detail: string, advice?: string];

function sentencesFor(check: Check): Sentences {
  if (check.code === 'jwks_invalid') return keySetSentences(check);
  if (check.code === 'key_invalid') return keySentences(check);
  if (check.code === 'response_too_large') {
    return [
      l10n.t('The answer is larger than {0} bytes and was not read.', plain(check.data?.limit)),
      l10n.t('Check jwksUri: a key set is far smaller.'),
    ];
  }
  if (isErrorCode(check.code)) {
    // Keys are asked for without any token, so that nothing needs to be said about one.
    return [describeError(new WorkbenchError(check.code, { ...check.data, sent: undefined }))];
  }
  return sentences[check.code](check);
}

function isErrorCode(code: CheckCode): code is ErrorCode {
  return (errorCodes as readonly string[]).includes(code);
}

function titleOf(id: string): string {
  switch (id) {
    case 'signature':
      return l10n.t('Signature');
    case 'key':
      return l10n.t('Key');
    case 'alg':
      return l10n.t('Algorithm (alg)');
    case 'typ':
      return l10n.t('Type (typ)');
    case 'crit':
      return l10n.t('Critical extensions (crit)');
    case 'b64':
      return l10n.t('Payload encoding (b64)');
    case 'header_key':
      return l10n.t('Keys in the header');
    case 'members':
      return l10n.t('Member names');
    case 'encoding':
      return l10n.t('Encoding');
    case 'iss':
      return l10n.t('Issuer (iss)');
    case 'aud':
      return l10n.t('Audience (aud)');
    case 'azp':
      return l10n.t('Authorized party (azp)');
    case 'sub':
      return l10n.t('Subject (sub)');
    case 'exp':
      return l10n.t('Expiry (exp)');
    case 'nbf':
      return l10n.t('Not before (nbf)');
    case 'iat':
      return l10n.t('Issued at (iat)');
    case 'nonce':
      return l10n.t('Nonce (nonce)');
    case 'at_hash':
      return l10n.t('Access token hash (at_hash)');
    default:
      return id;
  }
}

const sentences = {
  encrypted: () => [
    l10n.t('The token is encrypted: only its recipient can read and check it.'),
    l10n.t('Check it where the decryption key is, or use the issuer to introspect it.'),
  ],
  opaque: () => [
    l10n.t('The token is opaque: it has no signature that could be checked here.'),
    l10n.t('Ask the issuer about it with token introspection.'),
  ],
  absent: ({ id }) => [l10n.t('The token has no {0}, and none is required.', nameOf(id))],
  not_asked: ({ id, found }) =>
    found === undefined
      ? [l10n.t('No {0} was given to compare with.', nameOf(id))]
      : [l10n.t('The token says {0}. Nothing was given to compare it with.', quoted(found))],
  not_applicable: () => [l10n.t('This applies to ID tokens only.')],

  signature_valid: ({ found }) => [l10n.t('The signature is valid ({0}).', plain(found))],
  signature_invalid: ({ data }) => [
    typeof data?.tried === 'number'
      ? l10n.t('None of {0} matching keys made this signature.', data.tried)
      : l10n.t('The key did not make this signature.'),
    l10n.t('Check that the token is complete and unchanged, and that the keys belong to its issuer.'),
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
    l10n.t(
      'Check that the token comes from this issuer. It may also be signed with a key that was withdrawn.',
    ),
  ],
  kid_invalid: ({ found }) => [
    l10n.t('The key id (kid) is not a text: {0}.', plain(found)),
    l10n.t('RFC 7515 wants a text. The issuer has to correct this.'),
  ],
  key_unsuitable: ({ found, data }) => [
    found === undefined
      ? l10n.t('None of the {0} keys is meant for {1} signatures.', plain(data?.keys), plain(data?.alg))
      : l10n.t('The key {0} is not meant for {1} signatures.', quoted(found), plain(data?.alg)),
    l10n.t(
      'Check the kind, the curve, "alg", "use" and "key_ops" of the key against the algorithm of the token.',
    ),
  ],
  key_rejected: () => [
    l10n.t('The key cannot be used on this platform: it is damaged, too weak or of an unknown kind.'),
    l10n.t('Check the key, and see the line about it.'),
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
    l10n.t(
      'The RSA key was made by faulty hardware (ROCA, CVE-2017-15361), and its private half can be computed.',
    ),
    l10n.t('The issuer needs a new key from other hardware or software.'),
  ],
  hmac_too_short: ({ expected, found }) => [
    l10n.t(
      'The secret has {0} bits. RFC 7518 wants at least {1} for this algorithm.',
      plain(found),
      plain(expected),
    ),
    l10n.t('Use a longer, random secret: short ones can be guessed from one token.'),
  ],
  private_key_published: () => [
    l10n.t('The key set holds the private half of this key: anyone can sign with it.'),
    l10n.t('Tell the operator of the issuer. The key must be replaced.'),
  ],

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
    l10n.t(
      '{0} is not among the algorithms that were asked for: {1}.',
      plain(found),
      plain(expected, l10n.t('none')),
    ),
    l10n.t('If the issuer really signs so, add it to the algorithms.'),
  ],
  alg_unsupported: ({ found }) => [
    l10n.t('{0} is no signature algorithm that is supported here.', quoted(found)),
    l10n.t('The names are case-sensitive, for example RS256 or ES256.'),
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
    l10n.t(
      'By its type and claims this is an {0}, and it is used as an {1}.',
      kindOf(found),
      kindOf(expected),
    ),
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
  embedded_key_ignored: ({ found }) => [
    l10n.t('The header brings its own key ({0}). It was neither used nor fetched.', plain(found)),
    l10n.t('Whoever verifies this token must ignore it as well: a forger brings a key that fits.'),
  ],
  members_unique: () => [l10n.t('No name stands twice in the header or the claims.')],
  members_duplicate: ({ found }) => [
    l10n.t(
      'These names stand twice: {0}. The last one was taken, and other readers take the first.',
      plain(found),
    ),
    l10n.t('Do not rely on them. The issuer has to send each name once.'),
  ],
  encoding_canonical: () => [l10n.t('The base64url of all parts is as it should be.')],
  encoding_ambiguous: ({ found }) => [
    l10n.t('The last character of these parts could be another one: {0}.', plain(found)),
    l10n.t('Do not compare or block tokens by their text: several texts are the same token.'),
  ],

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
    l10n.t(
      'Expected {0}, found {1}: they differ in the slash at the end only.',
      quoted(expected),
      quoted(found),
    ),
    l10n.t(
      'Issuers are compared character by character. Write it as the token does, if that is the right issuer.',
    ),
  ],
  azp_missing: ({ found }) => [
    l10n.t(
      'The ID token has several audiences ({0}) and does not say which client asked for it.',
      plain(found),
    ),
    l10n.t('OpenID Connect wants the claim azp then.'),
  ],

  time_not_a_number: ({ found }) => [
    l10n.t('The time is not a number: {0}.', plain(found)),
    l10n.t('RFC 7519 wants seconds since 1970 as a number. The issuer has to correct this.'),
  ],
  time_in_milliseconds: ({ found }) => [
    l10n.t(
      'The time is in milliseconds: {0}. Read as seconds it lies thousands of years ahead.',
      plain(found),
    ),
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
} satisfies Record<Exclude<CheckCode, ErrorCode>, (check: Check) => Sentences> as Record<
  Exclude<CheckCode, ErrorCode>,
  (check: Check) => Sentences
>;

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

function keySetSentences({ data }: Check): Sentences {
  const host = plain(data?.host, l10n.t('the issuer'));
  const check = l10n.t('Check jwksUri: it must be the address of a JWK Set, a JSON object with "keys".');
  switch (data?.reason) {
    case 'html':
      return [l10n.t('{0} answered with a web page where a key set was expected.', host), check];
    case 'not_json':
      return [l10n.t('The key set of {0} is not JSON.', host), check];
    case 'empty':
      return [
        l10n.t('The key set of {0} is empty, so no signature can be checked.', host),
        l10n.t('Wait for the issuer to publish its keys, or check jwksUri.'),
      ];
    case 'no_usable_key':
      return [
        l10n.t(
          'The key set of {0} has {1} entries, and none is a public key that is known here.',
          host,
          plain(data.ignored),
        ),
        check,
      ];
    default:
      return [l10n.t('The answer of {0} is JSON and no key set.', host), check];
  }
}

function keySentences({ data }: Check): Sentences {
  switch (data?.reason) {
    case 'private_key':
      return [
        l10n.t('This is a private key. It is not needed to check a signature, and it was not used.'),
        l10n.t('Give the public key or the certificate instead.'),
      ];
    case 'ssh':
      return [
        l10n.t('This is a key in the form of OpenSSH.'),
        l10n.t('Convert it with ssh-keygen -e -m PKCS8 -f <file> and give the result.'),
      ];
    case 'pem':
      return [
        l10n.t('This PEM holds no public key or certificate that is known here.'),
        l10n.t('Give everything from -----BEGIN to -----END, with an RSA, EC or Ed25519 key.'),
      ];
    case 'json':
      return [l10n.t('This looks like JSON and is not.'), l10n.t('Give a complete JWK or JWK Set.')];
    case 'kty':
      return [
        l10n.t('This JSON is no JWK of a known kind, or members of it are missing.'),
        l10n.t(
          'Give a complete JWK: n and e for RSA, crv, x and y for EC, crv and x for Ed25519, k for a secret.',
        ),
      ];
    default:
      return [
        l10n.t('There is no key.'),
        l10n.t('Give a PEM, a JWK, a JWK Set or, for HMAC, the shared secret as text.'),
      ];
  }
}

function kindOf(kind: string | undefined): string {
  switch (kind) {
    case 'id_token':
      return l10n.t('ID token');
    case 'refresh_token':
      return l10n.t('offline or refresh token');
    default:
      return l10n.t('access token');
  }
}

/** Names of checks that stand for a claim or a parameter are their own. */
function nameOf(id: string): string {
  return id === 'header_key' ? l10n.t('key in its header') : id;
}

/** Where the clock explains the failure it is named; otherwise it is one of the things to look at. */
function clockOr(data: Check['data'], otherwise: string): string {
  return typeof data?.ahead === 'number' ? skewAdvice(data.ahead) : otherwise;
}

function plain(value: string | number | boolean | undefined, otherwise = ''): string {
  return value === undefined || value === '' ? otherwise : printable(String(value), 200);
}

function quoted(value: string | number | undefined): string {
  return `"${plain(value)}"`;
}

function dateOf(at: number | undefined): string {
  return dateText(at ?? Number.NaN);
}
