import {
  type CodeLens,
  type DecorationOptions,
  type InlayHint,
  l10n,
  Position,
  Range,
  commands as registry,
  type TextDocument,
  type TextEditor,
  type TextEditorDecorationType,
  ThemeColor,
  type Uri,
  window,
} from 'vscode';
import { colors, commands } from '../../contributions.ts';
import { classify } from '../../core/errors.ts';
import { endOf as endIn, type Sessions } from '../../core/records/sessions.ts';
import { type DecodedToken, decodeToken, expiresAt } from '../../core/tokens/jwt.ts';
import { findTokens } from '../../core/tokens/tokenRanges.ts';
import { summarize } from '../../core/view/tokenSummary.ts';
import { inlayHint, lens, type TokenLink, terminalLink } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { expiryText, kindText } from '../text/states.ts';
import { listText, momentText, nextChange } from '../text/time.ts';
import type { HoverParts } from './hover.ts';
import { type KnownToken, knownTokenIn, ownerOf, type PlacedToken, placeOf, replacementOf, tokensIn } from './scan.ts';

/** Lenses per document. More would push the text out of sight. */
const maxLenses = 100;

/** "Decode | Verify" above each token, and "Replace" if a connection has a fresh one. */
export function lensesOf(document: TextDocument, sessions: Sessions): CodeLens[] {
  return tokensIn(document, undefined, maxLenses, sessions).flatMap(({ range, token, known }) => {
    const place = placeOf(document, range);
    const fresh = replacementOf({ token, ...(known && { known }) }, sessions)
      ? [lens(range, l10n.t('Replace with a fresh token'), commands.replaceToken, place)]
      : [];
    if (known)
      return [lens(range, l10n.t('Open in the inspector'), commands.inspect, { ...place, show: true }), ...fresh];
    return [
      lens(range, l10n.t('Decode'), commands.decodeSelection, place),
      // Five parts mean an encrypted token (RFC 7516 section 3.1), which no key set can verify.
      token.split('.', 6).length === 5
        ? lens(range, l10n.t('Decrypt'), commands.inspect, { ...place, show: true, decrypt: true })
        : lens(range, l10n.t('Verify'), commands.inspect, { ...place, show: true, verify: true }),
      ...fresh,
    ];
  });
}

/** A lens at the top of a config file of the mock issuer. */
export function mockLens(uri: Uri): CodeLens[] {
  return [lens(new Range(0, 0, 0, 0), l10n.t('Start Mock Issuer from This File'), commands.startMockFromFile, uri)];
}

export interface Hints {
  readonly hints: InlayHint[];
  /** Milliseconds until the text of a hint changes; infinite if none will. */
  readonly changesIn: number;
}

/** Column beyond which a token is out of sight if long lines are not wrapped. */
const farColumn = 80;

/**
 * The expiry of each visible token. The hint is in front of the token, because the token's end is often out of sight.
 * An opaque token of a connection is named as well, because its text does not show what it is.
 */
export function hintsOf(document: TextDocument, area: Range, sessions: Sessions, now: number): Hints {
  let changesIn = Number.POSITIVE_INFINITY;
  const hinted = new Set<number>();
  const hints = tokensIn(document, area, undefined, sessions).flatMap(found => {
    const { line, character } = found.range.start;
    const end = endOf(found, sessions);
    if (end !== undefined) changesIn = Math.min(changesIn, nextChange(end, now));
    const holder = found.known && ownerOf(found, sessions);
    const words = [
      ...(found.known && holder ? [l10n.t('{0} of {1}', kindText(found.known.name), holder.label)] : []),
      ...(end === undefined ? [] : [expiryText(end, now)]),
    ];
    if (words.length === 0) return [];
    const text = listText(words);
    const hintAt = (position: Position, label: string) => {
      const hint = inlayHint(position, label, end === undefined ? text : momentText(end, now));
      hint.paddingRight = true;
      return hint;
    };
    const atToken = hintAt(found.range.start, text);
    // A hint at the start of the line tells of a token far to the right. One is enough, as VS Code shows no more than 43
    // characters of hints in a line, and none is needed if the first token is in sight.
    const isLater = hinted.has(line);
    hinted.add(line);
    if (character <= farColumn || isLater) return [atToken];
    const start = new Position(line, document.lineAt(line).firstNonWhitespaceCharacterIndex);
    return [hintAt(start, l10n.t('token in column {0} {1}', character + 1, text)), atToken];
  });
  return { hints, changesIn };
}

