import { type Hover, l10n, type Position, Range, type TextDocument } from 'vscode';
import { HoverText } from '../screen.ts';
import type { Texts } from './texts.ts';

/** What a name means and where it is defined, in a document that this extension made of a token (see tokenText.ts). */
export function claimHoverAt(
  document: TextDocument,
  { line, character }: Position,
  { claimText, headerText }: Texts,
): Hover | undefined {
  const [start, name = ''] = /^ {4}"([^"\\]{1,60})":/.exec(document.lineAt(line).text) ?? [];
  if (start === undefined || character < 4 || character >= start.length) return undefined;
  let at = line;
  while (at > 0 && !/^ {2}"/.test(document.lineAt(at).text)) at--;
  const known = (document.lineAt(at).text.startsWith('  "header"') ? headerText : claimText)(name);
  if (!known) return undefined;
  const text = new HoverText().add(known.meaning).paragraph().add(l10n.t('Source: {0}', known.source));
  return text.at(new Range(line, 4, line, start.length - 1));
}
