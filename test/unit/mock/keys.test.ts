import assert from 'node:assert/strict';
import { createHash, createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { createMockIssuer, type MockIssuer, openMockIssuer } from '../../../src/mock/issuer.ts';
import { type MockAlg, nodeCrypto, type SigningKey } from '../../../src/mock/keys.ts';
import { startMockServer } from '../../../src/mock/nodeServer.ts';
import { refresh, text } from './support.ts';

const algs = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;

/** OpenID Connect Core section 3.1.3.6, computed with another library. */
function atHash(accessToken: string, hash: string): string {
  const digest = createHash(hash).update(accessToken, 'ascii').digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
}

function keysOf(mock: MockIssuer): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(`${mock.issuer}/jwks`), { [customFetch]: mock.fetch });
}

async function verifyAll(mock: MockIssuer, keys: JWTVerifyGetKey, alg: string): Promise<void> {
  const { body } = await refresh(mock, (await mock.issueTokens()).refresh_token);
  const accessToken = text(body.access_token);
  const common = { issuer: mock.issuer, algorithms: [alg], requiredClaims: ['exp', 'iat'] };
  await jwtVerify(accessToken, keys, { ...common, audience: `${mock.issuer}/api`, typ: 'at+jwt' });
  const { payload } = await jwtVerify(text(body.id_token), keys, { ...common, audience: 'demo' });
  assert.equal(payload.at_hash, atHash(accessToken, alg === 'EdDSA' ? 'sha512' : 'sha256'));
}

