import { DPoP, type DPoPHandle, modifyAssertion } from 'oauth4webapi';
import { WorkbenchError } from '../errors.ts';
import { isObject, type JsonObject, own, readJson } from '../tokens/json.ts';
import { importPrivateJwk, parameters } from './clientKey.ts';

/** Seconds since the epoch on the clock of whoever is going to read a proof. */
type Now = () => number;

/** Handles to keys, with the nonces that each issuer has given last. */
export interface Proofs {
  /** @throws WorkbenchError `dpop_key_lost` where the key cannot be read */
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

/** What is made where an issuer allows it, the most common first. */
const algorithms = ['ES256', 'PS256', 'RS256', 'ES384', 'Ed25519'] as const;

/**
 * A new key for a connection, as its record holds it.
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
