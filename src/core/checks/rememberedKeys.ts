import { type ErrorDataOf, WorkbenchError } from '../errors.ts';
import type { Clock, SecretVault } from '../ports.ts';
import { rememberedKeysName as name } from '../records/vault.ts';
import { isObject, type JsonObject, own, sameData } from '../tokens/json.ts';
import { createTurns } from '../waiting.ts';
import type { KeyInfo } from './finding.ts';
import { type SecretForm, secretForms } from './secretText.ts';

/** A key, or a source of keys, that the user asked to keep. It is never used automatically, only offered first. */
export interface RememberedKey {
  readonly id: string;
  readonly use: 'verify' | 'decrypt';
  /** The issuer whose tokens it is for, as in their `iss`. */
  readonly issuer?: string;
  readonly source: KeyText | { readonly jwksUri: string } | { readonly issuer: string };
  /** Facts about the key that do not reveal it. */
  readonly about?: Pick<KeyInfo, 'kty' | 'crv' | 'size' | 'kid' | 'alg' | 'thumbprint'>;
  /** Milliseconds since the epoch. */
  readonly addedAt: number;
}

interface KeyText {
  readonly key: string;
  readonly keyFormat?: SecretForm;
}

export interface RememberedKeys {
  /** Newest first. @throws WorkbenchError `keys_unreadable` {reason}, `secret_unavailable` */
  list(): Promise<readonly RememberedKey[]>;
  /**
   * Keeps the same source for the same issuer and use only once. @throws WorkbenchError `keys_full` {limit}, and what
   * `list` throws
   */
  add(key: Omit<RememberedKey, 'id' | 'addedAt'>): Promise<void>;
  /** @returns the remaining keys. @throws what `list` throws */
  forget(ids: readonly string[]): Promise<readonly RememberedKey[]>;
  /** Deletes the record, readable or not. */
  forgetAll(): Promise<void>;
}

// One record under one name: writes in several parts have been seen to tear.
const version = 1;
const mostKeys = 50;
/** UTF-16 code units. Checked before the record is passed to the store. */
const recordLimit = 256 * 1024;

export function createRememberedKeys(secrets: SecretVault, clock: Pick<Clock, 'now'>): RememberedKeys {
  const turns = createTurns();
  /** Runs one change at a time, so that each reads what the one before has written. */
  const inTurn = <T>(work: () => Promise<T>) => turns.take(name, work);

  async function read(): Promise<readonly RememberedKey[]> {
    const text = await reached(() => secrets.get(name));
    return text === undefined ? [] : parse(text);
  }

  async function write(keys: readonly RememberedKey[]): Promise<void> {
    if (keys.length === 0) return reached(() => secrets.delete(name));
    const text = JSON.stringify({ version, keys });
    if (keys.length > mostKeys || text.length > recordLimit) throw new WorkbenchError('keys_full', { limit: mostKeys });
    await reached(() => secrets.store(name, text));
  }

  return {
    list: read,
    add: key =>
      inTurn(async () => {
        const same = ({ use, issuer, source }: RememberedKey) =>
          use === key.use && issuer === key.issuer && sameData(source, key.source);
        const others = (await read()).filter(each => !same(each));
        await write([{ ...key, id: crypto.randomUUID(), addedAt: clock.now() }, ...others]);
      }),
    forget: ids =>
      inTurn(async () => {
        const before = await read();
        const left = before.filter(({ id }) => !ids.includes(id));
        if (left.length < before.length) await write(left);
        return left;
      }),
    forgetAll: () => inTurn(() => reached(() => secrets.delete(name))),
  };
}

async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new WorkbenchError('secret_unavailable', {
      type: error instanceof Error ? error.name : typeof error,
    });
  }
}

/** Nothing is repaired: an unreadable record is reported and left unchanged. */
function parse(text: string): readonly RememberedKey[] {
  const unreadable = (reason: ErrorDataOf['keys_unreadable']['reason']) =>
    new WorkbenchError('keys_unreadable', { reason });
  if (text.length > recordLimit) throw unreadable('size');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable('json');
  }
  if (!isObject(value) || typeof own(value, 'version') !== 'number') throw unreadable('shape');
  if (own(value, 'version') !== version)
    throw unreadable(Number(own(value, 'version')) > version ? 'newer' : 'version');
  const keys = own(value, 'keys');
  if (!Array.isArray(keys) || !keys.every(isRemembered)) throw unreadable('shape');
  return keys;
}

function isRemembered(value: unknown): value is RememberedKey {
  if (!isObject(value)) return false;
  const { id, use, issuer, source, about, addedAt } = value;
  return (
    typeof id === 'string' &&
    (use === 'verify' || use === 'decrypt') &&
    (issuer === undefined || typeof issuer === 'string') &&
    typeof addedAt === 'number' &&
    (about === undefined || (isObject(about) && typeof about.kty === 'string')) &&
    isObject(source) &&
    isSource(source)
  );
}

function isSource({ key, keyFormat, jwksUri, issuer }: JsonObject): boolean {
  if ([key, jwksUri, issuer].filter(each => typeof each === 'string').length !== 1) return false;
  return keyFormat === undefined || (key !== undefined && secretForms.some(form => form === keyFormat));
}
