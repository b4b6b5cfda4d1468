import assert from 'node:assert/strict';
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from 'jose';
import { createVerifier } from '../../../../src/core/checks/verifier.ts';
import { newDpopKey } from '../../../../src/core/issuer/clientAuthentication.ts';
import { createDiscovery } from '../../../../src/core/issuer/discovery.ts';
import type { Fetch } from '../../../../src/core/ports.ts';
import type { Connection } from '../../../../src/core/records/connection.ts';
import { noHandover } from '../../../../src/core/records/journalKeys.ts';
import type { StoredRecord } from '../../../../src/core/records/record.ts';
import { boundTo, thumbprintOf } from '../../../../src/core/records/tokenSet.ts';
import { createIssuerClient } from '../../../../src/core/signIn/signIn.ts';
import type { MockIssuerOptions } from '../../../../src/mock/options.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { id, key, present } from '../refresh/refreshWorld.ts';
import { type SignInWorld, signInWorld } from '../signIn/signInWorld.ts';

const dpop = true;
const secret = 'only the issuer knows';
const confidential = { tokenEndpointAuthMethod: 'client_secret_basic' } as const;

/** A world that has signed in with DPoP, and a window that refreshes its tokens. */
async function bound(options: MockIssuerOptions = {}, more: Partial<Connection> = {}) {
  const world = await signInWorld({ rotation: 'strict', ...options });
  const connection = { ...world.connection, dpop, ...more };
  if (more.tokenEndpointAuthMethod) {
    const record = { version: 1, connection: id, generation: 0, client_secret: secret } as const;
    await world.first.vault.update(id, () => record);
  }
  await world.signIn({ connection });
  const window = world.window({ connection });
  return { world, window, connection };
}
const tokenRequests = (world: SignInWorld) => world.mock.requests.filter(({ path }) => path === '/token');
const statuses = (world: SignInWorld) => tokenRequests(world).map(({ status }) => status);
const jktOf = ({ tokens, dpop_key }: StoredRecord) => {
  const jkt = boundTo(tokens?.access_token);
  return { jkt, isOurs: jkt !== undefined && jkt === thumbprintOf(dpop_key) };
};
function issuerClientOf({ clock, lock, first }: SignInWorld, fetch: Fetch) {
  return createIssuerClient({
    clock,
    lock,
    fetch,
    handover: noHandover,
    sessions: first.sessions,
    vault: first.vault,
    discovery: createDiscovery({ fetch, clock }),
    openBrowser: () => assert.fail(),
    listen: () => assert.fail(),
  });
}

function decodedProofs(request: unknown): string {
  const proofs = JSON.stringify(request).match(/eyJ[\w-]+/g) ?? [];
  return proofs.map(proof => Buffer.from(proof, 'base64url').toString()).join('\n');
}

/** Changes the stored record, as a bug or another version might. */
function tamper(world: SignInWorld, change: (record: StoredRecord) => object): void {
  world.store.entries.set(key, JSON.stringify(change(world.stored())));
}

