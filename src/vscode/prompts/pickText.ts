import { env, l10n, type QuickPickItem, ThemeIcon, window } from 'vscode';
import { classify } from '../../core/errors.ts';
import { ask, pick } from '../screen.ts';
import { describeError } from '../text/errors.ts';

/** What a text is, in a few words, and what was read from it. */
export interface Read<T> {
  readonly label: string;
  readonly value: T;
}

/**
 * What is read from the selection, the clipboard or an input box. What the first two hold is only described, never
 * shown.
 * @param read throws where a text is of no use; each text is read once
 */
export async function pickText<T>(title: string, read: (text: string) => Read<T>): Promise<T | undefined> {
  const editor = window.activeTextEditor;
  const selection = editor?.document.getText(editor.selection) ?? '';
  const clipboard = await env.clipboard.readText();
  const sources: (QuickPickItem & { found?: Read<T> })[] = [];
  for (const [label, icon, text] of [
    [l10n.t('Selection'), 'selection', selection],
    [l10n.t('Clipboard'), 'clippy', clipboard],
  ] as const) {
    const found = text === '' ? undefined : readQuietly(text, read);
    if (found) sources.push({ label, description: found.label, iconPath: new ThemeIcon(icon), found });
  }
  if (sources.length === 0) return typeText(title, read);
  const other: (typeof sources)[number] = {
    label: l10n.t('Type or paste'),
    description: l10n.t('in an input box'),
    iconPath: new ThemeIcon('edit'),
  };
  const picked = await pick([...sources, other], {
    title,
    placeHolder: l10n.t('Where is the token?'),
  });
  if (picked === undefined) return undefined;
  return picked.found ? picked.found.value : typeText(title, read);
}

async function typeText<T>(title: string, read: (text: string) => Read<T>): Promise<T | undefined> {
  let last: { readonly text: string; readonly value: T } | undefined;
  const text = await ask({
    title,
    prompt: l10n.t('Paste a token response, a refresh token, a JWT or an Authorization header'),
    // Refresh tokens are passwords: what is pasted here is not for the eyes of the room.
    password: true,
    flaw: text => {
      try {
        if (text !== '') last = { text, value: read(text).value };
        return undefined;
      } catch (error) {
        return describeError(classify(error));
      }
    },
  });
  if (text === undefined) return undefined;
  return last?.text === text ? last.value : read(text).value;
}

/** Any other text on the clipboard is nothing to complain about: it is just not offered. */
function readQuietly<T>(text: string, read: (text: string) => Read<T>): Read<T> | undefined {
  try {
    return read(text);
  } catch {
    return undefined;
  }
}
