import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import type { Clock } from '../../../../src/core/ports.ts';
import { createLoading } from '../../../../src/core/records/changeRecord.ts';
import type { Connection } from '../../../../src/core/records/connection.ts';
import {
  createHandover,
  createJournalKeys,
  journalKeyName,
  newKeyText,
} from '../../../../src/core/records/journalKeys.ts';
import { createSessions } from '../../../../src/core/records/sessions.ts';
import { storeTokens } from '../../../../src/core/records/storeTokens.ts';
import { createMemoryStore, createVault } from '../../../../src/core/records/vault.ts';
import { createRefresher } from '../../../../src/core/refresh/refresher.ts';
import { signOut } from '../../../../src/core/signIn/signOut.ts';
import { systemClock } from '../../../../src/core/waiting.ts';
import { createFileLock } from '../../../../src/platform/fileLock.ts';
import { dataOf } from '../../../support/failureOf.ts';
import { until } from './refreshWorld.ts';

/** Windows whose stores never show each other's writes, as in the web workbench. */
describe('windows with stores of their own', () => {
  const connection: Connection = {
    id: 'a',
    label: 'A',
    issuer: 'https://issuer.example',
    clientId: 'demo',
    ...{
      tokenEndpointAuthMethod: 'none',
      autoRefresh: true,
      dpop: false,
      pushedAuthorizationRequests: false,
    },
  };
  /** A faster clock for a window that first waits for its own store. */
  const fast: Clock = {
    now: () => systemClock.now() * 10,
    schedule: (callback, delay) => systemClock.schedule(callback, delay / 10),
  };
  let folder = '';
  let posted: string[] = [];
  let stops: (() => void)[] = [];
  /** Called while a request is at the issuer. */
  let onPost: () => Promise<unknown>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jwtw-windows-'));
    posted = [];
    stops = [];
    onPost = async () => {};
  });
  afterEach(async () => {
    for (const stop of stops) stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(keyText: string, clock: Clock = systemClock) {
    const log = () => {};
    const secrets = createMemoryStore();
    await secrets.store(journalKeyName, keyText);
    const lock = createFileLock({ folder, clock, log });
    const keys = createJournalKeys({ secrets, lock, clock, log });
    const handover = createHandover({ keys, log });
    const vault = createVault(() => secrets, secrets);
    const sessions = createSessions();
    sessions.setConnections([{ connection, memoryOnly: false }], []);
    const loading = createLoading({ vault, sessions, lock, handover });
    stops.push(loading.dispose);
    const refresher = createRefresher({
      vault,
      lock,
      handover,
      sessions,
      clock,
      log,
      endpointsOf: async () => ({ issuer: 'https://issuer.example', token_endpoint: 'https://issuer.example/token' }),
      tokenClient: async () =>
        ({
          refresh: async ({ refreshToken }: { refreshToken: string }) => {
            posted.push(refreshToken);
            const count = posted.length;
            await onPost();
            const raw = {
              access_token: `access ${count}`,
              refresh_token: `refresh ${count}`,
              expires_in: 60,
            };
            return { raw, receivedAt: Date.now(), validate: async () => ({ warnings: [] }) } as never;
          },
        }) as never,
    });
    const parts = { vault, lock, handover, sessions, clock };
    return {
      vault,
      sessions,
      refresher,
      loading,
      lock,
      keys,
      handover,
      token: () => sessions.get('a')?.record?.tokens?.refresh_token,
      /**
       * Waits until the window holds this token. If it refreshed earlier, it would take over the stored token and send
       * nothing.
       */
      told: (token: string) => until(() => sessions.get('a')?.record?.tokens?.refresh_token === token),
      signIn: () =>
        storeTokens(parts, connection, { refresh_token: 'refresh 0' }, Date.now(), new AbortController().signal),
      signOut: () => signOut({ ...parts, discard: refresher.discard }, 'a'),
    };
  }

  it('refresh in turns, and each sends the newest token', async () => {
    const key = newKeyText();
    const [one, two] = [await open(key), await open(key)];
    await one.signIn();
    for (const [times, window] of [one, two, two, one, two].entries()) {
      await window.told(`refresh ${times}`);
      assert.equal((await window.refresher.refresh('a')).outcome, 'refreshed');
    }
    assert.deepEqual(posted, ['refresh 0', 'refresh 1', 'refresh 2', 'refresh 3', 'refresh 4']);
  });

  it('show what another has refreshed', async () => {
    const key = newKeyText();
    const [one, two] = [await open(key), await open(key)];
    const shown = new Promise<void>(resolve => {
      two.sessions.onDidChange(() => {
        if (two.token() === 'refresh 1') resolve();
      });
    });
    await one.signIn();
    await one.refresher.refresh('a');
    await shown;
  });

  it('show what another was refused, and a restarted one does', async () => {
    const key = newKeyText();
    const [one, two] = [await open(key), await open(key)];
    await one.signIn();
    await two.told('refresh 0');
    onPost = async () => {
      throw new WorkbenchError('oauth_error', { error: 'invalid_grant', status: 400 });
    };
    assert.equal((await one.refresher.refresh('a')).outcome, 'reauthRequired');
    await until(() => two.sessions.get('a')?.record?.refused !== undefined);
    const three = await open(key);
    await three.loading.loadNew();
    assert.equal(three.sessions.get('a')?.record?.refused?.error, 'invalid_grant');
    assert.equal(posted.length, 1);
  });

  it('send nothing where they cannot read what another has left', async () => {
    const [one, two] = [await open(newKeyText(), fast), await open(newKeyText())];
    await one.signIn();
    await two.signIn();
    await two.refresher.refresh('a');
    const { outcome, error } = await one.refresher.refresh('a');
    assert.equal(outcome, 'retryable');
    assert.equal(error?.code, 'record_behind');
    assert.equal(error.data.unopened, true);
    assert.equal(posted.length, 1);
  });

  it('send nothing if another ended before telling them and its files cannot be read', async () => {
    const key = newKeyText();
    const one = await open(key, fast);
    await one.signIn();
    const two = await open(newKeyText());
    const newest = { version: 1, connection: 'a', generation: 2 } as const;
    await two.lock.withLock('a', new AbortController().signal, async lease => {
      await two.handover.give(lease, newest, JSON.stringify(newest));
    });
    const { outcome, error } = await one.refresher.refresh('a');
    assert.deepEqual([outcome, error?.code, dataOf(error).newest], ['retryable', 'record_behind', 2]);
    assert.deepEqual(posted, []);
    await one.signIn();
    assert.equal(one.sessions.get('a')?.record?.generation, 3);
    assert.equal((await one.refresher.refresh('a')).outcome, 'refreshed');
  });

  it('say that tokens are in another window, not that there are none', async () => {
    const one = await open(newKeyText());
    await one.signIn();
    const two = await open(newKeyText(), fast);
    await two.loading.loadNew();
    const { problem, record } = two.sessions.get('a') ?? {};
    assert.deepEqual([problem?.code, dataOf(problem).unopened, record], ['record_behind', true, undefined]);
    assert.equal((await two.refresher.refresh('a')).error?.code, 'record_behind');
    assert.deepEqual(posted, []);
    await two.signIn();
    assert.equal(two.sessions.get('a')?.problem, undefined);
    assert.equal((await two.refresher.refresh('a')).outcome, 'refreshed');
  });

  it('keep a response that arrives for a closed window', async () => {
    const key = newKeyText();
    const [one, two] = [await open(key), await open(key)];
    await one.signIn();
    onPost = async () => {
      one.loading.dispose();
      one.keys.dispose();
      one.refresher.dispose();
    };
    await one.refresher.refresh('a');
    onPost = async () => {};
    assert.equal((await one.refresher.refresh('a')).error?.code, 'cancelled');
    assert.equal((await one.vault.read('a'))?.generation, 2);
    await two.told('refresh 1');
    await two.refresher.refresh('a');
    assert.deepEqual(posted, ['refresh 0', 'refresh 1']);
  });

  describe('where the lock is lost while the issuer answers', () => {
    const loseLock = () => rm(join(folder, 'n-a.lock'), { recursive: true });

    it('the response is still left for the other windows', async () => {
      const key = newKeyText();
      const [one, two] = [await open(key), await open(key)];
      await one.signIn();
      onPost = loseLock;
      assert.equal((await one.refresher.refresh('a')).outcome, 'refreshed');
      onPost = async () => {};
      await two.told('refresh 1');
      assert.equal((await two.refresher.refresh('a')).outcome, 'refreshed');
      assert.deepEqual(posted, ['refresh 0', 'refresh 1']);
    });

    it('what the new holder has stored stays', async () => {
      const key = newKeyText();
      const [one, two] = [await open(key), await open(key)];
      await one.signIn();
      onPost = async () => {
        onPost = async () => {};
        await loseLock();
        await two.refresher.refresh('a');
      };
      await one.refresher.refresh('a');
      const { handedOver, ledger } = await one.lock.peek('a');
      assert.deepEqual([handedOver?.generation, ledger?.generation], [2, 2]);
      await two.refresher.refresh('a');
      assert.deepEqual(posted, ['refresh 0', 'refresh 0', 'refresh 2']);
    });

    it('a sign-out stays one', async () => {
      const key = newKeyText();
      const [one, two] = [await open(key), await open(key)];
      await one.signIn();
      await two.loading.loadNew();
      onPost = async () => {
        await loseLock();
        await two.signOut();
      };
      assert.equal((await one.refresher.refresh('a')).error?.code, 'superseded');
      assert.equal(one.token(), undefined);
      assert.equal((await one.lock.peek('a')).handedOver, undefined);
    });
  });

  it('sign out for each other, and stay signed out after a restart', async () => {
    const key = newKeyText();
    const [one, two] = [await open(key), await open(key)];
    await one.signIn();
    await two.loading.loadNew();
    assert.equal(two.token(), 'refresh 0');
    await one.signOut();
    const { error } = await two.refresher.refresh('a');
    assert.equal(error?.code, 'no_refresh_token');
    assert.equal((await two.vault.read('a'))?.tokens, undefined);
    assert.deepEqual(posted, []);
    const three = await open(key);
    await three.loading.loadNew();
    assert.equal(three.token(), undefined);
    await two.signIn();
    await three.refresher.refresh('a');
    assert.deepEqual(posted, ['refresh 0']);
  });
});
