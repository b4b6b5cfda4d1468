import { l10n } from 'vscode';
import { printable } from '../../core/redact.ts';
import type { FactNode } from '../../core/sessionView.ts';
import { momentText } from '../text/time.ts';
import type { Row } from './items.ts';

/** What is known about a token beside what stands in it. */
export function factItem({ fact, time, value }: FactNode, now: number): Row {
  const moment = time === undefined ? undefined : momentText(time, now);
  switch (fact) {
    case 'generation':
      return {
        label: l10n.t('Generation'),
        description: l10n.t('{0} (counts up with every new set of tokens)', String(value)),
        icon: 'layers',
      };
    case 'stored':
      return { label: l10n.t('Stored'), description: moment, icon: 'save' };
    case 'last_used':
      return { label: l10n.t('Last used'), description: moment ?? l10n.t('not yet'), icon: 'history' };
    case 'expires':
      return { label: l10n.t('Ends'), description: moment, icon: 'calendar' };
    case 'expiry_unknown':
      return {
        label: l10n.t('Ends'),
        description: l10n.t('unknown, the issuer did not say'),
        icon: 'calendar',
      };
    case 'scope':
      return { label: l10n.t('Scope'), description: printable(String(value), 200), icon: 'checklist' };
    case 'obtained':
      return { label: l10n.t('Received'), description: moment, icon: 'history' };
  }
}
