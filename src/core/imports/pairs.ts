/** Reads members of a token response in texts that are not JSON. */
import { memberOf } from '../records/tokenMembers.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { base64Text, percentDecoded, unescaped } from './escapes.ts';
import { isRecognised, isWord, memberAtEnd, readSet, type TokenSetFound } from './tokenSets.ts';

/*
 * The patterns below handle forms, `.env`, YAML, TOML, XML, tables, commands and literals of languages. There is no
 * parser for each format, because people usually paste a part of a file, of a log line or of a screen.
 */

/** Words that can name a member, including the dots and dashes of longer names. */
const words =
  /(?<![\w.$-])[\w.$-]*?(?:(?:access|id|refresh|oauth)[-_ ]?token(?:[-_]?cookie)?|oauth2-bearer|token[-_ ]?type|(?:refresh[-_ ]?)?(?:token[-_ ]?)?expir(?:(?:y|ation)(?:[-_ ]?(?:date|time))?|es[-_ ]?(?:in|at|on))|scopes?|token|access|refresh|jwt)(?![\w-])/gi;

/** Separators of name and value in JSON, forms, YAML, TOML, XML, LDIF, tables, Ruby, PHP, registries and build logs. */
const separator =
  /["'`\]]{0,2}(?:>>)?(?:\s*:\s*[A-Za-z]\w{0,20}[?!]?\s*=\s*|;issecret=true\]|(?<=["'])>\s*<[\w:]{1,40}(?:\s[^<>]{0,200})?>|\s*(?:=>|->|::?=?|[=|│>])\s*|\s{1,8}REG_\w{0,7}SZ\s{1,8}|(?<=["'])[ \t]{1,4}(?=["'][^\s"'()]{16,}["'])|\s\.\s(?=")|\t\s*|[^\S\n]*\n\s*value:\s*|\r?\n\[1\] (?=")|(?<=["'])\r?\n\d{1,4}\)\s|<\/[\w:]{1,40}>\s*<[\w:]{1,40}(?:\s[^<>]{0,200})?>|\s+value\s*=\s*|(?<=["'])(?:\r?\n){2})(?:[|>][+-]?[ \t]*[\r\n]\s*|string\(\d+\) |\(string\) (?:\(len=\d+\) )?|!!\w+ |0x[\da-f]{1,16} (?=")|<!\[CDATA\[)?/y;

/** The same, or spaces, as after an option of a command and after `set`. */
const spaceToo = new RegExp(`${separator.source}|\\s{1,8}`, 'y');

/** A value in quotes, also as Rust, Scala and Python print it, or an unquoted value up to the next syntax character. */
const value =
  /(?:(?:(?:Some|Just|Optional|String|SecretString|Secret|\w{0,12}Token)[([ ]{1,2}){0,3}(?:\{\w{1,20} = )?(?:[@$bur]|<<)?(?:"([^"\\]*(?:\\[\s\S][^"\\]*)*)"|'([^'\\]*(?:\\[\s\S][^'\\]*)*)'|`([^`]*)`))|(?:(?:Some|Just|Optional)[([]){0,2}([^\s"'`,;&{}<>()#]+(?:\r?\n[ \t]+[\w.~+/-]+={0,2}(?=[ \t]*(?:[\r\n]|$)))*)/iy;

/** What Node's `util.inspect` writes after a text that it has cut. */
const cutAfter = /\.\.\. \d+ more character/y;

/** Further scopes on a line, as in `scope: openid profile`. */
const moreScopes = /(?:[ \t]+(?![\w-]+(?:=|\s*:\s))[^\s"'`,;&{}<>()]+){0,64}/y;

/** The time after a date without quotes, as Go and many logs write it: `2030-01-01 10:00:00.5 +0000 UTC`. */
const timeOfDay = /[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?/y;

/** How many different names are cached. */
const mostNames = 1000;

/** How well a name matches. A member is read by its best name; if names match equally well, the last one counts. */
type Fit = 'whole' | 'end' | 'short';
const fits: readonly Fit[] = ['whole', 'end', 'short'];

/** Reads the members in any of these notations. Linear in the text. */
export function readPairs(text: string): TokenSetFound | undefined {
  const entries = new Map<keyof RawTokens, { value: string | number; fit: Fit }>();
  const duplicates: string[] = [];
  // Joins code literals that are split with a concatenation operator.
  const namesRead = new Map<string, ReturnType<typeof named>>();
  const joined = text.replace(/(["'])\s*[+.&]\s*\1/g, '');
  words.lastIndex = 0;
  for (let match = words.exec(joined); match; match = words.exec(joined)) {
    const { 0: word, index } = match;
    const end = index + word.length;
    const before = joined.slice(Math.max(0, index - 12), index);
    const isSpaced = word.startsWith('--') || /set|(?:^|\n)ENV\s+$|[{(\s]:$/i.test(before);
    const between = isSpaced ? spaceToo : separator;
    between.lastIndex = end;
    const gap = between.exec(joined)?.[0];
    // A part of a URN, as in `urn:ietf:params:oauth:token-type:access_token`, does not name a token.
    if (gap === undefined || (/[a-z\d]:$/i.test(before) && !/env:$|:\d{1,6}:$/i.test(before))) continue;
    const { member, fit } = namesRead.get(word) ?? named(word.replace(/^[-.$]+/, ''));
    if (namesRead.size < mostNames) namesRead.set(word, { fit, ...(member && { member }) });
    if (member === undefined) continue;
    value.lastIndex = end + gap.length;
    const [written, double, single, tick, bare = ''] = value.exec(joined) ?? [];
    if (written === undefined) continue;
    const quoted = double ?? single ?? tick;
    // A command whose output is the value.
    if (tick?.includes(' ')) continue;
    words.lastIndex = end + gap.length + (quoted === undefined ? bare.length : written.length);
    let read = quoted === undefined ? unquoted(member, bare) : unescaped(quoted);
    if (read === undefined || (fit === 'short' && !isToken(String(read)))) continue;
    // In a text of unknown format, a few quoted characters may be anything.
    if (/_token$/.test(member) && !isWord(String(read).replace(/\s+/g, ''))) continue;
    cutAfter.lastIndex = end + gap.length + written.length;
    if (quoted !== undefined && cutAfter.test(joined)) read = '***';
    if (member === 'scope' && quoted === undefined && gap.includes(':')) {
      moreScopes.lastIndex = words.lastIndex;
      const more = moreScopes.exec(joined)?.[0] ?? '';
      words.lastIndex += more.length;
      read += more;
    }
    if (/expires/.test(member) && /^\d{4}-\d\d-\d\d$/.test(String(read))) {
      timeOfDay.lastIndex = words.lastIndex;
      read += timeOfDay.exec(joined)?.[0] ?? '';
    }
    const known = entries.get(member);
    if (known && fits.indexOf(known.fit) < fits.indexOf(fit)) continue;
    if (known?.fit === fit && known.value !== read) duplicates.push(member);
    entries.set(member, { value: read, fit });
  }
  const object = Object.fromEntries([...entries].map(([member, { value }]) => [member, value]));
  const set = readSet(object, /\bgrant_?type["'`]?\s*[:=]/i.test(text) ? 'request' : 'pairs', duplicates);
  // Words around tokens often look like other members, so only tokens get this warning.
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
  if (/oauth2-bearer$/i.test(word)) return { member: 'access_token', fit: 'end' };
  const short = /(?:(refresh)|token|access|jwt)$/i.exec(word);
  return { ...(short && { member: short[1] ? 'refresh_token' : 'access_token' }), fit: 'short' };
}

/** `token: …` can be anything, so its value must be recognizable as a token. */
function isToken(text: string): boolean {
  return isRecognised(text) || isRecognised(base64Text(text));
}

/** Reads a value without quotes; `undefined` if it cannot be the member's value. */
function unquoted(member: keyof RawTokens, bare: string): string | number | undefined {
  if (/^\d+$/.test(bare)) return Number(bare);
  // Code around a response reads its members (`x = tokens.access_token`); that is not a token.
  if (/[()[]|^\$|^(?:null|undefined|none|0x[\da-f]+)$/i.test(bare)) return undefined;
  if (!/_token$/.test(member)) return percentDecoded(bare.replaceAll('+', ' '));
  // Properties files and shells escape with a backslash. Other backslashes are from nested strings, which
  // `otherReadings` undoes.
  const plain = bare.replace(/(?<!\])\]+$/, '').replace(/\\([:=#!&|$~ \\]|$)/g, '$1');
  if (plain.includes('\\') || plain.includes('::')) return undefined;
  // A plus sign belongs to the token: no token contains the space that it would mean in a form.
  return isWord(plain.replace(/\s+/g, '')) ? percentDecoded(plain) : undefined;
}
