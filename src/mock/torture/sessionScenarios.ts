import type { FaultSetting } from '../faults.ts';
import type { MockServer } from '../nodeServer.ts';
import type { MockIssuerOptions } from '../options.ts';
import type { RequestLogEntry } from '../requestLog.ts';
import { failed, notExercised, passed, type ScenarioOutcome } from './outcome.ts';
import {
  askedFor,
  claimsOf,
  isOfSession,
  nextOf,
  noIdToken,
  noRefresh,
  oidcCore,
  refreshesOf,
  refreshing,
  type Scenario,
  type ScenarioParts,
  strikeRefresh,
} from './rows.ts';

/** Lets the client refresh twice. Resolves with its refreshes, or with why there is nothing to judge. */
const refreshTwice = async (bench: ScenarioParts) => {
  // Clients that count whole seconds use a token for up to a second longer, so not every round brings a refresh.
  const before = refreshesOf(bench).length;
  const sent = () => refreshesOf(bench).slice(before);
  for (let i = 0; i < 4 && sent().length < 2; i += 1) {
    if (i > 0) await bench.pass(1.5);
    if (!(await bench.isSignedIn())) return failed('the session ended at refresh {0}', i + 1);
  }
  const [first, second] = sent();
  return first === undefined ? noRefresh : { first, second };
};

/** The session must survive one failed response that says nothing about the refresh token. */
const outlives =
  (fault: FaultSetting) =>
  async (bench: ScenarioParts): Promise<ScenarioOutcome<'keep the session'>> => {
    const struck = await strikeRefresh(bench, fault);
    if (struck === undefined) return noRefresh;
    return (await bench.isSignedIn()) ? { ok: true, by: { request: struck } } : failed('the session ended');
  };

const refusesIdToken =
  (fault: FaultSetting) =>
  async (bench: ScenarioParts): Promise<ScenarioOutcome<'refuse'>> => {
    const unused = noIdToken(askedFor(bench.requests()), bench);
    if (unused !== undefined) return { notExercised: unused };
    // A client that ends its session at any refresh would seem to refuse this one.
    if (!(await bench.isSignedIn())) return notExercised('the session ended');
    if (bench.requests().filter(isOfSession).length < 2) return noRefresh;
    let struck: RequestLogEntry | undefined;
    for (let i = 0; i < 2 && struck === undefined; i += 1) {
      await bench.pass(1.5);
      struck = await strikeRefresh(bench, fault);
    }
    if (struck === undefined) return noRefresh;
    const refused = { ok: true, by: { request: struck } } as const;
    if (!(await bench.isSignedIn())) return refused;
    // A client that renews early may use its earlier token until that expires, although it has refused the response. One
    // that counts whole seconds uses it a little longer.
    await bench.pass(2);
    return (await bench.isSignedIn()) ? failed('the client accepted the response') : refused;
  };

