import {
  type AuthenticationProvider,
  type AuthenticationProviderAuthenticationSessionsChangeEvent,
  type AuthenticationSession,
  authentication,
  Disposable,
  EventEmitter,
  l10n,
  commands as registry,
} from 'vscode';
import { authenticationProvider, commands } from '../../contributions.ts';
import type { Broker } from '../../core/broker/broker.ts';
import { WorkbenchError } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { isSignable, tokenOf } from '../../core/records/session.ts';
import type { Session, Sessions } from '../../core/records/sessions.ts';
import { pickConnection } from '../prompts/pick.ts';

export interface AuthenticationParts {
  readonly sessions: Sessions;
  readonly broker: () => Broker;
  readonly log: Log;
}

/**
 * Every connection as an account for other extensions: `authentication.getSession('jwtWorkbench', scopes)`. VS Code asks
 * the user before an extension gets anything. The token that it then gets is fresh.
 */
export function registerAuthenticationProvider({ sessions, broker, log }: AuthenticationParts): Disposable {
  const changed = new EventEmitter<AuthenticationProviderAuthenticationSessionsChangeEvent>();
  /** What VS Code was told last of each connection, by the generation of its tokens. */
  const told = new Map<string, number>();

  const account = ({ connection: { id, label } }: Session) => ({ id, label });
  const scopesOf = ({ connection, record }: Session) =>
    (record?.tokens?.scope ?? connection.scope ?? '').split(' ').filter(each => each !== '');

  function shown(session: Session, accessToken: string): AuthenticationSession {
    return { id: session.connection.id, accessToken, account: account(session), scopes: scopesOf(session) };
  }

  /** With the token that is stored: enough to list accounts and to tell what changed. */
  function stored(session: Session): AuthenticationSession | undefined {
    const token = tokenOf(session, 'access_token');
    return token === undefined ? undefined : shown(session, token);
  }

  async function fresh(id: string): Promise<AuthenticationSession> {
    const { token } = await broker().token({ kind: 'extension' }, { connection: id, purpose: 'authentication' });
    const session = sessions.get(id);
    if (session === undefined) throw new WorkbenchError('connection_unknown', { connection: id });
    return shown(session, token);
  }

  const provider: AuthenticationProvider = {
    onDidChangeSessions: changed.event,
    async getSessions(scopes, { account: wanted }) {
      const candidates = sessions
        .list()
        .filter(session => tokenOf(session, 'access_token') !== undefined)
        .filter(({ connection }) => wanted === undefined || connection.id === wanted.id)
        .filter(session => (scopes ?? []).every(scope => scopesOf(session).includes(scope)));
      // Without scopes and account VS Code only lists: nothing is refreshed for a menu.
      if (scopes === undefined && wanted === undefined) return candidates.flatMap(each => stored(each) ?? []);
      const all = await Promise.all(
        candidates.map(({ connection: { id } }) =>
          fresh(id).catch(error => log('warn', 'no session for another extension', { connection: id, error })),
        ),
      );
      return all.filter(each => each !== undefined);
    },
    async createSession(scopes, { account: wanted }) {
      const fits = (session: Session) =>
        isSignable(session) && (wanted === undefined || session.connection.id === wanted.id);
      const title = l10n.t('Sign in to which connection?');
      const picked = await pickConnection(sessions, undefined, title, fits);
      if (picked === undefined) throw new WorkbenchError('cancelled', { sent: false });
      await registry.executeCommand(commands.signIn, { connection: picked.connection });
      const session = await fresh(picked.connection);
      const missing = scopes.filter(scope => !session.scopes.includes(scope));
      if (missing.length > 0)
        throw new WorkbenchError('scope_not_granted', { connection: picked.connection, scope: missing.join(' ') });
      return session;
    },
    async removeSession(id) {
      await registry.executeCommand(commands.signOut, { kind: 'connection', id });
    },
  };

  function tell(id: string | undefined): void {
    for (const session of id === undefined ? sessions.list() : [sessions.get(id)]) {
      if (session === undefined) continue;
      const { connection, record } = session;
      const before = told.get(connection.id);
      const now = stored(session);
      if (now === undefined) {
        if (before === undefined) continue;
        told.delete(connection.id);
        changed.fire({ added: undefined, changed: undefined, removed: [{ ...shown(session, '') }] });
      } else if (before !== record?.generation) {
        told.set(connection.id, record?.generation ?? 0);
        changed.fire(
          before === undefined
            ? { added: [now], changed: undefined, removed: undefined }
            : { added: undefined, changed: [now], removed: undefined },
        );
      }
    }
  }

  return Disposable.from(
    changed,
    new Disposable(sessions.onDidChange(tell)),
    authentication.registerAuthenticationProvider(authenticationProvider, 'JWT Workbench', provider, {
      supportsMultipleAccounts: true,
    }),
  );
}
