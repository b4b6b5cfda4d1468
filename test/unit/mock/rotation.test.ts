import assert from 'node:assert/strict';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import { assertError, refresh, text } from './support.ts';

/** Refreshes and returns the refresh token of the response. */
async function rotate(mock: MockIssuer, token: unknown): Promise<string> {
  const { status, body } = await refresh(mock, token);
  assert.equal(status, 200, text(body.error_description ?? ''));
  return text(body.refresh_token);
}

describe('mock issuer: rotation', () => {
  it('none: the same refresh token each time', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const { refresh_token } = await mock.issueTokens();
    for (let i = 0; i < 3; i += 1) assert.equal(await rotate(mock, refresh_token), refresh_token);
  });

  it('none: the refresh token keeps the expiry it was issued with', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', refreshTokenLifetime: 100 });
    mock.clock.freeze();
    const { refresh_token } = await mock.issueTokens();
    mock.clock.advance(40_000);
    assert.equal((await refresh(mock, refresh_token)).body.refresh_expires_in, 60);
    mock.clock.advance(60_000);
    assertError(await refresh(mock, refresh_token), 400, 'invalid_grant');
  });

  it('omit: no refresh token in the response, and the old one stays valid', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', rotation: 'omit', refreshTokenLifetime: 100 });
    const { refresh_token } = await mock.issueTokens();
    for (let i = 0; i < 3; i += 1) {
      const { status, body } = await refresh(mock, refresh_token);
      assert.equal(status, 200);
      assert.ok(!('refresh_token' in body) && !('refresh_expires_in' in body));
    }
  });

  it('strict: a new one each time, with a new lifetime', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', rotation: 'strict', refreshTokenLifetime: 100 });
    mock.clock.freeze();
    const seen = new Set<string>();
    let token = text((await mock.issueTokens()).refresh_token);
    for (let i = 0; i < 40; i += 1) {
      seen.add(token);
      mock.clock.advance(99_000);
      token = await rotate(mock, token);
    }
    assert.equal(seen.size, 40);
    assert.equal(new Set([...seen].map(each => each.slice(22, 44))).size, 40, 'none can be guessed from another');
  });

  for (const age of [1, 2, 40]) {
    it(`strict: using one spent ${age} rotations ago revokes the whole family`, async () => {
      const mock = await createMockIssuer({ alg: 'ES256', rotation: 'strict' });
      const other = await mock.issueTokens();
      const spent = text((await mock.issueTokens()).refresh_token);
      let token = spent;
      for (let i = 0; i < age; i += 1) token = await rotate(mock, token);
      const reuse = await refresh(mock, spent);
      assertError(reuse, 400, 'invalid_grant');
      assert.match(text(reuse.body.error_description), /used before/);
      const current = await refresh(mock, token);
      assertError(current, 400, 'invalid_grant');
      assert.match(text(current.body.error_description), /revoked/);
      await rotate(mock, other.refresh_token);
    });
  }

  it('strict: the second of two concurrent uses of one token counts as reuse', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', rotation: 'strict' });
    const { refresh_token } = await mock.issueTokens();
    const answers = await Promise.all([refresh(mock, refresh_token), refresh(mock, refresh_token)]);
    assert.deepEqual(answers.map(answer => answer.status).sort(), [200, 400]);
    const successor = answers.find(answer => answer.status === 200)?.body.refresh_token;
    assertError(await refresh(mock, successor), 400, 'invalid_grant');
  });

  it("strict: another client's attempt with a stolen token revokes nothing", async () => {
    const mock = await createMockIssuer({
      alg: 'ES256',
      rotation: 'strict',
      clients: [{ client_id: 'demo' }, { client_id: 'other' }],
    });
    const { refresh_token } = await mock.issueTokens();
    const next = await rotate(mock, refresh_token);
    assertError(await refresh(mock, refresh_token, { client_id: 'other' }), 400, 'invalid_grant');
    await rotate(mock, next);
  });

  it('grace: the immediate predecessor yields the current successor until the window closes', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', rotation: 'grace', graceSeconds: 30 });
    mock.clock.freeze();
    const { refresh_token: first } = await mock.issueTokens();
    const second = await rotate(mock, first);
    assert.notEqual(second, first);
    mock.clock.advance(29_999);
    assert.equal(await rotate(mock, first), second, 'as after a lost answer');
    const third = await rotate(mock, second);
    assert.notEqual(third, second);
    mock.clock.advance(30_000);
    assertError(await refresh(mock, second), 400, 'invalid_grant');
    assertError(await refresh(mock, third), 400, 'invalid_grant');
  });

  it('a lost response can be repeated with grace, but not with strict', async () => {
    for (const rotation of ['grace', 'strict'] as const) {
      const mock = await createMockIssuer({ alg: 'ES256', rotation, graceSeconds: 30 });
      const { refresh_token } = await mock.issueTokens();
      mock.faults.next(1, { type: 'dropAfterCommit' });
      await assert.rejects(refresh(mock, refresh_token), TypeError);
      if (rotation === 'strict') assertError(await refresh(mock, refresh_token), 400, 'invalid_grant');
      else await rotate(mock, await rotate(mock, refresh_token));
    }
  });

  it('grace: a token older than the immediate predecessor counts as reuse, even within the window', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', rotation: 'grace', graceSeconds: 30 });
    mock.clock.freeze();
    const { refresh_token: first } = await mock.issueTokens();
    const third = await rotate(mock, await rotate(mock, first));
    assertError(await refresh(mock, first), 400, 'invalid_grant');
    assertError(await refresh(mock, third), 400, 'invalid_grant');
  });

  it('can be changed at run time', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', graceSeconds: 30 });
    mock.clock.freeze();
    const { refresh_token } = await mock.issueTokens();
    assert.equal(await rotate(mock, refresh_token), refresh_token);
    mock.setRotation('grace');
    const second = await rotate(mock, refresh_token);
    assert.notEqual(second, refresh_token);
    mock.setRotation('strict');
    mock.setTokenLifetime({ accessTokenLifetime: 5, refreshTokenLifetime: 50 });
    const { body } = await refresh(mock, second);
    assert.deepEqual([body.expires_in, body.refresh_expires_in], [5, 50]);
    assert.throws(() => mock.setRotation('never' as 'none'), TypeError);
  });
});
