import { l10n } from 'vscode';
import { itemWords } from '../../contributions.ts';
import type { HistoryEntry } from '../../core/records/history.ts';
import type { RefreshOutcome } from '../../core/records/refreshResult.ts';
import type { Row } from '../screen.ts';
import { changeText, notableChanges, outcomeText, pastErrorText } from '../text/history.ts';
import { clockText, dateText, relativeText } from '../text/time.ts';

const icons = {
  refreshed: ['pass', 'testing.iconPassed'],
  adopted: ['arrow-swap', undefined],
  reauthRequired: ['account', 'list.warningForeground'],
  retryable: ['warning', 'list.warningForeground'],
  unknown: ['question', 'list.warningForeground'],
} as const satisfies Record<RefreshOutcome, readonly [string, string | undefined]>;

/** What the last refreshes came to, folded: the last of them stands beside it. */
export function historyItem(entries: readonly HistoryEntry[], now: number, isOpen: boolean): Row {
  const last = entries.at(-1);
  const time = last && (isOpen ? clockText(last.at, now) : relativeText(last.at, now));
  const text = last ? l10n.t('{0} ({1})', outcomeText(last), time ?? '') : l10n.t('empty');
  return {
    label: l10n.t('History'),
    description: text,
    icon: 'history',
    tooltip: l10n.t('The last {0} refreshes of this connection, without any token.', entries.length),
    spoken: l10n.t('History, last refresh: {0}', text),
    words: [itemWords.history],
    open: 'collapsed',
  };
}

/** One refresh: when, what came of it, and what is different since. */
export function refreshItem(entry: HistoryEntry, now: number): Row {
  const { at, duration, generation, status, error, changes, outcome } = entry;
  const [icon, color] = icons[outcome];
  const lines = [
    l10n.t('{0}, took {1} ms', dateText(at), duration),
    outcomeText(entry),
    ...(error ? [pastErrorText(error), l10n.t('Error code: {0}', error.code)] : []),
    ...(status === undefined ? [] : [l10n.t('HTTP status: {0}', status)]),
    l10n.t('Generation: {0}', generation),
    ...changes.map(changeText),
  ];
  return {
    label: relativeText(at, now),
    description: [
      outcomeText(entry),
      ...(error && status !== undefined ? [l10n.t('HTTP status {0}', status)] : []),
      ...notableChanges(changes).map(changeText),
    ].join(', '),
    icon,
    color,
    tooltip: lines.join('\n'),
  };
}
