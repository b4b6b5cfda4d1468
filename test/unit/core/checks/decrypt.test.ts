import assert from 'node:assert/strict';
import { generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto';
import { CompactEncrypt, type CompactJWEHeaderParameters } from 'jose';
import {
  contentEncryption,
  decrypt,
  keyManagement,
  mostInflated,
  mostRounds,
} from '../../../../src/core/checks/decrypt.ts';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import type { WorkbenchError } from '../../../../src/core/errors.ts';
import { dataOf } from '../../../support/failureOf.ts';
import { byPassword, encrypted, nested } from '../../../support/jweVectors.ts';
import { rsaPair } from '../../../support/rsaPair.ts';
import { encode, jwt, signer } from '../../../support/signing.ts';

const claims = { iss: 'https://as.example', sub: 'ada', exp: 4102444800 };

type Header = CompactJWEHeaderParameters & Record<string, unknown>;

/** Encrypted by jose. The tested code uses only jose's decryption. */
async function jwe(
  header: Header,
  key: Uint8Array | KeyObject,
  plaintext: string | Uint8Array = JSON.stringify(claims),
) {
  const bytes = typeof plaintext === 'string' ? new TextEncoder().encode(plaintext) : plaintext;
  const crit = Object.fromEntries((header.crit ?? []).map(name => [name, true]));
  return new CompactEncrypt(bytes).setProtectedHeader(header).encrypt(key as Uint8Array, { crit });
}

/** `code: reason` of the rejection. */
async function refusal(token: string, key: string): Promise<string> {
  try {
    await decrypt({ token, key });
  } catch (error) {
    const { code } = error as WorkbenchError;
    const data = dataOf(error);
    if (key.length > 20) assert.ok(!JSON.stringify(error).includes(key.slice(-20)), 'no key in an error');
    return data.reason === undefined ? code : `${code}: ${data.reason}`;
  }
  throw new assert.AssertionError({ message: 'it should have been refused' });
}

const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8') =>
  key.export({ type, format: 'pem' }).toString();
const jwkText = (key: KeyObject, more: object = {}) => JSON.stringify({ ...key.export({ format: 'jwk' }), ...more });
const rsa = rsaPair();
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const x25519 = generateKeyPairSync('x25519');
const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, at) => at * 7 + 1));

