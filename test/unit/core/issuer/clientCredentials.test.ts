import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import { emptyRecord } from '../../../../src/core/records/record.ts';
import { isRefreshable } from '../../../../src/core/records/sessions.ts';
import { planRefresh } from '../../../../src/core/refresh/autoRefresh.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { gate, id, present } from '../refresh/refreshWorld.ts';
import { type SignInWorld, signInWorld } from '../signIn/signInWorld.ts';

const clientSecret = 'a secret of the service';
const grant = 'client_credentials' as const;

async function service(secret = clientSecret) {
  const world = await signInWorld({
    scope: 'openid offline_access read',
    clients: [{ client_id: 'service', client_secret: clientSecret }],
  });
  await world.first.vault.update(id, (record = emptyRecord(id)) => ({ ...record, client_secret: secret }));
  return { world, refresher: world.first.refresher };
}

const asked = (world: SignInWorld) => world.mock.requests.filter(({ path }) => path === '/token').length;

describe('client credentials', () => {
  it('bring a token for the client itself, which is renewed by asking again', async () => {
    const { world, refresher } = await service();
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
    await world.first.vault.update(id, (record = emptyRecord(id)) => ({
      ...record,
      generation: 7,
      tokens: { ...present(record.tokens), access_token: 'of another window' },
    }));
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
    const hold = gate();
    world.onPost = hold.pass;
    const renewal = refresher.refresh(id);
    await hold.reached;
    await world.first.signOut();
    hold.open();
    assert.equal((await renewal).error?.code, 'superseded');
    assert.equal(world.stored().tokens, undefined);
  });

  it('are not asked for where nothing can be noted for the other windows', async () => {
    const { world, refresher } = await service();
    await world.signIn({ grant, connection: { scope: 'read' } });
    const before = asked(world);
    world.lock.hook = call => {
      if (call === 'mark') throw new WorkbenchError('lock_unavailable', { reason: 'ENOSPC' });
    };
    assert.equal((await refresher.refresh(id)).error?.code, 'lock_unavailable');
    assert.equal(asked(world), before);
  });
});
