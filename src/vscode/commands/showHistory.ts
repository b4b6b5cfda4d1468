import { l10n } from 'vscode';
import type { HistoryEntry } from '../../core/records/history.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import type { Histories } from '../../core/refresh/histories.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import type { TokenDocuments } from '../tokenDocuments.ts';
import { type Command, textField } from './command.ts';

export interface HistoryParts {
  readonly sessions: Sessions;
  readonly histories: Histories;
  readonly documents: TokenDocuments;
}

interface Argument {
  readonly connection: string;
}

/** Hands out what earlier refreshes came to, oldest first, as JSON that holds no secret. */
export function showHistoryCommand(parts: HistoryParts): Command<Argument, readonly HistoryEntry[]> {
  const { sessions, histories, documents } = parts;
  return {
    needsTrust: false,
    parse: fields => ({ connection: textField(fields, 'connection') }),
    ask: node => pickConnection(sessions, node, l10n.t('Show the history of which connection?')),
    async run({ connection }) {
      sessionOf(sessions, connection);
      await histories.settled();
      return histories.list(connection);
    },
    report(entries, { connection }) {
      const { label } = sessionOf(sessions, connection).connection;
      // Milliseconds are for programs, and this is for eyes as well.
      const readable = entries.map(({ at, ...entry }) => ({
        time: new Date(at).toISOString(),
        at,
        ...entry,
      }));
      return documents.showJson(l10n.t('History of {0}', label), { connection, refreshes: readable });
    },
  };
}
