import assert from 'node:assert/strict';
import { commands as registry, TabInputWebview, window, workspace } from 'vscode';
import { hmacJwt } from '../support/signing.ts';
import { codeOf, run, signedIn } from './support.ts';

const inspectors = () =>
  window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .filter(({ input }) => input instanceof TabInputWebview && input.viewType.includes('jwtWorkbench.inspector'));

/** Extensions learn of a new tab only some time after it opens. */
async function tabs(): Promise<number> {
  for (let tries = 0; tries < 60 && inspectors().length === 0; tries++)
    await new Promise(resolve => setTimeout(resolve, 50));
  return inspectors().length;
}

describe('the inspector in VS Code', () => {
  afterEach(() => registry.executeCommand('workbench.action.closeAllEditors'));

  it('verifies a token of a known issuer, and opens one tab', async () => {
    const { mock, end } = await signedIn('inspected');
    const { access_token: token } = await mock.issueTokens({ clientId: 'demo' });
    assert.deepEqual(await run('inspect', { token }), { opened: true, verified: true });
    assert.equal(await tabs(), 1);
    await end();
  });

  it('sends no request for a token of an unknown issuer', async () => {
    const { mock, end } = await signedIn('unasked');
    const { access_token: token } = await mock.issueTokens({ clientId: 'demo' });
    await run('removeConnection', { connection: 'unasked' });
    const before = mock.requests.length;
    assert.deepEqual(await run('inspect', { token, verify: true }), { opened: true, verified: false });
    assert.equal(mock.requests.length, before);
    await run('addConnection', { connection: { id: 'unasked', issuer: mock.issuer, clientId: 'demo' } });
    await end();
  });

  it('opens the token at a place, and rejects other text', async () => {
    const token = hmacJwt('secret', { sub: 'ada', exp: 1 });
    const { uri } = await workspace.openTextDocument({ content: `a=${token}` });
    await run('inspect', { uri: uri.toString(), range: [0, 2, 0, 9] });
    assert.equal(await tabs(), 1);
    assert.equal(await codeOf(run('inspect', { uri: uri.toString(), range: [0, 0, 0, 0] })), 'not_a_token');
    assert.equal(await codeOf(run('inspect')), 'argument_invalid');
    assert.equal(await codeOf(run('inspect', { token: 'two words' })), 'not_a_token');
  });
});
