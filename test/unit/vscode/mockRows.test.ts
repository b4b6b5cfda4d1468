import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyRecord } from '../../../src/core/records/record.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import { type MockNode, type MockView, mockChildren, mockKey, mockParent } from '../../../src/core/view/mockView.ts';
import { type MockServer, startMockServer } from '../../../src/mock/nodeServer.ts';
import { type MockWatch, watchMock } from '../../../src/vscode/mockWatch.ts';
import type * as Rows from '../../../src/vscode/tree/items.ts';
import { type ManualClock, manualClock } from '../../support/manualClock.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

describe('the rows of the mock issuer', function () {
  this.timeout(60_000);
  let folder: string;
  let mockRow: typeof Rows.mockRow;
  let clock: ManualClock;
  let askedBy: 'user' | 'timer' | undefined;
  let changes = 0;
  let mock: MockServer;
  let watch: MockWatch;
  let refreshToken = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mock-rows-'));
    ({ mockRow } = await withoutVscode<typeof Rows>('tree/items', folder));
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    clock = manualClock(new Date(2026, 5, 1, 12, 0, 0).getTime());
    const sessions = createSessions();
    askedBy = undefined;
    changes = 0;
    mock = await startMockServer({ alg: 'ES256', users: [{ sub: 'ada', claims: { email: 'a@x' }, groups: ['ops'] }] });
    const common = { clientId: 'demo', autoRefresh: true, tokenEndpointAuthMethod: 'none' as const };
    const connection = { ...common, id: 'demo', label: 'Demo', issuer: mock.issuer };
    const plain = { dpop: false, pushedAuthorizationRequests: false };
    sessions.setConnections([{ connection: { ...connection, ...plain }, memoryOnly: true }], []);
    const { access_token, refresh_token = '' } = await mock.issueTokens();
    refreshToken = refresh_token;
    const tokens = { access_token, refresh_token, obtained_at: 0 };
    sessions.apply({ ...emptyRecord('demo'), generation: 1, binding: { client_id: 'demo' }, tokens });
    const refresher = { askedBy: () => askedBy };
    watch = watchMock({ server: mock, sessions, refresher, clock, onChange: () => void changes++ });
  });
  afterEach(async () => {
    watch.dispose();
    await mock.close();
  });

  const refresh = (refresh_token: string) =>
    fetch(`${mock.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'demo', refresh_token }),
    }).then(
      response => response.status,
      () => 'dropped',
    );

  /** Every row as text, indented. */
  function drawn(view: MockView): string[] {
    const below = (node: MockNode, depth: number): string[] => {
      const { label, description } = mockRow(node, view, clock.now());
      const line = `${'  '.repeat(depth)}${label}: ${description ?? ''}`.replace(/127\.0\.0\.1:\d+/, 'HOST');
      return [line, ...mockChildren(node, view).flatMap(child => below(child, depth + 1))];
    };
    return below({ kind: 'mock', part: 'issuer' }, 0);
  }

  it('say that no fault is set and no request has arrived', () => {
    assert.deepEqual(drawn(watch.view()), [
      'Mock issuer: no faults, HOST',
      '  Faults: none set',
      '  Requests: none yet',
      '  Clock: as on this computer',
      '  Users: ada',
      '    ada: ops',
    ]);
  });

  it('show the faults and what used them up: an automatic refresh uses none up unseen', async () => {
    mock.setFault({ type: 'tooManyRequests', times: 1 });
    mock.setFault({ type: 'delay', ms: 1, at: 'jwks' });
    watch.changed();
    assert.deepEqual(drawn(watch.view()).slice(0, 4), [
      'Mock issuer: 2 faults set, HOST',
      '  Faults: Too many requests (429), Delayed response',
      '    Too many requests (429): next request',
      '    Delayed response: until cleared',
    ]);
    askedBy = 'timer';
    assert.equal(await refresh(refreshToken), 429);
    assert.deepEqual(drawn(watch.view()).slice(0, 6), [
      'Mock issuer: 1 fault set, HOST',
      '  Faults: Delayed response',
      '    Delayed response: until cleared',
      '    Too many requests (429): used up by automatic refresh of Demo at 12:00:00',
      '  Requests: last: POST /token 429, automatic refresh of Demo',
      '    POST /token: 429, automatic refresh of Demo, 12:00:00, fault: Too many requests (429)',
    ]);
    watch.forgetSpent();
    assert.equal(watch.view().spent.length, 0);
  });

  it('name the connection or the client, if known, and contain no secret', async () => {
    mock.setFault({ type: 'delay', ms: 1, at: 'jwks' });
    askedBy = 'user';
    assert.equal(await refresh(refreshToken), 200);
    askedBy = undefined;
    assert.equal(await refresh('never-issued'), 400);
    await fetch(`${mock.issuer}/jwks`);
    mock.setFault({ type: 'dropBeforeCommit', times: 1, at: 'token' });
    assert.equal(await refresh('never-issued'), 'dropped');
    const lines = drawn(watch.view()).filter(line => /^ {4}(?:POST|GET)/.test(line));
    assert.deepEqual(lines.slice(0, 4), [
      '    POST /token: connection dropped, client demo, 12:00:00, fault: Connection lost before the request is handled',
      '    GET /jwks: 200, 12:00:00, fault: Delayed response',
      '    POST /token: 400 invalid_grant, client demo, 12:00:00',
      '    POST /token: 200, Demo, 12:00:00',
    ]);
    assert.ok(!JSON.stringify(watch.view()).includes(refreshToken));
    assert.ok(!JSON.stringify(watch.view()).includes('never-issued'));
  });

  it('tell the clock as it was moved or stopped', () => {
    const clockRow = () => drawn(watch.view()).find(line => line.startsWith('  Clock'));
    mock.clock.advance(2 * 3600_000);
    assert.equal(clockRow(), '  Clock: 2 h ahead of this computer');
    mock.clock.freeze(clock.now());
    assert.equal(clockRow(), '  Clock: stopped at 12:00:00');
    mock.clock.reset();
    assert.equal(clockRow(), '  Clock: as on this computer');
  });

  it('are told of in one go, have a place each and lead back to the row of the mock', async () => {
    mock.setFault({ type: 'tooManyRequests', times: 1 });
    mock.setFault({ type: 'delay', ms: 1, at: 'jwks' });
    assert.equal(await refresh(refreshToken), 429);
    watch.changed();
    clock.advance(1000);
    changes = 0;
    await Promise.all([1, 2, 3].map(() => fetch(`${mock.issuer}/jwks`)));
    clock.advance(1000);
    assert.equal(changes, 1);
    const all: MockNode[] = [{ kind: 'mock', part: 'issuer' }];
    for (const node of all) all.push(...mockChildren(node, watch.view()));
    assert.equal(new Set(all.map(mockKey)).size, all.length);
    for (const node of all) {
      let top = node;
      for (let up = mockParent(top); up !== undefined; up = mockParent(up)) top = up;
      assert.equal(mockKey(top), '~mock');
      assert.doesNotMatch(mockRow(node, watch.view(), clock.now()).label, /\{\d\}/);
    }
    const testing = { ...watch.view(), testing: { done: 3, count: 44 } };
    assert.match(drawn(testing)[0] ?? '', /testing a client, 3 of 44/);
  });
});
