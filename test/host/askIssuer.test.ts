import assert from 'node:assert/strict';
import { window, workspace } from 'vscode';
import { activate, codeOf, eventually, row, rows, run, signedIn } from './support.ts';

interface Answer {
  readonly active?: boolean;
  readonly claims: Record<string, unknown>;
  readonly differences: { name: string; change: string }[];
}

describe('asking the issuer', () => {
  it('tells whether a token is active, and what the token does not say', async () => {
    const { id: connection, mock } = await signedIn('asked');
    const { active, differences } = await run<Answer>('introspect', { connection });
    assert.equal(active, true);
    assert.ok(differences.some(({ name, change }) => name === 'username' && change === 'added'));
    const refresh = await run<Answer>('introspect', { connection, token: 'refresh_token' });
    assert.equal(refresh.active, true);
    mock.revokeAll();
    assert.deepEqual((await run<Answer>('introspect', { connection })).claims, { active: false });
    assert.equal((await run<Answer>('introspect', { connection, text: 'of-nobody' })).active, false);
    assert.equal(await codeOf(run('introspect', { connection, token: 'id_token' })), 'argument_invalid');
  });

  it('shows its answer beside the token, from the row of the token', async () => {
    const { id } = await signedIn('beside');
    const { testing } = await activate();
    const children = (await testing.tree.getChildren({ kind: 'connection', id })) ?? [];
    const node = children.find(each => each.kind === 'token' && each.name === 'access_token');
    assert.ok(node);
    await run('introspect', node);
    const text = () =>
      workspace.textDocuments
        .filter(({ uri }) => uri.scheme === 'jwt-workbench' && uri.path.startsWith('/Issuer'))
        .map(document => document.getText())
        .at(-1) ?? '';
    await eventually(async () => text() !== '');
    assert.match(text(), /^\/\/ Active at the issuer\.\n\/\/ The issuer says/);
    assert.match(text(), /"active": true,? \/\/ DIFFERENT: the token does not say this\./);
    const tab = window.tabGroups.activeTabGroup.activeTab;
    assert.match(tab?.label ?? '', /^beside: Access token - Active at the issuer\.$/);
  });

  it('tells who the user is', async () => {
    const { id: connection, mock } = await signedIn('user');
    const { claims } = await run<Answer>('userInfo', { connection });
    assert.equal(typeof claims.sub, 'string');
    mock.revokeAll();
    assert.equal(await codeOf(run('userInfo', { connection })), 'oauth_error');
  });
});

describe('token exchange', () => {
  it('keeps the new token in memory, decoded like every other', async () => {
    const { id: connection } = await signedIn('shop');
    const before = await run<Record<string, object>>('status', { connection });
    const result = await run<{ connection: string; issuedTokenType: string; expiresAt: number }>('exchangeToken', {
      connection,
      audience: 'https://api.example',
    });
    assert.deepEqual([result.connection, result.issuedTokenType], ['shop-exchanged', 'access_token']);
    assert.ok(result.expiresAt > Date.now());
    const claims = await row(['shop: https://api.example', 'Access token', 'Claims']);
    assert.ok((await claims.children()).some(({ text }) => text.includes('https://api.example')));
    assert.deepEqual(await run('status', { connection }), before, 'the first connection is as it was');
    await run('removeConnection', { connection: result.connection });
    assert.ok(!(await rows()).some(({ text }) => text.includes('api.example')));
  });

  it('keeps it in another connection of the same client, beside the refresh token that is there', async () => {
    const { id: connection, mock } = await signedIn('from');
    await run('addConnection', { connection: { id: 'into', issuer: mock.issuer, clientId: 'demo' } });
    const text = JSON.stringify(await mock.issueTokens({ clientId: 'demo' }));
    await run('importTokens', { connection: 'into', text });
    try {
      const asked = { connection, to: 'into', audience: 'https://api.example' };
      assert.equal((await run('exchangeToken', asked)).connection, 'into');
      const { into } = await run<Record<string, { tokens: { name: string }[] }>>('status', {
        connection: 'into',
      });
      assert.ok(into?.tokens.some(({ name }) => name === 'refresh_token'));
      assert.equal((await run('refresh', { connection: 'into' })).outcome, 'refreshed');
      assert.equal(await codeOf(run('exchangeToken', { connection, to: connection })), 'argument_invalid');
    } finally {
      await run('removeConnection', { connection: 'into' });
    }
  });

  it('says what the issuer says', async () => {
    const { id: connection } = await signedIn('refused', { audiences: ['https://api.example'] });
    const code = await codeOf(run('exchangeToken', { connection, audience: 'https://nobody.example' }));
    assert.equal(code, 'oauth_error');
  });
});

describe('signing out in the browser as well', () => {
  it('is signed out here whether or not the page confirms the end', async () => {
    const { browser } = (await activate()).testing;
    const before = browser.open;
    try {
      const { id: connection } = await signedIn('ended');
      let opened = '';
      browser.open = async url => {
        opened = url;
        void fetch(url);
        return true;
      };
      const answer = await run('signOut', { connection, endSession: true });
      assert.deepEqual(answer, { revoked: true, sessionEnded: true });
      assert.ok(new URL(opened).searchParams.has('id_token_hint'));
      const other = await signedIn('unended');
      browser.open = async () => false;
      assert.deepEqual(await run('signOut', { connection: other.id, endSession: true }), {
        revoked: true,
        sessionEnded: false,
      });
      const status = await run<Record<string, { state: string }>>('status', { connection: other.id });
      assert.equal(status[other.id]?.state, 'none');
    } finally {
      browser.open = before;
    }
  });
});
