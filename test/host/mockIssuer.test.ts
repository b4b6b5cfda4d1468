import assert from 'node:assert/strict';
import { type CodeLens, env, extensions, commands as registry, Uri, window, workspace } from 'vscode';
import { selfSigned } from '../support/selfSigned.ts';
import { activate, codeOf, rows, run, signedIn } from './support.ts';

interface Started {
  issuer: string;
  clientId: string;
  connection: string;
}

describe('the mock issuer', () => {
  it('starts with a signed-in connection in memory, and leaves nothing behind when it stops', async () => {
    const started = await run<Started>('startMockIssuer', { accessTokenLifetime: 60, rotation: 'strict' });
    assert.match(started.issuer, /^http:\/\/127\.0\.0\.1:\d+$/);
    const metadata = await (await fetch(`${started.issuer}/.well-known/openid-configuration`)).json();
    assert.equal(metadata.issuer, started.issuer);
    const refreshed = await run<{ outcome: string }>('refresh', { connection: started.connection });
    assert.equal(refreshed.outcome, 'refreshed');
    await run('copyMockAddress');
    assert.equal(await env.clipboard.readText(), started.issuer);
    assert.equal(await codeOf(run('startMockIssuer', {})), 'mock_running');

    const setting = JSON.stringify(workspace.getConfiguration('jwtWorkbench').inspect('connections') ?? {});
    assert.ok(!setting.includes(started.issuer), 'not in the settings');
    const { secrets } = (await activate()).testing;
    assert.deepEqual(
      (await secrets.keys()).filter(key => key.endsWith('.mock')),
      [],
      'not in SecretStorage',
    );

    await run('stopMockIssuer');
    assert.deepEqual(await rows(), []);
    await assert.rejects(fetch(`${started.issuer}/jwks`));
    assert.equal(await codeOf(run('stopMockIssuer')), 'mock_not_running');
  });

  it('leaves a connection of the user alone that has the name of its own, or of pasted tokens', async () => {
    const own = await signedIn('mock', { rotation: 'strict' });
    const started = await run<Started>('startMockIssuer', {});
    assert.notEqual(started.connection, 'mock');
    for (const connection of ['mock', started.connection])
      assert.equal((await run<{ outcome: string }>('refresh', { connection })).outcome, 'refreshed');
    await run('stopMockIssuer');
    assert.equal((await run<{ outcome: string }>('refresh', { connection: 'mock' })).outcome, 'refreshed');
    await own.end();
    await run('addConnection', { connection: { id: 'pasted', issuer: 'https://a.example', clientId: 'a' } });
    assert.equal(await codeOf(run('importTokens', { text: 'WPsGJbvpBjqXz6IJIr1UHKyrdVF' })), 'connection_exists');
    await run('removeConnection', { connection: 'pasted' });
  });

  it('names the option that is wrong', async () => {
    assert.equal(await codeOf(run('startMockIssuer', { rotation: 'sometimes' })), 'argument_invalid');
    assert.equal(await codeOf(run('startMockIssuer', { tls: { key: '' } })), 'argument_invalid');
    assert.deepEqual(await rows(), []);
  });

  it('starts from a file of the workspace, and names every invalid member', async () => {
    const [folder] = workspace.workspaceFolders ?? [];
    assert.ok(folder);
    const file = Uri.joinPath(folder.uri, 'mock-issuer.json');
    const write = (text: string) => workspace.fs.writeFile(file, new TextEncoder().encode(text));
    const started = (argument: object = {}) => registry.executeCommand('jwtWorkbench.startMockFromFile', argument);
    const wrong = { $schema: 'x', rotation: 'sometimes', clients: [{ client_id: '' }], colour: 1 };
    try {
      await write(JSON.stringify(wrong));
      await assert.rejects(
        Promise.resolve(started()),
        /mock-issuer\.json cannot be used.*clients\[0\]\.client_id: a string.*rotation: one of none.*colour: left out \(no such member; .*\[mock_file_invalid\]$/s,
      );
      const document = await workspace.openTextDocument(file);
      await window.showTextDocument(document);
      const lenses = await registry.executeCommand<CodeLens[]>('vscode.executeCodeLensProvider', file, 5);
      assert.deepEqual(
        lenses.map(({ command }) => command?.title),
        ['Start Mock Issuer from This File'],
      );
      await registry.executeCommand('workbench.action.revertAndCloseActiveEditor');
      await write('{ "rotation": ');
      assert.equal(await codeOf(run('startMockFromFile')), 'mock_file_invalid');
      assert.equal(await codeOf(run('startMockFromFile', { file: '../mock-issuer.json' })), 'mock_file_missing');
      assert.equal(await codeOf(run('startMockFromFile', { file: 'nowhere.json' })), 'mock_file_missing');
      await write('{ "path": "/tenants/one", "clients": [{ "client_id": "mine" }] }');
      const { issuer, clientId } = await run<Started>('startMockFromFile');
      assert.match(issuer, /\/tenants\/one$/);
      assert.equal(clientId, 'mine');
      await run('stopMockIssuer');
    } finally {
      await workspace.fs.delete(file);
    }
  });

  it('is at https with a key and a certificate', async () => {
    const clients = [
      {
        client_id: 'own',
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_subject_dn: 'CN=Test client',
      },
    ];
    const { issuer, clientId } = await run<Started>('startMockIssuer', { tls: selfSigned, clients });
    assert.match(issuer, /^https:\/\/127\.0\.0\.1:\d+$/);
    assert.equal(clientId, 'own');
    await run('stopMockIssuer');
  });

  it('gives other extensions status and refresh, but no token', async () => {
    const { connection } = await run<Started>('startMockIssuer', { rotation: 'strict' });
    const api = extensions.getExtension('jwt-workbench.jwt-workbench')?.exports;
    assert.equal(api.version, 1);
    const changed = new Promise(resolve => api.onDidChangeSession(resolve));
    assert.equal((await api.refresh(connection)).outcome, 'refreshed');
    assert.equal(await changed, connection);
    assert.doesNotMatch(JSON.stringify(await api.status()), /eyJ/);
    await run('stopMockIssuer');
  });
});
