import assert from 'node:assert/strict';
import {
  type Broker,
  type BrokerParts,
  type Consent,
  createBroker,
  createConsents,
} from '../../../../src/core/broker/broker.ts';
import type { Asker } from '../../../../src/core/records/sessions.ts';
import type { MockIssuerOptions } from '../../../../src/mock/options.ts';
import { dataOf, failureOf } from '../../../support/failureOf.ts';
import { gate, id, present, signedIn, testStore } from '../refresh/refreshWorld.ts';

const terminal: Asker = { kind: 'workspace', uri: 'file:///work' };

async function brokerWorld(options: MockIssuerOptions = {}, parts: Partial<BrokerParts> = {}) {
  const world = await signedIn({ accessTokenLifetime: 300, rotation: 'strict', ...options });
  const { sessions, refresher } = world.first;
  const questions: string[] = [];
  let answer: Consent | undefined = 'session';
  const secrets = testStore();
  const log = (...entry: unknown[]) => void logged.push(entry);
  const logged: unknown[] = [];
  const consentsOf = () =>
    createConsents({
      secrets,
      log,
      async ask(asker, connection, purpose) {
        questions.push(`${asker.kind} ${connection} ${purpose}`);
        return answer;
      },
    });
  const consents = consentsOf();
  const broker: Broker = createBroker({
    sessions,
    refresher,
    consents,
    clock: world.clock,
    log,
    isTrusted: () => true,
    proof: async (_, __, url, method) => `proof for ${method} ${url}`,
    ...parts,
  });
  return {
    ...world,
    broker,
    consents,
    consentsOf,
    secrets,
    questions,
    logged,
    answers(given: Consent | undefined) {
      answer = given;
    },
    current: () => present(sessions.get(id)?.record?.tokens?.access_token),
  };
}

