/**
 * Members of a token response in texts that are no JSON: forms, `.env`, YAML, TOML, XML, tables, commands, literals of
 * languages. Not by a parser for each: what people paste is a part of a file, a log line or a screen more often than not.
 */
import { memberOf } from '../records/tokenMembers.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { base64Text, percentDecoded, unescaped } from './escapes.ts';
import { isRecognised, isWord, memberAtEnd, readSet, type TokenSetFound } from './tokenSets.ts';

/** Words that can name a member, dots and dashes of longer names included. */
const words =
  /(?<![\w.-])[\w.$-]*?(?:(?:access|id|refresh|oauth)[-_ ]?token(?:[-_]?cookie)?|token[-_ ]?type|(?:refresh[-_ ]?)?(?:token[-_ ]?)?expir(?:y|es[-_ ]?(?:in|at|on))|scopes?|token|access|refresh|jwt)(?![\w-])/gi;

/** What stands between a name and its value in JSON, forms, YAML, TOML, XML, tables, Ruby, PHP and multipart forms. */
const separator =
  /["'`\]]{0,2}(?:\s*:\s*[A-Za-z]\w{0,20}[?!]?\s*=\s*|\s*(?:=>|:=|[:=|│>])\s*|\t\s*|\s*\n\s*value:\s*|<\/\w{1,20}>\s*<\w{1,20}>|\s+value\s*=\s*|(?<=["'])(?:\r?\n){2})(?:[|>][+-]?[ \t]*[\r\n]\s*|string\(\d+\) |!!\w+ |<!\[CDATA\[)?/y;

/** The same after an option of a command, and after `set` and its like. */
const spaceToo = new RegExp(`${separator.source}|\\s{1,8}`, 'y');

/** In quotes, wrapped as Rust, Scala and Python print it; else as far as no sign of any syntax stands. */
const value =
  /(?:(?:(?:Some|Just|Optional|String|SecretString|Secret|\w{0,12}Token)[([]){0,3}[@$bur]?(?:"([^"\\]*(?:\\[\s\S][^"\\]*)*)"|'([^'\\]*(?:\\[\s\S][^'\\]*)*)'|`([^`]*)`))|([^\s"'`,;&{}<>()#]+(?:\r?\n[ \t]+[\w.~+/-]+={0,2}(?=[ \t]*(?:[\r\n]|$)))*)/iy;

/** Further scopes on a line such as `scope: openid profile`. */
const moreScopes = /(?:[ \t]+(?![\w-]+(?:=|\s*:\s))[^\s"'`,;&{}<>()]+){0,64}/y;

/** As many different names are remembered. */
const mostNames = 1000;

/** How well a name fits; a member counts by its best name, and of equal ones by the last. */
type Fit = 'whole' | 'end' | 'short';
const fits: readonly Fit[] = ['whole', 'end', 'short'];

/** Reads the members in whatever syntax they stand. Linear in the text. */
export function readPairs(text: string): TokenSetFound | undefined {
  const entries = new Map<keyof RawTokens, { value: string | number; fit: Fit }>();
  const duplicates: string[] = [];
  // A long literal of code comes as a sum of short ones.
  const namesRead = new Map<string, ReturnType<typeof named>>();
  const joined = text.replace(/(["'])\s*[+.&]\s*(?:\r?\n\s*)?\1/g, '');
  words.lastIndex = 0;
  for (let match = words.exec(joined); match; match = words.exec(joined)) {
    const { 0: word, index } = match;
    const end = index + word.length;
    const before = joined.slice(Math.max(0, index - 12), index);
    const between = word.startsWith('--') || /set/i.test(before) ? spaceToo : separator;
    between.lastIndex = end;
    const gap = between.exec(joined)?.[0];
    // A part of a URN, as in `urn:ietf:params:oauth:token-type:access_token`, is none.
    if (gap === undefined || (/[a-z\d]:$/i.test(before) && !/env:$/i.test(before))) continue;
    const { member, fit } = namesRead.get(word) ?? named(word.replace(/^[-.$]+/, ''));
    if (namesRead.size < mostNames) namesRead.set(word, { fit, ...(member && { member }) });
    if (member === undefined) continue;
    value.lastIndex = end + gap.length;
    const [written, double, single, tick, bare = ''] = value.exec(joined) ?? [];
    if (written === undefined) continue;
    const quoted = double ?? single ?? tick;
    words.lastIndex = end + gap.length + (quoted === undefined ? bare.length : written.length);
    let read = quoted === undefined ? unquoted(member, bare) : unescaped(quoted);
    if (read === undefined || (fit === 'short' && !isToken(String(read)))) continue;
    // In a text of no format a few characters in quotes can be anything.
    if (/_token$/.test(member) && !isWord(String(read).replace(/\s+/g, ''))) continue;
    if (member === 'scope' && quoted === undefined && gap.includes(':')) {
      moreScopes.lastIndex = words.lastIndex;
      const more = moreScopes.exec(joined)?.[0] ?? '';
      words.lastIndex += more.length;
      read += more;
    }
    const known = entries.get(member);
    if (known && fits.indexOf(known.fit) < fits.indexOf(fit)) continue;
    if (known?.fit === fit && known.value !== read) duplicates.push(member);
    entries.set(member, { value: read, fit });
  }
  const object = Object.fromEntries([...entries].map(([member, { value }]) => [member, value]));
  const set = readSet(object, /\bgrant_?type["'`]?\s*[:=]/i.test(text) ? 'request' : 'pairs', duplicates);
  // Words around tokens look like members often: those that are none are not worth a warning.
  return (
    set && {
      ...set,
      warnings: set.warnings.filter(({ code, member }) => code !== 'member_ignored' || /_token$/.test(member ?? '')),
    }
  );
}

function named(word: string): { member?: keyof RawTokens; fit: Fit } {
  const whole = memberOf(word);
  if (whole !== undefined) return { member: whole, fit: 'whole' };
  const end = memberAtEnd(word);
  if (end !== undefined) return { member: end, fit: 'end' };
  // `GITHUB_TOKEN`, `_authToken`, `refresh`
  const short = /(?:(refresh)|token|access|jwt)$/i.exec(word);
  return { ...(short && { member: short[1] ? 'refresh_token' : 'access_token' }), fit: 'short' };
}

/** `token: …` can be anything: one that shows what it is. */
function isToken(text: string): boolean {
  return isRecognised(text) || isRecognised(base64Text(text));
}

/** A value without quotes; `undefined` for what is none. */
function unquoted(member: keyof RawTokens, bare: string): string | number | undefined {
  if (/^\d+$/.test(bare)) return Number(bare);
  // Code around a response reads its members (`x = tokens.access_token`): that is no token.
  if (/[()[]|^\$|^(?:null|undefined|none)$/i.test(bare)) return undefined;
  if (!/_token$/.test(member)) return percentDecoded(bare.replaceAll('+', ' '));
  // Properties and shells escape with a backslash. Any other is a string's in a string, and read where it is undone.
  const plain = bare.replace(/\]+$/, '').replace(/\\([:=#!&|$~ \\]|$)/g, '$1');
  if (plain.includes('\\')) return undefined;
  // A plus sign is one of the token's own: no token has the space that a form would mean by it.
  return isWord(plain.replace(/\s+/g, '')) ? percentDecoded(plain) : undefined;
}
