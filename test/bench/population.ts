import type { Clock } from '../../src/core/ports.ts';
import { createSessions } from '../../src/core/records/sessions.ts';
import { systemClock } from '../../src/core/waiting.ts';

/** Signed-in connections whose access tokens expire one after the other, the last after `span` milliseconds. */
export function population(size: number, span: number) {
  let ahead = 0;
  const clock: Clock & { advance(by: number): void } = {
    ...systemClock,
    now: () => Date.now() + ahead,
    advance(by) {
      ahead += by;
    },
  };
  const sessions = createSessions();
  const connections = Array.from({ length: size }, (_, index) => ({
    id: `connection-${index}`,
    label: `Connection ${index}`,
    issuer: `https://issuer-${index}.example`,
    clientId: 'bench',
    tokenEndpointAuthMethod: 'none' as const,
    autoRefresh: true,
    dpop: false,
    pushedAuthorizationRequests: false,
  }));
  sessions.setConnections(
    connections.map(connection => ({ connection, memoryOnly: false })),
    [],
  );
  const now = Date.now();
  for (const [index, { id, issuer, clientId }] of connections.entries()) {
    sessions.apply({
      version: 1,
      connection: id,
      generation: 1,
      binding: { issuer, client_id: clientId },
      tokens: {
        access_token: `access-${index}`,
        refresh_token: `refresh-${index}`,
        obtained_at: now,
        expires_at: now + Math.round((span * (index + 1)) / size),
      },
    });
  }
  return { sessions, clock };
}