/** Scenarios of a session that renews its tokens. */
export const refreshScenarios: readonly Scenario[] = [
  refreshing(
    {
      id: 'refresh.rotation',
      title: 'The client uses the rotated refresh token',
      must: 'keep the session',
      severity: 'must',
      section: 'RFC 6749 section 6',
    },
    async bench => {
      bench.mock.setRotation('strict');
      const seen = await refreshTwice(bench);
      if (!('first' in seen)) return seen;
      const reused = refreshesOf(bench).some(({ error }) => error === 'invalid_grant');
      return reused
        ? failed('the client sent a refresh token that was already used')
        : passed(seen.second, 'the client sent no second refresh request');
    },
  ),
  refreshing(
    {
      id: 'refresh.omitted',
      title: 'The client keeps its refresh token if the response contains none',
      must: 'keep the session',
      severity: 'must',
      section: 'RFC 6749 section 6: a new refresh token is optional',
    },
    async bench => {
      bench.mock.setRotation('omit');
      const seen = await refreshTwice(bench);
      if (!('first' in seen)) return seen;
      return seen.second === undefined
        ? failed('the client sent no second refresh request')
        : { ok: true, by: { request: seen.second } };
    },
  ),
  refreshing(
    {
      id: 'refresh.at-once',
      title: 'Five concurrent requests cause one refresh',
      must: 'one request',
      severity: 'should',
      section: 'no RFC requires it; RFC 9700 section 4.14.2: reuse ends the session',
    },
    async bench => {
      bench.mock.setRotation('strict');
      // The token of the first refresh is valid for the other requests too.
      bench.mock.faults.clear('expiresIn');
      const before = refreshesOf(bench).length;
      const answers = await Promise.all(Array.from({ length: 5 }, () => bench.isSignedIn()));
      const sent = refreshesOf(bench).slice(before);
      const lost = answers.filter(each => !each).length;
      if (lost === 0 && sent.length <= 1) return passed(sent[0], 'the client sent no refresh request');
      const [first, second] = sent;
      // With the new token of the first, the second may be one of the client's own schedule that came late.
      if (lost === 0 && sent.length === 2 && first?.refresh_token !== second?.refresh_token)
        return notExercised('the client also renewed its tokens by itself');
      return failed('{0} refresh requests, {1} of 5 requests lost the session', sent.length, lost);
    },
  ),
  refreshing(
    {
      id: 'refresh.revoked',
      title: 'invalid_grant ends the session',
      must: 'end the session',
      severity: 'should',
      section: 'RFC 6749 section 5.2; the client may continue its own session',
    },
    async bench => {
      bench.mock.revokeAll();
      const is = await bench.isSignedIn();
      // Who renews by code has another way to new tokens, which is still open.
      const refused = refreshesOf(bench).find(({ error }) => error === 'invalid_grant');
      return is && refused !== undefined
        ? failed('the user is still signed in')
        : passed(refused, 'the client sent no refresh request');
    },
  ),
  refreshing(
    {
      id: 'refresh.unavailable',
      title: 'An unavailable issuer (503) does not end the session',
      must: 'keep the session',
      severity: 'should',
      section: 'RFC 6749 section 5.2 does not list this error: the token is still valid',
    },
    outlives({ type: 'serverError', at: 'token', times: 1 }),
  ),
  refreshing(
    {
      id: 'refresh.lost-answer',
      title: 'After a lost response, the client retries with the same token',
      must: 'keep the session',
      severity: 'should',
      section: 'RFC 9700 section 4.14.2, if the issuer allows a grace period',
    },
    async bench => {
      bench.mock.setRotation('grace');
      const seen = await outlives({ type: 'dropAfterCommit', at: 'token', times: 1 })(bench);
      if (!('by' in seen)) return seen;
      const again = () => {
        const sent = refreshesOf(bench);
        const lost = sent.findIndex(({ faults }) => faults.includes('dropAfterCommit'));
        return sent.find(({ refresh_token }, i) => i > lost && refresh_token === sent[lost]?.refresh_token);
      };
      if (again() === undefined) {
        // A client that renews early uses its earlier token until that expires, and tries again only then.
        await bench.pass(1.5);
        if (!(await bench.isSignedIn())) return failed('the session ended');
      }
      return passed(again(), 'the client sent no second refresh request');
    },
  ),
  refreshing(
    {
      id: 'refresh.retry-after',
      title: 'Too many requests (429): the client waits as Retry-After says',
      must: 'wait',
      severity: 'should',
      section: 'RFC 6585 section 4 and RFC 9110 section 10.2.3',
    },
    async bench => {
      const fault = { type: 'tooManyRequests', retryAfter: 2, at: 'token', times: 1 } as const;
      const limited = await strikeRefresh(bench, fault);
      if (limited === undefined) return noRefresh;
      await bench.isSignedIn();
      if (nextOf(bench, limited) === undefined) await bench.pass(2);
      const is = await bench.isSignedIn();
      const measured = (nextOf(bench, limited)?.time ?? Number.NaN) - limited.time;
      if (measured < 1.9 * bench.second) return failed('the client sent the next request after {0} ms', measured);
      if (!is) return failed('the session ended');
      return Number.isNaN(measured)
        ? notExercised('the client sent no second refresh request')
        : { ok: true, by: { measured } };
    },
  ),
  refreshing(
    {
      id: 'refresh.other-subject',
      title: 'Refreshed ID token for another subject',
      must: 'refuse',
      severity: 'should',
      section: `${oidcCore} 12.2 forbids issuers to do this, but does not require clients to check`,
    },
    refusesIdToken({ type: 'wrongSub', token: 'id_token' }),
  ),
  refreshing(
    {
      id: 'refresh.other-issuer',
      title: 'Refreshed ID token from another issuer',
      must: 'refuse',
      severity: 'must',
      section: `${oidcCore} 12.2 and 3.1.3.7 no. 2`,
    },
    refusesIdToken({ type: 'wrongIss', token: 'id_token' }),
  ),
];

