import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commands } from '../../../src/contributions.ts';
import { errorOf, WorkbenchError } from '../../../src/core/errors.ts';
import { errorCodes } from '../../../src/core/errorTable.ts';
import type * as ShowError from '../../../src/vscode/commands/command.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

describe('an error that is shown', function () {
  this.timeout(60_000);
  let ways: typeof ShowError.buttonsFor;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jwt-workbench-'));
    const more = 'export const window = {}; export const commands = {}; export const env = {};';
    ways = (await withoutVscode<typeof ShowError>('commands/command', folder, more)).buttonsFor;
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const shop = { label: 'Shop', id: 'shop', command: commands.refresh };
  const row = { kind: 'connection', id: 'shop' };

  it('has the next step at hand', () => {
    const first = (error: WorkbenchError, more = {}) => ways(error, { ...shop, ...more })[0];
    assert.deepEqual(first(new WorkbenchError('connection_refused')), ['Try Again', commands.refresh, row]);
    for (const status of [429, 503]) {
      assert.equal(first(new WorkbenchError('http_error', { status }))?.[0], 'Try Again');
      assert.equal(first(new WorkbenchError('oauth_error', { status, error: 'invalid_request' }))?.[0], 'Try Again');
    }
    for (const error of ['slow_down', 'temporarily_unavailable'])
      assert.equal(first(new WorkbenchError('oauth_error', { status: 400, error }))?.[0], 'Try Again');
    assert.equal(
      first(new WorkbenchError('oauth_error', { status: 401, error: 'invalid_client' }))?.[0],
      'Open Settings',
    );
    assert.deepEqual(first(new WorkbenchError('refresh_token_refused'), { signIn: true }), [
      ...['Sign In', commands.signIn],
      row,
    ]);
    assert.deepEqual(first(new WorkbenchError('http_error', { status: 404 })), [
      ...['Open Settings', commands.openSettings],
      { connection: 'shop' },
    ]);
    assert.deepEqual(
      first(new WorkbenchError('client_secret_missing', { method: 'client_secret_basic', connection: 'shop' })),
      [...['Set Client Secret or Key', commands.setClientSecret], row],
    );
    const mismatch = { expected: 'https://a.example', found: 'https://a.example/' } as const;
    const mend = ['Set Issuer...', commands.setIssuer, row];
    assert.deepEqual(first(new WorkbenchError('issuer_mismatch', { ...mismatch, difference: 'slash' })), mend);
    assert.deepEqual(first(new WorkbenchError('issuer_mismatch', { ...mismatch, difference: 'placeholder' })), mend);
    // A name without a scheme cannot be set.
    assert.equal(
      first(new WorkbenchError('issuer_mismatch', { ...mismatch, difference: 'scheme' }))?.[0],
      'Open Settings',
    );
    assert.deepEqual(ways(new WorkbenchError('not_trusted'), shop), [
      ['Manage Workspace Trust', 'workbench.trust.manage'],
    ]);
  });

  it('has only buttons that help, and nothing to repeat if nothing is known', () => {
    for (const code of ['not_a_token', 'token_json', 'nothing_to_pick'] as const)
      assert.deepEqual(ways(errorOf(code, {}), shop), []);
    for (const code of errorCodes) {
      const titles = ways(errorOf(code, {}), {}).map(([title]) => title);
      assert.ok(titles.length <= 2, code);
      assert.ok(!titles.includes('Try Again') && !titles.includes('Sign In'), code);
    }
  });
});
