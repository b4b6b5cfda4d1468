import assert from 'node:assert/strict';
import { type MockServer, startMockServer } from '../../../src/mock/nodeServer.ts';
import { formats, table } from '../../../src/mock/torture/report.ts';
import { scenarios } from '../../../src/mock/torture/scenarios.ts';
import { type TortureReport, torture, worseThan } from '../../../src/mock/torture/torture.ts';
import { startSampleClient } from '../../torture/sampleClient.ts';

describe('torture', function () {
  this.timeout(60_000);
  let mock: MockServer;
  before(async () => {
    mock = await startMockServer({ alg: 'ES256' });
  });
  after(() => mock.close());

  const run = async (flaw: string, only?: string): Promise<TortureReport> => {
    const client = await startSampleClient(mock.issuer, 'demo', flaw);
    const { origin } = client;
    try {
      return await torture(mock, {
        start: `${origin}/login`,
        signedIn: `${origin}/me`,
        logout: `${origin}/logout`,
        resource: `${origin}/api`,
        patience: 1_500,
        ...(only !== undefined && { scenarios: [only] }),
      });
    } finally {
      await client.close();
    }
  };

  let right: TortureReport;
  it('passes a client that is right in every scenario', async () => {
    right = await run('');
    assert.deepEqual(
      right.results.filter(({ verdict }) => verdict !== 'pass'),
      [],
    );
    assert.equal(right.results.length, scenarios.length);
  });

  for (const { id, severity } of scenarios)
    it(`catches a client that is broken in exactly that way: ${id}`, async () => {
      const [result] = (await run(id, id)).results;
      const expected = id === 'token.stalled' ? 'hung' : severity === 'must' ? 'fail' : 'warning';
      assert.equal(result?.verdict, expected, `${result?.verdict}: ${result?.detail}`);
    });

  it('calls no pass what the client never came to', async () => {
    const [result] = (await torture(mock, { start: `${mock.issuer}/nothing`, scenarios: ['id-token.iss'] })).results;
    assert.equal(result?.verdict, 'not exercised');
    await assert.rejects(torture(mock, { start: mock.issuer, scenarios: ['gremlins'] }), /scenario: one of sign-in/);
  });

  it('reports for people and build servers, whatever stands in it', async () => {
    const hostile = '<script>"&\u0000';
    const [first] = right.results;
    assert.ok(first);
    const report: TortureReport = {
      ...right,
      start: hostile,
      results: [...right.results, { ...first, id: 'x.y', verdict: 'fail', detail: hostile }],
    };
    assert.match(table(report), /fail +x\.y/);
    const html = formats.html(report);
    assert.ok(!html.includes('<script') && html.includes('&#60;script&#62;'));
    assert.ok(!/(?:src|href)="(?!#)/.test(html), 'nothing is fetched');
    assert.match(formats.junit(report), /failures="1"[\s\S]*<failure message="&#60;script&#62;&#34;&#38;\?"\/>/);
    const sarif = JSON.parse(formats.sarif(report));
    assert.deepEqual([sarif.version, sarif.runs[0].results.at(-1).level], ['2.1.0', 'error']);
    assert.equal(JSON.parse(formats.json(report)).results.length, report.results.length);
    assert.deepEqual(
      worseThan(report, { 'x.y': 'warning' }).map(({ id }) => id),
      ['x.y'],
    );
    assert.deepEqual(worseThan(report, { 'x.y': 'fail' }), []);
  });
});
