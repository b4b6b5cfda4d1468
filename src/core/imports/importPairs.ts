/** Members of a token response in texts that are no JSON: forms, YAML, TOML, `.env`, tables, literals of languages. */
import { memberOf, readMembers } from './importedMembers.ts';

/** A name, what stands between it and its value in JSON, forms, YAML, TOML, XML, tables, Ruby and PHP, and the value. */
const pairs =
  /(?<![a-z\d-]|[a-z\d]:)((?:access|id|refresh)[-_ ]?token|token[-_ ]?type|scope|(?:refresh[-_ ]?(?:token[-_ ]?)?)?expires[-_ ]?in)["'`\]]{0,2}(\s*(?:=>|[:=|>])\s*|\t)(?:[|>][+-]?[ \t]*[\r\n]\s*|string\(\d+\) )?(?:"([^"]*)"|'([^']*)'|`([^`]*)`|([^\s"'`,;&{}<>()]+(?:\r?\n[ \t]+[\w.~+/-]+={0,2}(?=[ \t]*(?:[\r\n]|$)))*))/gi;

/** Further scopes on a line such as `scope: openid profile`. */
const moreScopes = /(?:[ \t]+(?![\w-]+(?:=|\s*:\s))[^\s"'`,;&{}<>()]+){0,64}/y;

/** Reads the members of a token response in whatever syntax they stand. Linear in the text. */
export function readPairs(text: string) {
  const entries = new Map<string, { value: unknown; foreign: boolean }>();
  const duplicates: string[] = [];
  // A long literal of code comes as a sum of short ones.
  const joined = text.replace(/(["'])\s*\+\s*\1/g, '');
  for (const match of joined.matchAll(pairs)) {
    const [whole, name = '', between = '', double, single, tick, bare = ''] = match;
    const member = memberOf(name) ?? name;
    const quoted = double ?? single ?? tick;
    let value = quoted === undefined ? unquoted(member, bare) : unescaped(quoted);
    if (value === undefined) continue;
    // `MY_ACCESS_TOKEN` is one where there is no `ACCESS_TOKEN`.
    const foreign = joined[match.index - 1] === '_';
    const known = entries.get(member);
    if (foreign && known?.foreign === false) continue;
    if (known?.foreign === foreign && known.value !== value) duplicates.push(member);
    if (member === 'scope' && quoted === undefined && between.includes(':')) {
      moreScopes.lastIndex = match.index + whole.length;
      value += moreScopes.exec(joined)?.[0] ?? '';
    }
    entries.set(member, { value, foreign });
  }
  const object = Object.fromEntries([...entries].map(([member, { value }]) => [member, value]));
  return readMembers(object, duplicates);
}

/** A value without quotes; `undefined` for what is none. */
function unquoted(member: string, bare: string): string | number | undefined {
  if (/^\d+$/.test(bare)) return Number(bare);
  // Code around a response reads its members (`x = tokens.access_token`): that is no token.
  if (/[()[\]]|^\$|^(?:null|undefined|none)$/i.test(bare)) return undefined;
  if (!/_token$/.test(member)) return decodeForm(bare.replaceAll('+', ' '));
  // A plus sign is one of the token's own: no token has the space that a form would mean by it.
  return isWord(bare.replace(/\s+/g, '')) ? decodeForm(bare) : undefined;
}

function decodeForm(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** What JSON and most languages mean by `\/` and `\u003d` inside quotes. */
function unescaped(quoted: string): string {
  return quoted.replace(/\\(?:u([\da-f]{4})|(\/))/gi, (_, code, slash) =>
    slash ? '/' : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** One word that can be a token: long enough, and no name of something. */
export function isWord(text: string): boolean {
  return text.length >= 8 && !/[^\x21-\x7e]/.test(text) && !(text.length < 20 && /^[a-z_-]+[:=]?$/i.test(text));
}
