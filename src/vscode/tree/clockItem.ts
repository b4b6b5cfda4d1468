import { l10n } from 'vscode';
import type { ClockSkew } from '../../core/records/clockSkew.ts';
import type { Row } from '../screen.ts';
import { lengthText, skewAdvice } from '../text/clock.ts';

/** That this machine and the issuer do not agree on the time. */
export function clockItem({ ahead, uncertainty }: ClockSkew): Row {
  return {
    label: l10n.t('Clock'),
    description:
      ahead > 0
        ? l10n.t('{0} ahead of the issuer', lengthText(ahead))
        : l10n.t('{0} behind the issuer', lengthText(ahead)),
    icon: 'watch',
    color: 'list.warningForeground',
    tooltip: `${skewAdvice(ahead)}\n${l10n.t('Measured to within {0} s.', (uncertainty / 1000).toFixed(1))}`,
  };
}
