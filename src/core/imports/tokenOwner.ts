import type { Connection } from '../records/connection.ts';
import type { Session } from '../records/sessions.ts';
import { tokenNames } from '../records/tokenMembers.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { meansSameIssuer } from '../tokens/tokenUse.ts';
import { type ImportedTokens, importText } from './importText.ts';
import { payloadOf } from './tokenSets.ts';

/** What tokens say about their origin. Nothing is verified: use it for suggestions, never for a request. */
export interface TokenClaims {
  readonly issuer?: string;
  readonly clientId?: string;
}

/** The import of a text, read once for all questions about it. */
export interface ImportPlan extends ImportedTokens {
  readonly claims: TokenClaims;
  /** All client ids in the tokens, and the URLs in the text. */
  readonly clients: readonly string[];
  readonly addresses: readonly string[];
}

/** @throws WorkbenchError as `importText` does */
export function planImport(text: string): ImportPlan {
  const found = importText(text);
  const claims = tokenClaims(found.tokens);
  // The client id in the request that the tokens were copied with.
  const sent = /\bclient_?id["'`]?\s*[:=]\s*["'`]?([\w.~:/@-]{1,200})/i.exec(text.slice(0, farthest))?.[1];
  const clientId = claims.clientId ?? sent;
  return {
    ...found,
    claims: { ...claims, ...(clientId !== undefined && { clientId }) },
    clients: clientsOf(found.tokens),
    addresses: [...text.slice(0, farthest).matchAll(/https?:\/\/[\w.:-]{1,200}[\w/.~-]{0,300}/g)].map(([each]) => each),
  };
}

/** Characters from the start in which a request's URL and client id are searched: they come before its tokens. */
const farthest = 20_000;

/**
 * Issuer and client from the ID token's `iss`, `azp` and `aud` (OpenID Connect Core §2) or the access token's
 * `client_id` (RFC 9068 §2.2).
 */
export function tokenClaims(tokens: RawTokens): TokenClaims {
  const issuer = claimsOf(tokens)
    .map(payload => payload?.iss)
    .find(value => typeof value === 'string');
  const [clientId] = clientsOf(tokens);
  return { ...(issuer !== undefined && { issuer }), ...(clientId !== undefined && { clientId }) };
}

function claimsOf({ id_token, access_token, refresh_token }: RawTokens) {
  return [id_token, access_token, refresh_token].map(payloadOf);
}

/** The most likely one first. */
function clientsOf(tokens: RawTokens): string[] {
  const named = claimsOf(tokens).flatMap(payload =>
    ['azp', 'client_id', 'cid', 'appid'].map(name =>
      payload && Object.hasOwn(payload, name) ? payload[name] : undefined,
    ),
  );
  return [...named, payloadOf(tokens.id_token)?.aud].flat().filter(value => typeof value === 'string');
}

/** The connections that the tokens may belong to; only those with the same client, if there are any. */
export function matchingConnections(sessions: readonly Session[], from: RawTokens | ImportPlan): Connection[] {
  const { issuer, clientId } = 'claims' in from ? from.claims : tokenClaims(from);
  const addresses = 'claims' in from ? from.addresses : [];
  const connections = sessions.map(({ connection }) => connection);
  // If a connection has exactly this issuer, connections with another name of it are left out.
  const exact = connections.filter(connection => issuer !== undefined && connection.issuer === issuer);
  const alike = connections.filter(connection =>
    issuer === undefined
      ? addresses.some(address => isAt(address, connection))
      : connection.issuer !== undefined && meansSameIssuer(issuer, connection.issuer),
  );
  const ofIssuer = exact.length > 0 ? exact : alike;
  const ofClient = ofIssuer.filter(connection => connection.clientId === clientId);
  return ofClient.length > 0 ? ofClient : ofIssuer;
}

function isAt(address: string, { tokenEndpoint, issuer }: Connection): boolean {
  if (address === tokenEndpoint) return true;
  return issuer !== undefined && (address === issuer || address.startsWith(`${issuer.replace(/\/$/, '')}/`));
}

export interface ForeignOrigin {
  readonly member: 'issuer' | 'client_id';
  readonly expected: string;
  readonly found: string;
}

/** What shows that the tokens are not the connection's: their issuer, or else that no client id in them matches. */
export function foreignOrigin({ issuer, clientId }: Connection, plan: ImportPlan): ForeignOrigin | undefined {
  const { claims, clients } = plan;
  if (issuer !== undefined && claims.issuer !== undefined && !meansSameIssuer(claims.issuer, issuer))
    return { member: 'issuer', expected: issuer, found: claims.issuer };
  const [client] = clients;
  return client === undefined || clients.includes(clientId)
    ? undefined
    : { member: 'client_id', expected: clientId, found: client };
}

/** The names of the tokens in a set. */
export function importedNames(tokens: RawTokens) {
  return tokenNames.filter(name => tokens[name] !== undefined);
}
