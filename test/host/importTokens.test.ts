import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { extensions } from 'vscode';
import { extensionId } from '../../src/contributions.ts';
import { jwt, signer } from '../support/signing.ts';
import { codeOf, eventually, row, rows, run, signedIn } from './support.ts';

interface Verified {
  verified: boolean;
  checks: { id: string; status: string; found?: string }[];
}

interface Imported {
  connection: string;
  imported: string[];
  warnings: string[];
}

/** A response of a real issuer whose tokens contain spaces from line wrapping. */
const wrapped = readFileSync(
  join(extensions.getExtension(extensionId)?.extensionPath ?? '', 'test/fixtures/wrappedTokenResponse.json'),
  'utf8',
);

describe('importing', () => {
  it('imports a wrapped token response unchanged, shows it expired in 2019, and matches at_hash', async () => {
    const connection = {
      id: 'authing',
      issuer: 'https://authing.cn',
      clientId: '5ca765e39319' + '4d5891db1927',
    };
    await run('addConnection', { connection });
    const { imported, warnings } = await run<Imported>('importTokens', {
      connection: 'authing',
      text: wrapped,
    });
    assert.deepEqual(imported, ['access_token', 'id_token', 'refresh_token']);
    assert.equal(warnings.filter(warning => /were removed/.test(warning)).length, 2);
    const status = await run<Record<string, { state: string; expiresAt: number }>>('status', {
      connection: 'authing',
    });
    assert.equal(status.authing?.state, 'expired');
    assert.equal(new Date(status.authing?.expiresAt ?? 0).getUTCFullYear(), 2019);
    assert.match((await row(['authing', 'ID token', 'Claims', 'exp'])).text, /\d years ago \(2019-04-0/);
    assert.match((await row(['authing', 'ID token', 'Claims', 'at_hash'])).text, /NdmobePY8AEid6Omz3229w/);
    await run('removeConnection', { connection: 'authing' });
  });

  it('keeps tokens without a connection in memory, sends no request, and still checks at_hash', async () => {
    const { connection, warnings } = await run<Imported>('importTokens', { text: wrapped });
    assert.equal(connection, 'pasted');
    assert.ok(warnings.some(warning => /no connection/.test(warning)));
    const checks = await (await row(['Pasted tokens', 'ID token', 'Verification'])).children();
    const line = (start: string) => checks.find(({ item }) => String(item.label).includes(start))?.text ?? '';
    assert.match(line('at_hash'), /passed/);
    assert.match(line('exp'), /failed/);
    assert.match(line('Signature'), /not checked/);
    assert.match((await row(['Pasted tokens', 'ID token'])).text, /cannot be verified here: no key/);
    await run('removeConnection', { connection });
  });

  it('finds the connection by issuer, and takes a header, a JWT and a refresh token', async () => {
    const { mock, id, end } = await signedIn('finds');
    const tokens = await mock.issueTokens({ clientId: 'demo' });
    const header = await run<Imported>('importTokens', {
      text: `Authorization: Bearer ${tokens.access_token}`,
    });
    assert.deepEqual([header.connection, header.imported], [id, ['access_token']]);
    const idToken = await run<Imported>('importTokens', { text: String(tokens.id_token) });
    assert.deepEqual([idToken.connection, idToken.imported], [id, ['id_token']]);
    const bare = await run<Imported>('importTokens', { connection: id, text: String(tokens.refresh_token) });
    assert.deepEqual(bare.imported, ['refresh_token']);
    assert.equal((await run<{ outcome: string }>('refresh', { connection: id })).outcome, 'refreshed');
    await end();
  });

  it('rejects tokens of another issuer unless anyIssuer is set', async () => {
    const { mock, id, end } = await signedIn('at-home');
    const other = await signedIn('elsewhere');
    const text = JSON.stringify(await other.mock.issueTokens({ clientId: 'demo' }));
    const refused = run('importTokens', { connection: id, text });
    await assert.rejects(refused, (error: Error) => error.message.includes(other.mock.issuer));
    assert.equal(await codeOf(run('importTokens', { connection: id, text })), 'import_foreign');
    const { warnings } = await run<Imported>('importTokens', { connection: id, text, anyIssuer: true });
    assert.ok(warnings.some(warning => warning.includes(other.mock.issuer) && warning.includes(mock.issuer)));
    await end();
    await other.end();
  });

  it('warns if it replaces a working refresh token, and restores that one', async () => {
    const { mock, id, end } = await signedIn('undo', { rotation: 'strict' });
    const { warnings } = await run<Imported>('importTokens', { connection: id, text: 'a-wrong-refresh-token-0123' });
    assert.ok(warnings.some(warning => /Undo Import/.test(warning)));
    assert.deepEqual(await run('undoImport', { connection: id }), { id });
    assert.equal((await run<{ outcome: string }>('refresh', { connection: id })).outcome, 'refreshed');
    assert.equal(await codeOf(run('undoImport', { connection: id })), 'nothing_to_undo');
    assert.ok(mock.requests.length > 0);
    await end();
  });

  it('restores the earlier tokens after the imported one was refreshed by itself, and says that undo can be undone', async () => {
    const { mock, id, end } = await signedIn('late-undo', { rotation: 'strict' });
    const { refresh_token } = await mock.issueTokens({ clientId: 'demo' });
    await run('importTokens', { connection: id, text: JSON.stringify({ refresh_token }) });
    await eventually(async () => mock.requests.some(({ path }) => path === '/token'));
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(await run('undoImport', { connection: id }), { id, kept: true });
      assert.equal((await run<{ outcome: string }>('refresh', { connection: id })).outcome, 'refreshed');
    }
    await end();
  });

  it('says which other connection has the same refresh token', async () => {
    const { mock, id, end } = await signedIn('twice');
    const text = JSON.stringify(await mock.issueTokens({ clientId: 'demo' }));
    await run('importTokens', { connection: id, text });
    await run('addConnection', { connection: { id: 'again', issuer: mock.issuer, clientId: 'demo' } });
    const { warnings } = await run<Imported>('importTokens', { connection: 'again', text });
    assert.ok(warnings.some(warning => warning.includes('twice') && /same refresh token/.test(warning)));
    await run('removeConnection', { connection: 'again' });
    await end();
  });

  it('says what is wrong with a text without a token, and stores nothing', async () => {
    const { id, end } = await signedIn('bad-input');
    const before = await run<Record<string, { generation: number }>>('status', { connection: id });
    const { mock } = { mock: 'eyJhbGciOiJSUzI1NiJ9' };
    for (const [text, code] of [
      ['Hello, world. This is not a token.', 'nothing_to_import'],
      ['{"error":"invalid_grant"}', 'nothing_to_import'],
      [`${mock}.e30`, 'token_part_count'],
      [`${mock}.e30.a.b`, 'token_part_count'],
      [`${mock}.WzFd.AAAA`, 'token_not_an_object'],
    ] as const) {
      assert.equal(await codeOf(run('importTokens', { connection: id, text })), code, text);
    }
    const after = await run<Record<string, { generation: number }>>('status', { connection: id });
    assert.equal(after[id]?.generation, before[id]?.generation);
    await end();
  });
});

