/** Id of a scenario: the client makes the mistake that this scenario detects. */
export type Flaw = string;

/** What a client leaves out, so that it never comes to what some scenarios judge. */
export type Lapse =
  | 'polls once'
  | 'refreshes once'
  | 'goes on without tokens'
  | 'signs out at a refresh'
  | 'signs out at the second look'
  | 'redeems no code'
  | 'refuses every ID token'
  | 'uses no ID token'
  | 'keeps its keys';

/** What a client remembers of one visitor. */
export interface Session {
  issuer?: string;
  state?: string;
  nonce?: string;
  verifier?: string;
  tokens?: { access_token: string; refresh_token?: string; id_token?: string; expiresAt: number };
  sub?: string;
  sid?: unknown;
  /** Milliseconds since the epoch before which the issuer asked not to be contacted. */
  notBefore?: number;
  refreshing?: Promise<boolean> | undefined;
  looked?: boolean;
}

export type Claims = Record<string, unknown>;

export interface SampleOptions {
  readonly issuer: string;
  readonly clientId?: string;
  readonly flaw?: Flaw;
  readonly lapse?: Lapse | undefined;
  /** Another issuer that the client supports. */
  readonly second?: string;
  /** How many times faster than real time its clock runs. */
  readonly pace?: number;
  readonly port?: number;
  /** Seconds for which it uses a token after its expiry, as clients do that count whole seconds. */
  readonly late?: number;
  /** Seconds before its expiry from which on it does not use a token. */
  readonly early?: number;
  /** Refreshes shortly before the expiry, whether or not anybody asks. */
  readonly renews?: boolean;
  /** Tries a request to the issuer once more after a lost response or a server error. */
  readonly retries?: boolean;
  /** Asks UserInfo only once about each subject. */
  readonly cachesUser?: boolean;
  /** A confidential client's secret, and how it is sent. */
  readonly secret?: { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly text: string };
  /** Requests for tokens that it sends all the time beside those of its visitors. */
  readonly beside?: 'device' | 'client_credentials';
  /** More headers of its requests to the issuer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds after which it gives up a request. */
  readonly timeout?: number;
  /** Ends the session if a callback is repeated. */
  readonly endsAtRepeat?: boolean;
  /** Uses pushed requests and DPoP, and gets an ID token beside the code. */
  readonly modern?: boolean;
  /** Sessions that other processes of the client share. */
  readonly sessions?: Map<string, Session>;
  /** Its address for visitors, if that is not its own. */
  readonly origin?: string;
}

export interface SampleClient {
  readonly origin: string;
  close(): Promise<void>;
}

/** Whether the client makes one of these mistakes. */
export const flawed =
  ({ flaw = '' }: SampleOptions) =>
  (...flaws: Flaw[]) =>
    flaws.includes(flaw);
