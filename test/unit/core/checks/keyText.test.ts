import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { guessSecrets, readKeyText, readSecret, type SecretForm } from '../../../../src/core/checks/secretText.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { rsaPair } from '../../../support/rsaPair.ts';
import { selfSigned } from '../../../support/selfSigned.ts';

const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const jwkOf = (key: KeyObject) => key.export({ format: 'jwk' });
const { publicKey: rsa, privateKey: rsaPrivate } = rsaPair();
const { publicKey: ec, privateKey: ecPrivate } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

async function info(text: string) {
  const { keys } = await readKeyText(text);
  assert.equal(keys.length, 1);
  return keys[0]?.info();
}

async function flaw(text: string, form?: SecretForm) {
  const { code, data } = await failureOf(readKeyText(text, form));
  assert.equal(code, 'key_invalid');
  return data;
}

/** A SubjectPublicKeyInfo (RFC 5280) with an AlgorithmIdentifier and a key of `length` bytes. */
function spkiOf(oid: readonly number[], length: number): string {
  const key = Buffer.alloc(length, 7);
  const size = (bytes: number) => [0x82, bytes >> 8, bytes & 0xff];
  const algorithm = [0x30, oid.length + 2, 0x06, oid.length, ...oid];
  const bits = [0x03, ...size(length + 1), 0, ...key];
  return Buffer.from([0x30, ...size(algorithm.length + bits.length), ...algorithm, ...bits]).toString('base64');
}

describe('readKeyText', () => {
  it('finds the numbers of a key in a PEM, as Node does', async () => {
    for (const key of [
      rsa,
      ec,
      ...['P-384', 'P-521'].map(namedCurve => generateKeyPairSync('ec', { namedCurve }).publicKey),
      generateKeyPairSync('ed25519').publicKey,
    ])
      assert.deepEqual(await info(spki(key)), await info(JSON.stringify(jwkOf(key))));
  });

  it('finds it in PKCS #1, RSASSA-PSS, a certificate, and without the lines around it', async function () {
    // It makes RSA keys, whose time varies.
    this.timeout(60_000);
    const byJwk = await info(JSON.stringify(jwkOf(rsa)));
    assert.deepEqual(await info(rsa.export({ type: 'pkcs1', format: 'pem' }).toString()), byJwk);
    assert.deepEqual(await info(rsa.export({ type: 'spki', format: 'der' }).toString('base64')), byJwk);
    assert.deepEqual(await info(spki(rsa).replaceAll('\n', '')), byJwk);
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey;
    assert.equal((await info(spki(pss)))?.size, 2048);
    const certificate = await info(selfSigned.cert);
    assert.equal(certificate?.crv, 'P-256');
    assert.deepEqual(await info(`Bag Attributes\n  friendlyName: a\n${selfSigned.cert}\n`), certificate);
  });

  for (const [alg, last, length] of [
    ['ML-DSA-44', 0x11, 1312],
    ['ML-DSA-65', 0x12, 1952],
    ['ML-DSA-87', 0x13, 2592],
  ] as const) {
    it(`knows ${alg} by its object identifier (RFC 9881) and as a JWK of kty AKP`, async () => {
      const body = spkiOf([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, last], length);
      const found = await info(`-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----`);
      const pub = Buffer.alloc(length, 7).toString('base64url');
      assert.deepEqual(
        found,
        await info(JSON.stringify({ kty: 'AKP', alg, pub })).then(each => ({ ...each, alg: found?.alg })),
      );
      assert.equal(found?.kty, 'AKP');
      // RFC 7638, with the members that RFC 9964 requires.
      const canonical = `{"alg":"${alg}","kty":"AKP","pub":"${pub}"}`;
      assert.equal(found?.thumbprint, createHash('sha256').update(canonical).digest('base64url'));
    });
  }

  it('says of a private key that it is one, in every form', async () => {
    for (const text of [
      ...(['pkcs8', 'pkcs1'] as const).map(type => rsaPrivate.export({ type, format: 'pem' }).toString()),
      ...(['pkcs8', 'sec1'] as const).map(type => ecPrivate.export({ type, format: 'pem' }).toString()),
      rsaPrivate.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
      rsaPrivate.export({ type: 'pkcs8', format: 'pem' }).toString().replaceAll('PRIVATE KEY', 'PUBLIC KEY'),
    ])
      assert.deepEqual(await flaw(text), { reason: 'private_key' }, text.slice(0, 40));
    assert.deepEqual(
      await flaw('-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----'),
      {
        reason: 'ssh_private',
      },
    );
  });

  it('says of an encrypted private key that it is encrypted, old and new', async () => {
    const locked = { format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' } as const;
    for (const type of ['pkcs8', 'pkcs1'] as const)
      assert.deepEqual(await flaw(rsaPrivate.export({ type, ...locked }).toString()), {
        reason: 'encrypted',
      });
    const der = rsaPrivate.export({ type: 'pkcs8', ...locked, format: 'der' }).toString('base64');
    assert.deepEqual(await flaw(der), { reason: 'encrypted' });
  });

  it('names kinds of keys that Web Crypto does not have', async () => {
    for (const [key, found] of [
      [generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey, 'secp256k1'],
      [generateKeyPairSync('ed448').publicKey, 'Ed448'],
      [generateKeyPairSync('x448').publicKey, 'X448'],
      [generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).publicKey, 'DSA'],
    ] as const)
      assert.deepEqual(await flaw(spki(key)), { reason: 'kind', found });
  });

  it('is read in whatever wrapping it comes, as keys of clients are', async () => {
    const expected = await info(spki(rsa));
    const line = spki(rsa).replaceAll('\n', '\\n');
    for (const text of [
      `"${line}"`,
      `PUBLIC_KEY='${line}'`,
      spki(rsa).replaceAll('\n', '\\r\\n'),
      Buffer.from(spki(rsa)).toString('base64'),
      JSON.stringify({ alg: 'RS256', public_key: spki(rsa) }),
    ])
      assert.deepEqual(await info(text), expected, text.slice(0, 40));
    // A key set in Google's format: each certificate under its kid.
    const set = await readKeyText(JSON.stringify({ one: selfSigned.cert, two: selfSigned.cert }));
    assert.deepEqual(
      set.keys.map(({ kid }) => kid),
      ['one', 'two'],
    );
    const account = { type: 'service_account', private_key: rsaPrivate.export({ type: 'pkcs8', format: 'pem' }) };
    assert.deepEqual(await flaw(JSON.stringify(account)), { reason: 'private_key' });
  });

  it('survives truncated, extended and random texts', async () => {
    const der = rsa.export({ type: 'spki', format: 'der' });
    for (let length = 0; length < der.length; length += 7) {
      const body = der.subarray(0, length).toString('base64');
      assert.deepEqual(await flaw(`-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----`), {
        reason: 'pem',
      });
    }
    for (let at = 0; at < 40; at++) {
      const changed = Buffer.from(der);
      changed[at] = 0xff;
      await readKeyText(`-----BEGIN PUBLIC KEY-----\n${changed.toString('base64')}\n-----END PUBLIC KEY-----`).catch(
        error => assert.equal(error.code, 'key_invalid'),
      );
    }
    assert.deepEqual(await flaw('-----BEGIN PUBLIC KEY-----\nAAAA'), { reason: 'pem' });
    assert.deepEqual(await flaw('-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----'), {
      reason: 'pem',
    });
    assert.deepEqual(await flaw('-----BEGIN '.repeat(20_000)), { reason: 'pem' });
  });
});

