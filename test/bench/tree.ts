import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TreeItem, TreeItemCollapsibleState, window } from 'vscode';
import { batch, inTurns, quantile } from '../../scripts/bench/measure.mjs';
import { createVerifications } from '../../src/core/checks/verifications.ts';
import type { Clock } from '../../src/core/ports.ts';
import type { Sessions } from '../../src/core/records/sessions.ts';
import { startAutoRefresh } from '../../src/core/refresh/autoRefresh.ts';
import type { Refresher } from '../../src/core/refresh/refresher.ts';
import type { ViewNode } from '../../src/core/view/viewNode.ts';
import { createStatusBar, createTicker } from '../../src/vscode/statusBar.ts';
import { resolveItem, treeItem } from '../../src/vscode/tree/items.ts';
import { type ConnectionsTree, createConnectionsTree, type TreeParts } from '../../src/vscode/tree/provider.ts';
import { population } from './population.ts';

const size = 1000;
/** Number of rows in a tall sidebar. */
const onScreen = 40;
const rounds = { rounds: 15, warmUp: 3 };
const noPlan: TreeParts['plan'] = () => ({ never: 'off' });

/**
 * The main file of the extension for this benchmark. It measures the tree in a real extension host, then shows it in
 * the views that the extension contributes, beside trees of bare items.
 */
export async function activate(): Promise<void> {
  const figures = await measure();
  const { sessions, clock } = population(size, 8 * 3600_000);
  const views = Number(process.env.JWT_WORKBENCH_BENCH_VIEWS);
  for (let i = 0; i < views; i++) {
    window.createTreeView(`bench.ours${i}`, {
      treeDataProvider: treeOf(sessions, clock, noPlan),
      showCollapseAll: true,
    });
    window.createTreeView(`bench.bare${i}`, { treeDataProvider: bareTree(), showCollapseAll: true });
  }
  const folder = process.env.JWT_WORKBENCH_BENCH_RESULTS ?? '';
  writeFileSync(join(folder, 'host.json'), JSON.stringify(figures));
}

/** @returns the median of each figure in milliseconds */
async function measure(): Promise<Record<string, number>> {
  const long = population(size, 8 * 3600_000);
  // Connections show the time of their expiry. Every second some of them expire, and only their rows change.
  const short = population(size, 50_000);
  const still = wired(long.sessions, long.clock, true);
  const other = population(size, 8 * 3600_000);
  const hidden = wired(other.sessions, other.clock, false);
  const moving = wired(short.sessions, short.clock, true);
  for (const tree of [still.tree, moving.tree]) await paint(tree, size);
  const redraws: number[] = [];
  let redrawn = 0;
  moving.tree.onDidChangeTreeData?.(nodes => {
    redrawn = Array.isArray(nodes) ? nodes.length : 0;
  });
  const figures = await inTurns(
    {
      viewport: batch(() => paint(treeOf(long.sessions, long.clock, noPlan), onScreen), 3),
      all: batch(() => paint(treeOf(long.sessions, long.clock, noPlan), size), 3),
      stillTick: batch(() => still.tick(), 10),
      hiddenTick: batch(() => hidden.tick(), 3),
      hiddenChange: batch(() => change(other.sessions), 10),
      async movingTick() {
        // As in the tree's view: a tick reports what changed, and the view requests those items again.
        short.clock.advance(1000);
        const since = performance.now();
        moving.tick();
        const took = performance.now() - since;
        if (redrawn === 0 || redrawn === size) throw new Error(`${redrawn} rows of ${size} were redrawn.`);
        const redraw = performance.now();
        await paint(moving.tree, redrawn);
        redraws.push(performance.now() - redraw);
        return took;
      },
    },
    rounds,
  );
  for (const each of [still, hidden, moving]) each.dispose();
  return Object.fromEntries(
    Object.entries({ ...figures, redraw: redraws }).map(([name, values]) => [name, quantile(values)]),
  );
}

/** Changes one connection, which notifies everything on screen. */
function change(sessions: Sessions): void {
  const record = sessions.get('connection-500')?.record;
  if (record === undefined) throw new Error('There is no such connection.');
  sessions.apply({ ...record, generation: record.generation + 1 });
}

/** The requests of a view: the rows, then the item of each. */
async function paint(tree: ConnectionsTree, rows: number): Promise<void> {
  const nodes = ((await tree.getChildren()) ?? []).slice(0, rows);
  await Promise.all(nodes.map((node: ViewNode) => tree.getTreeItem(node)));
}

/** All subscribers of session changes, as extension.ts creates them. Nothing is sent. */
function wired(sessions: Sessions, clock: Clock, visible: boolean) {
  const refresher = { refresh: () => new Promise(() => {}) } as unknown as Refresher;
  const autoRefresh = startAutoRefresh({ sessions, refresher, clock, jitter: 0, allowed: () => true });
  const { plan } = autoRefresh;
  const ticker = createTicker(clock);
  const tree = treeOf(sessions, clock, plan, ticker.due);
  const statusBar = createStatusBar(sessions, clock, plan, ticker.due, verificationsOf(sessions, clock));
  return {
    tree,
    tick() {
      if (visible) tree.tick();
      statusBar.tick();
    },
    dispose() {
      for (const each of [ticker, statusBar, tree, autoRefresh]) each.dispose();
    },
  };
}

function treeOf(
  sessions: Sessions,
  clock: Clock,
  plan: TreeParts['plan'],
  due: TreeParts['due'] = () => {},
): ConnectionsTree {
  const verifications = verificationsOf(sessions, clock);
  const histories = { list: async () => [] };
  return createConnectionsTree({
    sessions,
    verifications,
    histories,
    mock: { view: () => undefined, onDidChange: () => () => {} },
    broker: { onDidHandOut: () => () => {} },
    clock,
    log: () => {},
    due,
    plan,
    items: async () => ({ treeItem, resolveItem }),
  });
}

function verificationsOf(sessions: Sessions, clock: Clock) {
  const verify = async () => ({ verified: false, checks: [] });
  return createVerifications({ sessions, clock, verify, allowed: () => true, log: () => {} });
}

/** The simplest possible tree with the same number of rows. */
function bareTree() {
  const items = Array.from({ length: size }, (_, index) => {
    const item = new TreeItem(`Connection ${index}`, TreeItemCollapsibleState.Collapsed);
    item.description = 'bare';
    return item;
  });
  return {
    getChildren: (item?: TreeItem) => (item === undefined ? items : []),
    getTreeItem: (item: TreeItem) => item,
  };
}
