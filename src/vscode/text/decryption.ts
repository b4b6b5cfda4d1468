import { l10n } from 'vscode';
import type { DataOf } from '../../core/errors.ts';
import { show, unknownReason } from './answerErrors.ts';

/** Why a token was not decrypted, and why a key was not remembered. */
export const decryptionSentences = {
  not_encrypted: ({ kind }: DataOf<'not_encrypted'>) =>
    kind === 'jws'
      ? l10n.t('This token is signed and not encrypted. Decode it or verify it: no key is needed to read it.')
      : l10n.t('This is no encrypted token (JWE): those have five parts. Copy the whole token.'),
  jwe_refused: refused,
  decryption_failed: ({ tried }: DataOf<'decryption_failed'>) =>
    tried > 1
      ? l10n.t('None of {0} keys decrypts this token. Check that it is complete, and who it is for.', tried)
      : l10n.t(
          'This key does not decrypt this token. Check that the token is complete, and that it was encrypted for this key.',
        ),
  keys_unreadable: ({ reason }: DataOf<'keys_unreadable'>) =>
    reason === 'newer'
      ? l10n.t(
          'The remembered keys were written by a newer version of JWT Workbench and are kept as they are. Update the extension.',
        )
      : l10n.t(
          'The remembered keys cannot be read ({0}) and are kept as they are. Run Forget Remembered Keys to delete them.',
          show(reason, l10n.t('no reason given')),
        ),
  keys_full: ({ limit }: DataOf<'keys_full'>) =>
    l10n.t('At most {0} keys are remembered, and no long ones. Run Forget Remembered Keys first.', show(limit, '50')),
} as const;

function refused({ reason, found, limit }: DataOf<'jwe_refused'>): string {
  switch (reason) {
    case 'rsa1_5':
      return l10n.t(
        'This token is encrypted with RSA1_5, which is not decrypted here: its padding can be attacked (RFC 8725). The sender should use RSA-OAEP-256.',
      );
    case 'alg':
      return l10n.t(
        'Nothing is decrypted with the key management "{0}" (alg). Known are RSA-OAEP, ECDH-ES, A128KW, A128GCMKW, PBES2 and their relatives, and dir.',
        show(found),
      );
    case 'enc':
      return l10n.t(
        'Nothing is decrypted with the content encryption "{0}" (enc). Known are A128GCM to A256GCM and A128CBC-HS256 to A256CBC-HS512.',
        show(found),
      );
    case 'crit':
      return l10n.t(
        'The token demands extensions that are not known here (crit: {0}). RFC 7516 says that it must be refused.',
        show(found),
      );
    case 'zip':
      return l10n.t('The content is compressed in a way that is not known here (zip: {0}). Only DEF is.', show(found));
    case 'zip_platform':
      return l10n.t('The content is compressed, and this VS Code cannot unpack it. Try a newer one.');
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
      return l10n.t(
        'The content cannot be unpacked, or comes to more than {0} bytes, as no token does. It was thrown away.',
        show(limit),
      );
    case 'malformed':
      return l10n.t('A part of this token has a value that it cannot have. Copy the whole token again.');
    default:
      return unknownReason(reason);
  }
}
