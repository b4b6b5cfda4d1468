import { l10n } from 'vscode';
import { isRenewable, type StoredRecord } from '../../core/records/record.ts';
import type { Plan } from '../../core/refresh/schedule.ts';
import type { Row } from '../screen.ts';
import { planText } from '../text/plans.ts';
import { momentText } from '../text/time.ts';

/** What happens to the connection next, and when. */
export function nextItem(plan: Plan, now: number, record?: StoredRecord): Row {
  const plain = planText(plan, now);
  // The client credentials grant has no refresh token, and the row says so.
  const text = record && isRenewable(record) ? l10n.t('{0}, by a new request', plain) : plain;
  return {
    label: l10n.t('Next'),
    description: text,
    icon: 'never' in plan ? 'sync-ignored' : 'sync',
    color: 'icon.foreground',
    tooltip: 'at' in plan ? `${text}: ${momentText(plan.at, now)}` : text,
  };
}
