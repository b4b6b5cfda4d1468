import { deviceCodeGrant } from '../effects.ts';
import type { FaultSetting } from '../faults.ts';
import type { MockServer } from '../nodeServer.ts';
import type { MockIssuerOptions } from '../options.ts';
import {
  askedFor,
  claimsOf,
  isOfSession,
  noIdToken,
  noRefresh,
  observed,
  oidcCore,
  refreshesOf,
  refreshing,
  type Scenario,
  type ScenarioOutcome,
  type ScenarioParts,
  strikeRefresh,
} from './rows.ts';

const keepsTheSession = async (bench: ScenarioParts): Promise<ScenarioOutcome | undefined> => {
  // Clients that count whole seconds use a token for up to a second longer, so not every round brings a refresh.
  const before = refreshesOf(bench).length;
  for (let i = 0; i < 4 && refreshesOf(bench).length < before + 2; i += 1) {
    if (i > 0) await bench.pass(1.5);
    if (!(await bench.isSignedIn())) return { ok: false, detail: observed('the session ended at refresh {0}', i + 1) };
  }
  return refreshesOf(bench).length === before ? { ...noRefresh } : undefined;
};

/** The session must survive one failed response that says nothing about the refresh token. */
const outlives =
  (fault: FaultSetting) =>
  async (bench: ScenarioParts): Promise<ScenarioOutcome> => {
    if ((await strikeRefresh(bench, fault)) < 0) return noRefresh;
    return (await bench.isSignedIn()) ? { ok: true } : { ok: false, detail: observed('the session ended') };
  };

const refusesIdToken =
  (fault: FaultSetting) =>
  async (bench: ScenarioParts): Promise<ScenarioOutcome> => {
    const notExercised = noIdToken(askedFor(bench.requests()), bench);
    if (notExercised !== undefined) return { notExercised };
    if ((await strikeRefresh(bench, fault)) < 0) return noRefresh;
    return (await bench.isSignedIn())
      ? { ok: false, detail: observed('the client accepted the response') }
      : { ok: true };
  };