/** The expiry of a token. That of an opaque token of a connection was in the issuer's response. */
function endOf({ token, known }: Pick<PlacedToken, 'token' | 'known'>, sessions: Sessions): number | undefined {
  const session = known && sessions.get(known.connection);
  if (session) return endIn(session, known.name);
  let decoded: DecodedToken;
  try {
    decoded = decodeToken(token);
  } catch {
    // The hover and the problems report what is wrong with it.
    return undefined;
  }
  return expiresAt(decoded);
}

/** Colours header, payload and signature of every visible token, and strikes through expired ones. */
export interface Colors {
  /** Returns the milliseconds until the next of them expires; infinite if none will. */
  paint(editor: TextEditor, sessions: Sessions, now: number): number;
  clear(editor: TextEditor): void;
  dispose(): void;
}

export function createColors(): Colors {
  const types = (['header', 'payload', 'signature', 'expired'] as const).map(part =>
    window.createTextEditorDecorationType({
      color: new ThemeColor(colors[part]),
      ...(part === 'expired' && { textDecoration: 'line-through' }),
    }),
  );
  const set = (editor: TextEditor, ranges: readonly (readonly Range[])[]) =>
    types.forEach((type: TextEditorDecorationType, index) => {
      editor.setDecorations(
        type,
        (ranges[index] ?? []).map((range): DecorationOptions => ({ range })),
      );
    });
  return {
    paint(editor, sessions, now) {
      const painted: Range[][] = [[], [], []];
      const expired: Range[] = [];
      let nextEnd = Number.POSITIVE_INFINITY;
      for (const area of editor.visibleRanges) {
        for (const token of tokensIn(editor.document, area, undefined, sessions)) {
          const end = endOf(token, sessions) ?? Number.POSITIVE_INFINITY;
          if (end <= now) expired.push(...token.pieces);
          else if (token.known) painted[1]?.push(...token.pieces);
          else partsOf(token, painted);
          if (end > now) nextEnd = Math.min(nextEnd, end);
        }
      }
      set(editor, [...painted, expired]);
      return nextEnd - now;
    },
    clear: editor => set(editor, []),
    dispose() {
      for (const type of types) type.dispose();
    },
  };
}

/** Distributes the pieces of one token: header first, payload second, everything after it third. */
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

/**
 * Links for the tokens in one line of a terminal, with their kind and expiry. VS Code joins wrapped lines before it
 * calls this.
 */
export function linksIn(line: string, { sessions, clock }: HoverParts): TokenLink[] {
  const now = clock.now();
  const known = knownTokenIn(line, sessions);
  const found: { start: number; end: number; token: string; known?: KnownToken }[] = findTokens(line, maxLinks);
  if (known && !found.some(({ start }) => start === known.start)) found.push(known);
  return found.map(({ start, end, token, known }) => {
    const length = end - start;
    try {
      const decoded = decodeToken(token);
      const { kind } = summarize(decoded, now, ownerOf({ token, ...(known && { known }) }, sessions), known?.name);
      const expiry = decoded.kind === 'jws' ? `, ${expiryText(expiresAt(decoded), now)}` : '';
      return terminalLink(start, token, length, `${kindText(kind)}${expiry}`);
    } catch (error) {
      return terminalLink(start, token, length, describeError(classify(error)));
    }
  });
}

export async function followLink({ token }: TokenLink): Promise<void> {
  await registry.executeCommand(commands.inspect, { token, show: true });
}

/** Maximum number of links in one line. */
const maxLinks = 20;
