/**
 * The only way from a value to text that may be logged or shown. It errs on the side of hiding: a long
 * word of mixed letters and digits is taken for a secret, and so is whatever stands under a telling name.
 */
const HIDDEN = '[hidden]';

/** Names of OAuth and JOSE members whose values are secrets or carry them. */
const secretName =
  /^(authorization|cookie|set-cookie|cause|body|.*tokens?(_hint)?|.*secrets?|.*passw.*|.*passphrase|.*passcode|.*assertion|.*credentials?|.*private_?key|.*dpop_?key|.*api_?key|code|(device|user|authorization)_?code|code_?verifier|otp|pin|jwt|bearer|d|p|q|dp|dq|qi|oth|k)$/i;

/** Names under that pattern whose values are harmless and useful in a log. */
const harmlessName = /^(.*endpoint|token_type|code_challenge_method)$/i;

/**
 * Runs of base64url, base64, hex or percent-encoding of at least 20 characters, with the dots that join a JWT's
 * parts; runs of short pieces between dots and colons, as some issuers' tokens are; and whatever starts like a JOSE
 * header. Invisible characters do not end a run: they would cut a token into pieces too short to notice.
 */
const tokenLike =
  /[\w~+/=%!*$\p{Default_Ignorable_Code_Point}-]{20,}(?:\.[\w~+/=%!*$\p{Default_Ignorable_Code_Point}-]*)*|(?:[\w~+/=%!*$-]|[.:](?=[\w~+/=%!*$-])){40,}|eyJ[\w~+/=%!*$.\p{Default_Ignorable_Code_Point}-]*/gu;

/** Words of plain prose, paths and dashed names (`client_secret_basic`, `//login.example/realms`) are no secrets. */
const plainWord = /^\/{0,2}[A-Za-z]?[a-z]{1,16}(?:[-_/.:]{1,3}[a-z]{1,16})*\/?$|^[A-Z]{1,16}(?:_[A-Z]{1,16})*$/;

/** Hides everything in `text` that could be a token or a secret. Linear in its length. */
export function redactText(text: string): string {
  return text.replace(tokenLike, run => (plainWord.test(run) ? run : HIDDEN));
}

/** The most values that are looked at: a log entry is no dump, and cycles end here. */
const mostValues = 1000;

/** A copy of `value` that is safe to log: plain data only, at most six levels deep, every string redacted. Never throws. */
export function redact(value: unknown): unknown {
  let left = mostValues;

  function copy(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return shown(value, 2000);
    if (value === null || typeof value === 'number' || typeof value === 'boolean' || value === undefined) return value;
    if (typeof value !== 'object' || depth === 0 || --left < 0) return HIDDEN;
    if (value instanceof Error) {
      // Neither message nor cause: libraries put whole responses there.
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
    // A getter or a proxy that throws: nothing of it can be told.
    return HIDDEN;
  }
}

/** Hidden first and cut then: a token that is cut could be too short to be seen as one. */
function shown(text: string, max: number): string {
  return printable(redactText(text), max);
}

function isSecret(name: string): boolean {
  return secretName.test(name) && !harmlessName.test(name);
}

/**
 * Control, bidirectional, zero-width and other invisible characters: a token that hides behind them must show. The
 * selector that makes a sign an emoji is no disguise.
 */
const invisible =
  /(?<!\p{Extended_Pictographic})\ufe0f|(?!\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** `text` with invisible characters written as `\u{...}` and cut to `max` characters, with an ellipsis. */
export function printable(text: string, max: number): string {
  const cut = text.length > max;
  // A cut inside a surrogate pair would leave half a character.
  const head = cut ? text.slice(0, max).replace(/[\ud800-\udbff]$/, '') : text;
  const shown = head.replace(invisible, character => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
  return cut ? `${shown}…` : shown;
}

/** A fixed sign for a hidden secret: neither its characters nor its length show. */
export const mask = '••••••••';

/** Standing alone a GUID names an application, a tenant or a request. Those that are secrets were sent and are hidden before. */
const guid = '[\\da-f]{8}-(?:[\\da-f]{4}-){3}[\\da-f]{12}';

/**
 * Text that someone else wrote, safe to show: what looks like a token is hidden, and so is every one of
 * `secrets` wherever it stands; invisible characters show; it is one line of at most `max` characters.
 * @param known identifiers that are no secrets, and are shown although they may look like tokens
 */
export function sanitized(
  text: string,
  max: number,
  secrets: readonly string[] = [],
  known: readonly string[] = [],
): string {
  let hidden = text;
  for (const secret of secrets) {
    // Shorter ones would blot out plain words, and are no secrets.
    if (secret.length < 4) continue;
    // Half a surrogate pair has no encoding: what goes over the wire is the replacement character.
    const sent = secret.replace(/\p{Surrogate}/gu, '\ufffd');
    for (const each of [secret, sent, encodeURIComponent(sent)]) hidden = hidden.replaceAll(each, HIDDEN);
  }
  // Cut before the patterns run, with room for what they shorten: a page of any size must be cheap.
  const line = hidden
    .slice(0, max * 8)
    .replace(/\s+/g, ' ')
    .trim();
  const names = known
    .filter(name => name.length >= 4 && !secrets.includes(name))
    .map(name => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  // Inside a longer word it is a part of that, which may be a token.
  const identifier = new RegExp(`(?<![\\w~+/=%.-])(${[guid, ...names].join('|')})(?!\\.?[\\w~+/=%-])`, 'gi');
  const shown = line.split(identifier).map((part, index) => (index % 2 === 0 ? redactText(part) : part));
  return printable(shown.join(''), max);
}

/** What an HTML page or a plain text says first: its title, else its first line of text. */
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
