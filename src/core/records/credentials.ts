import { isObject, own, readJson } from '../tokens/json.ts';
import { decodeToken } from '../tokens/jwt.ts';
import type { TokenSet } from './tokenSet.ts';

/** What a client proves with that it is itself: known to one issuer only, and kept in the connection's record. */
export interface ClientCredentials {
  readonly client_secret?: string;
  /** A private key as a JWK or in PEM, there with the certificates that belong to it; see `readClientKey`. */
  readonly private_key?: string;
}

export interface Credentials extends ClientCredentials {
  /** The key that tokens are bound to (RFC 9449): a private JWK whose `kid` is its thumbprint. */
  readonly dpop_key?: string;
}

/** Nothing but the credentials of what may hold more. */
export function credentialsOf({ dpop_key, ...others }: Credentials): Credentials {
  return { ...clientCredentialsOf(others), ...(dpop_key !== undefined && { dpop_key }) };
}

/** The same without the key that only the tokens at hand are bound to. */
export function clientCredentialsOf({ client_secret, private_key }: ClientCredentials): ClientCredentials {
  return {
    ...(client_secret !== undefined && { client_secret }),
    ...(private_key !== undefined && { private_key }),
  };
}

// --- What can be told of keys that tokens are bound to (RFC 9449) without using them ---

/** RFC 7638 thumbprint of a key as a record holds it. */
export function thumbprintOf(dpopKey: string | undefined): string | undefined {
  const reading = readJson(dpopKey ?? '');
  const kid = reading.ok && isObject(reading.value) ? own(reading.value, 'kid') : undefined;
  return typeof kid === 'string' ? kid : undefined;
}

/** RFC 9449 §6.1: the thumbprint of the key that an access token is bound to, where it says it. */
export function boundTo(accessToken: string | undefined): string | undefined {
  try {
    const decoded = decodeToken(accessToken ?? '');
    const cnf = decoded.kind === 'jws' ? own(decoded.payload, 'cnf') : undefined;
    const jkt = isObject(cnf) ? own(cnf, 'jkt') : undefined;
    return typeof jkt === 'string' ? jkt : undefined;
  } catch {
    // Any text can be an access token (RFC 6749 §1.4).
    return undefined;
  }
}

/** True for tokens that are of no use without a proof. */
export function isBound({ token_type, access_token }: TokenSet): boolean {
  return token_type?.toLowerCase() === 'dpop' || boundTo(access_token) !== undefined;
}
