import { l10n } from 'vscode';
import type { Plan } from '../../core/schedule.ts';
import { planText } from '../text/plans.ts';
import { momentText } from '../text/time.ts';
import type { Row } from './items.ts';

/** What happens to the connection next, and when. */
export function nextItem(plan: Plan, now: number): Row {
  const text = planText(plan, now);
  return {
    label: l10n.t('Next'),
    description: text,
    icon: 'never' in plan ? 'sync-ignored' : 'sync',
    color: 'icon.foreground',
    tooltip: 'at' in plan ? `${text}: ${momentText(plan.at, now)}` : text,
  };
}
