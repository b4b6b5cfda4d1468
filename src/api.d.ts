/**
 * What other extensions get from JWT Workbench. Copy this file into yours; it needs nothing but `vscode`.
 *
 *     const extension = extensions.getExtension<JwtWorkbenchApi>('jwt-workbench.jwt-workbench');
 *     const api = await extension?.activate();
 */
import type { Event } from 'vscode';

/**
 * It never hands out a token: the command `jwtWorkbench.copyToken` copies one to the clipboard, and a notification shows
 * that to the user. Commands that delete or send a token ask the user first, with any caller: see docs/commands.md.
 * Both calls reject with an error that has `code` and says what to do, as the commands do.
 */
export interface JwtWorkbenchApi {
  readonly version: 1;
  /** By connection id; all of them where none is named. Rejects with `code: "connection_unknown"`. */
  status(connection?: string): Promise<Readonly<Record<string, ConnectionStatus>>>;
  /**
   * Refreshes now. A failure to refresh is a result and no rejection; rejected is what cannot be tried: `code`
   * is `connection_unknown`, or `not_trusted` in a workspace that is not trusted.
   */
  refresh(connection: string): Promise<RefreshAnswer>;
  /** Fires with the id of the connection that changed, or `undefined` where the list did. */
  readonly onDidChangeSession: Event<string | undefined>;
}

/** What may be known of a connection without seeing a token. Times are milliseconds since the epoch. */
export interface ConnectionStatus {
  readonly state: 'none' | 'active' | 'refreshing' | 'expired' | 'reauthRequired' | 'unavailable';
  /** Counts the sets of tokens that were stored. */
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
   * - `reauthRequired`: the refresh token is of no use any more; sign in again.
   * - `retryable`: nothing was lost; try again later.
   * - `unknown`: it was sent, and the answer was lost.
   */
  readonly outcome: 'refreshed' | 'adopted' | 'reauthRequired' | 'retryable' | 'unknown';
  readonly generation: number;
  readonly expiresAt?: number;
  /** `message` is a sentence for people; branch on `code`. */
  readonly error?: { readonly code: string; readonly message: string };
}
