import assert from 'node:assert/strict';
import { decodeProtectedHeader } from 'jose';
import { allowInsecureRequests, None, processRefreshTokenResponse, refreshTokenGrantRequest } from 'oauth4webapi';
import { answer } from '../../scripts/bench/child.mjs';
import { batch, compared, inTurns, quantile } from '../../scripts/bench/measure.mjs';
import { createDiscovery, resolveEndpoints } from '../../src/core/issuer/discovery.ts';
import { createTokenClient } from '../../src/core/issuer/tokenEndpoint.ts';
import type { Fetch, Log } from '../../src/core/ports.ts';
import type { Connection } from '../../src/core/records/connection.ts';
import type { RefreshResult } from '../../src/core/records/history.ts';
import { createHandover, createJournalKeys } from '../../src/core/records/journalKeys.ts';
import { createSessions } from '../../src/core/records/sessions.ts';
import { storeTokens } from '../../src/core/records/storeTokens.ts';
import { createMemoryStore, createVault } from '../../src/core/records/vault.ts';
import { redact } from '../../src/core/redact.ts';
import { createRefresher } from '../../src/core/refresh/refresher.ts';
import { systemClock as clock, createLocalLock } from '../../src/core/waiting.ts';
import type { TokenResponse } from '../../src/mock/tokens.ts';
import { createFileLock } from '../../src/platform/fileLock.ts';

interface Asked {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  /** Folder for the files of the lock among windows. Without it the lock is in memory. */
  readonly folder?: string;
  /** A grant for each side, because both rotate. */
  readonly tokens: readonly [TokenResponse, TokenResponse];
}

answer({
  async measure({ issuer, tokenEndpoint, folder, tokens: [first, second] }: Asked) {
    const { refresh } = await ourRefresher(issuer, first, folder);
    const ours = () => refreshed(refresh);
    const rival = bareRefresh(issuer, tokenEndpoint, second);
    await ours();
    await rival();
    const figures = await inTurns({ ours: batch(ours, 10), rival: batch(rival, 10) }, { rounds: 25, warmUp: 20 });
    return compared(figures.ours, figures.rival);
  },
  /**
   * A hundred simultaneous callers for one token.
   * @returns requests per hundred callers, and milliseconds from the first to the last result
   */
  async callers({ issuer, folder, tokens: [first] }: Asked) {
    const rounds = 30;
    const { refresh, posts } = await ourRefresher(issuer, first, folder);
    await refreshed(refresh);
    const before = posts();
    const waits: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const answered: number[] = [];
      const caller = () => refreshed(refresh).then(() => answered.push(performance.now()));
      await Promise.all(Array.from({ length: 100 }, caller));
      waits.push(Math.max(...answered) - Math.min(...answered));
    }
    return { requests: (posts() - before) / rounds, median: quantile(waits), slowest: Math.max(...waits) };
  },
});

async function refreshed(refresh: OurRefresher['refresh']): Promise<void> {
  const { outcome, error } = await refresh();
  assert.equal(outcome, 'refreshed', error?.code);
}

interface OurRefresher {
  refresh(): Promise<RefreshResult>;
  /** How many token requests were sent. */
  posts(): number;
}

/** The refresher as extension.ts builds it, except that the store and the log are in memory. */
async function ourRefresher(issuer: string, tokens: TokenResponse, folder: string | undefined): Promise<OurRefresher> {
  let posts = 0;
  const fetch: Fetch = (input, init) => {
    if (init?.method === 'POST') posts++;
    return globalThis.fetch(input, init);
  };
  const sessions = createSessions();
  const store = createMemoryStore();
  const vault = createVault(() => store, store);
  const discovery = createDiscovery({ fetch, clock });
  const client = createTokenClient({ fetch, discovery, clock });
  const write = (_line: string) => {};
  // As the extension's log writes it.
  const log: Log = (_, event, fields) => write(fields ? `${event} ${JSON.stringify(redact(fields))}` : event);
  const lock = folder === undefined ? createLocalLock() : createFileLock({ folder, clock, log });
  const keys = createJournalKeys({ secrets: store, lock, clock, log });
  const handover = createHandover({ keys, log });
  const refresher = createRefresher({
    vault,
    lock,
    handover,
    sessions,
    clock,
    log,
    tokenClient: async () => client,
    endpointsOf: (connection, signal) => resolveEndpoints(connection, discovery, signal),
  });
  const connection: Connection = {
    id: 'bench',
    label: 'Bench',
    issuer,
    clientId: 'demo',
    tokenEndpointAuthMethod: 'none',
    autoRefresh: true,
    dpop: false,
    pushedAuthorizationRequests: false,
  };
  sessions.setConnections([{ connection, memoryOnly: false }], []);
  const parts = { vault, lock, handover, sessions, clock };
  await storeTokens(parts, connection, tokens, clock.now(), new AbortController().signal);
  return { refresh: () => refresher.refresh('bench'), posts: () => posts };
}

/** The minimum that every client does: send, check the response, keep the refresh token. */
function bareRefresh(issuer: string, tokenEndpoint: string, tokens: TokenResponse): () => Promise<void> {
  const { alg } = decodeProtectedHeader(tokens.id_token ?? '');
  const as = {
    issuer,
    token_endpoint: tokenEndpoint,
    id_token_signing_alg_values_supported: [String(alg)],
  };
  const client = { client_id: 'demo' };
  let refreshToken = tokens.refresh_token ?? '';
  return async () => {
    const options = { [allowInsecureRequests]: true };
    const response = await refreshTokenGrantRequest(as, client, None(), refreshToken, options);
    const answered = await processRefreshTokenResponse(as, client, response);
    refreshToken = answered.refresh_token ?? refreshToken;
  };
}
