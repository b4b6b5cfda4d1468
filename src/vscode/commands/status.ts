import { l10n, commands as registry } from 'vscode';
import type { ConnectionStatus } from '../../api.d.ts';
import { views } from '../../contributions.ts';
import { endOf, tokenOf } from '../../core/records/session.ts';
import { type Session, type Sessions, stateOf } from '../../core/records/sessions.ts';
import { tryDecode } from '../../core/tokens/jwt.ts';
import { connectionItem, pickConnection, sessionOf } from '../prompts/pick.ts';
import { pick } from '../screen.ts';
import { defineCommand } from './command.ts';
import { connectionId, optional } from './fields.ts';

type StatusAnswer = Readonly<Record<string, ConnectionStatus>>;

export const status = defineCommand(
  {
    name: 'status',
    needsTrust: false,
    fields: { connection: optional(connectionId) },
    returns: '`{ [id]: { state, generation, expiresAt?, scope?, tokens, lastRefresh? } }`, no token in it',
  },
  ({ sessions, clock, show }) => ({
    ask: async () => ({}),
    run: async ({ connection }: { connection?: string | undefined }) => statusOf(sessions, clock.now(), connection),
    async report() {
      const items = sessions.list().map(connectionItem);
      const empty = l10n.t('There is no connection yet. Add one, or start the mock issuer.');
      const picked = await pick(items, {
        title: l10n.t('Connections'),
        placeHolder: items.length === 0 ? empty : l10n.t('Select one to show it in the sidebar'),
      });
      if (picked) await show(picked.id);
    },
  }),
);

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
      const kind = 'error' in decoded ? 'opaque' : decoded.kind;
      return { name, kind, ...(end !== undefined && { expiresAt: end }) };
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

/** VS Code's own search in the rows of a tree. */
export const filter = defineCommand({ name: 'filter', needsTrust: false, fields: {}, returns: '`{}`' }, () => ({
  ask: async () => ({}),
  async run() {
    await registry.executeCommand(`${views.connections}.focus`);
    await registry.executeCommand('list.find');
    return {};
  },
}));

/** Chooses the connection that the status bar counts down. */
export const setActive = defineCommand(
  { name: 'setActive', needsTrust: false, fields: { connection: connectionId }, returns: '`{}`' },
  ({ sessions, statusBar }) => ({
    ask: node => pickConnection(sessions, node, l10n.t('Show which connection in the status bar?')),
    async run({ connection }) {
      statusBar.setActive(sessionOf(sessions, connection).connection.id);
      return {};
    },
  }),
);
