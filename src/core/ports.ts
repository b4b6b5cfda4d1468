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
  /** A one-way fingerprint of that generation's refresh token; see `fingerprint` in redact.ts. */
  readonly fingerprint?: string;
  /** Milliseconds since the epoch before which no window may ask the issuer again (`Retry-After`). */
  readonly notBefore?: number;
}

/** Held while the lock is: the only way to the ledger. */
export interface Lease {
  /** True once the lock was lost (taken over as stale): nothing may be sent or stored any more. */
  readonly lost: boolean;
  readLedger(): Promise<LedgerEntry | undefined>;
  writeLedger(entry: LedgerEntry): Promise<void>;
}

/** One holder per name among all windows that share a store. */
export interface CrossWindowLock {
  /**
   * Runs `work` while holding the lock `name`; never runs it unlocked.
   * @throws WorkbenchError `lock_timeout`, `cancelled`
   */
  withLock<T>(name: string, signal: AbortSignal, work: (lease: Lease) => Promise<T>): Promise<T>;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** `event` is a constant text; everything variable is a field and passes `redact` before it is written. */
export type Log = (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => void;
