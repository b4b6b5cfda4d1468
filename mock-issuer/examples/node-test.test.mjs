import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startMockIssuer } from 'mock-issuer';

let mock;
before(async () => {
  mock = await startMockIssuer({ rotation: 'strict' });
});
after(() => mock.close());

async function refresh(refresh_token) {
  const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'demo', refresh_token });
  const answer = await fetch(`${mock.issuer}/token`, { method: 'POST', body });
  await answer.text();
  return answer.status;
}

test('a refresh token is used once', async () => {
  const { refresh_token } = await mock.issueTokens();
  assert.equal(await refresh(refresh_token), 200);
  assert.equal(await refresh(refresh_token), 400);
});

test('an issuer in trouble', async () => {
  const { refresh_token } = await mock.issueTokens();
  mock.setFault({ type: 'serverError', at: 'token', times: 1 });
  assert.equal(await refresh(refresh_token), 503);
  assert.equal(await refresh(refresh_token), 200);
});
