import { l10n } from 'vscode';
import type { ErrorData } from '../../core/errors.ts';
import { show } from './answerErrors.ts';

/** A key that was given cannot be read. */
export function invalidKey({ reason }: ErrorData): string {
  switch (reason) {
    case 'empty':
      return l10n.t(
        'There is no key here. Give a PEM, a JWK, a JWK Set or, for HMAC, the shared secret as text.',
      );
    case 'private_key':
      return l10n.t(
        'This is a private key, and checking a signature takes the public one. Give that, and treat this one as exposed.',
      );
    case 'ssh':
      return l10n.t('This is a key in SSH form. Convert it with: ssh-keygen -e -m PKCS8 -f <file>.');
    case 'json':
      return l10n.t('This starts like a JWK and is no complete JSON. Copy it again.');
    case 'kty':
      return l10n.t('This JWK has no type of key (kty) that is known: RSA, EC, OKP and oct are.');
    case 'pem':
      return l10n.t(
        'This PEM cannot be read. Copy the whole block, from BEGIN to END, of a public key or a certificate.',
      );
    default:
      return l10n.t(
        'This key cannot be read. Give a PEM, a JWK, a JWK Set or, for HMAC, the shared secret as text.',
      );
  }
}

/** A key set cannot be used. */
export function invalidKeySet({ reason, host }: ErrorData): string {
  const from = host === undefined ? l10n.t('This key set') : l10n.t('The key set of {0}', show(host));
  switch (reason) {
    case 'html':
      return l10n.t('{0} is a web page. Check jwksUri; a proxy or a login page may stand in between.', from);
    case 'no_keys_member':
      return l10n.t('{0} has no list "keys", as a JWK Set must have. Check jwksUri.', from);
    case 'empty':
      return l10n.t('{0} holds no keys, so no signature can be checked.', from);
    case 'no_usable_key':
      return l10n.t('{0} holds keys, but none that can be used to check a signature.', from);
    default:
      return l10n.t('{0} is no JSON object, so no signature can be checked. Check jwksUri.', from);
  }
}
