import type { DataOf, ErrorCode, WorkbenchError } from './errors.ts';

/**
 * What a failed refresh means for the refresh token:
 * - `configuration`: the issuer or the extension rejects the request as it is; the token is kept.
 * - `refused`: the issuer rejects this refresh token for good.
 * - `retryable`: the token was not sent, or was certainly not used.
 * - `unknown`: the token may have been used, and the answer with its successor is lost.
 */
export type FailureKind = 'configuration' | 'refused' | 'retryable' | 'unknown';

/** A button beside an error message; src/vscode/commands/command.ts has the action of each. */
export type Remedy = 'settings' | 'issuer' | 'log' | 'credentials' | 'trust';

interface ErrorRow<C extends ErrorCode> {
  readonly kind: FailureKind | ((data: DataOf<C>) => FailureKind);
  /** Retrying without a change may help, so Try Again is the first button. */
  readonly transient?: true;
  /** The first two that apply are offered. If omitted: settings and the log. */
  readonly remedies?: readonly Remedy[];
}

/** Sending the token again changes nothing, and the failure has not used it up. */
const configuration = { kind: 'configuration' } as const;
/** Only the given text is wrong, so neither the settings nor the log help. */
const aboutText = { kind: 'configuration', remedies: [] } as const;
const retryable = { kind: 'retryable' } as const;
const unreachable = { kind: 'retryable', transient: true } as const;
/** The other side may have used the token, unless it was never sent. */
const onTheWire = ({ sent }: { readonly sent?: boolean | undefined }): FailureKind =>
  sent === false ? 'retryable' : 'unknown';
const interrupted = { kind: onTheWire, transient: true } as const;

export const errorTable: { readonly [C in ErrorCode]: ErrorRow<C> } = {
  argument_invalid: configuration,
  connection_unknown: configuration,
  connection_invalid: configuration,
  connection_exists: configuration,
  settings_unwritable: configuration,
  url_invalid: configuration,
  url_insecure: configuration,
  client_secret_missing: { kind: 'configuration', remedies: ['credentials', 'settings', 'log'] },
  private_key_missing: { kind: 'configuration', remedies: ['credentials', 'settings', 'log'] },
  credential_invalid: configuration,
  auth_method_unsupported: configuration,
  not_trusted: { kind: 'configuration', remedies: ['trust'] },
  nothing_to_pick: aboutText,
  no_such_token: aboutText,
  token_not_sendable: aboutText,
  not_quotable: aboutText,

  cancelled: { kind: onTheWire },
  timeout: interrupted,
  connection_refused: unreachable,
  host_unknown: unreachable,
  connection_reset: interrupted,
  certificate_untrusted: retryable,
  client_certificate_refused: configuration,
  network_failed: interrupted,

  redirect_refused: configuration,
  // What a firewall or a maintenance page says is not about the settings.
  metadata_not_found: { kind: ({ blocked }) => (blocked === true ? 'retryable' : 'configuration') },
  metadata_invalid: { kind: ({ reason }) => (reason === 'html' ? 'retryable' : 'configuration') },
  issuer_mismatch: { kind: 'configuration', remedies: ['issuer', 'settings', 'log'] },
  endpoint_missing: configuration,
  oauth_error: { kind: oauthErrorKind },
  http_error: { kind: httpErrorKind },
  waiting_for_issuer: unreachable,
  response_invalid: { kind: 'unknown' },
  response_too_large: { kind: onTheWire },
  jwks_invalid: configuration,

  browser_not_opened: configuration,
  listener_failed: configuration,
  callback_invalid: configuration,
  sign_in_timeout: { kind: 'configuration', transient: true },

  no_refresh_token: configuration,
  refresh_token_refused: { kind: 'refused' },
  refresh_token_shared: configuration,
  binding_mismatch: configuration,
  dpop_key_lost: configuration,
  record_unreadable: configuration,
  record_newer_version: configuration,
  record_too_large: configuration,
  record_behind: retryable,
  superseded: retryable,
  secret_unavailable: retryable,
  secrets_not_kept: configuration,
  lock_timeout: unreachable,
  lock_unavailable: retryable,
  lock_lost: retryable,
  answer_lost: configuration,
  answer_missing: { kind: 'unknown' },

  connection_ambiguous: aboutText,
  consent_denied: aboutText,
  consent_unanswered: aboutText,
  lifetime_too_short: aboutText,
  scope_not_granted: configuration,
  no_owner: aboutText,
  no_editor: aboutText,
  no_folder: aboutText,

  not_a_token: aboutText,
  token_too_large: aboutText,
  token_too_deep: aboutText,
  token_part_count: aboutText,
  token_encoding: aboutText,
  token_json: aboutText,
  token_not_an_object: aboutText,
  import_foreign: { kind: 'configuration', remedies: ['settings'] },
  nothing_to_import: aboutText,
  nothing_to_undo: aboutText,
  key_invalid: aboutText,
  not_encrypted: aboutText,
  jwe_refused: aboutText,
  decryption_failed: aboutText,
  keys_unreadable: configuration,
  keys_full: configuration,

  mock_running: aboutText,
  mock_not_running: aboutText,
  client_test_running: aboutText,
  file_unreadable: aboutText,
  mock_file_missing: aboutText,
  mock_file_invalid: aboutText,
  port_in_use: configuration,
  git_unavailable: configuration,
  staged_unreadable: retryable,

  internal: { kind: 'unknown' },
};

