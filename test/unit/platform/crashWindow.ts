import { join } from 'node:path';
import { WorkbenchError } from '../../../src/core/errors.ts';
import { createLoading } from '../../../src/core/records/changeRecord.ts';
import type { Connection } from '../../../src/core/records/connection.ts';
import { createHandover, createJournalKeys } from '../../../src/core/records/journalKeys.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import { createVault } from '../../../src/core/records/vault.ts';
import { createRefresher } from '../../../src/core/refresh/refresher.ts';
import { systemClock } from '../../../src/core/waiting.ts';
import { createFileLock } from '../../../src/platform/fileLock.ts';
import type { LockTimes } from '../../../src/platform/lockWait.ts';
import { laggingStore } from './laggingStore.ts';

export const binding = {
  issuer: 'https://issuer.example',
  client_id: 'demo',
  token_endpoint: 'https://issuer.example/token',
};

const connection: Connection = {
  id: 'a',
  label: 'A',
  issuer: binding.issuer,
  clientId: binding.client_id,
  ...{
    tokenEndpointAuthMethod: 'none',
    autoRefresh: true,
    dpop: false,
    pushedAuthorizationRequests: false,
  },
};

/** Returns the next refresh token, or `undefined` if the issuer rejects the one it was sent. */
export type Post = (refreshToken: string) => Promise<string | undefined>;

/** A window with everything that protects tokens, on files in `folder`. `post` is its issuer. */
export function crashWindow(folder: string, times: Partial<LockTimes>, post: Post) {
  const clock = systemClock;
  const log = () => {};
  const secrets = laggingStore(join(folder, 'secrets'), 0);
  const lock = createFileLock({ folder, clock, log, times });
  const keys = createJournalKeys({ secrets, lock, clock, log });
  const handover = createHandover({ keys, log });
  const vault = createVault(() => secrets, secrets);
  const sessions = createSessions();
  sessions.setConnections([{ connection, memoryOnly: false }], []);
  const loading = createLoading({ vault, sessions, lock, handover });
  const refresher = createRefresher({
    vault,
    lock,
    handover,
    sessions,
    clock,
    log,
    endpointsOf: async () => ({ ...binding, token_endpoint: binding.token_endpoint ?? '' }),
    tokenClient: async () =>
      ({
        refresh: async ({ refreshToken }: { refreshToken: string }) => {
          const next = await post(refreshToken);
          if (next === undefined) throw new WorkbenchError('oauth_error', { error: 'invalid_grant', status: 400 });
          const raw = { access_token: `for ${next}`, refresh_token: next, expires_in: 3600 };
          return { raw, receivedAt: Date.now(), validate: async () => ({ warnings: [] }) } as never;
        },
      }) as never,
  });
  return { loading, refresher, sessions, lock };
}
