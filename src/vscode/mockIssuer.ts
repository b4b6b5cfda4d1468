import { WorkbenchError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { RecordParts } from '../core/records/changeRecord.ts';
import type { Connection } from '../core/records/connection.ts';
import type { Histories } from '../core/records/histories.ts';
import { emptyRecord } from '../core/records/record.ts';
import { storeTokens } from '../core/records/storeTokens.ts';
import type { Vault } from '../core/records/vault.ts';
import type { Refresher } from '../core/refresh/refresher.ts';
import type { MockView } from '../core/view/mockView.ts';
import { createListeners } from '../core/waiting.ts';
import type { AnyRow } from '../mock/effects.ts';
import type { MockServer, MockServerOptions } from '../mock/nodeServer.ts';
import type { Problem } from '../mock/shape.ts';
import type { MockClock } from '../mock/shelf.ts';
import type { TortureOptions, TortureReport } from '../mock/torture/torture.ts';
import type { Connections } from './connections.ts';
import { setMenuKey, stepDone } from './contextKeys.ts';
import type { MockWatch } from './mockWatch.ts';

export interface RunningMock {
  readonly issuer: string;
  readonly clientId: string;
  /** Id of the connection that was signed in. */
  readonly connection: string;
}

export type TestKey = Pick<MockServer, 'issuer' | 'sign' | 'jwks'>;

/** The mock issuer of this window. There is at most one, and its connection ends with it. */
export interface MockService {
  /** @throws WorkbenchError `mock_running`, `port_in_use`, `argument_invalid` */
  start(options?: MockServerOptions, label?: string): Promise<RunningMock>;
  /**
   * Reads the options from the text of a config file, as the command line does.
   * @throws WorkbenchError `mock_file_invalid` that names every invalid member
   */
  readFile(text: string, file: string): Promise<MockServerOptions>;
  /** @throws WorkbenchError `mock_not_running` */
  stop(): Promise<void>;
  running(): RunningMock | undefined;
  /** Signs with its test key, while the mock runs. */
  testKey(): TestKey | undefined;
  /**
   * Adds faults to those that are set, or replaces those of the same type. Sets all of them or none.
   * @param replace clear the faults that are set first
   * @param faults JSON of the caller, in the mock's format
   * @throws WorkbenchError `mock_not_running`, `argument_invalid` with the path of the error
   */
  setFaults(faults: unknown, replace?: boolean): Promise<readonly string[]>;
  /** All faults, by type. */
  faultRows(): Promise<Readonly<Record<string, AnyRow>>>;
  /**
   * Clears all faults, or those of one type.
   * @throws WorkbenchError `mock_not_running`; `argument_invalid` if no fault of this type is set
   */
  clearFaults(type?: string): void;
  /** @param change moves the clock of the mock. @throws WorkbenchError `mock_not_running` */
  moveClock(change: (clock: MockClock) => void): MockView['clock'];
  /**
   * Tests a client that is configured with this mock. Each scenario resets the mock, so the mock's own connection is
   * not refreshed during the test and gets new tokens at the end. Faults and the clock are restored.
   * @throws WorkbenchError `mock_not_running`, `client_test_running`, `cancelled`; `argument_invalid` for an unknown
   * scenario
   */
  torture(options: TortureOptions): Promise<TortureReport>;
  /** The mock's state, while it runs. */
  view(): MockView | undefined;
  /** Calls back when the mock starts or stops, and when `view` changes. Returns the unsubscribe function. */
  onDidChange(listener: () => void): () => void;
  dispose(): void;
}

export interface MockParts extends RecordParts {
  readonly vault: Vault;
  readonly connections: Connections;
  readonly histories: Histories;
  readonly clock: Clock;
  readonly refresher: Pick<Refresher, 'askedBy'>;
}

interface Current {
  readonly server: MockServer;
  readonly mock: RunningMock;
  readonly watch: MockWatch;
  /** Aborts the running test of a client. */
  test: AbortController | undefined;
}

export function createMockService(parts: MockParts): MockService {
  const { connections, vault, sessions, clock, histories } = parts;
  let current: Current | undefined;
  const changes = createListeners<[]>();
  let starting = false;

  function tellChange(): void {
    const { faults = [], spent = [] } = current?.watch.view() ?? {};
    void setMenuKey('hasMockFault', faults.length > 0);
    void setMenuKey('hasMockFaults', faults.length + spent.length > 0);
    changes.tell();
  }

  async function start(options: MockServerOptions = {}, label = 'Mock connection'): Promise<RunningMock> {
    if (current || starting) throw new WorkbenchError('mock_running', { issuer: current?.mock.issuer });
    starting = true;
    let server: MockServer | undefined;
    try {
      server = await listen(options);
      const mock = await signIn(server, label);
      const { watchMock } = await loadMock();
      current = { server, mock, watch: watchMock({ ...parts, server, onChange: tellChange }), test: undefined };
      await setMenuKey('mockRunning', true);
      stepDone('mockStarted');
      tellChange();
      return mock;
    } catch (error) {
      await server?.close();
      throw error;
    } finally {
      starting = false;
    }
  }

  /** Adds a connection to the mock with its first tokens, as if a user had signed in. */
  async function signIn(server: MockServer, label: string): Promise<RunningMock> {
    const client = server.clients[0];
    if (client === undefined) throw new WorkbenchError('argument_invalid', { field: 'clients', expected: 'array' });
    // Does not replace a connection of the user's settings with this id.
    let id = 'mock';
    while (sessions.get(id)?.memoryOnly === false) id += '-issuer';
    const connection: Connection = {
      id,
      label,
      issuer: server.issuer,
      clientId: client.client_id,
      scope: 'openid profile offline_access',
      tokenEndpointAuthMethod: client.token_endpoint_auth_method,
      audience: `${server.issuer}/api`,
      autoRefresh: true,
      dpop: client.dpop_bound_access_tokens === true,
      pushedAuthorizationRequests: false,
    };
    connections.addMemoryOnly(connection);
    if (client.client_secret !== undefined) {
      const { client_secret } = client;
      await vault.update(id, (record = emptyRecord(id)) => ({ ...record, client_secret }));
    }
    await giveTokens(server, connection);
    return { issuer: server.issuer, clientId: client.client_id, connection: id };
  }

  async function giveTokens(server: MockServer, connection: Connection): Promise<void> {
    const tokens = await server.issueTokens({ clientId: connection.clientId });
    await storeTokens(parts, connection, tokens, clock.now(), new AbortController().signal);
  }

  async function torture(options: TortureOptions): Promise<TortureReport> {
    const tested = running();
    if (tested.test) throw new WorkbenchError('client_test_running');
    const { server, mock, watch } = tested;
    const test = new AbortController();
    tested.test = test;
    const { signal = test.signal, onResult, onStart } = options;
    const { torture } = await loadMock();
    const faults = server.faults.active;
    const { ahead, frozenAt } = watch.view().clock;
    const connection = sessions.connection(mock.connection);
    try {
      // A refresh during the test would be an additional client, with a token that the first reset revoked.
      if (connection) connections.addMemoryOnly({ ...connection, autoRefresh: false });
      return await torture(server, {
        ...options,
        signal: AbortSignal.any([signal, test.signal]),
        onStart(chosen) {
          watch.testing({ done: 0, count: chosen.length });
          onStart?.(chosen);
        },
        onResult(result, index, count) {
          watch.testing({ done: index + 1, count });
          onResult?.(result, index, count);
        },
      });
    } catch (error) {
      if (signal.aborted || test.signal.aborted) throw new WorkbenchError('cancelled', { sent: false });
      throw asArgumentError(error);
    } finally {
      tested.test = undefined;
      watch.testing(undefined);
      if (current === tested) {
        server.reset();
        for (const fault of faults) server.setFault(fault);
        if (frozenAt !== undefined) server.clock.freeze(frozenAt);
        else if (Math.abs(ahead) >= 1000) server.clock.advance(ahead);
        // The connection comes back after its new tokens are stored, because a refresh would send a revoked one. It
        // comes back even if there are none, since it is refreshed again then.
        if (connection) await giveTokens(server, connection).finally(() => connections.addMemoryOnly(connection));
      }
    }
  }

  async function stop(): Promise<void> {
    if (current === undefined) throw new WorkbenchError('mock_not_running');
    const { server, mock, watch, test } = current;
    current = undefined;
    test?.abort();
    watch.dispose();
    await vault.delete(mock.connection);
    sessions.forget(mock.connection);
    await histories.remove(mock.connection);
    connections.removeMemoryOnly(mock.connection);
    await setMenuKey('mockRunning', false);
    tellChange();
    await server.close();
  }

  function running(): NonNullable<typeof current> {
    if (current === undefined) throw new WorkbenchError('mock_not_running');
    return current;
  }

  return {
    start,
    async readFile(text, file) {
      const { readConfig } = await loadMock();
      try {
        return readConfig(JSON.parse(text));
      } catch (error) {
        const problems: readonly Problem[] = Object(error).problems ?? [{ field: file, expected: 'JSON' }];
        const named = problems.map(({ field, expected }) => `${field}: ${expected}.`);
        throw new WorkbenchError('mock_file_invalid', { file, problems: named.join(' ') });
      }
    },
    stop,
    running: () => current?.mock,
    testKey: () => current?.server,
    async setFaults(faults, replace = false) {
      running();
      const { readFaults } = await loadMock();
      const settings = withCodes(() => readFaults(faults));
      const { server, watch } = running();
      const { set, clear } = server.faults;
      if (replace) clear();
      for (const setting of settings) set(setting);
      watch.changed();
      return settings.map(({ type }) => type);
    },
    faultRows: async () => (await loadMock()).faultRows,
    clearFaults(type) {
      const { server, watch } = running();
      const { active, clear } = server.faults;
      const found = active.find(fault => fault.type === type);
      if (type !== undefined && found === undefined)
        throw new WorkbenchError('argument_invalid', {
          field: 'type',
          expected: active.map(each => each.type).join(' | '),
        });
      clear(found?.type);
      if (type === undefined) watch.forgetSpent();
      watch.changed();
    },
    moveClock(change) {
      const { server, watch } = running();
      change(server.clock);
      watch.changed();
      return watch.view().clock;
    },
    torture,
    view: () => current?.watch.view(),
    onDidChange: changes.add,
    dispose() {
      current?.test?.abort();
      current?.watch.dispose();
      void current?.server.close();
    },
  };
}

/** The mock is loaded at first use, all of it at once: several small files would take longer. */
export const loadMock = () => import('./mockWatch.ts');

async function listen(options: MockServerOptions): Promise<MockServer> {
  const { startMockServer } = await loadMock();
  try {
    return await startMockServer(options);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES')) {
      throw new WorkbenchError('port_in_use', { port: options.port });
    }
    throw asArgumentError(error);
  }
}

function withCodes<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asArgumentError(error);
  }
}

/** The mock names every invalid member; callers of a command get the first. */
function asArgumentError(error: unknown): unknown {
  if (!(error instanceof Error) || !('problems' in error)) return error;
  const [first] = error.problems as readonly Problem[];
  return new WorkbenchError('argument_invalid', { field: 'options', ...first });
}
