import { type Event, EventEmitter, type TreeDataProvider, type TreeItem } from 'vscode';
import type { Histories } from '../../core/histories.ts';
import type { Clock } from '../../core/ports.ts';
import type { Plan } from '../../core/schedule.ts';
import type { Session, Sessions } from '../../core/sessions.ts';
import {
  checkNodes,
  childrenOf,
  endOf,
  keyOf,
  parentOf,
  roots,
  tokenOf,
  type ViewNode,
} from '../../core/sessionView.ts';
import type { Verifications } from '../../core/verifications.ts';
import { nextChange } from '../text/time.ts';
import type { ItemContext, treeItem } from './items.ts';

export interface ConnectionsTree extends TreeDataProvider<ViewNode> {
  readonly onDidChangeTreeData: Event<ViewNode | ViewNode[] | undefined>;
  getParent(node: ViewNode): ViewNode | undefined;
  /** Redraws what reads differently by now: countdowns of shown rows, and nothing else. */
  tick(): void;
  /**
   * Somebody has opened a row. An event that reaches VS Code while it waits for the row's children makes it drop
   * them and show none: where one is near in time, the row is asked for once more.
   */
  expanded(node: ViewNode): void;
  dispose(): void;
}

/** How near, in milliseconds, an event and an opened row may come to each other unseen. */
const near = 500;

export interface TreeParts {
  readonly sessions: Sessions;
  readonly verifications: Verifications;
  readonly clock: Clock;
  readonly plan: (session: Session) => Plan;
  readonly histories: Pick<Histories, 'list'>;
  /** What makes rows, with all its sentences, is loaded when the first one is drawn. */
  readonly items: () => Promise<{ readonly treeItem: typeof treeItem }>;
}

/** Pulls everything from the read model; of its own it keeps only which texts are on screen. */
export function createConnectionsTree(parts: TreeParts): ConnectionsTree {
  const { sessions, verifications, clock, plan, histories } = parts;
  let draw: typeof treeItem | undefined;
  const changed = new EventEmitter<ViewNode | ViewNode[] | undefined>();
  // VS Code knows an element by identity: the same place in the tree must be the same object.
  const nodes = new Map<string, ViewNode>();
  /** When each shown countdown reads differently, in milliseconds since the epoch. */
  const shown = new Map<string, number>();

  function known(node: ViewNode): ViewNode {
    const key = keyOf(node);
    const before = nodes.get(key);
    if (before === undefined) nodes.set(key, node);
    else Object.assign(before, node);
    return before ?? node;
  }

  /** The time that a row counts down to or up from. */
  function counted(node: ViewNode): number | undefined {
    const session = 'id' in node ? sessions.get(node.id) : undefined;
    if (session === undefined) return undefined;
    if (node.kind === 'connection') return session.record?.tokens?.expires_at;
    if (node.kind === 'next') {
      const next = plan(session);
      return 'at' in next ? next.at : undefined;
    }
    if (node.kind === 'history') return session.history?.at(-1)?.at;
    if (node.kind === 'refresh') return node.entry.at;
    return node.kind === 'token' ? endOf(session, node.name) : undefined;
  }

  let firedAt = Number.NEGATIVE_INFINITY;
  function fire(node: ViewNode | ViewNode[] | undefined): void {
    firedAt = clock.now();
    changed.fire(node);
  }

  const context: ItemContext = { sessions, verifications, clock, plan };
  const stops = [
    sessions.onDidChange(id => {
      if (id === undefined) {
        nodes.clear();
        shown.clear();
      }
      fire(id === undefined ? undefined : nodes.get(id));
    }),
    verifications.onDidChange((id, name) => {
      const token = nodes.get(keyOf({ kind: 'token', id, name }));
      if (token) fire(token);
    }),
  ];

  return {
    onDidChangeTreeData: changed.event,
    getTreeItem(node): TreeItem | Promise<TreeItem> {
      const now = clock.now();
      const end = counted(node);
      const key = keyOf(node);
      if (end === undefined) shown.delete(key);
      else shown.set(key, now + nextChange(end, now));
      if (draw) return draw(node, context);
      return parts.items().then(loaded => {
        draw = loaded.treeItem;
        return draw(node, context);
      });
    },
    async getChildren(node) {
      if (node === undefined) return roots(sessions).map(known);
      // Other windows add to it as well.
      if (node.kind === 'connection' || node.kind === 'history') await histories.list(node.id);
      const session = 'id' in node ? sessions.get(node.id) : undefined;
      if (node.kind === 'token' && session && node.name !== 'refresh_token' && tokenOf(session, node.name)) {
        // Looking at a token is asking whether it is genuine; its row is redrawn when the answer is there.
        void verifications.check(node.id, node.name).catch(() => undefined);
      }
      if (node.kind !== 'section' || node.section !== 'verification')
        return childrenOf(node, session).map(known);
      const result = await verifications.check(node.id, node.name);
      return checkNodes(node.id, node.name, result?.checks ?? []).map(known);
    },
    getParent(node) {
      const parent = parentOf(node);
      return parent && known(parent);
    },
    tick() {
      const now = clock.now();
      const stale: ViewNode[] = [];
      for (const [key, changesAt] of shown) {
        const node = now >= changesAt ? nodes.get(key) : undefined;
        const end = node && counted(node);
        if (node === undefined || end === undefined) continue;
        // A row that is folded away is not drawn again: its next change counts from here all the same.
        shown.set(key, now + nextChange(end, now));
        stale.push(node);
      }
      if (stale.length > 0) fire(stale);
    },
    expanded(node) {
      const opened = clock.now();
      clock.schedule(() => {
        if (firedAt > opened - near) changed.fire(known(node));
      }, near);
    },
    dispose() {
      for (const stop of stops) stop();
      changed.dispose();
    },
  };
}
