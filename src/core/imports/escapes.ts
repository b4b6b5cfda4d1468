/** Undoes what shells, languages, pages and protocols have done to a text, in time linear in its length. */
import { memberOf } from '../records/tokenMembers.ts';
import { decodeBase64url } from '../tokens/base64url.ts';
import { utf8 } from '../tokens/tokenParts.ts';

/** Characters that editors and web pages insert: byte order marks, zero-width characters, soft hyphens. */
export const invisible = /[\u00ad\u200b-\u200d\u2060\ufeff]+/g;

const entities: Readonly<Record<string, string>> = { quot: '"', amp: '&', apos: "'", lt: '<', gt: '>' };

/** A cookie that was too long for one: `name.0=…; name.1=…`, as Supabase and Auth.js write it. */
const cookieParts = /(?<![\w.-])([\w.-]{1,200})\.0=([^;\s=]*)((?:;\s{0,4}\1\.\d{1,2}=[^;\s=]*={0,2}){1,20})/g;

/**
 * Encodings of a text with a sign by which they are recognized: to undo another one, add a row, its sign in `mayBeWritten`
 * below, and a row to the test. A token in an encoded text would be read wrong.
 */
export const writings: readonly {
  readonly sign: RegExp;
  readonly and?: RegExp;
  readonly undo: (text: string) => string;
}[] = [
  { sign: /[\u00ad\u200b-\u200d\u2060\ufeff]/, undo: text => text.replace(invisible, '') },
  // Terminal colours
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they begin with
  { sign: /\u001b\[/, undo: text => text.replace(/\u001b\[[\d;?]{0,20}[A-Za-z]/g, '') },
  { sign: /[“”„‟«»＂]/, undo: text => text.replace(/[“”„‟«»＂]/g, '"') },
  { sign: /[‘’‚‛]/, undo: text => text.replace(/[‘’‚‛]/g, "'") },
  // The wide signs of Chinese and Japanese keyboards
  { sign: /[：＝]/, undo: text => text.replaceAll('：', ':').replaceAll('＝', '=') },
  {
    // HTML and XML
    sign: /&(?:quot|amp|apos|lt|gt|#\d{2,5}|#x[\da-f]{2,4});/i,
    undo: text =>
      // Source code that a page displays is escaped twice.
      text
        .replaceAll('&amp;', '&')
        .replace(/&(?:(quot|amp|apos|lt|gt)|#(\d{2,5})|#x([\da-f]{2,4}));/gi, (_, name, decimal, hex) =>
          name ? (entities[name.toLowerCase()] ?? '') : character(decimal ? Number(decimal) : Number.parseInt(hex, 16)),
        ),
  },
  {
    // cmd.exe. A caret before a line break continues the line; before two line breaks it means one.
    sign: /(?:^|[\s=])\^"|\^&|\^\r?\n/,
    undo: text => text.replace(/\^(?:(?:\r?\n){1,2}|([^\r\n]))/g, '$1'),
  },
  {
    // PowerShell, inside double quotes
    sign: /[{,:[(]\s?`"|`"\s?[:,}\])]/,
    undo: text => text.replace(/`(?:([nrt0])|\r?\n|(.))/g, (_, control, other) => (control ? ' ' : (other ?? ''))),
  },
  {
    // JSON or a JWT in hexadecimal digits
    sign: /^\s*(?:7b|65794a)(?:[\da-f]{2}){20,}\s*$/i,
    undo: text =>
      text.trim().replace(/[\da-f]{2}/gi, pair => {
        const code = Number.parseInt(pair, 16);
        return code < 0x80 ? character(code) : '?';
      }),
  },
  {
    // PHP's serialize()
    sign: /\bs:\d{1,3}:"[\w-]*token";s:/i,
    undo: text => text.replace(/\bs:\d{1,6}:("[^"]*");s:\d{1,6}:("[^"]*");/g, '$1: $2\n'),
  },
  {
    // Members that are not public, as PHP's print_r() and var_dump() write them
    sign: /:(?:protected|private)\]/,
    undo: text => text.replace(/(?<=[\w"]):(?:"?[\w\\]{1,200}"?:)?(?:protected|private)\]/g, ']'),
  },
  {
    // Pairs of a name and a value, as Python and .NET print them, and arguments of a call. A name has no digit.
    sign: /[[(] ?["']?[\w.-]{0,60}token["']?, /i,
    undo: text =>
      text
        .replace(/([[(] ?)(["'])([\w.-]{0,60}token)\2, (?=["'][^"'\d]*\d)/gi, '$1$2$3$2: ')
        .replace(/^([ \t]*\[)([\w.-]{0,60}token), (?=[^\s,]{8,}\][ \t]*\r?$)/gim, '$1$2: '),
  },
  {
    sign: /\.0=[^;\s=]*;\s{0,4}[\w.-]{1,200}\.1=/,
    undo: text =>
      text.replace(
        cookieParts,
        (_, name, first, others: string) => `${name}=${first}${others.replace(/;\s{0,4}[^=;]+=/g, '')}`,
      ),
  },
  {
    // The text of a heredoc, in shells, Terraform and the files of GitHub Actions
    sign: /<<[-~]?["']?\w{1,20}["']?[ \t]*\r?\n/,
    undo: text =>
      text.replace(/(?:=[ \t]*)?<<[-~]?(["']?)(\w{1,20})\1[ \t]*\r?\n([^\r\n]{1,20000})\r?\n[ \t]*\2\b/g, '=$3'),
  },
  {
    // Strings in three quotes, of TOML and of languages
    sign: /=[ \t]*(?:"""|''')/,
    undo: text => text.replace(/=[ \t]*("""|''')(?:\r?\n)?([^"'\r\n]{1,20000})(?:\r?\n)?\1/g, '="$2"'),
  },
  { sign: /""[\w-]*token""/i, undo: text => text.replaceAll('""', '"') }, // CSV, and old curl commands for cmd.exe
  {
    // A JWT whose dots are percent-encoded, although nothing requires that (RFC 3986 section 2.3)
    sign: /(?<![\w-])ey[\w-]{10,}%2E[\w-]+%2E/i,
    undo: text => text.replace(/(?<![\w-])ey[\w-]{10,}(?:%2E[\w-]*){2,4}/gi, token => token.replace(/%2E/gi, '.')),
  },
  {
    // Quoted-printable (RFC 2045 section 6.7)
    sign: /=3D/,
    and: /token"?=3D|=\r?\n/i,
    undo: text =>
      text.replace(/=(?:\r?\n|([\dA-F]{2}))/g, (_, hex) => (hex ? character(Number.parseInt(hex, 16)) : '')),
  },
];

/** What texts with one of these signs contain: one search of a long text, in place of one for each. */
const mayBeWritten =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal begin with one
  /[\u001b\u00ad\u200b-\u201f\u2060\ufeff«»＂：＝&^`=]|""|<<|";s:|(?:protected|private)\]|token["']?, |^\s*(?:7b|65794a)[\da-f]{40}|%2E/i;

/** The text without its encoding, as far as that can be recognized. */
export function undoWriting(text: string): string {
  let plain = text;
  if (!mayBeWritten.test(text)) return text.trim();
  for (const { sign, and, undo } of writings) if (sign.test(plain) && and?.test(plain) !== false) plain = undo(plain);
  return plain.trim();
}

/** Other readings of a text that contains no token, or not all, in plain form. Yields only readings that differ. */
export function* otherReadings(text: string): Generator<string> {
  const table = tableText(text) ?? listText(text);
  if (table !== undefined) yield table;
  for (const inserted of [insertedText(text), copiedText(text)]) if (inserted !== undefined) yield inserted;
  if (/<\/?\w/.test(text)) yield text.replace(/<[^<>]*>/g, '');
  if (text.includes('\\')) yield withoutBackslashes(text);
  if (/%(?:22|3D|3A|7B)/i.test(text)) yield percentDecoded(text);
  const encoded = [...text.matchAll(encodedText)].flatMap(([, protocol, word = '']) => {
    const inside = base64Text(word);
    return inside === undefined ? [] : [protocol ? `Authorization: Bearer ${inside}` : inside];
  });
  if (encoded.length > 0) yield encoded.join('\n');
}

/** Separators between the cells of a row: of spreadsheets, database clients and Markdown. */
const separators = ['\t', '|', ';', ','] as const;

/** How many rows are read below the names. */
const mostRows = 200;

/** Converts a table with the names of tokens in one row and their values below to names and values. */
function tableText(text: string): string | undefined {
  const lines = text.split(/\r?\n/);
  for (const [index, line] of lines.slice(0, mostRows).entries()) {
    if (line.length > 2000 || !/token/i.test(line)) continue;
    // PowerShell puts spaces between columns, and a rule below their names.
    const ruled = /^(?:-+ +)+-+ *$/.test(lines[index + 1]?.slice(0, 2000) ?? '');
    for (const separator of ruled ? ([' ', ...separators] as const) : separators) {
      const names = line.includes(separator) ? cellsOf(line, separator) : [];
      if (!names.every(name => /^[\w. -]{0,64}$/.test(name)) || !names.some(isTokenName)) continue;
      const rows = valuesBelow(lines.slice(index + 1, index + 1 + mostRows), names, separator);
      if (rows.length > 0) return rows.join('\n');
    }
  }
  return undefined;
}

/** What stands above such a list: a rule, or the names of its columns. */
const listHead = /^(?:-{3,} +-{3,}|[ \t]*(?:output|name|key)[ \t]{2,}value[ \t]*)$/im;

/** A name and its value in a list, as the command lines of Vault, of Azure and of Pulumi write it. */
const listed = /^([A-Za-z][\w. -]{0,63}?) {2,}(\S+)$/;

function listText(text: string): string | undefined {
  if (!listHead.test(text)) return undefined;
  const entries = text.split(/\r?\n/).map(line => (line.length < 20_000 ? listed.exec(line.trim()) : null));
  const found = entries.flatMap(entry => (entry ? namedCells([entry[1] ?? ''], [entry[2] ?? '']) : []));
  return found.length > 0 ? found.join('\n') : undefined;
}

/** The columns of `INSERT INTO t (a, b) VALUES`. */
const insert =
  /\binsert\s{1,20}(?:ignore\s{1,20})?into\s{1,20}[\w.$`"[\]]{1,200}\s{0,20}\(([^()']{1,2000})\)\s{0,20}values\s{0,20}(?=\()/gi;

/** A text in quotes, which are doubled or escaped within it. */
const quotedValue = /\s*[NEBX]?'((?:[^'\\]|''|\\[\s\S])*)'/y;
/** A number, a word or a call without texts. Nothing follows that could make a long one be read again. */
const bareValue = /[^',()]*(?:\([^()']*\))?/y;
const afterValue = /[^,()']*/y;

/** The values between the parenthesis at `start` and its end. Takes time linear in their length. */
function rowAt(text: string, start: number, most: number): { cells: readonly string[]; end: number } | undefined {
  const cells: string[] = [];
  let at = start + 1;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text) ?? undefined;
    if (found) at = pattern.lastIndex;
    return found;
  };
  while (cells.length < most) {
    const [, quoted] = take(quotedValue) ?? [];
    cells.push(
      quoted === undefined
        ? (take(bareValue)?.[0] ?? '').trim().replace(/^null$/i, '')
        : unescaped(quoted.replaceAll("''", "'")),
    );
    // A cast of PostgreSQL.
    const rest = (take(afterValue)?.[0] ?? '').trim();
    if (rest !== '' && !/^::[\w ]+$/.test(rest)) return undefined;
    const next = text.charAt(at++);
    if (next === ')') return { cells, end: at };
    if (next !== ',') return undefined;
  }
  return undefined;
}

/** Converts the rows that SQL inserts into a table with columns of tokens to names and values. */
function insertedText(text: string): string | undefined {
  const found: string[] = [];
  for (const { 0: whole, 1: list = '', index } of text.matchAll(insert)) {
    const names = list.split(',').map(name => name.replace(/[\s`"[\]]/g, ''));
    if (!names.some(isTokenName)) continue;
    let at = index + whole.length;
    for (let row = 0; row < mostRows && text.charAt(at) === '('; row++) {
      const read = rowAt(text, at, names.length);
      if (read?.cells.length !== names.length) break;
      found.push(...namedCells(names, read.cells));
      at = read.end;
      at += /^\s*,\s*/.exec(text.slice(at, at + 100))?.[0].length ?? 0;
    }
  }
  return found.length > 0 ? found.join('\n') : undefined;
}

/** The columns of `COPY t (a, b) FROM stdin;`, as PostgreSQL's dumps have it. Their rows have tabs between the values. */
const copy = /\bcopy\s{1,20}[\w.$"]{1,200}\s{0,20}\(([^()']{1,2000})\)\s{0,20}from\s{1,20}stdin\b[^\n]{0,200}\n/gi;

function copiedText(text: string): string | undefined {
  const found: string[] = [];
  let at = 0;
  for (const { 0: whole, 1: list = '', index } of text.matchAll(copy)) {
    const names = list.split(',').map(name => name.replace(/[\s"]/g, ''));
    // Rows that were read already are not read again from a line among them.
    if (index < at || !names.some(isTokenName)) continue;
    at = index + whole.length;
    const lines: string[] = [];
    while (lines.length < mostRows && at < text.length && !text.startsWith('\\.', at)) {
      const end = text.indexOf('\n', at);
      lines.push(text.slice(at, end < 0 ? text.length : end));
      at = end < 0 ? text.length : end + 1;
    }
    found.push(...valuesBelow(lines, names, '\t'));
  }
  return found.length > 0 ? found.join('\n') : undefined;
}

function isTokenName(name: string): boolean {
  const member = memberOf(name);
  return member !== undefined && /_token$/.test(member);
}

function valuesBelow(lines: readonly string[], names: readonly string[], separator: string): string[] {
  const found: string[] = [];
  for (const line of lines) {
    // The rule between names and values.
    if (/^[\s+|:=-]*$/.test(line)) continue;
    const cells = cellsOf(line, separator);
    if (cells.length !== names.length) break;
    found.push(...namedCells(names, cells));
  }
  return found;
}

function namedCells(names: readonly string[], cells: readonly string[]): string[] {
  return names.flatMap((name, index) => {
    const value = cells[index] ?? '';
    const isValue = isTokenName(name) ? /^[^\s"]{8,}$/.test(value) : /^[^"]+$/.test(value);
    return isValue && memberOf(name) !== undefined ? [`${name}: "${value}"`] : [];
  });
}

/** The cells of a row, without the quotes around them (RFC 4180). */
function cellsOf(line: string, separator: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (const each of separator === ' ' ? line.trim().replace(/ +/g, ' ') : line) {
    if (each === '"') quoted = !quoted;
    else if (each === separator && !quoted) {
      cells.push(cell.trim());
      cell = '';
    } else cell += each;
  }
  return [...cells, cell.trim()];
}

/**
 * Words that start like JSON or a JWT in base64. A JWT itself continues with a dot. Kubernetes takes a bearer token as a
 * subprotocol of a WebSocket.
 */
const encodedText =
  /(?<![\w+/.])(?:base64-|(base64url\.bearer\.authorization\.k8s\.io\.))?((?:eyJ|eyA|ew[o0k]|ZXlK)[\w+/-]{40,}={0,2})(?![\w.+/-])/g;

/** A word that is base64 of a JWT, in one piece or in lines. */
const encodedJwt = /(?<![\w+/.])(ZXlK[\w+/-]{36,}={0,2})((?:\r?\n[ \t]*[\w+/-]{2,80}={0,2}(?![\w+/.=-]))*)/g;

/** True if a text may hold JSON in base64. */
export function mayHoldEncoded(text: string): boolean {
  return text.search(encodedText) >= 0;
}

/** The words of a text that are base64 of something that begins as a JWT does, decoded: one per line. */
export function wordsInBase64(text: string): string {
  const decoded = Array.from(
    text.matchAll(encodedJwt),
    ([whole, first = '']) => base64Text(whole) ?? base64Text(first),
  );
  return decoded.filter(word => word !== undefined).join('\n');
}

/** Removes the escapes of nested strings, at any depth, so that their quotes are plain. */
function withoutBackslashes(text: string): string {
  return text
    .replace(/(?<!\\)\\+(?=["'`/&=:#!$\\])/g, '')
    .replace(/(?<!\\)\\+(?:u00([\da-f]{2})|x([\da-f]{2}))/gi, (_, long, short) =>
      character(Number.parseInt(long ?? short, 16)),
    )
    .replace(/(?<!\\)\\+(?:[nrt]|\r?\n)/g, '\n');
}

/** The value of a string in a language with backslash escapes: JSON, C, shells, properties files. */
export function unescaped(value: string): string {
  if (!value.includes('\\')) return value;
  return value.replace(
    /\\(?:u([\da-f]{4})|x([\da-f]{2})|([nrt]|\r?\n)|([\s\S])|$)/gi,
    (_, long, short, space, other) =>
      long || short ? character(Number.parseInt(long ?? short, 16)) : space ? ' ' : (other ?? ''),
  );
}

/**
 * Percent-encoded UTF-8 (RFC 3629 section 4). Looking takes a tenth of the time of an error of `decodeURIComponent`, and a
 * long text may have thousands of runs that are none.
 */
const utf8Run =
  /^(?:%[0-7].|%(?:c[2-9a-f]|d.)%[89ab].|%(?:e0%[ab]|e[1-9abcef]%[89ab]|ed%[89]).%[89ab].|%(?:f0%[9ab]|f[123]%[89ab]|f4%8).(?:%[89ab].){2})+$/i;

/** Decodes percent-encoding (RFC 3986 section 2.1), twice if it was applied twice. */
export function percentDecoded(text: string): string {
  let decoded = text;
  for (let times = 0; times < 2 && /%[\da-f]{2}/i.test(decoded); times++)
    decoded = decoded.replace(/(?:%[\da-f]{2})+/gi, run => (utf8Run.test(run) ? decodeURIComponent(run) : run));
  return decoded;
}

/**
 * The printable text that a base64 word (RFC 4648) encodes, with or without padding; `undefined` if it encodes none.
 * @param least characters of the word: shorter words may decode to a text by chance
 */
export function base64Text(word: string, least = 16): string | undefined {
  // Some tools break it into lines of 64 or 76 characters.
  if (word.length < least || !/^[\w+/-]+(?:\r?\n[ \t]*[\w+/-]+)*={0,2}$/.test(word)) return undefined;
  const bare = word.replace(/\s+/g, '');
  const bytes = decodeBase64url(bare.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'));
  return 'reason' in bytes || !arePrintable(bytes) ? undefined : utf8.decode(bytes).trim();
}

/** True for ASCII without control characters, except those of lines. `some` takes longer than all the rest. */
function arePrintable(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > 0x7e || (byte < 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) return false;
  }
  return true;
}

function character(code: number): string {
  return code > 0 ? String.fromCharCode(code) : '';
}
