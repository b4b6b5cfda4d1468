import assert from 'node:assert/strict';
import { commands as registry } from 'vscode';
import { type CommandName, commands } from '../../src/contributions.ts';
import { activate, codeOf, run, signedIn } from './support.ts';

/** Runs a command with any argument, and returns the sentence that it fails with. */
async function failure(name: CommandName, argument: unknown): Promise<string> {
  try {
    await registry.executeCommand(commands[name], argument);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new assert.AssertionError({ message: `${name} took ${JSON.stringify(argument)}` });
}

/** The commands that require a connection. */
const ofConnection: readonly CommandName[] = [
  ...(['removeConnection', 'refresh', 'signIn', 'signOut', 'copyToken', 'setActive', 'showHistory'] as const),
  ...(['setClientSecret', 'setIssuer', 'exchangeToken', 'introspect', 'userInfo'] as const),
];
const jwt = 'eyJhbGciOiJSUzI1NiJ9.e30.AAAA';

describe('an argument that cannot be used', () => {
  it('is not an object, or names a connection that does not exist', async () => {
    const secret = { clientSecret: 'a-secret' };
    for (const name of ofConnection) {
      for (const argument of [[], ['main'], 'main', 7, true, {}, { connection: null }, { connection: ['a'] }])
        assert.match(await failure(name, argument), /"(?:argument|connection)" .*\[argument_invalid\]$/s, name);
      const issuer = { issuer: 'https://a.example' };
      const more = name === 'setClientSecret' ? secret : name === 'setIssuer' ? issuer : {};
      const argument = { connection: 'nobody', ...more };
      assert.match(await failure(name, argument), /"nobody".*\[connection_unknown\]$/s, name);
    }
    for (const name of ['status', 'importTokens', 'verify'] as const) {
      const argument = { text: jwt, token: jwt, connection: 'nobody' };
      const { text, token, connection } = argument;
      const own = {
        status: { connection },
        importTokens: { text, connection },
        verify: { token, connection },
      };
      assert.match(await failure(name, own[name]), /"nobody".*\[connection_unknown\]$/s, name);
    }
  });

  it('has a member that is misspelt, which is named', async () => {
    for (const [name, argument, member] of [
      ['signOut', { connection: 'a', revok: true }, 'revok'],
      ['verify', { token: jwt, aud: 'https://api.example' }, 'aud'],
      ['decode', { token: jwt, tokens: [] }, 'tokens'],
      ['importTokens', { text: jwt, conection: 'a' }, 'conection'],
      ['addConnection', { connection: {}, secret: 'a' }, 'secret'],
      ['copyToken', { connection: 'a', format: 'bearer' }, 'format'],
      ['refreshAll', { connection: 'a' }, 'connection'],
      ['startMockIssuer', { rotaton: 'strict' }, 'rotaton'],
      ['stopMockIssuer', { port: 1 }, 'port'],
    ] as const)
      assert.match(
        await failure(name, argument),
        new RegExp(`"${member}(?:\\[.*)?".*\\[argument_invalid\\]$`, 's'),
        name,
      );
  });

  it('has a value of another kind, and the member is named', async () => {
    for (const [name, argument, member] of [
      ['decode', { token: 5 }, 'token'],
      ['decode', { token: '' }, 'token'],
      ['importTokens', { text: null }, 'text'],
      ['signIn', { connection: 'a', grant: 'password' }, 'grant'],
      ['signOut', { connection: 'a', revoke: 'yes' }, 'revoke'],
      ['copyToken', { connection: 'a', token: 'refresh_token' }, 'token'],
      ['copyToken', { connection: 'a', as: 'xml' }, 'as'],
      ['verify', { token: jwt, clockTolerance: -1 }, 'clockTolerance'],
      ['verify', { token: jwt, clockTolerance: '5' }, 'clockTolerance'],
      ['verify', { token: jwt, algorithms: [5] }, 'algorithms'],
      ['verify', { token: jwt, audience: {} }, 'audience'],
      ['verify', { token: jwt, jwks: 'keys' }, 'jwks'],
      ['verify', { token: jwt, key: 5 }, 'key'],
      ['addConnection', { connection: {}, clientSecret: 5 }, 'clientSecret'],
      ['startMockIssuer', { clients: {} }, 'clients'],
      ['startMockIssuer', { accessTokenLifetime: '60' }, 'accessTokenLifetime'],
      ['startMockIssuer', { alg: 'HS256' }, 'alg'],
      ['startMockIssuer', { port: 70_000 }, 'port'],
      ['startMockIssuer', { port: 'abc' }, 'port'],
      ['startMockIssuer', { path: 'no-slash' }, 'path'],
      ['startMockIssuer', { clients: [{}] }, 'clients\\[0\\]\\.client_id'],
      ['startMockIssuer', { scope: 5 }, 'scope'],
      ['startMockIssuer', { audience: 5 }, 'audience'],
      ['startMockIssuer', { faults: [{ type: 'none-such' }] }, 'faults\\[0\\]\\.type'],
      ['startMockIssuer', { issuer: 'https://login.example.com' }, 'issuer'],
    ] as const)
      assert.match(
        await failure(name, argument),
        new RegExp(`"${member}(?:\\[.*)?".*\\[argument_invalid\\]$`, 's'),
        name,
      );
  });

  it('of the mock issuer: the error names the expected value', async () => {
    assert.match(await failure('startMockIssuer', { rotation: 'often' }), /"rotation" .*: one of none, omit, /);
    assert.match(await failure('startMockIssuer', { graceSeconds: -1 }), /: a number of seconds is expected\./);
  });

  it('is an invalid connection: the error says why', async () => {
    const good = { id: 'surface', issuer: 'https://login.example.com', clientId: 'a' };
    for (const [connection, words] of [
      [undefined, /curly braces/],
      [null, /curly braces/],
      [[good], /curly braces/],
      [{ ...good, id: 'a b' }, /id may hold letters/],
      [{ ...good, id: undefined }, /id is missing/],
      [{ ...good, clientId: 5 }, /clientId has .*wrong type \(number\)/],
      [{ ...good, issuer: 'http://login.example.com' }, /issuer must be an https/],
      [{ ...good, tokenEndpointAuthMethod: 'magic' }, /tokenEndpointAuthMethod .*"magic"/],
      [{ ...good, clientSecret: 'a' }, /clientSecret looks like a secret/],
      [{ id: 'surface', clientId: 'a' }, /tokenEndpoint/],
    ] as const) {
      const message = await failure('addConnection', { connection });
      assert.match(message, words);
      assert.match(message, /\[connection_invalid\]$/);
    }
    assert.equal(await codeOf(run('status', { connection: 'surface' })), 'connection_unknown');
  });
});

describe('what commands answer', () => {
  it('has the documented members, and tokens only where documented', async () => {
    const { mock, id, end } = await signedIn('answers', { rotation: 'strict' });
    const tokens = await mock.issueTokens({ clientId: 'demo' });
    const { access_token: token } = tokens;
    const answers: Record<string, unknown> = {};
    const ask = async <Answer>(name: CommandName, argument: object, ...members: string[]): Promise<Answer> => {
      const answer = await run<Answer & object>(name, argument);
      answers[name] = answer;
      assert.deepEqual(Object.keys(answer).sort(), members.sort(), name);
      // The answer is plain JSON.
      assert.deepEqual(JSON.parse(JSON.stringify(answer)), answer, name);
      return answer;
    };
    const imported = { connection: id, text: JSON.stringify(tokens) };
    await ask('importTokens', imported, 'connection', 'imported', 'warnings');
    await ask('refresh', { connection: id }, 'outcome', 'generation', 'expiresAt');
    const all = await ask<Record<string, object>>('refreshAll', {}, id);
    assert.deepEqual(Object.keys(all[id] ?? {}).sort(), ['expiresAt', 'generation', 'outcome']);
    const status = await ask<Record<string, { tokens: object[]; lastRefresh: object }>>('status', {}, id);
    const members = ['expiresAt', 'generation', 'lastRefresh', 'scope', 'state', 'tokens'];
    assert.deepEqual(Object.keys(status[id] ?? {}).sort(), members);
    assert.deepEqual(status[id]?.tokens.map(each => Object.keys(each).sort().join()).slice(0, 2), [
      'expiresAt,kind,name',
      'expiresAt,kind,name',
    ]);
    assert.deepEqual(Object.keys(status[id]?.lastRefresh ?? {}).sort(), ['at', 'outcome']);
    assert.deepEqual(await ask('copyToken', { connection: id }, 'copied'), { copied: true });
    const decoded = await ask<{ kind: string }>('decode', { token }, 'kind', 'header', 'payload', 'warnings', 'review');
    assert.equal(decoded.kind, 'jws');
    const { checks } = await ask<{ checks: object[] }>(
      'verify',
      { token, connection: id },
      'verified',
      'state',
      'key',
      'checks',
      'review',
    );
    const inCheck = new Set(checks.flatMap(Object.keys));
    assert.deepEqual([...inCheck].sort(), ['detail', 'expected', 'found', 'id', 'status']);
    assert.deepEqual(await ask('signOut', { connection: id, revoke: true }, 'revoked'), { revoked: true });
    const { header: _, payload: __, ...shown } = decoded as { header?: object; payload?: object };
    const text = JSON.stringify({ ...answers, decode: shown });
    assert.doesNotMatch(text, /eyJ/);
    assert.ok(tokens.refresh_token && !text.includes(tokens.refresh_token));
    await end();
  });
});

describe('the API for other extensions', () => {
  it('has version 1, answers as the commands do, and rejects with a code and a sentence', async () => {
    const api = await activate();
    assert.equal(api.version, 1);
    const { id, end } = await signedIn('api');
    const { outcome, generation } = await api.refresh(id);
    assert.deepEqual([outcome, generation], ['refreshed', 2]);
    const status = await api.status();
    assert.equal(status[id]?.generation, 2);
    assert.deepEqual(await api.status(id), { [id]: status[id] });
    for (const call of [() => api.status('nobody'), () => api.refresh('nobody')])
      await assert.rejects(call, { code: 'connection_unknown', message: /There is no connection "nobody"/ });
    for (const wrong of [7, null, {}] as unknown as string[])
      await assert.rejects(() => api.refresh(wrong), { code: 'argument_invalid' });
    await end();
  });
});