const refreshes: readonly Scenario[] = [
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
      const ended = await keepsTheSession(bench);
      if (ended !== undefined) return ended;
      const reused = refreshesOf(bench).some(({ error }) => error === 'invalid_grant');
      return reused
        ? { ok: false, detail: observed('the client sent a refresh token that was already used') }
        : { ok: true };
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
      const ended = await keepsTheSession(bench);
      if (ended !== undefined) return ended;
      const again = refreshesOf(bench).length > 1;
      return again ? { ok: true } : { ok: false, detail: observed('the client sent no second refresh request') };
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
      const sent = refreshesOf(bench).length - before;
      if (sent === 0 && answers.every(Boolean)) return noRefresh;
      if (answers.every(Boolean) && sent === 1) return { ok: true };
      return {
        ok: false,
        detail: observed(
          '{0} refresh requests, {1} of 5 requests lost the session',
          sent,
          answers.filter(each => !each).length,
        ),
      };
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
      if (!refreshesOf(bench).some(({ error }) => error === 'invalid_grant')) return noRefresh;
      return is ? { ok: false, detail: observed('the user is still signed in') } : { ok: true };
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
      return outlives({ type: 'dropAfterCommit', at: 'token', times: 1 })(bench);
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
      if (limited < 0) return noRefresh;
      await bench.isSignedIn();
      const sent = bench.requests();
      const next = sent.slice(limited + 1).find(isOfSession);
      const waited = next === undefined ? undefined : next.time - (sent[limited]?.time ?? 0);
      if (waited !== undefined && waited < 1.9 * bench.second)
        return { ok: false, detail: observed('the client sent the next request after {0} ms', waited) };
      await bench.pass(2);
      return (await bench.isSignedIn()) ? { ok: true } : { ok: false, detail: observed('the session ended') };
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

const deviceError = { type: 'oauthError', at: 'token', grant_type: deviceCodeGrant } as const;
const pollsOf = ({ requests }: ScenarioParts) => requests().filter(({ form }) => form?.grant_type === deviceCodeGrant);

/**
 * Signs in by device code. Once the client has got this error, the user approves. Resolves with the status of the
 * client's response.
 */
async function byDevice(bench: ScenarioParts, error?: string): Promise<number | undefined> {
  const { mock, target, patience, second } = bench;
  mock.setFault({ type: 'member', name: 'interval', value: 1, at: 'device_authorization' });
  // After slow_down, a client that complies needs 5 seconds more.
  const signal = AbortSignal.timeout(patience + 10 * second);
  const ended = fetch(target.device ?? '', { signal }).then(
    async response => {
      await response.text();
      return response.status;
    },
    () => undefined,
  );
  if (error === undefined) return ended;
  mock.setSignIn('page');
  const stop = mock.watchRequests(entry => {
    if (entry.grant_type === deviceCodeGrant && entry.error === error) mock.setSignIn('auto');
  });
  return ended.finally(stop);
}

const device = (
  words: Pick<Scenario, 'id' | 'title' | 'must' | 'section'>,
  run: (bench: ScenarioParts) => Promise<ScenarioOutcome>,
): Scenario => ({
  ...words,
  family: 'device',
  severity: 'must',
  needs: 'device',
  // The mock accepts polls at any rate. The request log shows whether the client kept the interval.
  options: () => ({ deviceInterval: 0 }),
  async run(bench) {
    const seen = await run(bench);
    return pollsOf(bench).length === 0
      ? { notExercised: observed('the client did not poll for the tokens of a device code') }
      : seen;
  },
});

/** Milliseconds from each poll to the next one for the same device: a client may wait for several devices at once. */
const gaps = (bench: ScenarioParts) => {
  const polls = pollsOf(bench);
  return polls.flatMap((poll, i) => {
    const next = polls.slice(i + 1).find(({ form }) => form?.device_code === poll.form?.device_code);
    return next === undefined ? [] : [{ after: poll, gap: next.time - poll.time }];
  });
};

const refusedDevice =
  (answer: (bench: ScenarioParts) => void) =>
  async (bench: ScenarioParts): Promise<ScenarioOutcome> => {
    answer(bench);
    const status = await byDevice(bench);
    if (status === undefined) return { ok: false, detail: observed('the client keeps polling') };
    return status < 400 ? { ok: false, detail: observed('the client signed the user in') } : { ok: true };
  };

const devices: readonly Scenario[] = [
  device(
    {
      id: 'device.interval',
      title: 'Authorization pending: the client polls again after the interval',
      must: 'wait',
      section: 'RFC 8628 section 3.5',
    },
    async bench => {
      const status = await byDevice(bench, 'authorization_pending');
      const shortest = Math.min(...gaps(bench).map(({ gap }) => gap));
      if (shortest < 0.9 * bench.second)
        return { ok: false, detail: observed('the client polled again after {0} ms', shortest) };
      return status === 200 ? { ok: true } : { ok: false, detail: observed('the client did not sign the user in') };
    },
  ),
  device(
    {
      id: 'device.slow-down',
      title: 'slow_down: the client adds 5 seconds to its polling interval',
      must: 'wait',
      section: 'RFC 8628 section 3.5',
    },
    async bench => {
      bench.mock.setFault({ ...deviceError, error: 'slow_down', times: 1 });
      await byDevice(bench, 'slow_down');
      const { gap = Number.POSITIVE_INFINITY } =
        gaps(bench).find(({ after }) => after.faults.includes('oauthError')) ?? {};
      return gap < 5.9 * bench.second
        ? { ok: false, detail: observed('the client polled again after {0} ms', gap) }
        : { ok: true };
    },
  ),
  device(
    { id: 'device.denied', title: 'The user declines', must: 'refuse', section: 'RFC 8628 section 3.5' },
    refusedDevice(({ mock }) => mock.setSignIn('deny')),
  ),
  device(
    { id: 'device.expired', title: 'The device code expires', must: 'refuse', section: 'RFC 8628 section 3.5' },
    refusedDevice(({ mock }) => mock.setFault({ ...deviceError, error: 'expired_token' })),
  ),
];

/** The issuer ends the session, as after a sign-out from another client. */
async function endedElsewhere({ mock, signIn, browser, isSignedIn }: ScenarioParts): Promise<ScenarioOutcome> {
  if (!(await signIn())) return { notExercised: observed('the client does not sign in') };
  const metadata = await mock.fetch(`${mock.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  await browser.visit((await metadata.json()).end_session_endpoint);
  return (await isSignedIn()) ? { ok: false, detail: observed('the user is still signed in') } : { ok: true };
}

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
  async run({ mock, signIn, isSignedIn, patience }) {
    if (!(await signIn())) return { notExercised: observed('the client does not sign in') };
    const { client_id: aud = '', backchannel_logout_uri: uri = '' } =
      mock.clients.find(each => each.backchannel_logout_uri !== undefined) ?? {};
    const { iss, sub, iat } = claimsOf((await mock.issueTokens({ clientId: aud })).access_token);
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    const claims = { iss, sub, aud, iat, exp: Number(iat) + 120, jti: crypto.randomUUID(), events, ...otherwise };
    const body = new URLSearchParams({ logout_token: forge(await mock.sign(claims, { typ: 'logout+jwt' })) });
    const answer = await fetch(uri, { method: 'POST', body, signal: AbortSignal.timeout(patience) });
    await answer.text();
    return (await isSignedIn()) ? { ok: true } : { ok: false, detail: observed('the session ended') };
  },
});

const logouts: readonly Scenario[] = [
  {
    ...logout,
    id: 'logout.ends',
    title: 'Sign-out ends the session and notifies the issuer',
    severity: 'should',
    section: 'OpenID Connect RP-Initiated Logout 1.0 section 2',
    needs: 'logout',
    async run({ signIn, signOut, isSignedIn, requests }) {
      if (!(await signIn())) return { notExercised: observed('the client does not sign in') };
      await signOut();
      if (await isSignedIn()) return { ok: false, detail: observed('the user is still signed in') };
      const told = requests().some(({ endpoint }) => endpoint === 'end_session' || endpoint === 'revocation');
      return told ? { ok: true } : { ok: false, detail: observed('the client did not notify the issuer') };
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
      if (!(await signIn())) return { notExercised: observed('the client does not sign in') };
      await signOut();
      const ended = requests().find(({ endpoint }) => endpoint === 'end_session');
      if (ended === undefined)
        return { notExercised: observed('the client did not ask the issuer to end the session') };
      return ended.form?.id_token_hint === undefined
        ? { ok: false, detail: observed('the client sent no id_token_hint') }
        : { ok: true };
    },
  },
  {
    ...logout,
    id: 'logout.back-channel',
    title: 'The issuer notifies the client that the session has ended',
    section: 'OpenID Connect Back-Channel Logout 1.0 section 2.7',
    needs: 'backchannel_logout_uri',
    options: toldBy('backchannel_logout_uri'),
    run: endedElsewhere,
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
    run: endedElsewhere,
  },
];

/** Scenarios that follow a sign-in, and those of the device flow. */
export const sessionScenarios: readonly Scenario[] = [...refreshes, ...devices, ...logouts];
