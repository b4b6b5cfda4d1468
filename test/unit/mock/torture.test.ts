import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { slowVariable } from '../../../scripts/lib/results.mjs';
import { type MockServer, startMockServer } from '../../../src/mock/nodeServer.ts';
import type { PersonaName } from '../../../src/mock/personas.ts';
import { exitCodeOf } from '../../../src/mock/torture/command.ts';
import { differences, formats, table } from '../../../src/mock/torture/report.ts';
import type { Driver, ScenarioParts } from '../../../src/mock/torture/rows.ts';
import { scenarios } from '../../../src/mock/torture/scenarios.ts';
import { compareWith, type TortureReport, torture, type Verdict } from '../../../src/mock/torture/torture.ts';
import { createBrowser, send } from '../../../src/mock/torture/walk.ts';
import { freePort, loopbackServer } from '../../support/loopbackServer.ts';
import { startSampleClient } from '../../torture/sampleClient.ts';
import { startSampleMcp } from '../../torture/sampleMcp.ts';
import type { SampleOptions } from '../../torture/sampleOptions.ts';
import { startTwoProcesses } from '../../torture/sampleProcesses.ts';
import { still } from '../../torture/still.ts';

type Habits = Omit<SampleOptions, 'issuer' | 'flaw' | 'second' | 'pace' | 'port' | 'modern'> & {
  readonly processes?: 2;
};

/** Ways of right clients, and what the torture cannot test with them. */
const rightClients: Record<string, { readonly habits: Habits; readonly notExercised?: readonly string[] }> = {
  'counts whole seconds': { habits: { late: 0.5 } },
  'takes a token for expired a minute before it is': { habits: { early: 60 } },
  // Its token is always fresh when the five requests come, unless the machine is slow.
  'renews on its own schedule': { habits: { renews: true }, notExercised: ['refresh.at-once'] },
  'has two processes with sessions in common': { habits: { processes: 2 } },
  'sends its secret in the header': { habits: { secret: { method: 'client_secret_basic', text: 'of a test: 1' } } },
  'sends its secret in the body': { habits: { secret: { method: 'client_secret_post', text: 'of a test: 1' } } },
  'tries again after a lost response or a server error': { habits: { retries: true, timeout: 500 } },
  'asks UserInfo once for each subject': { habits: { cachesUser: true }, notExercised: ['userinfo.sub'] },
  'polls for a device beside its visitors': { habits: { beside: 'device' } },
  'gets tokens of its own beside its visitors': { habits: { beside: 'client_credentials' } },
  'opens a connection for each request, with headers of its own': {
    habits: {
      headers: {
        connection: 'close',
        accept: 'application/json; q=0.9, */*; q=0.1',
        'x-requested-with': 'XMLHttpRequest',
        'cache-control': 'no-cache',
      },
    },
  },
};

/** How many times faster than real time the clients' clock runs. */
const usualPace = 20;
let clientPort = 0;

