import { type Event, EventEmitter, type TreeDataProvider, type TreeItem } from 'vscode';
import type { Broker } from '../../core/broker/broker.ts';
import type { Verifications } from '../../core/checks/verifications.ts';
import { classify } from '../../core/errors.ts';
import type { Clock, Log } from '../../core/ports.ts';
import type { Histories } from '../../core/records/histories.ts';
import { endOf, type Session, type Sessions, tokenOf } from '../../core/records/sessions.ts';
import type { Plan } from '../../core/refresh/autoRefresh.ts';
import { type MockNode, mockChildren } from '../../core/view/mockView.ts';
import { checkNodes, childrenOf, groupMembers, rootNodes } from '../../core/view/sessionView.ts';
import { keyOf, parentOf, unique, type ViewNode } from '../../core/view/viewNode.ts';
import type { MockService } from '../mockIssuer.ts';
import { calmStep, nextChange } from '../text/time.ts';
import type { ItemContext, resolveItem, treeItem } from './items.ts';

export interface ConnectionsTree extends TreeDataProvider<ViewNode> {
  readonly onDidChangeTreeData: Event<ViewNode | ViewNode[] | undefined>;
  getParent(node: ViewNode): ViewNode | undefined;
  resolveTreeItem(item: TreeItem, node: ViewNode): Promise<TreeItem>;
  /** Redraws visible countdowns whose text has changed by now. */
  tick(): void;
  /** The user expanded or collapsed a row. */
  opened(node: ViewNode, open: boolean): void;
  /** Whether the user, or this extension, has expanded the row. */
  isExpanded(node: ViewNode): boolean;
  /** The view became visible, or issuers may now be contacted: see `Verifications.seen`. */
  seen(): void;
  dispose(): void;
}

/** Milliseconds for which VS Code collects events before it handles them. */
const batchDelay = 200;

export interface TreeParts {
  readonly sessions: Sessions;
  readonly verifications: Verifications;
  readonly clock: Clock;
  readonly log: Log;
  /** Announces that a text changes at this moment, in milliseconds since the epoch. */
  readonly due: (at: number) => void;
  readonly plan: (session: Session) => Plan;
  readonly histories: Pick<Histories, 'list'>;
  readonly mock: Pick<MockService, 'view' | 'onDidChange'>;
  readonly broker: Pick<Broker, 'onDidHandOut'>;
  /** The code that makes rows, with all its sentences, is loaded when the first row is drawn. */
  readonly items: () => Promise<{ readonly treeItem: typeof treeItem; readonly resolveItem: typeof resolveItem }>;
}

/**
 * Takes everything from the read model and stores only what is on screen.
 *
 * VS Code cannot redraw a single row: it forgets the rows below until it has requested them again, and a menu or button
 * of one of those then calls its command without the row. Therefore an expanded row shows a time, and only rows without
 * expanded children count down. A connection always shows a time, and a token that is expanded keeps its text until that
 * would change: if they were redrawn on expansion, a quick click on a row below would be lost. For the same reason, rows
 * that are known are returned directly and not as a promise.
 */
