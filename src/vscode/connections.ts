import { ConfigurationTarget, type LogOutputChannel, type SecretStorage, workspace } from 'vscode';
import { settings } from '../contributions.ts';
import { WorkbenchError } from '../core/errors.ts';
import type { Log, SecretVault } from '../core/ports.ts';
import { type Connection, type ConnectionSettings, readConnections } from '../core/records/connection.ts';
import type { Sessions } from '../core/records/sessions.ts';
import { createMemoryStore } from '../core/records/vault.ts';
import { redact } from '../core/redact.ts';
import { isObject, own } from '../core/tokens/json.ts';

/**
 * The connection for tokens that belong to no other. It is kept in memory, and no request is ever sent to its issuer.
 */
export const pastedId = 'pasted';

/** Connections come from the user's settings, and from memory if they must leave no trace. */
export interface Connections {
  /** Updates the read model from the settings and from memory. */
  reload(): void;
  /**
   * Adds a connection that ends with the window. Replaces one of the same id.
   * @throws WorkbenchError `connection_exists` if a connection of the settings has this id
   */
  addMemoryOnly(connection: Connection): void;
  removeMemoryOnly(id: string): void;
  isMemoryOnly(id: string): boolean;
  /** The store for the record of a connection. */
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
      // It would hide the connection of the settings, and a refresh of that one would end up in the wrong store.
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

/**
 * Reads the connections of the *user's* settings. Workspace values are never read, whatever scope the manifest allows:
 * a repository could set an endpoint that refresh tokens would be sent to.
 */
export function readSettings(): ConnectionSettings {
  return readConnections(userValue() ?? []);
}

/** Appends an entry. Existing entries stay, even invalid ones. */
export async function addToSettings(entry: object): Promise<void> {
  const value = userValue();
  await write([...(Array.isArray(value) ? value : []), entry]);
}

/** The value of one member of the entry with this id, of any type; `undefined` if there is no such entry. */
export function memberInSettings(id: string, name: string): unknown {
  const value = userValue();
  const entry: unknown = Array.isArray(value) ? value.find(each => isObject(each) && each.id === id) : undefined;
  return isObject(entry) ? own(entry, name) : undefined;
}

/** Changes members of every entry with this id. Other members stay as they are. */
export async function changeInSettings(id: string, members: object): Promise<void> {
  const value = userValue();
  if (!Array.isArray(value)) return;
  const hasId = (entry: unknown) => typeof entry === 'object' && entry !== null && 'id' in entry && entry.id === id;
  await write(value.map(entry => (hasId(entry) ? { ...entry, ...members } : entry)));
}

/** Removes every entry with this id. */
export async function removeFromSettings(id: string): Promise<void> {
  const value = userValue();
  if (!Array.isArray(value)) return;
  const left = value.filter(entry => !(typeof entry === 'object' && entry !== null && entry.id === id));
  if (left.length !== value.length) await write(left);
}

/** Calls back when the setting changes. Returns a disposable. */
export function onDidChangeSettings(listener: () => void): { dispose(): void } {
  return workspace.onDidChangeConfiguration(event => {
    if (event.affectsConfiguration(`${settings.section}.${settings.connections}`)) listener();
  });
}

function userValue(): unknown {
  return workspace.getConfiguration(settings.section).inspect<unknown>(settings.connections)?.globalValue;
}

async function write(entries: readonly unknown[]): Promise<void> {
  const configuration = workspace.getConfiguration(settings.section);
  try {
    await configuration.update(settings.connections, entries, ConfigurationTarget.Global);
  } catch {
    // VS Code does not write a settings.json that has errors, and its error has no code.
    throw new WorkbenchError('settings_unwritable');
  }
}

/** The output channel as the core's log. Every entry goes through `redact`. */
export function createLog(channel: LogOutputChannel): Log {
  return (level, event, fields) => channel[level](fields ? `${event} ${JSON.stringify(redact(fields))}` : event);
}

/** VS Code's SecretStorage as the core's port. */
export function createSecretStore(secrets: SecretStorage): SecretVault {
  return {
    get: async key => secrets.get(key),
    store: async (key, value) => secrets.store(key, value),
    delete: async key => secrets.delete(key),
    // Forks of VS Code may lack parts of the API version that they declare.
    keys: async () => (typeof secrets.keys === 'function' ? secrets.keys() : undefined),
    onDidChange: listener => {
      const subscription = secrets.onDidChange(event => listener(event.key));
      return () => subscription.dispose();
    },
  };
}
