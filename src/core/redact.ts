/**
 * The only way from a value to text that may be logged or shown. It hides too much rather than too little: a long word
 * of mixed letters and digits counts as a secret, and so does any value whose name suggests a secret.
 */
const HIDDEN = '[hidden]';

/** Names of OAuth and JOSE members whose values are or contain secrets. */
const secretName =
  /^(authorization|cookie|set-cookie|cause|body|.*tokens?(_hint)?|.*secrets?|.*passw.*|.*passphrase|.*passcode|.*assertion|.*credentials?|.*private_?key|.*dpop_?key|.*api_?key|code|(device|user|authorization)_?code|code_?verifier|otp|pin|jwt|bearer|d|p|q|dp|dq|qi|oth|k)$/i;

/** Names that match `secretName`, but whose values are harmless and useful in a log. */
const harmlessName = /^(.*endpoint|token_type|code_challenge_method)$/i;

/**
 * Runs of at least 20 characters of base64url, base64, hex or percent-encoding, with the dots between a JWT's parts;
 * runs of at least 40 characters of short pieces joined by dots and colons, as some issuers' tokens are; and anything
 * that starts like a JOSE header. Invisible characters do not end a run: they would cut a token into pieces too short
 * to notice.
 */
const tokenLike =
  /[\w~+/=%!*$\p{Default_Ignorable_Code_Point}-]{20,}(?:\.[\w~+/=%!*$\p{Default_Ignorable_Code_Point}-]*)*|(?:[\w~+/=%!*$-]|[.:](?=[\w~+/=%!*$-])){40,}|eyJ[\w~+/=%!*$.\p{Default_Ignorable_Code_Point}-]*/gu;

/**
 * Plain words, paths, dashed names and names of errors (`client_secret_basic`, `//login.example/realms`,
 * `NotAuthorizedException`), which are not secrets.
 */
const plainWord =
  /^\/{0,2}[A-Za-z]?[a-z]{1,16}(?:[-_/.:]{1,3}[a-z]{1,16})*\/?$|^[A-Z]{1,16}(?:_[A-Z]{1,16})*$|^(?:[A-Z][a-z]{2,16}){1,6}(?:Exception|Error|Fault)$/;

/** Hides everything in `text` that may be a token or a secret. Linear in its length. */
export function redactText(text: string): string {
  return text.replace(tokenLike, run => (plainWord.test(run) ? run : HIDDEN));
}

/** The most values that are copied: it keeps log entries short and ends cycles. */
const mostValues = 1000;

/**
 * A copy of `value` that is safe to log: plain data only, at most six levels deep, every string redacted. Never throws.
 */
export function redact(value: unknown): unknown {
  let left = mostValues;

  function copy(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return shown(value, 2000);
    if (value === null || typeof value === 'number' || typeof value === 'boolean' || value === undefined) return value;
    if (typeof value !== 'object' || depth === 0 || --left < 0) return HIDDEN;
    if (value instanceof Error) {
      // No message and no cause: libraries put whole responses there.
      const code = 'code' in value && typeof value.code === 'string' ? value.code : undefined;
      return {
        error: shown(String(value.name), 100),
        ...(code && { code: shown(code, 100) }),
        ...('data' in value && value.data !== undefined && { data: copy(value.data, depth - 1) }),
      };
    }
    if (Array.isArray(value)) return value.slice(0, 100).map(item => copy(item, depth - 1));
    return Object.fromEntries(
      Object.entries(value)
        .slice(0, 100)
        .map(([name, item]) => [
          shown(name, 200),
          isSecret(name) && item !== undefined && typeof item !== 'boolean' ? HIDDEN : copy(item, depth - 1),
        ]),
    );
  }

  try {
    return copy(value, 6);
  } catch {
    // A getter or a proxy threw, so the value cannot be read.
    return HIDDEN;
  }
}

/** Redacts before it cuts: a token that is cut first could be too short to be recognized. */
function shown(text: string, max: number): string {
  return printable(redactText(text), max);
}

