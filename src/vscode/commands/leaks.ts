import { type DiagnosticCollection, l10n, languages, commands as registry, workspace } from 'vscode';
import type { Leak } from '../../core/imports/leakScan.ts';
import { gitApi, stagedFiles } from '../leaks/git.ts';
import { leaksIn, searchStaged, searchWorkspace } from '../leaks/search.ts';
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

function finding(services: Services): Behaviour<Scope, Scope, Found> {
  const { own, sessions, clock } = services;
  let problems: DiagnosticCollection | undefined;

  function collection(): DiagnosticCollection {
    if (problems) return problems;
    const made = own(languages.createDiagnosticCollection('jwtWorkbench.leaks'));
    problems = made;
    own(
      workspace.onDidChangeTextDocument(async ({ document }) => {
        if (!made.has(document.uri)) return;
        made.set(document.uri, leaksIn(document, sessions, clock.now()));
      }),
    );
    return made;
  }

  return {
    ask: pickScope,
    progress: () => l10n.t('Searching the workspace for tokens'),
    async run({ staged }, signal, tell) {
      const search = staged ? searchStaged : searchWorkspace;
      const { searched, cut, found } = await search(services, signal, tell);
      const list = collection();
      list.clear();
      for (const { uri, diagnostics } of found) list.set(uri, diagnostics);
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
      const show = l10n.t('Show Problems');
      const text = l10n.t('Found {0} valid tokens in {1} files.', leaks.length, files);
      if ((await notify('warning', text, show)) === show)
        await registry.executeCommand('workbench.actions.view.problems');
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
