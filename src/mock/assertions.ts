import { createLocalJWKSet, decodeJwt, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { MockClient } from './clientOptions.ts';
import type { Form } from './forms.ts';
import { asymmetricAlgs, isFresh, reasonOf, secretAlgs } from './proofs.ts';
import { createShelf } from './shelf.ts';

export type AssertionCheck = (
  form: Form,
  url: string,
  now: number,
) => Promise<{ readonly client: MockClient } | { readonly refused: string }>;

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
// Seconds. Until it expires its jti has to be remembered.
const longestLifetime = 3600;

/** RFC 7523 section 3, with a `jti` that is used once. `audiences`: what else than the address that was asked is one. */
export function createAssertionCheck(
  clients: ReadonlyMap<string, MockClient>,
  audiences: readonly string[],
): AssertionCheck {
  const seen = createShelf<true>();

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
      return { refused: `The client assertion was refused: ${reasonOf(error)}` };
    }
    const { exp = 0, jti } = claims;
    if (exp * 1000 > now + longestLifetime * 1000)
      return { refused: 'The client assertion is valid for more than an hour' };
    if (!isFresh(seen, client_id, jti, exp * 1000, now))
      return { refused: 'The jti of the client assertion was used before, or is no jti' };
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
  const keys = createLocalJWKSet({ keys: [...jwks.keys] });
  return (await jwtVerify(assertion, keys, { ...expected, algorithms: [...asymmetricAlgs] })).payload;
}

function subjectOf(assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).sub;
  } catch {
    return undefined;
  }
}
