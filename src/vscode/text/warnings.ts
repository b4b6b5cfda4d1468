import { l10n } from 'vscode';
import type { TokenWarning } from '../../core/tokens/tokenParts.ts';

/** The header of an encrypted token repeats a claim, and says something else than the claim does. */
export function describeDiffering(claim: string): string {
  return l10n.t(
    'The header of the encrypted token gives "{0}" another value than the claims do (RFC 7519 section 5.3).',
    claim,
  );
}

/** What is odd about a token that could still be read. */
export function describeTokenWarning({ code, part, member = '', found = '' }: TokenWarning): string {
  switch (code) {
    case 'duplicate_member':
      return l10n.t('"{0}" appears twice in the {1}. Readers disagree on which one counts.', member, part);
    case 'time_not_a_number':
      return l10n.t('"{0}" is not a number. RFC 7519 wants seconds since 1970 as a number.', member);
    case 'time_in_milliseconds':
      return l10n.t('"{0}" looks like milliseconds. RFC 7519 wants seconds since 1970.', member);
    case 'time_out_of_range':
      return l10n.t('"{0}" is not a valid date.', member);
    case 'alg_missing':
      return l10n.t('The header names no algorithm, so the signature cannot be checked.');
    case 'alg_none':
      return l10n.t('The algorithm is "none": the token is not signed and anyone could have written it.');
    case 'signature_missing':
      return l10n.t('The signature is empty: anyone could have written this token.');
    case 'crit':
      return l10n.t('The header lists critical extensions. A reader that does not know them must refuse it.');
    case 'b64_false':
      return l10n.t('The payload is not base64url encoded (b64 is false). RFC 7797 forbids that for a JWT.');
    case 'embedded_key':
      return l10n.t('The header brings its own key in "{0}". It is shown here and never used.', member);
    case 'not_claims':
      return l10n.t('The payload is not a JSON object: this is signed content (RFC 7515), not a JWT.');
    case 'base64':
      return l10n.t(
        'The {0} is written as base64 with padding or with + and /, where base64url belongs (RFC 7515). Many libraries refuse this token.',
        part,
      );
    case 'not_utf8':
      return l10n.t('The {0} is not UTF-8 (RFC 7519). It was read as Latin-1, and other readers may fail.', part);
    case 'number_rounded':
      return l10n.t(
        '"{0}" is the number {1}. JavaScript and many other readers round it: the issuer should send it as a string.',
        member,
        found,
      );
    case 'cut':
      return l10n.t('The signature is missing: only the header and the payload were copied.');
    case 'non_canonical':
      return l10n.t('The {0} has an unusual base64url ending: other spellings of this token mean the same.', part);
  }
}