/** The issuer ends the session, as after a sign-out from another client. `told`: whether it told the client in this way. */
const endedElsewhere =
  (told: (bench: ScenarioParts, ended: RequestLogEntry) => boolean) =>
  async (bench: ScenarioParts): Promise<ScenarioOutcome<'sign out'>> => {
    const { mock, signIn, browser, isSignedIn, requests } = bench;
    if (!(await signIn())) return notExercised('the client does not sign in');
    const metadata = await mock.fetch(`${mock.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    await browser.visit((await metadata.json()).end_session_endpoint);
    const is = await isSignedIn();
    const ended = requests().find(entry => entry.endpoint === 'end_session' && told(bench, entry));
    // A client that was not told does not know.
    return is && ended !== undefined
      ? failed('the user is still signed in')
      : passed(ended, 'the client received no logout notification');
  };

/** Removes the other logout URI, so that a client registered for both kinds of notification gets only this one. */
const toldBy =
  (way: 'backchannel_logout_uri' | 'frontchannel_logout_uri') =>
  ({ clients }: MockServer): MockIssuerOptions => ({
    clients: clients.map(({ backchannel_logout_uri, frontchannel_logout_uri, ...client }) => {
      const uri = { backchannel_logout_uri, frontchannel_logout_uri }[way];
      return { ...client, ...(uri !== undefined && { [way]: uri }) };
    }),
  });

const logout = { family: 'logout', must: 'sign out', severity: 'must' } as const;

/** A logout token that the client must reject: it has these claims, and `forge` changes it after signing. */
const forgedNotice = (
  what: string,
  title: string,
  otherwise: Readonly<Record<string, unknown>>,
  forge: (token: string) => string = token => token,
): Scenario => ({
  ...logout,
  id: `logout.back-channel-${what}`,
  title,
  must: 'keep the session',
  section: 'OpenID Connect Back-Channel Logout 1.0 section 2.6',
  needs: 'backchannel_logout_uri',
  control: 'logout.back-channel',
  async run({ mock, signIn, isSignedIn, send }) {
    if (!(await signIn())) return notExercised('the client does not sign in');
    const { client_id: aud = '', backchannel_logout_uri: uri = '' } =
      mock.clients.find(each => each.backchannel_logout_uri !== undefined) ?? {};
    const { iss, sub, iat } = claimsOf((await mock.issueTokens({ clientId: aud })).access_token);
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    const claims = { iss, sub, aud, iat, exp: Number(iat) + 120, jti: crypto.randomUUID(), events, ...otherwise };
    const form = new URLSearchParams({ logout_token: forge(await mock.sign(claims, { typ: 'logout+jwt' })) });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const status = await send(uri, { method: 'POST', headers, body: form.toString() });
    return (await isSignedIn()) ? { ok: true, by: { status } } : failed('the session ended');
  },
});

/** Scenarios of a session that ends. */
export const logoutScenarios: readonly Scenario[] = [
  {
    ...logout,
    id: 'logout.ends',
    title: 'Sign-out ends the session and notifies the issuer',
    severity: 'should',
    section: 'OpenID Connect RP-Initiated Logout 1.0 section 2',
    needs: 'logout',
    async run({ signIn, signOut, isSignedIn, requests }) {
      if (!(await signIn())) return notExercised('the client does not sign in');
      await signOut();
      if (await isSignedIn()) return failed('the user is still signed in');
      const told = requests().find(({ endpoint }) => endpoint === 'end_session' || endpoint === 'revocation');
      return told ? { ok: true, by: { request: told } } : failed('the client did not notify the issuer');
    },
  },
  {
    ...logout,
    id: 'logout.hint',
    title: 'Sign-out identifies the session (id_token_hint)',
    severity: 'should',
    section: 'OpenID Connect RP-Initiated Logout 1.0 section 2: id_token_hint is recommended',
    needs: 'logout',
    async run({ signIn, signOut, requests }) {
      if (!(await signIn())) return notExercised('the client does not sign in');
      await signOut();
      const ended = requests().find(({ endpoint }) => endpoint === 'end_session');
      return ended !== undefined && ended.form?.id_token_hint === undefined
        ? failed('the client sent no id_token_hint')
        : passed(ended, 'the client did not ask the issuer to end the session');
    },
  },
  {
    ...logout,
    id: 'logout.back-channel',
    title: 'The issuer notifies the client that the session has ended',
    section: 'OpenID Connect Back-Channel Logout 1.0 section 2.7',
    needs: 'backchannel_logout_uri',
    options: toldBy('backchannel_logout_uri'),
    run: endedElsewhere((_, { notified }) => notified !== undefined),
  },
  forgedNotice('signature', 'Logout token with an invalid signature', {}, token =>
    token.replace(/\.[^.]+$/, signature => (signature[1] === 'A' ? '.B' : '.A') + signature.slice(2)),
  ),
  forgedNotice('alg-none', 'Unsigned logout token', {}, token => {
    const [, body] = token.split('.');
    return `${Buffer.from('{"alg":"none","typ":"logout+jwt"}').toString('base64url')}.${body}.`;
  }),
  forgedNotice('iss', 'Logout token from another issuer', { iss: 'https://other.example' }),
  forgedNotice('aud', 'Logout token for another client', { aud: 'someone-else' }),
  forgedNotice('event', 'Logout token without the logout event', { events: {} }),
  forgedNotice('nonce', 'Logout token with a nonce, like an ID token', { nonce: 'forged' }),
  {
    ...logout,
    id: 'logout.front-channel',
    title: 'The issuer’s page loads the client’s logout URL when the session has ended',
    section: 'OpenID Connect Front-Channel Logout 1.0 section 2',
    needs: 'frontchannel_logout_uri',
    options: toldBy('frontchannel_logout_uri'),
    run: endedElsewhere(({ mock, browser }) =>
      mock.clients.some(({ frontchannel_logout_uri: uri }) => uri && browser.visited.some(url => url.startsWith(uri))),
    ),
  },
];
