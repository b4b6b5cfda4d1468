import { l10n } from 'vscode';
import type { Check } from '../../core/checks/checks.ts';
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
