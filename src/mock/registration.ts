import { randomUUID } from 'node:crypto';
import type { Answer } from './http.ts';
import { jsonReply, oauthError } from './http.ts';
import type { MockClientOptions, Settings } from './options.ts';
import { clientFields, credentialProblems, settleClient } from './options.ts';
import type { Input } from './shape.ts';
import { isObject, object, problemsOf } from './shape.ts';

/** What RFC 7591 section 2 lets a client say of itself and is acted upon here; other members are ignored, as it asks. */
const { client_id: _, client_secret: __, subject: ___, claims: ____, ...registered } = clientFields;

/** OpenID Connect Dynamic Client Registration: to accept these and ignore them would hand out plain tokens. */
const encryption = /_encrypted_response_(?:alg|enc)$|^request_object_encryption_/;

/** RFC 7591 section 3. Anyone may register, as MCP clients do. */
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
      return oauthError(400, 'invalid_client_metadata', 'There is no support for encrypted tokens');
    // RFC 7591 section 2: these are the defaults of registration, whatever those of the options are.
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
