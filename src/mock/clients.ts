import { randomUUID } from 'node:crypto';
import { createLocalJWKSet, decodeJwt, type JWK, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { asymmetricAlgs, isFresh, reasonOf, secretAlgs } from './dpop.ts';
import type { Confirmation } from './families.ts';
import {
  type Answer,
  type ClientCertificate,
  type Exchange,
  type Form,
  jsonReply,
  type MockReply,
  oauthError,
  readForm,
} from './http.ts';
import type { Settings } from './options.ts';
import {
  byCertificate,
  type ClientAuthMethod,
  type ClientRegistry,
  clientFields,
  credentialProblems,
  type MockClient,
  type MockClientOptions,
  settleClient,
} from './registry.ts';
import { type Input, isObject, object, problemsOf } from './shape.ts';
import { createExpiringMap } from './shelf.ts';

/**
 * Handles POST forms of authenticated clients: the token endpoint (RFC 6749 section 3.2) and the endpoints modelled on
 * it.
 */
export type BackChannel = (
  work: (client: MockClient, form: Form, exchange: Exchange) => MockReply | Promise<MockReply>,
) => Answer;

export function createBackChannel(desk: AuthenticationParts): BackChannel {
  return work => async exchange => {
    const read = await readForm(exchange);
    if ('refused' in read) return read.refused;
    const { form, duplicate } = read;
    if (duplicate !== undefined) return oauthError(400, 'invalid_request', `${named(duplicate)} was sent twice`);
    const authentication = await authenticateClient(desk, form, exchange);
    if ('refused' in authentication) return authentication.refused;
    exchange.authenticated(authentication.client);
    return work(authentication.client, form, exchange);
  };
}

/**
 * A parameter's name for use in an error description, which may hold only ASCII and no quotes (RFC 6749 section 5.2).
 */
function named(parameter: string): string {
  return /^[\w.-]{1,64}$/.test(parameter) ? parameter : 'A parameter';
}

type ClientAuthentication = { readonly client: MockClient } | { readonly refused: MockReply };

export interface AuthenticationParts {
  readonly clients: ClientRegistry;
  readonly assertions: AssertionCheck;
}

/**
 * RFC 6749 section 2.3, RFC 7523 section 2.2 and RFC 8705 section 2. A client may use only the method it is registered
 * with.
 */
function authenticateClient(
  { clients, assertions }: AuthenticationParts,
  form: Form,
  exchange: Exchange,
): ClientAuthentication | Promise<ClientAuthentication> {
  const authorization = exchange.request.header('authorization');
  const inBody = { id: form.get('client_id'), secret: form.get('client_secret') };
  if (form.has('client_assertion') || form.has('client_assertion_type')) {
    if (authorization !== undefined || inBody.secret !== undefined) return twoMethods();
    return byAssertion();
  }
  if (authorization === undefined) {
    const method = inBody.secret === undefined ? 'none' : 'client_secret_post';
    return checked(inBody.id, inBody.secret, method);
  }
  const basic = parseBasic(authorization);
  if (basic === undefined) return unauthenticated('The Authorization header is not Basic with two encoded parts');
  if (inBody.secret !== undefined) return twoMethods();
  if (inBody.id !== undefined && inBody.id !== basic.id) return badRequest('Two different client_id values');
  return checked(basic.id, basic.secret, 'client_secret_basic');

  function checked(id: string | undefined, secret: string | undefined, method: ClientAuthMethod): ClientAuthentication {
    if (id === undefined) return unauthenticated('No client_id');
    const client = clients.get(id);
    if (client === undefined) return unauthenticated('Unknown client');
    if (client.anyone) return { client };
    const expected = client.token_endpoint_auth_method;
    // Several clients without a secret send Basic with an empty password (RFC 6749 section 2.3.1).
    if (method === 'client_secret_basic' && secret === '' && expected === 'none') return { client };
    if (method === 'none' && byCertificate(expected)) {
      const refused = certificateRefusal(client, exchange.request.certificate, exchange.now());
      return refused === undefined ? { client } : unauthenticated(refused);
    }
    if (expected !== method) return unauthenticated(`This client is registered with ${expected}`);
    if (client.client_secret !== secret) return unauthenticated('Wrong client secret');
    return { client };
  }

  async function byAssertion(): Promise<ClientAuthentication> {
    const result = await assertions(form, exchange.url, exchange.now());
    return 'client' in result ? result : unauthenticated(result.refused);
  }

  function unauthenticated(description: string): ClientAuthentication {
    // RFC 6749 section 5.2 requires the challenge if the client sent an Authorization header.
    const challenge = authorization === undefined ? undefined : { 'www-authenticate': 'Basic realm="mock issuer"' };
    return { refused: oauthError(401, 'invalid_client', description, challenge) };
  }
}

function twoMethods(): ClientAuthentication {
  return badRequest('More than one method of client authentication');
}

function badRequest(description: string): ClientAuthentication {
  return { refused: oauthError(400, 'invalid_request', description) };
}

/** Decodes a Basic header. Both parts are form-urlencoded before they are joined (RFC 6749 section 2.3.1). */
function parseBasic(authorization: string): { id: string; secret: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  try {
    const text = atob(encoded);
    const colon = text.indexOf(':');
    if (colon < 0) return undefined;
    return { id: formDecode(text.slice(0, colon)), secret: formDecode(text.slice(colon + 1)) };
  } catch {
    return undefined;
  }
}

function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

export type AssertionCheck = (
  form: Form,
  url: string,
  now: number,
) => Promise<{ readonly client: MockClient } | { readonly refused: string }>;

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
// Seconds. The `jti` of an assertion is remembered until the assertion expires.
const longestLifetime = 3600;

/**
 * RFC 7523 section 3; each `jti` is accepted once. `audiences`: values of `aud` that are accepted beside the requested
 * address.
 */
export function createAssertionCheck(clients: ClientRegistry, audiences: readonly string[]): AssertionCheck {
  const seen = createExpiringMap<true>();

  return async (form, url, now) => {
    const assertion = form.get('client_assertion');
    if (assertion === undefined || form.get('client_assertion_type') !== jwtBearer)
      return { refused: 'client_assertion and its type are needed, and jwt-bearer is the only type' };
    const id = subjectOf(assertion);
    const client = id === undefined ? undefined : clients.get(id);
    if (client === undefined) return { refused: 'Unknown client' };
    const { client_id } = client;
    if (form.has('client_id') && form.get('client_id') !== client_id)
      return { refused: 'The client assertion is for another client' };
    const expected = {
      issuer: client_id,
      audience: [...audiences, url],
      requiredClaims: ['exp', 'jti'],
      currentDate: new Date(now),
    };
    let claims: JWTPayload;
    try {
      claims = await verify(client, assertion, expected);
    } catch (error) {
      return { refused: `The client assertion was rejected: ${reasonOf(error)}` };
    }
    const { exp = 0, jti } = claims;
    if (exp * 1000 > now + longestLifetime * 1000)
      return { refused: 'The client assertion is valid for more than an hour' };
    if (!isFresh(seen, client_id, jti, exp * 1000, now))
      return { refused: 'The jti of the client assertion was used before, or is invalid' };
    return { client };
  };
}

async function verify(client: MockClient, assertion: string, expected: JWTVerifyOptions): Promise<JWTPayload> {
  const { token_endpoint_auth_method: method, client_secret = '', jwks } = client;
  if (method === 'client_secret_jwt') {
    const secret = new TextEncoder().encode(client_secret);
    return (await jwtVerify(assertion, secret, { ...expected, algorithms: [...secretAlgs] })).payload;
  }
  if (method !== 'private_key_jwt' || jwks === undefined) throw new Error(`this client is registered with ${method}`);
  const keys = createLocalJWKSet({ keys: jwks.keys as JWK[] });
  return (await jwtVerify(assertion, keys, { ...expected, algorithms: [...asymmetricAlgs] })).payload;
}

function subjectOf(assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).sub;
  } catch {
    return undefined;
  }
}

