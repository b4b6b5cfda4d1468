import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CompactEncrypt } from 'jose';
import { encode, hmacJwt, jwt, signature, signer } from '../support/signing.ts';
import { activate, codeOf, run, signedIn } from './support.ts';

const claims = { iss: 'https://as.example', sub: 'ada', exp: 4102444800 };
const by = signer('ES256');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

interface Verified {
  verified: boolean;
  key?: { kty: string; thumbprint?: string; source: string };
  checks: { id: string; status: string; advice?: string }[];
}

const failed = ({ checks }: Verified) => checks.filter(({ status }) => status === 'failed').map(({ id }) => id);

async function encrypted(content: string, header: object = {}): Promise<string> {
  return new CompactEncrypt(Buffer.from(content))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', ...header })
    .encrypt(rsa.publicKey);
}

describe('verify with a key of any kind', () => {
  const token = jwt(by, claims);

  it('takes a PEM, a JWK as text or object, and a JWK Set, and says which key it was', async () => {
    for (const given of [
      { key: by.pem },
      { key: by.pem.replaceAll('\n', '') },
      { key: JSON.stringify(by.jwk) },
      { key: by.jwk },
      { key: JSON.stringify({ keys: [by.jwk] }) },
      { jwks: { keys: [by.jwk] } },
    ]) {
      const result = await run<Verified>('verify', { token, ...given, issuer: claims.iss });
      assert.deepEqual([result.verified, failed(result)], [true, []], Object.keys(given).join());
      assert.equal(result.key?.kty, 'EC');
      assert.match(result.key?.thumbprint ?? '', /^[\w-]{43}$/);
    }
  });

  it('takes a shared secret in the form that is named', async () => {
    const secret = Buffer.from(Array.from({ length: 32 }, (_, at) => at * 5));
    const signed = hmacJwt(secret, claims);
    for (const keyFormat of ['base64', 'base64url', 'hex'] as const) {
      const key = secret.toString(keyFormat);
      assert.equal((await run<Verified>('verify', { token: signed, key, keyFormat })).verified, true, keyFormat);
      const asText = await run<Verified>('verify', { token: signed, key, keyFormat: 'text' });
      assert.deepEqual(failed(asText), ['signature']);
    }
    assert.equal(await codeOf(run('verify', { token: signed, key: 'a', keyFormat: 'rot13' })), 'argument_invalid');
  });

  it('says what is wrong with text that is not a key, and uses no private key', async () => {
    const key = by.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const result = await run<Verified>('verify', { token, key });
    assert.deepEqual(failed(result), ['signature']);
    assert.match(result.checks[0]?.advice ?? '', /public key/);
    const publicAsSecret = await run<Verified>('verify', {
      token: hmacJwt(by.pem, claims),
      key: by.pem,
      keyFormat: 'text',
    });
    assert.equal(publicAsSecret.verified, false);
  });

  it('reads detached content from a file, and says which file cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'content-'));
    const path = (name: string) => join(folder, name);
    const content = 'a content of its own';
    await writeFile(path('content'), content);
    await writeFile(path('changed'), `${content}.`);
    await writeFile(path('large'), '');
    await truncate(path('large'), 64 * 2 ** 20 + 1);
    const header = encode({ alg: by.alg });
    const signed = signature(by, `${header}.${Buffer.from(content).toString('base64url')}`).toString('base64url');
    const answer = (name: string) =>
      run<Verified>('verify', {
        token: `${header}..${signed}`,
        key: by.pem,
        payloadFile: pathToFileURL(path(name)).href,
      });
    assert.deepEqual(failed(await answer('content')), []);
    assert.deepEqual(failed(await answer('changed')), ['signature']);
    for (const name of ['missing', '.', 'large']) assert.equal(await codeOf(answer(name)), 'file_unreadable', name);
    // Reading a pipe would never end.
    if (process.platform !== 'win32') {
      execFileSync('mkfifo', [path('pipe')]);
      assert.equal(await codeOf(answer('pipe')), 'file_unreadable');
    }
    await rm(folder, { recursive: true });
  });

  it('asks no issuer about a pasted token, with or without a key', async () => {
    const { mock, end } = await signedIn('silent');
    const { access_token } = await mock.issueTokens({ clientId: 'demo' });
    await run('removeConnection', { connection: 'silent' });
    const before = mock.requests.length;
    for (const given of [{ key: by.pem }, { jwks: { keys: [by.jwk] } }, {}]) {
      const result = await run<Verified>('verify', { token: access_token, ...given });
      assert.equal(result.verified, false);
    }
    await run('decode', { token: access_token });
    await run('inspect', { token: access_token, verify: true });
    assert.equal(mock.requests.length, before);
    await run('addConnection', { connection: { id: 'silent', issuer: mock.issuer, clientId: 'demo' } });
    await end();
  });

  it('asks an issuer or a key set that is named, over https or on this machine alone', async () => {
    const { mock, end } = await signedIn('named');
    const { access_token } = await mock.issueTokens({ clientId: 'demo' });
    for (const given of [{ issuer: mock.issuer }, { jwksUri: `${mock.issuer}/jwks` }])
      assert.equal((await run<Verified>('verify', { token: access_token, ...given })).verified, true);
    for (const given of [{ issuer: 'http://as.example' }, { jwksUri: 'http://as.example/jwks' }])
      assert.ok(failed(await run<Verified>('verify', { token: access_token, ...given })).includes('signature'));
    await end();
  });
});

