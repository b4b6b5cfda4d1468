/** What the sentences about checks have in common. What a token says is shown with its invisible characters. */
import { l10n } from 'vscode';
import type { Check } from '../../core/checks/checks.ts';
import { printable, valueText } from '../../core/redact.ts';
import { skewAdvice } from './clock.ts';
import { dateText } from './time.ts';

/** What was found, and what to do where something can be done. */
export type Sentences = readonly [detail: string, advice?: string];

export type SentencesOf = (check: Check) => Sentences;

export function kindOf(kind: string | undefined): string {
  switch (kind) {
    case 'id_token':
      return l10n.t('ID token');
    case 'refresh_token':
      return l10n.t('offline or refresh token');
    default:
      return l10n.t('access token');
  }
}

/** Names of checks that stand for a claim or a parameter are their own. */
export function nameOf(id: string): string {
  return id === 'header_key' ? l10n.t('key in its header') : id;
}

/** Where the clock explains the failure it is named; otherwise it is one of the things to look at. */
export function clockOr(data: Check['data'], otherwise: string): string {
  return typeof data?.ahead === 'number' ? skewAdvice(data.ahead) : otherwise;
}

export function plain(value: string | number | boolean | undefined, otherwise = ''): string {
  return value === undefined || value === '' ? otherwise : printable(valueText(value), 200);
}

export function quoted(value: string | number | undefined): string {
  return `"${plain(value)}"`;
}

export function dateOf(at: number | undefined): string {
  return dateText(at ?? Number.NaN);
}