describe('torture', function () {
  this.timeout(60_000);
  let mock: MockServer;
  const startMock = (secret?: Habits['secret'], persona?: PersonaName) => {
    const uri = (path: string) => `http://127.0.0.1:${clientPort}/${path}`;
    const client = {
      client_id: 'demo',
      response_types: ['code', 'code id_token'],
      backchannel_logout_uri: uri('backchannel'),
      frontchannel_logout_uri: uri('frontchannel'),
      ...(secret && { client_secret: secret.text, token_endpoint_auth_method: secret.method }),
    } as const;
    return startMockServer({
      alg: 'ES256',
      clients: [client],
      issuers: [{ path: '/other', alg: 'ES256', clients: [client] }],
      ...(persona && { persona }),
    });
  };
  before(async () => {
    clientPort = await freePort();
    mock = await startMock();
  });
  after(() => mock.close());

  const modern = ['token.dpop-nonce', 'answer.pushed', 'id-token.c-hash'];
  const run = async (
    flaw: string,
    only: readonly string[] = [],
    { processes, ...habits }: Habits = {},
  ): Promise<TortureReport> => {
    // Slower where the scenario measures how long a client waits, because a busy machine looks like a client that waits.
    const isMeasured = scenarios.some(({ id, must }) => id === flaw && must === 'wait');
    const inDetail = flaw.startsWith('device') || habits.timeout !== undefined ? 4 : usualPace;
    const pace = isMeasured ? 2 : inDetail;
    const isMcp = only.some(id => id.startsWith('mcp'));
    const issuer = habits.secret === undefined ? mock : await startMock(habits.secret);
    const start = processes === undefined ? startSampleClient : startTwoProcesses;
    const client = isMcp
      ? await startSampleMcp(`${mock.issuer}/api`, flaw)
      : await start({
          issuer: issuer.issuer,
          second: issuer.issuers[1]?.issuer ?? '',
          flaw,
          pace,
          port: clientPort,
          modern: only.some(id => modern.includes(id)),
          ...habits,
        });
    const { origin } = client;
    const target = { start: `${origin}/login`, signedIn: `${origin}/me` };
    const all = {
      logout: `${origin}/logout`,
      resource: `${origin}/api`,
      secondStart: `${origin}/login2`,
      device: `${origin}/device`,
    };
    try {
      return await torture(issuer, {
        ...target,
        ...(isMcp ? { mcp: true } : all),
        // Longer than the client waits, also when it tries again.
        patience: habits.timeout === undefined ? 1_500 : (habits.retries ? 3 : 2) * habits.timeout,
        pace,
        // A flaw is caught on any machine, as nothing explains it but the client.
        ...(flaw !== '' && { takePulse: () => still }),
        ...(only.length > 0 && { scenarios: only }),
      });
    } finally {
      await client.close();
      if (issuer !== mock) await issuer.close();
    }
  };

  const mcpScenarios = scenarios.filter(({ needs }) => needs === 'mcp').length;

  it('passes a correct client in every scenario', async () => {
    const right = await run('');
    const others = [await run('', modern), await run('', ['mcp'])];
    const passed = (report: TortureReport) =>
      report.results.filter(({ verdict }) => verdict === 'pass').map(({ id }) => id);
    assert.deepEqual(
      right.results.filter(({ id, verdict }) => verdict !== 'pass' && !modern.includes(id)),
      [],
    );
    assert.deepEqual(new Set([right, ...others].flatMap(passed)), new Set(scenarios.map(({ id }) => id)));
    // Features that only some clients have count neither as passed nor as failed for the others.
    const plain = right.results.filter(({ id }) => modern.includes(id)).map(({ verdict }) => verdict);
    assert.deepEqual(plain.sort(), ['not exercised', 'not exercised', 'warning']);
  });

  for (const { id, severity } of scenarios)
    it(`catches a client that violates only this scenario: ${id}`, async () => {
      const [result] = (await run(id, [id])).results;
      const expected = id === 'token.stalled' ? 'hung' : severity === 'must' ? 'fail' : 'warning';
      assert.equal(result?.verdict, expected, `${result?.verdict}: ${result?.detail}`);
    });

  it('takes no other token request of the client for one of the visitor', async () => {
    // As of a device that polls, or of a job with tokens of its own.
    const stray = async (grant_type: string) => {
      const body = new URLSearchParams({ grant_type, client_id: 'demo', device_code: 'unknown' });
      await fetch(`${mock.issuer}/token`, { method: 'POST', body }).then(response => response.text());
    };
    const grants = ['urn:ietf:params:oauth:grant-type:device_code', 'client_credentials'];
    let over = false;
    const others = (async () => {
      while (!over) for (const grant of grants) await stray(grant);
    })();
    try {
      const limited = ['refresh.retry-after', 'refresh.other-subject', 'refresh.unavailable'];
      const verdicts = (await run('', limited)).results.map(({ id, verdict }) => `${id}: ${verdict}`);
      assert.deepEqual(verdicts.sort(), limited.map(id => `${id}: pass`).sort());
      const [caught] = (await run('refresh.other-subject', ['refresh.other-subject'])).results;
      assert.equal(caught?.verdict, 'warning', caught?.detail);
    } finally {
      over = true;
      await others;
    }
  });

  it('judges a client that waits for two devices by the polls of each', async () => {
    const { results } = await run('', ['device'], { beside: 'device' });
    const verdicts = results.map(({ id, verdict, detail = '' }) => `${id}: ${verdict} ${detail}`.trim());
    assert.deepEqual(verdicts, [
      'device.good: pass',
      'device.interval: pass',
      'device.slow-down: pass',
      'device.denied: pass',
      'device.expired: pass',
    ]);
  });

  it('warns of a session that a repeated callback ended, also if the client did not send the code again', async () => {
    const [result] = (await run('', ['answer.twice'], { endsAtRepeat: true })).results;
    assert.deepEqual([result?.verdict, result?.detail], ['warning', 'the session ended']);
  });

  it('knows endpoints by any path, and that some issuers name no audience', async () => {
    const genauth = await startMock(undefined, 'genauth');
    const client = await startSampleClient({ issuer: genauth.issuer, port: clientPort, pace: usualPace });
    const { origin } = client;
    const target = { start: `${origin}/login`, signedIn: `${origin}/me`, logout: `${origin}/logout` };
    const cognito = await startMock(undefined, 'cognito');
    // The mock's own API stands for one that is right.
    const api = { start: origin, resource: `${cognito.issuer}/api`, scenarios: ['resource.good', 'resource.aud'] };
    try {
      const reports = [await torture(genauth, { ...target, scenarios: ['logout'] }), await torture(cognito, api)];
      const results = reports.flatMap(each => each.results);
      const verdicts = results
        .filter(({ id }) => /ends|hint|^resource/.test(id))
        .map(({ id, verdict }) => `${id}: ${verdict}`);
      assert.deepEqual(verdicts, [
        'logout.ends: pass',
        'logout.hint: pass',
        'resource.good: pass',
        'resource.aud: not exercised',
      ]);
    } finally {
      await client.close();
      await genauth.close();
      await cognito.close();
    }
  });

  it('makes tokens for an API in the same way for every client authentication', async () => {
    const [secret, id] = [{ method: 'client_secret_post', text: 'of a test' } as const, 'resource.signature'];
    const [right, wrong] = [await run('', [id], { secret }), await run(id, [id], { secret })];
    assert.deepEqual(
      [right, wrong].map(({ results }) => results[0]?.verdict),
      ['pass', 'fail'],
    );
  });

  for (const [then, verdict] of [
    ['ends the session', 'ok'],
    ['stays signed in', 'the client accepted the response'],
  ] as const)
    it(`looks again when the earlier token of a client that renews early has expired: one that ${then} then`, async () => {
      const asked = { form: { response_type: 'code', scope: 'openid' } };
      const refresh = { grant_type: 'refresh_token', sid: 'of the visitor' };
      const requests: object[] = [asked, { grant_type: 'authorization_code' }, refresh];
      const faults: object[] = [];
      let seconds = 0;
      let struckAt = Number.POSITIVE_INFINITY;
      const bench = {
        mock: { setFault: (fault: { type: string }) => void faults.push(fault) },
        target: {},
        signIn: async () => true,
        async isSignedIn() {
          // It renews at the moment in which the fault is set. Its earlier token is valid for another second, and it
          // counts whole seconds.
          if (faults.length > 1 && struckAt > seconds) {
            struckAt = seconds;
            requests.push({ ...refresh, faults: ['wrongIss'] });
          }
          return then === 'stays signed in' || seconds < struckAt + 2;
        },
        async pass(more = 1) {
          seconds += more;
        },
        requests: () => requests.map(each => ({ faults: [], ...each })),
      } as unknown as ScenarioParts;
      const outcome = await scenarios.find(({ id }) => id === 'refresh.other-issuer')?.run(bench);
      assert.ok(outcome && 'ok' in outcome);
      assert.equal(outcome.ok ? 'ok' : outcome.detail.text, verdict);
    });

  // Each takes more than ten seconds, as they wait in real time.
  const inSlowRuns = process.env[slowVariable] ? it : it.skip;

  for (const [name, { habits, notExercised = [] }] of Object.entries(rightClients))
    inSlowRuns(`raises no false alarm with a right client that ${name}`, async () => {
      const { results } = await run('', [], { timeout: 750, ...habits });
      const others = results.filter(({ id, verdict }) => verdict !== 'pass' && !modern.includes(id));
      const told = others.map(({ id, verdict, detail }) => `${id}: ${verdict}, ${detail}`);
      assert.deepEqual(
        told.filter(each => !notExercised.some(id => each.startsWith(`${id}: not exercised`))),
        [],
      );
      assert.equal(results.length, scenarios.length - mcpScenarios);
    });

  inSlowRuns('comes to the point of every refresh with a client that renews on its own schedule', async () => {
    const { results } = await run('', ['refresh'], { renews: true, timeout: 10_000 });
    const others = results.filter(({ verdict }) => verdict !== 'pass').map(({ id, verdict }) => `${id}: ${verdict}`);
    // Its token is always fresh when the five requests come, unless the machine is slow.
    assert.deepEqual(
      others.filter(each => each !== 'refresh.at-once: not exercised'),
      [],
    );
    for (const flaw of ['refresh.revoked', 'refresh.retry-after', 'refresh.other-issuer']) {
      const [result] = (await run(flaw, [flaw], { renews: true, timeout: 10_000 })).results;
      assert.match(String(result?.verdict), /fail|warning/, `${flaw}: ${result?.verdict}`);
    }
  });

  it('lets a driver walk, within a time limit', async () => {
    const client = await startSampleClient({ issuer: mock.issuer, port: clientPort, pace: usualPace });
    const { origin } = client;
    const browser = createBrowser(1_500, send);
    const isSignedIn = async () => (await browser.look(`${origin}/me`)).status === 200;
    const driver: Driver = {
      async signIn(start) {
        browser.forget();
        await browser.visit(start);
        return isSignedIn();
      },
      isSignedIn,
      signOut: async () => void (await browser.visit(`${origin}/logout`)),
    };
    const scenarios = ['sign-in', 'id-token.iss', 'refresh.rotation', 'logout', 'answer.twice'];
    const drive = (given: Driver, patience: number) =>
      torture(mock, { start: `${origin}/login`, driver: given, scenarios, patience, pace: usualPace });
    const verdicts = ({ results }: TortureReport) => results.map(({ id, verdict }) => `${id}: ${verdict}`);
    try {
      // Scenarios that need the built-in browser are left out.
      assert.deepEqual(verdicts(await drive(driver, 1_500)), [
        'sign-in: pass',
        'id-token.iss: pass',
        'refresh.rotation: pass',
        'logout.ends: pass',
        'logout.hint: pass',
      ]);
      const stuck = { ...driver, signIn: () => new Promise<boolean>(() => {}) };
      assert.ok((await drive(stuck, 50)).results.every(({ verdict }) => verdict === 'hung'));
      // The timeout of what drives a browser may be shorter than the patience.
      const impatient = {
        ...driver,
        signIn: () => Promise.reject(new DOMException('30000 ms exceeded', 'TimeoutError')),
      };
      assert.ok((await drive(impatient, 1_500)).results.every(({ verdict }) => verdict === 'hung'));
    } finally {
      await client.close();
    }
  });

  it('sends the request headers of a browser, so that clients do not treat it as a script', async () => {
    // Apache's mod_auth_openidc and others answer a script with 401 instead of the redirect to the issuer.
    const server = await loopbackServer(({ path, headers, body }, response) => {
      const { 'sec-fetch-mode': mode, accept } = headers;
      if (mode !== 'navigate' || !accept?.startsWith('text/html')) response.writeHead(401).end();
      else if (path === '/') response.writeHead(302, { location: '/form', 'set-cookie': ['a=1', 'b=2'] }).end();
      else if (path === '/form')
        response.end(
          '<form method="post" action="/end"><input type="hidden" name="x" value="&lt;">document.forms[0].submit()',
        );
      else response.end(`${headers.cookie} ${headers['content-type']} ${headers.origin} ${body}`);
    });
    const { origin } = server;
    try {
      const page = await createBrowser(1_500, send).visit(origin);
      assert.equal(page.status, 200);
      assert.equal(page.body, `a=1; b=2 application/x-www-form-urlencoded ${origin} x=%3C`);
    } finally {
      await server.close();
    }
  });

  it('goes on where a program has stopped listening after its callback, and fails where nobody ever listened', async () => {
    const server = await loopbackServer((_, response) => response.end('Signed in'));
    const browser = createBrowser(1_500, send);
    const callback = `${server.origin}/callback?code=1`;
    assert.equal((await browser.visit(callback)).status, 200);
    assert.equal((await browser.look(`${server.origin}/me`)).status, 200);
    await server.close();
    // A client that has crashed is not one that refuses.
    await assert.rejects(browser.look(`${server.origin}/me`), { code: 'ECONNREFUSED' });
    assert.equal((await browser.visit(callback)).status, 410);
    await assert.rejects(browser.visit(`${server.origin}/login`), { code: 'ECONNREFUSED' });
  });

  it('ignores what follows a whole response, as browsers do', async () => {
    const response = (body: string) =>
      `HTTP/1.1 400 Bad Request\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
    const server = createServer(socket => {
      socket.once('data', () => socket.end(`${response('first')}<!DOCTYPE html><p>second`));
      socket.on('error', () => {});
    });
    await new Promise<void>(resolve => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const page = await createBrowser(1_500, send).visit(`http://127.0.0.1:${Object(server.address()).port}/`);
    server.close();
    assert.deepEqual([page.status, page.body], [400, 'first']);
  });

  it('does not blame a client that keeps its keys for that again', async () => {
    const { results } = await run('keys.rotated', ['sign-in', 'keys.rotated', 'token.no-expiry', 'refresh.rotation']);
    assert.deepEqual(
      results.map(({ verdict }) => verdict),
      ['pass', 'warning', 'pass', 'pass'],
    );
  });

  it('reports steps that the client never reached as not exercised', async () => {
    // It signs nobody in, and so refuses everything.
    const { counts } = await run('sign-in', ['sign-in', 'id-token.iss', 'id-token.nonce', 'answer.error']);
    assert.equal(counts.pass, 0);
    assert.ok(counts['not exercised'] >= 2);
    const [result] = (await torture(mock, { start: `${mock.issuer}/nothing`, scenarios: ['id-token.iss'] })).results;
    assert.equal(result?.verdict, 'not exercised');
    await assert.rejects(torture(mock, { start: mock.issuer, scenarios: ['gremlins'] }), /scenario: one of sign-in/);
  });

  /** The report on a client that passes every scenario. */
  const flawless: TortureReport = {
    start: 'http://127.0.0.1:8080/login',
    results: scenarios.map(({ id, family, title, must, severity, section }) => {
      return { id, family, title, must, severity, section, verdict: 'pass', milliseconds: 1 };
    }),
    counts: { pass: scenarios.length, fail: 0, warning: 0, 'not exercised': 0, 'not judged': 0, hung: 0 },
  };

  it('writes reports for people and build servers, with any text escaped', async () => {
    const hostile = '<script>"&\u0000';
    const turning = '\u001b[2J\u202e[a](https://a.example)';
    const [first] = flawless.results;
    assert.ok(first);
    const report: TortureReport = {
      ...flawless,
      start: hostile,
      results: [...flawless.results, { ...first, id: 'x.y', verdict: 'fail', detail: hostile }],
    };
    // Titles may have a colon.
    assert.match(table(report), /fail +x\.y +[^–]+ – <script>/);
    assert.doesNotMatch(table(report), /--patience/);
    assert.match(table({ ...report, counts: { ...report.counts, hung: 1 } }), /1 hung\n.*--patience/);
    const turned = { ...report, results: [{ ...first, verdict: 'fail' as const, detail: turning }] };
    assert.doesNotMatch(table(turned), /(?!\n)[\p{Cc}\p{Cf}]/u);
    const html = formats.html(report);
    assert.ok(!html.includes('<script') && html.includes('&#60;script&#62;'));
    assert.ok(!/(?:src|href)="(?!#)/.test(html), 'nothing is fetched');
    assert.match(formats.junit(report), /failures="1"[\s\S]*<failure message="&#60;script&#62;&#34;&#38;\?"\/>/);
    const sarif = JSON.parse(formats.sarif(report));
    assert.match(JSON.parse(formats.sarif(turned)).runs[0].results[0].message.text, /\\\[a\\\]\(https/);
    assert.deepEqual([sarif.version, sarif.runs[0].results.at(-1).level], ['2.1.0', 'error']);
    assert.equal(JSON.parse(formats.json(report)).results.length, report.results.length);
  });

  it('tells what is worse than an accepted report from what is better, and advises to accept only the better', () => {
    const [first] = flawless.results;
    assert.ok(first);
    const compared = (before: Record<string, string>, now: Record<string, Verdict>) =>
      differences(
        compareWith(before, {
          ...flawless,
          results: Object.entries(now).map(([id, verdict]) => ({ ...first, id, verdict })),
        }),
      );
    const verdicts = ['pass', 'warning', 'fail', 'hung', 'not exercised', 'not judged'] as const;
    const better = verdicts.flatMap(before =>
      verdicts
        .filter(now => compared({ x: before }, { x: now }).some(line => line.startsWith('better')))
        .map(now => `${before} > ${now}`),
    );
    assert.deepEqual(better, [
      'warning > pass',
      'fail > pass',
      'fail > warning',
      'hung > pass',
      'hung > warning',
      'not exercised > pass',
      'not judged > pass',
    ]);
    for (const verdict of verdicts) assert.deepEqual(compared({ x: verdict }, { x: verdict }), []);
    assert.deepEqual(compared({ x: 'pass', y: 'fail' }, { x: 'not exercised', y: 'warning', z: 'fail' }), [
      'worse: x: not exercised, accepted: pass',
      'worse: z: fail, accepted: none',
      'better: y: warning, accepted: fail',
    ]);
    assert.deepEqual(compared({ x: 'hung' }, { x: 'pass' }), [
      'better: x: pass, accepted: hung',
      'Accept the new report (--json) instead, so that what is better now stays so.',
    ]);
    assert.deepEqual(compared({ x: 'pass', y: 'fail' }, { x: 'not judged', y: 'pass' }), [
      'better: y: pass, accepted: fail',
      'unknown: x: not judged, accepted: pass',
    ]);
  });

  it('tells a build that this machine was too busy to judge, by a count, a line and an exit code of its own', () => {
    const counts = { pass: 1, fail: 0, warning: 1, 'not exercised': 1, 'not judged': 1, hung: 0 };
    const { family = '', title = '', must = '', severity = '', section = '' } = scenarios[0] ?? {};
    const row = { id: 'sign-in', family, title, must, severity, section, milliseconds: 1 };
    const report = { start: 'x', counts, results: [{ ...row, verdict: 'not judged' as const, detail: 'too busy' }] };
    assert.match(table(report), /^not judged +sign-in .* – too busy\n/);
    assert.match(table(report), /\n1 pass, 1 warning, 1 not exercised, 1 not judged\n.*--scenario.*less busy/);
    assert.match(formats.html(report), /class="not-judged"[^>]*>\?</);
    assert.match(formats.junit(report), /failures="0" skipped="1"[\s\S]*<skipped message="not judged: too busy"/);
    assert.equal(JSON.parse(formats.sarif(report)).runs[0].results[0].level, 'note');
    const whole = { ...counts, 'not judged': 0 };
    const nothing = { worse: [], better: [], unjudged: [] };
    const worse = { ...nothing, worse: [{ id: 'x', verdict: 'warning', accepted: 'pass' }] } as const;
    assert.deepEqual(
      [
        exitCodeOf(counts, undefined),
        exitCodeOf(whole, undefined),
        exitCodeOf({ ...counts, fail: 1 }, undefined),
        exitCodeOf({ ...counts, hung: 1 }, undefined),
        exitCodeOf({ ...counts, fail: 1 }, nothing),
        exitCodeOf({ ...whole, fail: 1 }, nothing),
        exitCodeOf(counts, worse),
      ],
      [3, 0, 1, 1, 3, 0, 1],
    );
  });
});
