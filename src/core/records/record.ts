import { WorkbenchError } from '../errors.ts';
import { isObject, type JsonObject, own, readJson } from '../tokens/json.ts';
import { decodeToken } from '../tokens/jwt.ts';
import type { TokenBinding, TokenSet } from './tokenSet.ts';

/** The format that this version writes. A higher number is kept as it stands and reported. */
export const recordVersion = 1;

/** The most that is stored for one connection, in UTF-16 code units. Checked before anything is posted. */
export const recordLimit = 64 * 1024;

/** How much of that tokens leave free: a record that was stored once can always be marked. */
const room = 1024;

/** Everything stored for one connection, under one key: multi-part writes have been seen to tear. */
export interface StoredRecord extends Credentials {
  readonly version: typeof recordVersion;
  readonly connection: string;
  /** Counts up by one with every set of tokens; 0 while there is none. */
  readonly generation: number;
  readonly binding?: TokenBinding;
  readonly tokens?: TokenSet;
  /** Written before a refresh is posted, taken away by its answer: what remains tells of a lost answer. */
  readonly intent?: RefreshIntent;
  /** The issuer's final no to the refresh token of this generation: it is never sent again. */
  readonly refused?: Refusal;
  /** What an import took the place of, until tokens come by other ways: it can be put back. */
  readonly replaced?: Replaced;
  /** Left out where no refresh token is shared with other windows. */
  readonly family?: TokenFamily;
}

export interface Replaced extends Pick<StoredRecord, 'dpop_key' | 'family'> {
  readonly binding: TokenBinding;
  readonly tokens: TokenSet;
  /** Milliseconds since the epoch of the refresh whose answer is missing. */
  readonly unanswered?: Omit<RefreshIntent, 'generation'>;
}

/** A refresh token and those that it was rotated into; see families.ts. */
export interface TokenFamily {
  /** A fingerprint of the first one. */
  readonly id: string;
  /** How often it has been rotated. */
  readonly turn: number;
  /** Ids of the connections that held it when this one came to it. */
  readonly with?: readonly string[];
}

export interface RefreshIntent {
  readonly generation: number;
  /** Milliseconds since the epoch of the first attempt that no readable answer came to. */
  readonly at: number;
  /** The one retry has been made, or was about to be: only a user who asks for it sends this token again. */
  readonly retried?: true;
}

export interface Refusal {
  readonly generation: number;
  /** The issuer's `error` code. */
  readonly error: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** When an earlier answer went missing, which then most likely held the successor of this token. */
  readonly answer_lost_at?: number;
}

export function emptyRecord(connection: string): StoredRecord {
  return { version: recordVersion, connection, generation: 0 };
}

/**
 * Reads a stored text. Nothing is repaired here: what cannot be read is reported, and the caller leaves it.
 * @throws WorkbenchError `record_unreadable` with `reason`, `record_newer_version`
 */
export function parseRecord(connection: string, text: string): StoredRecord {
  const unreadable = (reason: string) => new WorkbenchError('record_unreadable', { connection, reason });
  if (text.length > recordLimit) throw unreadable('size');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable('json');
  }
  if (!isObject(value)) throw unreadable('shape');
  if (typeof value.version !== 'number') throw unreadable('version');
  if (value.version > recordVersion) {
    throw new WorkbenchError('record_newer_version', { connection, version: value.version });
  }
  if (value.version !== recordVersion) throw unreadable('version');
  if (value.connection !== connection) throw unreadable('connection');
  const flaw = flawOf(value);
  if (flaw !== undefined) throw unreadable(flaw);
  return value as unknown as StoredRecord;
}

/**
 * The text to store. What could not be read again is never written.
 * @throws WorkbenchError `record_too_large`, `internal`
 */
export function serializeRecord(record: StoredRecord): string {
  const flaw = flawOf(record);
  if (flaw !== undefined) throw new WorkbenchError('internal', { type: `record ${flaw}` });
  const text = JSON.stringify(record);
  if (text.length > recordLimit) throw tooLarge(record, text.length);
  return text;
}

/** @throws WorkbenchError `record_too_large` where these tokens leave no room to mark the record later */
export function assertRoom(record: StoredRecord): void {
  if (!hasRoom(record)) throw tooLarge(record, JSON.stringify(record).length);
}

export function hasRoom(record: StoredRecord): boolean {
  return JSON.stringify(record).length <= recordLimit - room;
}

/**
 * Leaves out what a record is too large with, the ID token first. The refresh token stays in any case: it exists
 * nowhere else.
 */
export function fitted(record: StoredRecord): {
  readonly record: StoredRecord;
  /** `record_too_large` where something was left out. */
  readonly error?: WorkbenchError;
} {
  const { length } = JSON.stringify(record);
  if (length <= recordLimit - room || record.tokens === undefined) return { record };
  const { id_token = '', ...tokens } = record.tokens;
  const { access_token: _, token_type: __, expires_at: ___, scope: ____, ...refreshToken } = tokens;
  const slim = length - id_token.length <= recordLimit - room ? tokens : refreshToken;
  return { record: { ...record, tokens: slim }, error: tooLarge(record, length) };
}

/** The record of the higher generation; of two with the same the first, which is what the store holds. */
export function newest<T extends StoredRecord | undefined>(
  stored: StoredRecord | undefined,
  known: T,
): StoredRecord | T {
  if (stored === undefined) return known;
  return known === undefined || stored.generation >= known.generation ? stored : known;
}

/** What a sign-out leaves: no tokens, but the client's credentials, and a generation that the tokens cannot come back under. */
export function emptied(record: StoredRecord, generation: number): StoredRecord {
  return { ...emptyRecord(record.connection), ...clientCredentialsOf(record), generation };
}

