/** Sentences about what a user gave: texts that are no tokens, and keys. */
import { l10n } from 'vscode';
import type { Check, KeyInfo } from '../../core/checks/finding.ts';
import type { RememberedKey } from '../../core/checks/rememberedKeys.ts';
import type { SecretForm } from '../../core/checks/secretText.ts';
import type { DataOf, ErrorCode } from '../../core/errors.ts';
import { printable } from '../../core/redact.ts';
import type { ForeignFormat } from '../../core/tokens/keyMaterial.ts';
import { joined, show, unknownReason } from './answerErrors.ts';
import { plain, type Sentences } from './checkWords.ts';

/** Errors of a text that is not a token or contains none. */
export const tokenTextSentences = {
  not_a_token: ({ reason, position }) =>
    reason === 'empty'
      ? l10n.t('The text is empty. Paste a token.')
      : reason === 'json'
        ? l10n.t(
            'This is the JSON form of a JWS or JWE, and a JWT requires the compact form (RFC 7519). Copy the form with dots between its parts.',
          )
        : typeof position === 'number'
          ? l10n.t('Not a token: the character at position {0} is not allowed. Copy the token again.', position + 1)
          : l10n.t('Not a token. Copy the token again, without the text around it.'),
  token_too_large: ({ size, limit }) =>
    l10n.t(
      'This token has {0} characters, and at most {1} are read. Check that it is one token only.',
      show(size),
      show(limit),
    ),
  token_too_deep: ({ part, limit }) =>
    l10n.t('The {0} of this token is nested more than {1} levels deep and was not read.', show(part), show(limit)),
  token_part_count: ({ parts }) =>
    l10n.t(
      'This text has {0} parts between dots. A signed JWT has three and an encrypted one five. Check that the whole token was copied.',
      show(parts),
    ),
  token_encoding: ({ part, position }) =>
    typeof position === 'number'
      ? l10n.t(
          'The {0} of this token is not base64url from position {1} on. Copy the token again.',
          show(part),
          position + 1,
        )
      : l10n.t('The {0} of this token is not base64url. Copy the token again.', show(part)),
  token_json: ({ part, reason }) =>
    reason === 'empty'
      ? l10n.t('The {0} of this token is empty. Where it is kept apart (RFC 7515 appendix F), put it in.', show(part))
      : l10n.t('The {0} of this token is not JSON. Check that the whole token was copied.', show(part)),
  token_not_an_object: ({ part }) =>
    l10n.t('The {0} of this token is JSON but not an object, so this is not a JWT.', show(part)),
  import_foreign: ({ expected, found }) =>
    l10n.t(
      'These tokens are from the issuer {0}, but the connection has {1}. Import them into a connection of their issuer, or pass "anyIssuer": true.',
      show(found),
      show(expected),
    ),
  nothing_to_undo: () =>
    l10n.t('No import can be undone here: nothing was replaced, or the tokens have been refreshed twice since.'),
  nothing_to_import: ({ reason, error, variety }) =>
    reason === 'empty'
      ? l10n.t('The text is empty. Paste a token response, a token or a command line with one.')
      : reason === 'error_response'
        ? l10n.t('This is an error response ({0}) without tokens. Paste a successful response.', show(error))
        : reason === 'masked'
          ? l10n.t(
              'This text has a mask or a reference in place of the token. Copy it from a place that shows the whole token.',
            )
          : reason === 'base64'
            ? l10n.t(
                'This is base64 of another text, which may be the token. Decode it and paste the result. Where the token itself reads like this, paste it as refresh_token=TOKEN.',
              )
            : reason === 'compressed'
              ? l10n.t(
                  'This is compressed data in base64 ({0}). Decode it from base64, decompress it and paste the result. Where a token itself reads like this, paste it as refresh_token=TOKEN.',
                  show(variety),
                )
              : reason === 'other_kind'
                ? l10n.t(
                    'This token is for something else ({0}), and a connection cannot use it. Paste an access token, an ID token or a refresh token.',
                    show(variety),
                  )
                : l10n.t(
                    'No token was found in this text. Paste a token response, a token or a command line with one.',
                  ),
} satisfies { readonly [C in ErrorCode]?: (data: DataOf<C>) => string };

