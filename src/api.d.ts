/**
 * The API of JWT Workbench for other extensions. Copy this file into your extension; it needs only `vscode`.
 *
 *     const extension = extensions.getExtension<JwtWorkbenchApi>('jwt-workbench.jwt-workbench');
 *     const api = await extension?.activate();
 */
import type { Event } from 'vscode';

/**
 * The API never returns a token. To use one, run the command `jwtWorkbench.copyToken`, which copies a token to the
 * clipboard and shows the user a notification. Commands that delete or send a token ask the user first, even if an
 * extension runs them: see docs/commands.md. Both methods reject with an error that has a `code` and a message that says
 * what to do, as the commands do.
 */
export interface JwtWorkbenchApi {
  readonly version: 1;
  /** Status by connection id, of all connections if no id is given. Rejects with `code: "connection_unknown"`. */
  status(connection?: string): Promise<Readonly<Record<string, ConnectionStatus>>>;
  /**
   * Refreshes now. A failed refresh is a result and does not reject. The promise rejects only if the refresh cannot be
   * attempted: `code` is `connection_unknown`, or `not_trusted` in an untrusted workspace.
   */
  refresh(connection: string): Promise<RefreshAnswer>;
  /** Fires with the id of the connection that changed, or `undefined` if the list of connections changed. */
  readonly onDidChangeSession: Event<string | undefined>;
}

/** What can be known about a connection without seeing a token. Times are milliseconds since the epoch. */
export interface ConnectionStatus {
  readonly state: 'none' | 'active' | 'refreshing' | 'expired' | 'reauthRequired' | 'unavailable';
  /** Increases each time a token set is stored. */
  readonly generation: number;
  readonly expiresAt?: number;
  readonly scope?: string;
  readonly tokens: readonly {
    readonly name: 'access_token' | 'id_token' | 'refresh_token';
    readonly kind: 'jws' | 'jwe' | 'opaque';
    readonly expiresAt?: number;
  }[];
  readonly lastRefresh?: {
    readonly at: number;
    readonly outcome: RefreshAnswer['outcome'];
    readonly error?: { readonly code: string };
  };
}

export interface RefreshAnswer {
  /**
   * - `adopted`: another window had just refreshed; nothing was sent.
   * - `reauthRequired`: the refresh token can no longer be used; sign in again.
   * - `retryable`: nothing was lost; try again later.
   * - `unknown`: the request was sent, but the response was lost.
   */
  readonly outcome: 'refreshed' | 'adopted' | 'reauthRequired' | 'retryable' | 'unknown';
  readonly generation: number;
  readonly expiresAt?: number;
  /** `message` is a sentence for people; branch on `code`. */
  readonly error?: { readonly code: string; readonly message: string };
}
