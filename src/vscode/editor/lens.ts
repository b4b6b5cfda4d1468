import { CodeLens, l10n, type TextDocument } from 'vscode';
import { commands } from '../../contributions.ts';
import { placeOf } from './place.ts';
import { tokensIn } from './scan.ts';

/** Lenses of one document; more would push its text out of sight. */
const most = 100;

/** "Decode | Verify" above each token. */
export function lensesOf(document: TextDocument): CodeLens[] {
  return tokensIn(document, undefined, most).flatMap(({ range, token }) => {
    const place = placeOf(document, range);
    const lens = (title: string, command: string, argument: object) =>
      new CodeLens(range, { title, command, arguments: [argument] });
    return [
      lens(l10n.t('Decode'), commands.decodeSelection, place),
      // Five parts: an encrypted token (RFC 7516 section 3.1), which no key set verifies.
      token.split('.', 6).length === 5
        ? lens(l10n.t('Decrypt'), commands.inspect, { ...place, show: true, decrypt: true })
        : lens(l10n.t('Verify'), commands.inspect, { ...place, show: true, verify: true }),
    ];
  });
}
