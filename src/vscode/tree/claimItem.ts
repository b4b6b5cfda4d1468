import { l10n } from 'vscode';
import { itemWords } from '../../contributions.ts';
import { printable, valueText as rawText } from '../../core/redact.ts';
import type { ClaimNode } from '../../core/view/viewNode.ts';
import type { Row } from '../screen.ts';
import { claimText, headerText } from '../text/claims.ts';
import { momentText } from '../text/time.ts';

/** One claim or header parameter: its value, what it means, and times as dates. */
export function claimItem({ path, value, time, section }: ClaimNode, now: number): Row {
  const name = path.at(-1) ?? '';
  const known = path.length === 1 ? (section === 'header' ? headerText : claimText)(name) : undefined;
  const meaning = known?.meaning;
  const nested = typeof value === 'object' && value !== null;
  const text = valueText(value);
  const shown = time === undefined ? text : momentText(time, now);
  return {
    label: printable(name, 60),
    description: meaning ? `${shown}  ·  ${meaning}` : shown,
    icon: nested ? 'list-tree' : time === undefined ? 'symbol-field' : 'calendar',
    // The colours belong to what can go wrong.
    color: 'icon.foreground',
    tooltip: [
      `${printable(name, 200)}: ${text}`,
      ...(time === undefined ? [] : [momentText(time, now)]),
      ...(known ? [`${known.meaning} (${known.source})`] : []),
    ].join('\n'),
    spoken: l10n.t('{0}: {1}. {2}', printable(name, 60), shown, meaning ?? ''),
    words: [itemWords.value],
    open: nested && Object.keys(value).length > 0 ? 'collapsed' : undefined,
  };
}

/** A value as one line: text as it is, anything else as JSON, cut and with invisible characters shown. */
export function valueText(value: unknown): string {
  return printable(rawText(value), 300);
}