/** Why a token could not be decrypted, or a key not remembered. */
export const decryptionSentences = {
  not_encrypted: ({ kind }: DataOf<'not_encrypted'>) =>
    kind === 'jws'
      ? l10n.t('This token is signed, not encrypted. Decode or verify it: reading it requires no key.')
      : l10n.t('Not an encrypted token (JWE): a JWE has five parts. Copy the whole token.'),
  jwe_refused: refused,
  decryption_failed: ({ tried }: DataOf<'decryption_failed'>) =>
    tried > 1
      ? l10n.t('None of {0} keys decrypts this token. Check that it is complete, and its recipient.', tried)
      : l10n.t(
          'This key does not decrypt this token. Check that the token is complete, and that it was encrypted for this key.',
        ),
  keys_unreadable: ({ reason }: DataOf<'keys_unreadable'>) =>
    reason === 'newer'
      ? l10n.t(
          'The remembered keys were written by a newer version of JWT Workbench and are kept. Update the extension.',
        )
      : l10n.t(
          'The remembered keys cannot be read ({0}) and are kept. Run Forget Remembered Keys to delete them.',
          show(reason, l10n.t('no reason given')),
        ),
  keys_full: ({ limit }: DataOf<'keys_full'>) =>
    l10n.t(
      'The limit of {0} remembered keys is reached, or the key is too long. Run Forget Remembered Keys first.',
      show(limit, '50'),
    ),
} as const;

function refused({ reason, found, limit }: DataOf<'jwe_refused'>): string {
  switch (reason) {
    case 'rsa1_5':
      return l10n.t(
        'This token is encrypted with RSA1_5, which is not decrypted here: its padding can be attacked (RFC 8725). The sender should use RSA-OAEP-256.',
      );
    case 'alg':
      return l10n.t(
        'The key management "{0}" (alg) is not supported. Supported: RSA-OAEP, ECDH-ES, A128KW, A128GCMKW, PBES2 and their variants, and dir.',
        show(found),
      );
    case 'enc':
      return l10n.t(
        'The content encryption "{0}" (enc) is not supported. Supported: A128GCM to A256GCM and A128CBC-HS256 to A256CBC-HS512.',
        show(found),
      );
    case 'crit':
      return l10n.t('The token requires unknown extensions (crit: {0}). RFC 7516 requires rejecting it.', show(found));
    case 'zip':
      return l10n.t('The compression "{0}" (zip) is not supported. Supported: DEF.', show(found));
    case 'zip_platform':
      return l10n.t('The content is compressed, and this version of VS Code cannot decompress it. Try a newer one.');
    case 'p2c':
      return l10n.t(
        'The token asks for {0} rounds of password hashing (p2c), which could take hours. At most {1} are done. Ask the sender for fewer.',
        show(found),
        show(limit),
      );
    case 'p2c_invalid':
      return l10n.t(
        'The number of rounds of password hashing (p2c) is not valid: {0}. The sender has to correct it.',
        show(found),
      );
    case 'work':
      return l10n.t(
        'Decrypting would take too long: {0} of {1} keys were tried, and none fits. Give the one key that the token was encrypted for.',
        show(found),
        show(limit),
      );
    case 'inflated':
      return l10n.t('The content cannot be decompressed, or has more than {0} bytes. It was discarded.', show(limit));
    case 'malformed':
      return l10n.t('A part of this token has an invalid value. Copy the whole token again.');
    default:
      return unknownReason(reason);
  }
}

