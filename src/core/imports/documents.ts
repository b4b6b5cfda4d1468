/** Token sets in JSON: files, objects in other text, lists of names and values, caches, and nested strings. */
import { memberOf, type TokenName, tokenNames } from '../records/tokenMembers.ts';
import { isObject, type JsonObject, numberFrom, own, readJson } from '../tokens/json.ts';
import { opaqueKind } from '../tokens/opaqueTokens.ts';
import { base64Text } from './escapes.ts';
import { isRecognised, memberAtEnd, readSet, type TokenSetFound } from './tokenSets.ts';

/** The results of reading one text so far. */
export interface ReadResults {
  readonly sets: TokenSetFound[];
  /** The credentials in MSAL caches, by account. */
  readonly accounts: Map<string, Partial<Record<TokenName, JsonObject>>>;
  /** How many more values may be examined. */
  left: number;
  /** A Kubernetes Secret had a value that is not base64 of a text. */
  undecodable?: boolean;
}

/** The most objects of a text that are read. The last ones count, which in a long log are the newest. */
const mostBlocks = 500;

/** The depth to which nested values are read. */
const deepest = 24;

/**
 * Collects the sets of all JSON objects and lists in a text.
 * @param readText reads a string value, which can be a form, a header or JSON again
 * @returns the text around them
 */
export function readDocuments(
  text: string,
  gathering: ReadResults,
  readText: (text: string, depth: number) => void,
  depth: number,
): string {
  let rest = '';
  let end = 0;
  for (const block of jsonBlocks(text)) {
    rest += `${text.slice(end, block.start)}\n`;
    end = block.end;
    walk(block.value, depth, '', block.duplicates);
  }
  return rest + text.slice(end);

  function walk(value: unknown, depth: number, path = '', duplicates?: ReadonlyMap<string, readonly string[]>): void {
    if (depth > deepest || --gathering.left < 0) return;
    if (typeof value === 'string') {
      if (mayHoldMore.test(value)) readText(value, depth + 1);
      return;
    }
    const object = Array.isArray(value) ? namedValues(value) : value;
    if (!isObject(object)) {
      if (Array.isArray(value)) for (const item of value) walk(item, depth + 1);
      return;
    }
    if (isSecret(object)) {
      walk(
        { ...decodedData(object.data, gathering), ...(isObject(object.stringData) && object.stringData) },
        depth + 1,
      );
      return;
    }
    const entry = Array.isArray(value) ? undefined : namedEntry(object);
    if (entry) {
      walk(entry, depth + 1);
      return;
    }
    const registry = registryTokens(object);
    if (registry) gathering.sets.push(registry);
    const mayBeSet = !keepCredential(object, gathering) && Object.keys(object).some(name => mayBeMember.test(name));
    const set = mayBeSet ? readSet(object, 'response', duplicates?.get(path)) : undefined;
    // Of several sets the last one counts. Sets inside a whole response are for other services, so it is added after them.
    const isWhole = set?.tokens.access_token !== undefined && set.tokens.refresh_token !== undefined;
    if (set && !isWhole) gathering.sets.push(set);
    for (const [name, child] of Object.entries(object)) {
      const content =
        name === 'text' && object.encoding === 'base64' && typeof child === 'string' ? base64Text(child) : child;
      if (name !== sealed) walk(content, depth + 1, `${path}/${name}`, duplicates);
    }
    if (set && isWhole) gathering.sets.push(set);
  }
}

const mayBeMember = /token|access|refresh|jwt|bearer/i;

/** Strings that may contain tokens. */
const mayHoldMore = /token|bearer|dpop/i;

/**
 * Converts `[{"key": "access_token", "value": "…"}, …]`, as tools export variables, cookies and storage, or `[["key",
 * "value"], …]`.
 */
