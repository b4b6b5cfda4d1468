import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { commands as registry } from 'vscode';
import type { TortureReport } from '../../src/mock/torture/torture.ts';
import { startSampleClient } from '../torture/sampleClient.ts';
import { startSampleMcp } from '../torture/sampleMcp.ts';
import type { SampleClient } from '../torture/sampleOptions.ts';
import { codeOf, row, rows, run } from './support.ts';

interface Refreshed {
  outcome: string;
  error?: { code: string };
}

describe('faults of the mock issuer by command', () => {
  let connection = '';
  const start = async (options: object) => {
    connection = (await run<{ connection: string }>('startMockIssuer', options)).connection;
  };
  const refresh = async () => {
    const { outcome, error } = await run<Refreshed>('refresh', { connection });
    return error ? `${outcome} ${error.code}` : outcome;
  };
  afterEach(() => run('stopMockIssuer'));

  it('strike as often as asked, and go when they are cleared', async () => {
    await start({ rotation: 'strict' });
    const faults = [{ type: 'serverError', status: 503, times: 2, at: 'token' }];
    assert.deepEqual(await run('setMockFaults', { faults }), { faults: ['serverError'] });
    // A refresh with an unknown outcome is retried once automatically, so two strikes make one refresh.
    assert.equal(await refresh(), 'unknown http_error');
    assert.equal(await refresh(), 'refreshed');
    await run('setMockFaults', { faults: [{ type: 'tooManyRequests', retryAfter: 0 }] });
    assert.equal(await refresh(), 'retryable oauth_error');
    await run('setMockFaults', { faults: [{ type: 'htmlBadRequest', at: 'token' }], replace: true });
    assert.equal(await refresh(), 'retryable http_error');
    assert.deepEqual(await run('clearMockFaults'), {});
    assert.equal(await refresh(), 'refreshed');
  });

  it('come with the options of startMockIssuer as well', async () => {
    await start({ faults: [{ type: 'htmlBadRequest', at: 'token', times: 1 }] });
    assert.equal(await refresh(), 'retryable http_error');
    assert.equal(await refresh(), 'refreshed');
  });

  it('stay visible as rows until they are used up or removed, and the rows say by whom', async () => {
    await start({});
    const texts = async () => (await (await row(['Mock issuer', 'Faults'])).children()).map(({ text }) => text);
    await run('setMockFaults', {
      faults: [{ type: 'tooManyRequests', retryAfter: 0, times: 1, at: 'token' }, { type: 'jwksDown' }],
    });
    assert.deepEqual(await texts(), [
      'Too many requests (429): next request',
      'Key set unavailable (503): until cleared',
    ]);
    assert.equal(await refresh(), 'retryable oauth_error');
    const [, used = ''] = await texts();
    assert.match(used, /^Too many requests \(429\): used up by Mock connection at \d\d:\d\d:\d\d$/);
    const [last] = await (await row(['Mock issuer', 'Requests'])).children();
    assert.match(last?.text ?? '', /^POST \/token: 429, Mock connection, \d\d:\d\d:\d\d, fault: Too many/);
    assert.equal(await codeOf(run('removeMockFault', { type: 'delay' })), 'argument_invalid');
    await run('removeMockFault', { type: 'jwksDown' });
    await run('clearMockFaults');
    assert.deepEqual(await texts(), []);
  });

  it('and the clock of the issuer is moved past the expiry and back by command', async () => {
    await start({ accessTokenLifetime: 60 });
    assert.deepEqual(await run('moveMockClock', { advance: 61 }), { ahead: 61, frozen: false });
    assert.match((await row(['Mock issuer', 'Clock'])).text, /1 min ahead of this computer/);
    assert.equal(await codeOf(run('userInfo', { connection })), 'oauth_error');
    assert.deepEqual(await run('moveMockClock'), { ahead: 0, frozen: false });
    await run('userInfo', { connection });
    assert.equal((await run<{ frozen: boolean }>('moveMockClock', { frozen: true })).frozen, true);
    assert.equal(await codeOf(run('moveMockClock', { advance: '1' })), 'argument_invalid');
    await run('stopMockIssuer');
    assert.ok(!(await rows()).some(({ text }) => text.startsWith('Mock issuer')));
    assert.equal(await codeOf(run('moveMockClock')), 'mock_not_running');
    await start({});
  });

  it('are refused with the path of what is wrong, all or none', async () => {
    await start({});
    const faults = [{ type: 'htmlBadRequest', at: 'token' }, { type: 'delay' }];
    assert.equal(await codeOf(run('setMockFaults', { faults })), 'argument_invalid');
    await assert.rejects(
      Promise.resolve(registry.executeCommand('jwtWorkbench.setMockFaults', { faults })),
      /faults\[1\]\.ms/,
    );
    assert.equal(await codeOf(run('setMockFaults', { faults: 'all' })), 'argument_invalid');
    assert.equal(await codeOf(run('setMockFaults', { faults: [], replace: 1 })), 'argument_invalid');
    assert.equal(await refresh(), 'refreshed', 'the first of the two was not set');
    await run('stopMockIssuer');
    assert.equal(await codeOf(run('setMockFaults', { faults: [] })), 'mock_not_running');
    assert.equal(await codeOf(run('clearMockFaults')), 'mock_not_running');
    assert.equal(await codeOf(run('startMockIssuer', { faults: [{ type: 'nope' }] })), 'argument_invalid');
    await start({});
  });
});

