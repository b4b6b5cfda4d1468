import { WorkbenchError } from '../core/errors.ts';
import type { SecretVault } from '../core/ports.ts';
import type { Connection } from '../core/records/connection.ts';
import type { Sessions } from '../core/records/sessions.ts';
import { createMemoryStore } from '../core/records/vault.ts';
import { readSettings } from './settings.ts';

/** The connection for tokens that belong to none: memory only, and nothing is ever asked of their issuer. */
export const pastedId = 'pasted';

/** Where connections come from: the user's settings, and memory for those that must leave no trace. */
export interface Connections {
  /** Takes the settings and the memory as they are now into the read model. */
  reload(): void;
  /** A connection that ends with the window. One of the same id is replaced. @throws WorkbenchError `connection_exists` for one of the user's */
  addMemoryOnly(connection: Connection): void;
  removeMemoryOnly(id: string): void;
  isMemoryOnly(id: string): boolean;
  /** Where the record of a connection belongs. */
  storeFor(id: string): SecretVault;
}

export function createConnections(sessions: Sessions, secrets: SecretVault): Connections {
  const memory = new Map<string, Connection>();
  const memoryStore = createMemoryStore();

  function reload(): void {
    const { connections, problems } = readSettings();
    const listed = connections
      .filter(({ id }) => !memory.has(id))
      .map(connection => ({ connection, memoryOnly: false }));
    const transient = [...memory.values()].map(connection => ({ connection, memoryOnly: true }));
    sessions.setConnections([...listed, ...transient], problems);
  }

  return {
    reload,
    addMemoryOnly(connection) {
      const { id } = connection;
      // It would hide one of the user's, and a refresh of that one would end in the wrong store.
      if (sessions.get(id)?.memoryOnly === false) throw new WorkbenchError('connection_exists', { connection: id });
      memory.set(connection.id, connection);
      reload();
    },
    removeMemoryOnly(id) {
      if (memory.delete(id)) reload();
    },
    isMemoryOnly: id => memory.has(id),
    storeFor: id => (memory.has(id) ? memoryStore : secrets),
  };
}
