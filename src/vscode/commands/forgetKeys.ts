import { l10n, ThemeIcon } from 'vscode';
import type { RememberedKey, RememberedKeys } from '../../core/checks/rememberedKeys.ts';
import { isWorkbenchError, WorkbenchError } from '../../core/errors.ts';
import { printable } from '../../core/redact.ts';
import { confirm, flash, notify, pickMany } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { rememberedText } from '../text/keys.ts';
import { dateText } from '../text/time.ts';
import type { Command } from './command.ts';

interface Argument {
  /** Ids as the answer lists them; left out, nothing is forgotten and all are listed. */
  readonly keys: readonly string[] | 'all';
}

/** Lists what is remembered, never a key itself, and forgets what is chosen. */
export function forgetKeysCommand(remembered: RememberedKeys): Command<Argument, readonly RememberedKey[]> {
  return {
    needsTrust: true,
    parse({ keys = [] }) {
      const list: readonly unknown[] | undefined = Array.isArray(keys) ? keys : undefined;
      const ids = list?.filter((id): id is string => typeof id === 'string');
      if (keys === 'all') return { keys };
      if (ids === undefined || ids.length !== list?.length)
        throw new WorkbenchError('argument_invalid', { field: 'keys', expected: 'string[] | "all"' });
      return { keys: ids };
    },
    async ask() {
      let keys: readonly RememberedKey[];
      try {
        keys = await remembered.list();
      } catch (error) {
        if (!isWorkbenchError(error) || error.code !== 'keys_unreadable') throw error;
        const forget = l10n.t('Forget All');
        const answer = await confirm(describeError(error), undefined, forget);
        return answer === forget ? { keys: 'all' } : undefined;
      }
      if (keys.length === 0) {
        void notify('info', l10n.t('No keys are remembered.'));
        return undefined;
      }
      const items = keys.map(key => ({
        id: key.id,
        label: rememberedText(key),
        description: key.issuer === undefined ? '' : l10n.t('for {0}', printable(key.issuer, 80)),
        detail: [
          key.use === 'verify' ? l10n.t('to verify') : l10n.t('to decrypt'),
          l10n.t('remembered on {0}', dateText(key.addedAt)),
          key.about?.thumbprint,
        ]
          .filter(Boolean)
          .join(' · '),
        iconPath: new ThemeIcon('bookmark'),
      }));
      const picked = await pickMany(items, {
        title: l10n.t('Forget Remembered Keys'),
        placeHolder: l10n.t('Forget which?'),
      });
      return picked && { keys: picked.map(({ id }) => id) };
    },
    async run({ keys }) {
      if (keys !== 'all') return remembered.forget(keys);
      await remembered.forgetAll();
      return [];
    },
    answer: left => ({
      remembered: left.map(({ id, use, issuer, about, addedAt, source }) => ({
        id,
        use,
        addedAt,
        ...(issuer !== undefined && { issuer }),
        ...('jwksUri' in source && { jwksUri: source.jwksUri }),
        ...(about && { about }),
      })),
    }),
    report: left =>
      flash(
        left.length === 0
          ? l10n.t('No keys are remembered any more')
          : l10n.t('{0} keys are still remembered', left.length),
        3000,
      ),
  };
}
