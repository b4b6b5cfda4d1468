import { l10n } from 'vscode';
import type { DataOf, ErrorCode } from '../../core/errors.ts';
import { show, unknownReason } from './answerErrors.ts';

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
    l10n.t('No import can be undone here: nothing was replaced, or the tokens have been refreshed since.'),
  nothing_to_import: ({ reason, error }) =>
    reason === 'empty'
      ? l10n.t('The text is empty. Paste a token response, a token or a command line with one.')
      : reason === 'error_response'
        ? l10n.t('This is an error response ({0}) without tokens. Paste a successful response.', show(error))
        : reason === 'masked'
          ? l10n.t('The tokens in this text are masked. Copy them from a place that shows them whole.')
          : reason === 'base64'
            ? l10n.t(
                'This is base64 of another text, which may be the token. Decode it and paste the result. Where the token itself reads like this, paste it as refresh_token=TOKEN.',
              )
            : l10n.t('No token was found in this text. Paste a token response, a token or a command line with one.'),
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
