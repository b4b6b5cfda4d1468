import assert from 'node:assert/strict';
import { createDiscovery, type Discovery, resolveEndpoints } from '../../../../src/core/issuer/discovery.ts';
import { createTokenClient } from '../../../../src/core/issuer/tokenEndpoint.ts';
import type { Connection } from '../../../../src/core/records/connection.ts';
import { type Handover, noHandover } from '../../../../src/core/records/journalKeys.ts';
import type { StoredRecord } from '../../../../src/core/records/record.ts';
import { createSessions } from '../../../../src/core/records/sessions.ts';
import { type SignedIn, storeCredentials, storeTokens, undoImport } from '../../../../src/core/records/storeTokens.ts';
import type { RawTokens } from '../../../../src/core/records/tokenSet.ts';
import { createVault } from '../../../../src/core/records/vault.ts';
import { createRefresher } from '../../../../src/core/refresh/refresher.ts';
import { handOnAndSignOut, revokeAndSignOut } from '../../../../src/core/signIn/signOut.ts';
import { createWorld, present, type World } from '../refresh/refreshWorld.ts';

const never = new AbortController().signal;

/** The key of a connection's record in the store. */
export const keyOf = (id: string) => `jwtWorkbench.connection.${id}`;

/**
 * A window with several connections of one client.
 * @param found what the windows before it know of the issuer; without it, the window asks by itself
 */
export function windowOf(
  world: World,
  ids: readonly string[],
  changes: Partial<Connection> = {},
  handover: Handover = noHandover,
  found?: Discovery,
) {
  const { clock, lock, store, mock } = world;
  const connections = ids.map((id, index) => ({ ...world.connection, id, ...(index > 0 && changes) }));
  const sessions = createSessions();
  sessions.setConnections(
    connections.map(connection => ({ connection, memoryOnly: false })),
    [],
  );
  const vault = createVault(() => store, store);
  const parts = { vault, lock, sessions, clock, handover };
  const fetch = async (input: string, init: RequestInit) => {
    if (init.method === 'POST') await world.onPost(new URLSearchParams(String(init.body)).get('refresh_token'));
    return mock.fetch(input, init);
  };
  const discovery = found ?? createDiscovery({ fetch, clock });
  const client = createTokenClient({ fetch, discovery, clock });
  const refresher = createRefresher({
    ...parts,
    log: () => {},
    tokenClient: async () => client,
    endpointsOf: (each, signal) => resolveEndpoints(each, discovery, signal),
  });
  const connection = (id: string) => present(connections.find(each => each.id === id));
  return {
    parts,
    sessions,
    refresher,
    import: (id: string, raw: RawTokens) => storeTokens(parts, connection(id), raw, clock.now(), never),
    signIn: (id: string, raw: RawTokens, more: Partial<SignedIn> = {}, signal = never) =>
      storeTokens(parts, connection(id), raw, clock.now(), signal, {
        tokenEndpoint: `${mock.issuer}/token`,
        ...more,
      }),
    undoImport: (id: string) => undoImport(parts, id, never),
    moveClient: (id: string) =>
      storeCredentials(parts, { ...connection(id), clientId: 'another' }, { client_secret: 'changed' }, never),
    storeSecret: (id: string) => storeCredentials(parts, connection(id), { client_secret: 'changed' }, never),
    /** @param revoked what the issuer says, or that it offers no revocation */
    revokeAndSignOut: (id: string, revoked: boolean) =>
      revokeAndSignOut(
        { ...parts, discard: refresher.discard, revoke: async () => ({ revoked }) },
        id,
        'offered',
        never,
      ),
    async refresh(id: string, askedBy: 'user' | 'timer' = 'timer') {
      const { outcome, error } = await refresher.refresh(id, undefined, askedBy);
      return [outcome, error?.code, error?.code === 'refresh_token_shared' ? error.data.other : undefined]
        .filter(Boolean)
        .join(' ');
    },
    signOut: (id: string) => handOnAndSignOut({ ...parts, discard: refresher.discard }, id, never),
    async load() {
      for (const id of ids) sessions.apply(present(await vault.read(id)));
    },
    record: (id: string): StoredRecord => present(sessions.get(id)?.record),
    token: (id: string) => sessions.get(id)?.record?.tokens?.refresh_token,
  };
}

/** `a` and `b` share a token, and only one of them has its newest rotation. */
export async function lagging(newest: 'a' | 'b' = 'a') {
  const world = await createWorld({ rotation: 'strict' });
  const raw = await world.mock.issueTokens();
  const window = windowOf(world, ['a', 'b']);
  for (const id of ['a', 'b']) await window.import(id, raw);
  assert.equal(await window.refresh(newest), 'refreshed');
  return { world, window, newest: present(window.token(newest)) };
}
