import { isWorkbenchError, WorkbenchError } from '../errors.ts';
import { defined, isObject, type JsonObject } from '../tokens/json.ts';
import type { TokenBinding, TokenSet } from './tokenSet.ts';

/** The format that this version writes. A record of a higher version is left unchanged and reported. */
const recordVersion = 1;

/** The largest record of one connection, in UTF-16 code units. Checked before anything is sent. */
export const recordLimit = 64 * 1024;

/**
 * UTF-16 code units of `recordLimit` that tokens must leave free, so that a stored record can always be marked later.
 */
const reservedLength = 1024;

/** Milliseconds: no issuer is asked for tokens more often than this, however short their lifetime is. */
export const leastInterval = 3000;

/** Everything stored for one connection, under one key: writes to several keys have been seen to tear. */
export interface StoredRecord extends Credentials {
  readonly version: typeof recordVersion;
  readonly connection: string;
  /** Increases by one with every set of tokens; 0 while there is none. */
  readonly generation: number;
  readonly binding?: TokenBinding;
  readonly tokens?: TokenSet;
  /** Written before a refresh is sent and removed when its answer arrives. If it remains, an answer was lost. */
  readonly intent?: RefreshIntent;
  /** The issuer has rejected the refresh token of this generation for good; it is never sent again. */
  readonly refused?: Refusal;
  /** What the last import or its undo has replaced, kept until the tokens have been refreshed twice. */
  readonly replaced?: Replaced;
  /** Absent if no other window shares the refresh token. */
  readonly family?: TokenFamily;
  /** Earlier grants, one of each family, whose newest token the connections that share it have not got yet; see handOn.ts. */
  readonly owed?: readonly Owed[];
}

/** What a record held when another grant took its place. */
export interface Owed
  extends Pick<StoredRecord, 'generation' | 'binding' | 'tokens' | 'dpop_key' | 'intent' | 'refused'> {
  /** `with`: the connections that have to get it. */
  readonly family: TokenFamily;
  /** In place of the tokens, if they could not be read: the sealed record of that generation, if there was one. */
  readonly sealed?: string;
}

/** The record that another connection is given. */
export function recordOwed(connection: string, { sealed: _, ...held }: Owed): StoredRecord {
  return { ...emptyRecord(connection), ...held };
}

/** The record that owes these grants. Of two of one family, the newer token counts, or the later one of two equal ones. */
export function withOwed({ owed: _, ...record }: StoredRecord, owed: readonly Owed[]): StoredRecord {
  const newest = new Map<string, Owed>();
  for (const each of owed) {
    const known = newest.get(each.family.id);
    const one = known && known.family.turn > each.family.turn ? known : each;
    const to = [...new Set([...(known?.family.with ?? []), ...(each.family.with ?? [])])];
    newest.set(each.family.id, { ...one, family: { ...one.family, ...(to.length > 0 && { with: to }) } });
  }
  return newest.size > 0 ? { ...record, owed: [...newest.values()] } : record;
}

export interface Replaced extends Pick<StoredRecord, 'dpop_key' | 'family'> {
  readonly binding: TokenBinding;
  readonly tokens: TokenSet;
  /** The refresh whose answer is missing; `at` is in milliseconds since the epoch. */
  readonly unanswered?: Omit<RefreshIntent, 'generation'>;
  /** The record's tokens have been refreshed since, so the text that was imported may be used up. */
  readonly refreshed?: true;
  /** An undo has put the imported tokens here. */
  readonly undone?: true;
}

/** A refresh token and those that it was rotated into; see families.ts. */
export interface TokenFamily {
  /** A fingerprint of the first token. */
  readonly id: string;
  /** How often it has been rotated. */
  readonly turn: number;
  /** Fingerprints of its latest tokens: the text of an earlier one may be imported again. See `printsPattern`. */
  readonly earlier?: string;
  /** Ids of other connections that hold the token, as far as this one has heard. */
  readonly with?: readonly string[];
}

