import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { tokenStateOf } from '../../../../src/core/checks/finding.ts';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { signatureAlgorithms } from '../../../../src/core/tokens/algorithms.ts';
import { rsaPair } from '../../../support/rsaPair.ts';
import { encode, hmacJwt, jwt, signerOf } from '../../../support/signing.ts';

const claims = { iss: 'https://as.example', sub: 'ada', exp: 4102444800 };
const policy = { issuer: claims.iss };
const now = Date.UTC(2024, 0, 1);

const rsa = rsaPair();
const pairs = {
  RSA: () => rsa,
  EC: (crv = '') => generateKeyPairSync('ec', { namedCurve: crv }),
  OKP: () => generateKeyPairSync('ed25519'),
} as const;

/** Detected by trying, because platforms do not list their algorithms. */
async function mlDsa(alg: string): Promise<CryptoKeyPair | undefined> {
  return crypto.subtle.generateKey({ name: alg }, true, ['sign', 'verify']).catch(() => undefined) as Promise<
    CryptoKeyPair | undefined
  >;
}

async function outcome(token: string, key: string) {
  const { verified, checks } = await verifyToken(token, policy, { kind: 'key', text: key }, now);
  return { verified, signature: checks.find(({ id }) => id === 'signature')?.code };
}

const valid = { verified: true, signature: 'signature_valid' };
const changed = (token: string) => token.replace(/\.[^.]+\./, `.${encode({ ...claims, sub: 'mallory' })}.`);

describe('each signature algorithm', () => {
  for (const [alg, { kty, crv }] of signatureAlgorithms) {
    if (kty === 'oct') {
      it(`${alg}: a token of Node's, and the same changed`, async () => {
        const secret = Buffer.alloc(64, 9);
        const token = hmacJwt(secret, claims, { alg });
        for (const key of [secret.toString('base64'), JSON.stringify({ kty, k: secret.toString('base64url') })]) {
          assert.deepEqual(await outcome(token, key), valid);
          assert.equal((await outcome(changed(token), key)).signature, 'signature_invalid');
        }
      });
    } else if (kty === 'AKP') {
      it(`${alg}: where Web Crypto has it, a token of its own; elsewhere its absence is the reason`, async () => {
        const pair = await mlDsa(alg);
        const input = `${encode({ alg })}.${encode(claims)}`;
        if (!pair) {
          const pub = Buffer.alloc(1312, 7).toString('base64url');
          assert.deepEqual(await outcome(`${input}.c2ln`, JSON.stringify({ kty, alg, pub })), {
            verified: false,
            signature: 'platform_lacks_alg',
          });
          return;
        }
        const signature = await crypto.subtle.sign({ name: alg }, pair.privateKey, Buffer.from(input));
        const token = `${input}.${Buffer.from(signature).toString('base64url')}`;
        const jwk = JSON.stringify(await crypto.subtle.exportKey('jwk', pair.publicKey));
        assert.deepEqual(await outcome(token, jwk), valid);
        assert.equal((await outcome(changed(token), jwk)).signature, 'signature_invalid');
      });
    } else {
      it(`${alg}: a token of Node's, and the same changed, by JWK and by PEM`, async () => {
        const by = signerOf(alg, pairs[kty](crv), 'a');
        const token = alg === 'Ed25519' ? ed25519(by) : jwt(by, claims);
        for (const key of [by.pem, JSON.stringify(by.jwk), JSON.stringify({ keys: [by.jwk] })]) {
          assert.deepEqual(await outcome(token, key), valid);
          assert.equal((await outcome(changed(token), key)).signature, 'signature_invalid');
        }
      });
    }
  }

  it('EdDSA with a key on Ed448 cannot be checked here, which does not make the token wrong', async () => {
    const pair = generateKeyPairSync('ed448');
    const by = signerOf('EdDSA', pair, 'a');
    const input = `${encode({ alg: 'EdDSA', kid: 'a' })}.${encode(claims)}`;
    const token = `${input}.${sign(null, Buffer.from(input), pair.privateKey).toString('base64url')}`;
    const result = await verifyToken(token, policy, { kind: 'jwks', keys: { keys: [by.jwk] } }, now);
    const signature = result.checks.find(({ id }) => id === 'signature');
    assert.deepEqual([signature?.code, signature?.found], ['platform_lacks_alg', 'Ed448']);
    assert.equal(tokenStateOf(result).kind, 'unverifiable');
  });

  for (const alg of ['ES256K', 'Ed448', 'RS1', 'HS1', 'ES256 ', 'rs256', 'SLH-DSA-SHA2-128s']) {
    it(`${JSON.stringify(alg)} is not an algorithm`, async () => {
      const by = signerOf('ES256', pairs.EC('P-256'), 'a');
      const token = jwt(by, claims, { alg });
      const { verified, checks } = await verifyToken(token, policy, { kind: 'key', text: by.pem }, now);
      assert.equal(verified, false);
      assert.equal(checks.find(({ id }) => id === 'alg')?.code, 'alg_unsupported');
      // A token with a registered algorithm may be genuine all the same.
      const isRegistered = alg === 'ES256K' || alg === 'Ed448';
      assert.equal(tokenStateOf({ verified, checks }).kind, isRegistered ? 'unverifiable' : 'failed');
      const other = await verifyToken(token, { issuer: 'https://other.example' }, { kind: 'key', text: by.pem }, now);
      assert.equal(tokenStateOf(other).kind, 'failed');
    });
  }
});

function ed25519({ privateKey }: ReturnType<typeof signerOf>): string {
  const input = `${encode({ alg: 'Ed25519' })}.${encode(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
}
