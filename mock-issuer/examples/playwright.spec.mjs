import { once } from 'node:events';
import { createServer } from 'node:http';
import { test as base, expect } from '@playwright/test';
import { startMockIssuer } from 'mock-issuer';

/** One issuer per worker, reset before each test. */
const test = base.extend({
  issuer: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads the fixtures' names from the pattern.
    async ({}, use) => {
      const users = [{ sub: 'ada' }, { sub: 'bob' }];
      const mock = await startMockIssuer({
        users,
        clients: [{ client_id: 'app', redirect_uris: ['http://127.0.0.1/cb'] }],
      });
      await use(mock);
      await mock.close();
    },
    { scope: 'worker' },
  ],
  mock: async ({ issuer }, use) => {
    issuer.reset();
    await use(issuer);
  },
});

test('signs in as bob', async ({ page, mock }) => {
  // Stands in for your application.
  const app = createServer((_, response) => response.end('signed in')).listen(0, '127.0.0.1');
  await once(app, 'listening');
  const callback = `http://127.0.0.1:${app.address().port}/cb`;
  const request = new URLSearchParams({
    client_id: 'app',
    response_type: 'code',
    redirect_uri: callback,
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  });
  await page.goto(`${mock.issuer}/authorize?${request}`);
  await page.getByLabel('Who are you?').selectOption('bob');
  await page.getByRole('button', { name: 'Sign in and allow' }).click();
  await expect(page).toHaveURL(/[?&]code=/);
  await expect(page.getByText('signed in')).toBeVisible();
  app.close();
});