describe('mock issuer: keys', () => {
  const made = new Map<MockAlg, Promise<MockIssuer>>();
  /** Shared, because making an RSA key takes longer than these tests. */
  const mockWith = (alg: MockAlg) => {
    const mock = made.get(alg) ?? createMockIssuer({ alg });
    made.set(alg, mock);
    return mock;
  };

  for (const alg of algs) {
    it(`${alg}: jose verifies both tokens against the JWKS, and at_hash is right (WebCrypto)`, async () => {
      const mock = await mockWith(alg);
      await verifyAll(mock, keysOf(mock), alg);
    });

    it(`${alg}: the same from the server, over HTTP (node:crypto)`, async () => {
      const mock = await startMockServer({ alg });
      try {
        await verifyAll(mock, createRemoteJWKSet(new URL(`${mock.issuer}/jwks`)), alg);
      } finally {
        await mock.close();
      }
    });
  }

  it('ES256: r and s have 32 bytes each, however short or long the integers are', async () => {
    const { publicJwk, sign } = await nodeCrypto.generateKey('ES256');
    const key = createPublicKey({ key: { ...publicJwk } as JsonWebKey, format: 'jwk' });
    const seen = new Set<string>();
    // One of 256 integers is shorter, and half of them have a zero before them in DER.
    for (let i = 0; seen.size < 4 && i < 20_000; i += 1) {
      const signature = Buffer.from(await sign(`input ${i}`), 'base64url');
      assert.equal(signature.length, 64);
      assert.ok(verify('sha256', Buffer.from(`input ${i}`), { key, dsaEncoding: 'ieee-p1363' }, signature));
      for (const [name, first] of [['r', signature[0]] as const, ['s', signature[32]] as const]) {
        if (first === 0) seen.add(`short ${name}`);
        if ((first ?? 0) >= 0x80) seen.add(`long ${name}`);
      }
    }
    assert.deepEqual([...seen].sort(), ['long r', 'long s', 'short r', 'short s']);
  });

  it('ES256: what is asked for in one turn of the event loop is signed at its end', async () => {
    const { sign } = await nodeCrypto.generateKey('ES256');
    const signed: string[] = [];
    for (const each of ['one', 'two']) void Promise.resolve(sign(each)).then(() => signed.push(each));
    await new Promise<void>(resolve => process.nextTick(resolve));
    assert.deepEqual(signed, []);
    await new Promise(setImmediate);
    assert.deepEqual(signed, ['one', 'two']);
  });

  it('ES256: signs although a test has replaced the global setImmediate', async () => {
    const { sign } = await nodeCrypto.generateKey('ES256');
    const { setImmediate: own } = globalThis;
    globalThis.setImmediate = Object.assign(() => assert.fail('the global one was called'), own);
    try {
      assert.equal((await sign('input')).length, 86);
    } finally {
      globalThis.setImmediate = own;
    }
  });

  it('signs non-ASCII text', async () => {
    const options = { subject: 'Zoë 🔑', alg: 'ES256' } as const;
    const server = await startMockServer(options);
    for (const mock of [await createMockIssuer(options), server]) {
      const { access_token } = await mock.issueTokens();
      const { payload } = await jwtVerify(access_token, keysOf(mock));
      assert.equal(payload.sub, 'Zoë 🔑');
    }
    await server.close();
  });

  it('signs an edited token with its own key and kid', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const token = await mock.sign({ iss: 'https://elsewhere.example', n: 1 }, { alg: 'none', kid: 'x', typ: 'T' });
    const { payload, protectedHeader } = await jwtVerify(token, keysOf(mock));
    assert.deepEqual(payload, { iss: 'https://elsewhere.example', n: 1 });
    const [key] = mock.jwks().keys;
    assert.deepEqual(protectedHeader, { alg: 'ES256', kid: key?.kid, typ: 'T' });
  });

  it('publishes public members only, with the thumbprint as kid', async () => {
    for (const alg of algs) {
      const mock = await mockWith(alg);
      const response = await mock.fetch(`${mock.issuer}/jwks`);
      const { keys } = await response.json();
      const members = Object.keys(keys[0]).sort().join();
      const kty: string = keys[0].kty;
      const expected = {
        RSA: 'alg,e,kid,kty,n,use',
        EC: 'alg,crv,kid,kty,use,x,y',
        OKP: 'alg,crv,kid,kty,use,x',
      };
      assert.equal(members, expected[kty as keyof typeof expected]);
      assert.deepEqual(keys, mock.jwks().keys);
    }
  });

  it('generates new keys for every mock', async () => {
    const one = await createMockIssuer({ alg: 'ES256' });
    const two = await createMockIssuer({ alg: 'ES256' });
    assert.notEqual(one.jwks().keys[0]?.kid, two.jwks().keys[0]?.kid);
    await assert.rejects(jwtVerify((await one.issueTokens()).access_token, keysOf(two)), {
      code: 'ERR_JWKS_NO_MATCHING_KEY',
    });
  });

  it('serves metadata while its key is generated; requests that need the key wait', async () => {
    let asked = 0;
    const key = await nodeCrypto.generateKey('ES256');
    let made = (_: SigningKey) => {};
    const promise = new Promise<SigningKey>(resolve => {
      made = resolve;
    });
    const { mock, ready } = await openMockIssuer(
      { alg: 'ES256' },
      {
        ...nodeCrypto,
        generateKey() {
          asked += 1;
          return promise;
        },
      },
    );
    assert.equal(asked, 0, 'nobody has asked for the key yet');
    const metadata = await mock.fetch(`${mock.issuer}/.well-known/openid-configuration`);
    assert.equal(metadata.status, 200);
    const answered: string[] = [];
    const waiting = [
      mock.fetch(`${mock.issuer}/jwks`).then(() => answered.push('jwks')),
      mock.issueTokens().then(() => answered.push('issueTokens')),
      mock.sign({}).then(() => answered.push('sign')),
      ready().then(() => answered.push('ready')),
    ];
    await mock.fetch(`${mock.issuer}/.well-known/openid-configuration`);
    assert.deepEqual(answered, []);
    made(key);
    await Promise.all(waiting);
    assert.equal(asked, 1);
    assert.deepEqual(mock.jwks().keys, [key.publicJwk]);
  });

  it('rotates: the new key signs, old tokens still verify unless the old key is dropped', async () => {
    const mock = await createMockIssuer({ alg: 'EdDSA' });
    const old = await mock.issueTokens();
    await mock.rotateKeys();
    const next = await mock.issueTokens();
    assert.equal(mock.jwks().keys.length, 2);
    await jwtVerify(old.access_token, keysOf(mock));
    await jwtVerify(next.access_token, keysOf(mock));
    await mock.rotateKeys('ES256', { dropOld: true });
    assert.deepEqual(
      mock.jwks().keys.map(key => key.alg),
      ['ES256'],
    );
    await verifyAll(mock, keysOf(mock), 'ES256');
    await assert.rejects(jwtVerify(next.access_token, keysOf(mock)), { code: 'ERR_JWKS_NO_MATCHING_KEY' });
  });

  it('publishes no more than 8 keys', async () => {
    const mock = await createMockIssuer({ alg: 'EdDSA' });
    for (let i = 0; i < 12; i += 1) await mock.rotateKeys();
    assert.equal(mock.jwks().keys.length, 8);
    await verifyAll(mock, keysOf(mock), 'EdDSA');
  });
});
