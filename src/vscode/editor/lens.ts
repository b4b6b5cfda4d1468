import { type CodeLens, l10n, type TextDocument } from 'vscode';
import { commands } from '../../contributions.ts';
import { lens } from '../screen.ts';
import { placeOf } from './place.ts';
import { tokensIn } from './scan.ts';

/** Lenses of one document; more would push its text out of sight. */
const most = 100;

/** "Decode | Verify" above each token. */
export function lensesOf(document: TextDocument): CodeLens[] {
  return tokensIn(document, undefined, most).flatMap(({ range, token }) => {
    const place = placeOf(document, range);
    return [
      lens(range, l10n.t('Decode'), commands.decodeSelection, place),
      // Five parts: an encrypted token (RFC 7516 section 3.1), which no key set verifies.
      token.split('.', 6).length === 5
        ? lens(range, l10n.t('Decrypt'), commands.inspect, { ...place, show: true, decrypt: true })
        : lens(range, l10n.t('Verify'), commands.inspect, { ...place, show: true, verify: true }),
    ];
  });
}
