/** Tokens in a text as people find them: in one piece, or broken over lines by a mail, a terminal or a string. */
import { decodeBase64url } from './base64url.ts';
import { findJwts } from './findJwts.ts';
import { isObject, own, readJson } from './json.ts';
import { tokenLimit } from './jwt.ts';

export interface TokenRange {
  /** Offsets in UTF-16 code units, `end` exclusive. What lies between is `token`, and line breaks where it is wrapped. */
  readonly start: number;
  readonly end: number;
  readonly kind: 'jws' | 'jwe';
  /** The token in one piece. */
  readonly token: string;
  /** It was put together from several lines. */
  readonly wrapped: boolean;
  /** Where its pieces stand: one, or one for each line. */
  readonly pieces: readonly Piece[];
}

export interface Piece {
  readonly start: number;
  readonly end: number;
}

/** The most tokens that are named for one text: whoever shows them has seen enough. */
export const mostTokens = 2000;

/** Fewer characters on the first line are no beginning of a header: `{"alg":"X"}` takes 15. */
const leastHeader = 12;

/** Lines that one token may be broken into. */
const mostLines = 400;

/** Where a JOSE header can start; see findJwts.ts, which wants a dot on the same line. */
const starts =
  /(?:(?<![\w.-])|(?<=\\[nrt])|(?<=%[\dA-Fa-f]{2}))(?:ey[A-DI-L]|ew[k-r0-3])[\w-]*(?:\.[\w.-]*)?/g;

/**
 * What may stand between two pieces: the end of a string and a sign that joins strings or lines, a line break, and
 * what leads the next line. The piece must be all that the next line holds.
 */
const lineBreak =
  /(?:["'`]?[ \t]{0,4}[+\\]?[ \t]{0,4})\r?\n[ \t]{0,100}(?:(?:[>#*|+]|\/\/)[ \t]{0,4})?["'`]?(?=[\w.-])([\w.-]+)(?=["'`]?[ \t]{0,4}[+\\,;)\]}]{0,4}[ \t]{0,4}(?:\r?\n|$))/y;

/** In time linear in the text. Signatures and payloads are not looked at. */
export function findTokens(text: string, limit = mostTokens): TokenRange[] {
  const found: TokenRange[] = [];
  let after = 0;
  for (const match of text.matchAll(starts)) {
    if (found.length >= limit) break;
    if (match.index < after) continue;
    const range = rangeAt(text, match.index, match[0]);
    if (!range) continue;
    found.push(range);
    after = range.end;
  }
  return found;
}

/** The token at an offset of the text. */
export function tokenAt(ranges: readonly TokenRange[], offset: number): TokenRange | undefined {
  return ranges.find(({ start, end }) => start <= offset && offset <= end);
}

function rangeAt(text: string, start: number, run: string): TokenRange | undefined {
  const whole = run.length > tokenLimit * 2 ? undefined : findJwts(run)[0];
  const single =
    whole?.start === 0
      ? ({
          start,
          end: start + whole.end,
          kind: whole.kind,
          token: run.slice(0, whole.end),
          wrapped: false,
          pieces: [{ start, end: start + whole.end }],
        } as const)
      : undefined;
  if (run.length < leastHeader) return single;
  // Without a line that could go on there is nothing to weigh.
  lineBreak.lastIndex = start + run.length;
  if (!lineBreak.test(text)) return single;
  if (single && isWhole(single.token)) return single;
  const wrapped = wrappedAt(text, start, run);
  return wrapped && (!single || isWhole(wrapped.token)) ? wrapped : single;
}

function wrappedAt(text: string, start: number, run: string): TokenRange | undefined {
  const pieces: Piece[] = [{ start, end: start + run.length }];
  const texts = [run];
  let length = run.length;
  let dots = dotsIn(run);
  let end = start + run.length;
  for (let lines = 1; lines < mostLines; lines++) {
    lineBreak.lastIndex = end;
    const next = lineBreak.exec(text);
    const piece = next?.[1];
    if (!next || piece === undefined) break;
    // The start of another token, unless a dot before it says that it is this one's payload. Without that rule each
    // of many lines would be looked at from each line before it.
    if (/^(?:ey[A-DI-L]|ew[k-r0-3])/.test(piece) && !texts.at(-1)?.endsWith('.')) break;
    length += piece.length;
    dots += dotsIn(piece);
    if (length > tokenLimit || dots > 4) break;
    end = next.index + next[0].length;
    pieces.push({ start: end - piece.length, end });
    texts.push(piece);
    // Only a dot's other side is worth a look: the header is read once a part has ended.
    if ((dots === 2 || dots === 4) && !piece.endsWith('.') && isWhole(texts.join(''))) break;
  }
  if (pieces.length < 2 || (dots !== 2 && dots !== 4)) return undefined;
  const token = texts.join('');
  const [found] = findJwts(token);
  if (found?.start !== 0 || found.end !== token.length) return undefined;
  return { start, end, kind: found.kind, token, wrapped: true, pieces };
}

function dotsIn(text: string): number {
  return text.split('.').length - 1;
}

/**
 * Whether the last part is as long as its algorithm makes it: then what stands on the next line is something else.
 * An algorithm without a fixed length never says so.
 */
function isWhole(token: string): boolean {
  const parts = token.split('.');
  const [encoded = ''] = parts;
  if (encoded.length > 64 * 1024 || (parts.length !== 3 && parts.length !== 5)) return false;
  const bytes = decodeBase64url(encoded);
  if ('reason' in bytes) return false;
  const header = readJson(new TextDecoder().decode(bytes));
  if (!header.ok || !isObject(header.value)) return false;
  const last = parts.at(-1)?.length ?? 0;
  const name = String(own(header.value, parts.length === 3 ? 'alg' : 'enc'));
  return (lengths.get(name) ?? []).includes(last);
}

const rsa = [342, 512, 683];

/** Characters of the signature by `alg` (RSA keys of 2048, 3072 and 4096 bits), of the tag by `enc`. */
const lengths: ReadonlyMap<string, readonly number[]> = new Map([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map(alg => [alg, rsa] as const),
  ['HS256', [43]],
  ['HS384', [64]],
  ['HS512', [86]],
  ['ES256', [86]],
  ['ES384', [128]],
  ['ES512', [176]],
  ['EdDSA', [86, 152]],
  ['Ed25519', [86]],
  ['ML-DSA-44', [3227]],
  ['ML-DSA-65', [4412]],
  ['ML-DSA-87', [6170]],
  ['none', [0]],
  ['A128GCM', [22]],
  ['A192GCM', [22]],
  ['A256GCM', [22]],
  ['A128CBC-HS256', [22]],
  ['A192CBC-HS384', [32]],
  ['A256CBC-HS512', [43]],
]);
