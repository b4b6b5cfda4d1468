import { base64url, calculateJwkThumbprint, EmbeddedJWK, type JWTVerifyResult, jwtVerify } from 'jose';
import type { Exchange } from './http.ts';
import { mockAlgs } from './keys.ts';
import type { DpopNonce } from './options.ts';
import { createExpiringMap, type ExpiringMap, randomText } from './shelf.ts';

type Proof =
  /** RFC 7638 thumbprint of the key that signed the proof; undefined if no proof was sent. */
  | { readonly jkt: string | undefined }
  | { readonly refused: 'invalid_dpop_proof' | 'use_dpop_nonce'; readonly description: string };

export interface DpopVerifier {
  /** RFC 9449 section 4.3. `accessToken`: the access token that the request presents. */
  check(exchange: Exchange, accessToken?: string): Promise<Proof>;
  /** Headers for every response, if nonces are required. */
  readonly headers: Readonly<Record<string, string>>;
  /** Makes the next proof need a new nonce. */
  expireNonces(): void;
}

// Milliseconds.
const proofLifetime = 60_000;
const nonceLifetime = 300_000;
const noProof: Proof = { jkt: undefined };

export function createDpopVerifier(nonces: DpopNonce): DpopVerifier {
  const seen = createExpiringMap<true>();
  const required = nonces === 'required';
  let current = randomText(16);
  let previous: string | undefined;
  let renewAt: number | undefined;

  const renew = (now: number) => {
    if (renewAt !== undefined && now < renewAt) return;
    if (renewAt !== undefined) {
      // The replaced nonce stays valid until the next renewal, unless its time ended more than one lifetime ago.
      previous = now < renewAt + nonceLifetime ? current : undefined;
      current = randomText(16);
    }
    renewAt = now + nonceLifetime;
  };

  return {
    get headers(): Readonly<Record<string, string>> {
      return required ? { 'dpop-nonce': current } : {};
    },
    expireNonces() {
      current = randomText(16);
      previous = undefined;
    },
    async check(exchange, accessToken) {
      const sent = exchange.request.header('dpop');
      if (sent === undefined) return noProof;
      const now = exchange.now();
      let proof: JWTVerifyResult;
      let jkt: string;
      try {
        proof = await jwtVerify(sent, EmbeddedJWK, {
          typ: 'dpop+jwt',
          algorithms: [...asymmetricAlgs],
          requiredClaims: ['htm', 'htu', 'iat', 'jti'],
          currentDate: new Date(now),
        });
        const { jwk } = proof.protectedHeader;
        if (jwk === undefined || 'd' in jwk) throw new Error('its jwk is not a public key');
        jkt = await calculateJwkThumbprint(jwk);
      } catch (error) {
        return refused(`The DPoP proof was rejected: ${reasonOf(error)}`);
      }
      const { htm, htu, iat = 0, jti, ath, nonce } = proof.payload;
      if (htm !== exchange.request.method) return refused('htm does not match the method of this request');
      if (withoutQuery(htu) !== withoutQuery(exchange.url))
        return refused('htu does not match the URL of this request');
      if (Math.abs(now - iat * 1000) > proofLifetime) return refused('iat is not now');
      if (accessToken !== undefined && ath !== (await sha256(accessToken)))
        return refused('ath is not the hash of the access token');
      if (required) {
        renew(now);
        if (typeof nonce !== 'string' || (nonce !== current && nonce !== previous))
          return {
            refused: 'use_dpop_nonce',
            description: 'A nonce of this issuer is needed in the DPoP proof',
          };
      }
      if (!isFresh(seen, jkt, jti, now + 2 * proofLifetime, now))
        return refused('The jti of the DPoP proof was used before, or is invalid');
      return { jkt };
    },
  };
}

function refused(description: string): Proof {
  return { refused: 'invalid_dpop_proof', description };
}

function withoutQuery(uri: unknown): string | undefined {
  if (typeof uri !== 'string' || !URL.canParse(uri)) return undefined;
  const { origin, pathname } = new URL(uri);
  return origin + pathname;
}

/** Algorithms for RFC 7523 assertions and DPoP proofs. */
export const asymmetricAlgs: readonly string[] = [...mockAlgs, 'Ed25519', 'ES384', 'ES512', 'RS384', 'RS512'];
export const secretAlgs: readonly string[] = ['HS256', 'HS384', 'HS512'];

// The `jti` is stored to recognise replays, so its length is limited.
const longestJti = 256;

/**
 * False if `jti` is missing or was used before. `until`: milliseconds since the epoch when it stops being accepted
 * anyway.
 */
export function isFresh(seen: ExpiringMap<true>, owner: string, jti: unknown, until: number, now: number): boolean {
  if (typeof jti !== 'string' || jti === '' || jti.length > longestJti) return false;
  const key = `${owner} ${jti}`;
  if (seen.get(key, now)) return false;
  seen.put(key, true, until, now);
  return true;
}

/** The error of jose as an error description, which may hold only ASCII and no quotes (RFC 6749 section 5.2). */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : 'it cannot be read';
  return message.replace(/[^\x20-\x7e]|["\\]/g, "'");
}

/** SHA-256 in base64url. */
export async function sha256(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return base64url.encode(new Uint8Array(hash));
}
