/**
 * One error type with stable codes and typed data. The core reports a code and data; only src/vscode makes a sentence
 * of them (src/vscode/text/errors.ts). Data never holds a token, a secret or a whole response. errorTable.ts says what
 * a code means for a refresh token and which buttons help; a code without a row or a sentence does not compile.
 */

/** The part of a flow that failed. It decides what an issuer's error means. */
export type FailedGrant = 'authorization_code' | 'device_code' | 'client_credentials' | 'token_exchange';

/** Members that callers may add to any error. */
type Common = {
  /** False if no token was sent yet; true if the other side may have received it. */
  readonly sent?: boolean | undefined;
  /** The id of the connection. */
  readonly connection?: string | undefined;
  readonly host?: string | undefined;
  readonly status?: number | undefined;
  /** Milliseconds to wait, from the issuer's `Retry-After` (RFC 9110 §10.2.3). */
  readonly retryAfter?: number | undefined;
  readonly grant?: FailedGrant | undefined;
  /** The setting that names the endpoint that was called, if it is not the token endpoint. */
  readonly setting?: string | undefined;
  readonly redirectUri?: string | undefined;
  /** Milliseconds since the epoch: when the answer to this token was lost. Only a user can have it sent again. */
  readonly lostAt?: number | undefined;
  /** The answer was lost, but the refresh token stays valid when it is used. */
  readonly reusable?: boolean | undefined;
  /** The id of a connection with the same refresh token that could not get the newest one first. */
  readonly withheldFrom?: string | undefined;
  /** The label of the other connection that the error names by its id. */
  readonly otherLabel?: string | undefined;
  /** Milliseconds by which this machine's clock is ahead of the issuer's, and the uncertainty of that figure. */
  readonly ahead?: number | undefined;
  readonly uncertainty?: number | undefined;
  /** What the issuer wrote, sanitized for display. */
  readonly error?: string | undefined;
  readonly error_description?: string | undefined;
  readonly firstLine?: string | undefined;
  readonly empty?: boolean | undefined;
  /** The issuer's message says that the refresh token has ended, or that the user should sign in again. */
  readonly ended?: boolean | undefined;
  readonly signInAgain?: boolean | undefined;
  /** The issuer's message says that it is too busy, whatever its status and code: it did nothing. */
  readonly later?: boolean | undefined;
  /** A firewall turned the request away, which may pass later or from another network; the issuer has not seen it. */
  readonly blocked?: boolean | undefined;
};

