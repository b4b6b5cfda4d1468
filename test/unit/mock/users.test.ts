import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import type { MockIssuerOptions } from '../../../src/mock/options.ts';
import { authorizationUrl, type Changes, codeOf, redeem, send } from './signInSupport.ts';
import { text } from './support.ts';

const users = [
  {
    sub: 'ada',
    claims: { name: 'Ada', email: 'ada@example.com', department: 'maths' },
    groups: ['staff'],
    acr: 'gold',
    amr: ['pwd', 'otp'],
  },
  { sub: 'bob', claims: { name: 'Bob <b>' } },
];
const make = (options: MockIssuerOptions = {}) => createMockIssuer({ alg: 'ES256', users, ...options });

/** A browser reduced to its cookies. */
function browser(mock: MockIssuer) {
  let cookie = '';
  const look = async (url: string, init: RequestInit = {}) => {
    const headers = { ...init.headers, ...(cookie && { cookie }) };
    const response = await mock.fetch(url, { redirect: 'manual', ...init, headers });
    const set = response.headers.get('set-cookie');
    if (set !== null) cookie = set.includes('Max-Age=0') ? '' : (set.split(';')[0] ?? '');
    return response;
  };
  const location = async (changes: Changes) =>
    new URL(text((await look(authorizationUrl(mock, changes))).headers.get('location'))).searchParams;
  return {
    look,
    /** Where a request without a page leads. */
    silently: (changes: Changes = {}) => location({ prompt: 'none', ...changes }),
    location,
    async signIn(subject: string, changes: Changes = {}) {
      const page = await (await look(authorizationUrl(mock, changes))).text();
      const ticket = text(/name="ticket" value="([\w-]+)"/.exec(page)?.[1]);
      const form = { ticket, subject, decision: 'allow' };
      const headers = { origin: new URL(mock.issuer).origin, 'content-type': 'application/x-www-form-urlencoded' };
      const body = new URLSearchParams(form).toString();
      const answer = await look(`${mock.issuer}/sign-in`, { method: 'POST', headers, body });
      return {
        page,
        back: new URL(text(answer.headers.get('location'))).searchParams,
        cookie: answer.headers.get('set-cookie'),
      };
    },
  };
}

async function idToken(mock: MockIssuer, code: string | null) {
  return decodeJwt(text((await redeem(mock, text(code))).body.id_token));
}

describe('mock issuer: users', () => {
  it('are listed on the page, and their claims are issued by scope', async () => {
    const mock = await make();
    const { page, back } = await browser(mock).signIn('bob');
    assert.match(
      page,
      /<option value="ada" selected>Ada \(ada\)<\/option><option value="bob">Bob &lt;b&gt; \(bob\)<\/option>/,
    );
    assert.equal((await idToken(mock, back.get('code'))).sub, 'bob');
    const scope = 'openid email groups';
    const { body } = await redeem(mock, await codeOf(mock, { scope }));
    const headers = { authorization: `Bearer ${text(body.access_token)}` };
    const told = await (await mock.fetch(`${mock.issuer}/userinfo`, { headers })).json();
    assert.deepEqual(told, { sub: 'ada', email: 'ada@example.com', groups: ['staff'] });
    assert.deepEqual(decodeJwt(text(body.access_token)).groups, ['staff']);
    const { acr, amr, email } = decodeJwt(text(body.id_token));
    assert.deepEqual([acr, amr, email], ['gold', ['pwd', 'otp'], undefined]);
  });

  it('are found by login_hint: subject, address or name', async () => {
    const mock = await make({ signIn: 'auto' });
    const subject = async (login_hint: string) =>
      (await idToken(mock, (await browser(mock).location({ login_hint })).get('code'))).sub;
    assert.equal(await subject('bob'), 'bob');
    assert.equal(await subject('ada@example.com'), 'ada');
    assert.equal(await subject('nobody'), 'ada', 'the first where the hint helps nothing');
    mock.setUsers([{ sub: 'eve' }]);
    assert.equal(await subject('eve'), 'eve');
    assert.throws(() => mock.setUsers([{}] as never), /users\[0\]\.sub/);
  });

  it('have claims of scopes, clients and the claims parameter (OpenID Connect Core section 5.5)', async () => {
    const mock = await make({
      scopeClaims: { work: ['department'] },
      clients: [{ client_id: 'demo', claims: { tenant: 't-1' } }],
    });
    const claims = JSON.stringify({ id_token: { email: null }, userinfo: { department: { essential: true } } });
    const { body } = await redeem(mock, await codeOf(mock, { claims }));
    const id = decodeJwt(text(body.id_token));
    const access = decodeJwt(text(body.access_token));
    assert.deepEqual([id.email, id.tenant, access.tenant, access.email], ['ada@example.com', 't-1', 't-1', undefined]);
    const userInfo = async (token: unknown) => {
      const headers = { authorization: `Bearer ${text(token)}` };
      return (await mock.fetch(`${mock.issuer}/userinfo`, { headers })).json();
    };
    assert.deepEqual(await userInfo(body.access_token), { sub: 'ada', department: 'maths' });
    const work = await redeem(mock, await codeOf(mock, { scope: 'openid work' }));
    assert.deepEqual(await userInfo(work.body.access_token), { sub: 'ada', department: 'maths' });
  });

  it('are rejected if the request requires another user or other properties', async () => {
    const mock = await make();
    const error = async (claims: object, subject: string) =>
      (await mock.authorize(authorizationUrl(mock, { claims: JSON.stringify(claims) }), { subject })).searchParams.get(
        'error',
      );
    assert.equal(await error({ id_token: { sub: { value: 'ada' } } }, 'bob'), 'login_required');
    assert.equal(await error({ id_token: { sub: { value: 'ada' } } }, 'ada'), null);
    const acr = { id_token: { acr: { essential: true, values: ['gold'] } } };
    assert.equal(await error(acr, 'ada'), null);
    mock.setUsers([{ sub: 'ada', acr: 'silver' }]);
    assert.equal(await error(acr, 'ada'), 'unmet_authentication_requirements');
  });
});

