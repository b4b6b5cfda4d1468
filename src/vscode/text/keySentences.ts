import { l10n } from 'vscode';
import type { Check } from '../../core/checks.ts';
import { plain, type Sentences } from './checkWords.ts';

/** Why an issuer's key set is none. */
export function keySetSentences({ data }: Check): Sentences {
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

/** Why a text that was given is no key. */
export function keySentences({ data }: Check): Sentences {
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
