import assert from 'node:assert/strict';
import { answer } from '../../scripts/bench/child.mjs';
import { quantile } from '../../scripts/bench/measure.mjs';
import { createDiscovery } from '../../src/core/issuer/discovery.ts';
import type { Fetch } from '../../src/core/ports.ts';
import type { Connection } from '../../src/core/records/connection.ts';
import { createHandover, createJournalKeys } from '../../src/core/records/journalKeys.ts';
import { createSessions } from '../../src/core/records/sessions.ts';
import { createMemoryStore, createVault } from '../../src/core/records/vault.ts';
import { createIssuerClient } from '../../src/core/signIn/signIn.ts';
import { createSignIns } from '../../src/core/signIn/signOut.ts';
import { systemClock as clock, createLocalLock } from '../../src/core/waiting.ts';
import { createFileLock } from '../../src/platform/fileLock.ts';
import { listenForRedirect } from '../../src/platform/uriRedirect.ts';

interface Asked {
  readonly issuer: string;
  /** Folder for the files of the lock among windows. Without it the lock is in memory. */
  readonly folder?: string;
  readonly rounds: number;
}

answer({
  /** Milliseconds of a process's first sign-in, which includes metadata, and of later ones. */
  async measure({ issuer, folder, rounds }: Asked) {
    const signIn = ourSignIn(issuer, folder);
    const first = await signIn();
    const others: number[] = [];
    for (let round = 0; round < rounds; round++) others.push(await signIn());
    return { first, median: quantile(others), most: quantile(others, 0.95) };
  },
});

/**
 * Time from the command until the tokens are stored, without the time in which the issuer's pages and responses were
 * pending.
 */
function ourSignIn(issuer: string, folder: string | undefined): () => Promise<number> {
  let elsewhere = 0;
  const theirs: Fetch = async (input, init) => {
    const since = performance.now();
    const response = await globalThis.fetch(input, init);
    elsewhere += performance.now() - since;
    return response;
  };
  const sessions = createSessions();
  const store = createMemoryStore();
  const log = () => {};
  const lock = folder === undefined ? createLocalLock() : createFileLock({ folder, clock, log });
  const keys = createJournalKeys({ secrets: store, lock, clock, log });
  const client = createIssuerClient({
    fetch: theirs,
    clock,
    sessions,
    lock,
    vault: createVault(() => store, store),
    handover: createHandover({ keys, log }),
    discovery: createDiscovery({ fetch: theirs, clock }),
    listen: () => listenForRedirect(page => page),
    async openBrowser(url) {
      // Following the redirect to the listener counts as our time.
      void theirs(url, { redirect: 'manual' }).then(({ headers }) => fetch(headers.get('location') ?? ''));
      return true;
    },
  });
  const signIns = createSignIns(async () => client);
  const connection: Connection = {
    id: 'bench',
    label: 'Bench',
    issuer,
    clientId: 'demo',
    scope: 'openid profile offline_access',
    tokenEndpointAuthMethod: 'none',
    autoRefresh: true,
    dpop: false,
    pushedAuthorizationRequests: false,
  };
  sessions.setConnections([{ connection, memoryOnly: false }], []);
  return async () => {
    elsewhere = 0;
    const since = performance.now();
    const { hasRefreshToken } = await signIns.run({
      connection,
      grant: 'authorization_code',
      signal: new AbortController().signal,
    });
    const whole = performance.now() - since;
    assert.ok(hasRefreshToken);
    return whole - elsewhere;
  };
}