describe('mock issuer: the session of a browser', () => {
  it('answers prompt=none with an error if not signed in, and otherwise signs in without a page', async () => {
    const mock = await make();
    const tab = browser(mock);
    assert.equal((await tab.silently()).get('error'), 'login_required');
    const { back, cookie } = await tab.signIn('bob');
    assert.match(text(cookie), /^mock_session_issuer_example=[\w-]{43}; Path=\/; HttpOnly; SameSite=None; Secure$/);
    const first = await idToken(mock, back.get('code'));
    const silent = await idToken(mock, (await tab.silently()).get('code'));
    assert.deepEqual([silent.sub, silent.auth_time], ['bob', first.auth_time]);
    assert.equal((await browser(mock).silently()).get('error'), 'login_required', 'another browser');
    mock.endSessions();
    assert.equal((await tab.silently()).get('error'), 'login_required');
  });

  it('is checked against max_age, hints and prompts', async () => {
    const mock = await make();
    mock.clock.freeze();
    const tab = browser(mock);
    const { back } = await tab.signIn('ada');
    const { body } = await redeem(mock, text(back.get('code')));
    const id_token_hint = text(body.id_token);
    mock.clock.advance(60_000);
    assert.ok((await tab.silently({ max_age: '60' })).has('code'));
    assert.equal((await tab.silently({ max_age: '59' })).get('error'), 'login_required');
    assert.ok((await tab.silently({ id_token_hint, login_hint: 'ada' })).has('code'));
    assert.equal((await tab.silently({ login_hint: 'bob' })).get('error'), 'login_required');
    await tab.signIn('bob');
    assert.equal((await tab.silently({ id_token_hint })).get('error'), 'login_required');
    assert.equal((await tab.look(authorizationUrl(mock, { prompt: 'login' }))).status, 200, 'a page');
    mock.clock.advance(28_800_000);
    assert.equal((await tab.silently()).get('error'), 'login_required');
  });

  it('skips the page with singleSignOn', async () => {
    const mock = await make({ singleSignOn: true });
    const tab = browser(mock);
    await tab.signIn('bob');
    assert.ok((await tab.location({})).has('code'));
    assert.equal((await tab.look(authorizationUrl(mock, { prompt: 'login' }))).status, 200);
    assert.equal((await tab.look(authorizationUrl(mock, { max_age: '0', login_hint: 'ada' }))).status, 200);
  });

  it('ends at end_session_endpoint, together with its tokens', async () => {
    const mock = await make();
    const tab = browser(mock);
    const { back } = await tab.signIn('bob', { scope: 'openid' });
    const { body } = await redeem(mock, text(back.get('code')));
    const ended = await tab.look(`${mock.issuer}/end_session`);
    assert.match(text(ended.headers.get('set-cookie')), /Max-Age=0/);
    assert.equal((await tab.silently()).get('error'), 'login_required');
    const answer = await send(mock, '/introspect', { token: text(body.access_token), client_id: 'demo' });
    assert.deepEqual(await answer.json(), { active: false });
  });
});
