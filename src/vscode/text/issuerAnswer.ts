import { l10n } from 'vscode';
import type { AskedToken, IssuerAnswer } from '../../core/issuer/askIssuer.ts';
import { printable } from '../../core/redact.ts';
import type { Difference } from '../../core/tokens/compareTokens.ts';
import { durationText, momentText } from './time.ts';

/**
 * Whether issuer and token agree that it is still good.
 * @param end of the token, in milliseconds since the epoch
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
      ? // LemonLDAP::NG says so of each.
        l10n.t(
          'Not active at the issuer, although its time is not over here. It was revoked, this client may not ask about it, or the issuer introspects access tokens only and calls every refresh token inactive.',
        )
      : l10n.t(
          'Not active at the issuer, although it has not expired here. It was revoked, or this client may not introspect it.',
        );
}

/**
 * A note on the audience of a token, where it is not the audience of the connection's tokens.
 * @param found `aud` of the issuer's answer or of the token
 */
export function audienceText(expected: string | undefined, found: unknown): string | undefined {
  const named = [found].flat().filter(each => typeof each === 'string');
  if (expected === undefined || named.length === 0 || named.includes(expected)) return undefined;
  return l10n.t(
    'The token is for {0}, and the connection expects {1}. Some issuers call a token inactive for every other audience.',
    printable(named.join(', '), 200),
    printable(expected, 200),
  );
}

export function answerOriginText({ signed }: IssuerAnswer): string {
  return signed ? l10n.t('The issuer says (signed and verified):') : l10n.t('The issuer says (not signed):');
}

/** Behind a claim of the issuer's answer that the token has otherwise or not at all. */
export function differenceText({ change, before, seconds }: Difference): string | undefined {
  if (change === 'added') return l10n.t('DIFFERENT: the token does not say this.');
  if (change === 'removed') return l10n.t('DIFFERENT: the issuer does not say this.');
  if (seconds === undefined) return l10n.t('DIFFERENT: the token says {0}.', JSON.stringify(before));
  const length = durationText(Math.abs(seconds) * 1000);
  return seconds > 0
    ? l10n.t('DIFFERENT: {0} later than in the token.', length)
    : l10n.t('DIFFERENT: {0} earlier than in the token.', length);
}