/** RFC 8705 section 2. Why this certificate does not authenticate the client; undefined if it does. */
function certificateRefusal(
  { token_endpoint_auth_method: method, tls_client_auth_subject_dn: subject = '', jwks }: MockClient,
  certificate: ClientCertificate | undefined,
  now: number,
): string | undefined {
  if (certificate === undefined) return 'The client sent no certificate';
  const { der, thumbprint, from, until, trusted } = certificate;
  if (now < from || now > until) return 'The certificate is not valid at this time';
  if (method === 'tls_client_auth') {
    if (plain(subject) !== plain(certificate.subject)) return 'The certificate is for another subject';
    return trusted ? undefined : 'No known authority issued this certificate';
  }
  const known = jwks?.keys.some(key => key['x5t#S256'] === thumbprint || key.x5c?.[0] === der);
  return known ? undefined : 'The certificate is not registered for this client';
}

/** What the tokens are bound to. `jkt`: thumbprint of the key of the DPoP proof. */
export function confirmation(
  client: MockClient,
  jkt: string | undefined,
  certificate: ClientCertificate | undefined,
): Confirmation | undefined {
  const wanted = client.tls_client_certificate_bound_access_tokens || byCertificate(client.token_endpoint_auth_method);
  const x5t = wanted ? certificate?.thumbprint : undefined;
  if (jkt === undefined && x5t === undefined) return undefined;
  return { ...(jkt !== undefined && { jkt }), ...(x5t !== undefined && { 'x5t#S256': x5t }) };
}