/** The data of each code. Reasons are unions: a reason without a sentence does not compile. */
export interface ErrorDataOf {
  // Settings and arguments
  argument_invalid: { readonly field: string; readonly expected?: string | undefined };
  connection_unknown: Empty;
  connection_invalid: {
    readonly problem?: string | undefined;
    readonly field?: string | undefined;
    readonly found?: string | undefined;
  };
  connection_exists: Empty;
  settings_unwritable: Empty;
  url_invalid: {
    readonly field: string;
    readonly reason: 'characters' | 'not_absolute' | 'userinfo' | 'fragment' | 'scheme' | 'query';
    readonly found?: string;
  };
  url_insecure: { readonly field: string; readonly found: string };
  client_secret_missing: { readonly method: string };
  private_key_missing: { readonly method: string };
  credential_invalid: {
    readonly reason: CredentialFlaw;
    readonly found?: string | number;
    readonly expected?: string | number | undefined;
  };
  auth_method_unsupported: { readonly method: string };
  not_trusted: Empty;
  nothing_to_pick: Empty;
  no_such_token: { readonly token?: string };
  token_not_sendable: { readonly token: string };
  /** The shell has no quoting that can represent the text of the curl command. */
  not_quotable: { readonly shell: string; readonly reason: 'control' | 'quote' | 'length' | 'url' };
  // The network
  cancelled: Empty;
  timeout: { /** Milliseconds. */ readonly after?: number };
  connection_refused: Detail;
  host_unknown: Detail;
  connection_reset: Detail;
  certificate_untrusted: Detail;
  client_certificate_refused: Detail;
  network_failed: Detail;
  // Answers of the issuer
  redirect_refused: { readonly location?: string };
  metadata_not_found: { readonly issuer: string };
  metadata_invalid: {
    readonly issuer: string;
    readonly reason: 'html' | 'not_json' | 'not_an_object' | 'issuer_missing' | 'endpoint' | 'status';
    readonly endpoint?: string;
  };
  issuer_mismatch: {
    readonly expected: string;
    readonly found: string;
    /** The cause of the difference, if it is known. */
    readonly difference?: 'slash' | 'placeholder' | 'scheme';
  };
  endpoint_missing: {
    readonly endpoint: string;
    readonly without?: string;
    /**
     * The client's authentication method and those that the issuer offers, if the issuer offers the endpoint to other
     * methods only.
     */
    readonly method?: string;
    readonly offered?: string;
  };
  oauth_error: { readonly error: string; readonly error_uri?: string };
  http_error: Empty;
  /** The issuer asked earlier for a pause, of which `retryAfter` is left, so nothing was sent. */
  waiting_for_issuer: Empty;
  response_invalid: {
    readonly reason: ResponseFlaw;
    /** A new refresh token came with the response and was stored. */
    readonly refreshToken?: boolean;
    readonly claim?: string | undefined;
    readonly found?: string;
    readonly expected?: string;
  };
  response_too_large: { /** Bytes. */ readonly limit: number };
  jwks_invalid: {
    readonly reason: 'html' | 'not_json' | 'not_an_object' | 'no_keys_member' | 'empty' | 'no_usable_key';
    readonly ignored?: number;
  };
  // Signing in
  browser_not_opened: Empty;
  listener_failed: Detail & { /** From the settings. */ readonly port?: number };
  callback_invalid: {
    readonly reason: 'issuer' | 'code_missing' | 'malformed';
    readonly expected?: string;
    readonly found?: string;
  };
  sign_in_timeout: { /** Milliseconds. */ readonly after?: number };
  // Stored data; `at` is milliseconds since the epoch
  no_refresh_token: Empty;
  refresh_token_refused: { readonly at?: number };
  /** `other`: the id of the connection that holds the same refresh token and has used it. */
  refresh_token_shared: { readonly other: string };
  binding_mismatch: { readonly member: string; readonly expected?: string; readonly found?: string };
  dpop_key_lost: { readonly reason?: 'unreadable' };
  /** `reason`: the flaw, or the name of the invalid member. */
  record_unreadable: { readonly reason: string };
  record_newer_version: { readonly version?: number };
  record_too_large: { readonly size: number; readonly limit: number };
  record_behind: { readonly generation: number; readonly newest: number; readonly unopened?: boolean };
  superseded: { readonly signedOut?: boolean };
  secret_unavailable: { readonly type?: string };
  /** VS Code kept the secrets in memory only, and they were lost when the window closed. */
  secrets_not_kept: Empty;
  /** The process that holds the lock, and when it may have started to send (milliseconds since the epoch). */
  lock_timeout: { readonly process?: number; readonly since?: number };
  lock_unavailable: { readonly reason: string };
  lock_lost: Empty;
  answer_lost: { readonly at?: number };
  answer_missing: { readonly at?: number | undefined };
  // Tokens for programs outside VS Code
  /** The ids of all connections, separated by commas. */
  connection_ambiguous: { readonly connections: string };
  consent_denied: Empty;
  consent_unanswered: Empty;
  scope_not_granted: { readonly scope: string };
  /** No connection has the issuer and the client of this token. */
  no_owner: Empty;
  no_editor: Empty;
  no_folder: Empty;
  /** Seconds. */
  lifetime_too_short: { readonly left: number; readonly wanted: number };
  // Tokens as text
  not_a_token: { readonly reason: 'empty' | 'character' | 'json'; readonly position?: number };
  token_too_large: { readonly size: number; readonly limit: number };
  token_too_deep: { readonly part: string; readonly limit: number };
  token_part_count: { readonly parts: number };
  token_encoding: { readonly part: string; readonly reason: 'character' | 'length'; readonly position: number };
  token_json: { readonly part: string; readonly reason: 'utf8' | 'syntax' | 'empty' };
  token_not_an_object: { readonly part: string };
  /** The tokens belong to another issuer or client than the connection. */
  import_foreign: { readonly member: string; readonly expected: string; readonly found: string };
  nothing_to_undo: Empty;
  nothing_to_import: {
    readonly reason: 'empty' | 'no_token' | 'error_response' | 'masked' | 'base64' | 'compressed' | 'other_kind';
    /** The name of a token that is not issued to a client, such as a DPoP proof, or of the compression. */
    readonly variety?: string;
  };
  key_invalid: {
    readonly reason: KeyFlaw;
    readonly found?: string | number;
    readonly form?: string | number | undefined;
  };
  not_encrypted: { readonly kind: string };
  jwe_refused: { readonly reason: JweRefusal; readonly found?: string | number; readonly limit?: number };
  decryption_failed: { readonly tried: number };
  keys_unreadable: { readonly reason: 'size' | 'json' | 'shape' | 'newer' | 'version' };
  keys_full: { readonly limit: number };
  // The mock issuer, Git
  mock_running: { readonly issuer?: string | undefined };
  mock_not_running: Empty;
  client_test_running: Empty;
  /** `limit`: the largest size that is read, in bytes, if the file is larger. */
  file_unreadable: { readonly file: string; readonly limit?: number };
  mock_file_missing: { readonly file: string };
  /** `problems`: each wrong member with its path and what is expected. Values may be secrets and are omitted. */
  mock_file_invalid: { readonly file: string; readonly problems: string };
  port_in_use: { readonly port?: number | undefined };
  git_unavailable: Empty;
  staged_unreadable: { readonly file: string };
  /** An unexpected error, most likely a bug. */
  internal: { readonly type: string };
}

