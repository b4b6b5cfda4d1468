/** Fetches issuers' key sets: bounded, cached, and fetched again when a token names an unknown key. */
import { classify, WorkbenchError, withData } from '../errors.ts';
import { boundedFetch, requireSecureUrl } from '../http/http.ts';
import type { Clock, Fetch } from '../ports.ts';
import { type JsonObject, own } from '../tokens/json.ts';
import { parseKeySet } from './keySets.ts';
import type { KeySet } from './keys.ts';

export interface KeyLookup {
  readonly keys: KeySet;
  /** Milliseconds since the epoch. */
  readonly fetchedAt: number;
  /** Why the keys could not be fetched again; those of `fetchedAt` are still used. */
  readonly outdated?: WorkbenchError;
}

export interface JwksClient {
  /**
   * The key set at `jwksUri`, from the cache if it is fresh and has a key with the header's `kid`; otherwise it is
   * fetched. `jwksUri` must come from the issuer's metadata or from the user, never from a token.
   * @throws WorkbenchError `url_invalid`, `url_insecure`, `jwks_invalid` {reason}, `http_error` {status}, and what
   * `boundedFetch` throws
   */
  keysFor(jwksUri: string, header: JsonObject): Promise<KeyLookup>;
  /** Removes the keys of one URL, or all, from the cache, so that the next call fetches them. */
  forget(jwksUri?: string): void;
}

export interface JwksClientOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Milliseconds for one request; 10 seconds if omitted. */
  readonly timeout?: number;
  /** Bytes of one key set; 512 KiB if omitted. */
  readonly maxBytes?: number;
  /** Milliseconds for which a key set counts as fresh; 10 minutes if omitted. */
  readonly maxAge?: number;
  /**
   * The least time between two requests for one key set, in milliseconds, whatever tokens name; 30 seconds if omitted.
   */
  readonly cooldown?: number;
}

/** The most key sets in the cache. With more issuers, the oldest are fetched again. */
const mostKept = 64;

interface Cached {
  lookup?: KeyLookup;
  askedAt: number;
  flight?: Promise<KeyLookup>;
}

export function createJwksClient(options: JwksClientOptions): JwksClient {
  const { clock, timeout = 10_000, maxBytes = 512 * 1024, maxAge = 10 * 60_000, cooldown = 30_000 } = options;
  const fetch = boundedFetch(options.fetch, { timeout, maxBytes, clock });
  const cache = new Map<string, Cached>();

  async function download(jwksUri: string): Promise<KeySet> {
    const { host } = new URL(jwksUri);
    const response = await fetch(jwksUri, {
      headers: { accept: 'application/jwk-set+json, application/json' },
    });
    if (response.status !== 200) throw new WorkbenchError('http_error', { host, status: response.status });
    try {
      return parseKeySet(await response.text(), 'jwks_uri');
    } catch (error) {
      throw withData(classify(error), { host });
    }
  }

  async function renew(jwksUri: string, entry: Cached): Promise<KeyLookup> {
    entry.askedAt = clock.now();
    try {
      const keys = await download(jwksUri);
      entry.lookup = { keys, fetchedAt: clock.now() };
    } catch (error) {
      // Without older keys there is nothing to use; the next call may fetch at once.
      if (!entry.lookup) throw classify(error);
      entry.lookup = { ...entry.lookup, outdated: classify(error) };
    }
    return entry.lookup;
  }

  /** After the clock was set back, everything counts as old. */
  const within = (since: number, span: number) => clock.now() >= since && clock.now() < since + span;

  return {
    async keysFor(jwksUri, header) {
      requireSecureUrl(jwksUri, 'jwksUri');
      const entry = cache.get(jwksUri) ?? { askedAt: Number.NEGATIVE_INFINITY };
      keep(cache, jwksUri, entry);
      const { lookup } = entry;
      if (lookup) {
        const fresh = within(lookup.fetchedAt, maxAge) && names(lookup.keys, own(header, 'kid'));
        if (fresh || within(entry.askedAt, cooldown)) return entry.flight ?? lookup;
      }
      entry.flight ??= renew(jwksUri, entry).finally(() => {
        delete entry.flight;
      });
      return entry.flight;
    },
    forget(jwksUri) {
      if (jwksUri === undefined) cache.clear();
      else cache.delete(jwksUri);
    },
  };
}

function names({ keys }: KeySet, kid: unknown): boolean {
  return typeof kid !== 'string' || keys.some(key => key.kid === kid);
}

/** Evicts the least recently used entries. */
function keep(cache: Map<string, Cached>, jwksUri: string, entry: Cached): void {
  cache.delete(jwksUri);
  cache.set(jwksUri, entry);
  for (const oldest of cache.keys()) {
    if (cache.size <= mostKept) break;
    cache.delete(oldest);
  }
}
