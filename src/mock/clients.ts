import type { AssertionCheck } from './assertions.ts';
import { byCertificate, certificateRefusal } from './certificates.ts';
import type { ClientAuthMethod, MockClient } from './clientOptions.ts';
import type { Exchange } from './exchange.ts';
import type { Form } from './forms.ts';
import { type MockReply, oauthError } from './http.ts';

export type ClientAuthentication = { readonly client: MockClient } | { readonly refused: MockReply };

export interface ClientDesk {
  readonly clients: ReadonlyMap<string, MockClient>;
  readonly assertions: AssertionCheck;
}

/** RFC 6749 section 2.3, RFC 7523 section 2.2 and RFC 8705 section 2. A client is accepted by the method it is registered with and no other. */
export function authenticateClient(
  { clients, assertions }: ClientDesk,
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
  if (inBody.id !== undefined && inBody.id !== basic.id) return badRequest('Two different client_id');
  return checked(basic.id, basic.secret, 'client_secret_basic');

  function checked(id: string | undefined, secret: string | undefined, method: ClientAuthMethod): ClientAuthentication {
    if (id === undefined) return unauthenticated('No client_id');
    const client = clients.get(id);
    if (client === undefined) return unauthenticated('Unknown client');
    const expected = client.token_endpoint_auth_method;
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
    // RFC 6749 section 5.2 asks for the challenge where the client came with an Authorization header.
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