/** The record with the tokens that its last import has replaced, if those are kept. */
export function beforeImport(record: StoredRecord): StoredRecord | undefined {
  if (record.replaced === undefined) return undefined;
  const { version, connection, generation, replaced, owed } = record;
  const { unanswered, refreshed: _, undone: __, ...before } = replaced;
  const intent = unanswered && { intent: { ...unanswered, generation } };
  return {
    version,
    connection,
    ...clientCredentialsOf(record),
    generation,
    ...before,
    ...intent,
    ...(owed && { owed }),
  };
}

/** What an import or its undo keeps of the record that it replaces. */
export function replacedBy(record: StoredRecord): Replaced | undefined {
  const { binding, tokens, dpop_key, family } = record;
  const { at, retried } = unansweredIntent(record) ?? {};
  return (
    tokens &&
    binding && {
      binding,
      tokens,
      ...(dpop_key !== undefined && { dpop_key }),
      ...(family && { family }),
      ...(at !== undefined && { unanswered: { at, ...(retried && { retried }) } }),
    }
  );
}

/** Adds the connections and the fingerprints that another note of the same family names. */
export function sharedAlso(record: StoredRecord, noted: TokenFamily | undefined): StoredRecord {
  const { family } = record;
  if (family === undefined || noted?.with === undefined || noted.id !== family.id) return record;
  const known = withPrints(family, noted.earlier);
  return { ...record, family: { ...known, with: [...new Set([...(family.with ?? []), ...noted.with])] } };
}

/**
 * Fingerprints of tokens that followed each other: the turn of the first one, a colon, and 16 digits of each, or dashes
 * where it is unknown. One text, because every refresh writes and checks it several times.
 */
const printsPattern = /^\d{1,15}:(?:[\da-f]{16}|-{16}){1,128}$/;

/** How many tokens of a family are recognised when they are imported: those of some days, or of some hours at least. */
const printLimit = 128;

const unknownPrint = '-'.repeat(16);

export function isPrints(value: unknown): boolean {
  return typeof value === 'string' && printsPattern.test(value);
}

/** The fingerprint of one token in this form. `undefined` for a lock that no other window shares: it makes none. */
export function printsOf(turn: number, print: string): string | undefined {
  const prints = `${turn}:${print}`;
  return isPrints(prints) ? prints : undefined;
}

/** The turn of the token with this fingerprint. */
export function turnOfPrint({ earlier }: TokenFamily, print: string): number | undefined {
  const { first, all } = readPrints(earlier);
  const at = all.indexOf(print);
  return at < 0 ? undefined : first + at;
}

/** The family with these fingerprints as well, as far as there is room: the latest ones count. */
export function withPrints(family: TokenFamily, more: string | undefined): TokenFamily {
  if (more === undefined) return family;
  const [known, others] = [readPrints(family.earlier ?? more), readPrints(more)];
  const end = Math.max(known.first + known.all.length, others.first + others.all.length);
  const first = Math.max(end - printLimit, Math.min(known.first, others.first));
  const all = Array.from({ length: end - first }, (_, index) => {
    const noted = others.all[first + index - others.first] ?? unknownPrint;
    return noted === unknownPrint ? (known.all[first + index - known.first] ?? unknownPrint) : noted;
  });
  return { ...family, earlier: `${first}:${all.join('')}` };
}

function readPrints(prints = '0:'): { readonly first: number; readonly all: readonly string[] } {
  const [first, all = ''] = prints.split(':');
  return { first: Number(first), all: all.match(/.{16}/g) ?? [] };
}

export interface RefreshIntent {
  readonly generation: number;
  /** Milliseconds since the epoch of the first attempt without a readable answer. */
  readonly at: number;
  /** The one retry was made or was about to be made. See `unansweredRetry` for who may send this token again. */
  readonly retried?: true;
}

interface Refusal {
  readonly generation: number;
  /** The issuer's `error` code. */
  readonly error: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** When an earlier answer was lost, which most likely held the successor of this token. */
  readonly answer_lost_at?: number;
}

export function emptyRecord(connection: string): StoredRecord {
  return { version: recordVersion, connection, generation: 0 };
}

