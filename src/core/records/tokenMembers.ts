/**
 * Reads the members of a token response (RFC 6749 section 5.1) under the names, in the places and with the types that
 * issuers and programs use. Serves the answers of token endpoints and what users paste.
 */
import { defined, isObject, type JsonObject, memberText, own, readJson } from '../tokens/json.ts';
import type { RawTokens } from './tokenSet.ts';

export type TokenMember = keyof RawTokens;
export type TokenName = 'access_token' | 'id_token' | 'refresh_token';

export const tokenNames = ['access_token', 'id_token', 'refresh_token'] as const satisfies readonly TokenName[];

/** Something unusual about a member. */
interface MemberNote {
  readonly code: /** A number was sent as text. */
    | 'number_as_text'
    /** A list was sent instead of one text with spaces. */
    | 'list_as_text'
    /** The value has the wrong type, so the member is left out. */
    | 'member_ignored';
  readonly member: TokenMember;
}

export interface ReadMembers {
  readonly tokens: RawTokens;
  readonly notes: readonly MemberNote[];
  /** Tokens found under a short name, for example `token`, which may mean something else. */
  readonly guessed: readonly TokenName[];
}

/** Member names in lower case without separators. */
const names: ReadonlyMap<string, TokenMember> = new Map([
  ['tokentype', 'token_type'],
  ['scope', 'scope'],
  ['scopes', 'scope'],
  ['grantedscopes', 'scope'],
]);

/** Names of tokens: `refresh_token`, `new_refresh_token`, `refreshJwt` (Bluesky), `refreshTokenValue`. */
const tokenName = /^(?:x|new|next|current|oauth2?)?(access|id|refresh)(?:token(?:value|string)?|jwt)$/;

/** Ambiguous names. They count only if the object has none of the names above for the same member. */
const shortNames: ReadonlyMap<string, TokenName> = new Map([
  ['token', 'access_token'],
  ['access', 'access_token'],
  ['jwt', 'access_token'],
  ['bearer', 'access_token'],
  ...['bearer', 'auth', 'xauth', 'authorization', 'api', 'session', 'user', 'jwt'].map(
    each => [`${each}token`, 'access_token'] as const,
  ),
  ['authjwt', 'access_token'],
  ['sessionjwt', 'access_token'],
  ['tokenvalue', 'access_token'],
  ['refresh', 'refresh_token'],
]);

/**
 * A lifetime (`expires_in`), a date (`expires_at`), or either depending on its value (`expires`, `expiry`). The unit of a
 * lifetime may follow (`expires_in_ms`, `ttlMinutes`); without one it is in seconds.
 */
const lifetimeName =
  /^(?:x|oauth2?)?(access|refresh)?(?:token)?(?:(expires?in|lifetime(?:in)?|ttl(?:in)?|maxage|validfor)|(expires?(?:at|on|date)|expir(?:ation|y)(?:date|time|timestamp)|validuntil)|expires|expiry|expiration|expiretime)(ms|milli(?:s|seconds?)|sec(?:ond)?s?|min(?:ute)?s?|h(?:ou)?rs?|hours?|days?|(?<=in)[smhd])?$/;

/** A name in lower case without separators. */
export const normalized = (name: string) => name.replace(/[-_ .]/g, '').toLowerCase();

/** The member of a token response that a name stands for. */
export function memberOf(name: string): TokenMember | undefined {
  const short = normalized(name);
  const token = tokenName.exec(short)?.[1];
  const known = token === undefined ? names.get(short) : (`${token}_token` as TokenName);
  if (known !== undefined) return known;
  const [match, of, , date] = lifetimeName.exec(short) ?? [];
  if (match === undefined) return undefined;
  const kind = date === undefined ? 'expires_in' : 'expires_at';
  return of === 'refresh' ? `refresh_${kind}` : kind;
}

/**
 * Reads the members of one object. A member of a wrong type is left out and noted, and does not affect the others.
 * @param sent the refresh token that was sent; a different one in the object takes precedence
 */
