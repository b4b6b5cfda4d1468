import { calculateJwkThumbprint, EmbeddedJWK, type JWTVerifyResult, jwtVerify } from 'jose';
import type { Exchange } from './exchange.ts';
import type { DpopNonce } from './options.ts';
import { asymmetricAlgs, isFresh, reasonOf, sha256 } from './proofs.ts';
import { randomText } from './random.ts';
import { createShelf } from './shelf.ts';

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