/** A subject normalised for comparison: people write spaces after commas and attribute types in lower case. */
function plain(subject: string): string {
  return subject.replace(/(?<!\\) *, */g, ',').toLowerCase();
}

/**
 * The RFC 7591 section 2 metadata that a registering client may set and the mock acts on. The RFC asks to ignore other
 * members.
 */
const { client_id: _, client_secret: __, subject: ___, claims: ____, ...registered } = clientFields;

/**
 * OpenID Connect Dynamic Client Registration. Accepting and ignoring these would issue unencrypted tokens, so they are
 * rejected.
 */
const encryption = /_encrypted_response_(?:alg|enc)$|^request_object_encryption_/;

/** RFC 7591 section 3. Registration is open to anyone, because MCP clients rely on that. */
export function createRegistration(settings: Settings): Answer {
  return async exchange => {
    const text = await exchange.request.text();
    let sent: unknown;
    try {
      sent = JSON.parse(text ?? '');
    } catch {
      return oauthError(400, 'invalid_client_metadata', 'The body must be JSON');
    }
    if (!isObject(sent)) return oauthError(400, 'invalid_client_metadata', 'The body must be a JSON object');
    const encrypted = Object.keys(sent).find(name => encryption.test(name));
    if (encrypted !== undefined)
      return oauthError(400, 'invalid_client_metadata', 'Encrypted tokens are not supported');
    // The defaults of RFC 7591 section 2 apply here, not the defaults of the mock's options.
    const known = Object.fromEntries(Object.entries(sent).filter(([name]) => name in registered));
    const metadata = {
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: [],
      ...known,
    };
    const [wrong] = problemsOf(object(registered), metadata, '');
    if (wrong !== undefined) {
      const error = wrong.field.startsWith('redirect_uris') ? 'invalid_redirect_uri' : 'invalid_client_metadata';
      return oauthError(400, error, `${wrong.field} must be ${wrong.expected}`);
    }
    const described: MockClientOptions = { ...(metadata as Input<typeof registered>), client_id: randomUUID() };
    const client = settleClient(described);
    const [lacking] = credentialProblems(client);
    if (lacking !== undefined) return oauthError(400, 'invalid_client_metadata', `${lacking[0]} must be ${lacking[1]}`);
    if (client.grant_types.includes('authorization_code') && client.redirect_uris.length === 0)
      return oauthError(400, 'invalid_redirect_uri', 'A client that signs users in needs redirect_uris');
    settings.clients.add(client);
    exchange.authenticated(client);
    return jsonReply(201, {
      ...sent,
      ...client,
      client_id_issued_at: Math.floor(exchange.now() / 1000),
      ...(client.client_secret !== undefined && { client_secret_expires_at: 0 }),
    });
  };
}
