import assert from 'node:assert/strict';
import { importJWK, type JWK, jwtVerify } from 'jose';
import { answer } from '../../scripts/bench/child.mjs';
import { batch, compared, inTurns } from '../../scripts/bench/measure.mjs';
import { readKeySet } from '../../src/core/checks/keySets.ts';
import { verifyToken } from '../../src/core/checks/verifier.ts';
import { createMockIssuer } from '../../src/mock/issuer.ts';

/** Both sides verify the same token with the same key, imported once, under the same policy. */
async function measure(alg: 'RS256' | 'ES256') {
  const issuer = await createMockIssuer({ alg });
  const { access_token: token } = await issuer.issueTokens();
  const [jwk] = issuer.jwks().keys;
  const audience = `${issuer.issuer}/api`;
  const policy = { kind: 'access_token', issuer: issuer.issuer, audience, algorithms: [alg] } as const;
  const keys = readKeySet(issuer.jwks(), 'jwks_uri');
  const key = await importJWK(jwk as JWK, alg);

  const ours = () => verifyToken(token, policy, { kind: 'jwks', keys }, Date.now());
  const rival = () => jwtVerify(token, key, { issuer: issuer.issuer, audience, algorithms: [alg], typ: 'at+jwt' });
  const { verified, checks } = await ours();
  assert.ok(verified, JSON.stringify(checks));
  assert.ok((await rival()).payload.sub);

  const figures = await inTurns({ ours: batch(ours, 100), rival: batch(rival, 100) }, { rounds: 61, warmUp: 8 });
  return compared(figures.ours, figures.rival);
}

answer({ measure });
