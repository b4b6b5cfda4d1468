import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StatusBarItem } from 'vscode';
import { commands } from '../../../src/contributions.ts';
import type { TokenState } from '../../../src/core/checks/finding.ts';
import { readConnections } from '../../../src/core/records/connection.ts';
import { emptyRecord, type StoredRecord } from '../../../src/core/records/record.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import type * as StatusBar from '../../../src/vscode/statusBar.ts';
import { manualClock } from '../../support/manualClock.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

const now = 1_700_000_000_000;

describe('the status bar', function () {
  this.timeout(60_000);
  let statusBar: typeof StatusBar;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jwt-workbench-'));
    const more = `
      export const StatusBarAlignment = { Left: 1, Right: 2 };
      export class ThemeColor {}
      export const window = { createStatusBarItem: () => (globalThis.statusBarItem = { show() {}, hide() {} }) };
    `;
    statusBar = await withoutVscode('statusBar', folder, more);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  function itemFor(
    record: Partial<StoredRecord>,
    isPasted = false,
    state: TokenState = { kind: 'not_checked' },
  ): StatusBarItem {
    const sessions = createSessions();
    const clock = { now: () => now, schedule: () => () => {} };
    const { connections } = readConnections([
      { id: 'shop', label: 'Shop', issuer: 'https://a.example', clientId: 'demo' },
    ]);
    const [shop] = connections;
    assert.ok(shop);
    const { issuer: _, ...pasted } = shop;
    statusBar.createStatusBar(
      sessions,
      clock,
      () => ({ never: 'off' }),
      () => {},
      { stateOf: () => state, onDidChange: () => () => {} },
    );
    sessions.setConnections([{ connection: isPasted ? pasted : shop, memoryOnly: isPasted }], []);
    sessions.apply({ ...emptyRecord('shop'), generation: 1, ...record });
    return Reflect.get(globalThis, 'statusBarItem');
  }

  const tokens = {
    access_token: 'a',
    refresh_token: 'r',
    obtained_at: now,
    expires_at: now + 59_000,
  };

  const commandOf = ({ command }: StatusBarItem) => (typeof command === 'object' ? command.command : command);

  it('counts down, and refreshes at a click', () => {
    const item = itemFor({ tokens });
    assert.equal(item.text, '$(shield) Shop: 59 s');
    assert.equal(commandOf(item), commands.refresh);
  });

  it('shows the state that the tree shows, and a failed verification before the time', () => {
    const item = itemFor({ tokens }, false, { kind: 'verified' });
    assert.equal(item.text, '$(verified-filled) Shop: 59 s');
    assert.match(item.accessibilityInformation?.label ?? '', /^Shop: 59 s left, verified/);
    const failed = itemFor({ tokens }, false, { kind: 'failed', failed: [] });
    assert.equal(failed.text, '$(error) Shop: verification failed');
    assert.ok(failed.backgroundColor);
  });

  it('signs in at a click where the issuer has refused the refresh token', () => {
    const item = itemFor({ tokens, refused: { at: now, error: 'invalid_grant', generation: 1 } });
    assert.equal(item.text, '$(account) Shop: sign in again');
    assert.equal(commandOf(item), commands.signIn);
    assert.match(item.accessibilityInformation?.label ?? '', /Select to sign in\.$/);
  });

  it('does not count for tokens that are only looked at', () => {
    assert.equal(itemFor({ tokens }, true).text, undefined);
  });

  it('shows the connection if it cannot be refreshed', () => {
    const { refresh_token: _, ...rest } = tokens;
    assert.equal(commandOf(itemFor({ tokens: rest })), commands.status);
  });

  it('stays with the first that has tokens until another is chosen, and warns when that one has ended', () => {
    const clock = manualClock(now);
    const sessions = createSessions();
    const bar = statusBar.createStatusBar(
      ...([sessions, clock] as const),
      () => ({ never: 'off' }),
      () => {},
      { stateOf: () => ({ kind: 'verified' }), onDidChange: () => () => {} },
    );
    const item: StatusBarItem = Reflect.get(globalThis, 'statusBarItem');
    const entries = ['a', 'b', 'c'].map(id => ({
      id,
      label: `$(x) ${id}`,
      issuer: 'https://a.example',
      clientId: 'demo',
    }));
    const list = readConnections(entries).connections.map(connection => ({ connection, memoryOnly: false }));
    sessions.setConnections(list, []);
    for (const id of ['b', 'c', 'a'])
      sessions.apply({ ...emptyRecord(id), generation: 1, ...(id !== 'a' && { tokens }) });
    assert.equal(item.text, '$(verified-filled) $ (x) b: 59 s');
    bar.setActive('c');
    assert.equal(item.text, '$(verified-filled) $ (x) c: 59 s');
    assert.equal(item.backgroundColor, undefined);
    clock.advance(60_000);
    bar.tick();
    assert.match(item.text, /^\$\((?!verified)[\w-]+\) \$ \(x\) c: expired/);
    assert.ok(item.backgroundColor);
  });
});
