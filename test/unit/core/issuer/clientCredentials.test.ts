import assert from 'node:assert/strict';
import { createDiscovery } from '../../../../src/core/issuer/discovery.ts';
import { noHandover } from '../../../../src/core/records/handover.ts';
import { emptyRecord } from '../../../../src/core/records/record.ts';
import { isRefreshable } from '../../../../src/core/records/session.ts';
import type { FinishedRefresh } from '../../../../src/core/refresh/refresher.ts';
import { planRefresh } from '../../../../src/core/refresh/schedule.ts';
import { createIssuerClient } from '../../../../src/core/signIn/issuerClient.ts';
import { withRenewal } from '../../../../src/core/signIn/renewal.ts';
import { createSignIns } from '../../../../src/core/signIn/signIns.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { id, present, until } from '../refresh/refreshWorld.ts';
import { type SignInWorld, signInWorld } from '../signIn/signInWorld.ts';

const clientSecret = 'a secret of the service';
const grant = 'client_credentials' as const;

async function service(secret = clientSecret) {
  const world = await signInWorld({
    scope: 'openid offline_access read',
    clients: [{ client_id: 'service', client_secret: clientSecret }],
  });
  await world.first.vault.update(id, (record = emptyRecord(id)) => ({ ...record, client_secret: secret }));
  const finished: FinishedRefresh[] = [];
  return { world, finished, refresher: renewing(world, finished) };
}

function renewing(world: SignInWorld, finished: FinishedRefresh[]) {
  const { sessions, vault, refresher } = world.first;
  const { clock, lock } = world;
  const fetch = world.mock.fetch as (input: string, init: RequestInit) => Promise<Response>;
  const client = createIssuerClient({
    clock,
    lock,
    sessions,
    vault,
    fetch,
    handover: noHandover,
    discovery: createDiscovery({ fetch, clock }),
    openBrowser: () => assert.fail(),
    listen: () => assert.fail(),
  });
  const signIns = createSignIns(async () => client);
  return withRenewal({
    ...{ refresher, sessions, vault, signIns, clock, log: () => {} },
    finished: each => finished.push(each),
  });
}

const asked = (world: SignInWorld) => world.mock.requests.filter(({ path }) => path === '/token').length;

describe('client credentials', () => {
  it('bring a token for the client itself, which is renewed by asking again', async () => {
    const { world, refresher, finished } = await service();
    const result = await world.signIn({ grant, connection: { scope: 'read' } });
    assert.equal(result.hasRefreshToken, false);
    const { tokens, client_secret } = world.stored();
    assert.deepEqual([tokens?.grant, tokens?.refresh_token, client_secret], [grant, undefined, clientSecret]);
    const session = () => present(world.first.sessions.get(id));
    assert.equal(isRefreshable(session()), true);
    assert.ok('at' in planRefresh(session(), 0));
    const before = tokens?.access_token;
    world.forward(1000);
    const renewed = await refresher.refresh(id);
    assert.deepEqual([renewed.outcome, renewed.generation], ['refreshed', 2]);
    assert.notEqual(world.stored().tokens?.access_token, before);
    assert.deepEqual([session().refreshing, session().lastRefresh?.outcome], [false, 'refreshed']);
    assert.equal(finished.length, 1);
  });

  it('are asked for once by callers at the same time', async () => {
    const { world, refresher } = await service();
    await world.signIn({ grant, connection: { scope: 'read' } });
    const before = asked(world);
    await Promise.all([refresher.refresh(id), refresher.refresh(id), refresher.refresh(id)]);
    assert.equal(asked(world) - before, 1);
  });

  it('are taken over from another window that has asked already', async () => {
    const { world, refresher } = await service();
    await world.signIn({ grant, connection: { scope: 'read' } });
    const before = asked(world);
    await world.first.vault.update(id, record => ({ ...present(record), generation: 7 }));
    const { outcome, generation } = await refresher.refresh(id);
    assert.deepEqual([outcome, generation, asked(world) - before], ['adopted', 7, 0]);
  });

  it('keep the old token where the issuer fails, and say why', async () => {
    const { world, refresher } = await service();
    await world.signIn({ grant, connection: { scope: 'read' } });
    const { tokens } = world.stored();
    world.next({ type: 'serverError', status: 503 });
    const { outcome, error } = await refresher.refresh(id);
    assert.deepEqual([outcome, error?.code, error?.data.grant], ['retryable', 'http_error', grant]);
    assert.deepEqual(world.stored().tokens, tokens);
    assert.ok('at' in planRefresh(present(world.first.sessions.get(id)), 0));
  });

  it('need the right secret', async () => {
    const { world } = await service('wrong');
    const { code, data } = await failureOf(world.signIn({ grant, connection: { scope: 'read' } }));
    assert.deepEqual([code, data.error], ['oauth_error', 'invalid_client']);
  });

  it('are dropped where somebody signs out meanwhile', async () => {
    const { world, refresher } = await service();
    await world.signIn({ grant, connection: { scope: 'read' } });
    const renewal = refresher.refresh(id);
    await until(() => present(world.first.sessions.get(id)).refreshing);
    refresher.discard(id);
    await world.first.signOut();
    assert.equal((await renewal).error?.code, 'cancelled');
    assert.equal(world.stored().tokens, undefined);
  });

  it('leave refresh tokens to the refresher', async () => {
    const world = await signInWorld();
    await world.first.import(await world.mock.issueTokens());
    const refresher = renewing(world, []);
    assert.equal((await refresher.refresh(id)).outcome, 'refreshed');
    assert.equal(world.mock.requests.at(-1)?.grant_type, 'refresh_token');
  });
});
