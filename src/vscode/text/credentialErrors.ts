import { l10n } from 'vscode';
import type { DataOf } from '../../core/errors.ts';
import { show, unknownReason } from './answerErrors.ts';

/** What a client was to prove itself with, and why that cannot be. */
export const credentialSentences = {
  client_secret_missing: ({ method }: DataOf<'client_secret_missing'>) =>
    l10n.t(
      'The client secret ({0}) is missing. Run "Set Client Secret or Key", or set tokenEndpointAuthMethod to none for a public client.',
      show(method),
    ),
  private_key_missing: ({ method }: DataOf<'private_key_missing'>) =>
    l10n.t('The private key ({0}) is missing. Run "Set Client Secret or Key".', show(method)),
  auth_method_unsupported: ({ method }: DataOf<'auth_method_unsupported'>) =>
    l10n.t(
      'The client authentication {0} takes a TLS certificate, which VS Code cannot show from a browser. Use the desktop, or another tokenEndpointAuthMethod.',
      show(method),
    ),
  credential_invalid: invalidCredential,
  client_certificate_refused: ({ host, detail }: DataOf<'client_certificate_refused'>) =>
    l10n.t(
      '{0} did not accept the certificate of this client ({1}), so the request was not read. Check that the certificate has not expired and is registered there, then run "Set Client Secret or Key".',
      show(host),
      show(detail),
    ),
  dpop_key_lost: () =>
    l10n.t(
      'These tokens are bound to a key (DPoP) that is no longer stored, so nothing was sent. Sign in again: only new tokens can be bound to a new key.',
    ),
} as const;

function invalidCredential({ reason, found, expected }: DataOf<'credential_invalid'>): string {
  switch (reason) {
    case 'empty':
      return l10n.t('The text is empty. Paste a private key as PEM (PKCS #8) or JWK.');
    case 'public_key':
      return l10n.t('This is the public key, which belongs at the issuer. Paste the private key.');
    case 'certificate':
      return l10n.t('This is a certificate without its private key. Paste both, one after the other.');
    case 'certificate_missing':
      return l10n.t('This is a private key without its certificate. Paste both PEM blocks, one after the other.');
    case 'certificate_mismatch':
      return l10n.t('The certificate and the private key do not match, or one of them is damaged.');
    case 'encrypted':
      return l10n.t(
        'This private key is encrypted with a passphrase. Decrypt it with: openssl pkcs8 -topk8 -nocrypt -in <file>. It is kept in VS Code SecretStorage.',
      );
    case 'ssh':
      return l10n.t('This is a key in SSH form. Convert a copy of it with: ssh-keygen -p -m PKCS8 -f <file>.');
    case 'symmetric':
      return l10n.t(
        'This JWK is a shared secret, not a private key. Set tokenEndpointAuthMethod to client_secret_jwt for it.',
      );
    case 'several':
      return l10n.t('This is a set of keys. Paste the one that this client signs with.');
    case 'kty':
      return l10n.t('This kind of JWK cannot sign. Supported: RSA, EC (P-256, P-384, P-521) and Ed25519.');
    case 'broken':
      return l10n.t('This private key is damaged or not complete. Copy it again, from its beginning to its end.');
    case 'no_tls':
      return l10n.t('{0} has no TLS, so no client certificate can be used. Use an https URL.', show(found));
    case 'secret_short':
      return l10n.t(
        'client_secret_jwt needs a secret of at least {1} bytes (RFC 7518), and this one has {0}. Have the issuer make a longer one, or use client_secret_basic.',
        show(found),
        show(expected),
      );
    case 'algorithm':
      return l10n.t(
        'This key signs with {0}, and the issuer accepts {1} from clients. Register a key of the right kind there and store it here.',
        show(found),
        show(expected),
      );
    case 'unknown':
      return l10n.t('Not a private key. Paste PEM (PKCS #8), from BEGIN to END, or a JWK.');
    default:
      return unknownReason(reason);
  }
}
