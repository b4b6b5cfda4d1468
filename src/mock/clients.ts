import { type MockReply, oauthError } from './http.ts';
import type { MockClient } from './options.ts';

export type ClientAuthentication = { readonly client: MockClient } | { readonly refused: MockReply };

/** RFC 6749 section 2.3.1. A client is accepted by the method it is registered with and no other. */
export function authenticateClient(
  clients: ReadonlyMap<string, MockClient>,
  authorization: string | undefined,
  form: ReadonlyMap<string, string>,
): ClientAuthentication {
  const inBody = { id: form.get('client_id'), secret: form.get('client_secret') };
  if (authorization === undefined) {
    const method = inBody.secret === undefined ? 'none' : 'client_secret_post';
    return checked(inBody.id, inBody.secret, method);
  }
  const basic = parseBasic(authorization);
  if (basic === undefined)
    return unauthenticated('The Authorization header is not Basic with two encoded parts');
  if (inBody.secret !== undefined) return badRequest('More than one method of client authentication');
  if (inBody.id !== undefined && inBody.id !== basic.id) return badRequest('Two different client_id');
  return checked(basic.id, basic.secret, 'client_secret_basic');

  function checked(
    id: string | undefined,
    secret: string | undefined,
    method: MockClient['token_endpoint_auth_method'],
  ): ClientAuthentication {
    if (id === undefined) return unauthenticated('No client_id');
    const client = clients.get(id);
    if (client === undefined) return unauthenticated('Unknown client');
    const expected = client.token_endpoint_auth_method;
    if (expected !== method) return unauthenticated(`This client is registered with ${expected}`);
    if (client.client_secret !== secret) return unauthenticated('Wrong client secret');
    return { client };
  }

  function unauthenticated(description: string): ClientAuthentication {
    // RFC 6749 section 5.2 asks for the challenge where the client came with an Authorization header.
    const challenge =
      authorization === undefined ? undefined : { 'www-authenticate': 'Basic realm="mock issuer"' };
    return { refused: oauthError(401, 'invalid_client', description, challenge) };
  }
}

function badRequest(description: string): ClientAuthentication {
  return { refused: oauthError(400, 'invalid_request', description) };
}

/** Both parts are form-urlencoded before they are joined, RFC 6749 section 2.3.1. */
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
