import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import manifest from '../../../package.json' with { type: 'json' };
import { commands, contextKeys } from '../../../src/contributions.ts';
import type { TokenState } from '../../../src/core/checks/finding.ts';
import { WorkbenchError } from '../../../src/core/errors.ts';
import { type Connection, readConnections } from '../../../src/core/records/connection.ts';
import { emptyRecord, type StoredRecord } from '../../../src/core/records/record.ts';
import { createSessions, type HandOut, type Session } from '../../../src/core/records/sessions.ts';
import type { ViewNode } from '../../../src/core/view/viewNode.ts';
import type * as Items from '../../../src/vscode/tree/items.ts';
import type { ItemContext } from '../../../src/vscode/tree/items.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

const now = 1_700_000_000_000;

/** Further members of `vscode` that rows use. */
const more = `
  export class ThemeIcon { constructor(id, color) { this.id = id; this.color = color; } }
  export class ThemeColor { constructor(id) { this.id = id; } }
  export class TreeItem { constructor(label, state) { this.label = label; this.collapsibleState = state; } }
  export const TreeItemCollapsibleState = { None: 0, Collapsed: 1, Expanded: 2 };
`;

describe('rows of the tree', function () {
  this.timeout(60_000);
  let items: typeof Items;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jwt-workbench-'));
    items = await withoutVscode('tree/items', folder, more);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const shop = connection({ id: 'shop', label: 'Shop', issuer: 'https://a.example', clientId: 'demo' });

  function contextOf(session: Partial<Session>, state: TokenState = { kind: 'not_checked' }): ItemContext {
    const sessions = createSessions();
    const { connection: of = shop, memoryOnly = false, record, problem, refreshing } = session;
    sessions.setConnections([{ connection: of, memoryOnly }], []);
    if (record) sessions.apply({ ...record, connection: of.id });
    if (problem) sessions.unreadable(of.id, problem);
    if (session.handOuts) sessions.note(of.id, { handOuts: session.handOuts });
    if (refreshing) sessions.refreshing(of.id, true);
    return {
      sessions,
      verifications: {
        known: () => undefined,
        stateOf: () => state,
        check: () => Promise.resolve(undefined),
        seen() {},
        unseen() {},
        onDidChange: () => () => {},
      },
      clock: { now: () => now, schedule: () => () => {} },
      plan: () => ({ never: 'off' }),
      mock: { view: () => undefined },
      isOpen: () => false,
    };
  }

  const draw = (node: ViewNode, session: Partial<Session> = {}, state?: TokenState) =>
    items.treeItem(node, contextOf(session, state));

  const connectionRow = (session: Partial<Session> = {}) =>
    draw({ kind: 'connection', id: session.connection?.id ?? 'shop' }, session);

  it('say five states of a token apart, what matters first', () => {
    const reason = { id: 'signature', status: 'skipped', code: 'opaque' } as const;
    const failed = [{ id: 'signature', status: 'failed', code: 'signature_invalid' }] as const;
    const rows: [TokenState, string, string, string][] = [
      [{ kind: 'not_checked' }, 'shield', '< 60 s left, not checked', 'expired < 60 s ago, not checked'],
      [{ kind: 'verified' }, 'verified-filled', '< 60 s left, verified', 'expired < 60 s ago, verified'],
      [
        { kind: 'expired_valid_signature' },
        'watch',
        '< 60 s left, signature valid',
        'expired < 60 s ago, signature valid',
      ],
      [
        { kind: 'failed', failed },
        'error',
        'verification failed, < 60 s left',
        'verification failed, expired < 60 s ago',
      ],
      [
        ...([{ kind: 'unverifiable', reason }, 'question'] as const),
        ...(['< 60 s left', 'expired < 60 s ago'] as const).map(
          time => `${time}, cannot be verified here: opaque token`,
        ),
      ] as [TokenState, string, string, string],
    ];
    const icons = new Set<string>();
    for (const [state, icon, before, after] of rows) {
      for (const [end, said] of [
        [59_000, before],
        [-59_000, after],
      ] as const) {
        const tokens = { access_token: 'a', obtained_at: now, expires_at: now + end };
        const node = { kind: 'token', id: 'shop', name: 'access_token' } as const;
        const item = draw(node, { record: record(tokens) }, state);
        assert.equal(item.description, said);
        assert.equal(item.accessibilityInformation?.label, `Access token, ${said.replace('<', 'under')}`);
        assert.equal((item.iconPath as { id: string }).id, icon);
      }
      icons.add(icon);
    }
    assert.equal(icons.size, 5);
    const tip = draw({ kind: 'token', id: 'shop', name: 'access_token' }, {}, { kind: 'failed', failed }).tooltip;
    assert.match(String(tip), /verification failed[\s\S]*Signature: /);
  });

  it('say which program got a token, when and what for, whatever it calls itself', () => {
    const handOut: HandOut = {
      ...{ number: 1, at: now - 120_000, connection: 'shop', generation: 3, purpose: 'jwtw exec \u202enpm' },
      asker: { kind: 'workspace', uri: 'file:///work/shop' },
    };
    const row = draw({ kind: 'handOut', id: 'shop', handOut });
    assert.deepEqual([row.label, row.description], ['2 min ago', 'jwtw exec \\u{202e}npm, terminals and tasks']);
    assert.match(String(row.tooltip), /terminals and tasks of file:\/\/\/work\/shop\nGeneration: 3$/);
    const list = draw({ kind: 'handOuts', id: 'shop' }, { handOuts: [handOut] });
    assert.equal(list.description, `${row.description} (2 min ago)`);
  });

  it('say each state once, on screen and to a screen reader', () => {
    const signedIn = (end: number) => ({ record: record({ access_token: 'a', expires_at: now + end }) });
    const refused = {
      ...record({ access_token: 'a', refresh_token: 'r' }),
      refused: { at: now, error: 'invalid_grant', generation: 1 },
    };
    const rows: [Partial<Session>, string, string][] = [
      [{}, 'Connection Shop, no tokens', 'circle-outline'],
      [signedIn(59_000), 'Connection Shop, active until TIME', 'pass'],
      [{ ...signedIn(59_000), refreshing: true }, 'Connection Shop, refreshing', 'sync~spin'],
      [signedIn(-7000), 'Connection Shop, expired at TIME', 'watch'],
      [{ record: refused }, 'Connection Shop, sign in again', 'account'],
      [
        { problem: new WorkbenchError('record_unreadable', { reason: 'json' }) },
        'Connection Shop, unavailable',
        'error',
      ],
    ];
    for (const [session, spoken, icon] of rows) {
      const item = connectionRow(session);
      assert.equal(item.accessibilityInformation?.label.replace(/\d[\d: -]*\d/, 'TIME'), spoken);
      assert.equal((item.iconPath as { id: string }).id, icon);
    }
    // A side bar of 200 pixels shows about ten letters beside the name.
    assert.match(`${connectionRow(signedIn(59_000)).description}`, /^until \d\d:\d\d:\d\d, active$/);
  });

  it('lead to a sign-in where the issuer has refused the refresh token', () => {
    const error = new WorkbenchError('oauth_error', { error: 'invalid_grant', status: 400 });
    const tokens = record({ refresh_token: 'r' });
    const refused = { ...tokens, refused: { at: now, error: 'invalid_grant', generation: 1 } };
    const message = { kind: 'message', id: 'shop', message: 'last_refresh', error } as const;
    assert.equal(draw(message, { record: refused }).command?.command, commands.signIn);
    assert.equal(draw(message, { record: tokens }).command, undefined);
  });

  it('have the comma of the language', async () => {
    const bundle = await readFile(join('l10n', 'bundle.l10n.zh-cn.json'), 'utf8');
    const l10n = `const bundle = ${bundle};
      export const l10n = { t: (text, ...values) => bundle[text].replace(/\\{(\\d+)\\}/g, (_, i) => values[i]) };`;
    const chinese = await withoutVscode<typeof Items>('tree/items', join(folder, 'zh-cn'), `${l10n}${more}`);
    const session = { record: record({ access_token: 'a', expires_at: now + 59_000 }) };
    const { description } = chinese.treeItem({ kind: 'token', id: 'shop', name: 'access_token' }, contextOf(session));
    assert.match(`${description}`, /^[^,]+，[^,]+$/);
  });

  it('lead to a sign-out where what is stored cannot be read, and nowhere else', () => {
    const command = (error: WorkbenchError) => draw({ kind: 'message', id: 'shop', message: 'storage', error }).command;
    assert.equal(command(new WorkbenchError('record_unreadable', { reason: 'json' }))?.command, commands.signOut);
    assert.equal(command(new WorkbenchError('secret_unavailable')), undefined);
  });

  it('of connections have their tooltip when the pointer rests on them, so that a thousand are drawn at once', () => {
    const item = connectionRow();
    assert.equal(item.tooltip, undefined);
    const node = { kind: 'connection', id: 'shop' } as const;
    assert.match(String(items.resolveItem(item, node, contextOf({})).tooltip), /^Shop\nState: no tokens\n/);
  });

  it('name the generation of the refresh token and never the token', () => {
    const item = draw(
      { kind: 'token', id: 'shop', name: 'refresh_token' },
      { record: { ...record({ refresh_token: 'a-secret' }), generation: 7 } },
    );
    assert.equal(item.description, 'hidden, generation 7');
    assert.doesNotMatch(JSON.stringify(item), /a-secret/);
  });

  describe('and their menus', () => {
    const tokens = record({ access_token: 'a', refresh_token: 'r', expires_at: now + 59_000 });
    const mock = { ...shop, id: 'mock' };
    const { issuer: _, ...pasted } = { ...shop, id: 'pasted' };
    const ofMock = ['copyMockAddress', 'setMockFaults', 'clearMockFaults', 'stopMockIssuer'];
    /** The commands that the code refuses in an untrusted workspace. */
    const needTrust = [
      'addConnection',
      'importTokens',
      'setClientSecret',
      'refresh',
      'refreshAll',
      'signIn',
      'exchangeToken',
      'introspect',
      'userInfo',
      'copyToken',
      'startMockIssuer',
    ];

    it('offer what concerns the mock issuer beside its connection, and beside no other', () => {
      const beside = (session: Partial<Session>, faults = true) =>
        offered(connectionRow(session).contextValue, true, faults);
      const shown = (names: readonly string[]) => ofMock.filter(name => names.includes(name));
      const session = { connection: mock, memoryOnly: true, record: tokens };
      assert.deepEqual(shown(beside(session)), ofMock);
      const withoutFaults = ofMock.filter(name => name !== 'clearMockFaults');
      assert.deepEqual(shown(beside(session, false)), withoutFaults);
      assert.deepEqual(shown(beside({ connection: pasted, memoryOnly: true, record: tokens })), []);
      assert.deepEqual(shown(beside({ record: tokens })), []);
    });

    it('offer no requests to an issuer if there is none', () => {
      const session = { connection: pasted, memoryOnly: true, record: tokens };
      const asking = ['signIn', 'signOut', 'refresh', 'introspect', 'userInfo', 'exchangeToken'];
      const rows = [
        connectionRow(session),
        ...(['access_token', 'refresh_token'] as const).map(name =>
          draw({ kind: 'token', id: 'pasted', name }, session),
        ),
      ];
      for (const { contextValue } of rows)
        assert.deepEqual(
          offered(contextValue).filter(name => asking.includes(name)),
          [],
        );
      assert.ok(offered(rows[0]?.contextValue).includes('removeConnection'));
    });

    it('offer no token of a record that cannot be read, but to delete it', () => {
      const problem = new WorkbenchError('record_unreadable', { reason: 'json' });
      const names = offered(connectionRow({ problem }).contextValue);
      assert.deepEqual(
        ['signOut', 'removeConnection', 'copyToken', 'useInConfiguration'].filter(name => names.includes(name)),
        ['signOut', 'removeConnection'],
      );
    });

    it('offer to undo an import where it can be undone', () => {
      const after = {
        ...tokens,
        replaced: { binding: { client_id: 'demo' }, tokens: { obtained_at: now, refresh_token: 'r' } },
      };
      assert.ok(offered(connectionRow({ record: after }).contextValue).includes('undoImport'));
      assert.ok(!offered(connectionRow({ record: tokens }).contextValue).includes('undoImport'));
    });

    it('offer in Restricted Mode nothing that is refused there', () => {
      const rows = [
        connectionRow({ record: tokens }),
        connectionRow({ connection: mock, memoryOnly: true, record: tokens }),
        connectionRow(),
        draw({ kind: 'token', id: 'shop', name: 'access_token' }, { record: tokens }),
      ];
      for (const { contextValue } of rows) {
        assert.ok(offered(contextValue).some(name => needTrust.includes(name)));
        assert.deepEqual(
          offered(contextValue, false).filter(name => needTrust.includes(name)),
          [],
        );
      }
      for (const { command, when } of manifest.contributes.menus['view/title'])
        assert.equal(when.includes('isWorkspaceTrusted'), needTrust.includes(nameOf(command)), command);
    });
  });
});

function connection(entry: Record<string, unknown>): Connection {
  const [only] = readConnections([entry]).connections;
  assert.ok(only);
  return only;
}

function record(tokens: Partial<NonNullable<StoredRecord['tokens']>>): StoredRecord {
  return { ...emptyRecord('shop'), generation: 1, tokens: { obtained_at: now, ...tokens } };
}

const nameOf = (command: string) => command.slice(command.indexOf('.') + 1);

/** The commands that the manifest shows beside a row with these words. */
function offered(words = '', trusted = true, faults = false): string[] {
  return manifest.contributes.menus['view/item/context']
    .filter(({ when }) =>
      when.split(' && ').every(clause => {
        const [, pattern] = /^viewItem =~ \/(.+)\/$/.exec(clause) ?? [];
        if (pattern !== undefined) return new RegExp(pattern).test(words);
        if (clause === contextKeys.hasMockFaults) return faults;
        return clause === 'isWorkspaceTrusted' ? trusted : clause.startsWith('view == ');
      }),
    )
    .map(({ command }) => nameOf(command));
}
