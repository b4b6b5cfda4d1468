import { EventEmitter, type TreeDataProvider, type TreeItem } from 'vscode';
import type { Clock } from '../../core/ports.ts';
import type { Sessions } from '../../core/sessions.ts';
import {
  badgeOf,
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
import { badgeText } from '../text/states.ts';
import { durationText } from '../text/time.ts';
import { type ItemContext, treeItem } from './items.ts';

export interface ConnectionsTree extends TreeDataProvider<ViewNode> {
  /** Redraws what reads differently by now: countdowns of shown rows, and nothing else. */
  tick(): void;
  dispose(): void;
}

export interface TreeParts {
  readonly sessions: Sessions;
  readonly verifications: Verifications;
  readonly clock: Clock;
}

/** Pulls everything from the read model; of its own it keeps only which texts are on screen. */
export function createConnectionsTree({ sessions, verifications, clock }: TreeParts): ConnectionsTree {
  const changed = new EventEmitter<ViewNode | ViewNode[] | undefined>();
  // VS Code knows an element by identity: the same place in the tree must be the same object.
  const nodes = new Map<string, ViewNode>();
  const shown = new Map<string, string>();

  function known(node: ViewNode): ViewNode {
    const key = keyOf(node);
    const before = nodes.get(key);
    if (before === undefined) nodes.set(key, node);
    else Object.assign(before, node);
    return before ?? node;
  }

  function countdown(node: ViewNode, now: number): string | undefined {
    const session = 'id' in node ? sessions.get(node.id) : undefined;
    if (session === undefined) return undefined;
    if (node.kind === 'connection') return badgeText(badgeOf(session, now));
    if (node.kind !== 'token') return undefined;
    const end = endOf(session, node.name);
    return end === undefined ? undefined : `${end > now} ${durationText(end - now)}`;
  }

  const context: ItemContext = { sessions, verifications, clock };
  const stops = [
    sessions.onDidChange(id => {
      if (id === undefined) {
        nodes.clear();
        shown.clear();
      }
      changed.fire(id === undefined ? undefined : nodes.get(id));
    }),
    verifications.onDidChange((id, name) => {
      const token = nodes.get(keyOf({ kind: 'token', id, name }));
      if (token) changed.fire(token);
    }),
  ];

  return {
    onDidChangeTreeData: changed.event,
    getTreeItem(node): TreeItem {
      const now = clock.now();
      const text = countdown(node, now);
      if (text !== undefined) shown.set(keyOf(node), text);
      return treeItem(node, context);
    },
    async getChildren(node) {
      if (node === undefined) return roots(sessions).map(known);
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
      for (const [key, text] of shown) {
        const node = nodes.get(key);
        if (node && countdown(node, now) !== text) stale.push(node);
      }
      if (stale.length > 0) changed.fire(stale);
    },
    dispose() {
      for (const stop of stops) stop();
      changed.dispose();
    },
  };
}
