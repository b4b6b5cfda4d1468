import {
  type DecorationOptions,
  Range,
  type TextEditor,
  type TextEditorDecorationType,
  ThemeColor,
  window,
} from 'vscode';
import { colors } from '../../contributions.ts';
import { type PlacedToken, tokensIn } from './scan.ts';

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
