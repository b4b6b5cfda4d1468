/**
 * The only way from a value to text that may be logged or shown. It errs on the side of hiding: a long
 * word of mixed letters and digits is taken for a secret, and so is whatever stands under a telling name.
 */
const HIDDEN = '[hidden]';

/** Names of OAuth and JOSE members whose values are secrets or carry them. */
const secretName =
  /^(authorization|cookie|set-cookie|cause|body|.*token|.*secret|.*password|.*assertion|code|code_verifier|private_key|client_credentials|d|p|q|dp|dq|qi|k)$/i;

/** Names under that pattern whose values are harmless and useful in a log. */
const harmlessName = /^(.*endpoint|token_type|code_challenge_method)$/i;

/** Runs of base64url, base64 or hex of at least 20 characters, with the dots that join a JWT's parts. */
const tokenLike = /[A-Za-z0-9_~+/=-]{20,}(?:\.[A-Za-z0-9_~+/=-]*)*|eyJ[A-Za-z0-9_~+/=.-]*/g;

/** Words of plain prose and dashed-lower-case names (`client_secret_basic`) are no secrets. */
const plainWord = /^[a-z]+(?:[-_/][a-z]+)*$|^[A-Z]+(?:_[A-Z]+)*$/;

/** Hides everything in `text` that could be a token or a secret. Linear in its length. */
export function redactText(text: string): string {
  return text.replace(tokenLike, run => (plainWord.test(run) ? run : HIDDEN));
}

/** A copy of `value` that is safe to log: plain data only, at most six levels deep, every string redacted. */
export function redact(value: unknown, depth = 6): unknown {
  if (typeof value === 'string') return redactText(printable(value, 2000));
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || value === undefined)
    return value;
  if (typeof value !== 'object' || depth === 0) return HIDDEN;
  if (value instanceof Error) {
    // Neither message nor cause: libraries put whole responses there.
    const code = 'code' in value && typeof value.code === 'string' ? value.code : undefined;
    const data = 'data' in value ? redact(value.data, depth - 1) : undefined;
    return {
      error: value.name,
      ...(code && { code: redactText(code) }),
      ...(data !== undefined && { data }),
    };
  }
  if (Array.isArray(value)) return value.slice(0, 100).map(item => redact(item, depth - 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 100)
      .map(([name, item]) => [
        redactText(printable(name, 200)),
        secretName.test(name) && !harmlessName.test(name) && item !== undefined && typeof item !== 'boolean'
          ? HIDDEN
          : redact(item, depth - 1),
      ]),
  );
}

/** Control, bidirectional, zero-width and other invisible characters; a token that hides behind them must show. */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

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

/** The first 16 hex digits of SHA-256: tells two tokens apart and says nothing else about them. */
export async function fingerprint(token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return Array.from(new Uint8Array(digest).subarray(0, 8), byte => byte.toString(16).padStart(2, '0')).join(
    '',
  );
}