type Empty = Readonly<Record<never, never>>;
/** The system's own code for a failure, for example `ECONNREFUSED`. */
type Detail = { readonly detail?: string };

export type CredentialFlaw =
  | 'empty'
  | 'public_key'
  | 'certificate'
  | 'certificate_missing'
  | 'certificate_mismatch'
  | 'no_tls'
  | 'encrypted'
  | 'passphrase'
  | 'cipher'
  | 'ssh'
  | 'foreign'
  | 'symmetric'
  | 'several'
  | 'kty'
  | 'broken'
  | 'unknown'
  | 'secret_short'
  | 'algorithm';

export type ResponseFlaw =
  | 'html'
  | 'not_json'
  | 'not_an_object'
  | 'access_token_missing'
  | 'id_token_time'
  | 'id_token_claim'
  | 'id_token_changed'
  | 'id_token_algorithm'
  | 'id_token_critical'
  | 'id_token_missing'
  | 'id_token_malformed'
  | 'pushed_response'
  | 'device_response'
  | 'subject'
  | 'answer_signature'
  /** None of the issuer's keys fits the response. */
  | 'answer_key'
  /** The response is signed with the client's secret, which is not stored. */
  | 'answer_secret'
  | 'answer_encrypted'
  | 'answer_malformed'
  | 'malformed';

export type KeyFlaw =
  | 'empty'
  | 'private_key'
  | 'ssh_private'
  | 'encrypted'
  | 'public_key'
  | 'secret_for_key'
  | 'key_for_secret'
  | 'ssh'
  | 'foreign'
  | 'json'
  | 'kty'
  | 'kind'
  | 'compressed'
  | 'not_in_form'
  | 'too_long'
  | 'public_as_secret'
  | 'length'
  | 'rsa_too_short'
  | 'unsuitable'
  | 'pem';

export type JweRefusal =
  | 'alg'
  | 'rsa1_5'
  | 'enc'
  | 'crit'
  | 'zip'
  | 'zip_platform'
  | 'p2c'
  | 'p2c_invalid'
  | 'work'
  | 'inflated'
  | 'malformed';

export type ErrorCode = keyof ErrorDataOf;

/** The data of an error with this code. */
export type DataOf<C extends ErrorCode> = C extends ErrorCode ? Readonly<ErrorDataOf[C]> & Common : never;

/** The data of any error, as it is stored or logged. */
export type ErrorData = Readonly<Record<string, string | number | boolean | undefined>>;

/** Data may be omitted only if no member is required. */
type Arguments<C extends ErrorCode> = Empty extends ErrorDataOf[C] ? [data?: DataOf<C>] : [data: DataOf<C>];

class TypedError<C extends ErrorCode> extends Error {
  override readonly name = 'WorkbenchError';
  readonly code: C;
  readonly data: DataOf<C>;

  constructor(code: C, ...[data]: Arguments<C>) {
    super(code);
    this.code = code;
    this.data = data ?? ({} as DataOf<C>);
  }
}

/** Checking `code` narrows `data` to that code's members. */
export type WorkbenchError<C extends ErrorCode = ErrorCode> = C extends ErrorCode ? TypedError<C> : never;
export const WorkbenchError = TypedError;

export function isWorkbenchError(error: unknown): error is WorkbenchError {
  return error instanceof TypedError;
}

/** An error from a code and data that a finding, a history file or another error holds. */
export function errorOf(code: ErrorCode, data: ErrorData): WorkbenchError {
  return new TypedError(code, data as never) as WorkbenchError;
}

/** The same error with more data. */
export function withData<E extends WorkbenchError>({ code, data }: E, more: Common): E {
  return errorOf(code, { ...data, ...more }) as E;
}

/**
 * Makes any thrown value a WorkbenchError. Of an unknown error only the class name is kept, because messages can
 * contain tokens.
 */
export function classify(error: unknown): WorkbenchError {
  if (isWorkbenchError(error)) return error;
  if (error instanceof Error && error.name === 'AbortError') return new TypedError('cancelled');
  if (error instanceof Error && error.name === 'TimeoutError') return new TypedError('timeout');
  return new TypedError('internal', { type: error instanceof Error ? error.name : typeof error });
}
