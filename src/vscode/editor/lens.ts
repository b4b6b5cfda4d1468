import { CodeLens, l10n, type TextDocument } from 'vscode';
import { commands } from '../../contributions.ts';
import { placeOf } from './place.ts';
import { tokensIn } from './scan.ts';

/** Lenses of one document; more would push its text out of sight. */
const most = 100;

/** "Decode | Verify" above each token. */
export function lensesOf(document: TextDocument): CodeLens[] {
  return tokensIn(document, undefined, most).flatMap(({ range }) => {
    const place = placeOf(document, range);
    const lens = (title: string, command: string, argument: object) =>
      new CodeLens(range, { title, command, arguments: [argument] });
    return [
      lens(l10n.t('Decode'), commands.decodeSelection, place),
      lens(l10n.t('Verify'), commands.inspect, { ...place, show: true, verify: true }),
    ];
  });
}
