import { ConfigurationTarget, type LogOutputChannel, type SecretStorage, workspace } from 'vscode';
import { settings } from '../contributions.ts';
import { WorkbenchError } from '../core/errors.ts';
import type { Log, SecretVault } from '../core/ports.ts';
import { type Connection, type ConnectionSettings, readConnections } from '../core/records/connection.ts';
import type { Sessions } from '../core/records/sessions.ts';
import { createMemoryStore } from '../core/records/vault.ts';
import { redact } from '../core/redact.ts';
import { isObject, own } from '../core/tokens/json.ts';

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

/**
 * The connections of the *user's* settings. Workspace values are never read, whatever the manifest's scope
 * lets through: an endpoint from a repository would be a place to send refresh tokens to.
 */
export function readSettings(): ConnectionSettings {
  return readConnections(userValue() ?? []);
}

/** Adds an entry at the end. What stands there already stays, broken entries too. */
export async function addToSettings(entry: object): Promise<void> {
  const value = userValue();
  await write([...(Array.isArray(value) ? value : []), entry]);
}

/** What the entry of that id says of one member, whatever its type; `undefined` where there is no entry. */
export function memberInSettings(id: string, name: string): unknown {
  const value = userValue();
  const entry: unknown = Array.isArray(value) ? value.find(each => isObject(each) && each.id === id) : undefined;
  return isObject(entry) ? own(entry, name) : undefined;
}

/** Replaces members of every entry of that id; its other members stay as they are. */
export async function changeInSettings(id: string, members: object): Promise<void> {
  const value = userValue();
  if (!Array.isArray(value)) return;
  const hasId = (entry: unknown) => typeof entry === 'object' && entry !== null && 'id' in entry && entry.id === id;
  await write(value.map(entry => (hasId(entry) ? { ...entry, ...members } : entry)));
}

/** Takes out every entry of that id. */
export async function removeFromSettings(id: string): Promise<void> {
  const value = userValue();
  if (!Array.isArray(value)) return;
  const left = value.filter(entry => !(typeof entry === 'object' && entry !== null && entry.id === id));
  if (left.length !== value.length) await write(left);
}

/** Calls back when the setting changed; returns what to dispose of. */
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
    // VS Code refuses to touch a file with a mistake in it, and says so in an error that has no code.
    throw new WorkbenchError('settings_unwritable');
  }
}

/** The output channel as the core's log. Nothing reaches it but through `redact`. */
export function createLog(channel: LogOutputChannel): Log {
  return (level, event, fields) => channel[level](fields ? `${event} ${JSON.stringify(redact(fields))}` : event);
}

/** VS Code's SecretStorage as the core's port. */
export function createSecretStore(secrets: SecretStorage): SecretVault {
  return {
    get: async key => secrets.get(key),
    store: async (key, value) => secrets.store(key, value),
    delete: async key => secrets.delete(key),
    // Hosts of other makers can lag behind the API they declare.
    keys: async () => (typeof secrets.keys === 'function' ? secrets.keys() : undefined),
    onDidChange: listener => {
      const subscription = secrets.onDidChange(event => listener(event.key));
      return () => subscription.dispose();
    },
  };
}
