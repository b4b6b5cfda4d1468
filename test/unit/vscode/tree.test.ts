import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TreeItem } from 'vscode';
import { createVerifications } from '../../../src/core/checks/verifications.ts';
import { WorkbenchError } from '../../../src/core/errors.ts';
import type { HistoryEntry } from '../../../src/core/records/history.ts';
import { emptyRecord } from '../../../src/core/records/record.ts';
import { createSessions, type HandOut } from '../../../src/core/records/sessions.ts';
import type { MockView } from '../../../src/core/view/mockView.ts';
import { keyOf, type ViewNode } from '../../../src/core/view/viewNode.ts';
import { createListeners } from '../../../src/core/waiting.ts';
import type * as Tickers from '../../../src/vscode/statusBar.ts';
import type { ItemContext } from '../../../src/vscode/tree/items.ts';
import type * as Providers from '../../../src/vscode/tree/provider.ts';
import { type ManualClock, manualClock } from '../../support/manualClock.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

const lifetime = 60_000;
const entry = {
  at: 0,
  duration: 1,
  generation: 1,
  outcome: 'refreshed',
  adopted: false,
  changes: [],
} as const;

/** An access token with the claims that the tests check. */
function token(now: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part({ sub: 'a', exp: (now + lifetime) / 1000, nested: {} })}.c2ln`;
}

describe('the tree of the sidebar', function () {
  this.timeout(60_000);
  let createConnectionsTree: typeof Providers.createConnectionsTree;
  let createTicker: typeof Tickers.createTicker;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tree-'));
    ({ createConnectionsTree } = await withoutVscode<typeof Providers>('tree/provider', folder));
    ({ createTicker } = await withoutVscode<typeof Tickers>('statusBar', folder));
  });
  after(() => rm(folder, { recursive: true }));

  /** A view that requests rows as VS Code does: first the children of an expanded row, then their items. */
  function view({ verified = true, visible = false }: { verified?: boolean; visible?: boolean } = {}) {
    const clock: ManualClock = manualClock(1_700_000_000_000);
    const sessions = createSessions();
    const logged: string[] = [];
    const asked: string[] = [];
    const ticker = createTicker(clock);
    let history: readonly HistoryEntry[] = [];
    let mockView: MockView | undefined;
    let mockChanged = () => {};
    const handedOut = createListeners<[handOut: HandOut]>();
    const verifications = createVerifications({
      sessions,
      clock,
      verify: async ({ id }, name) => {
        asked.push(`${id} ${name}`);
        if (!verified) throw new WorkbenchError('connection_refused', { host: 'a.example' });
        return { verified: true, checks: [] };
      },
      allowed: () => visible,
      log: (_, event) => void logged.push(event),
    });
    const tree = createConnectionsTree({
      sessions,
      verifications,
      clock,
      due: ticker.due,
      log: (_, event) => void logged.push(event),
      plan: session => ({ at: (session.record?.tokens?.expires_at ?? 0) - 12_000, because: 'ending' }),
      mock: {
        view: () => mockView,
        onDidChange(listener) {
          mockChanged = listener;
          return () => {};
        },
      },
      broker: { onDidHandOut: handedOut.add },
      histories: {
        async list(id) {
          sessions.note(id, { history }, sessions.get(id)?.history === undefined);
          return history;
        },
      },
      items: async () => ({
        treeItem: (node: ViewNode, { isOpen }: ItemContext) => ({ id: keyOf(node), isOpen: isOpen(node) }) as TreeItem,
        resolveItem: item => item,
      }),
    });
    ticker.onTick(tree.tick);
    const events: string[][] = [];
    tree.onDidChangeTreeData?.(event => {
      events.push(event ? [event].flat().map(keyOf) : ['everything']);
    });
    sessions.setConnections(
      ['a', 'b'].map(id => ({
        connection: {
          id,
          label: id,
          clientId: 'demo',
          issuer: 'https://a.example',
          autoRefresh: true,
          tokenEndpointAuthMethod: 'none',
          dpop: false,
          pushedAuthorizationRequests: false,
        },
        memoryOnly: false,
      })),
      [],
    );
    function signIn(id: string, generation = 1): void {
      const now = clock.now();
      sessions.apply({
        ...emptyRecord(id),
        generation,
        binding: { client_id: 'demo' },
        tokens: {
          access_token: token(now),
          refresh_token: 'r',
          obtained_at: now,
          expires_at: now + lifetime,
        },
      });
    }
    async function children(node?: ViewNode): Promise<readonly ViewNode[]> {
      const rows = (await tree.getChildren(node)) ?? [];
      for (const row of rows) await tree.getTreeItem(row);
      return rows;
    }
    /** Expands the rows with these keys, starting at the top. */
    async function open(...keys: readonly string[]): Promise<ViewNode> {
      let rows = await children();
      let found: ViewNode | undefined;
      for (const key of keys) {
        found = rows.find(node => keyOf(node) === key);
        assert.ok(found, `${key} among ${rows.map(keyOf).join(' | ')}`);
        tree.opened(found, true);
        rows = await children(found);
      }
      assert.ok(found);
      return found;
    }
    /** Starts recording which rows are redrawn from now on. */
    function fresh(): string[][] {
      events.splice(0);
      return events;
    }
    /** Does what the broker does in its function `note`. */
    function handOut(id: string): void {
      const { handOuts } = sessions.get(id) ?? {};
      const handed: HandOut = {
        ...{ number: (handOuts?.length ?? 0) + 1, at: clock.now(), connection: id },
        ...{ asker: { kind: 'machine' }, purpose: 'jwtw token', generation: 1 },
      };
      sessions.note(id, { handOuts: [handed, ...(handOuts ?? [])] }, handOuts !== undefined);
      handedOut.tell(handed);
    }
    for (const id of ['a', 'b']) signIn(id);
    return {
      clock,
      sessions,
      tree,
      children,
      open,
      fresh,
      signIn,
      handOut,
      logged,
      setMock(view: MockView | undefined) {
        mockView = view;
        mockChanged();
      },
      asked,
      setHistory(entries: readonly HistoryEntry[]) {
        history = entries;
      },
    };
  }

  it('redraws no open row just because time goes by, and every row that counts once in ten seconds', async () => {
    const { clock, open, fresh } = view();
    await open('a', 'a/access_token', 'a/access_token/claims');
    clock.advance(500);
    const events = fresh();
    clock.advance(10_000);
    // The connection and its token are expanded. Redrawing them would break the menus of the rows below.
    const counting = ['a/access_token/claims/["exp"]', 'a/access_token/obtained', 'a/next'];
    assert.deepEqual(events.flat().sort(), counting);
    fresh();
    clock.advance(10_000);
    assert.deepEqual(events.flat().sort(), counting);
  });

  it('has a row for the programs that got a token, and redraws only that row for more', async () => {
    const { children, fresh, handOut, open } = view();
    const connection = await open('a');
    const events = fresh();
    handOut('a');
    assert.deepEqual(events.flat(), ['a']);
    assert.equal((await children(connection)).map(keyOf).at(-1), 'a/handOuts');
    await open('a', 'a/handOuts');
    fresh();
    handOut('a');
    assert.deepEqual(events.flat(), ['a/handOuts']);
    const rows = await children(await open('a', 'a/handOuts'));
    assert.deepEqual(rows.map(keyOf), ['a/handOuts/2', 'a/handOuts/1']);
  });

  it('counts again on a row that was folded, and not on what went out of sight with it', async () => {
    const { clock, open, fresh, tree } = view();
    const accessToken = await open('a', 'a/access_token');
    clock.advance(500);
    tree.opened(accessToken, false);
    await tree.getTreeItem(accessToken);
    const events = fresh();
    clock.advance(2000);
    assert.deepEqual(events, []);
    clock.advance(10_000);
    assert.deepEqual([...new Set(events.flat())].sort(), ['a/access_token', 'a/next']);
    fresh();
    // What is below is not redrawn at the moment when a user is about to click there.
    tree.opened(accessToken, true);
    assert.deepEqual(events.flat(), ['a/access_token/obtained']);
    clock.advance(10_000);
    assert.equal(events.flat().filter(key => key === 'a/access_token').length, 1, 'from now on, it shows a time');
    clock.advance(30_000);
    assert.equal(events.flat().filter(key => key === 'a/access_token').length, 1);
  });

  it('redraws no connection when it is opened, as a menu on one of its tokens would lose its row', async () => {
    const { open, fresh, tree, clock, children } = view();
    const connection = await open('a');
    clock.advance(500);
    const events = fresh();
    tree.opened(connection, false);
    clock.advance(1000);
    tree.opened(connection, true);
    await children(connection);
    clock.advance(1000);
    assert.ok(!events.flat().includes('a'), events.flat().join(', '));
  });

  it('draws an open row again at the moment that it names', async () => {
    const { clock, open, fresh } = view();
    await open('a');
    clock.advance(lifetime - 1);
    const events = fresh();
    clock.advance(1);
    assert.ok(events.flat().includes('a'));
    fresh();
    clock.advance(5000);
    assert.ok(!events.flat().includes('a'));
  });

  it('returns known rows synchronously, so that no event comes in between', async () => {
    const { open, tree } = view();
    await open('a', 'a/access_token', 'a/access_token/verification');
    for (const key of ['a', 'a/access_token', 'a/access_token/verification']) {
      const node = await open(...key.split('/').map((_, i, all) => all.slice(0, i + 1).join('/')));
      assert.ok(Array.isArray(tree.getChildren(node)), key);
      assert.ok(!(tree.getTreeItem(node) instanceof Promise), key);
    }
    assert.ok(Array.isArray(tree.getChildren()));
  });

  it('asks for a row again if an event came while its rows were read', async () => {
    const { clock, children, fresh, tree, sessions } = view();
    const [first] = await children();
    assert.ok(first);
    clock.advance(1000);
    const waiting = tree.getChildren(first);
    sessions.refreshing('a', true);
    await waiting;
    const events = fresh();
    clock.advance(200);
    assert.deepEqual(
      events.filter(keys => keys.length === 1),
      [['a']],
    );
  });

  it('tells of what another window has added to the history, once', async () => {
    const { open, fresh, tree, setHistory } = view();
    const connection = await open('a');
    const events = fresh();
    setHistory([entry]);
    tree.getChildren(connection);
    await Promise.resolve();
    assert.deepEqual(events, [['a']]);
    tree.getChildren(connection);
    await Promise.resolve();
    assert.equal(events.length, 1);
  });

  it('has a row for the mock issuer while it runs, and redraws no other for what happens there', async () => {
    const { children, open, fresh, tree, setMock } = view();
    const keys = async () => (await children()).map(keyOf);
    assert.deepEqual(await keys(), ['a', 'b']);
    const running: MockView = {
      issuer: 'http://127.0.0.1:1',
      clock: { ahead: 0 },
      ...{ faults: [], spent: [], requests: [], users: [] },
    };
    const events = fresh();
    setMock(running);
    assert.deepEqual(events, [['everything']]);
    assert.deepEqual(await keys(), ['a', 'b', '~mock']);
    const faults = await open('~mock', '~mock/faults');
    fresh();
    setMock({ ...running, faults: [{ type: 'delay', title: 'Late', details: '' }] });
    assert.deepEqual(events, [['~mock']]);
    const [fault] = (await tree.getChildren(faults)) ?? [];
    assert.equal(fault?.kind === 'mockFault' && fault.fault.title, 'Late');
    assert.equal(fault && keyOf(tree.getParent(fault) ?? fault), '~mock/faults');
    setMock(undefined);
    assert.deepEqual(await keys(), ['a', 'b']);
  });

  it('sleeps where nothing counts', async () => {
    const { clock, sessions, children } = view();
    await children();
    assert.equal(clock.pending, 1);
    for (const id of ['a', 'b']) sessions.forget(id);
    await children();
    clock.advance(lifetime);
    assert.equal(clock.pending, 0);
  });

  it('has the tokens of open connections checked while it is visible, and each once', async () => {
    const hidden = view();
    await hidden.open('a');
    assert.deepEqual(hidden.asked, []);
    const { asked, open, fresh, tree, children, clock, signIn } = view({ visible: true });
    const connection = await open('a');
    await Promise.resolve();
    assert.deepEqual(asked, ['a access_token'], 'not that of the connection that is folded');
    await Promise.resolve();
    assert.ok(fresh, 'its row is drawn anew');
    await children(connection);
    tree.seen();
    clock.advance(1000);
    assert.equal(asked.length, 1);
    signIn('a', 2);
    await children(connection);
    assert.equal(asked.length, 2);
  });

  it('says and logs why checks could not be run', async () => {
    const { open, tree, logged } = view({ verified: false });
    const section = await open('a', 'a/access_token', 'a/access_token/verification');
    const [row] = (await tree.getChildren(section)) ?? [];
    assert.ok(row?.kind === 'message' && row.message === 'verify_failed');
    assert.equal(row.error?.code, 'connection_refused');
    assert.ok(logged.includes('checks not run'));
  });
});
