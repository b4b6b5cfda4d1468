import { l10n } from 'vscode';
import type { RefreshAnswer } from '../../api.d.ts';
import { isRefreshable } from '../../core/records/session.ts';
import type { RefreshResult } from '../../core/refresh/refresher.ts';
import { flash, notify } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import type { Command } from './command.ts';
import { type RefreshParts, refreshAnswer } from './refresh.ts';

type Results = ReadonlyMap<string, RefreshResult>;

/** How many refreshes are under way at once: enough to be quick, too few to look like an attack on an issuer. */
const atOnce = 6;

export function refreshAllCommand({ sessions, refresher }: RefreshParts): Command<object, Results> {
  const label = (id: string) => sessions.connection(id)?.label ?? id;
  return {
    needsTrust: true,
    parse: () => ({}),
    ask: async () => ({}),
    async run(_, signal) {
      const ids = sessions
        .list()
        .filter(isRefreshable)
        .map(({ connection }) => connection.id);
      const results = new Map<string, RefreshResult>();
      const waiting = [...ids];
      const worker = async () => {
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
          results.set(id, await refresher.refresh(id, signal, 'user'));
        }
      };
      await Promise.all(Array.from({ length: Math.min(atOnce, ids.length) }, worker));
      return results;
    },
    answer: (results): Record<string, RefreshAnswer> =>
      Object.fromEntries([...results].map(([id, result]) => [id, refreshAnswer(result, label(id))])),
    progress: () => l10n.t('Refreshing all connections'),
    report(results) {
      const failures = [...results].filter(([, { error }]) => error !== undefined && error.code !== 'cancelled');
      const fresh = results.size - failures.length;
      if (results.size === 0) {
        void notify('info', l10n.t('No connection has a refresh token yet. Sign in or import one first.'));
      } else if (failures.length === 0) {
        flash(fresh === 1 ? l10n.t('1 connection refreshed') : l10n.t('{0} connections refreshed', fresh));
      } else {
        const lines = failures.map(([id, { error }]) => error && describeError(error, { label: label(id) }));
        void notify(
          'warning',
          l10n.t(
            '{0} of {1} connections could not be refreshed. {2}',
            failures.length,
            results.size,
            lines.slice(0, 3).join(' '),
          ),
        );
      }
    },
  };
}
