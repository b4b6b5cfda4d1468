import type { HandedOver, LedgerEntry, Log } from '../core/ports.ts';
import { errorCode, readText } from './files.ts';
import type { LockFiles } from './lockFiles.ts';

/** As it stands in the file. */
interface WrittenEntry extends Omit<LedgerEntry, 'signedOutAt'> {
  readonly version: typeof version;
  /** The sign-out that the writer knew of: one of a higher generation has not been seen by it. */
  readonly after: number;
}

interface SignOut {
  readonly version: typeof version;
  /** The newest generation that is void. */
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const version = 1;

/** Bytes. A ledger is a fraction of it, and nothing else is read into memory. */
const limit = 4096;

/** Bytes. A record has at most 64 Ki characters, of three bytes each, and base64 makes four of three. */
const journalLimit = 300 * 1024;

/** Both files of one name, as they are now. */
export interface Ledger {
  readonly entry: WrittenEntry | undefined;
  readonly signOut: SignOut | undefined;
}

/** Never throws: what cannot be read counts as absent and is reported. The journal may still know better. */
export function readLedger(files: LockFiles, name: string, log: Log): Ledger {
  return {
    entry: readJson(files.ledger, isEntry, { name, log }),
    signOut: readSignOut(files, name, log),
  };
}

/** Of most names there is none, which is quickly seen. */
export function readSignOut(files: LockFiles, name: string, log: Log): SignOut | undefined {
  return readJson(files.signedOut, isSignOut, { name, log });
}

/** One entry of the two: a sign-out counts until somebody has signed in after it. */
export function combined({ entry, signOut }: Ledger): LedgerEntry | undefined {
  if (signOut && signOut.generation >= (entry?.generation ?? 0)) {
    return { generation: signOut.generation, signedOutAt: signOut.at };
  }
  if (entry === undefined) return undefined;
  const { version: _, after: __, ...shown } = entry;
  return shown;
}

/** @param after the generation of the newest sign-out that the writer knows of */
export function ledgerText({ signedOutAt: _, ...entry }: LedgerEntry, after: number): string {
  return JSON.stringify({ version, ...entry, after } satisfies WrittenEntry);
}

export function signOutText(generation: number, at: number): string {
  return JSON.stringify({ version, generation, at } satisfies SignOut);
}

export function journalText(generation: number, sealed: string): string {
  return `${generation}\n${sealed}`;
}

/** Never throws, like `readLedger`. */
export function readJournal(files: LockFiles, name: string, log: Log): HandedOver | undefined {
  const unreadable = (reason: string) => log('warn', 'journal unreadable', { connection: name, reason });
  try {
    const text = readText(files.journal, journalLimit);
    if (text === undefined) return undefined;
    const [, generation, sealed] = /^(\d{1,16})\n([^\n]+)$/.exec(text) ?? [];
    if (sealed !== undefined && isGeneration(Number(generation))) {
      return { generation: Number(generation), sealed };
    }
    unreadable('shape');
  } catch (error) {
    unreadable(errorCode(error));
  }
  return undefined;
}

function readJson<T>(
  file: string,
  is: (value: unknown) => value is T,
  { name, log }: { readonly name: string; readonly log: Log },
): T | undefined {
  const unreadable = (reason: string) => log('warn', 'ledger unreadable', { connection: name, reason });
  try {
    const text = readText(file, limit);
    if (text === undefined) return undefined;
    const value: unknown = JSON.parse(text);
    if (is(value)) return value;
    unreadable('shape');
  } catch (error) {
    unreadable(error instanceof SyntaxError ? 'json' : errorCode(error));
  }
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As in a record: what is above could not be counted on from. */
function isGeneration(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 52;
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value);
}

function isText(value: unknown, length: number): boolean {
  return typeof value === 'string' && value !== '' && value.length <= length;
}

function isEntry(value: unknown): value is WrittenEntry {
  if (!isObject(value) || value.version !== version) return false;
  const { generation, after, fingerprint, notBefore, intent, refused } = value;
  return (
    isGeneration(generation) &&
    isGeneration(after) &&
    (fingerprint === undefined || isText(fingerprint, 64)) &&
    (notBefore === undefined || isTime(notBefore)) &&
    (intent === undefined || isIntent(intent)) &&
    (refused === undefined || (isObject(refused) && isTime(refused.at) && isText(refused.error, 1024)))
  );
}

function isIntent(value: unknown): boolean {
  return isObject(value) && isTime(value.at) && (value.retried === undefined || value.retried === true);
}

function isSignOut(value: unknown): value is SignOut {
  return isObject(value) && value.version === version && isGeneration(value.generation) && isTime(value.at);
}
