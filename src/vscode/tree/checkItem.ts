import type { Check } from '../../core/checks/checks.ts';
import type { Row } from '../screen.ts';
import { checkText } from '../text/checks.ts';
import { checkIcons, statusText } from '../text/states.ts';

const colors = {
  passed: 'testing.iconPassed',
  failed: 'testing.iconFailed',
  warning: 'list.warningForeground',
  skipped: undefined,
} as const;

/** One check: what came of it, what was expected and found, and what to do. */
export function checkItem(check: Check): Row {
  const { title, detail, advice } = checkText(check);
  const text = advice ? `${detail} ${advice}` : detail;
  return {
    label: title,
    description: `${statusText(check.status)}: ${text}`,
    icon: checkIcons[check.status],
    color: colors[check.status],
    tooltip: [title, detail, advice].filter(Boolean).join('\n'),
  };
}