describe('decrypt', () => {
  describe('opens the examples of the RFCs', () => {
    for (const { name, key, token, text } of encrypted) {
      it(name, async () => {
        const { content, key: used } = await decrypt({ token, key: JSON.stringify(key) });
        assert.deepEqual(content, { kind: 'text', text });
        assert.equal(used.kty, key.kty);
      });
    }

    for (const [name, enc, salt, info, length] of [
      [
        'Auth.js 5',
        'A256CBC-HS512',
        'authjs.session-token',
        'Auth.js Generated Encryption Key (authjs.session-token)',
        64,
      ],
      ['NextAuth 4', 'A256GCM', '', 'NextAuth.js Generated Encryption Key', 32],
    ] as const) {
      it(`a session of ${name} with the secret that its key is derived from`, async () => {
        const secret = 'a secret in NEXTAUTH_SECRET';
        const derived = new Uint8Array(hkdfSync('sha256', secret, salt, info, length));
        const token = await jwe({ alg: 'dir', enc }, derived);
        const { content } = await decrypt({ token, key: `${secret}\n` });
        assert.equal(content.kind === 'claims' && content.payload.sub, 'ada');
        assert.equal(await refusal(token, 'another secret'), 'key_invalid: length');
      });
    }

    it('RFC 7520 section 5.3 (PBES2-HS512+A256KW, A128CBC-HS256)', async () => {
      const { content } = await decrypt({ token: byPassword.token, key: byPassword.password });
      assert.equal(content.kind, 'claims');
      assert.match(content.kind === 'claims' ? content.text : '', /"kid":"18ec08e1-bfa9-4d95-b205-2b4dd1d4321d"/);
    });

    it('RFC 7520 section 6: a JWT inside, which is then verified (PS256)', async () => {
      const { content, header } = await decrypt({ token: nested.token, key: JSON.stringify(nested.key) });
      assert.equal(header.cty, 'JWT');
      assert.ok(content.kind === 'token' && content.decoded.kind === 'jws');
      assert.equal(content.decoded.payload.iss, 'hobbiton.example');
      const source = { kind: 'jwks', keys: { keys: [nested.signer] } } as const;
      const policy = { issuer: 'hobbiton.example' };
      assert.equal((await verifyToken(content.token, policy, source, 1300819379_000)).verified, true);
      assert.equal((await verifyToken(content.token, policy, source, 1300819381_000)).verified, false);
    });

    it('RFC 7519 appendix A.2 and RFC 7520 section 5.1 are not: they use RSA1_5', async () => {
      const { token } = encrypted[0];
      const [, ...rest] = token.split('.');
      const header = encode({ alg: 'RSA1_5', enc: 'A128CBC-HS256', cty: 'JWT' });
      assert.equal(await refusal([header, ...rest].join('.'), pem(rsa.privateKey)), 'jwe_refused: rsa1_5');
    });
  });

  describe('opens what jose encrypts', () => {
    for (const [alg, { kty, bits }] of keyManagement) {
      for (const enc of contentEncryption.keys()) {
        // Each alg once and each enc once, because they are independent of each other.
        if (enc !== 'A256GCM' && alg !== 'dir') continue;
        it(`${alg} with ${enc}`, async () => {
          const [pair] = kty === 'RSA' ? [rsa] : [p256];
          const secret = bytes((alg === 'dir' ? (contentEncryption.get(enc) ?? 0) : (bits ?? 256)) / 8);
          const token = await jwe({ alg, enc }, kty === 'oct' ? secret : pair.publicKey);
          const key = kty === 'oct' ? secret.toString('base64url') : pem(pair.privateKey);
          const form = kty === 'oct' ? ({ keyFormat: 'base64url' } as const) : {};
          const { content } = await decrypt({ token, key, ...form });
          assert.deepEqual(content.kind === 'claims' && content.payload, claims);
        });
      }
    }

    it('with a private key in each of its forms', async () => {
      const forRsa = await jwe({ alg: 'RSA-OAEP-256', enc: 'A128GCM' }, rsa.publicKey);
      const other = rsaPair(1).privateKey;
      const set = {
        keys: [other, rsa.privateKey].map((key, at) => ({ ...key.export({ format: 'jwk' }), kid: `${at}` })),
      };
      for (const key of [
        pem(rsa.privateKey),
        pem(rsa.privateKey, 'pkcs1'),
        pem(rsa.privateKey).replace(/-----[^-]+-----/g, ''),
        pem(rsa.privateKey).replaceAll('\n', ' '),
        jwkText(rsa.privateKey, { use: 'enc', alg: 'RSA-OAEP-256', key_ops: ['unwrapKey'] }),
        JSON.stringify(set),
      ])
        assert.equal((await decrypt({ token: forRsa, key })).content.kind, 'claims', key.slice(0, 40));
      for (const [pair, forms] of [
        [p256, [pem(p256.privateKey), pem(p256.privateKey, 'sec1'), jwkText(p256.privateKey)]],
        [p521, [pem(p521.privateKey), pem(p521.privateKey, 'sec1')]],
        [x25519, [pem(x25519.privateKey), jwkText(x25519.privateKey)]],
      ] as const) {
        const token = await jwe({ alg: 'ECDH-ES+A256KW', enc: 'A128GCM' }, pair.publicKey);
        for (const key of forms) assert.equal((await decrypt({ token, key })).content.kind, 'claims', key.slice(0, 40));
      }
    });

    it('with a shared secret in each of its forms', async () => {
      const secret = bytes(32);
      const token = await jwe({ alg: 'dir', enc: 'A256GCM' }, secret);
      for (const [keyFormat, key] of [
        ['hex', secret.toString('hex')],
        ['base64', secret.toString('base64')],
        ['base64url', secret.toString('base64url')],
        [undefined, secret.toString('base64')],
        [undefined, secret.toString('hex')],
        [
          undefined,
          jwkText({
            export: () => ({ kty: 'oct', k: secret.toString('base64url') }),
          } as unknown as KeyObject),
        ],
      ] as const)
        assert.equal((await decrypt({ token, key, ...(keyFormat && { keyFormat }) })).content.kind, 'claims');
      const byText = await jwe({ alg: 'A128KW', enc: 'A128GCM' }, Buffer.from('sixteen letters.'));
      assert.equal((await decrypt({ token: byText, key: 'sixteen letters.' })).content.kind, 'claims');
    });

    it('and says which key it was, by its public half alone', async () => {
      const token = await jwe({ alg: 'RSA-OAEP-256', enc: 'A128GCM' }, rsa.publicKey);
      const { key } = await decrypt({ token, key: pem(rsa.privateKey) });
      const { key: sameKey } = await decrypt({ token, key: jwkText(rsa.privateKey, { kid: 'enc-1' }) });
      assert.deepEqual({ ...key, kid: 'enc-1' }, sameKey);
      assert.deepEqual(Object.keys(key).sort(), ['kty', 'size', 'source', 'thumbprint']);
      assert.equal(key.size, 2048);
    });
  });

  it('says what is inside: a token, claims, a text or bytes', async () => {
    const inner = jwt(signer('ES256'), claims);
    const header = { alg: 'dir', enc: 'A128GCM' } as const;
    const kindOf = async (plaintext: string | Uint8Array) =>
      (
        await decrypt({
          token: await jwe(header, bytes(16), plaintext),
          key: bytes(16).toString('hex'),
          keyFormat: 'hex',
        })
      ).content.kind;
    assert.equal(await kindOf(inner), 'token');
    assert.equal(await kindOf(JSON.stringify(claims)), 'claims');
    assert.equal(await kindOf('[1]'), 'text');
    assert.equal(await kindOf('eyJhbGciOiJub25l'), 'text');
    assert.equal(await kindOf(Uint8Array.of(0xff, 0xfe)), 'bytes');
  });

  it('says which claims the header repeats differently (RFC 7519 section 5.3)', async () => {
    const header = { alg: 'dir', enc: 'A128GCM', iss: claims.iss, sub: 'mallory', aud: 'x' } as const;
    const request = { token: await jwe(header, bytes(16)), key: bytes(16).toString('base64url') };
    assert.deepEqual((await decrypt(request)).differing, ['sub', 'aud']);
  });

  describe('refuses', () => {
    const secret = bytes(16).toString('base64url');
    const withHeader = async (header: object) => {
      const [, ...rest] = (await jwe({ alg: 'dir', enc: 'A128GCM' }, bytes(16))).split('.');
      return [encode(header), ...rest].join('.');
    };
    /** Headers that must be rejected before anything is computed, with the reason. */
    const headers: readonly (readonly [object, string])[] = [
      [{ alg: 'RSA1_5', enc: 'A128GCM' }, 'jwe_refused: rsa1_5'],
      [{ alg: 'none', enc: 'A128GCM' }, 'jwe_refused: alg'],
      [{ alg: 'DIR', enc: 'A128GCM' }, 'jwe_refused: alg'],
      [{ alg: 'HPKE-0', enc: 'A128GCM' }, 'jwe_refused: alg'],
      [{ alg: 'constructor', enc: 'A128GCM' }, 'jwe_refused: alg'],
      [{ alg: ['dir'], enc: 'A128GCM' }, 'jwe_refused: alg'],
      [{ enc: 'A128GCM' }, 'jwe_refused: alg'],
      [{ alg: 'dir' }, 'jwe_refused: enc'],
      [{ alg: 'dir', enc: 'A128CBC' }, 'jwe_refused: enc'],
      [{ alg: 'dir', enc: 'A128GCM', crit: ['exp'], exp: 1 }, 'jwe_refused: crit'],
      [{ alg: 'dir', enc: 'A128GCM', crit: [] }, 'jwe_refused: crit'],
      [{ alg: 'dir', enc: 'A128GCM', zip: 'GZIP' }, 'jwe_refused: zip'],
      [{ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2s: 'c2FsdHNhbHQ', p2c: mostRounds + 1 }, 'jwe_refused: p2c'],
      [{ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2s: 'c2FsdHNhbHQ', p2c: 2 ** 53 - 1 }, 'jwe_refused: p2c'],
      [{ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2s: 'c2FsdHNhbHQ', p2c: 1e300 }, 'jwe_refused: p2c_invalid'],
      [{ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2s: 'c2FsdHNhbHQ', p2c: '4096' }, 'jwe_refused: p2c_invalid'],
      [{ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2s: 'c2FsdHNhbHQ' }, 'jwe_refused: p2c_invalid'],
    ];
    for (const [header, expected] of headers) {
      it(`${JSON.stringify(header)}`, async () =>
        assert.equal(await refusal(await withHeader(header), secret), expected));
    }

    it('content that inflates to more than any token is', async () => {
      const bomb = await jwe({ alg: 'dir', enc: 'A128GCM', zip: 'DEF' }, bytes(16), new Uint8Array(mostInflated * 20));
      assert.ok(bomb.length < mostInflated / 20, 'a bomb is small');
      assert.equal(await refusal(bomb, secret), 'jwe_refused: inflated');
      const packed = await jwe({ alg: 'dir', enc: 'A128GCM', zip: 'DEF' }, bytes(16));
      assert.equal((await decrypt({ token: packed, key: secret })).content.kind, 'claims');
    });

    it('a set of keys that multiplies the work of one', async function () {
      this.timeout(60_000);
      const header = { alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2s: 'c2FsdHNhbHQ', p2c: mostRounds };
      const token = await withHeader(header);
      const keys = Array.from({ length: 16 }, (_, at) => ({ kty: 'oct', k: bytes(17 + at).toString('base64url') }));
      assert.equal(await refusal(token, JSON.stringify({ keys })), 'jwe_refused: work');
      // If each key costs little, all of them are tried.
      const cheap = await withHeader({ ...header, p2c: 1000 });
      assert.equal(await refusal(cheap, JSON.stringify({ keys })), 'decryption_failed');
    });

    it('a secret of the wrong length', async () => {
      const token = await jwe({ alg: 'dir', enc: 'A256GCM' }, bytes(32));
      assert.equal(await refusal(token, secret), 'key_invalid: length');
      const wrapped = await jwe({ alg: 'A256KW', enc: 'A128GCM' }, bytes(32));
      assert.equal(await refusal(wrapped, secret), 'key_invalid: length');
    });

    it('an ephemeral key off the curve or of another curve (invalid curve attacks)', async () => {
      const token = await jwe({ alg: 'ECDH-ES', enc: 'A128GCM' }, p256.publicKey);
      const [header = '', ...rest] = token.split('.');
      const { epk } = JSON.parse(Buffer.from(header, 'base64url').toString());
      const off = { alg: 'ECDH-ES', enc: 'A128GCM', epk: { ...epk, y: epk.x } };
      const other = { ...off, epk: p521.publicKey.export({ format: 'jwk' }) };
      const none = { alg: 'ECDH-ES', enc: 'A128GCM' };
      for (const each of [off, other, none])
        assert.match(
          await refusal([encode(each), ...rest].join('.'), pem(p256.privateKey)),
          /^(?:decryption_failed|key_invalid: unsuitable|jwe_refused: malformed)$/,
        );
    });

    it('keys that the header brings', async () => {
      const mallory = rsaPair(1);
      const jwk = mallory.privateKey.export({ format: 'jwk' });
      const token = await jwe(
        { alg: 'RSA-OAEP-256', enc: 'A128GCM', jwk: jwk as never, jku: 'https://mallory.example/jwks' },
        mallory.publicKey,
      );
      assert.equal(await refusal(token, pem(rsa.privateKey)), 'decryption_failed');
    });

    it('another key, and a token that was changed in any part', async () => {
      const token = await jwe({ alg: 'RSA-OAEP-256', enc: 'A128GCM' }, rsa.publicKey);
      const other = rsaPair(1);
      assert.equal(await refusal(token, pem(other.privateKey)), 'decryption_failed');
      const parts = token.split('.');
      for (const part of [1, 2, 3, 4]) {
        const changed = parts.map((text, at) =>
          at === part ? `${text[0] === 'A' ? 'B' : 'A'}${text.slice(1)}` : text,
        );
        assert.equal(await refusal(changed.join('.'), pem(rsa.privateKey)), 'decryption_failed', String(part));
      }
      const renamed = [encode({ alg: 'RSA-OAEP-256', enc: 'A128GCM', x: 1 }), ...parts.slice(1)].join('.');
      assert.equal(await refusal(renamed, pem(rsa.privateKey)), 'decryption_failed');
      for (const part of [1, 2, 3, 4]) {
        const emptied = parts.map((text, at) => (at === part ? '' : text)).join('.');
        assert.match(await refusal(emptied, pem(rsa.privateKey)), /^(?:decryption_failed|jwe_refused: malformed)$/);
      }
    });

    it('keys that cannot decrypt, and says which kinds can', async () => {
      const token = await jwe({ alg: 'RSA-OAEP-256', enc: 'A128GCM' }, rsa.publicKey);
      const shared = await jwe({ alg: 'A128KW', enc: 'A128GCM' }, bytes(16));
      const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
      const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
      const locked = rsa.privateKey.export({
        type: 'pkcs8',
        format: 'pem',
        cipher: 'aes-128-cbc',
        passphrase: 'x',
      });
      for (const [of, key, expected] of [
        [token, '', 'empty'],
        [token, publicPem, 'public_key'],
        [token, rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(), 'public_key'],
        [token, JSON.stringify(rsa.publicKey.export({ format: 'jwk' })), 'public_key'],
        [token, 'ssh-rsa AAAA', 'public_key'],
        [token, locked.toString(), 'encrypted'],
        [token, pem(small), 'rsa_too_short'],
        [token, pem(p256.privateKey), 'unsuitable'],
        [token, jwkText(p256.privateKey), 'unsuitable'],
        [token, jwkText(rsa.privateKey, { use: 'sig' }), 'unsuitable'],
        [token, jwkText(rsa.privateKey, { alg: 'RSA-OAEP' }), 'unsuitable'],
        [token, jwkText(rsa.privateKey, { alg: 'RS256' }), 'unsuitable'],
        [token, jwkText(rsa.privateKey, { key_ops: ['sign'] }), 'unsuitable'],
        [token, secret, 'secret_for_key'],
        [token, JSON.stringify({ kty: 'oct', k: secret }), 'secret_for_key'],
        [token, '{"kty":', 'json'],
        [token, '{"a":1}', 'kty'],
        [shared, pem(rsa.privateKey), 'key_for_secret'],
        [shared, publicPem, 'public_key'],
        [shared, jwkText(rsa.privateKey), 'key_for_secret'],
      ] as const)
        assert.equal(await refusal(of, key), `key_invalid: ${expected}`, `${expected}: ${key.slice(0, 30)}`);
    });

    it('what is not encrypted', async () => {
      assert.equal(await refusal(jwt(signer('ES256'), claims), secret), 'not_encrypted');
      assert.equal(await refusal('opaque', secret), 'not_encrypted');
    });
  });
});
