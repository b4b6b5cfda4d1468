import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { certificateThumbprint, readClientKey, readTlsIdentity } from '../../../../src/core/issuer/clientKey.ts';
import { testKey } from '../../../support/clientKeys.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { selfSigned } from '../../../support/selfSigned.ts';

const kinds = {
  RSA: ['RS256', 'PS256', 'RS384', 'PS384', 'RS512', 'PS512'],
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
} as const;

describe('the key of a client', () => {
  for (const [kind, algorithms] of Object.entries(kinds) as [keyof typeof kinds, readonly string[]][]) {
    it(`is read as PEM and as JWK: ${kind}`, async () => {
      const { pem, jwk } = testKey(kind);
      const oneLine = pem.replaceAll('\n', '');
      for (const text of [pem, `  ${pem.replaceAll('\n', '\r\n')} `, oneLine, JSON.stringify(jwk)]) {
        const key = await readClientKey(text);
        assert.deepEqual([key.algorithms, key.header], [algorithms, {}]);
        for (const alg of algorithms) assert.equal((await key.cryptoKey(alg)).extractable, false);
      }
    });
  }

  // https://github.com/coollabsio/coolify/issues/6384, https://github.com/auth0/node-jsonwebtoken/issues/642
  it('is the only one of a set that signs, and the one that a client has under a name of its own', async () => {
    const jwk = createPrivateKey(testKey('P-256').pem).export({ format: 'jwk' });
    const { d: _, ...others } = createPrivateKey(testKey('RSA').pem).export({ format: 'jwk' });
    const encrypting = { ...createPrivateKey(testKey('RSA').pem).export({ format: 'jwk' }), use: 'enc' };
    for (const text of [
      { keys: [others, encrypting, { ...jwk, kid: 'own' }] },
      { client_id: 'c', jwk: { ...jwk, kid: 'own' } },
    ])
      assert.deepEqual((await readClientKey(JSON.stringify(text))).header, { kid: 'own' });
  });

  it('is read in whatever structure and wrapping it comes', async () => {
    const rsa = createPrivateKey(testKey('RSA').pem);
    const p256 = createPrivateKey(testKey('P-256').pem);
    const out = (key: typeof rsa, type: string) => key.export({ type, format: 'pem' } as never).toString();
    const der = (key: typeof rsa, type: string) => key.export({ type, format: 'der' } as never) as unknown as Buffer;
    for (const [key, types] of [
      [rsa, ['pkcs8', 'pkcs1']],
      [p256, ['pkcs8', 'sec1']],
    ] as const) {
      for (const type of types) {
        const text = out(key, type);
        const line = text.replaceAll('\n', '\\n');
        const account = {
          type: 'service_account',
          private_key_id: 'k-1',
          private_key: text,
          client_email: 'a@example',
        };
        for (const [wrapping, wrapped] of Object.entries({
          'as it is': text,
          'line breaks written out': line,
          'quoted, as in .env': `"${line}"`,
          'with its name, as in .env': `PRIVATE_KEY='${line}'`,
          'escaped twice': text.replaceAll('\n', '\\\\n'),
          'of Windows': text.replaceAll('\n', '\\r\\n'),
          'base64 of the PEM': Buffer.from(text).toString('base64'),
          'base64 of the DER': der(key, type).toString('base64'),
          'a service account': JSON.stringify(account, null, 2),
          'a service account in base64': Buffer.from(JSON.stringify({ key: text })).toString('base64'),
          'behind the parameters of its curve': `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${text}`,
        })) {
          const read = await readClientKey(wrapped);
          assert.deepEqual(read.header, wrapping === 'a service account' ? { kid: 'k-1' } : {}, wrapping);
          assert.equal(read.algorithms[0], key === rsa ? 'RS256' : 'ES256');
          await read.cryptoKey(read.algorithms[0] ?? '');
        }
      }
    }
    const secp256k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey;
    for (const type of ['pkcs8', 'sec1']) {
      const error = await failureOf(readClientKey(out(secp256k1, type)));
      assert.equal((error.data as { reason?: string }).reason, 'kty');
    }
  });

  it('has the name and the algorithm that its JWK says, and nothing else of it', async () => {
    const { jwk } = testKey('RSA');
    const described = { ...jwk, kid: 'one', alg: 'PS256', use: 'enc', key_ops: ['verify'], ext: false };
    for (const text of [JSON.stringify(described), JSON.stringify({ keys: [described] })]) {
      const { header, algorithms, cryptoKey } = await readClientKey(text);
      assert.deepEqual([header, algorithms], [{ kid: 'one' }, ['PS256']]);
      await cryptoKey('PS256');
    }
  });

  it('is named by the certificate beside it', async () => {
    const { key, cert } = selfSigned;
    for (const text of [`${key}\n${cert}`, `${cert}${key}`.replaceAll('\n', '')]) {
      const { header } = await readClientKey(text);
      const hex = new X509Certificate(cert).fingerprint256.replaceAll(':', '');
      assert.equal(header['x5t#S256'], Buffer.from(hex, 'hex').toString('base64url'));
      assert.equal(await certificateThumbprint(text), header['x5t#S256']);
      const identity = readTlsIdentity(text);
      assert.equal(identity.key, `${key}\n`);
      assert.equal(identity.certificate, `${cert}\n`);
    }
  });

  it('signs with PS256 where a certificate names it, as Microsoft Entra ID wants it', async () => {
    const { algorithms, cryptoKey } = await readClientKey(`${testKey('RSA').pem}${selfSigned.cert}`);
    assert.deepEqual(algorithms.slice(0, 2), ['PS256', 'RS256']);
    assert.equal((await cryptoKey('PS256')).algorithm.name, 'RSA-PSS');
  });

  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = (type: 'pkcs8' | 'sec1' | 'spki', more = {}) =>
    (type === 'spki' ? ec.publicKey : ec.privateKey).export({ type, format: 'pem', ...more } as never);
  const locked = { cipher: 'aes-256-cbc', passphrase: 'canary' };
  const jwk = ec.privateKey.export({ format: 'jwk' });
  const { d: _, ...publicJwk } = jwk;
  for (const [reason, text] of [
    ['empty', '  '],
    ['public_key', pem('spki')],
    ['public_key', JSON.stringify(publicJwk)],
    ['certificate', selfSigned.cert],
    ['encrypted', pem('pkcs8', locked)],
    ['encrypted', pem('sec1', locked)],
    ['ssh', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5'],
    ['ssh', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----'],
    ['symmetric', JSON.stringify({ kty: 'oct', k: 'canary' })],
    ['several', JSON.stringify({ keys: [jwk, jwk] })],
    ['kty', JSON.stringify({ kty: 'OKP', crv: 'X25519', x: 'a', d: 'canary' })],
    ['broken', JSON.stringify({ ...jwk, d: 'canary' })],
    ['broken', '{"kty":"EC"'],
    ['broken', String(pem('pkcs8')).slice(0, 120)],
    ['broken', '-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----'],
    ['broken', '-----BEGIN PRIVATE KEY-----\nY=2F\n-----END PRIVATE KEY-----'],
    ['foreign', 'PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nPrivate-Lines: 1\ncanary'],
    ['foreign', '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\ncanary\n-----END PGP PRIVATE KEY BLOCK-----'],
    ['foreign', '-----BEGIN PKCS7-----\ncanary\n-----END PKCS7-----'],
    // The head of a file of `openssl pkcs12 -export`, and of one of keytool.
    ['foreign', Buffer.from('3010020103300b06092a864886f70d010701', 'hex').toString('base64')],
    ['foreign', Buffer.from(`feedfeed00000002${'00'.repeat(20)}`, 'hex').toString('base64')],
    ['unknown', 'canary, a secret'],
    ['unknown', '["canary"]'],
  ] as const) {
    it(`is not: ${reason}, ${String(text).slice(0, 30)}`, async () => {
      const error = await failureOf(readClientKey(String(text)));
      assert.deepEqual([error.code, error.data.reason], ['credential_invalid', reason]);
      assert.doesNotMatch(JSON.stringify(error.data), /canary/);
    });
  }

  it('is either read or rejected, for any text', async () => {
    const piece = fc.constantFrom(
      '-----BEGIN PRIVATE KEY-----',
      '-----END PRIVATE KEY-----',
      '-----BEGIN CERTIFICATE-----',
      '{',
      '}',
      '"kty":"RSA",',
      '"d":"AQAB"',
      '"keys":[',
      ']',
      'MIGHAgEA',
      '\n',
      '=',
      '"crv":"P-256",',
      '\u0000',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map(pieces => pieces.join('')),
    );
    await fc.assert(
      fc.asyncProperty(text, async any => {
        for (const read of [readClientKey, async (text: string) => readTlsIdentity(text)])
          await read(any).catch(error => assert.equal(error.code, 'credential_invalid'));
        await certificateThumbprint(any);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('serves for TLS in its older form as well, and only with its certificate', () => {
    const old = createPrivateKey(testKey('RSA').pem).export({ type: 'pkcs1', format: 'pem' }).toString();
    assert.equal(readTlsIdentity(`${selfSigned.cert}\n${old}`).key, old);
    const missing = { code: 'credential_invalid', data: { reason: 'certificate_missing', sent: false } };
    assert.throws(() => readTlsIdentity(selfSigned.key), missing);
    assert.throws(() => readTlsIdentity(selfSigned.cert), { data: { reason: 'certificate', sent: false } });
  });
});
