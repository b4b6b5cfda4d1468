import { l10n } from 'vscode';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const month = 30.44 * day;
const year = 365.25 * day;

/**
 * The step in milliseconds for countdowns in the tree. When a text changes, VS Code makes the buttons of its row anew, so
 * that a click at that moment is lost, and gives the focus back to the tree if it had it a moment ago, which closes a list
 * that has just opened.
 */
export const calmStep = 10 * second;

/**
 * A duration in one or two units: "42 s", "5 min", "3 h 20 min", "12 days". It is rounded to the nearest minute or day,
 * so that a token just issued for 5 minutes has "5 min" left. Seconds are rounded down.
 * @param ms milliseconds
 * @param step milliseconds; with another one than a second, a duration below a minute is "< 50 s", because a narrow
 * sidebar cuts off the end
 * @param spoken writes "under 50 s" instead, for screen readers
 */
export function durationText(ms: number, step = second, spoken = false): string {
  const length = Math.abs(ms);
  if (length < minute) {
    const steps = Math.floor(length / step);
    if (step === second) return l10n.t('{0} s', steps);
    const limit = ((steps + 1) * step) / second;
    return spoken ? l10n.t('under {0} s', limit) : l10n.t('< {0} s', limit);
  }
  if (length < 2 * day) {
    const all = Math.round(length / minute);
    const [hours, minutes] = [Math.floor(all / 60), all % 60];
    if (hours === 0) return l10n.t('{0} min', minutes);
    return minutes === 0 ? l10n.t('{0} h', hours) : l10n.t('{0} h {1} min', hours, minutes);
  }
  if (length < 2 * month) return l10n.t('{0} days', Math.round(length / day));
  if (length < 2 * year) return l10n.t('{0} months', Math.round(length / month));
  return l10n.t('{0} years', Math.round(length / year));
}

/** The length of a wait, rounded up: it is over when that time has passed. @param ms milliseconds */
export function waitText(ms: number): string {
  const unit = ms <= minute - second ? second : minute;
  return durationText(Math.ceil(ms / unit) * unit);
}

/** "in 5 min", "3 h ago" or "now". Both moments in milliseconds since the epoch. */
export function relativeText(time: number, now: number, step = second, spoken = false): string {
  const distance = time - now;
  if (Math.abs(distance) < second && step === second) return l10n.t('now');
  const length = durationText(distance, step, spoken);
  return distance > 0 ? l10n.t('in {0}', length) : l10n.t('{0} ago', length);
}

/** "a, b, c", with the comma of the user's language. */
export function listText(parts: readonly string[]): string {
  return parts.length === 0 ? '' : parts.reduce((list, part) => l10n.t('{0}, {1}', list, part));
}

/** Local date and time to the second, in a sortable format: "2019-04-06 10:04:29". */
export function dateText(time: number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return l10n.t('a date out of range');
  const two = (value: number) => `${value}`.padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The time of day, with the date unless it is today, for texts that do not count down. */
export function clockText(time: number, now: number): string {
  const [text, today] = [dateText(time), dateText(now)];
  return text.slice(0, 10) === today.slice(0, 10) ? text.slice(11) : text;
}

/** The distance from now, then the date. The distance comes first, because a narrow sidebar cuts off the end. */
export function momentText(time: number, now: number, step = second, spoken = false): string {
  return l10n.t('{0} ({1})', relativeText(time, now, step, spoken), dateText(time));
}

/**
 * Milliseconds until `durationText` of the time left until `end` changes. Countdowns redraw no more often than that:
 * every step in the last minute, otherwise every minute or day.
 */
export function nextChange(end: number, now: number, step = second): number {
  const distance = end - now;
  const length = Math.abs(distance);
  const [unit, least] = length < minute ? [step, 0] : length < 2 * day ? [minute, minute] : [day, 2 * day];
  // Seconds change at their end, rounded units in their middle.
  const over = (unit === step ? length : length + unit / 2) % unit;
  const part = distance > 0 ? Math.min(over, length - least) : unit - over;
  return Math.max(part, 20) + 1;
}

/** "This machine is 93 s ahead of the issuer." @param ahead milliseconds, negative if it is behind */
export function skewText(ahead: number): string {
  return ahead > 0
    ? l10n.t("The clock of this computer is {0} ahead of the issuer's.", lengthText(ahead))
    : l10n.t("The clock of this computer is {0} behind the issuer's.", lengthText(ahead));
}

/** The same, with advice. */
export function skewAdvice(ahead: number): string {
  const text = l10n.t("Let the system set the clock of this computer; if it is right, the issuer's clock is wrong.");
  return `${skewText(ahead)} ${text}`;
}

/** Rounded, in seconds up to ten minutes, because clock differences of seconds matter. */
export function lengthText(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  return seconds < 600 ? l10n.t('{0} s', seconds) : durationText(seconds * 1000);
}
