import { l10n } from 'vscode';
import type { ImportSource, ImportWarning } from '../../core/imports/importText.ts';
import type { ForeignOrigin } from '../../core/imports/tokenOwner.ts';
import type { AskedToken, IssuerAnswer } from '../../core/issuer/askIssuer.ts';
import { printable } from '../../core/redact.ts';
import type { TokenWarning } from '../../core/tokens/tokenParts.ts';
import type { Difference } from '../../core/tokens/tokenUse.ts';
import { durationText, momentText } from './time.ts';

/** The header of an encrypted token repeats a claim with a different value. */
export function describeDiffering(claim: string): string {
  return l10n.t(
    'The header of the encrypted token gives "{0}" another value than the claims do (RFC 7519 section 5.3).',
    claim,
  );
}

/** Oddities of a token that could still be decoded. */
export function describeTokenWarning({ code, part, member = '', found = '' }: TokenWarning): string {
  switch (code) {
    case 'duplicate_member':
      return l10n.t('"{0}" appears twice in the {1}. Readers disagree on which one counts.', member, part);
    case 'time_not_a_number':
      return l10n.t('"{0}" is not a number. RFC 7519 requires seconds since 1970 as a number.', member);
    case 'time_in_milliseconds':
      return l10n.t('"{0}" looks like milliseconds. RFC 7519 requires seconds since 1970.', member);
    case 'time_out_of_range':
      return l10n.t('"{0}" is not a valid date.', member);
    case 'alg_missing':
      return l10n.t('The header names no algorithm, so the signature cannot be checked.');
    case 'alg_none':
      return l10n.t('The algorithm is "none": the token is not signed and anyone could have written it.');
    case 'signature_missing':
      return l10n.t('The signature is empty: anyone could have written this token.');
    case 'crit':
      return l10n.t('The header lists critical extensions. A verifier that does not know them must reject the token.');
    case 'b64_false':
      return l10n.t('The payload is not base64url encoded (b64 is false). RFC 7797 forbids that for a JWT.');
    case 'embedded_key':
      return l10n.t('The header contains its own key in "{0}". It is shown here and never used.', member);
    case 'not_claims':
      return l10n.t('The payload is not a JSON object: this is signed content (RFC 7515), not a JWT.');
    case 'base64':
      return l10n.t(
        'The {0} is base64 with padding or with + and /, where RFC 7515 requires base64url. Many libraries reject this token.',
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
      return l10n.t('The {0} does not end in canonical base64url: other spellings decode to the same token.', part);
  }
}

export function describeSource(source: ImportSource): string {
  switch (source) {
    case 'token_response':
      return l10n.t('a token response');
    case 'pairs':
      return l10n.t('parts of a token response');
    case 'bearer_header':
      return l10n.t('an Authorization header');
    case 'jwt':
      return l10n.t('a JWT');
    case 'refresh_token':
      return l10n.t('a refresh token');
    case 'access_token':
      return l10n.t('an access token');
  }
}

/** What the import changed or guessed. */
export function describeImportWarning({ code, member = 'access_token' }: ImportWarning): string {
  switch (code) {
    case 'whitespace_removed':
      return l10n.t('Spaces or line breaks inside "{0}" were removed: the text was wrapped.', member);
    case 'number_as_text':
      return l10n.t('"{0}" is a number written as text and was read as a number.', member);
    case 'list_as_text':
      return l10n.t('"{0}" is a list and was read as one text with spaces.', member);
    case 'member_ignored':
      return l10n.t('"{0}" has no usable value and was ignored.', member);
    case 'duplicate_member':
      return l10n.t('"{0}" appears twice in the text. The last one was used.', member);
    case 'several_found':
      return l10n.t('The text contains several sets of tokens. One was used: check that it is the right one.');
    case 'token_damaged':
      return l10n.t('"{0}" looks like a JWT but cannot be decoded. It was imported unchanged.', member);
    case 'looks_like_other_token':
      return l10n.t('"{0}" has the claims of another kind of token. Check that it is the right one.', member);
    case 'base64_decoded':
      return l10n.t('"{0}" was encoded in base64 and was decoded.', member);
    case 'base64_kept':
      return l10n.t(
        '"{0}" is base64 of another text. It was imported unchanged: check whether it must be decoded.',
        member,
      );
    case 'percent_decoded':
      return l10n.t('"{0}" was percent-encoded and was decoded.', member);
    case 'use_assumed':
      return l10n.t('Nothing in the token says what it is. It was imported as "{0}".', member);
  }
}

export function foreignText({ member, expected, found }: ForeignOrigin): string {
  return member === 'issuer'
    ? l10n.t('The tokens are from the issuer {0}, but the connection has {1}.', found, expected)
    : l10n.t('The tokens were issued to the client {0}, but the connection has {1}.', found, expected);
}

/**
 * Whether issuer and token agree that the token is active.
 * @param end expiry of the token, in milliseconds since the epoch
 */
export function activityText(
  { claims }: IssuerAnswer,
  end: number | undefined,
  now: number,
  token: AskedToken = 'access_token',
): string {
  const ended = end !== undefined && end <= now;
  if (claims.active === true)
    return ended
      ? l10n.t('Active at the issuer, but expired here: {0}. Compare the clocks.', momentText(end, now))
      : l10n.t('Active at the issuer.');
  return ended
    ? l10n.t('Not active at the issuer, and expired here: {0}.', momentText(end, now))
    : token === 'refresh_token'
      ? // LemonLDAP::NG reports every refresh token as inactive.
        l10n.t(
          'Not active at the issuer, although its time is not over here. It was revoked, this client may not ask about it, or the issuer introspects access tokens only and calls every refresh token inactive.',
        )
      : l10n.t(
          'Not active at the issuer, although it has not expired here. It was revoked, or this client may not introspect it.',
        );
}

/**
 * A note if the audience of a token differs from the connection's.
 * @param found `aud` of the issuer's response or of the token
 */
export function audienceText(expected: string | undefined, found: unknown): string | undefined {
  const named = [found].flat().filter(each => typeof each === 'string');
  if (expected === undefined || named.length === 0 || named.includes(expected)) return undefined;
  return l10n.t(
    'The token is for {0}, but the connection expects {1}. Some issuers call a token inactive for every other audience.',
    printable(named.join(', '), 200),
    printable(expected, 200),
  );
}

export function answerOriginText({ signed }: IssuerAnswer): string {
  return signed ? l10n.t('The issuer says (signed and verified):') : l10n.t('The issuer says (not signed):');
}

/** A comment behind a claim of the issuer's response that differs from the token or is missing there. */
export function differenceText({ change, before, seconds }: Difference): string | undefined {
  if (change === 'added') return l10n.t('DIFFERENT: the token does not say this.');
  if (change === 'removed') return l10n.t('DIFFERENT: the issuer does not say this.');
  if (seconds === undefined) return l10n.t('DIFFERENT: the token says {0}.', JSON.stringify(before));
  const length = durationText(Math.abs(seconds) * 1000);
  return seconds > 0
    ? l10n.t('DIFFERENT: {0} later than in the token.', length)
    : l10n.t('DIFFERENT: {0} earlier than in the token.', length);
}
