import { l10n, commands as registry } from 'vscode';
import type { ConnectionStatus, RefreshAnswer } from '../../api.d.ts';
import { commands, views } from '../../contributions.ts';
import type { RefreshResult } from '../../core/records/history.ts';
import {
  endOf,
  isRefreshable,
  isUnwritable,
  type Session,
  type Sessions,
  stateOf,
  tokenOf,
} from '../../core/records/sessions.ts';
import { tryDecode } from '../../core/tokens/jwt.ts';
import { connectionItem, pickConnection, sessionOf } from '../prompts/pick.ts';
import { pick } from '../prompts/questions.ts';
import { confirm, flash, notify } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { cancelledText, refreshedText } from '../text/states.ts';
import { defineCommand, labelIn, showError } from './command.ts';
import { connectionId, optional } from './fields.ts';

export const refresh = defineCommand(
  {
    name: 'refresh',
    needsTrust: true,
    fields: { connection: connectionId },
    returns: '`{ outcome, generation, expiresAt?, error?: { code, message } }`',
  },
  services => {
    const { sessions, refresher, clock } = services;
    const label = labelIn(services);

    async function report(result: RefreshResult, argument: { readonly connection: string }): Promise<void> {
      const { error, outcome } = result;
      const { connection: id } = argument;
      if (error === undefined) return flash(refreshedText(label(argument), result, clock.now()));
      if (error.code === 'cancelled')
        return flash(cancelledText(label(argument), error.data.sent === true), 10_000, 'circle-slash');
      if (!isUnwritable(error))
        return void showError(error, {
          label: label(argument),
          id,
          command: commands.refresh,
          signIn: outcome === 'reauthRequired',
        });
      if (await mayGoUnprotected(label(argument)))
        await report(await refresher.refresh(id, undefined, 'user', 'none'), argument);
    }

    return {
      ask: node => pickConnection(sessions, node, l10n.t('Refresh which connection?'), isRefreshable),
      async run({ connection }, signal) {
        sessionOf(sessions, connection);
        return refresher.refresh(connection, signal, 'user');
      },
      answer: (result, argument) => refreshAnswer(result, label(argument)),
      progress: argument => l10n.t('Refreshing {0}', label(argument)),
      labelOf: label,
      report,
    };
  },
);

async function mayGoUnprotected(label: string): Promise<boolean> {
  const refresh = l10n.t('Refresh Without Protection');
  const chosen = await confirm(
    l10n.t('Refresh {0} without protection?', label),
    l10n.t(
      'VS Code cannot write to the folder that keeps two windows from refreshing at once. If another window refreshes at the same time, or VS Code ends before the new token is stored, the issuer may revoke the session and you have to sign in again.',
    ),
    refresh,
  );
  return chosen === refresh;
}

/** The result as plain JSON for other extensions. */
function refreshAnswer({ error, ...result }: RefreshResult, label: string): RefreshAnswer {
  return { ...result, ...(error && { error: { code: error.code, message: describeError(error, { label }) } }) };
}

type Results = ReadonlyMap<string, RefreshResult>;

/** Number of simultaneous refreshes: enough to be quick, too few to look like an attack on an issuer. */
const concurrency = 6;

export const refreshAll = defineCommand(
  { name: 'refreshAll', needsTrust: true, fields: {}, returns: '`{ [id]: the result of refresh }`' },
  services => {
    const { sessions, refresher } = services;
    const label = (connection: string) => labelIn(services)({ connection });
    return {
      ask: async () => ({}),
      async run(_, signal) {
        const waiting = sessions
          .list()
          .filter(isRefreshable)
          .map(({ connection }) => connection.id);
        const results = new Map<string, RefreshResult>();
        const worker = async () => {
          for (let id = waiting.shift(); id !== undefined; id = waiting.shift())
            results.set(id, await refresher.refresh(id, signal, 'user'));
        };
        await Promise.all(Array.from({ length: Math.min(concurrency, waiting.length) }, worker));
        return results;
      },
      answer: (results: Results): Record<string, RefreshAnswer> =>
        Object.fromEntries([...results].map(([id, result]) => [id, refreshAnswer(result, label(id))])),
      progress: () => l10n.t('Refreshing all connections'),
      report(results: Results) {
        const failures = [...results].filter(([, { error }]) => error !== undefined && error.code !== 'cancelled');
        const fresh = results.size - failures.length;
        if (results.size === 0)
          return void notify('info', l10n.t('No connection has a refresh token yet. Sign in or import one first.'));
        if (failures.length === 0)
          return flash(fresh === 1 ? l10n.t('1 connection refreshed') : l10n.t('{0} connections refreshed', fresh));
        const lines = failures.map(([id, { error }]) => error && describeError(error, { label: label(id) }));
        const text = l10n.t(
          '{0} of {1} connections could not be refreshed. {2}',
          failures.length,
          results.size,
          lines.slice(0, 3).join(' '),
        );
        return void notify('warning', text);
      },
    };
  },
);

/** Returns the outcomes of earlier refreshes, oldest first, as JSON without secrets. */
export const showHistory = defineCommand(
  {
    name: 'showHistory',
    needsTrust: false,
    fields: { connection: connectionId },
    returns: 'the last refreshes, oldest first, without tokens',
  },
  ({ sessions, histories, documents }) => ({
    ask: node => pickConnection(sessions, node, l10n.t('Show the history of which connection?')),
    async run({ connection }) {
      sessionOf(sessions, connection);
      await histories.settled();
      return histories.list(connection);
    },
    report(entries, { connection }) {
      const { label } = sessionOf(sessions, connection).connection;
      // Programs read the milliseconds, people the time.
      const readable = entries.map(({ at, ...entry }) => ({ time: new Date(at).toISOString(), at, ...entry }));
      return documents.showJson(l10n.t('History of {0}', label), { connection, refreshes: readable });
    },
  }),
);

type StatusAnswer = Readonly<Record<string, ConnectionStatus>>;

export const status = defineCommand(
  {
    name: 'status',
    needsTrust: false,
    fields: { connection: optional(connectionId) },
    returns: '`{ [id]: { state, generation, expiresAt?, scope?, tokens, lastRefresh? } }`, without tokens',
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

/** Opens VS Code's search box of the tree. */
export const filter = defineCommand({ name: 'filter', needsTrust: false, fields: {}, returns: '`{}`' }, () => ({
  ask: async () => ({}),
  async run() {
    await registry.executeCommand(`${views.connections}.focus`);
    await registry.executeCommand('list.find');
    return {};
  },
}));

/** Chooses the connection that the status bar shows. */
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
