import assert from 'node:assert/strict';
import { type OidcProvider, startOidcProvider } from '../support/oidcProvider.ts';
import { row, run } from './support.ts';

interface Refreshed {
  outcome: string;
  generation: number;
  error?: { code: string; message: string };
}

describe('against oidc-provider, an issuer by other authors', () => {
  let provider: OidcProvider;

  before(async () => {
    provider = await startOidcProvider();
  });
  after(() => provider?.close());

  it('refreshes with rotation, verifies against its keys, and meets its reuse detection', async () => {
    const { issuer, clientId, clientSecret } = provider;
    const connection = { id: 'oidc', issuer, clientId, tokenEndpointAuthMethod: 'client_secret_basic' };
    await run('addConnection', { connection, clientSecret });
    const first = await provider.issueRefreshToken();
    await run('importTokens', { connection: 'oidc', text: JSON.stringify({ refresh_token: first }) });
    for (const generation of [2, 3]) {
      const answer = await run<Refreshed>('refresh', { connection: 'oidc' });
      assert.deepEqual([answer.outcome, answer.generation], ['refreshed', generation], answer.error?.message);
    }
    const checks = await (await row(['oidc', 'ID token', 'Verification'])).children();
    assert.deepEqual(
      checks.filter(({ icon }) => icon === 'error').map(({ text }) => text),
      [],
    );
    assert.match((await row(['oidc', 'ID token'])).text, /: \d+ min left, verified$/);

    // Another program sends the first token again, so the provider revokes the whole family.
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: first });
    const authorization = `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')}`;
    const reuse = await fetch(`${issuer}/token`, { method: 'POST', headers: { authorization }, body });
    assert.deepEqual([reuse.status, (await reuse.json()).error], [400, 'invalid_grant']);
    const refused = await run<Refreshed>('refresh', { connection: 'oidc' });
    assert.equal(refused.outcome, 'reauthRequired');
    assert.match(refused.error?.message ?? '', /invalid_grant/);
    await run('removeConnection', { connection: 'oidc' });
  });
});