export const errorCodes = Object.keys(errorTable) as readonly ErrorCode[];

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorTable, code);
}

/** What a failed token request means for the refresh token in it. */
export function failureKind<C extends ErrorCode>({
  code,
  data,
}: {
  readonly code: C;
  readonly data: DataOf<C>;
}): FailureKind {
  const { kind }: ErrorRow<C> = errorTable[code];
  return typeof kind === 'function' ? kind(data) : kind;
}

export function isTransient({ code, data }: WorkbenchError): boolean {
  if (errorTable[code].transient === true) return true;
  if (code !== 'http_error' && code !== 'oauth_error') return false;
  return (
    data.later === true ||
    data.blocked === true ||
    Number(data.status) >= 429 ||
    data.error === 'slow_down' ||
    data.error === 'temporarily_unavailable'
  );
}

/**
 * RFC 6749 §5.2, and the codes that GitHub and Slack use instead. The last three require the user to sign in with a
 * browser (OpenID Connect Core §3.1.2.6).
 */
const refusing: ReadonlySet<string> = new Set([
  'invalid_grant',
  'bad_refresh_token',
  'invalid_refresh_token',
  'interaction_required',
  'login_required',
  'consent_required',
]);

/** OAuth's code, and what Slack sends with status 200: a part of the request may have succeeded. */
export const serverFaults: ReadonlySet<string> = new Set(['server_error', 'internal_error', 'fatal_error']);

function oauthErrorKind({ error, status, retryAfter, ended, later }: DataOf<'oauth_error'>): FailureKind {
  if (later === true) return 'retryable';
  if (ended === true || refusing.has(error)) return 'refused';
  if (error === 'temporarily_unavailable' || error === 'slow_down') return 'retryable';
  if (serverFaults.has(error)) return 'unknown';
  return fromStatus(status, retryAfter !== undefined);
}

function httpErrorKind({ sent, status, empty, retryAfter, ended, later, blocked }: DataOf<'http_error'>): FailureKind {
  if (later === true || blocked === true) return 'retryable';
  // No token was sent, so none can be lost. A status that persists needs a change of the settings.
  if (sent === false) return fromStatus(status, true);
  if (ended === true || (status === 400 && empty === true)) return 'refused';
  return fromStatus(status, retryAfter !== undefined);
}

/** @param promised the issuer sent `Retry-After`, so it did not process the request */
function fromStatus(status: number | undefined, promised: boolean): FailureKind {
  if (status === undefined) return 'unknown';
  if (status === 408 || status === 425 || status === 429) return 'retryable';
  if (status >= 500) return promised ? 'retryable' : 'unknown';
  return 'configuration';
}
