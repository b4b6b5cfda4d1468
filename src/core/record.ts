import { WorkbenchError } from './errors.ts';
import type { TokenBinding, TokenSet } from './tokenSet.ts';

/** The format that this version writes. A higher number is kept as it stands and reported. */
export const recordVersion = 1;

/** The most that is stored for one connection, in UTF-16 code units. Checked before anything is posted. */
export const recordLimit = 64 * 1024;

/** Everything stored for one connection, under one key: multi-part writes have been seen to tear. */
export interface StoredRecord {
  readonly version: typeof recordVersion;
  readonly connection: string;
  /** Counts up by one with every set of tokens; 0 while there is none. */
  readonly generation: number;
  readonly binding?: TokenBinding;
  readonly tokens?: TokenSet;
  readonly client_secret?: string;
  /** Written before a refresh is posted, taken away by its answer: what remains tells of a lost answer. */
  readonly intent?: RefreshIntent;
  /** The issuer's final no to the refresh token of this generation: it is never sent again. */
  readonly refused?: { readonly generation: number; readonly error: string; readonly at: number };
}

export interface RefreshIntent {
  readonly generation: number;
  /** Milliseconds since the epoch of the first attempt. */
  readonly at: number;
  /** How often this generation's refresh token was sent without an answer that says what became of it. */
  readonly attempts: number;
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
  if (!isCount(value.generation)) throw unreadable('generation');
  if (!optional(value.binding, isBinding)) throw unreadable('binding');
  if (!optional(value.tokens, isTokenSet)) throw unreadable('tokens');
  if (value.tokens !== undefined && value.binding === undefined) throw unreadable('binding');
  if (!optional(value.client_secret, isText)) throw unreadable('client_secret');
  if (!optional(value.intent, isIntent)) throw unreadable('intent');
  if (!optional(value.refused, isRefused)) throw unreadable('refused');
  return value as unknown as StoredRecord;
}

/**
 * The text to store.
 * @throws WorkbenchError `record_too_large`
 */
export function serializeRecord(record: StoredRecord): string {
  const text = JSON.stringify(record);
  if (text.length > recordLimit) {
    throw new WorkbenchError('record_too_large', {
      connection: record.connection,
      size: text.length,
      limit: recordLimit,
    });
  }
  return text;
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function hasFields(value: unknown, required: FieldTypes, others: FieldTypes = {}): boolean {
  return (
    isObject(value) &&
    Object.entries(required).every(([name, is]) => is(value[name])) &&
    Object.entries(others).every(([name, is]) => optional(value[name], is))
  );
}
type FieldTypes = Readonly<Record<string, (value: unknown) => boolean>>;

const isBinding = (value: unknown) =>
  hasFields(value, { client_id: isText }, { issuer: isText, token_endpoint: isText });
const isIntent = (value: unknown) => hasFields(value, { generation: isCount, at: isTime, attempts: isCount });
const isRefused = (value: unknown) => hasFields(value, { generation: isCount, at: isTime, error: isText });
const isTokenSet = (value: unknown) =>
  hasFields(
    value,
    { obtained_at: isTime },
    {
      access_token: isText,
      token_type: isText,
      refresh_token: isText,
      id_token: isText,
      scope: value => typeof value === 'string',
      expires_at: isTime,
      refresh_expires_at: isTime,
      refresh_token_stored_at: isTime,
      refresh_token_last_used_at: isTime,
    },
  );
