import { l10n } from 'vscode';
import { printable, valueText } from '../../core/redact.ts';
import type { FactNode } from '../../core/view/viewNode.ts';
import type { Row } from '../screen.ts';
import { momentText } from '../text/time.ts';

/** What is known about a token beside what stands in it. */
export function factItem({ fact, time, value }: FactNode, now: number): Row {
  const moment = time === undefined ? undefined : momentText(time, now);
  switch (fact) {
    case 'generation':
      return {
        label: l10n.t('Generation'),
        description: valueText(value),
        icon: 'layers',
        tooltip: l10n.t('Generation {0}: counts up with every new set of tokens.', valueText(value)),
      };
    case 'stored':
      return { label: l10n.t('Stored'), description: moment, icon: 'save' };
    case 'last_used':
      return {
        label: l10n.t('Last used'),
        description: moment ?? l10n.t('not yet, it is new'),
        icon: 'history',
        ...(moment === undefined && {
          tooltip: l10n.t('This refresh token is new: it has not been sent yet.'),
        }),
      };
    case 'expires':
      return { label: l10n.t('Ends'), description: moment, icon: 'calendar' };
    case 'expiry_unknown':
      return {
        label: l10n.t('Ends'),
        description: l10n.t('unknown'),
        icon: 'calendar',
        tooltip: l10n.t('The issuer did not say how long the refresh token can be used.'),
      };
    case 'scope':
      return { label: l10n.t('Scope'), description: printable(valueText(value), 200), icon: 'checklist' };
    case 'bound':
      return { label: l10n.t('Bound to a key'), description: 'DPoP', icon: 'lock' };
    case 'obtained':
      return { label: l10n.t('Received'), description: moment, icon: 'history' };
  }
}
