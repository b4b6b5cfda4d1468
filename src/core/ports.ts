/** What the core needs from outside. Everything that touches the world comes in through one of these. */

/** Milliseconds since the epoch, and one-shot timers. Tests pass one that they move by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `callback` once after `delay` milliseconds; the returned function cancels it. */
  schedule(callback: () => void, delay: number): () => void;
}

/** `globalThis.fetch`: VS Code patches it for proxies and certificates, so it is looked up at call time. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/**
 * A fetch that shows a certificate in the TLS handshake (RFC 8705), and checks the other side's as usual. Both are PEM.
 * @throws WorkbenchError `credential_invalid` where they do not belong together
 */
export type MutualTls = (identity: { readonly key: string; readonly certificate: string }) => Promise<Fetch>;

/**
 * A store of secret strings. `get` answering `undefined` means "unknown", never "signed out": VS Code
 * deletes a secret that it cannot decrypt and answers `undefined`.
 */
export interface SecretVault {
  get(key: string): Promise<string | undefined>;
  store(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  /** Every key held, or `undefined` where the host cannot list them. */
  keys(): Promise<readonly string[] | undefined>;
  /** May be missed, doubled or fire for nothing: a hint to look, never a fact. Returns the unsubscribe function. */
  onDidChange(listener: (key: string) => void): () => void;
}

/** What all windows of one machine may know about a connection without holding its secret. */
export interface LedgerEntry {
  /** The newest generation that any window stored. */
  readonly generation: number;
  /** A one-way fingerprint of that generation's refresh token; see `Lease.fingerprint`. */
  readonly fingerprint?: string;
  /** Milliseconds since the epoch before which no window may ask the issuer again (`Retry-After`). */
  readonly notBefore?: number;
  /** When that was noted: where it is still to come, the time of day was set back since. */
  readonly notedAt?: number | undefined;
  /** The family of that refresh token, and how often it was rotated; see src/core/records/families.ts. */
  readonly family?: { readonly id: string; readonly turn: number };
  /**
   * This generation's refresh token is being sent, or was and no answer is known (`at`: milliseconds since the epoch).
   * It stands here as well as in the record because another window sees the record late, and must not take a second
   * attempt for the first. `retried`: nor a third one for the second.
   */
  readonly intent?: { readonly at: number; readonly retried?: true };
  /** The issuer's final no to this generation's refresh token, here for the same reason. `error` is an OAuth code. */
  readonly refused?: { readonly at: number; readonly error: string };
  /**
   * Milliseconds since the epoch. Set by a sign-out: every record up to `generation` is void, wherever it
   * still turns up, and the next sign-in counts on from there. Written by `forget` alone.
   */
  readonly signedOutAt?: number;
}

/** Held while the lock is: the only way to write the ledger and the journal. */
export interface Lease {
  /**
   * True once the lock was lost (taken over as stale): nothing may be sent any more, and the ledger is another's.
   * An answer to what was sent before is still stored where the record's generation is the one that was sent.
   * True as well while this process stood still for so long that the lock may have been taken over, until that is
   * known. Synchronous, so that nothing comes between it and a send.
   */
  readonly lost: boolean;
  /** False where no other window shares the store: no other window would read what is left. */
  readonly shared: boolean;
  /**
   * Asks the lock itself, which `lost` only remembers. Worth it before a send.
   * @throws WorkbenchError `lock_lost`
   */
  renew(): Promise<void>;
  /** One-way, for the ledger: equal for equal tokens, and different for all others that are shared. */
  fingerprint(token: string): string;
  /** @throws WorkbenchError `lock_unavailable` where there is one and it cannot be read; `reason` `damaged`: as text */
  readLedger(): Promise<LedgerEntry | undefined>;
  /**
   * Replaces the whole entry; `signedOutAt` is not written.
   * @throws WorkbenchError `lock_lost`; `superseded` with `signedOut` where a sign-out covers this generation;
   * `lock_unavailable` with `reason`
   */
  writeLedger(entry: LedgerEntry): Promise<void>;
  /**
   * The same before a request that uses a refresh token up. When it resolves, the entry is on the disk itself and the
   * disk has room for an answer of `room` characters. Where it throws, nothing may be sent.
   * @throws WorkbenchError as `writeLedger`
   */
  mark(entry: LedgerEntry, room: number): Promise<void>;
  /**
   * For a new grant, which what a damaged file said of older ones cannot concern: voids all below `generation`.
   * @throws WorkbenchError `lock_unavailable` with `reason`, `lock_lost`
   */
  voidBelow(generation: number): Promise<void>;
  /**
   * Leaves the newest record, sealed, for other windows and for the next start. When it resolves, the end of this
   * process costs nothing any more; a power cut may, for a moment longer.
   * @throws WorkbenchError as `writeLedger`
   */
  handOver(generation: number, sealed: string): Promise<void>;
  /** What any window has left last. @throws WorkbenchError as `readLedger` */
  takeOver(): Promise<HandedOver | undefined>;
}

export interface HandedOver {
  /** The record's, as written beside it; only opening `sealed` shows that it is. */
  readonly generation: number;
  readonly sealed: string;
}

/** One holder per name among all windows that share a store. */
export interface CrossWindowLock {
  /**
   * Runs `work` while holding the lock `name`; never runs it unlocked.
   * @throws WorkbenchError `lock_timeout` with the `process` that holds it and `since` when it may be sending, in
   * milliseconds since the epoch; `lock_unavailable` with `reason` where there can be no lock; `cancelled`
   */
  withLock<T>(name: string, signal: AbortSignal, work: (lease: Lease) => Promise<T>, use?: LockUse): Promise<T>;
}

/**
 * A process that stands still keeps its lock while it lives and may have sent a token, but not from a `new_grant`, which
 * sends nothing of what is held.
 */
export type LockUse = 'any' | 'new_grant';

/** What can be seen and done without holding the lock. */
export interface SharedNotes {
  /** For showing what is newest: what cannot be read is left out. What to send is decided under the lock. */
  peek(name: string): Promise<{ readonly ledger?: LedgerEntry; readonly handedOver?: HandedOver }>;
  /**
   * Signs out for all windows: voids every record that exists by now, and what a refresh under way still brings.
   * Does not wait for the lock, so that a sign-out never waits for an issuer.
   * @param generation the newest one that the caller knows
   * @param at milliseconds since the epoch
   * @returns the newest generation that is void now: an empty record takes it, the next sign-in counts on from it
   * @throws WorkbenchError `lock_unavailable` with `reason`: nothing is signed out then
   */
  forget(name: string, generation: number, at: number): Promise<number>;
  /** Another window, or this one, wrote something for `name`. A hint to look, never a fact; see `SecretVault`. */
  onDidChange(listener: (name: string) => void): () => void;
}

export interface SharedLock extends CrossWindowLock, SharedNotes {}

/** A text per name that holds no secret, for all windows of one machine, and for the next start. */
export interface HistoryStore {
  read(name: string): Promise<string | undefined>;
  /** Replaces the text by what `change` makes of the one that is there now, whichever window wrote it. */
  update(name: string, change: (text: string | undefined) => string): Promise<void>;
  delete(name: string): Promise<void>;
}

/** What the browser shows at the end of a sign-in or of a session. `foreign`: the request is not the expected one. */
export type RedirectPage = 'signed_in' | 'signed_out' | 'declined' | 'failed' | 'foreign';

/** A request with which the browser has returned. */
export interface RedirectAnswer {
  readonly parameters: URLSearchParams;
  /** Ends the wait of the browser; only the first call counts. */
  respond(page: RedirectPage): void;
}

/** Searches folders of this machine, with the ripgrep that VS Code brings along. */
export interface FileSearch {
  /**
   * Names each file of a folder that has one of the texts in it, hidden and ignored ones too, relative to the folder, as
   * soon as it is found. Resolves with how many files were looked into; with `undefined` where there is no ripgrep or it
   * fails, so that the caller looks into each file.
   */
  filesWith(search: TextSearch, found: (file: string) => void, signal: AbortSignal): Promise<number | undefined>;
  /** A file's text; `undefined` where it is gone, too large or no text. */
  read(path: string, mostBytes: number): Promise<string | undefined>;
}

export interface TextSearch {
  readonly folder: string;
  readonly texts: readonly string[];
  /** Globs. */
  readonly exclude: readonly string[];
  readonly mostBytes: number;
}

/** Waits on this machine's loopback address or for an address that VS Code opens, for one sign-in and no longer. */
export interface RedirectListener {
  readonly redirectUri: string;
  /** The first request that knows `state`; all others are turned away and change nothing. Called once. */
  answer(state: string): Promise<RedirectAnswer>;
  close(): void;
}

/** `uri_handler`: an address that VS Code opens, where the browser is not on the machine of the extension. */
export type RedirectWay = 'loopback' | 'uri_handler';

/**
 * `way`: the one that suits where it is left out.
 * @throws WorkbenchError `listener_failed`
 */
export type ListenForRedirect = (how: {
  readonly way?: RedirectWay | undefined;
  /** Of the loopback address; any free one where it is left out. */
  readonly port?: number | undefined;
}) => Promise<RedirectListener>;

/**
 * Opens a private key in PEM that a passphrase protects: PKCS #8, unprotected.
 * @throws WorkbenchError `credential_invalid` {reason: 'passphrase' | 'cipher'}
 */
export type UnlockKey = (pem: string, passphrase: string) => Promise<string>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** `event` is a constant text; everything variable is a field and passes `redact` before it is written. */
export type Log = (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => void;