/** What is wrong with a given key, and what to do. */
export function keyFlaw({ reason, found, form }: DataOf<'key_invalid'>): readonly [detail: string, advice: string] {
  const forms = l10n.t('Provide a PEM, a JWK, a JWK Set or, for a shared secret, its text.');
  switch (reason) {
    case 'empty':
      return [l10n.t('The text is empty.'), forms];
    case 'private_key':
    case 'ssh_private':
      return [
        l10n.t('This is a private key. Checking a signature requires the public one, so it was not used.'),
        l10n.t(
          'Give the public key or the certificate. If this key was pasted somewhere else as well, treat it as exposed.',
        ),
      ];
    case 'encrypted':
      return [
        l10n.t('This private key is encrypted with a passphrase, which is not supported here.'),
        l10n.t(
          'To check a signature give the public key. To decrypt, make a copy without a passphrase: openssl pkcs8 -topk8 -nocrypt -in <file>.',
        ),
      ];
    case 'public_key':
      return [
        l10n.t('This is a public key, but decrypting requires the private one.'),
        l10n.t('Give the private key of the recipient as PEM or JWK.'),
      ];
    case 'secret_for_key':
      return [
        l10n.t('This is a shared secret, but {0} requires a private key.', show(found)),
        l10n.t('Give the private key of the recipient as PEM or JWK.'),
      ];
    case 'key_for_secret':
      return [
        l10n.t('This is a private key, but {0} requires a shared secret.', show(found)),
        l10n.t('Give the shared secret.'),
      ];
    case 'ssh':
      return [
        l10n.t('This is a key in OpenSSH format.'),
        l10n.t('Convert it with ssh-keygen -e -m PKCS8 -f <file> and give the result.'),
      ];
    case 'foreign':
      return foreignFormat(found);
    case 'json':
      return [l10n.t('This looks like JSON but is not valid.'), l10n.t('Give a complete JWK or JWK Set.')];
    case 'kty':
      return [
        l10n.t('This JSON is not a known kind of JWK, or members are missing.'),
        l10n.t(
          'Give a complete JWK: n and e for RSA, crv, x and y for EC, crv and x for OKP, alg and pub for AKP, k for a secret.',
        ),
      ];
    case 'kind':
      return [
        l10n.t("This is a key of the kind {0}, which VS Code's Web Crypto does not have.", show(found)),
        l10n.t('Give a key of a kind that it has: RSA, P-256, P-384, P-521, Ed25519 or X25519.'),
      ];
    case 'compressed':
      return [
        l10n.t('The point of this EC key is compressed, which Web Crypto does not read.'),
        l10n.t('Convert it with openssl ec -pubin -in <file> -conv_form uncompressed and give the result.'),
      ];
    case 'too_long':
      return [l10n.t('This text is too long for a shared secret.'), forms];
    case 'not_in_form':
      return [
        l10n.t('This secret is not valid {0}.', show(form)),
        l10n.t('Check that it is complete, or choose another encoding.'),
      ];
    case 'public_as_secret':
      return [
        l10n.t('This is a key, not a shared secret: anyone who has a public key could sign tokens with it.'),
        l10n.t('Give it as a key, not as a secret.'),
      ];
    case 'length':
      return [
        l10n.t('This token requires a secret of {0} bits, but this one has {1}.', show(form), show(found)),
        l10n.t('Check the secret, and how it is written: as text, base64, base64url or hex.'),
      ];
    case 'rsa_too_short':
      return [
        l10n.t('This RSA key has {0} bits; at least 2048 are required.', show(found)),
        l10n.t('The recipient needs a longer key.'),
      ];
    case 'unsuitable':
      return [
        l10n.t(
          'This key cannot be used with {0}: it is of another kind or curve, meant for something else, or damaged.',
          show(found),
        ),
        l10n.t('Check that it is the key that the token was encrypted for.'),
      ];
    case 'pem':
      return [
        l10n.t('This is not a key in a known format.'),
        l10n.t('Copy the whole block, from -----BEGIN to -----END, of a key or a certificate.'),
      ];
    default:
      return [unknownReason(reason), forms];
  }
}

