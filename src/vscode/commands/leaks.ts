import { l10n, languages, commands as registry, workspace } from 'vscode';
import { contextKeys } from '../../contributions.ts';
import type { Leak } from '../../core/imports/leakScan.ts';
import { gitApi, stagedFiles } from '../leaks/git.ts';
import { type FileLeaks, leaksIn, searchStaged, searchWorkspace } from '../leaks/search.ts';
import { flash, notify, pick } from '../screen.ts';
import { type Behaviour, defineCommand } from './command.ts';
import { flag, withDefault } from './fields.ts';
import type { Services } from './services.ts';

interface Found {
  readonly searched: number;
  readonly cut: boolean;
  readonly leaks: readonly { readonly uri: string; readonly line: number; readonly kind: Leak['kind'] }[];
}

interface Scope {
  /** Only what Git would commit next. */
  readonly staged: boolean;
}

/** Lists the working tokens in the files of the workspace in the Problems panel. */
export const findLeaks = defineCommand(
  {
    name: 'findLeaks',
    needsTrust: false,
    fields: { staged: withDefault(flag, false) },
    returns: '`{ searched, cut, leaks: [{ uri, line, kind }] }`',
  },
  finding,
);

/** Takes what Find Tokens has listed out of the Problems panel. */
export const clearLeaks = defineCommand(
  { name: 'clearLeaks', needsTrust: false, fields: {}, returns: '`{}`' },
  ({ leakList }) => ({
    ask: async () => ({}),
    async run() {
      leakList.clear();
      return {};
    },
  }),
);

/** The tokens that were found, in the Problems panel. A file that is edited is looked at again. */
export function createLeakList({ own, sessions, clock }: Pick<Services, 'own' | 'sessions' | 'clock'>) {
  const listed = own(languages.createDiagnosticCollection('jwtWorkbench.leaks'));
  own(
    workspace.onDidChangeTextDocument(({ document }) => {
      if (listed.has(document.uri)) listed.set(document.uri, leaksIn(document, sessions, clock.now()));
    }),
  );
  const tell = (hasLeaks: boolean) => void registry.executeCommand('setContext', contextKeys.hasLeaks, hasLeaks);
  return {
    show(found: readonly FileLeaks[]): void {
      listed.clear();
      for (const { uri, diagnostics } of found) listed.set(uri, diagnostics);
      tell(found.length > 0);
    },
    clear(): void {
      listed.clear();
      tell(false);
    },
  };
}

function finding(services: Services): Behaviour<Scope, Scope, Found> {
  const { leakList } = services;
  return {
    ask: pickScope,
    progress: () => l10n.t('Searching the workspace for tokens'),
    async run({ staged }, signal, tell) {
      const search = staged ? searchStaged : searchWorkspace;
      const { searched, cut, found } = await search(services, signal, tell);
      leakList.show(found);
      const leaks = found.flatMap(({ uri, diagnostics, leaks }) =>
        leaks.map(({ kind }, index) => ({
          uri: uri.toString(),
          line: (diagnostics[index]?.range.start.line ?? 0) + 1,
          kind,
        })),
      );
      return { searched, cut, leaks };
    },
    async report({ leaks, searched, cut }) {
      const files = new Set(leaks.map(({ uri }) => uri)).size;
      if (leaks.length === 0) {
        const text = cut
          ? l10n.t('No valid token was found in the first {0} files.', searched)
          : l10n.t('No valid token was found in {0} files.', searched);
        flash(text, 8000);
        return;
      }
      await registry.executeCommand('workbench.panel.markers.view.focus');
      const clear = l10n.t('Clear Results');
      const of = cut ? l10n.t('the first {0}', searched) : `${searched}`;
      const text = l10n.t('Valid tokens found: {0}. Files with tokens: {1} of {2}.', leaks.length, files, of);
      void notify('warning', text, clear).then(chosen => {
        if (chosen === clear) leakList.clear();
      });
    },
  };
}

/** Asked only where there is something staged. */
async function pickScope(): Promise<Scope | undefined> {
  const count = await gitApi().then(
    api => stagedFiles(api).length,
    // Without Git the workspace is what there is.
    () => 0,
  );
  if (count === 0) return { staged: false };
  const all = { label: l10n.t('All files of the workspace'), staged: false };
  const some = {
    label: l10n.t('Files staged for the next commit'),
    description: l10n.t('{0} files', count),
    staged: true,
  };
  return pick([all, some], { title: l10n.t('Find Tokens In') });
}
