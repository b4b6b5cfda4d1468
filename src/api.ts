import type { Event } from 'vscode';
import type { RefreshAnswer } from './vscode/commands/refresh.ts';
import type { ConnectionStatus } from './vscode/commands/status.ts';

/**
 * What other extensions get from `activate()`. It never hands out a refresh token, and no access token either:
 * `jwtWorkbench.copyToken` does, and its user sees that.
 */
export interface JwtWorkbenchApi {
  readonly version: 1;
  /** By connection id; all of them where none is named. Rejects with `code: "connection_unknown"`. */
  status(connection?: string): Promise<Readonly<Record<string, ConnectionStatus>>>;
  /** Refreshes now. Failures to refresh are results, not rejections. */
  refresh(connection: string): Promise<RefreshAnswer>;
  /** Fires with the id of the connection that changed, or `undefined` where the list did. */
  readonly onDidChangeSession: Event<string | undefined>;
}