/**
 * Reads a stored text. Nothing is repaired: what cannot be read is reported, and the caller leaves it unchanged.
 * @throws WorkbenchError `record_unreadable` with `reason`, `record_newer_version`
 */
export function parseRecord(connection: string, text: string): StoredRecord {
  const unreadable = (reason: string) => new WorkbenchError('record_unreadable', { connection, reason });
  if (text.length > recordLimit) throw unreadable('size');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable('json');
  }
  if (!isObject(value)) throw unreadable('shape');
  if (typeof value.version !== 'number') throw unreadable('version');
  if (value.version > recordVersion) {
    throw new WorkbenchError('record_newer_version', { connection, version: value.version });
  }
  if (value.version !== recordVersion) throw unreadable('version');
  if (value.connection !== connection) throw unreadable('connection');
  const flaw = flawOf(value);
  if (flaw !== undefined) throw unreadable(flaw);
  return value as unknown as StoredRecord;
}

/** Whether what `parseRecord` was given can only be deleted. */
export function isUnreadable(error: unknown): boolean {
  return isWorkbenchError(error) && (error.code === 'record_unreadable' || error.code === 'record_newer_version');
}

/**
 * The text to store. A record that could not be read again is never written.
 * @throws WorkbenchError `record_too_large`, `internal`
 */
export function serializeRecord(record: StoredRecord): string {
  const { text, flaw } = written(record);
  if (flaw !== undefined) throw new WorkbenchError('internal', { type: `record ${flaw}` });
  if (text.length > recordLimit) throw tooLarge(record, text.length);
  return text;
}

/** Each record is written once, because a refresh stores, seals and measures the same one. */
const texts = new WeakMap<StoredRecord, { readonly text: string; readonly flaw: keyof StoredRecord | undefined }>();

/** Fingerprints of earlier tokens are left out where they would take the room of anything else. */
function written(record: StoredRecord) {
  const known = texts.get(record);
  if (known) return known;
  const whole = JSON.stringify(record);
  const fits = whole.length <= recordLimit - reservedLength;
  const made = { text: fits ? whole : JSON.stringify(withoutPrints(record)), flaw: flawOf(record) };
  texts.set(record, made);
  return made;
}

/** The length of the text to store, in UTF-16 code units. */
export function recordLength(record: StoredRecord): number {
  return written(record).text.length;
}

/** @throws WorkbenchError `record_too_large` if these tokens leave no room to mark the record later */
export function assertRoomForIntent(record: StoredRecord): void {
  if (!hasRoomForIntent(record)) throw tooLarge(record, recordLength(record));
}

function hasRoomForIntent(record: StoredRecord): boolean {
  return recordLength(record) <= recordLimit - reservedLength;
}

/**
 * Keeps what an import has replaced if there is room, or at least its refresh token, which can get the other tokens
 * again. Of what is owed to other connections, the refresh tokens stay as long as they fit beside that of the record.
 */
export function withRoomForReplaced(record: StoredRecord): StoredRecord {
  if ((record.replaced ?? record.owed) === undefined || hasRoomForIntent(record)) return record;
  const { replaced, owed, ...others } = record;
  const least = owed?.map(each => ({ ...each, ...(each.tokens && { tokens: onlyRefreshToken(each.tokens) }) }));
  const small = { ...others, ...(least && { owed: least }) };
  const both = { ...small, ...(replaced && { replaced: { ...replaced, tokens: onlyRefreshToken(replaced.tokens) } }) };
  if (hasRoomForIntent(both)) return both;
  if (hasRoomForIntent(small) || least === undefined) return small;
  // A sealed record can be larger than all that fits here, and perhaps nobody can open it: new tokens go before it. They
  // also go before the oldest grants that many interrupted sign-ins have left.
  const needed = { ...others, ...(others.tokens && { tokens: onlyRefreshToken(others.tokens) }) };
  let left = least.map(({ sealed: _, ...each }) => each);
  while (left.length > 0 && !hasRoomForIntent(withOwed(needed, left))) left = left.slice(1);
  return withOwed(others, left);
}

