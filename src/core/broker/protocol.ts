import type { WorkbenchError } from '../errors.ts';
import type { Asker } from '../records/sessions.ts';

/** What goes over the broker's socket: JSON in both directions, HTTP/1.1, one request for one answer. */

/** Where a broker can be reached, and what proves that a caller may ask it. */
export interface BrokerAddress {
  /** A Unix domain socket in a folder of this user alone, or a named pipe with a name that cannot be guessed. */
  readonly socket: string;
  /** 128 bits in base64url. */
  readonly capability: string;
}

/** What listens for requests asks of what answers them. */
export interface BrokerAnswers {
  readonly asker: () => Asker;
  /** Answers one request; `signal` is aborted where the caller has gone. */
  readonly answer: (
    route: keyof typeof routes,
    body: Readonly<Record<string, unknown>>,
    asker: Asker,
    signal: AbortSignal,
  ) => Promise<unknown>;
  /** The answer for an error. */
  readonly refusal: (error: WorkbenchError) => ErrorAnswer['error'];
}

/** Listens until it is closed. */
export interface BrokerSocket {
  close(): Promise<void>;
}

/** Bytes of a request's body; the largest is a DPoP address. */
export const requestLimit = 16 * 1024;

/** Seconds that a token must still be valid for, where a caller names none. */
export const defaultMinTtl = 30;

export interface TokenQuery {
  /** The id of a connection; the only one that has tokens where it is left out. */
  readonly connection?: string;
  readonly token?: 'access_token' | 'id_token';
  /** Seconds. */
  readonly minTtl?: number;
  /** What the token is for, in a word, such as `jwtw exec`: shown to the user beside the question and in the list. */
  readonly purpose?: string;
  /** Both, for a token that is bound to a key (RFC 9449): which request the proof is for. */
  readonly method?: string;
  readonly url?: string;
}

export interface TokenAnswer {
  readonly connection: string;
  readonly token: string;
  /** `DPoP` for tokens that are bound to a key. */
  readonly type: 'Bearer' | 'DPoP';
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  /** The proof for `method` and `url`, where they were given and the token is bound. */
  readonly proof?: string;
}

export interface ConnectionAnswer {
  readonly id: string;
  readonly label: string;
  readonly state: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  readonly scope?: string;
}

/**
 * Why there is no token, each with the exit code of `jwtw`. `usage` is decided by the command line alone, `no_vscode`
 * and `other_user` before anything is asked.
 */
export const exitCodes = {
  usage: 2,
  connection: 3,
  sign_in: 4,
  denied: 5,
  no_vscode: 6,
  issuer: 7,
  unanswered: 8,
  untrusted: 9,
  capability: 10,
  other_user: 11,
  internal: 70,
} as const;
export type Refusal = keyof typeof exitCodes;

export interface ErrorAnswer {
  readonly error: {
    readonly reason: Refusal;
    /** A code of core/errors.ts where the broker made it. */
    readonly code: string;
    /** A sentence for people: what happened, why, what to do next. */
    readonly message: string;
  };
}

/** Path, and what is posted to it and answered. */
export const routes = {
  token: '/v1/token',
  connections: '/v1/connections',
} as const;
