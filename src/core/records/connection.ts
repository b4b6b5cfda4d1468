/**
 * The settings of a connection: one row each. Its type, its reader and the check of the manifest come from the rows.
 */

import { type DataOf, isWorkbenchError, WorkbenchError } from '../errors.ts';
import { requireSecureUrl } from '../http/http.ts';
import { printable, sanitized } from '../redact.ts';
import { defined, isObject } from '../tokens/json.ts';
import type { StoredRecord } from './record.ts';
import { bindingMismatch, type TokenBinding } from './tokenSet.ts';

/** The ways in which a client can authenticate at the token endpoint. */
export const tokenEndpointAuthMethods = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
] as const;
export type TokenEndpointAuthMethod = (typeof tokenEndpointAuthMethods)[number];

/** The audience of a client assertion (RFC 7523 §3). */
const assertionAudiences = ['issuer', 'endpoint'] as const;

/** How a setting is read: `text` is trimmed, `url` must be https or on this machine. */
interface Row {
  readonly type: 'text' | 'url' | 'choice' | 'flag' | 'port' | 'parameters';
  readonly values?: readonly string[];
  readonly required?: true;
  readonly default?: string | boolean;
}

/**
 * A new setting needs a row here, its schema in package.json and its texts in package.nls.json. Names follow RFC 6749
 * and RFC 8414.
 */
export const connectionRows = {
  /** A slug; the key of the stored record. */
  id: { type: 'text', required: true },
  /** Defaults to the id. */
  label: { type: 'text', required: true },
  /** Connections with the same group are shown together in the tree. */
  group: { type: 'text' },
  /** Absent only if the issuer has neither identifier nor metadata; `tokenEndpoint` is set then. */
  issuer: { type: 'url' },
  clientId: { type: 'text', required: true },
  /** Separated by spaces, as in the request. */
  scope: { type: 'text' },
  tokenEndpoint: { type: 'url' },
  authorizationEndpoint: { type: 'url' },
  deviceAuthorizationEndpoint: { type: 'url' },
  jwksUri: { type: 'url' },
  revocationEndpoint: { type: 'url' },
  introspectionEndpoint: { type: 'url' },
  userinfoEndpoint: { type: 'url' },
  endSessionEndpoint: { type: 'url' },
  tokenEndpointAuthMethod: { type: 'choice', values: tokenEndpointAuthMethods, default: 'none' },
  /** Defaults to the issuer; `endpoint` means the endpoint that is called, as Okta requires. */
  clientAssertionAudience: { type: 'choice', values: assertionAudiences },
  audience: { type: 'text' },
  resource: { type: 'text' },
  extraParameters: { type: 'parameters' },
  /** The port of the loopback redirect URI, for issuers that compare it. Defaults to any free port (RFC 8252 §7.3). */
  redirectPort: { type: 'port' },
  autoRefresh: { type: 'flag', default: true },
  dpop: { type: 'flag', default: false },
  pushedAuthorizationRequests: { type: 'flag', default: false },
} as const satisfies Readonly<Record<string, Row>>;

type Rows = typeof connectionRows;
type Name = keyof Rows;
type ValueOf<R extends Row> = R['type'] extends 'flag'
  ? boolean
  : R['type'] extends 'port'
    ? number
    : R['type'] extends 'parameters'
      ? Readonly<Record<string, string>>
      : R['values'] extends readonly (infer Each)[]
        ? Each
        : string;
type Present = { [K in Name]: Rows[K] extends { required: true } | { default: unknown } ? K : never }[Name];

/** A connection as the settings describe it. It holds no secret. */
export type Connection = { readonly [K in keyof Pick<Rows, Present>]: ValueOf<Rows[K]> } & {
  readonly [K in keyof Omit<Rows, Present>]?: ValueOf<Rows[K]>;
};

/** The audience of the connection's access tokens, if the settings name one. */
export function audienceOf({ audience, resource }: Partial<Connection>): string | undefined {
  return audience ?? resource;
}

/** True if the client presents a certificate (RFC 8705). */
export function isMutualTls(method: TokenEndpointAuthMethod): boolean {
  return method.endsWith('tls_client_auth');
}

/** True if the client has a private key instead of a secret. */
export function usesKey(method: TokenEndpointAuthMethod): boolean {
  return method === 'private_key_jwt' || isMutualTls(method);
}

/** A problem of one entry in the setting. The other entries still work. */
export interface ConnectionProblem {
  /** An entry with an error is not used; an entry with warnings only is. */
  readonly severity: 'error' | 'warning';
  /** Position in the setting's array; -1 if the setting as a whole is wrong. */
  readonly index: number;
  /** Identifies the entry on screen, if known. */
  readonly id?: string;
  readonly label?: string;
  readonly field?: string;
  readonly code:
    | 'not_an_array'
    | 'not_an_object'
    | 'missing'
    | 'wrong_type'
    | 'not_a_slug'
    | 'not_a_url'
    | 'insecure_url'
    | 'unknown_value'
    | 'unknown_field'
    | 'reserved_parameter'
    | 'secret_in_settings'
    | 'duplicate_id';
  /** The current value, cut to a printable length; never for a field that may be a secret. */
  readonly found?: string;
}

