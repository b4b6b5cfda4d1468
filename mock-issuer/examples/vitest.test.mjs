import { createMockIssuer } from 'mock-issuer';
import { test as base, expect } from 'vitest';

/** A new issuer for each test that uses it, without a network. */
const test = base.extend({
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the fixtures' names from the pattern.
  mock: async ({}, use) => {
    await use(await createMockIssuer({ users: [{ sub: 'ada', claims: { name: 'Ada' } }], signIn: 'auto' }));
  },
});

test('tells who has signed in', async ({ mock }) => {
  const { access_token } = await mock.issueTokens();
  const headers = { authorization: `Bearer ${access_token}` };
  const answer = await mock.fetch(`${mock.issuer}/userinfo`, { headers });
  expect(await answer.json()).toEqual({ sub: 'ada', name: 'Ada' });
});
