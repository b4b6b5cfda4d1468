import { l10n } from 'vscode';
import type { RefreshAnswer } from '../../api.d.ts';
import { commands } from '../../contributions.ts';
import type { Clock } from '../../core/ports.ts';
import { isRefreshable } from '../../core/records/session.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import type { Refresher, RefreshResult } from '../../core/refresh/refresher.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { flash } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { cancelledText, refreshedText } from '../text/states.ts';
import { type Command, textField } from './command.ts';
import { showError } from './showError.ts';

export interface RefreshParts {
  readonly sessions: Sessions;
  readonly refresher: Refresher;
  readonly clock: Clock;
}

interface Argument {
  readonly connection: string;
}

export function refreshCommand({ sessions, refresher, clock }: RefreshParts): Command<Argument, RefreshResult> {
  const label = ({ connection }: Argument) => sessions.connection(connection)?.label ?? connection;
  return {
    needsTrust: true,
    parse: fields => ({ connection: textField(fields, 'connection') }),
    ask: async node => pickConnection(sessions, node, l10n.t('Refresh which connection?'), isRefreshable),
    async run({ connection }, signal) {
      sessionOf(sessions, connection);
      return refresher.refresh(connection, signal, 'user');
    },
    answer: (result, argument) => refreshAnswer(result, label(argument)),
    progress: argument => l10n.t('Refreshing {0}', label(argument)),
    labelOf: label,
    report(result, argument) {
      if (result.error === undefined) {
        flash(refreshedText(label(argument), result, clock.now()));
      } else if (result.error.code === 'cancelled') {
        const text = cancelledText(label(argument), result.error.data.sent === true);
        flash(text, 10_000, 'circle-slash');
      } else {
        void showError(result.error, {
          label: label(argument),
          id: argument.connection,
          command: commands.refresh,
          signIn: result.outcome === 'reauthRequired',
        });
      }
    },
  };
}

/** The result as plain JSON: what another extension gets. */
export function refreshAnswer({ error, ...result }: RefreshResult, label?: string): RefreshAnswer {
  const message = error && describeError(error, label === undefined ? undefined : { label });
  return { ...result, ...(error && message && { error: { code: error.code, message } }) };
}
