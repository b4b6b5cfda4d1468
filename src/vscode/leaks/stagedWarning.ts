import { l10n, commands as registry } from 'vscode';
import { commands } from '../../contributions.ts';
import type { Clock } from '../../core/ports.ts';
import { notify } from '../screen.ts';
import { type GitApi, gitApi, type Repository, stagedFiles } from './git.ts';

export interface WatchParts {
  readonly own: <T extends { dispose(): unknown }>(disposable: T) => T;
  readonly clock: Clock;
  /** The setting, which may change. */
  readonly wanted: () => boolean;
}

/** Milliseconds of rest after Git has changed something: staging many files is many changes. */
const debounce = 400;

/** Warns when a token that still works is staged. @throws WorkbenchError `git_unavailable` */
export async function watchStaged({ own, clock, wanted }: WatchParts): Promise<void> {
  const api = await gitApi();
  let seen: ReadonlySet<string> = new Set();
  let cancel: (() => void) | undefined;
  own({ dispose: () => cancel?.() });
  const soon = () => {
    cancel?.();
    cancel = clock.schedule(() => void look(api), debounce);
  };
  const watch = ({ state }: Repository) => void own(state.onDidChange(soon));
  api.repositories.forEach(watch);
  own(
    api.onDidOpenRepository(repository => {
      watch(repository);
      soon();
    }),
  );
  soon();

  /** Files that were staged before are not warned of again. */
  async function look(api: GitApi): Promise<void> {
    const before = seen;
    seen = new Set(stagedFiles(api).map(({ uri }) => uri.toString()));
    if (!wanted() || [...seen].every(uri => before.has(uri))) return;
    const { leaks } = await registry.executeCommand<{ leaks: readonly { uri: string }[] }>(commands.findLeaks, {
      staged: true,
    });
    const found = leaks.filter(({ uri }) => !before.has(uri));
    const [first] = found;
    if (!first) return;
    const show = l10n.t('Show Problems');
    const name = decodeURIComponent(first.uri.slice(first.uri.lastIndexOf('/') + 1));
    const text =
      found.length === 1
        ? l10n.t('{0} contains a valid token and is about to be committed.', name)
        : l10n.t('{0} valid tokens are about to be committed, the first in {1}.', found.length, name);
    if ((await notify('warning', text, show)) === show)
      await registry.executeCommand('workbench.panel.markers.view.focus');
  }
}
