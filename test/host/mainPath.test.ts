import assert from 'node:assert/strict';
import { env, commands as registry, workspace } from 'vscode';
import { commands } from '../../src/contributions.ts';
import type { ViewNode } from '../../src/core/view/viewNode.ts';
import { activate, codeOf, eventually, row, rows, run, signedIn } from './support.ts';

interface Refreshed {
  outcome: string;
  generation: number;
  expiresAt?: number;
  error?: { code: string; message: string };
}
type Status = Record<
  string,
  { state: string; generation: number; expiresAt?: number; tokens: { name: string; kind: string }[] }
>;

describe('the main path', () => {
  it('refreshes an expired token before it is copied from its row, and copies the new one', async () => {
    const { mock, id, end } = await signedIn('copied-late', { rotation: 'strict' });
    const { refresh_token } = await mock.issueTokens({ clientId: 'demo' });
    const expired = { access_token: 'an-opaque-token-that-has-expired', expires_at: 1_600_000_000, refresh_token };
    await run('importTokens', { connection: id, text: JSON.stringify(expired) });
    const fromRow = () =>
      registry.executeCommand(commands.copyToken, { kind: 'token', id, name: 'access_token' } satisfies ViewNode);
    await fromRow();
    const copied = await env.clipboard.readText();
    assert.match(copied, /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    const refreshes = () => mock.requests.filter(({ grant_type }) => grant_type === 'refresh_token').length;
    assert.equal(refreshes(), 1);
    await fromRow();
    assert.equal(await env.clipboard.readText(), copied);
    assert.equal(refreshes(), 1, 'a valid one is copied as it is');
    await end();
  });

  it('adds a connection, imports, refreshes, verifies, copies and removes', async () => {
    const { mock, id, end } = await signedIn('main', { rotation: 'strict', accessTokenLifetime: 60 });
    const before = (await run<Status>('status', { connection: id }))[id];
    assert.equal(before?.state, 'active');
    assert.deepEqual(
      before?.tokens.map(({ name, kind }) => `${name} ${kind}`),
      ['access_token jws', 'id_token jws', 'refresh_token opaque'],
    );

    mock.clock.advance(5000);
    const refreshed = await run<Refreshed>('refresh', { connection: id });
    assert.equal(refreshed.outcome, 'refreshed');
    assert.equal(refreshed.generation, (before?.generation ?? 0) + 1);
    assert.ok((refreshed.expiresAt ?? 0) > Date.now() + 50_000);
    const again = await run<Refreshed>('refresh', { connection: id });
    assert.equal(again.outcome, 'refreshed', 'the rotated token was kept');

    await run('copyToken', { connection: id, as: 'bearer' });
    const header = await env.clipboard.readText();
    assert.match(header, /^Authorization: Bearer eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    const token = header.slice('Authorization: Bearer '.length);
    for (const [argument, copied] of [
      [{}, token],
      [{ as: 'curl' }, `curl --header '${header}' 'https://api.example.com/'`],
      [{ as: 'curl', url: "https://api.example/it's" }, `curl --header '${header}' 'https://api.example/it'\\''s'`],
    ] as const) {
      assert.deepEqual(await run('copyToken', { connection: id, ...argument }), { copied: true });
      assert.equal(await env.clipboard.readText(), copied);
    }
    await run('copyToken', { connection: id, token: 'id_token' });
    assert.match(await env.clipboard.readText(), /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    assert.notEqual(await env.clipboard.readText(), token);
    const verified = await run<{ verified: boolean; checks: { id: string; status: string }[] }>('verify', {
      token,
      connection: id,
    });
    assert.deepEqual(
      verified.checks.filter(({ status }) => status === 'failed'),
      [],
    );
    assert.equal(verified.verified, true);

    await end();
    assert.equal(await codeOf(run('status', { connection: id })), 'connection_unknown');
    const { secrets } = (await activate()).testing;
    assert.deepEqual(
      (await secrets.keys()).filter(key => key.includes(id)),
      [],
    );
  });

  it('works where the issuer returns the same refresh token each time, or none at all', async () => {
    for (const rotation of ['none', 'omit', 'grace'] as const) {
      const { id, mock, end } = await signedIn(`rotation-${rotation}`, { rotation });
      for (let generation = 2; generation < 5; generation++) {
        const answer = await run<Refreshed>('refresh', { connection: id });
        assert.deepEqual([answer.outcome, answer.generation], ['refreshed', generation], rotation);
      }
      const sent = mock.requests
        .filter(({ path }) => path.endsWith('/token'))
        .map(({ refresh_token }) => refresh_token);
      assert.equal(new Set(sent).size, rotation === 'grace' ? 3 : 1);
      await end();
    }
  });

  it('refreshes all at once and answers by id', async () => {
    const first = await signedIn('all-1');
    const second = await signedIn('all-2', { rotation: 'strict' });
    const answers = await run<Record<string, Refreshed>>('refreshAll');
    assert.equal(answers['all-1']?.outcome, 'refreshed');
    assert.equal(answers['all-2']?.outcome, 'refreshed');
    await first.end();
    await second.end();
  });

  it('keeps what is stored when a refresh fails, and says what to do', async () => {
    const { id, mock, end } = await signedIn('fails', { rotation: 'strict' });
    mock.faults.next(2, { type: 'serverError', status: 503, at: 'token' });
    const failed = await run<Refreshed>('refresh', { connection: id });
    assert.equal(failed.outcome, 'unknown');
    assert.match(failed.error?.message ?? '', /503/);
    assert.equal((await run<Refreshed>('refresh', { connection: id })).outcome, 'refreshed');
    mock.revokeAll();
    const refused = await run<Refreshed>('refresh', { connection: id });
    assert.equal(refused.outcome, 'reauthRequired');
    assert.match(refused.error?.message ?? '', /invalid_grant/);
    const posted = mock.requests.length;
    assert.equal((await run<Refreshed>('refresh', { connection: id })).outcome, 'reauthRequired');
    assert.equal(mock.requests.length, posted, 'a refused token is never sent again');
    assert.equal((await run<Status>('status', { connection: id }))[id]?.state, 'reauthRequired');
    await end();
  });

  it('writes no token into settings', async () => {
    const { end } = await signedIn('no-secrets');
    const written = JSON.stringify(workspace.getConfiguration('jwtWorkbench').inspect('connections'));
    assert.match(written, /no-secrets/);
    assert.doesNotMatch(written, /eyJ/);
    await end();
  });
});

describe('the tree', () => {
  it('shows state, tokens, claims with their meaning, and one line per check', async () => {
    const { id, end } = await signedIn('tree', { accessTokenLifetime: 300 });
    assert.match((await row([id])).text, /^tree: until \d\S+, active$/);
    assert.deepEqual(
      (await (await row([id])).children()).map(({ item }) => item.label),
      ['Access token', 'ID token', 'Refresh token', 'Next'],
    );
    assert.match((await row([id, 'Access token', 'Claims', 'exp'])).text, /: in \d min \(20\d\d-\d\d-\d\d /);
    const checks = await (await row([id, 'Access token', 'Verification'])).children();
    assert.ok(checks.length > 8, `${checks.length} checks`);
    assert.ok(
      checks.every(({ icon }) => icon !== undefined && icon !== 'error'),
      checks.map(({ text }) => text).join('\n'),
    );
    assert.match((await row([id, 'Access token'])).text, /: \d min left, verified$/);
    const facts = (await (await row([id, 'Refresh token'])).children()).map(({ text }) => text).join('\n');
    assert.match(facts, /Generation: 1/);
    assert.match(facts, /Last used: never/);
    await end();
  });

  it('never shows a part of the refresh token', async () => {
    const { mock, id, end } = await signedIn('masked', { rotation: 'strict' });
    const tokens = await mock.issueTokens({ clientId: 'demo' });
    await run('importTokens', { connection: id, text: JSON.stringify(tokens) });
    const texts: string[] = [];
    const walk = async (level: Awaited<ReturnType<typeof rows>>): Promise<void> => {
      for (const each of level) {
        texts.push(each.text, JSON.stringify(each.item));
        if (each.item.collapsibleState) await walk(await each.children());
      }
    };
    await walk(await rows());
    const shown = texts.join('\n');
    assert.ok(tokens.refresh_token && tokens.access_token);
    assert.ok(!shown.includes(tokens.refresh_token.slice(0, 12)));
    assert.ok(!shown.includes(tokens.access_token.slice(-30)));
    await end();
  });
});

describe('a record that cannot be read', () => {
  it('is kept unchanged and reported, until the user deletes it', async () => {
    const { id, mock, end } = await signedIn('unreadable');
    const { secrets } = (await activate()).testing;
    const key = (await secrets.keys()).find(each => each.endsWith(`.${id}`)) ?? '';
    await run('signOut', { connection: id });
    await secrets.store(key, '{"version":1,"half":');
    await eventually(async () => (await (await row([id])).children()).some(({ item }) => item.label === 'Stored data'));
    await row([id, 'Stored data']);
    assert.equal((await run<Refreshed>('refresh', { connection: id })).error?.code, 'record_unreadable');
    const text = JSON.stringify(await mock.issueTokens({ clientId: 'demo' }));
    assert.equal(await codeOf(run('importTokens', { connection: id, text })), 'record_unreadable');
    assert.equal(await secrets.get(key), '{"version":1,"half":');
    await run('signOut', { connection: id });
    await run('importTokens', { connection: id, text });
    assert.equal((await run<Refreshed>('refresh', { connection: id })).outcome, 'refreshed');
    await end();
  });
});
