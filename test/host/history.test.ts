import assert from 'node:assert/strict';
import { commands as registry, window } from 'vscode';
import { commands } from '../../src/contributions.ts';
import { codeOf, row, rows, run, signedIn } from './support.ts';

interface Entry {
  readonly at: number;
  readonly outcome: string;
  readonly generation: number;
  readonly status?: number;
  readonly adopted: boolean;
  readonly error?: { readonly code: string };
  readonly changes: readonly { readonly what: string }[];
}

const history = (connection: string) => run<Entry[]>('showHistory', { connection });

describe('the history of refreshes', () => {
  it('shows the outcome and the changes of each refresh, in the tree and as JSON', async () => {
    const { mock, id, end } = await signedIn('past', { alg: 'RS256', rotation: 'strict' });
    assert.deepEqual(await history(id), []);
    assert.ok((await (await row([id])).children()).every(({ item }) => item.label !== 'History'));

    await run('refresh', { connection: id });
    mock.setTokenLifetime({ accessTokenLifetime: 600 });
    await mock.rotateKeys('ES256');
    await run('refresh', { connection: id });
    mock.faults.next(1, {
      type: 'oauthError',
      error: 'invalid_scope',
      description: 'eyJhbGciOiJub25lIn0.eyJhIjoxfQ.',
    });
    await run('refresh', { connection: id });

    const entries = await history(id);
    assert.deepEqual(
      entries.map(({ outcome, status, generation, error }) => [outcome, status, generation, error?.code]),
      [
        ['refreshed', 200, 2, undefined],
        ['refreshed', 200, 3, undefined],
        ['retryable', 400, 3, 'oauth_error'],
      ],
    );
    assert.deepEqual(
      entries[1]?.changes.map(({ what }) => what),
      ['refresh_token', 'alg', 'kid', 'alg', 'kid', 'lifetime'],
    );
    assert.doesNotMatch(JSON.stringify(entries), /eyJ/);

    const top = await row([id, 'History']);
    assert.match(String(top.item.description), /^failed, tokens unchanged \(< [12]0 s ago\)$/);
    const [last, middle] = await top.children();
    assert.equal(last?.icon, 'warning');
    assert.equal(last?.item.description, 'failed, tokens unchanged, HTTP status 400');
    assert.match(String(last?.item.tooltip), /HTTP status: 400/);
    assert.match(String(middle?.item.description), /^refreshed, .*ES256, before RS256.*lifetime 10 min, before 1 h$/);
    await end();
  });

  it('opens as a read-only document for a person, and keeps no token in it', async () => {
    const { id, end } = await signedIn('shown');
    await run('refresh', { connection: id });
    await registry.executeCommand(commands.showHistory, { kind: 'history', id });
    const document = window.activeTextEditor?.document;
    assert.equal(document?.languageId, 'json');
    assert.equal(document?.uri.scheme, 'jwt-workbench');
    const { connection, refreshes } = JSON.parse(document?.getText() ?? '');
    assert.equal(connection, id);
    assert.match(refreshes[0].time, /^\d{4}-.*Z$/);
    assert.doesNotMatch(document?.getText() ?? '', /eyJ/);
    await registry.executeCommand('workbench.action.closeActiveEditor');
    await end();
  });

  it('ends with its connection, and the mock issuer leaves none behind', async () => {
    const first = await signedIn('again');
    await run('refresh', { connection: 'again' });
    assert.equal((await history('again')).length, 1);
    await first.end();
    assert.equal(await codeOf(history('again')), 'connection_unknown');
    const second = await signedIn('again');
    assert.deepEqual(await history('again'), []);
    await second.end();

    for (let time = 1; time <= 2; time++) {
      const { connection } = await run<{ connection: string }>('startMockIssuer', {});
      await run('refresh', { connection });
      assert.equal((await history(connection)).length, 1);
      await run('stopMockIssuer');
    }
    assert.deepEqual(await rows(), []);
  });
});
