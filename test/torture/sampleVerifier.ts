import { createHash, createHmac, createPublicKey, verify as verifySignature } from 'node:crypto';
import { type Claims, type Flaw, flawed, type SampleOptions } from './sampleOptions.ts';
import type { Requests } from './sampleRequests.ts';

/* How the sample client verifies the JWTs of its issuer: ID tokens, logout tokens, and access tokens for its API. */

export interface Verifier {
  /** @returns the subject */
  checkIdToken(
    token: string,
    issuer: string,
    nonce: string | undefined,
    hashes?: { readonly at_hash?: string; readonly c_hash?: string },
  ): Promise<string>;
  checkLogoutToken(token: string): Promise<Claims>;
  /** The status with which the API answers. */
  checkAccessToken(token: string): Promise<number>;
}

export function createVerifier(options: SampleOptions, { json, metadata }: Requests): Verifier {
  const { issuer: first, clientId = 'demo', flaw = '', lapse } = options;
  const is = flawed(options);

  let cachedKeys: Claims[] | undefined;
  let misses = 0;
  /** The API looks up unknown key ids, but limits this, because attackers can make them up. */
  const mayFetch = (kid: unknown) => {
    if (is('resource.rotated') || cachedKeys?.some(key => key.kid === kid)) return false;
    misses += 1;
    return misses < 4 || is('resource.cool-down');
  };

  /** The claims of a JWT whose signature and header are valid. */
  const checked = async (token: string, issuer: string, typ?: string): Promise<Claims> => {
    const [head = '', body = '', signature = ''] = token.split('.');
    const header = JSON.parse(Buffer.from(head, 'base64url').toString());
    const claims: Claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    const own = typ === undefined ? 'id-token' : 'resource';
    if (typ !== undefined && header.typ !== typ && !is('resource.id-token')) throw new Error('typ');
    if (header.alg === 'none') {
      if (is(`${own}.alg-none`)) return claims;
      throw new Error('alg none');
    }
    const { jwks_uri = '' } = await metadata(issuer);
    const isCached = typ === undefined ? is('keys.rotated') || lapse === 'keeps its keys' : !mayFetch(header.kid);
    if (!isCached || cachedKeys === undefined) {
      try {
        cachedKeys = (await json(jwks_uri)).keys;
      } catch (error) {
        if (is('keys.down')) return claims;
        throw error;
      }
    }
    const keys = cachedKeys ?? [];
    const known =
      header.kid === undefined && keys.length === 1 && !is('keys.no-kid')
        ? keys[0]
        : keys.find(({ kid }) => kid !== undefined && kid === header.kid);
    const key = known ?? (is('id-token.kid') ? keys[0] : undefined);
    if (key === undefined) {
      if (is('keys.down')) return claims;
      throw new Error('kid');
    }
    const publicKey = createPublicKey({ key: { ...key }, format: 'jwk' });
    if ((publicKey.asymmetricKeyDetails?.modulusLength ?? 2048) < 2048 && !is('id-token.weak-rsa'))
      throw new Error('weak');
    if (header.alg === 'HS256') {
      const pem = publicKey.export({ format: 'pem', type: 'spki' });
      const mac = createHmac('sha256', pem).update(`${head}.${body}`).digest('base64url');
      if (is(`${own}.hmac-public-key`) && mac === signature) return claims;
      throw new Error('alg');
    }
    const bytes = Buffer.from(signature, 'base64url');
    const good = verifySignature(
      'sha256',
      Buffer.from(`${head}.${body}`),
      { key: publicKey, dsaEncoding: 'ieee-p1363' },
      bytes,
    );
    if (!good && !is(`${own}.signature`, 'id-token.kid', 'keys.down')) throw new Error('signature');
    return claims;
  };

  const checkIdToken = async (
    token: string,
    issuer: string,
    nonce: string | undefined,
    hashes: { at_hash?: string; c_hash?: string } = {},
  ): Promise<string> => {
    const claims = await checked(token, issuer);
    if (lapse === 'refuses every ID token') throw new Error('ID token');
    const now = Date.now() / 1000;
    const fail = (id: Flaw, wrong: boolean) => {
      if (wrong && !is(id)) throw new Error(id);
    };
    fail('id-token.iss', claims.iss !== issuer);
    const audiences = is('id-token.aud-list') ? [claims.aud] : [claims.aud].flat();
    fail('id-token.aud', !audiences.includes(clientId) && !(is('id-token.aud-several') && audiences.length > 1));
    fail('id-token.aud-several', audiences.length > 1);
    fail('id-token.azp', claims.azp !== undefined && claims.azp !== clientId);
    fail('id-token.at-hash', differs(claims.at_hash, hashes.at_hash));
    fail('id-token.c-hash', differs(claims.c_hash, hashes.c_hash));
    fail('id-token.exp', Number(claims.exp) < now);
    fail('id-token.iat-missing', typeof claims.iat !== 'number');
    fail('id-token.sub-missing', typeof claims.sub !== 'string');
    if (nonce !== undefined) fail('id-token.nonce', claims.nonce !== nonce);
    return String(claims.sub);
  };

  const checkLogoutToken = async (token: string): Promise<Claims> => {
    const isUnsigned = token.endsWith('.') && is('logout.back-channel-alg-none');
    const claims = isUnsigned || is('logout.back-channel-signature') ? claimsOf(token) : await checked(token, first);
    const wrong = {
      'logout.back-channel-iss': claims.iss !== first,
      'logout.back-channel-aud': claims.aud !== clientId,
      'logout.back-channel-event': !('http://schemas.openid.net/event/backchannel-logout' in Object(claims.events)),
      'logout.back-channel-nonce': claims.nonce !== undefined,
    };
    if (Object.entries(wrong).some(([id, is]) => is && id !== flaw)) throw new Error('no logout token');
    return claims;
  };

  const checkAccessToken = async (token: string): Promise<number> => {
    // Simulates code that splits the token into three parts: the second part of a JWE is not JSON.
    if (token.split('.').length === 5 && is('resource.jwe')) return 500;
    const claims = await checked(token, first, 'at+jwt');
    const now = Date.now() / 1000;
    const wrong: Record<Flaw, boolean> = {
      'resource.aud': claims.aud !== `${first}/api`,
      'resource.iss': claims.iss !== first,
      'resource.exp': Number(claims.exp) < now,
      'resource.nbf': Number(claims.nbf ?? 0) > now,
      'resource.good': flaw === 'resource.good',
    };
    if (is('resource.id-token')) return 200;
    const bad = Object.entries(wrong).some(([id, is]) => is && (id !== flaw || id === 'resource.good'));
    return bad ? 401 : 200;
  };

  return { checkIdToken, checkLogoutToken, checkAccessToken };
}

export const claimsOf = (token: string): Claims =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

/** OpenID Connect Core 1.0 section 3.1.3.6, for ES256. */
export function half(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');
}

const differs = (claim: unknown, right: string | undefined) =>
  claim !== undefined && right !== undefined && claim !== right;
