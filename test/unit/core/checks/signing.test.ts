import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readOwnKey } from '../../../../src/core/checks/secretText.ts';
import type { KeySource } from '../../../../src/core/checks/signatures.ts';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { decodeToken } from '../../../../src/core/tokens/jwt.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { rsaPair } from '../../../support/rsaPair.ts';

const payload = '{"sub": "ada", "big": 12345678901234567890}';
const header = { typ: 'JWT', alg: 'none' };

async function accepts(token: string, verification: Awaited<ReturnType<typeof readOwnKey>>['verification']) {
  const source: KeySource =
    'jwks' in verification
      ? { kind: 'jwks', keys: verification.jwks }
      : { kind: 'key', text: verification.key, form: verification.keyFormat };
  const { checks } = await verifyToken(token, { requireExp: false }, source, 0);
  return checks.find(({ id }) => id === 'signature')?.status;
}

describe('readOwnKey', () => {
  const pairs = {
    RS256: rsaPair(),
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    EdDSA: generateKeyPairSync('ed25519'),
  };

  for (const [alg, { privateKey }] of Object.entries(pairs)) {
    it(`signs with ${alg}, and knows what a verifier of that needs`, async () => {
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'mine' };
      for (const text of [pem, JSON.stringify(jwk)]) {
        const key = await readOwnKey(text);
        const token = await key.sign(header, payload);
        const decoded = decodeToken(token);
        assert.ok(decoded.kind === 'jws');
        assert.equal(decoded.header.alg, alg);
        assert.equal(decoded.header.typ, 'JWT');
        assert.equal(decoded.header.kid, text === pem ? undefined : 'mine');
        assert.equal(decoded.payloadText, payload, 'as it is written');
        assert.equal(await accepts(token, key.verification), 'passed');
        assert.doesNotMatch(
          JSON.stringify(key.verification),
          /"(?:d|p|q|dp|dq|qi|k)"/,
          'the private half is not in it',
        );
      }
    });
  }

  it('signs with the algorithm of the header where it fits the key', async () => {
    const pem = pairs.RS256.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const { sign, verification } = await readOwnKey(pem);
    for (const [asked, used] of [
      ['PS384', 'PS384'],
      ['ES256', 'RS256'],
      ['HS256', 'RS256'],
    ] as const) {
      const token = await sign({ alg: asked }, payload);
      assert.equal(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).alg, used);
      assert.equal(await accepts(token, verification), 'passed');
    }
  });

  it('signs with a secret in a form that was chosen, and as a JWK', async () => {
    const secret = 'a secret of the tests, long enough';
    const bytes = Buffer.from(secret);
    const keys = [
      await readOwnKey(secret, 'text'),
      await readOwnKey(bytes.toString('hex'), 'hex'),
      await readOwnKey(JSON.stringify({ kty: 'oct', k: bytes.toString('base64url') })),
    ];
    const tokens = await Promise.all(keys.map(key => key.sign({ alg: 'HS512' }, payload)));
    assert.equal(new Set(tokens).size, 1);
    for (const { verification } of keys) assert.equal(await accepts(tokens[0] ?? '', verification), 'passed');
    assert.equal(JSON.parse(Buffer.from(tokens[0]?.split('.')[0] ?? '', 'base64url').toString()).alg, 'HS512');
  });

  it('never uses a public key for signing, nor as a secret', async () => {
    const pem = pairs.RS256.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    assert.deepEqual((await failureOf(readOwnKey(pem))).code, 'credential_invalid');
    assert.deepEqual((await failureOf(readOwnKey(pem, 'text'))).code, 'key_invalid');
    assert.deepEqual((await failureOf(readOwnKey('{"kty":"oct"}'))).code, 'key_invalid');
  });
});