function isSecret(name: string): boolean {
  // Both expressions take long for a long name, so that one counts as a secret.
  return name.length > 200 || (secretName.test(name) && !harmlessName.test(name));
}

/**
 * Control, bidirectional, zero-width and other invisible characters, which could hide a token. The variation selector
 * of an emoji is left alone. Made at first use, because it takes a millisecond and VS Code waits for this module.
 */
function invisible(): RegExp {
  invisiblePattern ??=
    /(?<!\p{Extended_Pictographic})\ufe0f|(?!\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
  return invisiblePattern;
}
let invisiblePattern: RegExp | undefined;

/** `text` with invisible characters written as `\u{...}`, cut to `max` characters with an ellipsis. */
export function printable(text: string, max: number): string {
  const cut = text.length > max;
  // A cut inside a surrogate pair would leave half a character.
  const head = cut ? text.slice(0, max).replace(/[\ud800-\udbff]$/, '') : text;
  const shown = head.replace(invisible(), character => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
  return cut ? `${shown}…` : shown;
}

/**
 * A GUID on its own identifies an application, a tenant or a request. A GUID that is a secret was sent by us and is in
 * `secrets`, so it is hidden before this applies.
 */
const guid = '[\\da-f]{8}-(?:[\\da-f]{4}-){3}[\\da-f]{12}';

/**
 * Makes text from outside safe to show: everything that looks like a token and every one of `secrets` is hidden,
 * invisible characters become visible, and the result is one line of at most `max` characters.
 * @param known identifiers that are no secrets and are shown even if they look like tokens
 */
export function sanitized(
  text: string,
  max: number,
  secrets: readonly string[] = [],
  known: readonly string[] = [],
): string {
  let hidden = text;
  for (const secret of secrets) {
    // Shorter ones are not secrets, and replacing them would hide plain words.
    if (secret.length < 4) continue;
    // Half a surrogate pair cannot be encoded: the replacement character is what was sent.
    const sent = secret.replace(/\p{Surrogate}/gu, '\ufffd');
    for (const each of [secret, sent, encodeURIComponent(sent)]) hidden = hidden.replaceAll(each, HIDDEN);
  }
  // Cut before the patterns run, so that a large page is cheap. Eight times `max` is enough, although the patterns
  // shorten the text.
  const line = hidden
    .slice(0, max * 8)
    .replace(/\s+/g, ' ')
    .trim();
  const names = known
    .filter(name => name.length >= 4 && !secrets.includes(name))
    .map(name => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  // As a part of a longer word it may belong to a token, so it is not exempt.
  const identifier = new RegExp(`(?<![\\w~+/=%.-])(${[guid, ...names].join('|')})(?!\\.?[\\w~+/=%-])`, 'gi');
  const shown = line.split(identifier).map((part, index) => (index % 2 === 0 ? redactText(part) : part));
  return printable(shown.join(''), max);
}

/**
 * The first line that an HTML page or a plain text shows: its title if it has one, otherwise its first line of text.
 */
export function firstLine(
  body: string,
  max: number,
  secrets: readonly string[] = [],
  known: readonly string[] = [],
): string | undefined {
  const head = body.slice(0, 20_000);
  const isMarkup = /^\s*(?:<!doctype|<html|<head|<body|<\?xml|<!--)/i.test(head);
  const title = isMarkup ? /<title[^>]{0,200}>([^<]{0,1000})/i.exec(head)?.[1]?.trim() : undefined;
  const text = title || (isMarkup ? withoutTags(head) : head);
  const line = decodeEntities(text)
    .split(/[\r\n]+/)
    .map(each => each.trim())
    .find(each => each !== '');
  return line === undefined ? undefined : sanitized(line, max, secrets, known);
}

function withoutTags(markup: string): string {
  return markup
    .replace(/<(script|style)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, ' ')
    .replace(/<!--[\s\S]*?(?:-->|$)/g, ' ')
    .replace(/<[^>]*(?:>|$)/g, '\n');
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
};

function decodeEntities(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos|nbsp);/g, (whole, name: string) => entities[name] ?? whole);
}