export function readMembers(object: JsonObject, sent?: string): ReadMembers {
  const notes: MemberNote[] = [];
  const tokens: { -readonly [K in TokenMember]?: RawTokens[K] } = {};
  const note = (code: MemberNote['code'], member: TokenMember) => notes.push({ code, member });

  function lifetime(name: string, member: TokenMember, value: unknown): void {
    const of = member.startsWith('refresh_') ? 'refresh_' : '';
    const read = readLifetime(value, member.endsWith('_at'), unitIn(name));
    if (read === 'none') return;
    if (read === undefined) note('member_ignored', member);
    else if ('at' in read) tokens[`${of}expires_at`] ??= read.at;
    else {
      if (read.asText) note('number_as_text', member);
      tokens[`${of}expires_in`] ??= read.seconds;
    }
  }

  const entries = Object.entries(object).flatMap(([name, value]) => {
    const member = memberOf(name);
    if (member === undefined || isNothing(value, member) || (member === 'id_token' && isClaims(value))) return [];
    if (member === 'access_token' && isSigningKey(value)) return [];
    // A token may be sent as a number, and JavaScript rounds long numbers. A short number is a flag or a count.
    const digits = typeof value === 'number' && isTokenName(member) ? memberText(object, name) : undefined;
    return [{ name, member, value: digits !== undefined && /^\d{10,}$/.test(digits) ? digits : value }];
  });
  // If an alias and the real name are both present, the real name counts.
  entries.sort((one, other) => Number(other.name === other.member) - Number(one.name === one.member));
  for (const { name, member, value } of entries) {
    const listed = member === 'scope' ? listedScopes(value) : undefined;
    if (/expires/.test(member)) lifetime(name, member, value);
    else if (tokens[member] !== undefined && tokens[member] !== sent) continue;
    else if (listed !== undefined) {
      note('list_as_text', member);
      tokens.scope = listed;
    } else {
      const text = isTokenName(member) ? tokenOf(value, member, sent) : textOf(value);
      if (text === undefined) note('member_ignored', member);
      else Object.assign(tokens, { [member]: text, ...lifetimeBeside(member, value) });
    }
  }
  const guessed: TokenName[] = [];
  const jwtsFirst = Object.entries(object).sort(([one], [other]) => Number(isJwtName(other)) - Number(isJwtName(one)));
  for (const [name, value] of isSigningKey(object) ? [] : jwtsFirst) {
    const member = shortNames.get(normalized(name));
    const text = member === undefined || tokens[member] !== undefined ? undefined : tokenOf(value, member);
    // A flag or a word under a short name (`"refresh": "daily"`) is not a token.
    if (member === undefined || text === undefined || !/^[\x21-\x7e]{16,}$/.test(text)) continue;
    Object.assign(tokens, { [member]: text, ...lifetimeBeside(member, value) });
    guessed.push(member);
  }
  return { tokens: defined<RawTokens>(tokens), notes, guessed };
}

/** Stytch sends `session_jwt` and, for its own servers, `session_token`. */
function isJwtName(name: string): boolean {
  return /jwt$/i.test(name);
}

export function hasToken(tokens: RawTokens): boolean {
  return tokenNames.some(name => tokens[name] !== undefined);
}

function isTokenName(member: TokenMember): member is TokenName {
  return tokenNames.some(name => name === member);
}

/** How languages print a missing value, in quotes or brackets or without. Such a text must not replace a token. */
const noValue = /^["'[({<]{0,3}(?:null|nil|none|undefined|nan|true|false|n\/?a|-+|[01])?["'\])}>]{0,3}$/i;

/** What logs and gateways write in place of a secret, and JavaScript in place of any object. */
const masked = /^\s*(?:[*•x]{3,}|[[<({*]*(?:redacted|masked|filtered|hidden|object object)[\]>)}*]*)\s*$|[•…]/i;

/** A template that a gateway did not fill: `${token}`, `{{token}}`, Apigee's `{oauthv2….refresh_token}`. */
const unfilled =
  /^(?:\$\{[^{}]*\}|\{\{[^{}]*\}\}|\{[\w.-]{0,80}token[\w.-]{0,80}\}|<[^<>]*>|%[\w.]{0,80}token[\w.]{0,80}%)$/i;

/**
 * True for a token that a gateway has masked in part. Tokens of Microsoft accounts have asterisks of their own, but never
 * so many in a row.
 */
function isMaskedInPart(text: string): boolean {
  const [run = ''] = /\*{3,}|x{6,}/i.exec(text) ?? [];
  return run !== '' && run.length * 4 >= text.length;
}

/** Casdoor wrote an error in place of the access token. */
export const isErrorText = (text: string) => /^error: \S+ \S/i.test(text);

const isPlaceholder = (text: string) =>
  [noValue, masked, unfilled].some(each => each.test(text)) || isMaskedInPart(text) || isErrorText(text);

/** A token without the quotes or the scheme that some answers have inside of the text. */
function bare(text: string, member: TokenName): string {
  const inner = text.trim().replace(/^"([^"]*)"$/, '$1');
  return member === 'access_token' ? inner.replace(/^(?:Bearer|DPoP) +/i, '') : inner;
}