function withoutPrints({ family, replaced, owed, ...record }: StoredRecord): StoredRecord {
  const bare = ({ earlier: _, ...named }: TokenFamily): TokenFamily => named;
  return {
    ...record,
    ...(family && { family: bare(family) }),
    ...(replaced && { replaced: { ...replaced, ...(replaced.family && { family: bare(replaced.family) }) } }),
    ...(owed && { owed: owed.map(each => ({ ...each, family: bare(each.family) })) }),
  };
}

function onlyRefreshToken({ refresh_token, obtained_at }: TokenSet): TokenSet {
  return { obtained_at, ...defined({ refresh_token }) };
}

/**
 * Removes tokens until the record fits: those of before an import first, then the ID token. The refresh token always
 * stays, because it exists nowhere else.
 */
export function trimToLimit(whole: StoredRecord): {
  readonly record: StoredRecord;
  /** `record_too_large` if something was removed. */
  readonly error?: WorkbenchError;
} {
  const record = withRoomForReplaced(whole);
  const length = recordLength(record);
  if (length <= recordLimit - reservedLength || record.tokens === undefined) return { record };
  const { id_token = '', ...tokens } = record.tokens;
  const { access_token: _, token_type: __, expires_at: ___, scope: ____, ...refreshToken } = tokens;
  const slim = length - id_token.length <= recordLimit - reservedLength ? tokens : refreshToken;
  return { record: { ...record, tokens: slim }, error: tooLarge(record, length) };
}

/** The record with the higher generation; if both are equal, the stored one. */
export function newest<T extends StoredRecord | undefined>(
  stored: StoredRecord | undefined,
  known: T,
): StoredRecord | T {
  if (stored === undefined) return known;
  return known === undefined || stored.generation >= known.generation ? stored : known;
}

/** The record after a sign-out: no tokens, but the client's credentials, and a generation that voids the old tokens. */
export function withoutTokens(record: StoredRecord, generation: number): StoredRecord {
  return { ...emptyRecord(record.connection), ...clientCredentialsOf(record), generation };
}

/** True if new tokens come from repeating the request, without a refresh token. */
export function isRenewable({ tokens }: StoredRecord): boolean {
  return tokens?.grant === 'client_credentials' && tokens.refresh_token === undefined;
}

/** True if the issuer has rejected the refresh token in the record. */
export function isRefused({ refused, generation }: StoredRecord): boolean {
  return refused?.generation === generation;
}

/** The attempt of this generation whose answer is missing. */
export function unansweredIntent({ intent, generation }: StoredRecord): RefreshIntent | undefined {
  return intent?.generation === generation ? intent : undefined;
}

/**
 * The same, if the answer to the one retry is missing as well: nothing is sent any more unless a user asks, or the
 * token is one that a use does not use up.
 */
export function unansweredRetry(record: StoredRecord): RefreshIntent | undefined {
  const intent = unansweredIntent(record);
  return intent?.retried && !isRefused(record) && !isReusable(record) ? intent : undefined;
}

/**
 * Entra ID in all its clouds replaces a refresh token at each use, and leaves the old one valid
 * (https://learn.microsoft.com/entra/identity-platform/refresh-tokens).
 */
const leavesOldTokensValid = /^https:\/\/login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)\//;

/**
 * True if the refresh token stays valid when it is used, so that a lost answer loses nothing and it may be sent again. An
 * issuer that rotates may take a second use for theft and end the grant (RFC 9700 section 4.14.2).
 */
export function isReusable({ tokens, binding }: StoredRecord): boolean {
  const issuer = binding?.token_endpoint ?? binding?.issuer ?? '';
  return tokens?.refresh_token_kept === true || leavesOldTokensValid.test(issuer);
}

function tooLarge({ connection }: StoredRecord, size: number): WorkbenchError {
  return new WorkbenchError('record_too_large', { connection, size, limit: recordLimit - reservedLength });
}

