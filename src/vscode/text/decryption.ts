import { l10n } from 'vscode';
import type { DataOf } from '../../core/errors.ts';
import { show, unknownReason } from './answerErrors.ts';

/** Why a token was not decrypted, and why a key was not remembered. */
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
