import {
  type CodeLens,
  type DecorationOptions,
  type InlayHint,
  l10n,
  Range,
  type TextDocument,
  type TextEditor,
  type TextEditorDecorationType,
  ThemeColor,
  window,
} from 'vscode';
import { colors, commands } from '../../contributions.ts';
import { type DecodedToken, decodeToken, expiresAt } from '../../core/tokens/jwt.ts';
import { inlayHint, lens } from '../screen.ts';
import { expiryText } from '../text/summary.ts';
import { momentText, nextChange } from '../text/time.ts';
import { placeOf } from './place.ts';
import { type PlacedToken, tokensIn } from './scan.ts';

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

/** Colours header, payload and signature of every token in sight. */
export interface Colors {
  paint(editor: TextEditor): void;
  clear(editor: TextEditor): void;
  dispose(): void;
}

export function createColors(): Colors {
  const types = (['header', 'payload', 'signature'] as const).map(part =>
    window.createTextEditorDecorationType({ color: new ThemeColor(colors[part]) }),
  );
  const set = (editor: TextEditor, ranges: readonly (readonly Range[])[]) =>
    types.forEach((type: TextEditorDecorationType, index) => {
      editor.setDecorations(
        type,
        (ranges[index] ?? []).map((range): DecorationOptions => ({ range })),
      );
    });
  return {
    paint(editor) {
      const painted: Range[][] = [[], [], []];
      for (const area of editor.visibleRanges) {
        for (const token of tokensIn(editor.document, area)) partsOf(token, painted);
      }
      set(editor, painted);
    },
    clear: editor => set(editor, []),
    dispose() {
      for (const type of types) type.dispose();
    },
  };
}

/** The parts of one token, piece by piece: header first, payload second, everything after it third. */
function partsOf({ token, pieces }: PlacedToken, painted: readonly Range[][]): void {
  const dot = token.indexOf('.');
  const ends = [dot, token.indexOf('.', dot + 1), token.length];
  let at = 0;
  for (const { start, end } of pieces) {
    const length = end.character - start.character;
    ends.forEach((partEnd, part) => {
      const from = Math.max(at, part === 0 ? 0 : (ends[part - 1] ?? 0) + 1);
      const to = Math.min(at + length, partEnd);
      if (from >= to) return;
      const { line, character } = start;
      painted[part]?.push(new Range(line, character + from - at, line, character + to - at));
    });
    at += length;
  }
}
