import {
  EventEmitter,
  type ExtensionContext,
  ExtensionMode,
  l10n,
  commands as registry,
  type TreeView,
  window,
} from 'vscode';
import type { JwtWorkbenchApi } from '../api.d.ts';
import { type CommandName, commands, views } from '../contributions.ts';
import type { ViewNode } from '../core/view/viewNode.ts';
import { notify } from './screen.ts';
import type { ConnectionsTree } from './tree/provider.ts';

export type ConnectionsView = TreeView<ViewNode>;

/** The parts of extension.ts that are used here. */
export interface Services {
  readonly tree: ConnectionsTree;
  run(command: CommandName, given: unknown): Promise<unknown>;
  /** Handles an address that VS Code opened with this extension: a sign-in that returned from the browser. */
  arrived(query: string): Promise<void>;
  onDidChangeSession(listener: (connection: string | undefined) => void): void;
  /** For tests inside VS Code. */
  readonly testing: object;
}

export interface FrontDoorParts {
  /** Loads and builds everything. Called once. */
  readonly start: (view: ConnectionsView) => Promise<Services>;
  readonly soon: (work: () => void) => void;
}

/**
 * Registers everything that must exist when activation ends: commands, the view and the API. The services behind them
 * start right after, or at the first call.
 */
export function openFrontDoor(context: ExtensionContext, parts: FrontDoorParts): JwtWorkbenchApi {
  const own = <T extends { dispose(): unknown }>(disposable: T): T => {
    context.subscriptions.push(disposable);
    return disposable;
  };
  const rowsChanged = own(new EventEmitter<ViewNode | ViewNode[] | undefined>());
  const sessionChanged = own(new EventEmitter<string | undefined>());

  let services: Services | undefined;
  let starting: Promise<Services> | undefined;
  const started = () => {
    starting ??= parts.start(view).then(built => {
      services = built;
      own(built.tree.onDidChangeTreeData(changed => rowsChanged.fire(changed)));
      built.onDidChangeSession(id => sessionChanged.fire(id));
      return built;
    });
    return starting;
  };

  const view: ConnectionsView = own(
    window.createTreeView<ViewNode>(views.connections, {
      treeDataProvider: {
        onDidChangeTreeData: rowsChanged.event,
        // Synchronous if possible, because VS Code drops pending rows when something changes in the meantime.
        getChildren: node =>
          services ? services.tree.getChildren(node) : started().then(({ tree }) => tree.getChildren(node)),
        getTreeItem: node => services?.tree.getTreeItem(node) ?? started().then(({ tree }) => tree.getTreeItem(node)),
        getParent: node => services?.tree.getParent(node),
        resolveTreeItem: (item, node) => services?.tree.resolveTreeItem(item, node) ?? item,
      },
      showCollapseAll: true,
    }),
  );
  for (const [name, id] of Object.entries(commands) as [CommandName, string][]) {
    own(registry.registerCommand(id, async (given?: unknown) => (await started()).run(name, given)));
  }

  own(window.registerUriHandler({ handleUri: async ({ query }) => (await started()).arrived(query) }));

  parts.soon(() => {
    started().catch((error: unknown) => {
      console.error('JWT Workbench did not start', error);
      const why = error instanceof Error ? error.message : 'unknown';
      const reload = l10n.t('Reload Window');
      void notify(
        'error',
        l10n.t('JWT Workbench could not start: {0}. Stored tokens were not changed. Reload the window.', why),
        reload,
      ).then(chosen => chosen && registry.executeCommand('workbench.action.reloadWindow'));
    });
  });

  /** Calls the command as any other caller would, so that trust, ids and errors are the same. */
  async function ask<Answer>(name: CommandName, connection: unknown): Promise<Answer> {
    return (await started()).run(name, { connection }) as Answer;
  }

  return {
    version: 1,
    status: connection => ask('status', connection),
    refresh: connection => ask('refresh', connection),
    onDidChangeSession: sessionChanged.event,
    ...(context.extensionMode === ExtensionMode.Test && {
      testing: async () => (await started()).testing,
    }),
  };
}
