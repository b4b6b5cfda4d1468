import assert from 'node:assert/strict';
import { failureOf } from '../../../support/failureOf.ts';
import { present, until } from '../refresh/refreshWorld.ts';
import { redirectUri, signInWorld } from './signInWorld.ts';

describe('ending the session in the browser', () => {
  async function signedIn() {
    const world = await signInWorld();
    await world.signIn();
    world.pages.length = 0;
    const idToken = present(world.stored().tokens?.id_token);
    const logout = (returns = true, signal = new AbortController().signal) =>
      world.client().logout(world.connection, idToken, returns, signal);
    return { world, idToken, logout };
  }

  it('names the session to the issuer, and is told when it has ended', async () => {
    const { world, idToken, logout } = await signedIn();
    world.browse = async url => {
      const { headers } = await world.mock.fetch(url, { redirect: 'manual' });
      const back = new URL(present(headers.get('location') ?? undefined));
      world.visit({ state: 'guess' });
      world.visit(back.searchParams);
      return true;
    };
    await logout();
    const { searchParams } = new URL(present(world.opened.at(-1)));
    const { state, ...asked } = Object.fromEntries(searchParams);
    assert.match(present(state), /^[\w-]{43}$/);
    assert.deepEqual(asked, {
      client_id: 'demo',
      id_token_hint: idToken,
      post_logout_redirect_uri: redirectUri,
    });
    assert.deepEqual([world.pages, world.listening()], [['foreign', 'signed_out'], 0]);
  });

  it('stops listening if the browser does not return, and names the URL to register', async () => {
    const { world, logout } = await signedIn();
    world.browse = async () => true;
    const abort = new AbortController();
    const ended = failureOf(logout(true, abort.signal));
    await until(() => world.opened.length === 2);
    abort.abort();
    const { code, data } = await ended;
    assert.deepEqual([code, data.redirectUri, world.listening()], ['cancelled', 'http://127.0.0.1/callback', 0]);
  });

  it('can go without coming back', async () => {
    const { world, logout } = await signedIn();
    world.browse = async () => true;
    await logout(false);
    const { searchParams } = new URL(present(world.opened.at(-1)));
    assert.deepEqual([...searchParams.keys()].sort(), ['client_id', 'id_token_hint']);
    assert.equal(world.listening(), 0);
  });
});