describe('readSecret', () => {
  const bytes = Buffer.from('00ff10a7fbe3aabbccddeeff00112233', 'hex');
  const read = (text: string, form: SecretForm) => Buffer.from(readSecret(text, form)).toString('hex');

  it('is tried without the name that an environment file gives it', () => {
    const tried = (text: string) => guessSecrets(text).map(each => Buffer.from(each).toString());
    for (const line of ['JWT_SECRET="a secret value"', "export JWT_SECRET='a secret value'\n"])
      assert.ok(tried(line).includes('a secret value'), line);
    assert.ok(tried(`SECRET=${bytes.toString('base64')}`).includes(bytes.toString()));
    assert.deepEqual(tried('a=b'), ['a=b']);
  });

  it('reads a text in the given form', () => {
    const hex = bytes.toString('hex');
    assert.equal(read(hex, 'hex'), hex);
    assert.equal(read(`0x${hex.toUpperCase()}\n`, 'hex'), hex);
    assert.equal(read(hex.replace(/(..)(?=.)/g, '$1:'), 'hex'), hex);
    assert.equal(read(bytes.toString('base64'), 'base64'), hex);
    assert.equal(read(bytes.toString('base64url'), 'base64url'), hex);
    assert.equal(read('00ff\n', 'text'), Buffer.from('00ff').toString('hex'));
    assert.equal(read(' ä ', 'text'), Buffer.from(' ä ').toString('hex'));
  });

  it('reads it in no other form', async () => {
    for (const [text, form] of [
      ['abc', 'hex'],
      ['xy', 'hex'],
      [bytes.toString('base64url'), 'base64'],
      [bytes.toString('base64'), 'base64url'],
      ['a', 'base64'],
      ['not base64!', 'base64'],
    ] as const)
      assert.deepEqual(await flaw(text, form), { reason: 'not_in_form', form }, `${text} as ${form}`);
    for (const form of ['text', 'hex', 'base64'] as const)
      assert.deepEqual(await flaw('  ', form), { reason: 'empty' });
  });

  it('never uses a public key as a secret, in any form (RFC 8725 section 2.1)', async () => {
    const der = rsa.export({ type: 'spki', format: 'der' });
    for (const [text, form] of [
      [spki(rsa), 'text'],
      [spki(rsa).trim(), 'text'],
      [JSON.stringify(jwkOf(rsa)), 'text'],
      [JSON.stringify({ keys: [jwkOf(rsa)] }), 'text'],
      [der.toString('base64'), 'text'],
      [der.toString('base64'), 'base64'],
      [der.toString('base64url'), 'base64url'],
      [der.toString('hex'), 'hex'],
      [selfSigned.cert, 'text'],
      ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB', 'text'],
    ] as const)
      assert.deepEqual(await flaw(text, form), { reason: 'public_as_secret' }, `${form}: ${text.slice(0, 30)}`);
  });
});
