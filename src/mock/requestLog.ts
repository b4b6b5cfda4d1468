import type { Endpoint } from './effects.ts';
import type { FaultType } from './faults.ts';
import { fingerprint } from './shelf.ts';

/** One request, without secrets: every value that could be one is replaced by its `fingerprint`. */
export interface RequestLogEntry {
  /** Milliseconds since the epoch by the mock's clock, when the request arrived. */
  readonly time: number;
  readonly method: string;
  readonly path: string;
  /** The endpoint at this path, whatever the persona calls it. Undefined if there is none. */
  readonly endpoint?: Endpoint;
  readonly grant_type?: string;
  /** The client_id that was sent, or that of the authenticated client. */
  readonly client_id?: string;
  /** `fingerprint(refresh_token)`. */
  readonly refresh_token?: string;
  /** `sid` of the grant that the sent refresh token belongs to; undefined if the issuer does not know the token. */
  readonly sid?: string;
  /** Every form field. Only the fields known to be harmless keep their values; the others have fingerprints. */
  readonly form?: Readonly<Record<string, string>>;
  /** Undefined until the response is sent, and forever if the connection was dropped. */
  readonly status?: number;
  /** The OAuth error code of the response. */
  readonly error?: string;
  /** The token endpoint completed its work, whether or not the response arrived. */
  readonly committed: boolean;
  readonly faults: readonly FaultType[];
  /** The client_ids that responded to the back-channel logout notifications of this request. */
  readonly notified?: readonly string[];
}

/** The same entry, writable. */
export type OpenEntry = { -readonly [K in keyof RequestLogEntry]: RequestLogEntry[K] };

/** Entries are numbered from the first request on, so that a reader can continue where it stopped. */
export interface Journal {
  /** The number to pass next time. */
  readonly next: number;
  readonly requests: readonly RequestLogEntry[];
}

export interface RequestLog {
  readonly entries: readonly RequestLogEntry[];
  open(time: number, method: string, path: string): OpenEntry;
  since(number: number): Journal;
  clear(): void;
  /** Resolves with the next request that arrives. */
  next(): Promise<RequestLogEntry>;
  /** Calls back when a request arrives, and again when it is answered or dropped. */
  watch(listener: (entry: RequestLogEntry) => void): () => void;
  tell(entry: RequestLogEntry): void;
}

const logLimit = 1000;

// An allow-list, because an unknown field may be a secret.
const harmless = new Set([
  'grant_type',
  'client_id',
  'scope',
  'audience',
  'resource',
  'redirect_uri',
  'token_type_hint',
  'response_type',
  'response_mode',
  'code_challenge_method',
  'prompt',
  'max_age',
  'client_assertion_type',
  'subject_token_type',
  'requested_token_type',
  'post_logout_redirect_uri',
  'decision',
  'login_hint',
  'acr_values',
]);

export function createRequestLog(): RequestLog {
  let entries: OpenEntry[] = [];
  let count = 0;
  let waiting: ((entry: RequestLogEntry) => void)[] = [];
  const watchers = new Set<(entry: RequestLogEntry) => void>();
  const tell = (entry: RequestLogEntry) => {
    for (const watcher of watchers) watcher(entry);
  };
  return {
    tell,
    watch(listener) {
      watchers.add(listener);
      return () => void watchers.delete(listener);
    },
    get entries() {
      return entries;
    },
    open(time, method, path) {
      const entry: OpenEntry = { time, method, path, committed: false, faults: [] };
      if (entries.length >= logLimit) entries.shift();
      entries.push(entry);
      count += 1;
      if (waiting.length > 0) {
        for (const resolve of waiting) resolve(entry);
        waiting = [];
      }
      tell(entry);
      return entry;
    },
    since(number) {
      const wanted = Math.max(0, Math.min(entries.length, count - number));
      return { next: count, requests: wanted === 0 ? [] : entries.slice(-wanted) };
    },
    clear() {
      entries = [];
    },
    next() {
      return new Promise(resolve => {
        waiting.push(resolve);
      });
    },
  };
}

export function writeForm(entry: OpenEntry, form: ReadonlyMap<string, string>): void {
  const shown: Record<string, string> = {};
  for (const [name, value] of form) shown[name] = harmless.has(name) ? value : fingerprint(value);
  entry.form = shown;
  const { grant_type, client_id, refresh_token } = shown;
  if (grant_type !== undefined) entry.grant_type = grant_type;
  if (client_id !== undefined) entry.client_id = client_id;
  if (refresh_token !== undefined) entry.refresh_token = refresh_token;
}
