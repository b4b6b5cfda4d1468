import type { CheckCode, CheckStatus, Finding } from './checks.ts';

type Details = Omit<Finding, 'status' | 'code'>;

function finding(status: CheckStatus) {
  return (code: CheckCode, details?: Details): Finding => withDetails({ status, code }, details);
}

/** Adds them member by member: a spread takes several times as long, and each token has a score of findings. */
export function withDetails<Target extends Finding>(
  target: { -readonly [Member in keyof Target]: Target[Member] },
  details: Details | undefined,
): Target {
  if (details === undefined) return target;
  const { expected, found, at, data } = details;
  if (expected !== undefined) target.expected = expected;
  if (found !== undefined) target.found = found;
  if (at !== undefined) target.at = at;
  if (data !== undefined) target.data = data;
  return target;
}

export const passed = finding('passed');
export const failed = finding('failed');
export const warning = finding('warning');
export const skipped = finding('skipped');

/** The longest value that a finding repeats. */
const shownLimit = 200;

/** A value of a token as text of bounded length. Its characters are as they come: who shows it escapes them. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > shownLimit ? `${text.slice(0, shownLimit)}...` : text;
}
