import type { WorkbenchError } from '../errors.ts';
import type { Asker } from '../records/sessions.ts';

/** The protocol of the broker's socket: JSON in both directions over HTTP, one answer per request. */

/** The address of a broker, and the capability that authorizes a caller. */
export interface BrokerAddress {
  /** A Unix domain socket in a folder that only this user can open, or a named pipe with an unguessable name. */
  readonly socket: string;
  /** 128 bits in base64url. */
  readonly capability: string;
}

/** What the socket calls to answer a request. */
export interface BrokerAnswers {
  readonly asker: () => Asker;
  /** Answers one request; `signal` is aborted when the caller disconnects. */
  readonly answer: (
    route: keyof typeof routes,
    body: Readonly<Record<string, unknown>>,
    asker: Asker,
    signal: AbortSignal,
  ) => Promise<unknown>;
  /** The error answer for an error. */
  readonly refusal: (error: WorkbenchError) => ErrorAnswer['error'];
}

/** Listens until it is closed. */
export interface BrokerSocket {
  close(): Promise<void>;
}

/** The largest request body, in bytes. The largest valid one contains a DPoP URL. */
export const requestLimit = 16 * 1024;

/** Seconds for which a token must still be valid if the caller names none. */
export const defaultMinTtl = 30;

export interface TokenQuery {
  /** The id of a connection. If omitted: the only connection that has tokens. */
  readonly connection?: string;
  readonly token?: 'access_token' | 'id_token';
  /** Seconds. */
  readonly minTtl?: number;
  /** What the token is for, for example `jwtw exec`. Shown to the user in the consent question and in the list. */
  readonly purpose?: string;
  /** For a token that is bound to a key (RFC 9449): the request that the proof is for. Both are needed. */
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
  /** The proof for `method` and `url`, if they were given and the token is bound. */
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
 * Why there is no token, each with the exit code of `jwtw`. `usage` is decided by the command line alone; `no_vscode`
 * and `other_user` are decided before VS Code is asked.
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
    /** A code of core/errors.ts if the broker has created the error. */
    readonly code: string;
    /** A sentence for the user: what happened, why, what to do next. */
    readonly message: string;
  };
}

/** The path of each request. */
export const routes = {
  token: '/v1/token',
  connections: '/v1/connections',
} as const;
