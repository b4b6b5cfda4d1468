import {
  type ClientAuth,
  ClientSecretJwt,
  ClientSecretPost,
  DPoP,
  type DPoPHandle,
  modifyAssertion,
  None,
  PrivateKeyJwt,
  TlsClientAuth,
} from 'oauth4webapi';
import { WorkbenchError } from '../errors.ts';
import type { Fetch, MutualTls } from '../ports.ts';
import type { Connection } from '../records/connection.ts';
import type { ClientCredentials } from '../records/record.ts';
import { isObject, type JsonObject, own, readJson } from '../tokens/json.ts';
import {
  assertLongEnough,
  type ClientKey,
  importPrivateJwk,
  parameters,
  readClientKey,
  readTlsIdentity,
} from './clientKey.ts';

/** Seconds. */
const leeway = 30;

/** How the client authenticates at every endpoint that requires it. */
export interface ClientAuthentication {
  readonly auth: ClientAuth;
  /** Set if the client presents a certificate in the TLS handshake. */
  readonly fetch?: Fetch;
}

/**
 * Prepares client authentication. Errors of this side are found here, before anything is sent to an issuer.
 * @param mutualTls omitted if the platform has no client certificates
 * @throws WorkbenchError `client_secret_missing`, `private_key_missing`, `credential_invalid` with `reason`,
 * `auth_method_unsupported`
 */
export async function clientAuthentication(
  { id, tokenEndpointAuthMethod: method }: Connection,
  { client_secret, private_key }: ClientCredentials,
  mutualTls?: MutualTls,
): Promise<ClientAuthentication> {
  const fail = (code: 'client_secret_missing' | 'private_key_missing' | 'auth_method_unsupported') =>
    new WorkbenchError(code, { connection: id, method, sent: false });
  switch (method) {
    case 'none':
      return { auth: None() };
    case 'client_secret_basic':
    case 'client_secret_post':
    case 'client_secret_jwt': {
      if (!client_secret) throw fail('client_secret_missing');
      if (method === 'client_secret_basic') return { auth: basic(client_secret) };
      if (method === 'client_secret_post') return { auth: ClientSecretPost(client_secret) };
      assertLongEnough(client_secret);
      return { auth: ClientSecretJwt(client_secret, { [modifyAssertion]: begunBefore }) };
    }
    case 'private_key_jwt':
      if (!private_key) throw fail('private_key_missing');
      return { auth: byPrivateKey(await readClientKey(private_key)) };
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth':
      if (!private_key) throw fail('private_key_missing');
      if (!mutualTls) throw fail('auth_method_unsupported');
      return { auth: TlsClientAuth(), fetch: await mutualTls(readTlsIdentity(private_key)) };
  }
}

function byPrivateKey({ header, algorithms, cryptoKey }: ClientKey): ClientAuth {
  return async (as, client, body, headers) => {
    const supported = as.token_endpoint_auth_signing_alg_values_supported;
    const alg = algorithms.find(each => supported?.includes(each) ?? true);
    if (alg === undefined) {
      throw new WorkbenchError('credential_invalid', {
        reason: 'algorithm',
        found: algorithms.join(', '),
        expected: supported?.join(', '),
        sent: false,
      });
    }
    const sign = PrivateKeyJwt(await cryptoKey(alg), {
      [modifyAssertion](protectedHeader, payload) {
        Object.assign(protectedHeader, header, { alg });
        begunBefore(protectedHeader, payload);
      },
    });
    return sign(as, client, body, headers);
  };
}

/** Backdates `nbf`: an issuer whose clock is a second behind would reject an assertion that starts now. */
function begunBefore(_: unknown, payload: Record<string, unknown>): void {
  payload.nbf = Number(payload.iat) - leeway;
}

/**
 * RFC 6749 §2.3.1. oauth4webapi's ClientSecretBasic also percent-encodes `-`, `_` and `.`, which the form encoding of
 * Appendix B leaves unchanged. Many issuers do not decode them and then report a wrong secret.
 */
function basic(clientSecret: string): ClientAuth {
  return (_as, { client_id }, _body, headers) => {
    headers.set('authorization', `Basic ${btoa(`${formEncoded(client_id)}:${formEncoded(clientSecret)}`)}`);
  };
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/** Seconds since the epoch, on the clock of the server that checks the proof. */
type Now = () => number;

/** DPoP handles of keys, with the latest nonce of each issuer. */
export interface Proofs {
  /** @throws WorkbenchError `dpop_key_lost` if the key cannot be read */
  handle(dpopKey: string, now: Now): Promise<DPoPHandle>;
}

export function createProofs(): Proofs {
  const handles = new Map<string, { now: Now; readonly handle: Promise<DPoPHandle> }>();
  return {
    handle(dpopKey, now) {
      const known = handles.get(dpopKey);
      if (known) {
        known.now = now;
        return known.handle;
      }
      const handle = read(dpopKey).then(pair =>
        DPoP({}, pair, {
          [modifyAssertion](_, payload) {
            payload.iat = entry.now();
          },
        }),
      );
      const entry = { now, handle };
      handles.set(dpopKey, entry);
      handle.catch(() => handles.delete(dpopKey));
      return handle;
    },
  };
}

/** The algorithms for new keys, the preferred first. */
const algorithms = ['ES256', 'PS256', 'RS256', 'ES384', 'Ed25519'] as const;

/**
 * Creates a key for a connection, in the form that its record stores.
 * @param supported the issuer's `dpop_signing_alg_values_supported`
 */
export async function newDpopKey(supported: readonly string[] = []): Promise<string> {
  const alg = algorithms.find(each => supported.includes(each)) ?? 'ES256';
  const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const pair = (await crypto.subtle.generateKey({ ...rsa, ...parameters(alg) }, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  const { key_ops: _, ext: __, ...jwk } = await crypto.subtle.exportKey('jwk', pair.privateKey);
  return JSON.stringify({ ...jwk, alg, kid: await DPoP({}, pair).calculateThumbprint() });
}

async function read(dpopKey: string): Promise<CryptoKeyPair> {
  try {
    const reading = readJson(dpopKey);
    const jwk: JsonObject = reading.ok && isObject(reading.value) ? reading.value : {};
    const alg = String(own(jwk, 'alg'));
    const { kty, crv, x, y, n, e } = jwk as JsonWebKey;
    const publicJwk = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })) as JsonWebKey;
    return {
      privateKey: await importPrivateJwk(jwk, alg),
      publicKey: await crypto.subtle.importKey('jwk', publicJwk, parameters(alg), true, ['verify']),
    };
  } catch {
    throw new WorkbenchError('dpop_key_lost', { reason: 'unreadable', sent: false });
  }
}
