import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Check } from '../../../../src/core/checks/finding.ts';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import { emptyRecord, type StoredRecord } from '../../../../src/core/records/record.ts';
import { badgeOf, createSessions, endOf, type Session, tokenOf } from '../../../../src/core/records/sessions.ts';
import type { TokenSet } from '../../../../src/core/records/tokenSet.ts';
import { checkNodes, childrenOf, groupMembers, rootNodes } from '../../../../src/core/view/sessionView.ts';
import { keyOf, parentOf, type ViewNode } from '../../../../src/core/view/viewNode.ts';
import { id, present, signedIn } from '../refresh/refreshWorld.ts';

function jwt(claims: object, header: object = { alg: 'RS256' }): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.c2ln`;
}

const jwe = `${Buffer.from('{"alg":"dir","enc":"A128GCM"}').toString('base64url')}..YWFh.YWFh.YWFh`;

function session(tokens: Partial<TokenSet> | undefined, more: Partial<Session> = {}): Session {
  const record: StoredRecord | undefined = tokens && {
    ...emptyRecord('a'),
    generation: 4,
    binding: { client_id: 'demo' },
    tokens: { obtained_at: 1, ...tokens },
  };
  return {
    connection: {
      id: 'a',
      label: 'A',
      clientId: 'demo',
      tokenEndpointAuthMethod: 'none',
      autoRefresh: true,
      dpop: false,
      pushedAuthorizationRequests: false,
    },
    memoryOnly: false,
    refreshing: false,
    failures: 0,
    ...(record && { record }),
    ...more,
  };
}

/** Every node of a session, parents first. Asserts that each knows its parent. */
function walk(of: Session): ViewNode[] {
  const below = (node: ViewNode): ViewNode[] =>
    childrenOf(node, of).flatMap(child => {
      const parent = parentOf(child);
      assert.equal(parent && keyOf(parent), keyOf(node), `the parent of ${keyOf(child)}`);
      return [child, ...below(child)];
    });
  const top: ViewNode = { kind: 'connection', id: of.connection.id };
  return [top, ...below(top)];
}

/** Short names of the nodes. */
const kinds = (nodes: readonly ViewNode[]) =>
  nodes.map(node => ('message' in node ? node.message : 'fact' in node ? node.fact : node.kind));

describe('the tree of a connection', () => {
  it('say of an access token that it is bound to a key, an opaque one too', () => {
    const isBound = (tokens: Partial<TokenSet>) =>
      walk(session(tokens)).some(node => node.kind === 'fact' && node.fact === 'bound');
    assert.equal(isBound({ access_token: 'opaque', token_type: 'dpop' }), true);
    assert.equal(isBound({ access_token: jwt({ cnf: { jkt: 'a' } }) }), true);
    assert.equal(isBound({ access_token: jwt({}), token_type: 'Bearer' }), false);
  });

  it('has one place for each thing, and the same after a refresh', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const now = () => present(world.first.sessions.get(id));
    await world.first.refresh();
    const before = walk(now()).map(keyOf);
    assert.equal(new Set(before).size, before.length);
    world.forward(60_000);
    await world.first.refresh();
    assert.deepEqual(walk(now()).map(keyOf), before);
  });

  for (const [name, tokens] of [
    ['two opaque tokens', { access_token: 'opaque', id_token: 'opaque' }],
    ['two encrypted tokens', { access_token: jwe, id_token: jwe }],
    ['two that cannot be decoded', { access_token: 'eyJhbGciOiJub25lIn0', id_token: 'eyJhbGciOiJub25lIn0' }],
    ['claims of odd names', { access_token: jwt({ 'a/b': { '': 1 }, a: { 'b"': [[1], [1]] }, '': {}, '0': [0] }) }],
    [
      'the same names in header and claims',
      { access_token: jwt({ alg: 1, typ: { a: 1 } }, { alg: 'x', typ: { a: 1 } }) },
    ],
    ['all three', { access_token: jwt({ exp: 1 }), id_token: jwt({ exp: 'x' }), refresh_token: jwt({ exp: 1 }) }],
  ] as const) {
    it(`has one place for each thing: ${name}`, () => {
      const keys = walk(session(tokens)).map(keyOf);
      assert.equal(new Set(keys).size, keys.length, keys.join('\n'));
    });
  }

  it('has one place for each thing, whatever the claims are', () => {
    const claims = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 });
    fc.assert(
      fc.property(claims, claims, (access, idToken) => {
        const keys = walk(session({ access_token: jwt(access), id_token: jwt(idToken) })).map(keyOf);
        assert.equal(new Set(keys).size, keys.length);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it('shows a repeated flaw once', () => {
    const payload = Buffer.from('{"a":1,"a":2,"a":3}').toString('base64url');
    const token = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${payload}.c2ln`;
    const nodes = childrenOf({ kind: 'token', id: 'a', name: 'access_token' }, session({ access_token: token }));
    assert.equal(kinds(nodes).filter(kind => kind === 'warning').length, 1);
  });

  it('says that an ID token is older than what the last refresh brought', () => {
    for (const left of [true, undefined] as const) {
      const of = session({ id_token: jwt({ exp: 1 }), ...(left && { id_token_left_out: left }) });
      const nodes = childrenOf({ kind: 'token', id: 'a', name: 'id_token' }, of);
      assert.equal(
        nodes.some(node => node.kind === 'message' && node.message === 'left_out'),
        left === true,
      );
    }
  });

  it('offers to sign in where there is an issuer to sign in at', () => {
    const { connection, ...rest } = session(undefined);
    const at = { ...rest, connection: { ...connection, issuer: 'https://a.example' } };
    const messages = childrenOf({ kind: 'connection', id: 'a' }, at).map(node =>
      node.kind === 'message' ? node.message : node.kind,
    );
    assert.deepEqual(messages, ['sign_in', 'no_tokens']);
  });

  it('never holds a refresh token', () => {
    const nodes = walk(session({ access_token: jwt({ exp: 1 }), refresh_token: 'canary' }));
    assert.doesNotMatch(JSON.stringify(nodes), /canary/);
  });

  const failure = new WorkbenchError('timeout', { sent: true });
  const lastRefresh = { at: 1, duration: 1, outcome: 'unknown', error: failure } as const;
  const refused = { generation: 4, error: 'invalid_grant', at: 1 };
  const withRefused = { ...present(session({ refresh_token: 'r' }).record), refused };
  const intent = { generation: withRefused.generation, at: 1, retried: true } as const;
  const withSpent = { ...present(session({ refresh_token: 'r' }).record), intent };
  for (const [name, of, expected] of [
    ['nothing is stored', session(undefined), ['no_tokens']],
    ['the record is empty', session(undefined, { record: emptyRecord('a') }), ['no_tokens']],
    ['a refresh token is refused', session(undefined, { record: withRefused }), ['refused', 'token']],
    ['two answers were lost', session(undefined, { record: withSpent }), ['unanswered', 'token']],
    ['a refresh failed', session({ access_token: 'x' }, { lastRefresh }), ['last_refresh', 'token']],
    [
      'a refresh was cancelled',
      session({ access_token: 'x' }, { lastRefresh: { ...lastRefresh, error: new WorkbenchError('cancelled') } }),
      ['token'],
    ],
    [
      'the store fails: what is known stays',
      session({ access_token: 'x' }, { problem: failure }),
      ['storage', 'token'],
    ],
    ['the store fails and nothing is known: not "no tokens"', session(undefined, { problem: failure }), ['storage']],
  ] as const) {
    it(`says why: ${name}`, () => {
      const nodes = childrenOf({ kind: 'connection', id: 'a' }, of);
      assert.deepEqual(
        kinds(nodes).filter(kind => kind !== 'next'),
        expected,
      );
    });
  }

  it('shows times that a calendar has, and only of claims that are times', () => {
    const claims = { exp: 1_700_000_000, iat: 1e15, nbf: 'x', auth_time: -1, custom: 1_700_000_000 };
    const section = { kind: 'section', id: 'a', name: 'access_token', section: 'claims' } as const;
    const nodes = childrenOf(section, session({ access_token: jwt(claims) }));
    const times = nodes.map(node => (node.kind === 'claim' ? [node.path[0], node.time] : []));
    assert.deepEqual(times, [
      ['exp', 1_700_000_000_000],
      ['iat', undefined],
      ['nbf', undefined],
      ['auth_time', -1000],
      ['custom', undefined],
    ]);
  });

  it('shows of very many members the first 200, at every level', () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`a${i}`, i]));
    const of = session({ access_token: jwt({ ...many, z: 1 }), id_token: jwt({ inner: many }) });
    const claims = (name: 'access_token' | 'id_token') =>
      childrenOf({ kind: 'section', id: 'a', name, section: 'claims' }, of);
    assert.equal(claims('access_token').length, 200);
    assert.equal(childrenOf(present(claims('id_token')[0]), of).length, 200);
  });

  it('has no rows below a removed connection', () => {
    const token = { kind: 'token', id: 'a', name: 'access_token' } as const;
    assert.deepEqual(childrenOf(token, undefined), []);
    assert.deepEqual(childrenOf(token, session({})), []);
    assert.deepEqual(childrenOf({ ...token, kind: 'section', section: 'claims' }, session({})), []);
    assert.deepEqual(childrenOf({ ...token, kind: 'section', section: 'verification' }, session({})), []);
  });

  it('tells of a refresh token what may be seen', () => {
    const token = { kind: 'token', id: 'a', name: 'refresh_token' } as const;
    const times = { refresh_token_stored_at: 5, refresh_token_last_used_at: 6, refresh_expires_at: 7 };
    const some = childrenOf(token, session({ refresh_token: 'r', ...times }));
    assert.deepEqual(kinds(some), ['generation', 'stored', 'last_used', 'expires']);
    assert.deepEqual(kinds(childrenOf(token, session({ refresh_token: 'r' }))), [
      'generation',
      'last_used',
      'expiry_unknown',
    ]);
  });
});

