import { defined } from '../defined.ts';
import { sanitized } from '../http/foreignText.ts';
import { isObject } from '../tokens/json.ts';
import { entryReader, idPattern } from './entryReader.ts';
import type { TokenBinding } from './tokenSet.ts';

/** A connection as the settings describe it. It holds no secret; names follow RFC 6749 and RFC 8414. */
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

/** What an assertion of the client is addressed to (RFC 7523 §3). */
export const assertionAudiences = ['issuer', 'endpoint'] as const;

export interface Connection {
  /** A slug; names the stored record. */
  readonly id: string;
  readonly label: string;
  /** Absent only where the issuer has no identifier and no metadata; then `tokenEndpoint` is set. */
  readonly issuer?: string;
  readonly clientId: string;
  /** Space separated, as on the wire. */
  readonly scope?: string;
  readonly tokenEndpoint?: string;
  readonly authorizationEndpoint?: string;
  readonly deviceAuthorizationEndpoint?: string;
  readonly jwksUri?: string;
  readonly revocationEndpoint?: string;
  readonly introspectionEndpoint?: string;
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  /** The issuer where it is left out; `endpoint` is the one that is asked, as Okta wants it. */
  readonly clientAssertionAudience?: (typeof assertionAudiences)[number];
  readonly audience?: string;
  readonly resource?: string;
  readonly extraParameters?: Readonly<Record<string, string>>;
  readonly autoRefresh: boolean;
  readonly dpop: boolean;
  readonly pushedAuthorizationRequests: boolean;
}

/** True where the client shows a certificate (RFC 8705). */
export function isMutualTls(method: TokenEndpointAuthMethod): boolean {
  return method.endsWith('tls_client_auth');
}

/** True where the client has a private key and no secret. */
export function usesKey(method: TokenEndpointAuthMethod): boolean {
  return method === 'private_key_jwt' || isMutualTls(method);
}

/** What is wrong with one entry of the setting. The other entries go on working. */
export interface ConnectionProblem {
  /** An entry with an error is no connection; one with nothing but warnings works. */
  readonly severity: 'error' | 'warning';
  /** Position in the setting's array; -1 where the setting as a whole is wrong. */
  readonly index: number;
  /** Names the entry on screen where it can be told. */
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
  /** What stands there now, cut to a printable length; never for a field that may be a secret. */
  readonly found?: string;
}

export interface ConnectionSettings {
  readonly connections: readonly Connection[];
  readonly problems: readonly ConnectionProblem[];
}

const fieldNames = [
  'id',
  'label',
  'issuer',
  'clientId',
  'scope',
  'tokenEndpoint',
  'authorizationEndpoint',
  'deviceAuthorizationEndpoint',
  'jwksUri',
  'revocationEndpoint',
  'introspectionEndpoint',
  'tokenEndpointAuthMethod',
  'clientAssertionAudience',
  'audience',
  'resource',
  'extraParameters',
  'autoRefresh',
  'dpop',
  'pushedAuthorizationRequests',
];

/**
 * Reads the setting `jwtWorkbench.connections`. Never throws: an entry that cannot be used becomes problems and
 * the others still work. Of two entries with one id the first is used.
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

/** One entry on its own, as a command's argument brings it. */
export function readConnection(raw: unknown): {
  readonly connection?: Connection;
  readonly problems: readonly ConnectionProblem[];
} {
  return readEntry(raw, 0);
}

function readEntry(raw: unknown, index: number): { connection?: Connection; problems: readonly ConnectionProblem[] } {
  if (!isObject(raw)) return { problems: [{ index, severity: 'error', code: 'not_an_object' }] };
  const fields = entryReader(raw, index);
  const id = fields.text('id', true);
  if (id !== undefined && !idPattern.test(id)) fields.problem('id', 'not_a_slug', sanitized(id, 64));
  const tokenEndpoint = fields.url('tokenEndpoint');
  const issuer = fields.url('issuer', !raw.tokenEndpoint);
  const clientId = fields.text('clientId', true);
  const members: { [K in keyof Required<Connection>]: Connection[K] | undefined } = {
    id: id ?? '',
    label: fields.text('label') ?? id ?? '',
    issuer,
    clientId: clientId ?? '',
    scope: fields.text('scope')?.replace(/\s+/g, ' '),
    tokenEndpoint,
    authorizationEndpoint: fields.url('authorizationEndpoint'),
    deviceAuthorizationEndpoint: fields.url('deviceAuthorizationEndpoint'),
    jwksUri: fields.url('jwksUri'),
    revocationEndpoint: fields.url('revocationEndpoint'),
    introspectionEndpoint: fields.url('introspectionEndpoint'),
    tokenEndpointAuthMethod: fields.oneOf('tokenEndpointAuthMethod', tokenEndpointAuthMethods) ?? 'none',
    clientAssertionAudience: fields.oneOf('clientAssertionAudience', assertionAudiences),
    audience: fields.text('audience'),
    resource: fields.text('resource'),
    extraParameters: fields.parameters('extraParameters'),
    autoRefresh: fields.flag('autoRefresh') ?? true,
    dpop: fields.flag('dpop') ?? false,
    pushedAuthorizationRequests: fields.flag('pushedAuthorizationRequests') ?? false,
  };
  fields.rejectOthers(fieldNames);
  const { problems } = fields;
  return problems.some(({ severity }) => severity === 'error')
    ? { problems }
    : { connection: defined(members), problems };
}

/**
 * What a token that is issued to `connection` today is bound to.
 * @param tokenEndpoint the endpoint that discovery found, where the settings name none
 */
export function bindingOf(connection: Connection, tokenEndpoint?: string): TokenBinding {
  return defined<TokenBinding>({
    issuer: connection.issuer,
    token_endpoint: connection.tokenEndpoint ?? tokenEndpoint,
    client_id: connection.clientId,
  });
}