/** A file with keys in another format: its name, and how to get a PEM out of it. */
export function foreignFormat(found: string | number | undefined): readonly [detail: string, advice: string] {
  const commands: Readonly<Record<ForeignFormat, string>> = {
    'PKCS #12': 'openssl pkcs12 -in <file> -nodes',
    'PKCS #7': 'openssl pkcs7 -in <file> -print_certs',
    PuTTY: 'puttygen <file> -O private-openssh -o key && ssh-keygen -p -m PKCS8 -f key',
    OpenPGP: '',
    'Java keystore': 'keytool -importkeystore -srckeystore <file> -destkeystore out.p12 -deststoretype PKCS12',
  };
  const command = commands[found as ForeignFormat];
  return [
    l10n.t('This is a file in the format {0}, which is not read here.', show(found)),
    command ? l10n.t('Get a PEM from it with: {0}', command) : l10n.t('JOSE has no such keys. Give a PEM or a JWK.'),
  ];
}

export function invalidKey(data: DataOf<'key_invalid'>): string {
  return joined(...keyFlaw(data));
}

/** Why a key set cannot be used. */
export function invalidKeySet({ reason, host }: DataOf<'jwks_invalid'>): string {
  const from = host === undefined ? l10n.t('This key set') : l10n.t('The key set of {0}', show(host));
  switch (reason) {
    case 'html':
      return l10n.t('{0} is a web page. Check jwksUri; a proxy or a login page may be in between.', from);
    case 'no_keys_member':
      return l10n.t('{0} has no list "keys", as a JWK Set must have. Check jwksUri.', from);
    case 'empty':
      return l10n.t('{0} contains no keys, so no signature can be checked.', from);
    case 'no_usable_key':
      return l10n.t('{0} contains keys, but none that can check a signature.', from);
    case 'not_json':
    case 'not_an_object':
      return l10n.t('{0} is not a JSON object, so no signature can be checked. Check jwksUri.', from);
    default:
      return unknownReason(reason);
  }
}

/** Why an issuer's key set cannot be used. */
export function keySetSentences({ data }: Check): Sentences {
  const host = plain(data?.host, l10n.t('the issuer'));
  const check = l10n.t('Check jwksUri: it must be the URL of a JWK Set, a JSON object with "keys".');
  switch (data?.reason) {
    case 'html':
      return [l10n.t('{0} answered with a web page where a key set was expected.', host), check];
    case 'not_json':
      return [l10n.t('The key set of {0} is not JSON.', host), check];
    case 'empty':
      return [
        l10n.t('The key set of {0} is empty, so no signature can be checked.', host),
        l10n.t('Wait until the issuer publishes its keys, or check jwksUri.'),
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
      return [l10n.t('The response of {0} is JSON but not a key set.', host), check];
  }
}

/** Describes a key without revealing it: "RSA, 2048 bits, kid 2024-1". */
export function keyText({ kty, crv, size, kid, alg }: NonNullable<RememberedKey['about']>): string {
  const kind = kty === 'oct' ? l10n.t('shared secret') : (crv ?? (kty === 'AKP' ? alg : undefined) ?? kty);
  const bits = size === undefined ? undefined : l10n.t('{0} bits', size);
  const id = kid === undefined ? undefined : l10n.t('key id {0}', printable(kid, 60));
  return [kind, bits, id].filter(each => each !== undefined).join(', ');
}

export function keysText(keys: readonly KeyInfo[]): string {
  const [first] = keys;
  return first !== undefined && keys.length === 1 ? keyText(first) : l10n.t('{0} keys', keys.length);
}

/** Where a remembered key comes from, or what it is. */
export function rememberedText({ source, about }: Pick<RememberedKey, 'source' | 'about'>): string {
  if ('jwksUri' in source) return l10n.t('Keys at {0}', printable(source.jwksUri, 100));
  if ('issuer' in source) return l10n.t('Keys of {0}', printable(source.issuer, 100));
  return about ? keyText(about) : l10n.t('A key');
}

export function formText(form: SecretForm): string {
  return form === 'text' ? l10n.t('plain text') : form;
}