function namedValues(list: readonly unknown[]): JsonObject | undefined {
  const entries: [string, unknown][] = [];
  for (const item of list) {
    const [name, value] = Array.isArray(item) ? item : isObject(item) ? nameAndValue(item) : [];
    if (typeof name !== 'string') return undefined;
    if (typeof value === 'string' && !(isObject(item) && (item.enabled === false || item.disabled === true)))
      entries.push([name, value]);
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** The member names of Postman, HAR and storage dumps, of 1Password, of Bitwarden and of AWS. */
function nameAndValue(object: JsonObject): readonly unknown[] {
  const { key, name = object.Name, label, id, value = object.Value ?? object.SecretString, currentValue } = object;
  if (value === undefined && currentValue === undefined) return [label ?? id];
  return [key ?? name ?? label ?? id, value ?? currentValue];
}

/** One secret of a vault, or one variable: `{"name": "refresh-token", "value": "…"}`. */
function namedEntry(object: JsonObject): JsonObject | undefined {
  const [name, value] = nameAndValue(object);
  const isToken = typeof name === 'string' && tokenNames.some(each => each === (memberOf(name) ?? memberAtEnd(name)));
  return isToken && typeof value === 'string' ? { [name]: value } : undefined;
}

// --- Docker ---

/**
 * A token in place of a password for a registry: in `auth`, base64 of the user's name and the password, or in the answer of
 * a credential helper, which names the user `<token>` if the secret is an identity token.
 */
function registryTokens({ auth, Username: user, Secret: secret }: JsonObject): TokenSetFound | undefined {
  if (user === '<token>' && typeof secret === 'string') return readSet({ refresh_token: secret }, 'response');
  const password = typeof auth === 'string' ? /^[^:]{1,100}:(.+)$/s.exec(base64Text(auth) ?? '')?.[1] : undefined;
  return isRecognised(password)
    ? readSet({ [opaqueKind(password)?.use ?? 'access_token']: password }, 'response')
    : undefined;
}

// --- Kubernetes ---

function isSecret({ kind, data }: JsonObject): boolean {
  return kind === 'Secret' && isObject(data);
}

function decodedData(data: unknown, gathering: ReadResults): JsonObject {
  const decoded: Record<string, unknown> = {};
  for (const [name, value] of isObject(data) ? Object.entries(data) : []) {
    const text = typeof value === 'string' ? base64Text(value, 1) : undefined;
    if (text !== undefined) decoded[name] = text;
    else if (/token/i.test(name)) gathering.undecodable = true;
  }
  return decoded;
}

/** Where a SealedSecret keeps its values, encrypted for the cluster. */
const sealed = 'encryptedData';

/** The text without the values of SealedSecrets in YAML. */
export function withoutSealed(text: string): string {
  return text.includes(sealed) ? text.replace(/^([ \t]*)encryptedData:[ \t]*(?:\r?\n\1[ \t]+\S[^\n]*)*/gm, '$1') : text;
}

/**
 * A name and its value in YAML. Each run of blanks has to end where the blanks end, or the pattern would try every way to
 * divide a long one.
 */
const entry =
  /^([ \t]+)["']?([\w.-]+)["']?:[ \t]*(?![ \t])(?:[|>][+-]?[ \t]*\r?\n[ \t]*(?![ \t]))?["']?([^\s"']*)["']?[ \t]*$/;

/**
 * Decodes Secrets in YAML, with or without `kind`. Returns their objects, and in `rest` the text without their data.
 */
export function readSecrets(text: string, gathering: ReadResults): { rest: string; data: JsonObject[] } {
  if (!/^[ \t-]*data:[ \t]*$/m.test(text)) return { rest: text, data: [] };
  const sure = /^[ \t-]*kind:[ \t]*["']?Secret\b/m.test(text);
  const rest: string[] = [];
  const found: JsonObject[] = [];
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    rest.push(line);
    if (!/^[ \t-]*data:[ \t]*$/.test(line)) continue;
    const data: Record<string, string> = {};
    const start = at;
    for (let next = entry.exec(lines[at + 1] ?? ''); next; next = entry.exec(lines[at + 1] ?? '')) {
      data[next[2] ?? ''] = next[3] ?? '';
      at++;
    }
    if (sure || (at > start && Object.values(data).every(value => base64Text(value, 1) !== undefined)))
      found.push(decodedData(data, gathering));
    else rest.push(...lines.slice(start + 1, at + 1));
  }
  return { rest: rest.join('\n'), data: found };
}

// --- MSAL ---

const credentialTypes: readonly (readonly [RegExp, TokenName])[] = [
  [/^accesstoken/i, 'access_token'],
  [/^idtoken/i, 'id_token'],
  [/^refreshtoken/i, 'refresh_token'],
];

/** Notes an entry of an MSAL cache: in its unified format in files, or in camel case in browsers. */
function keepCredential(object: JsonObject, { accounts }: ReadResults): boolean {
  const type = own(object, 'credential_type') ?? own(object, 'credentialType');
  if (typeof type !== 'string' || typeof own(object, 'secret') !== 'string') return false;
  const name = credentialTypes.find(([pattern]) => pattern.test(type))?.[1];
  const account = JSON.stringify([object.home_account_id ?? object.homeAccountId, object.environment]);
  const held = accounts.get(account) ?? {};
  accounts.set(account, held);
  // There may be one access token per API; the one that expires last is kept.
  if (name !== undefined && !(endOf(held[name]) > endOf(object))) held[name] = object;
  return true;
}

function endOf(entry: JsonObject | undefined): number {
  return numberFrom(entry?.expires_on ?? entry?.expiresOn ?? 0);
}

/** One set for each account in the caches. */
export function accountSets({ accounts }: ReadResults): TokenSetFound[] {
  return [...accounts.values()].flatMap(({ access_token, id_token, refresh_token }) => {
    const { expires_on, expiresOn, target, token_type, tokenType } = access_token ?? {};
    const set = readSet(
      {
        access_token: access_token?.secret,
        id_token: id_token?.secret,
        refresh_token: refresh_token?.secret,
        expires_on: expires_on ?? expiresOn,
        scope: target,
        token_type: token_type ?? tokenType,
      },
      'response',
    );
    return set ? [set] : [];
  });
}

// --- JSON somewhere in a text ---

interface Block {
  readonly value: unknown;
  /** Names that occur twice, by the JSON Pointer (RFC 6901) of their object. */
  readonly duplicates?: ReadonlyMap<string, readonly string[]>;
  readonly start: number;
  readonly end: number;
}

/** A brace followed by a name or a closing brace, or a bracket followed by an object or a list. */
const opening = /[{](?=\s*["}])|[[](?=\s*[{[])/g;

/**
 * The outermost JSON objects and lists; if there are very many, the last ones. Examines each character a few times at
 * most, whatever the text is.
 */
function jsonBlocks(text: string, within = 0): Block[] {
  const spans: { readonly start: number; readonly end: number }[] = [];
  let budget = 2 * text.length + 10_000;
  for (let from = 0; budget > 0; ) {
    opening.lastIndex = from;
    const start = opening.exec(text)?.index;
    if (start === undefined) break;
    const { end, closed } = spanAt(text, start);
    budget -= end - start;
    if (closed) spans.push({ start, end });
    from = closed ? end : start + 1;
  }
  return spans.slice(-mostBlocks).flatMap(span => blocksIn(text, span, within));
}

/** How deep values are searched in a span that has balanced brackets but is not JSON. */
const mostWithin = 4;

/** Reads the span as one value, or the values in it if it is not JSON, for example in a code literal. */
function blocksIn(
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
  within: number,
): Block[] {
  const written = text.slice(start, end);
  // Allows line breaks inside strings, which JSON forbids: between values they mean the same as spaces.
  const reading = readJson(written.replace(/\p{Cc}/gu, ' '));
  if (!reading.ok) {
    if (reading.reason === 'depth' || within === mostWithin) return [];
    return jsonBlocks(written.slice(1), within + 1).map(block => ({
      ...block,
      start: block.start + start + 1,
      end: block.end + start + 1,
    }));
  }
  const duplicates = new Map<string, string[]>();
  for (const { member, path } of reading.duplicates) {
    const object = path.slice(0, path.lastIndexOf('/'));
    duplicates.set(object, [...(duplicates.get(object) ?? []), member]);
  }
  return [{ value: reading.value, start, end, ...(duplicates.size > 0 && { duplicates }) }];
}

/** Finds the end of the object or list that starts here, if there is one. */
function spanAt(text: string, start: number): { readonly end: number; readonly closed: boolean } {
  let depth = 0;
  let inString = false;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) depth++;
    else if ((code === 0x7d || code === 0x5d) && --depth === 0) return { end: i + 1, closed: true };
  }
  return { end: text.length, closed: false };
}
