import type { InlayHint, Range, TextDocument } from 'vscode';
import { type DecodedToken, decodeToken, expiresAt } from '../../core/tokens/jwt.ts';
import { inlayHint } from '../screen.ts';
import { expiryText } from '../text/summary.ts';
import { momentText, nextChange } from '../text/time.ts';
import { tokensIn } from './scan.ts';

export interface Hints {
  readonly hints: InlayHint[];
  /** Milliseconds until one of them reads differently; infinite where none will. */
  readonly changesIn: number;
}

/** When each token in sight ends, behind it. */
export function hintsOf(document: TextDocument, area: Range, now: number): Hints {
  let changesIn = Number.POSITIVE_INFINITY;
  const hints = tokensIn(document, area).flatMap(({ range, token }) => {
    const end = endOf(token);
    if (end === undefined) return [];
    changesIn = Math.min(changesIn, nextChange(end, now));
    const hint = inlayHint(range.end, expiryText(end, now), momentText(end, now));
    hint.paddingLeft = true;
    return [hint];
  });
  return { hints, changesIn };
}

function endOf(token: string): number | undefined {
  let decoded: DecodedToken;
  try {
    decoded = decodeToken(token);
  } catch {
    // What is wrong with it is told on hover and among the problems.
    return undefined;
  }
  return expiresAt(decoded);
}