describe('roots', () => {
  it('shows problems first, each once', () => {
    const sessions = createSessions();
    const { connection } = session(undefined);
    const problem = { severity: 'error', index: 0, field: 'issuer', code: 'missing' } as const;
    sessions.setConnections([{ connection, memoryOnly: false }], [problem, { ...problem }, { ...problem, index: 1 }]);
    const nodes = rootNodes(sessions);
    assert.deepEqual(kinds(nodes), ['problem', 'problem', 'connection']);
    assert.equal(new Set(nodes.map(keyOf)).size, 3);
    assert.deepEqual(nodes.map(parentOf), [undefined, undefined, undefined]);
    assert.deepEqual(childrenOf(present(nodes[0]), undefined), []);
  });
});

describe('groups', () => {
  it('stand where their first connection stands, and hold the others', () => {
    const sessions = createSessions();
    const { connection } = session(undefined);
    const listed = ([id, group]: readonly [string, string?]) => ({
      connection: { ...connection, id, ...(group && { group }) },
      memoryOnly: false,
    });
    const all = [['a'], ['b', 'staging'], ['c', 'live'], ['d', 'staging'], ['e']] as const;
    sessions.setConnections(all.map(listed), []);
    assert.deepEqual(rootNodes(sessions).map(keyOf), ['a', '#staging', '#live', 'e']);
    const members = groupMembers(sessions, 'staging');
    assert.deepEqual(members.map(keyOf), ['b', 'd']);
    for (const member of members) assert.equal(keyOf(present(parentOf(member))), '#staging');
  });
});