describe('tokens that are bound to a key (RFC 9449)', function () {
  this.timeout(60_000);

  it('come from a sign-in, with a key of this connection, and refresh with it', async () => {
    const { world, window } = await bound();
    const stored = world.stored();
    assert.equal(stored.tokens?.token_type, 'DPoP');
    assert.equal(jktOf(stored).isOurs, true);
    assert.equal(await window.refresh(), 'refreshed');
    const after = world.stored();
    assert.equal(after.dpop_key, stored.dpop_key);
    assert.deepEqual(jktOf(after), jktOf(stored));
    assert.notEqual(after.tokens?.access_token, stored.tokens?.access_token);
  });

  it('bind the code to that key as well, in the browser and pushed', async () => {
    const world = await signInWorld();
    await world.signIn({ connection: { dpop } });
    const [url = ''] = world.opened;
    const { isOurs, jkt } = jktOf(world.stored());
    assert.deepEqual([isOurs, new URL(url).searchParams.get('dpop_jkt')], [true, jkt]);
    await world.signIn({ connection: { dpop, pushedAuthorizationRequests: true } });
    assert.deepEqual([...new URL(world.opened[1] ?? '').searchParams.keys()].sort(), ['client_id', 'request_uri']);
    assert.equal(jktOf(world.stored()).jkt, jkt, 'the same key');
  });

  it('come with a code on another device, too', async () => {
    const world = await signInWorld({ deviceInterval: 1 });
    await world.signIn({ grant: 'device_code', connection: { dpop } });
    assert.equal(jktOf(world.stored()).isOurs, true);
  });

  it('come as the client itself, too, which some clients may get no others', async () => {
    const clients = [{ client_id: 'app', client_secret: secret, dpop_bound_access_tokens: true }];
    const world = await signInWorld({ clients });
    const record = { version: 1, connection: id, generation: 0, client_secret: secret } as const;
    await world.first.vault.update(id, () => record);
    await world.signIn({ grant: 'client_credentials', connection: { dpop, scope: undefined } });
    assert.equal(jktOf(world.stored()).isOurs, true);
    const { code, data } = await failureOf(
      world.signIn({ grant: 'client_credentials', connection: { scope: undefined } }),
    );
    assert.deepEqual([code, data.error], ['oauth_error', 'invalid_dpop_proof']);
  });

  it('are asked for again, once, with the nonce that the issuer wants', async () => {
    const { world, window } = await bound({ dpopNonce: 'required' }, { pushedAuthorizationRequests: true });
    const pushed = world.mock.requests.filter(({ path }) => path === '/par').map(({ status }) => status);
    assert.deepEqual(pushed, [400, 201]);
    assert.deepEqual(statuses(world), [200], 'the nonce is remembered');
    assert.equal(await window.refresh(), 'refreshed');
    assert.deepEqual(statuses(world), [200, 400, 200]);
    assert.equal(await window.refresh(), 'refreshed');
    assert.deepEqual(statuses(world), [200, 400, 200, 200]);
    world.mock.expireDpopNonces();
    assert.equal(await window.refresh(), 'refreshed');
    assert.deepEqual(statuses(world).slice(4), [400, 200]);
    assert.equal(world.stored().intent, undefined);
  });

  it('are asked for no third time, and the refresh token stays', async () => {
    const { world, window } = await bound({ dpopNonce: 'required' });
    const before = world.stored().tokens?.refresh_token;
    world.onAnswer = () => world.mock.expireDpopNonces();
    const asked = tokenRequests(world).length;
    assert.equal(await window.refresh(), 'retryable oauth_error');
    assert.equal(tokenRequests(world).length - asked, 2);
    const { tokens, intent, refused } = world.stored();
    assert.deepEqual([tokens?.refresh_token, intent, refused], [before, undefined, undefined]);
  });

  it('are not asked for with a key that is not theirs', async () => {
    for (const change of [
      ({ dpop_key: _, ...record }: StoredRecord) => record,
      (record: StoredRecord) => ({ ...record, dpop_key: other }),
    ]) {
      const { world, connection } = await bound();
      tamper(world, change);
      const window = world.window({ connection });
      const asked = tokenRequests(world).length;
      assert.equal(await window.refresh(), 'reauthRequired dpop_key_lost');
      assert.equal(tokenRequests(world).length, asked);
      assert.equal(world.stored().intent, undefined);
      await world.signIn({ connection });
      assert.equal(jktOf(world.stored()).isOurs, true);
    }
  });
  let other: string;
  before(async () => {
    other = await newDpopKey();
  });

  it('of a client that authenticates survive the loss of the key: they are bound to a new one', async () => {
    const clients = [{ client_id: 'app', client_secret: secret }];
    const { world, connection } = await bound({ clients }, confidential);
    const before = jktOf(world.stored());
    tamper(world, ({ dpop_key: _, ...record }) => record);
    assert.equal(await world.window({ connection }).refresh(), 'refreshed');
    const after = jktOf(world.stored());
    assert.equal(after.isOurs, true);
    assert.notEqual(after.jkt, before.jkt);
  });

  it('stay bound when the setting is switched off, until the next sign-in', async () => {
    const { world, connection } = await bound();
    const window = world.window({ connection: { ...connection, dpop: false } });
    assert.equal(await window.refresh(), 'refreshed');
    assert.equal(jktOf(world.stored()).isOurs, true);
    await world.signIn({ connection: { ...connection, dpop: false } });
    const { tokens, dpop_key } = world.stored();
    assert.deepEqual([tokens?.token_type, dpop_key], ['Bearer', undefined]);
  });

  it('are bound by the first refresh where plain ones were brought along', async () => {
    const world = await signInWorld();
    const window = world.window({ connection: { ...world.connection, dpop } });
    await window.import(await world.mock.issueTokens());
    assert.equal(await window.refresh(), 'refreshed');
    assert.equal(jktOf(world.stored()).isOurs, true);
  });

  it('leave no key after a sign-out, or with imported tokens', async () => {
    const { world, window } = await bound();
    await window.refresh();
    await window.import(await world.mock.issueTokens());
    assert.equal(world.stored().dpop_key, undefined);
    const signedOut = await bound();
    await signedOut.world.first.signOut();
    assert.equal(signedOut.world.stored().dpop_key, undefined);
  });

  it('are asked for by two windows with one key', async () => {
    const world = await signInWorld();
    const connection = { ...world.connection, dpop };
    const windows = [world.window({ connection }), world.window({ connection })];
    await windows[0]?.import(await world.mock.issueTokens());
    await Promise.all(windows.map(window => window.refresh()));
    for (const window of windows) assert.match(await window.refresh(), /^(refreshed|adopted)$/);
    assert.equal(jktOf(world.stored()).isOurs, true);
  });

  it('are asked for in the issuer’s time', async () => {
    const { world } = await bound();
    world.clock.advance(-3_600_000);
    const connection = { ...world.connection, dpop };
    const { code, data } = await failureOf(world.signIn({ connection }));
    assert.deepEqual([code, data.error], ['oauth_error', 'invalid_dpop_proof']);
    await world.signIn({ connection, aheadOf: () => -3_600_000 });
  });

  it('are shown as bound to this key, and can be used with a proof for one address', async () => {
    const { world, connection, window } = await bound();
    const { clock, mock } = world;
    const fetch: Fetch = (input, init) => mock.fetch(input, init);
    const discovery = createDiscovery({ fetch, clock });
    await window.refresh();
    const session = present(window.sessions.get(id));
    const verifier = createVerifier({ fetch, clock, discovery });
    const { verified, checks } = await verifier.verifySession(connection, 'access_token', session);
    assert.deepEqual([verified, checks.find(check => check.id === 'cnf')?.code], [true, 'bound']);

    const client = issuerClientOf(world, fetch);
    const { dpop_key, tokens } = world.stored();
    const accessToken = present(tokens?.access_token);
    const use = (proof: string) =>
      mock.fetch(`${mock.issuer}/userinfo`, {
        headers: { authorization: `DPoP ${accessToken}`, dpop: proof },
      });
    const proof = await client.proof(connection, dpop_key, accessToken, `${mock.issuer}/userinfo?a=b`);
    assert.equal((await use(proof)).status, 200);
    assert.equal((await use(proof)).status, 401, 'a proof is used once');
    assert.equal((await use(await client.proof(connection, dpop_key, accessToken, mock.issuer))).status, 401);
    for (const [key, url, code] of [
      [undefined, mock.issuer, 'dpop_key_lost'],
      ['{}', mock.issuer, 'dpop_key_lost'],
      [dpop_key, 'http://api.example', 'url_insecure'],
    ] as const)
      assert.equal((await failureOf(client.proof(connection, key, accessToken, url))).code, code);
  });

  it('show who signed in, with the nonce that the issuer asks for in a header alone', async () => {
    const { world, connection } = await bound({ dpopNonce: 'required' });
    const fetch: Fetch = async (input, init) => {
      const answer = await world.mock.fetch(input, init);
      // RFC 6750 §3: the body may be empty.
      return answer.status === 401 ? new Response(null, { status: 401, headers: answer.headers }) : answer;
    };
    const client = issuerClientOf(world, fetch);
    const { claims } = await client.userInfo(connection, world.stored(), new AbortController().signal);
    assert.ok(claims.sub);
    const asked = world.mock.requests.filter(({ path }) => path === '/userinfo');
    assert.deepEqual(
      asked.map(({ status }) => status),
      [401, 200],
    );
  });

  it('keep their key to themselves: it is in no request, no error and no log', async () => {
    const { world, connection } = await bound();
    const window = world.window({ connection });
    const secret = JSON.parse(world.stored().dpop_key ?? '').d;
    const seen: unknown[] = [];
    world.next({ type: 'oauthError', error: 'invalid_dpop_proof' });
    seen.push(await window.refresher.refresh(id));
    await world.signIn({
      connection,
      fetch(input, init) {
        seen.push([input, String(init.body), Object.fromEntries(new Headers(init.headers))]);
        return world.mock.fetch(input, init);
      },
    });
    const shown = seen.flatMap(each => [JSON.stringify(each), decodedProofs(each)]).join('\n');
    assert.match(shown, /dpop\+jwt/);
    assert.match(JSON.stringify(window.logged), /invalid_dpop_proof/);
    for (const text of [shown, JSON.stringify(window.logged)]) assert.ok(!text.includes(secret));
  });

  it('say if the issuer ignored the proof', async () => {
    const world = await signInWorld({ clients: [{ client_id: 'app', client_secret: secret }] });
    const record = { version: 1, connection: id, generation: 0, client_secret: secret } as const;
    await world.first.vault.update(id, () => record);
    const { warnings } = await world.signIn({
      grant: 'client_credentials',
      connection: { dpop, scope: undefined },
      async fetch(input, init) {
        const { dpop: _, ...headers } = Object.fromEntries(new Headers(init.headers));
        return world.mock.fetch(input, { ...init, headers });
      },
    });
    assert.deepEqual(warnings, [{ code: 'token_not_bound' }]);
  });

  for (const [supported, alg, kty] of [
    [undefined, 'ES256', 'EC'],
    [['ES384', 'RS256', 'ES256'], 'ES256', 'EC'],
    [['RS512', 'PS256'], 'PS256', 'RSA'],
    [['Ed25519'], 'Ed25519', 'OKP'],
    [['none'], 'ES256', 'EC'],
  ] as const) {
    it(`have a key that the issuer takes: ${supported ?? 'anything'}`, async () => {
      const text = await newDpopKey(supported);
      const jwk = JSON.parse(text);
      assert.deepEqual([jwk.alg, jwk.kty], [alg, kty]);
      assert.equal(thumbprintOf(text), await calculateJwkThumbprint(jwk));
      const world = await signInWorld();
      let proof = '';
      const record = { version: 1, connection: id, generation: 0, dpop_key: text } as const;
      await world.first.vault.update(id, () => record);
      await world.signIn({
        connection: { dpop },
        fetch(input, init) {
          proof = new Headers(init.headers).get('dpop') ?? proof;
          return world.mock.fetch(input, init);
        },
      });
      const { typ, jwk: shown } = decodeProtectedHeader(proof);
      assert.deepEqual([typ, shown && 'd' in shown], ['dpop+jwt', false]);
      assert.deepEqual([decodeJwt(proof).htm, decodeJwt(proof).htu], ['POST', `${world.mock.issuer}/token`]);
      assert.equal(jktOf(world.stored()).isOurs, true);
    });
  }

  it('accept a key by its kind only, and reject other text', () => {
    for (const text of [undefined, '', '{', '[]', '{"kid":1}']) assert.equal(thumbprintOf(text), undefined);
    for (const text of [undefined, '', 'opaque']) assert.equal(boundTo(text), undefined);
    assert.equal(present(thumbprintOf('{"kid":"a"}')), 'a');
  });
});
