import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StatusBarItem } from 'vscode';
import { commands } from '../../../src/contributions.ts';
import { readConnections } from '../../../src/core/connection.ts';
import { emptyRecord, type StoredRecord } from '../../../src/core/record.ts';
import { createSessions } from '../../../src/core/sessions.ts';
import type * as StatusBar from '../../../src/vscode/statusBar.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

const now = 1_700_000_000_000;

describe('the status bar', function () {
  this.timeout(20_000);
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

  function itemFor(record: Partial<StoredRecord>, isPasted = false): StatusBarItem {
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
    );
    sessions.setConnections([{ connection: isPasted ? pasted : shop, memoryOnly: isPasted }], []);
    sessions.apply({ ...emptyRecord('shop'), generation: 1, ...record });
    return Reflect.get(globalThis, 'statusBarItem');
  }

  const tokens = {
    ...{ access_token: 'a', refresh_token: 'r', obtained_at: now },
    expires_at: now + 59_000,
  };

  const commandOf = ({ command }: StatusBarItem) => (typeof command === 'object' ? command.command : command);

  it('counts down, and refreshes at a click', () => {
    const item = itemFor({ tokens });
    assert.equal(item.text, '$(key) Shop: 59 s');
    assert.equal(commandOf(item), commands.refresh);
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

  it('shows where it is, when there is nothing to refresh with', () => {
    const { refresh_token: _, ...rest } = tokens;
    assert.equal(commandOf(itemFor({ tokens: rest })), commands.status);
  });
});
