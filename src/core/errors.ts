/**
 * One error type with stable codes. The core says what happened as a code and data; only src/vscode makes a
 * sentence of it (src/vscode/text/errors.ts). Data never holds a token, a secret or a whole response.
 */
export const errorCodes = [
  // Settings and arguments
  'argument_invalid',
  'connection_unknown',
  'connection_invalid',
  'connection_exists',
  'settings_unwritable',
  'url_invalid',
  'url_insecure',
  'client_secret_missing',
  'private_key_missing',
  'credential_invalid',
  'auth_method_unsupported',
  'not_trusted',
  'nothing_to_pick',
  'no_such_token',
  // The network
  'cancelled',
  'timeout',
  'connection_refused',
  'host_unknown',
  'connection_reset',
  'certificate_untrusted',
  'client_certificate_refused',
  'network_failed',
  // What the issuer answered
  'redirect_refused',
  'metadata_not_found',
  'metadata_invalid',
  'issuer_mismatch',
  'endpoint_missing',
  'oauth_error',
  'http_error',
  'response_invalid',
  'response_too_large',
  'jwks_invalid',
  // Signing in
  'browser_not_opened',
  'listener_failed',
  'callback_invalid',
  'sign_in_timeout',
  // What is stored
  'no_refresh_token',
  'refresh_token_refused',
  'binding_mismatch',
  'dpop_key_lost',
  'record_unreadable',
  'record_newer_version',
  'record_too_large',
  'record_behind',
  'superseded',
  'secret_unavailable',
  'lock_timeout',
  'lock_unavailable',
  'lock_lost',
  'answer_lost',
  'answer_missing',
  // Tokens as text
  'not_a_token',
  'token_too_large',
  'token_too_deep',
  'token_part_count',
  'token_encoding',
  'token_json',
  'token_not_an_object',
  'nothing_to_import',
  'key_invalid',
  'not_encrypted',
  'jwe_refused',
  'decryption_failed',
  'keys_unreadable',
  'keys_full',
  // The mock issuer
  'mock_running',
  'mock_not_running',
  'git_unavailable',
  'port_in_use',
  // Anything that should not happen
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Whoever asks once more may be luckier. */
export const passing: ReadonlySet<ErrorCode> = new Set([
  'timeout',
  'connection_refused',
  'host_unknown',
  'connection_reset',
  'network_failed',
  'lock_timeout',
  'sign_in_timeout',
] as const);

export type ErrorData = Readonly<Record<string, string | number | boolean | undefined>>;

export class WorkbenchError extends Error {
  override readonly name = 'WorkbenchError';
  readonly code: ErrorCode;
  readonly data: ErrorData;

  constructor(code: ErrorCode, data: ErrorData = {}) {
    super(code);
    this.code = code;
    this.data = data;
  }
}

export function isWorkbenchError(error: unknown): error is WorkbenchError {
  return error instanceof WorkbenchError;
}

/** Makes any thrown value a WorkbenchError. What is unknown keeps its class name only: messages can carry tokens. */
export function classify(error: unknown): WorkbenchError {
  if (isWorkbenchError(error)) return error;
  if (error instanceof Error && error.name === 'AbortError') return new WorkbenchError('cancelled');
  if (error instanceof Error && error.name === 'TimeoutError') return new WorkbenchError('timeout');
  return new WorkbenchError('internal', { type: error instanceof Error ? error.name : typeof error });
}
