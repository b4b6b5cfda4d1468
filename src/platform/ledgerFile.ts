import { isWorkbenchError, WorkbenchError } from '../core/errors.ts';
import type { HandedOver, LedgerEntry } from '../core/ports.ts';
import { isPrints } from '../core/records/record.ts';
import { isObject } from '../core/tokens/json.ts';
import { errorCode, readPatiently } from './files.ts';
import type { LockFiles } from './lockClaim.ts';

/** The content of the ledger file. */
interface WrittenEntry extends Omit<LedgerEntry, 'signedOutAt'> {
  readonly version: typeof version;
  /** The generation of the newest sign-out that the writer knew. It has not seen a later one. */
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

/** Bytes. A ledger is much smaller unless hundreds of connections share a token. A larger file is not read into memory. */
const limit = 64 * 1024;

/** Bytes. A record has at most 64 Ki characters of up to three bytes, and base64 turns three bytes into four. */
const journalLimit = 300 * 1024;

/** The content of a file; `damaged` if this extension cannot have written it. */
type Found<T> = { readonly value?: T; readonly damaged?: true };

/** Both files of one name. */
export interface Ledger {
  readonly entry: Found<WrittenEntry>;
  readonly signOut: Found<SignOut>;
}

/** @throws WorkbenchError `lock_unavailable` with `reason` if a file exists and cannot be read */
export async function readLedger(files: LockFiles, name: string): Promise<Ledger> {
  return { entry: await read(files.ledger, name, limit, parsed(isEntry)), signOut: await readSignOut(files, name) };
}

/** The sign-out of a name. Most names have none, so this is fast. Throws like `readLedger`. */
export function readSignOut(files: LockFiles, name: string): Promise<Found<SignOut>> {
  return read(files.signedOut, name, limit, parsed(isSignOut));
}

/** Throws like `readLedger`. */
export function readJournal(files: LockFiles, name: string): Promise<Found<HandedOver>> {
  return read(files.journal, name, journalLimit, text => {
    const [, generation, sealed] = /^(\d{1,16})\n([^\n]+)$/.exec(text.trimEnd()) ?? [];
    return sealed !== undefined && isGeneration(Number(generation))
      ? { generation: Number(generation), sealed }
      : undefined;
  });
}

export function unavailable(name: string, error: unknown): WorkbenchError {
  if (isWorkbenchError(error)) return error;
  return new WorkbenchError('lock_unavailable', { connection: name, reason: errorCode(error), sent: false });
}

/**
 * Unwraps a file's value. @throws WorkbenchError `lock_unavailable` with `reason` `damaged`: the lost value is unknown
 */
export function undamagedValue<T>({ value, damaged }: Found<T>, name: string): T | undefined {
  if (!damaged) return value;
  throw new WorkbenchError('lock_unavailable', { connection: name, reason: 'damaged', sent: false });
}

async function read<T>(
  file: string,
  name: string,
  most: number,
  parse: (text: string) => T | undefined,
): Promise<Found<T>> {
  let text: string | undefined;
  try {
    text = await readPatiently(file, most);
  } catch (error) {
    if (errorCode(error) === 'EFBIG') return { damaged: true };
    throw unavailable(name, error);
  }
  if (text === undefined) return {};
  const value = parse(text);
  return value === undefined ? { damaged: true } : { value };
}

function parsed<T>(is: (value: unknown) => value is T): (text: string) => T | undefined {
  return text => {
    try {
      const value: unknown = JSON.parse(text);
      return is(value) ? value : undefined;
    } catch {
      return undefined;
    }
  };
}

/** Combines both files: a sign-out counts until a later sign-in. */
export function combineSignOut(entry: WrittenEntry | undefined, signOut: SignOut | undefined): LedgerEntry | undefined {
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

/** The bound is far above what counting reaches, and low enough for a record to count on from it (see record.ts). */
function isGeneration(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 48;
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value);
}

function isText(value: unknown, length: number): boolean {
  return typeof value === 'string' && value !== '' && value.length <= length;
}

function isEntry(value: unknown): value is WrittenEntry {
  if (!isObject(value) || value.version !== version) return false;
  const { generation, after, fingerprint, notBefore, notedAt, family, aside, intent, refused } = value;
  return (
    isGeneration(generation) &&
    isGeneration(after) &&
    (fingerprint === undefined || isText(fingerprint, 64)) &&
    (notBefore === undefined || isTime(notBefore)) &&
    (notedAt === undefined || isTime(notedAt)) &&
    (family === undefined || isFamily(family)) &&
    (aside === undefined || (Array.isArray(aside) && aside.every(isFamily))) &&
    (intent === undefined || isIntent(intent)) &&
    (refused === undefined || (isObject(refused) && isTime(refused.at) && isText(refused.error, 1024)))
  );
}

function isFamily(value: unknown): boolean {
  if (!isObject(value) || !isText(value.id, 64) || !isGeneration(value.turn)) return false;
  if (value.earlier !== undefined && !isPrints(value.earlier)) return false;
  return value.with === undefined || (Array.isArray(value.with) && value.with.every(id => isText(id, 64)));
}

function isIntent(value: unknown): boolean {
  return isObject(value) && isTime(value.at) && (value.retried === undefined || value.retried === true);
}

function isSignOut(value: unknown): value is SignOut {
  return isObject(value) && value.version === version && isGeneration(value.generation) && isTime(value.at);
}