export interface ConnectionSettings {
  readonly connections: readonly Connection[];
  readonly problems: readonly ConnectionProblem[];
}

/**
 * Reads the setting `jwtWorkbench.connections`. Never throws: an entry that cannot be used is reported in `problems`,
 * and the others still work. If two entries have the same id, the first is used.
 */
export function readConnections(raw: unknown): ConnectionSettings {
  if (raw === undefined) return { connections: [], problems: [] };
  if (!Array.isArray(raw)) {
    return { connections: [], problems: [{ index: -1, severity: 'error', code: 'not_an_array' }] };
  }
  const connections = new Map<string, Connection>();
  const problems: ConnectionProblem[] = [];
  for (const [index, entry] of raw.entries()) {
    const read = readEntry(entry, index);
    problems.push(...read.problems);
    if (read.connection === undefined) continue;
    const { id, label } = read.connection;
    if (connections.has(id)) {
      problems.push({ index, id, label, field: 'id', severity: 'error', code: 'duplicate_id', found: id });
    } else {
      connections.set(id, read.connection);
    }
  }
  return { connections: [...connections.values()], problems };
}

/** Reads a single entry, for example from the argument of a command. */
export function readConnection(raw: unknown): {
  readonly connection?: Connection;
  readonly problems: readonly ConnectionProblem[];
} {
  return readEntry(raw, 0);
}

function readEntry(raw: unknown, index: number): { connection?: Connection; problems: readonly ConnectionProblem[] } {
  if (!isObject(raw)) return { problems: [{ index, severity: 'error', code: 'not_an_object' }] };
  const problems: ConnectionProblem[] = [];
  const name = {
    ...(typeof raw.id === 'string' && { id: idPattern.test(raw.id) ? raw.id : sanitized(raw.id, 64) }),
    ...(typeof raw.label === 'string' && { label: printable(raw.label, 100) }),
  };
  const problem: Complain = (field, code, found, severity = 'error') => {
    problems.push({ index, ...name, severity, field, code, ...(found !== undefined && { found }) });
    return undefined;
  };
  const read: Record<string, unknown> = {};
  for (const [field, row] of Object.entries<Row>(connectionRows)) {
    // The URL of the metadata may have a query and a fragment, which the issuer has not.
    const given = field === 'issuer' && typeof raw.issuer === 'string' ? issuerOfAddress(raw.issuer) : raw[field];
    const value = readers[row.type](given, (code, found) => problem(field, code, found), row, problem, field);
    read[field] = value ?? row.default;
  }
  const { id } = read;
  if (typeof id === 'string' && !idPattern.test(id)) problem('id', 'not_a_slug', sanitized(id, 64));
  read.label ??= id;
  if (typeof read.scope === 'string') read.scope = read.scope.replace(/\s+/g, ' ');
  if (typeof read.issuer === 'string') {
    // RFC 8414 §2: an issuer identifier has no query.
    if (new URL(read.issuer).search !== '') problem('issuer', 'not_a_url', new URL(read.issuer).origin);
  }
  const isMissing = (field: Name) => read[field] === undefined && !problems.some(each => each.field === field);
  for (const field of ['id', 'issuer', 'clientId'] as const)
    if (isMissing(field) && (field !== 'issuer' || !raw.tokenEndpoint)) problem(field, 'missing');
  for (const key of Object.keys(raw)) {
    if (Object.hasOwn(connectionRows, key)) continue;
    const field = sanitized(key, 64);
    // An unknown field may hold anything: its value is neither read nor shown.
    if (secretName.test(key)) problem(field, 'secret_in_settings');
    else problem(field, 'unknown_field', undefined, 'warning');
  }
  return problems.some(({ severity }) => severity === 'error')
    ? { problems }
    : { connection: defined(read as unknown as Connection), problems };
}

type Complain = (
  field: string,
  code: ConnectionProblem['code'],
  found?: string,
  severity?: ConnectionProblem['severity'],
) => undefined;

type Reader = (
  value: unknown,
  problem: (code: ConnectionProblem['code'], found?: string) => undefined,
  row: Row,
  complain: Complain,
  field: string,
) => unknown;

/** Trimmed; an empty text counts as absent. */
const readText = (value: unknown, problem: Parameters<Reader>[1]): string | undefined =>
  value === undefined || typeof value === 'string'
    ? value?.trim() || undefined
    : problem('wrong_type', typeName(value));