/** The first member that is missing or has the wrong type. */
function flawOf(record: StoredRecord | JsonObject): keyof StoredRecord | undefined {
  const { generation, binding, tokens, client_secret, private_key, dpop_key, intent, refused, replaced, family, owed } =
    record;
  if (!isCount(generation)) return 'generation';
  if (!optional(binding, isBinding) || (tokens !== undefined && binding === undefined)) return 'binding';
  if (!optional(tokens, isTokenSet)) return 'tokens';
  if (!optional(client_secret, isText)) return 'client_secret';
  if (!optional(private_key, isText)) return 'private_key';
  if (!optional(dpop_key, isText)) return 'dpop_key';
  if (!optional(intent, isIntent)) return 'intent';
  if (!optional(refused, isRefusal)) return 'refused';
  if (!optional(replaced, isReplaced)) return 'replaced';
  if (!optional(family, isFamily)) return 'family';
  if (!optional(owed, list => Array.isArray(list) && list.every(isOwed))) return 'owed';
  return undefined;
}

function optional(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value);
}

/** The bound leaves room to count on: near the largest safe integer a refresh could not increase the generation. */
function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 52;
}

function withFields(required: FieldTypes, others: FieldTypes): (value: unknown) => boolean {
  // Computed once, because records are checked several times per refresh.
  const [needed, possible] = [Object.entries(required), Object.entries(others)];
  return value =>
    isObject(value) &&
    needed.every(([name, is]) => is(value[name])) &&
    possible.every(([name, is]) => optional(value[name], is));
}
type FieldTypes = Readonly<Record<string, (value: unknown) => boolean>>;

const isBinding = withFields({ client_id: isText }, { issuer: isText, token_endpoint: isText });
const isIntent = withFields({ generation: isCount, at: isTime }, { retried: value => value === true });
const isRefusal = withFields({ generation: isCount, at: isTime, error: isText }, { answer_lost_at: isTime });
const isFamily = withFields(
  { id: isText, turn: isCount },
  {
    earlier: isPrints,
    with: value => Array.isArray(value) && value.every(isText),
  },
);
const isTokenSet = withFields(
  { obtained_at: isTime },
  {
    access_token: isText,
    token_type: isText,
    refresh_token: isText,
    id_token: isText,
    scope: value => typeof value === 'string',
    expires_at: isTime,
    refresh_expires_at: isTime,
    id_token_obtained_at: isTime,
    id_token_left_out: value => value === true,
    refresh_token_stored_at: isTime,
    refresh_token_last_used_at: isTime,
    refresh_token_kept: value => value === true,
    grant: isText,
    short_lived: isCount,
  },
);
const isReplaced = withFields(
  { binding: isBinding, tokens: isTokenSet },
  {
    dpop_key: isText,
    family: isFamily,
    unanswered: withFields({ at: isTime }, { retried: value => value === true }),
    refreshed: value => value === true,
    undone: value => value === true,
  },
);
const isOwed = withFields(
  { generation: isCount, family: isFamily },
  { binding: isBinding, tokens: isTokenSet, dpop_key: isText, intent: isIntent, refused: isRefusal, sealed: isText },
);

/** What a client authenticates with: known to one issuer only, and stored in the connection's record. */
export interface ClientCredentials {
  readonly client_secret?: string;
  /** A private key as a JWK or in PEM; PEM may contain the matching certificates as well; see `readClientKey`. */
  readonly private_key?: string;
}

export interface Credentials extends ClientCredentials {
  /** The key that tokens are bound to (RFC 9449): a private JWK whose `kid` is its thumbprint. */
  readonly dpop_key?: string;
}

/** Only the credentials of an object that may hold more. */
export function credentialsOf({ dpop_key, ...others }: Credentials): Credentials {
  return { ...clientCredentialsOf(others), ...(dpop_key !== undefined && { dpop_key }) };
}

/** The same without the DPoP key, which belongs to the current tokens only. */
export function clientCredentialsOf({ client_secret, private_key }: ClientCredentials): ClientCredentials {
  return {
    ...(client_secret !== undefined && { client_secret }),
    ...(private_key !== undefined && { private_key }),
  };
}