describe('decoding', () => {
  it('names a key binding JWT that stands alone, its rules, and checks it with the key of its holder', async () => {
    const holder = signer('ES256', 'holder');
    const header = { typ: 'kb+jwt' };
    const payload = { iat: 1_790_000_000, aud: 'https://verifier.example', nonce: 'n-1', sd_hash: 'q_W4fX' };
    const token = jwt(holder, payload, header);
    const { variety, review } = await run<{ variety?: { id: string }; review: { severity: string }[] }>('decode', {
      token,
    });
    assert.equal(variety?.id, 'key_binding');
    assert.ok(review.every(({ severity }) => severity !== 'error'));
    const checked = await run<Verified>('verify', { token, jwks: { keys: [holder.jwk] } });
    assert.equal(checked.verified, true, JSON.stringify(checked.checks));
    const { sd_hash: _, ...without } = payload;
    const flawed = await run<Verified>('verify', { token: jwt(holder, without, header), jwks: { keys: [holder.jwk] } });
    assert.deepEqual(
      flawed.checks.filter(({ status }) => status === 'failed').map(({ id, found }) => [id, found]),
      [['claims', 'sd_hash']],
    );
  });

  it('decodes, warns, and rejects text that is not a token', async () => {
    const decoded = await run<{ kind: string; payload: { sub: string }; warnings: string[] }>('decode', {
      token: `${encoded({ alg: 'none' })}.${encoded('{"sub":"a","sub":"b","exp":1e400}')}.`,
    });
    assert.deepEqual([decoded.kind, decoded.payload.sub], ['jws', 'b']);
    assert.equal(decoded.warnings.length, 4, decoded.warnings.join('\n'));
    assert.equal((await run<{ kind: string }>('decode', { token: 'ya29.a0AfH6SMBx' })).kind, 'opaque');
    // https://github.com/jsonwebtoken/jsonwebtoken.github.io/issues/450
    const big = `${encoded({ alg: 'none' })}.${encoded('{"a":[{"uid":9007199254740993}]}')}.`;
    const { exact } = await run<{ exact: object }>('decode', { token: big });
    assert.deepEqual(exact, { '/payload/a/0/uid': '9007199254740993' });
    const disclosure = encoded('["salt","uid",9007199254740993]');
    const digest = createHash('sha256').update(disclosure).digest('base64url');
    const token = `${encoded({ alg: 'ES256' })}.${encoded({ sub: 'u', _sd: [digest] })}.c2ln~${disclosure}~`;
    const verified = await run<{ exact: object; disclosed: object }>('verify', { token });
    assert.deepEqual(verified.exact, { '/disclosed/uid': '9007199254740993' });
    const { differences } = await run<{ differences: unknown[] }>('compare', {
      tokens: [big, big.replace(encoded('{"a":[{"uid":9007199254740993}]}'), encoded('{"a":1}'))],
    });
    assert.deepEqual(differences, [
      { part: 'payload', name: 'a', change: 'changed', before: [{ uid: '9007199254740993' }], after: 1 },
    ]);
    for (const [token, code] of [
      ['two words', 'not_a_token'],
      [`${encoded({ alg: 'RS256' })}.e30.a!b`, 'token_encoding'],
      [`${encoded({ alg: 'RS256' })}.${'A'.repeat(10_000_000)}.AAAA`, 'token_too_large'],
    ] as const) {
      assert.equal(await codeOf(run('decode', { token })), code);
    }
    assert.equal(await codeOf(run('decode', { token: 5 })), 'argument_invalid');
  });
});

describe('the tree after nothing was imported', () => {
  it('is empty, so that the welcome view shows', async () => {
    assert.deepEqual(
      (await rows()).map(({ text }) => text),
      [],
    );
  });
});

function encoded(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return Buffer.from(text).toString('base64url');
}