describe('a client tested by command', function () {
  this.timeout(60_000);
  const scenarios = ['sign-in', 'id-token.nonce', 'id-token.iss', 'token.truncated', 'logout'];
  let started: { issuer: string; connection: string };
  before(async () => {
    started = await run('startMockIssuer', { alg: 'ES256', faults: [{ type: 'jwksSlow', ms: 1 }] });
    await run('setMockFaults', { faults: [{ type: 'expiresInMissing', at: 'userinfo' }] });
  });
  after(() => run('stopMockIssuer'));

  async function tested(flaw: string, only: readonly string[]): Promise<TortureReport> {
    const client = await startSampleClient({ issuer: started.issuer, flaw });
    const { origin } = client;
    try {
      return await run<TortureReport & Record<string, unknown>>('tortureClient', {
        start: `${origin}/login`,
        signedIn: `${origin}/me`,
        logout: `${origin}/logout`,
        scenarios: only,
      });
    } finally {
      await client.close();
    }
  }

  it('passes for a correct client, and restores the mock and its connection', async () => {
    const { results, counts } = await tested('', scenarios);
    assert.deepEqual(
      results.filter(({ verdict }) => verdict !== 'pass'),
      [],
    );
    assert.ok(counts.pass >= scenarios.length);
    const faults = await (await row(['Mock issuer', 'Faults'])).children();
    assert.deepEqual(
      faults.map(({ item }) => item.label),
      ['Key set delayed by 5 s', 'Missing lifetime (expires_in)'],
    );
    assert.equal((await run<Refreshed>('refresh', { connection: started.connection })).outcome, 'refreshed');
  });

  it('fails for a broken client, and says what it did', async () => {
    const { results, counts } = await tested('id-token.nonce', ['id-token.nonce', 'id-token.iss']);
    assert.deepEqual(
      results.map(({ id, verdict }) => [id, verdict]),
      [
        ['id-token.iss', 'pass'],
        ['id-token.nonce', 'fail'],
      ],
    );
    assert.equal(counts.fail, 1);
    assert.equal(results.find(({ verdict }) => verdict === 'fail')?.detail, 'the client signed the user in');
  });

  it('leads its visitor nowhere but to this machine', async () => {
    const server = createServer((_, response) => response.writeHead(302, { location: 'http://other.example/' }).end());
    await new Promise<void>(resolve => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const start = `http://127.0.0.1:${Object(server.address()).port}/`;
    const { results } = await run<TortureReport & Record<string, unknown>>('tortureClient', {
      start,
      scenarios: ['sign-in'],
    });
    server.close();
    assert.deepEqual(
      results.map(({ verdict, detail }) => [verdict, detail]),
      [['fail', 'the client sent the visitor to other.example']],
    );
  });

  it('with a second issuer is tested for a mix-up, and one of the Model Context Protocol for what its API asks', async () => {
    await run('stopMockIssuer');
    const clients = [{ client_id: 'demo', redirect_uris: ['http://127.0.0.1/callback'] }];
    const { issuer } = await run('startMockIssuer', { alg: 'ES256', clients, issuers: [{ path: '/other', clients }] });
    const second = `${new URL(String(issuer)).origin}/other`;
    const verdicts = async (client: SampleClient, target: object, only: readonly string[]) => {
      const { origin } = client;
      try {
        const argument = { start: `${origin}/login`, signedIn: `${origin}/me`, scenarios: only, ...target };
        const report = await run<TortureReport & Record<string, unknown>>('tortureClient', argument);
        return report.results.map(({ id, verdict }) => `${id} ${verdict}`);
      } finally {
        await client.close();
      }
    };
    for (const [flaw, verdict] of [
      ['', 'pass'],
      ['answer.mix-up', 'fail'],
    ] as const) {
      const client = await startSampleClient({ issuer: String(issuer), second, flaw });
      const secondStart = `${client.origin}/login2`;
      assert.deepEqual(await verdicts(client, { secondStart }, ['answer.mix-up']), [`answer.mix-up ${verdict}`]);
    }
    for (const [flaw, verdict] of [
      ['', 'pass'],
      ['mcp.other-resource', 'fail'],
    ] as const) {
      const client = await startSampleMcp(`${issuer}/api`, flaw);
      const seen = await verdicts(client, { mcp: true }, ['mcp.discovery', 'mcp.other-resource']);
      assert.deepEqual(seen, ['mcp.discovery pass', `mcp.other-resource ${verdict}`]);
    }
  });

  it('is refused where nothing can be tested', async () => {
    const start = 'http://127.0.0.1:9/';
    assert.equal(await codeOf(run('tortureClient', { start: 'ftp://127.0.0.1' })), 'argument_invalid');
    assert.equal(await codeOf(run('tortureClient', { start, scenarios: ['gremlins'] })), 'argument_invalid');
    const slow = run('tortureClient', { start, scenarios: ['sign-in'] });
    assert.equal(await codeOf(run('tortureClient', { start })), 'client_test_running');
    await slow;
    await run('stopMockIssuer');
    assert.equal(await codeOf(run('tortureClient', { start })), 'mock_not_running');
    await run('startMockIssuer');
  });
});