describe('decrypt', () => {
  const key = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  it('gives claims, a text or a token, as plain JSON', async () => {
    const answer = await run('decrypt', { token: await encrypted(JSON.stringify(claims)), key });
    assert.deepEqual(answer, {
      header: { alg: 'RSA-OAEP-256', enc: 'A256GCM' },
      payload: claims,
      warnings: [],
    });
    assert.equal((await run('decrypt', { token: await encrypted('hello'), key })).text, 'hello');
    const inner = jwt(by, claims);
    const outer = await encrypted(inner, { cty: 'JWT', iss: 'https://other.example' });
    const nested = await run<{ token: string; nested: object; warnings: string[] }>('decrypt', {
      token: outer,
      key: rsa.privateKey.export({ format: 'jwk' }),
    });
    assert.equal(nested.token, inner);
    assert.deepEqual(nested.nested, {
      kind: 'jws',
      header: { alg: 'ES256', kid: by.jwk.kid },
      payload: claims,
      warnings: [],
    });
    assert.match(nested.warnings.join(), /"iss"/);
    assert.equal((await run<Verified>('verify', { token: nested.token, key: by.pem })).verified, true);
  });

  it('rejects with a code', async () => {
    const token = await encrypted('hello');
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const wrong = other.export({ type: 'pkcs8', format: 'pem' }).toString();
    assert.equal(await codeOf(run('decrypt', { token, key: wrong })), 'decryption_failed');
    assert.equal(await codeOf(run('decrypt', { token, key: by.pem })), 'key_invalid');
    assert.equal(await codeOf(run('decrypt', { token: jwt(by, claims), key })), 'not_encrypted');
    assert.equal(await codeOf(run('decrypt', { token })), 'argument_invalid');
    const [, ...rest] = token.split('.');
    const old = [encode({ alg: 'RSA1_5', enc: 'A256GCM' }), ...rest].join('.');
    assert.equal(await codeOf(run('decrypt', { token: old, key })), 'jwe_refused');
  });

  it('keeps no key', async () => {
    const { secrets } = (await activate()).testing;
    await run('decrypt', { token: await encrypted('hello'), key });
    assert.equal(await secrets.get('jwtWorkbench.rememberedKeys'), undefined);
  });
});

describe('forgetKeys', () => {
  const name = 'jwtWorkbench.rememberedKeys';
  const record = (...ids: string[]) =>
    JSON.stringify({
      version: 1,
      keys: ids.map(id => ({ id, use: 'verify', issuer: claims.iss, addedAt: 1, source: { key: 'canary' } })),
    });

  it('lists remembered keys without their values, and forgets the chosen ones', async () => {
    const { secrets } = (await activate()).testing;
    await secrets.store(name, record('a', 'b'));
    const listed = await run('forgetKeys', {});
    assert.deepEqual(listed, {
      remembered: ['a', 'b'].map(id => ({ id, use: 'verify', issuer: claims.iss, addedAt: 1 })),
    });
    assert.deepEqual(
      (await run<{ remembered: { id: string }[] }>('forgetKeys', { keys: ['a'] })).remembered.map(({ id }) => id),
      ['b'],
    );
    assert.deepEqual(await run('forgetKeys', { keys: ['b'] }), { remembered: [] });
    assert.equal(await secrets.get(name), undefined);
  });

  it('keeps unreadable keys until all are forgotten', async () => {
    const { secrets } = (await activate()).testing;
    await secrets.store(name, 'nonsense');
    assert.equal(await codeOf(run('forgetKeys', {})), 'keys_unreadable');
    assert.equal(await secrets.get(name), 'nonsense');
    assert.equal(await codeOf(run('forgetKeys', { keys: 'a' })), 'argument_invalid');
    assert.deepEqual(await run('forgetKeys', { keys: 'all' }), { remembered: [] });
    assert.equal(await secrets.get(name), undefined);
  });
});
