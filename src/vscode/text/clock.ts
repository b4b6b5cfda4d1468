import { l10n } from 'vscode';
import { durationText } from './time.ts';

/** "This machine is 93 s ahead of the issuer." @param ahead milliseconds, negative where it is behind */
export function skewText(ahead: number): string {
  return ahead > 0
    ? l10n.t('This machine is {0} ahead of the issuer.', lengthText(ahead))
    : l10n.t('This machine is {0} behind the issuer.', lengthText(ahead));
}

/** The same, and what to do. */
export function skewAdvice(ahead: number): string {
  const text = l10n.t("Let the system set the clock of this computer; if it is right, the issuer's clock is wrong.");
  return `${skewText(ahead)} ${text}`;
}

/** Rounded, and in seconds up to ten minutes: clocks are compared to the second. */
export function lengthText(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  return seconds < 600 ? l10n.t('{0} s', seconds) : durationText(seconds * 1000);
}