const readers: Readonly<Record<Row['type'], Reader>> = {
  text: readText,
  url(value, problem, _, __, field) {
    const text = readText(value, problem);
    if (text === undefined) return undefined;
    try {
      requireSecureUrl(text, field);
      return text;
    } catch (error) {
      if (!isWorkbenchError(error)) throw error;
      const { found } = error.data as Partial<DataOf<'url_invalid'>>;
      return problem(error.code === 'url_insecure' ? 'insecure_url' : 'not_a_url', found);
    }
  },
  choice(value, problem, { values = [] }) {
    const text = readText(value, problem);
    return text === undefined || values.includes(text) ? text : problem('unknown_value', sanitized(text, 100));
  },
  flag: (value, problem) =>
    value === undefined || typeof value === 'boolean' ? value : problem('wrong_type', typeName(value)),
  port(value, problem) {
    if (value === undefined) return undefined;
    if (typeof value !== 'number') return problem('wrong_type', typeName(value));
    const isPort = Number.isInteger(value) && value >= 1 && value <= 65_535;
    return isPort ? value : problem('unknown_value', String(value));
  },
  parameters(value, problem, _, complain, field) {
    if (value === undefined) return undefined;
    if (!isObject(value)) return problem('wrong_type', typeName(value));
    const parameters: [string, string][] = [];
    for (const [key, item] of Object.entries(value)) {
      const path = `${field}.${sanitized(key, 64)}`;
      if (secretName.test(key)) complain(path, 'secret_in_settings');
      else if (isReservedParameter(key)) complain(path, 'reserved_parameter', undefined, 'warning');
      else if (typeof item !== 'string') complain(path, 'wrong_type', typeName(item));
      else parameters.push([key, item]);
    }
    return parameters.length === 0 ? undefined : Object.fromEntries(parameters);
  },
};

/** Of a value with the wrong type only the type is shown, which cannot be a secret. */
function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** The form of ids: they name a record, a key and, in an encoded form, files (src/platform/lockClaim.ts). */
export const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Names that suggest a secret, in any spelling: `clientSecret`, `client_secret`, `refresh-token`, `apiKey`. */
const secretName =
  /secret|passw|passphrase|token(?:[-_]?hint)?$|private[-_]?key|api[-_]?key|assertion|credential|^jwk|^code(?:[-_]?verifier)?$/i;

/**
 * Parameters that the grant itself sets (RFC 6749 §4, §6; RFC 7521 §4.2): an extra one would contradict it. With
 * another `response_mode` the answer would be a form or a fragment, which the listener does not receive.
 */
const reservedParameters: ReadonlySet<string> = new Set([
  'grant_type',
  'client_id',
  'scope',
  'resource',
  'redirect_uri',
  'device_code',
  'client_assertion_type',
  'response_type',
  'response_mode',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'dpop_jkt',
]);

/** True for a parameter that the settings can neither add nor replace. */
export function isReservedParameter(name: string): boolean {
  return reservedParameters.has(name) || secretName.test(name);
}

/**
 * The path of an issuer's metadata: at the end of its URL (OpenID Connect Discovery §4) or in the middle (RFC 8414 §3).
 */
const wellKnown = /\/\.well-known\/(?:openid-configuration|oauth-authorization-server)(?:\/$|(?=\/|$))/;

/** The issuer that a metadata URL belongs to. Any other text is returned trimmed. */
export function issuerOfAddress(text: string): string {
  const address = text.trim();
  if (!URL.canParse(address) || !wellKnown.test(new URL(address).pathname)) return address;
  const url = new URL(address);
  // Azure AD B2C takes its policy as a parameter or as a part of the path (learn.microsoft.com, "OpenID Connect sign-in").
  const policy = url.searchParams.get('p');
  const path = url.pathname.replace(wellKnown, '');
  return url.origin + (policy === null ? path : path.replace(/(?=\/v2\.0$)/, `/${encodeURIComponent(policy)}`));
}

/**
 * The binding of a token that is issued to `connection` now.
 * @param tokenEndpoint the endpoint that discovery found, if the settings name none
 */
export function bindingOf(connection: Connection, tokenEndpoint?: string): TokenBinding {
  return defined<TokenBinding>({
    issuer: connection.issuer,
    token_endpoint: connection.tokenEndpoint ?? tokenEndpoint,
    client_id: connection.clientId,
  });
}

/**
 * Makes sure that tokens are sent only to the issuer that issued them.
 * @throws WorkbenchError `binding_mismatch`
 */
export function assertBound(connection: Connection, { binding }: Pick<StoredRecord, 'binding'>): void {
  const today = bindingOf(connection);
  // If the settings name no endpoint, it is still the issuer's, as in the binding.
  const token_endpoint = today.token_endpoint ?? (today.issuer === undefined ? undefined : binding?.token_endpoint);
  const mismatch = binding && bindingMismatch(binding, defined<TokenBinding>({ ...today, token_endpoint }));
  if (mismatch) throw new WorkbenchError('binding_mismatch', { ...mismatch, sent: false });
}