/** True for a member without a value. */
function isNothing(value: unknown, member: TokenMember): boolean {
  if (typeof value === 'string') return isTokenName(member) ? noValue.test(value.trim()) : value === '';
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}

/** gcloud writes what an ID token says in its place, and the token itself beside it. */
function isClaims(value: unknown): boolean {
  return isObject(value) && typeof own(value, 'iss') === 'string' && typeof own(value, 'sub') === 'string';
}

/** Temporary credentials of AWS: their session token is sent with signed requests, and no server accepts it alone. */
function isSigningKey(value: unknown): boolean {
  return isObject(value) && Object.keys(value).some(name => normalized(name) === 'secretaccesskey');
}

/** Scopes as a list, as an object of flags, or with commas between them as GitHub and Slack write them. */
function listedScopes(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.every(item => typeof item === 'string') ? value.join(' ') : undefined;
  if (isObject(value)) {
    const granted = Object.entries(value).flatMap(([name, flag]) => (flag === true ? [name] : []));
    return granted.length > 0 ? granted.join(' ') : undefined;
  }
  // A URL may have a comma of its own.
  const isListed = typeof value === 'string' && /^[^\s,:]+(?::[^\s,/:]+)*(?:, ?[^\s,:]+(?::[^\s,/:]+)*)+$/.test(value);
  return isListed ? value.split(/, ?/).join(' ') : undefined;
}

