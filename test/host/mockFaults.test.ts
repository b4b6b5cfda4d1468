import assert from 'node:assert/strict';
import { commands as registry } from 'vscode';
import { codeOf, run } from './support.ts';

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
    // A refresh whose fate is unknown asks once more by itself, so two strikes are one refresh.
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