describe('the broker', () => {
  it('gives the stored token while it is valid long enough, and sends nothing', async () => {
    const { broker, current, posts, clock } = await brokerWorld();
    const answer = await broker.token(terminal, { connection: id, purpose: 'jwtw token' });
    assert.equal(answer.token, current());
    assert.deepEqual([answer.connection, answer.type], [id, 'Bearer']);
    assert.ok(present(answer.expiresAt) > clock.now());
    assert.equal(posts().length, 0);
  });

  it('refreshes first if the remaining time is too short, once for all simultaneous callers', async () => {
    const { broker, forward, posts, current } = await brokerWorld();
    const before = current();
    forward(280_000);
    const answers = await Promise.all(Array.from({ length: 50 }, () => broker.token(terminal, { connection: id })));
    assert.equal(posts().length, 1);
    assert.notEqual(current(), before);
    assert.deepEqual([...new Set(answers.map(({ token }) => token))], [current()]);
  });

  it('keeps to a longer wish, and says where an issuer cannot meet it', async () => {
    const { broker, posts } = await brokerWorld();
    await broker.token(terminal, { minTtl: 299 });
    assert.equal(posts().length, 0);
    const error = await failureOf(broker.token(terminal, { minTtl: 3600 }));
    assert.equal(error.code, 'lifetime_too_short');
    assert.deepEqual([dataOf(error).left, dataOf(error).wanted], [300, 3600]);
    assert.equal(posts().length, 1, 'a new token could have been longer');
    assert.equal((await failureOf(broker.token(terminal, { minTtl: 3600 }))).code, 'lifetime_too_short');
    assert.equal(posts().length, 1, 'and is known not to be');
  });

  it('asks an issuer of tokens that end at once not more often than every three seconds, however often it is asked', async () => {
    const { broker, posts, forward, next } = await brokerWorld();
    forward(301_000);
    for (const sent of [1, 1, 1, 2, 2]) {
      if (sent > posts().length) {
        forward(3000);
        next({ type: 'expiresIn', literal: '0' });
      }
      const error = await failureOf(broker.token(terminal, { connection: id, minTtl: 1 }));
      assert.equal(error.code, 'lifetime_too_short');
      assert.equal(posts().length, sent);
    }
  });

  it('accepts a token whose lifetime is below the usual minimum', async () => {
    const { broker, posts, forward } = await brokerWorld({ accessTokenLifetime: 20 });
    for (const sent of [0, 0, 1, 1]) {
      const { token } = await broker.token(terminal, { connection: id });
      assert.equal(token.split('.').length, 3);
      assert.equal(posts().length, sent);
      if (posts().length === 0) forward(6_000);
    }
  });

  it('passes on why a refresh failed, and gives no token', async () => {
    const { broker, first, forward, next } = await brokerWorld();
    forward(301_000);
    next({ type: 'emptyBadRequest' });
    const error = await failureOf(broker.token(terminal, { connection: id }));
    assert.equal(error.code, 'http_error');
    assert.equal(first.sessions.get(id)?.handOuts, undefined);
  });

  it('asks once for each pair of asker and connection, however many ask meanwhile', async () => {
    const { broker, questions } = await brokerWorld();
    await Promise.all([1, 2, 3].map(() => broker.token(terminal, { connection: id, purpose: 'jwtw exec npm' })));
    await broker.token(terminal, { connection: id });
    await broker.token({ kind: 'workspace', uri: 'file:///other' }, { connection: id });
    await broker.token({ kind: 'machine' }, { connection: id });
    assert.deepEqual(questions, [`workspace ${id} jwtw exec npm`, `workspace ${id} `, `machine ${id} `]);
  });

  for (const [given, code, asksAgain] of [
    ['denied', 'consent_denied', false],
    [undefined, 'consent_unanswered', true],
  ] as const)
    it(`refuses where the answer is ${given ?? 'none'}, before anything is sent`, async () => {
      const { broker, answers, questions, posts, forward } = await brokerWorld();
      forward(301_000);
      answers(given);
      assert.equal((await failureOf(broker.token(terminal, { connection: id }))).code, code);
      assert.equal((await failureOf(broker.token(terminal, { connection: id }))).code, code);
      assert.equal(questions.length, asksAgain ? 2 : 1);
      assert.equal(posts().length, 0);
    });

  it('hands out no token that no header can carry', async () => {
    for (const bad of ['a\r\nX-Injected: 1', 'a b', 'a\u0000', 'schlüssel', 'a\nhost=evil.example']) {
      const { broker, first } = await brokerWorld();
      await first.import({ access_token: bad, expires_in: 3600 });
      const failure = await failureOf(broker.token(terminal, { connection: id }));
      assert.deepEqual([failure.code, failure.data.token], ['token_not_sendable', 'access_token'], JSON.stringify(bad));
    }
  });

  it('asks again after another window has revoked what was allowed for always', async () => {
    const { broker, answers, consentsOf, questions } = await brokerWorld();
    answers('always');
    for (let turn = 0; turn < 2; turn++) await broker.token(terminal, { connection: id });
    assert.equal(questions.length, 1);
    const another = consentsOf();
    await another.revoke(present((await another.list())[0]));
    answers('denied');
    assert.equal((await failureOf(broker.token(terminal, { connection: id }))).code, 'consent_denied');
  });

  it('remembers "always" for this window where it cannot be stored', async () => {
    const { broker, answers, questions, secrets } = await brokerWorld();
    answers('always');
    secrets.hook = call => {
      if (call === 'store') throw new Error('no keyring');
    };
    for (let turn = 0; turn < 2; turn++) await broker.token(terminal, { connection: id });
    assert.equal(questions.length, 1);
  });

  it('remembers "always" beyond the window, "session" not, and forgets what is revoked', async () => {
    const { broker, answers, consents, consentsOf, secrets } = await brokerWorld();
    answers('session');
    await broker.token(terminal, { connection: id });
    assert.deepEqual(await consentsOf().list(), []);
    answers('always');
    await broker.token({ kind: 'machine' }, { connection: id });
    const [entry] = await consentsOf().list();
    assert.deepEqual(entry, { asker: { kind: 'machine' }, connection: id, consent: 'always' });
    await consents.revoke(present(entry));
    assert.deepEqual(await consentsOf().list(), []);
    answers(undefined);
    const error = await failureOf(broker.token({ kind: 'machine' }, { connection: id }));
    assert.equal(error.code, 'consent_unanswered');
    await secrets.store('jwtWorkbench.consents', '[{"asker":{"kind":"machine"},"connection":7}, null, "x", {');
    assert.deepEqual(await consentsOf().list(), [], 'what cannot be read allows nothing');
  });

  it('ignores a stored permission that the user did not give', async () => {
    const { consentsOf, secrets } = await brokerWorld();
    for (const consent of ['session', 'ALWAYS', true, undefined]) {
      await secrets.store(
        'jwtWorkbench.consents',
        JSON.stringify([{ asker: { kind: 'machine' }, connection: id, consent }]),
      );
      assert.deepEqual(await consentsOf().list(), []);
    }
  });

  it('touches nothing in a workspace that is not trusted, and looks again after the question', async () => {
    let trusted = false;
    const { broker, questions, answers } = await brokerWorld({}, { isTrusted: () => trusted });
    assert.equal((await failureOf(broker.token(terminal, { connection: id }))).code, 'not_trusted');
    assert.throws(() => broker.connections(), { code: 'not_trusted' });
    assert.deepEqual(questions, []);
    trusted = true;
    answers('session');
    await broker.token(terminal, { connection: id });
  });

  it('needs no id where only one connection can be meant, and lists them otherwise', async () => {
    const { broker, first, connection } = await brokerWorld();
    assert.equal((await broker.token(terminal, {})).connection, id);
    const other = { ...connection, id: 'other', label: 'Other' };
    first.sessions.setConnections(
      [connection, other].map(each => ({ connection: each, memoryOnly: false })),
      [],
    );
    assert.equal((await broker.token(terminal, {})).connection, id, 'the other has no tokens');
    first.sessions.apply({ ...present(first.record()), connection: 'other' });
    const error = await failureOf(broker.token(terminal, {}));
    assert.deepEqual([error.code, dataOf(error).connections], ['connection_ambiguous', `${id}, other`]);
    assert.equal((await failureOf(broker.token(terminal, { connection: 'gone' }))).code, 'connection_unknown');
  });

  it('notices that a connection is removed while the user is asked', async () => {
    const { first, clock } = await brokerWorld();
    const held = gate();
    const broker = createBroker({
      sessions: first.sessions,
      refresher: first.refresher,
      clock,
      log: () => {},
      isTrusted: () => true,
      proof: async () => '',
      consents: { allowed: held.pass, list: async () => [], revoke: async () => {}, forget: async () => {} },
    });
    const asked = failureOf(broker.token(terminal, { connection: id }));
    await held.reached;
    first.sessions.setConnections([], []);
    held.open();
    assert.equal((await asked).code, 'connection_unknown');
  });

  it('records which program got a token, but never the token', async () => {
    const { broker, first, logged, current } = await brokerWorld();
    const told: unknown[] = [];
    broker.onDidHandOut(each => told.push(each));
    for (let count = 0; count < 60; count++) await broker.token(terminal, { connection: id, purpose: `use ${count}` });
    const list = first.sessions.get(id)?.handOuts ?? [];
    assert.deepEqual([list.length, told.length, list[0]?.purpose, list[0]?.number], [50, 60, 'use 59', 60]);
    for (const text of [JSON.stringify(list), JSON.stringify(told), JSON.stringify(logged)])
      for (const part of current().split('.')) assert.ok(!text.includes(part));
  });
});