describe('checkNodes', () => {
  const check = (name: string, status: Check['status']) => ({ id: name, status }) as Check;

  it('puts what went wrong first and what was skipped last, in one row', () => {
    const checks = [
      check('a', 'passed'),
      check('b', 'skipped'),
      check('c', 'warning'),
      check('d', 'failed'),
      check('e', 'skipped'),
    ];
    const nodes = checkNodes('a', 'access_token', checks);
    assert.deepEqual(
      nodes.map(node => (node.kind === 'check' ? node.check.id : node.kind)),
      ['d', 'c', 'a', 'skipped'],
    );
    const last = present(nodes.at(-1));
    const below = childrenOf(last, session({}));
    assert.equal(below.length, 2);
    assert.equal(new Set([...nodes, ...below].map(keyOf)).size, 6);
  });

  it('does not put an unchecked signature aside', () => {
    const nodes = checkNodes('a', 'id_token', [check('iss', 'passed'), check('signature', 'skipped')]);
    assert.deepEqual(kinds(nodes), ['check', 'check']);
  });
});

describe('endOf and badgeOf', () => {
  it('take the expiry from the token or from the response', () => {
    const of = session({
      access_token: 'a',
      id_token: jwt({ exp: 5 }),
      refresh_token: 'r',
      expires_at: 3,
      refresh_expires_at: 4,
    });
    const names = ['access_token', 'refresh_token', 'id_token'] as const;
    assert.deepEqual(
      names.map(name => endOf(of, name)),
      [3, 4, 5000],
    );
    assert.deepEqual(
      names.map(name => endOf(session(undefined), name)),
      [undefined, undefined, undefined],
    );
    assert.equal(endOf(session({ id_token: 'eyJhbGciOiJub25lIn0' }), 'id_token'), undefined);
    assert.equal(tokenOf(of, 'refresh_token'), 'r');
    assert.deepEqual(badgeOf(of, 1), { state: 'active', remaining: 2 });
    assert.deepEqual(badgeOf(session(undefined), 1), { state: 'none' });
  });
});
