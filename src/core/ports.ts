/**
 * What the core needs from outside. All access to the system, the network and VS Code goes through these interfaces.
 */

/** The current time and one-shot timers. Tests pass a clock that they advance by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `callback` once after `delay` milliseconds; the returned function cancels it. */
  schedule(callback: () => void, delay: number): () => void;
}

/** `globalThis.fetch`, looked up at each call because VS Code patches it for proxies and certificates. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/**
 * Returns a fetch that presents a client certificate in the TLS handshake (RFC 8705) and verifies the server's
 * certificate as usual. Both parts of `identity` are PEM.
 * @throws WorkbenchError `credential_invalid` if key and certificate do not belong together
 */
export type MutualTls = (identity: { readonly key: string; readonly certificate: string }) => Promise<Fetch>;

/**
 * A store of secret strings. `undefined` from `get` means "unknown", never "signed out": VS Code deletes a secret that
 * it cannot decrypt and returns `undefined`.
 */
export interface SecretVault {
  get(key: string): Promise<string | undefined>;
  store(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  /** All keys in the store, or `undefined` if the host cannot list them. */
  keys(): Promise<readonly string[] | undefined>;
  /**
   * The event may be missed, doubled or fire without a change: treat it as a hint to read again. Returns the
   * unsubscribe function.
   */
  onDidChange(listener: (key: string) => void): () => void;
}

/** What all windows of one machine share about a connection. It holds no secret. */
export interface LedgerEntry {
  /** The newest generation that any window stored. */
  readonly generation: number;
  /** A one-way fingerprint of that generation's refresh token; see `Lease.fingerprint`. */
  readonly fingerprint?: string;
  /** Milliseconds since the epoch before which no window may ask the issuer again (`Retry-After`). */
  readonly notBefore?: number;
  /** When `notBefore` was noted. If this is in the future, the clock was set back since. */
  readonly notedAt?: number | undefined;
  /**
   * The family of that refresh token, how often it was rotated, the fingerprints of its tokens, and other connections
   * that hold it; see src/core/records/families.ts.
   */
  readonly family?: NotedFamily;
  /** The families of other tokens that the record keeps beside it. */
  readonly aside?: readonly NotedFamily[];
  /**
   * This generation's refresh token is being sent, or was sent and no answer is known (`at`: milliseconds since the
   * epoch). The record says the same, but another window sees the record late and would mistake a second attempt for
   * the first. `retried` is set on the second attempt, so that there is no third.
   */
  readonly intent?: { readonly at: number; readonly retried?: true };
  /**
   * The issuer has rejected this generation's refresh token for good. In the ledger for the same reason. `error` is an
   * OAuth code.
   */
  readonly refused?: { readonly at: number; readonly error: string };
  /**
   * Milliseconds since the epoch. Set by a sign-out: every record up to `generation` is void, wherever it turns up
   * later, and the next sign-in continues counting from there. Written by `forget` only.
   */
  readonly signedOutAt?: number;
}

interface NotedFamily {
  readonly id: string;
  readonly turn: number;
  readonly earlier?: string;
  readonly with?: readonly string[];
}

/** Access to the ledger and the journal while the lock is held. There is no other way to write them. */
export interface Lease {
  /**
   * True after the lock was lost (taken over as stale): nothing may be sent any more, and the ledger belongs to another
   * process. The answer to an earlier request is still stored if the record's generation is the one that was sent. Also
   * true after this process stood still so long that the lock may have been taken over, until that is checked.
   * Synchronous, so that nothing can happen between the check and a send.
   */
  readonly lost: boolean;
  /** False if no other window shares the store and would read what is left here. */
  readonly shared: boolean;
  /**
   * Checks the lock itself, while `lost` is only the last known state. Call it before a send.
   * @throws WorkbenchError `lock_lost`
   */
  renew(): Promise<void>;
  /** A one-way hash for the ledger: equal for equal tokens, different for different tokens of the same machine. */
  fingerprint(token: string): string;
  /**
   * @throws WorkbenchError `lock_unavailable` if the ledger exists and cannot be read; `reason` `damaged`: its text is
   * invalid
   */
  readLedger(): Promise<LedgerEntry | undefined>;
  /**
   * Replaces the whole entry except `signedOutAt`.
   * @throws WorkbenchError `lock_lost`; `superseded` with `signedOut` if a sign-out covers this generation;
   * `lock_unavailable` with `reason`
   */
  writeLedger(entry: LedgerEntry): Promise<void>;
  /**
   * Writes the ledger before a request that uses up a refresh token. When it resolves, the entry is synced to the disk
   * and the disk has room for an answer of `room` characters. If it throws, nothing may be sent.
   * @throws WorkbenchError as `writeLedger`
   */
  mark(entry: LedgerEntry, room: number): Promise<void>;
  /**
   * Voids all records below `generation`, for a new grant: damaged files about older grants do not concern it.
   * @throws WorkbenchError `lock_unavailable` with `reason`, `lock_lost`
   */
  voidBelow(generation: number): Promise<void>;
  /**
   * Leaves the newest record, sealed, for other windows and the next start. After it resolves, the record survives the
   * end of this process, but for a short time not yet a power cut.
   * @throws WorkbenchError as `writeLedger`
   */
  handOver(generation: number, sealed: string): Promise<void>;
  /** The record that any window left last. @throws WorkbenchError as `readLedger` */
  takeOver(): Promise<HandedOver | undefined>;
}

export interface HandedOver {
  /** The generation as written beside the sealed record. Only opening `sealed` proves it. */
  readonly generation: number;
  readonly sealed: string;
}

/** A lock with one holder per name among all windows that share a store. */
export interface CrossWindowLock {
  /**
   * Runs `work` while holding the lock `name`; never runs it unlocked.
   * @throws WorkbenchError `lock_timeout` with the `process` that holds it and `since` when it may be sending, in
   * milliseconds since the epoch; `lock_unavailable` with `reason` if no lock is possible; `cancelled`
   */
  withLock<T>(name: string, signal: AbortSignal, work: (lease: Lease) => Promise<T>, use?: LockUse): Promise<T>;
}

/**
 * `any`: a process that stands still but is alive and may have sent a token keeps its lock. `new_grant`: the lock is
 * taken from it, because a new grant does not send the stored tokens.
 */
export type LockUse = 'any' | 'new_grant';

/** What can be read and done without holding the lock. */
export interface SharedNotes {
  /** For display: what cannot be read is left out. The decision what to send is made under the lock. */
  peek(name: string): Promise<{ readonly ledger?: LedgerEntry; readonly handedOver?: HandedOver }>;
  /**
   * Signs out for all windows: voids every record that exists now, and the result of a running refresh. Does not wait
   * for the lock, so that a sign-out never waits for an issuer.
   * @param generation the newest one that the caller knows
   * @param at milliseconds since the epoch
   * @returns the newest generation that is void now: the empty record gets this number, and the next sign-in continues
   * from it
   * @throws WorkbenchError `lock_unavailable` with `reason`: nothing is signed out then
   */
  forget(name: string, generation: number, at: number): Promise<number>;
  /** This window or another one wrote something for `name`. Treat it as a hint to read again; see `SecretVault`. */
  onDidChange(listener: (name: string) => void): () => void;
}

export interface SharedLock extends CrossWindowLock, SharedNotes {}

/** One text per name, without secrets, for all windows of one machine and for later starts. */
export interface HistoryStore {
  read(name: string): Promise<string | undefined>;
  /** Replaces the current text, whichever window wrote it, by the result of `change`. */
  update(name: string, change: (text: string | undefined) => string): Promise<void>;
  delete(name: string): Promise<void>;
}

/**
 * The page that the browser shows at the end of a sign-in or sign-out. `foreign`: the request is not the expected one.
 */
export type RedirectPage = 'signed_in' | 'signed_out' | 'declined' | 'failed' | 'foreign';

/** The request with which the browser returned. */
export interface RedirectAnswer {
  readonly parameters: URLSearchParams;
  /** Sends the page to the browser; only the first call counts. */
  respond(page: RedirectPage): void;
}

/** Searches folders of this machine with the ripgrep that VS Code includes. */
export interface FileSearch {
  /**
   * Reports each file of a folder that matches one of the patterns, as soon as it is found: its path in the folder and, if
   * all are known, the offsets of the matches in bytes. Of matches that overlap, only the first has an offset. Hidden and
   * ignored files are included. Resolves with the number of files searched, or with `undefined` if ripgrep is missing or
   * fails: the caller then has to read each file itself.
   */
  filesWith(search: TextSearch, found: FoundFile, signal: AbortSignal): Promise<number | undefined>;
  /**
   * The text of a file; `undefined` if it is gone, too large, not text or not wanted. `isWanted` is called with parts of
   * the file: as a text with one character for each byte, in which ASCII is found faster than the file can be decoded, and
   * as bytes.
   * @param places where the search has found matches; without them, `isWanted` gets the whole file
   */
  read(path: string, mostBytes: number, isWanted: IsWanted, places?: readonly number[]): Promise<string | undefined>;
}

export type FoundFile = (file: string, places: readonly number[] | undefined) => void;

export type IsWanted = (text: string, bytes: Uint8Array) => boolean;

export interface TextSearch {
  readonly folder: string;
  /** Regular expressions in the syntax that JavaScript and ripgrep share: ASCII only, no lookaround. */
  readonly patterns: readonly string[];
  /** Globs. */
  readonly exclude: readonly string[];
  readonly mostBytes: number;
}

/** Waits for the browser on a loopback address or an address that VS Code opens, for one sign-in only. */
export interface RedirectListener {
  readonly redirectUri: string;
  /** Resolves with the first request that carries `state`; all others are rejected and change nothing. Call it once. */
  answer(state: string): Promise<RedirectAnswer>;
  close(): void;
}

/** `uri_handler`: VS Code opens the redirect address, for browsers that run on another machine than the extension. */
export type RedirectWay = 'loopback' | 'uri_handler';

/**
 * `way`: chosen automatically if it is omitted.
 * @throws WorkbenchError `listener_failed`
 */
export type ListenForRedirect = (how: {
  readonly way?: RedirectWay | undefined;
  /** The port of the loopback address; any free port if it is omitted. */
  readonly port?: number | undefined;
}) => Promise<RedirectListener>;

/**
 * Decrypts a PEM private key that is protected by a passphrase. Returns unencrypted PKCS #8.
 * @throws WorkbenchError `credential_invalid` {reason: 'passphrase' | 'cipher'}
 */
export type UnlockKey = (pem: string, passphrase: string) => Promise<string>;

type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** `event` is a constant text; everything variable is a field and passes `redact` before it is written. */
export type Log = (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => void;