export function createConnectionsTree(parts: TreeParts): ConnectionsTree {
  const { sessions, verifications, clock, log, due, plan, histories, mock, broker } = parts;
  let draw: typeof treeItem | undefined;
  const changed = new EventEmitter<ViewNode | ViewNode[] | undefined>();
  // VS Code identifies elements by object identity, so the same place in the tree must be the same object.
  const nodes = new Map<string, ViewNode>();
  /** When the text of each drawn countdown changes, in milliseconds since the epoch. */
  const shown = new Map<string, number>();
  /** Rows that the user expanded, and rows that the user collapsed. */
  const open = new Set<string>();
  const folded = new Set<string>();

  function known(node: ViewNode): ViewNode {
    const key = keyOf(node);
    const before = nodes.get(key);
    if (before === undefined) nodes.set(key, node);
    else Object.assign(before, node);
    return before ?? node;
  }

  let firedAt = Number.NEGATIVE_INFINITY;
  function fire(node: ViewNode | ViewNode[] | undefined): void {
    firedAt = clock.now();
    changed.fire(node);
  }

  const isOpen = (node: ViewNode) => node.kind === 'connection' || open.has(keyOf(node));
  const context: ItemContext = { sessions, verifications, clock, plan, mock, isOpen };

  /** An expanded row shows a time, so its text stays the same until that time. */
  function nextChangeOf(node: ViewNode, now: number): number | undefined {
    const moment = countedFrom(node, 'id' in node ? sessions.get(node.id) : undefined, plan);
    if (moment === undefined) return undefined;
    if (!isOpen(node)) return now + nextChange(moment, now, calmStep);
    return moment > now ? moment : undefined;
  }

  function drawn(node: ViewNode): void {
    const key = keyOf(node);
    const at = nextChangeOf(node, clock.now());
    if (at === undefined) shown.delete(key);
    else shown.set(key, at);
    if (at !== undefined) due(at);
  }

  /** Adds the group to a connection that is given by its id only. */
  function inGroup(node: ViewNode): ViewNode {
    return node.kind === 'connection' ? { ...node, group: sessions.connection(node.id)?.group } : node;
  }

  function isHidden(node: ViewNode): boolean {
    const parent = parentOf(inGroup(node));
    return parent !== undefined && (folded.has(keyOf(parent)) || isHidden(parent));
  }

  /** @param changed redrawn in any case */
  function redraw(...changed: ViewNode[]): void {
    const now = clock.now();
    const stale = [...changed];
    for (const [key, at] of shown) {
      const node = nodes.get(key);
      if (node === undefined) shown.delete(key);
      // It is redrawn when its parent is expanded.
      else if (isHidden(node)) continue;
      else if (at > now) due(at);
      else if (!changed.includes(node)) {
        // VS Code does not redraw rows that are out of sight. The next change still counts from now.
        drawn(node);
        stale.push(node);
      }
    }
    if (stale.length > 0) fire(stale);
  }

  const mockNode: ViewNode = { kind: 'mock', part: 'issuer' };
  const stops = [
    mock.onDidChange(() => {
      const row = nodes.get(keyOf(mockNode));
      // The row appears and disappears with the mock. While the mock runs, only the rows below it change.
      if (row === undefined || mock.view() === undefined) {
        nodes.delete(keyOf(mockNode));
        fire(undefined);
      } else fire(row);
    }),
    sessions.onDidChange(id => {
      if (id === undefined) {
        nodes.clear();
        shown.clear();
      }
      fire(id === undefined ? undefined : nodes.get(id));
    }),
    broker.onDidHandOut(({ connection: id }) => {
      const row = nodes.get(keyOf({ kind: 'handOuts', id }));
      if (row) fire(row);
    }),
    verifications.onDidChange((id, name) => {
      const token = nodes.get(keyOf({ kind: 'token', id, name }));
      if (token) fire(token);
    }),
  ];

  /** If an event reaches VS Code while it waits for rows, it shows none, so it is notified again afterwards. */
  async function later(node: ViewNode, children: Promise<ViewNode[]>): Promise<ViewNode[]> {
    const asked = clock.now();
    try {
      return await children;
    } finally {
      if (firedAt > asked - batchDelay) clock.schedule(() => fire(known(node)), batchDelay);
    }
  }

  function childrenNow(node: ViewNode): ViewNode[] {
    if (node.kind.startsWith('mock')) {
      const view = mock.view();
      return view ? unique<ViewNode>(mockChildren(node as MockNode, view)).map(known) : [];
    }
    return childrenOf(node, 'id' in node ? sessions.get(node.id) : undefined).map(known);
  }

  async function checks({ id, name }: ViewNode & { kind: 'section' }): Promise<ViewNode[]> {
    try {
      const result = await verifications.check(id, name);
      return checkNodes(id, name, result?.checks ?? []).map(known);
    } catch (error) {
      return [known({ kind: 'message', id, name, message: 'verify_failed', error: classify(error) })];
    }
  }

  return {
    onDidChangeTreeData: changed.event,
    getTreeItem(node): TreeItem | Promise<TreeItem> {
      drawn(node);
      if (isChecked(node)) verifications.seen([node]);
      if (draw) return draw(node, context);
      return parts.items().then(loaded => {
        draw = loaded.treeItem;
        return draw(node, context);
      });
    },
    resolveTreeItem: async (item, node) => (await parts.items()).resolveItem(item, node, context),
    getChildren(node) {
      if (node === undefined) {
        const list = () => [...rootNodes(sessions), ...(mock.view() ? [mockNode] : [])].map(known);
        if (draw) return list();
        return parts.items().then(loaded => {
          draw = loaded.treeItem;
          return list();
        });
      }
      if (node.kind === 'group') return groupMembers(sessions, node.group).map(known);
      const session = 'id' in node ? sessions.get(node.id) : undefined;
      if (node.kind === 'connection' || node.kind === 'history') {
        const listed = histories.list(node.id);
        // Other windows add to the history too. Entries that are new to this window cause an event.
        if (session?.history) return childrenNow(node);
        return later(
          node,
          listed.then(() => childrenNow(node)),
        );
      }
      if (isChecked(node) && session && tokenOf(session, node.name)) {
        // Expanding a token starts its checks; the row is redrawn with their result.
        verifications
          .check(node.id, node.name)
          .catch(error => log('warn', 'checks not run', { connection: node.id, error: classify(error) }));
      }
      if (node.kind !== 'section' || node.section !== 'verification') return childrenNow(node);
      const result = verifications.known(node.id, node.name);
      if (result) return checkNodes(node.id, node.name, result.checks).map(known);
      return later(node, checks(node));
    },
    getParent(node) {
      const parent = parentOf(inGroup(node));
      return parent && known(parent);
    },
    tick: redraw,
    seen() {
      const inSight = [...nodes.values()].filter(isChecked).filter(node => !isHidden(node));
      verifications.seen(inSight, true);
    },
    opened(node, isOpened) {
      const key = keyOf(node);
      const [to, from] = isOpened ? [open, folded] : [folded, open];
      to.add(key);
      from.delete(key);
      const session = 'id' in node ? sessions.get(node.id) : undefined;
      const counts = node.kind !== 'connection' && countedFrom(node, session, plan) !== undefined;
      redraw(...(counts && !isOpened ? [known(node)] : []));
    },
    isExpanded: node => open.has(keyOf(node)),
    dispose() {
      for (const stop of stops) stop();
      changed.dispose();
    },
  };
}

/** Whether the row is a token that may have a signature. */
function isChecked(node: ViewNode): node is ViewNode & { kind: 'token' } {
  return node.kind === 'token' && node.name !== 'refresh_token';
}

/** The moment that a row counts down to or up from, in milliseconds since the epoch. */
function countedFrom(
  node: ViewNode,
  session: Session | undefined,
  plan: (session: Session) => Plan,
): number | undefined {
  if (session === undefined) return undefined;
  switch (node.kind) {
    case 'connection':
      return session.record?.tokens?.expires_at;
    case 'next': {
      const next = plan(session);
      return 'at' in next ? next.at : undefined;
    }
    case 'history':
      return session.history?.at(-1)?.at;
    case 'refresh':
      return node.entry.at;
    case 'handOuts':
      return session.handOuts?.[0]?.at;
    case 'handOut':
      return node.handOut.at;
    case 'token':
      return endOf(session, node.name);
    case 'claim':
    case 'fact':
      return node.time;
    default:
      return undefined;
  }
}
