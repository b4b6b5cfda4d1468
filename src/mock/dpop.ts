import { base64url, calculateJwkThumbprint, EmbeddedJWK, type JWTVerifyResult, jwtVerify } from 'jose';
import type { Exchange } from './http.ts';
import { mockAlgs } from './keys.ts';
import type { DpopNonce } from './options.ts';
import { createShelf, randomText, type Shelf } from './shelf.ts';

export type Proof =
  /** RFC 7638 thumbprint of the key that signed it; undefined where no proof was sent. */
  | { readonly jkt: string | undefined }
  | { readonly refused: 'invalid_dpop_proof' | 'use_dpop_nonce'; readonly description: string };

export interface ProofDesk {
  /** RFC 9449 section 4.3. `accessToken`: the one that the request presents. */
  check(exchange: Exchange, accessToken?: string): Promise<Proof>;
  /** What goes with every answer where nonces are required. */
  readonly headers: Readonly<Record<string, string>>;
  /** The next proof needs a new nonce. */
  expireNonces(): void;
}

// Milliseconds.
const proofLifetime = 60_000;
const nonceLifetime = 300_000;
const noProof: Proof = { jkt: undefined };

export function createProofDesk(nonces: DpopNonce): ProofDesk {
  const seen = createShelf<true>();
  const required = nonces === 'required';
  let current = randomText(16);
  let previous: string | undefined;
  let renewAt: number | undefined;

  const renew = (now: number) => {
    if (renewAt !== undefined && now < renewAt) return;
    if (renewAt !== undefined) {
      // One that was fetched a moment ago still counts, one from long ago does not.
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
        return refused(`The DPoP proof was refused: ${reasonOf(error)}`);
      }
      const { htm, htu, iat = 0, jti, ath, nonce } = proof.payload;
      if (htm !== exchange.request.method) return refused('htm is not the method of this request');
      if (withoutQuery(htu) !== withoutQuery(exchange.url)) return refused('htu is not the address of this request');
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
        return refused('The jti of the DPoP proof was used before, or is no jti');
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

/** What clients may sign with, for RFC 7523 assertions and DPoP proofs. */
export const asymmetricAlgs: readonly string[] = [...mockAlgs, 'Ed25519', 'ES384', 'ES512', 'RS384', 'RS512'];
export const secretAlgs: readonly string[] = ['HS256', 'HS384', 'HS512'];

// What is kept to recognise it again must not be of any length.
const longestJti = 256;

/** False where `jti` was there before, or is none. `until` in milliseconds: when no server accepts it any more. */
export function isFresh(seen: Shelf<true>, owner: string, jti: unknown, until: number, now: number): boolean {
  if (typeof jti !== 'string' || jti === '' || jti.length > longestJti) return false;
  const key = `${owner} ${jti}`;
  if (seen.get(key, now)) return false;
  seen.put(key, true, until, now);
  return true;
}

/** What jose found wrong, as far as an error description may say it: no quotes (RFC 6749 section 5.2). */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : 'it cannot be read';
  return message.replace(/[^\x20-\x7e]|["\\]/g, "'");
}

/** SHA-256, base64url. */
export async function sha256(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return base64url.encode(new Uint8Array(hash));
}
