import { Range, commands as registry, Selection, TextEditorRevealType, window } from 'vscode';
import { settings } from '../../contributions.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { type Command, optionalText } from './command.ts';

/** Opens the user's settings.json at the setting, and at the entry where one is meant. */
export function openSettingsCommand(sessions: Sessions): Command<{ readonly id?: string }, object> {
  return {
    needsTrust: false,
    parse: fields => {
      const id = optionalText(fields, 'connection');
      return id === undefined ? {} : { id };
    },
    ask: async node => {
      const id = idOf(node, sessions);
      return id === undefined ? {} : { id };
    },
    async run({ id }) {
      await registry.executeCommand('workbench.action.openSettingsJson', {
        revealSetting: { key: `${settings.section}.${settings.connections}`, edit: false },
      });
      if (id !== undefined) revealEntry(id);
      return {};
    },
  };
}

function idOf(node: ViewNode | undefined, sessions: Sessions): string | undefined {
  if (node?.kind === 'problem') return node.problem.id;
  return node && sessions.get(node.id)?.connection.id;
}

/** By text: an entry that cannot be parsed is the very one that somebody wants to see. */
function revealEntry(id: string): void {
  const editor = window.activeTextEditor;
  if (editor === undefined) return;
  const found = new RegExp(`"id"\\s*:\\s*${JSON.stringify(id).replace(/[.*+?^$()|[\]\\{}]/g, '\\$&')}`).exec(
    editor.document.getText(),
  );
  if (found === null) return;
  const at = editor.document.positionAt(found.index);
  editor.selection = new Selection(at, at);
  editor.revealRange(new Range(at, at), TextEditorRevealType.InCenter);
}