/** A text, or a list of one text. */
function textOf(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.length === 1 ? textOf(value[0]) : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** DynamoDB and Firestore name the type of each value. */
const typedNames = ['S', 'stringValue'];

/**
 * A token as a text, in a list of one, or in an object: `{"token": "…", "expires": "…"}`. White space
 * around it is removed.
 */
function tokenOf(value: unknown, member: TokenName, sent?: string): string | undefined {
  if (Array.isArray(value)) {
    const texts = value.map(item => tokenOf(item, member)).filter(text => text !== undefined && text !== sent);
    return texts.length === 1 && value.length <= 2 ? texts[0] : undefined;
  }
  if (isObject(value)) {
    const inner = ['token', 'value', 'jwt', 'tokenValue', member, ...typedNames].map(name => own(value, name));
    return tokenOf(
      inner.find(each => each !== undefined && !isObject(each)),
      member,
      sent,
    );
  }
  return typeof value === 'string' && !isPlaceholder(value.trim()) ? bare(value, member) : undefined;
}

/** The lifetime inside a token's own object. */
function lifetimeBeside(member: TokenMember, value: unknown): RawTokens {
  if (!isObject(value) || member === 'id_token') return {};
  const { expires_in, expires_at } = readMembers(value).tokens;
  return member === 'refresh_token'
    ? defined<RawTokens>({ refresh_expires_in: expires_in, refresh_expires_at: expires_at })
    : defined<RawTokens>({ expires_in, expires_at });
}

// --- When a token expires ---

/** Seconds in a hundred years. A longer lifetime is a mistake of units or not a number at all (`1e400`). */
const longestLifetime = 100 * 366 * 24 * 3600;

/** From this number on a value is a date instead of a lifetime, in seconds and in milliseconds since the epoch. */
const dateInSeconds = 1e9;
const dateInMilliseconds = 1e11;

/** Milliseconds. */
const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The unit that the name of a lifetime ends in, in milliseconds. */
function unitIn(name: string): number {
  const unit = lifetimeName.exec(normalized(name))?.[4] ?? 's';
  return units[/^m(?:s|il)/.test(unit) ? 'ms' : unit.charAt(0)] ?? 1000;
}

type Lifetime = { readonly seconds: number; readonly asText: boolean } | { readonly at: number };

/**
 * Reads a lifetime or an expiry date.
 * @param isDate the member's name says that it is a date
 * @param unit of a number that is a lifetime, in milliseconds
 * @returns a lifetime in seconds, or `at` in milliseconds since the epoch; `none` if the value means "never expires"
 */
function readLifetime(value: unknown, isDate: boolean, unit: number): Lifetime | 'none' | undefined {
  const inSeconds = (number: number) => (isDate ? number : (number * unit) / 1000);
  if (typeof value === 'number') return lifetimeOf(inSeconds(value), isDate, false);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (/^\d{1,15}(?:\.\d{1,15})?$/.test(text)) return lifetimeOf(inSeconds(Number(text)), isDate, true);
  // `3600s` (a duration in Google's JSON), `15m` and `1 hour` (as jsonwebtoken accepts them).
  const [, amount, own = ''] =
    /^(\d{1,9}(?:\.\d{1,9})?) ?(s|m|h|d)(?:ec(?:ond)?s?|in(?:ute)?s?|ours?|ays?)?$/i.exec(text) ?? [];
  if (amount !== undefined)
    return lifetimeOf((Number(amount) * (units[own.toLowerCase()] ?? 1000)) / 1000, false, true);
  // `PT1H`, `PT1H30M`, `P1DT12H` (ISO 8601, Java's Duration).
  const parts = /^P(?!T?$)(?:(\d{1,5})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?$/
    .exec(text)
    ?.slice(1);
  if (parts !== undefined) {
    const [days = 0, hours = 0, minutes = 0, seconds = 0] = parts.map(each => Number(each ?? 0));
    return lifetimeOf(((days * 24 + hours) * 60 + minutes) * 60 + seconds, false, true);
  }
  // A TimeSpan of .NET: `01:00:00`, `1.00:00:00`.
  const [, days = 0, ...clock] = /^(?:(\d{1,5})\.)?(\d\d):(\d\d):(\d\d)(?:\.\d{1,7})?$/.exec(text) ?? [];
  if (clock.length > 0)
    return lifetimeOf(clock.reduce((sum, each) => sum * 60 + Number(each), 0) + Number(days) * 86_400, false, true);
  // An ISO 8601 or HTTP date. The AWS command line wrote `UTC` instead of `Z`.
  if (!/^(?:\d{4}-\d\d-\d\d|[A-Z][a-z]{2}, \d)/.test(text)) return undefined;
  const at = Date.parse(text.replace(/UTC$/, 'Z'));
  // Go writes January 1 of year 1 for "never".
  if (at < 0) return 'none';
  return Number.isNaN(at) ? undefined : { at };
}

function lifetimeOf(number: number, isDate: boolean, asText: boolean): Lifetime | 'none' | undefined {
  if (!(number >= 0)) return undefined;
  if (number >= dateInMilliseconds) return number <= dateInMilliseconds * 1000 ? { at: number } : undefined;
  if (number >= dateInSeconds && (isDate || number > longestLifetime / 3)) return { at: number * 1000 };
  if (isDate) return number === 0 ? 'none' : undefined;
  return number <= longestLifetime ? { seconds: number, asText } : undefined;
}

// --- Where the members are ---

/** Bounds of the search: the members of an answer are near the top, whatever they are wrapped in. */
const deepest = 8;
const mostValues = 2000;
const textsOpened = 8;

export interface FoundTokens extends ReadMembers {
  /** The tokens were not in the outermost object. */
  readonly nested: boolean;
  /** The answer also contains another access or refresh token. */
  readonly several: boolean;
}

interface Place extends ReadMembers {
  readonly depth: number;
}

/**
 * Finds the tokens in a JSON value: at the top, as RFC 6749 says, or wrapped in objects, lists, JSON texts and lists of
 * names and values. Preferred is the top, then the first object with an access token and a refresh token, then the
 * first with any token. A token that is missing there is taken from an object that has only that token.
 * @param sent the refresh token that was sent; places that repeat it come after places with a different one
 */
export function findTokens(value: unknown, sent?: string): FoundTokens | undefined {
  // Places whose tokens were only guessed come last.
  const rank = ({ guessed, tokens }: Place) =>
    (guessed.length > 0 ? 2 : 0) + (sent !== undefined && tokens.refresh_token === sent ? 1 : 0);
  const places = placesIn(value, sent).sort((one, other) => rank(one) - rank(other));
  const first =
    places.find(({ depth, tokens }) => depth === 0 && tokens.access_token !== undefined) ??
    places.find(({ tokens }) => tokens.access_token !== undefined && tokens.refresh_token !== undefined) ??
    places.find(({ tokens }) => tokens.access_token !== undefined) ??
    places.find(({ tokens }) => hasToken(tokens));
  if (first === undefined) return undefined;
  const isNew = (token: string | undefined) => token !== undefined && token !== sent;
  // The object in which the access token was found may itself have both: `{"token": {"access_token": …, …}}`.
  const inside = ({ tokens }: Place) =>
    tokens.access_token === first.tokens.access_token && isNew(tokens.refresh_token);
  const best = isNew(first.tokens.refresh_token) ? first : (places.find(inside) ?? first);
  const only = (name: TokenName) =>
    places.find(({ tokens }) => tokenNames.every(each => (tokens[each] !== undefined) === (each === name)))?.tokens;
  const around = places.find(({ depth, tokens }) => depth === 0 && !hasToken(tokens))?.tokens;
  const alone = isNew(best.tokens.refresh_token) ? undefined : only('refresh_token');
  // In GraphQL, `refreshToken` may be the mutation that returned the access token.
  const refresh = alone?.refresh_token === best.tokens.access_token ? undefined : alone;
  const id_token = best.tokens.id_token ?? only('id_token')?.id_token;
  const tokens = defined<RawTokens>({
    ...around,
    ...best.tokens,
    ...(refresh && {
      refresh_token: refresh.refresh_token,
      // In an object with nothing but a refresh token, plain `expires_in` and `expires_at` mean the refresh token.
      refresh_expires_in: refresh.refresh_expires_in ?? refresh.expires_in ?? best.tokens.refresh_expires_in,
      refresh_expires_at: refresh.refresh_expires_at ?? refresh.expires_at ?? best.tokens.refresh_expires_at,
    }),
    id_token,
  });
  const isOther = (place: Place) =>
    (['access_token', 'refresh_token'] as const).some(
      name => place.tokens[name] !== undefined && place.tokens[name] !== tokens[name],
    );
  return { tokens, notes: best.notes, guessed: best.guessed, nested: best.depth > 0, several: places.some(isOther) };
}

/** Every object that has a member of a token response, the outermost first. */
function placesIn(root: unknown, sent: string | undefined): Place[] {
  const places: Place[] = [];
  let level = [root];
  let left = mostValues;
  let texts = textsOpened;
  for (let depth = 0; depth <= deepest && level.length > 0; depth++) {
    const below: unknown[] = [];
    for (const value of level) {
      if (--left < 0) return places;
      const object = Array.isArray(value) ? namedValues(value) : value;
      if (isObject(object)) {
        const read = readMembers(object, sent);
        if (Object.keys(read.tokens).length > 0 || depth === 0) places.push({ ...read, depth });
        below.push(...Object.values(object));
      } else if (Array.isArray(value)) below.push(...value);
      else if (typeof value === 'string' && /^\s*[{["]/.test(value) && texts-- > 0) {
        const reading = readJson(value);
        if (reading.ok) below.push(reading.value);
      }
    }
    level = below.filter(value => typeof value === 'string' || (typeof value === 'object' && value !== null));
  }
  return places;
}

/** Converts `[{"key": "access_token", "value": "…"}, …]` or `[{"type": "access", "token": "…"}, …]` into an object. */
function namedValues(list: readonly unknown[]): JsonObject | undefined {
  const entries: [string, unknown][] = [];
  for (const item of list) {
    if (!isObject(item)) return undefined;
    const name = item.key ?? item.name ?? item.type;
    const value = Object.hasOwn(item, 'value') ? item.value : own(item, 'token');
    if (typeof name !== 'string' || value === undefined) return undefined;
    entries.push([name, value]);
  }
  // Lists of other things have names and types as well.
  const isResponse = entries.some(([name]) => memberOf(name) !== undefined || shortNames.has(normalized(name)));
  return isResponse ? Object.fromEntries(entries) : undefined;
}
