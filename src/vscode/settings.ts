import { ConfigurationTarget, workspace } from 'vscode';
import { settings } from '../contributions.ts';
import { WorkbenchError } from '../core/errors.ts';
import { type ConnectionSettings, readConnections } from '../core/records/connection.ts';
import { isObject, own } from '../core/tokens/json.ts';

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
  const isIt = (entry: unknown) => typeof entry === 'object' && entry !== null && 'id' in entry && entry.id === id;
  await write(value.map(entry => (isIt(entry) ? { ...entry, ...members } : entry)));
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
