import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuthenticationProvider } from 'vscode';
import type { TokenQuery } from '../../../src/core/broker/protocol.ts';
import { WorkbenchError } from '../../../src/core/errors.ts';
import { readConnection } from '../../../src/core/records/connection.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import type * as BrokerService from '../../../src/vscode/broker/brokerService.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

const vscode = `
export const Disposable = class { static from() { return {}; } };
export const authentication = { registerAuthenticationProvider: (...given) => void (globalThis.provider = given[2]) };
export const tasks = {};
`;

describe('the accounts for other extensions', function () {
  this.timeout(60_000);
  let folder: string;
  let register: typeof BrokerService.registerAuthenticationProvider;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'accounts-'));
    ({ registerAuthenticationProvider: register } = await withoutVscode<typeof BrokerService>(
      'broker/brokerService',
      folder,
      vscode,
    ));
  });
  after(() => rm(folder, { recursive: true }));

  function world(...ids: string[]) {
    const sessions = createSessions();
    sessions.setConnections(
      ids.map(id => {
        const { connection } = readConnection({ id, issuer: 'https://as.example', clientId: 'c' });
        assert.ok(connection);
        return { connection, memoryOnly: false };
      }),
      [],
    );
    for (const connection of ids)
      sessions.apply({
        version: 1,
        connection,
        generation: 1,
        tokens: { access_token: `at-${connection}`, obtained_at: 0 },
      });
    const asked: TokenQuery[] = [];
    const token = async (_: unknown, query: TokenQuery) => {
      asked.push(query);
      if (query.connection === 'gone') throw new WorkbenchError('not_trusted');
      return { connection: String(query.connection), token: `fresh-${query.connection}`, type: 'Bearer' as const };
    };
    const broker = { token, connections: () => [], onDidHandOut: () => () => {} };
    register({ sessions, broker: () => broker, log: () => {} });
    const { provider } = globalThis as unknown as { provider: AuthenticationProvider };
    const purposes = () => Object.fromEntries(asked.map(({ connection = '', purpose }) => [connection, purpose]));
    return { provider, purposes };
  }

  it('are given one by one if one is meant', async () => {
    const { provider, purposes } = world('a', 'b');
    const got = await provider.getSessions([], { account: { id: 'b', label: 'b' } });
    assert.deepEqual([got.map(({ accessToken }) => accessToken), purposes()], [['fresh-b'], { b: 'authentication' }]);
  });

  it('say that they were only offered where VS Code chooses one of several', async () => {
    const { provider, purposes } = world('a', 'b', 'gone');
    assert.equal((await provider.getSessions([], {})).length, 2);
    const offered = 'authentication, offered with 2 other accounts';
    assert.deepEqual(purposes(), { a: offered, b: offered, gone: offered });
  });

  it('are listed without anything being refreshed or handed out', async () => {
    const { provider, purposes } = world('a', 'b');
    assert.equal((await provider.getSessions(undefined, {})).length, 2);
    assert.deepEqual(purposes(), {});
  });
});
