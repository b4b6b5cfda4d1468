import { env, l10n, type QuickPickItem, ThemeIcon, window } from 'vscode';
import { classify } from '../../core/errors.ts';
import { ask, pick } from '../screen.ts';
import { describeError } from '../text/errors.ts';

/**
 * A text from the selection, the clipboard or an input box. What the first two hold is only described, never
 * shown: `describe` says what it is, or throws where it is of no use.
 */
export async function pickText(title: string, describe: (text: string) => string): Promise<string | undefined> {
  const editor = window.activeTextEditor;
  const selection = editor?.document.getText(editor.selection) ?? '';
  const clipboard = await env.clipboard.readText();
  const sources: (QuickPickItem & { text?: string })[] = [];
  for (const [label, icon, text] of [
    [l10n.t('Selection'), 'selection', selection],
    [l10n.t('Clipboard'), 'clippy', clipboard],
  ] as const) {
    const description = text === '' ? undefined : described(text, describe);
    if (description !== undefined) sources.push({ label, description, iconPath: new ThemeIcon(icon), text });
  }
  if (sources.length === 0) return typeText(title, describe);
  const other: (typeof sources)[number] = {
    label: l10n.t('Type or paste'),
    description: l10n.t('in an input box'),
    iconPath: new ThemeIcon('edit'),
  };
  const picked = await pick([...sources, other], {
    title,
    placeHolder: l10n.t('Take it from where?'),
  });
  if (picked === undefined) return undefined;
  return picked.text ?? typeText(title, describe);
}

function typeText(title: string, describe: (text: string) => string): Thenable<string | undefined> {
  return ask({
    title,
    prompt: l10n.t('Paste a token response, a refresh token, a JWT or an Authorization header'),
    // Refresh tokens are passwords: what is pasted here is not for the eyes of the room.
    password: true,
    flaw: text => {
      try {
        if (text !== '') describe(text);
        return undefined;
      } catch (error) {
        return describeError(classify(error));
      }
    },
  });
}

function described(text: string, describe: (text: string) => string): string | undefined {
  try {
    return describe(text);
  } catch {
    // Any other text on the clipboard is nothing to complain about: it is just not offered.
    return undefined;
  }
}
