import { l10n } from 'vscode';
import type { ConnectionStatus } from '../../api.d.ts';
import type { Clock } from '../../core/ports.ts';
import { endOf, tokenOf } from '../../core/records/session.ts';
import { type Session, type Sessions, stateOf } from '../../core/records/sessions.ts';
import { tryDecode } from '../../core/tokens/jwt.ts';
import { connectionItem, sessionOf } from '../prompts/pickConnection.ts';
import { pick } from '../screen.ts';
import { type Command, optionalText } from './command.ts';

type StatusAnswer = Readonly<Record<string, ConnectionStatus>>;

export function statusCommand(
  sessions: Sessions,
  clock: Clock,
  show: (id: string) => unknown,
): Command<{ connection?: string }, StatusAnswer> {
  return {
    needsTrust: false,
    parse: fields => {
      const connection = optionalText(fields, 'connection');
      return connection === undefined ? {} : { connection };
    },
    ask: async () => ({}),
    run: async ({ connection }) => statusOf(sessions, clock.now(), connection),
    async report() {
      const items = sessions.list().map(connectionItem);
      const empty = l10n.t('There is no connection yet. Add one, or start the mock issuer.');
      const picked = await pick(items, {
        title: l10n.t('Connections'),
        placeHolder: items.length === 0 ? empty : l10n.t('Select one to show it in the sidebar'),
      });
      if (picked) await show(picked.id);
    },
  };
}

/** @throws WorkbenchError `connection_unknown` */
function statusOf(sessions: Sessions, now: number, id?: string): StatusAnswer {
  const list = id === undefined ? sessions.list() : [sessionOf(sessions, id)];
  return Object.fromEntries(list.map(session => [session.connection.id, connectionStatus(session, now)]));
}

function connectionStatus(session: Session, now: number): ConnectionStatus {
  const { record, lastRefresh } = session;
  const { expires_at, scope } = record?.tokens ?? {};
  const names = (['access_token', 'id_token', 'refresh_token'] as const).filter(name => tokenOf(session, name));
  return {
    state: stateOf(session, now),
    generation: record?.generation ?? 0,
    ...(expires_at !== undefined && { expiresAt: expires_at }),
    ...(scope !== undefined && { scope }),
    tokens: names.map(name => {
      const decoded = tryDecode(tokenOf(session, name) ?? '');
      const end = endOf(session, name);
      return {
        name,
        kind: 'error' in decoded ? 'opaque' : decoded.kind,
        ...(end !== undefined && { expiresAt: end }),
      };
    }),
    ...(lastRefresh && {
      lastRefresh: {
        at: lastRefresh.at,
        outcome: lastRefresh.outcome,
        ...(lastRefresh.error && { error: { code: lastRefresh.error.code } }),
      },
    }),
  };
}
