import { l10n } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { flash, toClipboard } from '../screen.ts';
import type { StatusBar } from '../statusBar.ts';
import { type Command, textField } from './command.ts';

/** Copies the value of a claim or header row. */
export function copyValueCommand(): Command<{ readonly text: string }, { copied: true }> {
  return {
    needsTrust: false,
    parse: fields => ({ text: textField(fields, 'text') }),
    ask: async node => (node?.kind === 'claim' ? { text: plainText(node) } : undefined),
    async run({ text }) {
      if (text === '') throw new WorkbenchError('argument_invalid', { field: 'text', expected: 'string' });
      await toClipboard(text);
      return { copied: true };
    },
    report: () => flash(l10n.t('Value copied'), 3000),
  };
}

function plainText({ value }: ViewNode & { kind: 'claim' }): string {
  return typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
}

/** Chooses the connection that the status bar counts down. */
export function setActiveCommand(
  sessions: Sessions,
  statusBar: StatusBar,
): Command<{ readonly connection: string }, object> {
  return {
    needsTrust: false,
    parse: fields => ({ connection: textField(fields, 'connection') }),
    ask: node => pickConnection(sessions, node, l10n.t('Show which connection in the status bar?')),
    async run({ connection }) {
      statusBar.setActive(sessionOf(sessions, connection).connection.id);
      return {};
    },
  };
}