/** True where new tokens come by asking again, with no refresh token. */
export function isRenewable({ tokens }: StoredRecord): boolean {
  return tokens?.grant === 'client_credentials' && tokens.refresh_token === undefined;
}

/** True where the issuer has refused the refresh token that the record holds. */
export function isRefused({ refused, generation }: StoredRecord): boolean {
  return refused?.generation === generation;
}

/** The attempt of this generation whose answer is missing. */
export function unansweredIntent({ intent, generation }: StoredRecord): RefreshIntent | undefined {
  return intent?.generation === generation ? intent : undefined;
}

/** The same where the answer to the one retry is missing as well: nothing is sent any more unless a user asks. */
export function spentIntent(record: StoredRecord): RefreshIntent | undefined {
  const intent = unansweredIntent(record);
  return intent?.retried && !isRefused(record) ? intent : undefined;
}

function tooLarge({ connection }: StoredRecord, size: number): WorkbenchError {
  return new WorkbenchError('record_too_large', { connection, size, limit: recordLimit - room });
}

/** The first member that is not what a record has there. */
function flawOf(record: StoredRecord | JsonObject): keyof StoredRecord | undefined {
  const { generation, binding, tokens, client_secret, private_key, dpop_key, intent, refused, replaced, family } =
    record;
  if (!isCount(generation)) return 'generation';
  if (!optional(binding, isBinding) || (tokens !== undefined && binding === undefined)) return 'binding';
  if (!optional(tokens, isTokenSet)) return 'tokens';
  if (!optional(client_secret, isText)) return 'client_secret';
  if (!optional(private_key, isText)) return 'private_key';
  if (!optional(dpop_key, isText)) return 'dpop_key';
  if (!optional(intent, isIntent)) return 'intent';
  if (!optional(refused, isRefusal)) return 'refused';
  if (!optional(replaced, isReplaced)) return 'replaced';
  if (!optional(family, isFamily)) return 'family';
  return undefined;
}

function optional(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Leaves room to count on: from a number near the last safe integer no refresh could go on. */
function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 52;
}

function withFields(required: FieldTypes, others: FieldTypes): (value: unknown) => boolean {
  // Listed once: records are looked at several times in a refresh.
  const [needed, possible] = [Object.entries(required), Object.entries(others)];
  return value =>
    isObject(value) &&
    needed.every(([name, is]) => is(value[name])) &&
    possible.every(([name, is]) => optional(value[name], is));
}
type FieldTypes = Readonly<Record<string, (value: unknown) => boolean>>;

const isBinding = withFields({ client_id: isText }, { issuer: isText, token_endpoint: isText });
const isIntent = withFields({ generation: isCount, at: isTime }, { retried: value => value === true });
const isRefusal = withFields({ generation: isCount, at: isTime, error: isText }, { answer_lost_at: isTime });
const isFamily = withFields(
  { id: isText, turn: isCount },
  { with: value => Array.isArray(value) && value.every(isText) },
);
const isTokenSet = withFields(
  { obtained_at: isTime },
  {
    access_token: isText,
    token_type: isText,
    refresh_token: isText,
    id_token: isText,
    scope: value => typeof value === 'string',
    expires_at: isTime,
    refresh_expires_at: isTime,
    id_token_obtained_at: isTime,
    refresh_token_stored_at: isTime,
    refresh_token_last_used_at: isTime,
    grant: isText,
  },
);
const isReplaced = withFields(
  { binding: isBinding, tokens: isTokenSet },
  { dpop_key: isText, family: isFamily, unanswered: withFields({ at: isTime }, { retried: value => value === true }) },
);

/** What a client proves with that it is itself: known to one issuer only, and kept in the connection's record. */
export interface ClientCredentials {
  readonly client_secret?: string;
  /** A private key as a JWK or in PEM, there with the certificates that belong to it; see `readClientKey`. */
  readonly private_key?: string;
}

export interface Credentials extends ClientCredentials {
  /** The key that tokens are bound to (RFC 9449): a private JWK whose `kid` is its thumbprint. */
  readonly dpop_key?: string;
}

/** Nothing but the credentials of what may hold more. */
export function credentialsOf({ dpop_key, ...others }: Credentials): Credentials {
  return { ...clientCredentialsOf(others), ...(dpop_key !== undefined && { dpop_key }) };
}

/** The same without the key that only the tokens at hand are bound to. */
export function clientCredentialsOf({ client_secret, private_key }: ClientCredentials): ClientCredentials {
  return {
    ...(client_secret !== undefined && { client_secret }),
    ...(private_key !== undefined && { private_key }),
  };
}

// --- What can be told of keys that tokens are bound to (RFC 9449) without using them ---

/** RFC 7638 thumbprint of a key as a record holds it. */
export function thumbprintOf(dpopKey: string | undefined): string | undefined {
  const reading = readJson(dpopKey ?? '');
  const kid = reading.ok && isObject(reading.value) ? own(reading.value, 'kid') : undefined;
  return typeof kid === 'string' ? kid : undefined;
}

/** RFC 9449 §6.1: the thumbprint of the key that an access token is bound to, where it says it. */
export function boundTo(accessToken: string | undefined): string | undefined {
  try {
    const decoded = decodeToken(accessToken ?? '');
    const cnf = decoded.kind === 'jws' ? own(decoded.payload, 'cnf') : undefined;
    const jkt = isObject(cnf) ? own(cnf, 'jkt') : undefined;
    return typeof jkt === 'string' ? jkt : undefined;
  } catch {
    // Any text can be an access token (RFC 6749 §1.4).
    return undefined;
  }
}

/** True for tokens that cannot be used without a proof. */
export function isBound({ token_type, access_token }: TokenSet): boolean {
  return token_type?.toLowerCase() === 'dpop' || boundTo(access_token) !== undefined;
}
