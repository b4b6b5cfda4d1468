import type { MockServer } from '../nodeServer.ts';
import { apiScenarios } from './apiScenarios.ts';
import { deviceScenarios } from './deviceScenarios.ts';
import {
  failed,
  type Must,
  notExercised,
  observed,
  passed,
  type ScenarioOutcome,
  type Severity,
  signed,
} from './outcome.ts';
import {
  type AuthorizationParameters,
  askedFor,
  type Control,
  claim,
  idTokenOf,
  idTokens,
  isFrontChannel,
  noIdToken,
  oidcCore,
  type Scenario,
  type ScenarioOf,
  type ScenarioParts,
  signInOf,
  underFaults,
} from './rows.ts';
import { logoutScenarios, refreshScenarios } from './sessionScenarios.ts';

/** Over TLS a client need not check the signature of the ID token. If it does check it, it must do so fully. */
const mustIfVerified = async (asked: AuthorizationParameters, { mock, signIn }: ScenarioParts): Promise<Severity> => {
  if (isFrontChannel(asked)) return 'must';
  mock.faults.clear();
  mock.setFault({ type: 'wrongSignature', token: 'id_token', at: idTokens });
  return (await signIn()) ? 'should' : 'must';
};
const mustInBrowser = (asked: AuthorizationParameters): Severity => (isFrontChannel(asked) ? 'must' : 'should');
const tls = `${oidcCore} 3.1.3.7 no. 6 permits skipping the check over TLS in the code flow; section 3.2.2.11 requires it for tokens through the browser`;

const control = 'sign-in';
const idToken = { family: 'ID token', must: 'refuse', severity: 'must', control, unless: noIdToken } as const;
const answer = { family: 'authorization response', must: 'refuse', severity: 'must', control } as const;
const keys = { family: 'keys and metadata', must: 'refuse', severity: 'should', control, unless: noIdToken } as const;
const token = { family: 'token endpoint', must: 'refuse', severity: 'must', control } as const;

const audience = (aud: (client: string) => string[]) => (mock: MockServer) => [
  { type: 'wrongAud', token: 'id_token', at: idTokens, aud: aud(mock.clients[0]?.client_id ?? '') } as const,
];

/** The audience is made for the first client. */
const noIdTokenOfFirst: typeof noIdToken = (asked, bench) =>
  noIdToken(asked, bench) ??
  (asked.client_id === bench.mock.clients[0]?.client_id
    ? undefined
    : observed('the client is not the first client of the issuer'));

/** With keys that it had already, a client does without the key set. */
const withKeySet = <M extends Must>(row: ScenarioOf<M> & { readonly control: Control }) => ({
  ...row,
  async run(bench: ScenarioParts): Promise<ScenarioOutcome<M>> {
    const seen = await row.run(bench);
    const isAsked = bench.requests().some(({ endpoint }) => endpoint === 'jwks');
    return 'by' in seen && !isAsked ? notExercised('the client did not request the key set') : seen;
  },
});

/** Scenarios of a sign-in, from its start to its end. */
const signInScenarios: readonly Scenario[] = [
  {
    ...answer,
    id: 'sign-in',
    title: 'A valid response signs the user in',
    must: 'accept',
    section: `${oidcCore} 3.1`,
    async run({ signIn, requests }) {
      const is = await signIn();
      return signed(true, is, signInOf(requests()), 'the issuer did not sign the user in');
    },
  },
  underFaults({
    ...idToken,
    id: 'id-token.signature',
    title: 'Invalid signature',
    severity: 'should',
    section: tls,
    faults: [{ type: 'wrongSignature', token: 'id_token', at: idTokens }],
    judge: mustInBrowser,
  }),
  underFaults({
    ...idToken,
    id: 'id-token.kid',
    title: 'Key ID (kid) not in the key set',
    severity: 'should',
    section: `${oidcCore} 10.1; over TLS, the client may skip it together with the signature`,
    faults: [{ type: 'unknownKid', token: 'id_token', at: idTokens }],
    judge: mustInBrowser,
  }),
  underFaults({
    ...idToken,
    id: 'id-token.alg-none',
    title: 'Unsigned (alg none)',
    section:
      'RFC 8725 section 3.2; only a warning for clients that do not verify signatures, which is permitted over TLS',
    faults: [{ type: 'algNone', token: 'id_token', at: idTokens }],
    judge: mustIfVerified,
  }),
  underFaults({
    ...idToken,
    id: 'id-token.hmac-public-key',
    title: 'Signed with the public key as HMAC secret',
    section:
      'RFC 8725 section 3.1; only a warning for clients that do not verify signatures, which is permitted over TLS',
    faults: [{ type: 'hmacWithPublicKey', token: 'id_token', at: idTokens }],
    judge: mustIfVerified,
  }),
  underFaults({
    ...idToken,
    id: 'id-token.weak-rsa',
    title: 'Signed with a published 1,024-bit RSA key',
    section:
      'RFC 7518 section 3.3; only a warning for clients that do not verify signatures, which is permitted over TLS',
    faults: [{ type: 'weakRsa', token: 'id_token', at: ['jwks', ...idTokens] }],
    judge: mustIfVerified,
  }),
  underFaults({
    ...idToken,
    id: 'id-token.iss',
    title: 'Wrong issuer (iss)',
    section: `${oidcCore} 3.1.3.7 no. 2`,
    faults: [{ type: 'wrongIss', token: 'id_token', at: idTokens }],
  }),
  underFaults({
    ...idToken,
    id: 'id-token.aud',
    title: 'Wrong audience (aud)',
    section: `${oidcCore} 3.1.3.7 no. 3`,
    faults: [{ type: 'wrongAud', token: 'id_token', at: idTokens }],
  }),
  underFaults({
    ...idToken,
    id: 'id-token.aud-list',
    title: 'Audience (aud) is a list with only the client',
    must: 'accept',
    section: `${oidcCore} 2: aud is an array of strings, or one string`,
    faults: audience(client => [client]),
    unless: noIdTokenOfFirst,
  }),
  underFaults({
    ...idToken,
    id: 'id-token.aud-several',
    title: 'Audience (aud) lists another party besides the client, without azp',
    severity: 'should',
    section: `${oidcCore} 3.1.3.7 no. 3: the client decides which other audiences it trusts`,
    faults: mock => [claim('azp'), ...audience(client => [client, 'https://stranger.example'])(mock)],
    unless: noIdTokenOfFirst,
  }),
  underFaults({
    ...idToken,
    id: 'id-token.azp',
    title: 'Wrong authorized party (azp)',
    severity: 'should',
    section: `${oidcCore} 3.1.3.7 no. 5`,
    faults: [claim('azp', 'someone-else')],
  }),
  underFaults({
    ...idToken,
    id: 'id-token.exp',
    title: 'Already expired',
    section: `${oidcCore} 3.1.3.7 no. 9`,
    faults: [{ type: 'expiredAtBirth', token: 'id_token', at: idTokens }],
  }),
  underFaults({
    ...idToken,
    id: 'id-token.nonce',
    title: 'Wrong nonce',
    section: `${oidcCore} 3.1.3.7 no. 11`,
    faults: [claim('nonce', 'forged')],
    unless: (asked, bench) =>
      noIdToken(asked, bench) ?? (asked.nonce === undefined ? observed('the client sends no nonce') : undefined),
  }),
  underFaults({
    ...idToken,
    id: 'id-token.sub-missing',
    title: 'Missing subject (sub)',
    section: `${oidcCore} 2: sub is required`,
    faults: [claim('sub')],
  }),
  underFaults({
    ...idToken,
    id: 'id-token.iat-missing',
    title: 'Missing time of issue (iat)',
    severity: 'should',
    section: `${oidcCore} 2: iat is required`,
    faults: [claim('iat')],
  }),
  underFaults({
    ...idToken,
    id: 'id-token.at-hash',
    title: 'Wrong access token hash (at_hash)',
    severity: 'should',
    section: `${oidcCore} 3.1.3.8: the client may check it`,
    faults: [claim('at_hash', 'AAAAAAAAAAAAAAAAAAAAAA')],
  }),
  underFaults({
    ...idToken,
    id: 'id-token.c-hash',
    title: 'Wrong code hash (c_hash)',
    severity: 'should',
    section: `${oidcCore} 3.3.2.10`,
    faults: [claim('c_hash', 'AAAAAAAAAAAAAAAAAAAAAA')],
    unless: ({ response_type }) =>
      response_type === 'code id_token' ? undefined : observed('this client receives no ID token with its code'),
  }),

  underFaults({
    ...answer,
    id: 'answer.state',
    title: 'Wrong state',
    severity: 'should',
    section: 'RFC 9700 section 2.1 accepts PKCE instead; without PKCE, RFC 6749 section 10.12 requires state',
    faults: [{ type: 'responseParameter', name: 'state', value: 'forged' }],
    unless: ({ state }) => (state === undefined ? observed('the client sends no state') : undefined),
    judge: ({ code_challenge }) => (code_challenge === undefined ? 'must' : 'should'),
  }),
  underFaults({
    ...answer,
    id: 'answer.iss',
    title: 'Wrong issuer (iss)',
    section:
      'RFC 9207 section 2.4; only a warning for a client with one issuer, where no mix-up is possible (section 4)',
    faults: [{ type: 'responseParameter', name: 'iss', value: 'https://other.example' }],
    judge: (_, { target }) => (target.secondStart === undefined ? 'should' : 'must'),
  }),
  underFaults({
    ...answer,
    id: 'answer.iss-missing',
    title: 'Missing issuer (iss), although the metadata announces it',
    severity: 'should',
    section: 'RFC 9207 section 2.4; only a warning, as for a wrong issuer',
    faults: [{ type: 'responseParameter', name: 'iss' }],
  }),
  underFaults({
    ...answer,
    id: 'answer.error',
    title: 'The issuer returns an error (access_denied)',
    section: 'RFC 6749 section 4.1.2.1',
    faults: [{ type: 'authorizationError', error: 'access_denied' }],
  }),
  underFaults({
    ...answer,
    id: 'answer.double',
    title: 'The browser sends the callback twice at once, as after a double click',
    must: 'accept',
    severity: 'should',
    section: 'RFC 6749 section 4.1.2: a code is valid once, and a second use may revoke the tokens of the first',
    faults: [{ type: 'doubleCallback' }],
    needs: 'browser',
    unless: (_, { browser }) => (browser.twice ? undefined : observed('the response is not in the query string')),
  }),
  {
    ...answer,
    id: 'answer.twice',
    title: 'The callback is repeated after sign-in',
    must: 'keep the session',
    severity: 'should',
    section: 'RFC 6749 section 4.1.2: a code is valid once',
    needs: 'browser',
    async run({ signIn, browser, isSignedIn, requests }) {
      if (!(await signIn())) return notExercised('the client does not sign in');
      const callback = browser.visited.find(url => /[?&]code=/.test(url));
      if (callback === undefined) return notExercised('no callback had a code in the query string');
      const { status, url: visited } = await browser.visit(callback);
      if (status >= 500) return failed('the client answered with status {0}', status);
      if (await isSignedIn()) return { ok: true, by: { visited } };
      const codes = requests().filter(({ grant_type }) => grant_type === 'authorization_code').length;
      return codes > 1
        ? failed('the client sent the code again, which ended the session')
        : failed('the session ended');
    },
  },
  {
    ...answer,
    id: 'answer.mix-up',
    title: 'Another issuer redirects the browser here to get the code (mix-up attack)',
    section: 'RFC 9700 section 4.4.2',
    needs: 'secondStart',
    async run({ mock, target, browser, requests }) {
      const other = mock.issuers[1];
      const began = await browser.look(target.secondStart ?? '');
      const authorize = new URL(began.location ?? target.start);
      if (other === undefined || !other.serves(authorize.pathname))
        return notExercised('the second sign-in does not lead to the second issuer');
      const { next } = other.requestsSince(0);
      // The mix-up attack: the honest issuer gets the authorization request that the client meant for the attacker's
      // issuer.
      const { authorization_endpoint } = await metadataOf(mock);
      authorize.searchParams.set('client_id', mock.clients[0]?.client_id ?? '');
      await browser.visit(`${authorization_endpoint}${authorize.search}`);
      const got = other.requestsSince(next).requests.some(({ form }) => form?.code !== undefined);
      return got
        ? failed('the client sent the code to the other issuer')
        : passed(signInOf(requests()), 'the issuer did not sign the user in');
    },
  },
  {
    ...answer,
    id: 'answer.pushed',
    title: 'The metadata requires pushed authorization requests',
    must: 'accept',
    severity: 'should',
    section: 'RFC 9126 section 5',
    options: () => ({
      metadataPatch: [{ op: 'replace', path: '/require_pushed_authorization_requests', value: true }],
    }),
    async run({ signIn, requests }) {
      await signIn();
      if (!requests().some(({ endpoint }) => endpoint === 'metadata'))
        return notExercised('the client did not request the metadata');
      const begun = requests().find(({ method, form }) => method === 'GET' && form?.client_id !== undefined);
      return begun !== undefined && begun.form?.request_uri === undefined
        ? failed('the browser’s URL contained the request parameters')
        : passed(begun, 'the client did not start a sign-in');
    },
  },

  underFaults({
    id: 'userinfo.sub',
    family: 'UserInfo',
    title: 'UserInfo of another subject',
    must: 'refuse',
    control,
    // A client that signs the visitor in but drops these values complies too, and cannot be told apart from outside.
    severity: 'should',
    section: `${oidcCore} 5.3.2: the client must not use the values, but may sign the user in without them`,
    faults: [{ type: 'member', name: 'sub', value: 'someone-else', at: 'userinfo' }],
    unless: noIdToken,
  }),
  underFaults({
    id: 'metadata.issuer',
    family: 'keys and metadata',
    title: 'Metadata names another issuer',
    must: 'refuse',
    control,
    severity: 'must',
    section: 'OpenID Connect Discovery 1.0 section 4.3, RFC 8414 section 3.3',
    faults: [{ type: 'otherIssuer' }],
  }),
  {
    ...keys,
    id: 'keys.rotated',
    title: 'The issuer signs with a new key',
    must: 'accept',
    section: `${oidcCore} 10.1.1; only a warning, because some clients wait before they fetch keys again`,
    async run(bench) {
      const { mock, signIn, requests } = bench;
      if (!(await signIn())) return notExercised('the client does not sign in');
      const unused = noIdToken(askedFor(requests()), bench);
      if (unused !== undefined) return { notExercised: unused };
      const before = requests().length;
      const restore = await mock.rotateKeys(undefined, { dropOld: true });
      const is = await signIn();
      // A client that waits before it fetches keys again would fail the next scenarios, too.
      if (!is) restore();
      const after = requests().slice(before);
      return signed(true, is, idTokenOf(after, askedFor(after)), 'the client did not receive the ID token');
    },
  },
  withKeySet(
    underFaults({
      ...keys,
      id: 'keys.down',
      title: 'Key set unavailable and invalid signature',
      section: tls,
      faults: [{ type: 'jwksDown' }, { type: 'wrongSignature', token: 'id_token', at: idTokens }],
      judge: mustInBrowser,
    }),
  ),
  withKeySet(
    underFaults({
      ...keys,
      id: 'keys.no-kid',
      title: 'One key, without kid in the key set and in the token',
      must: 'accept',
      section: `${oidcCore} 10.1: kid is required only if there are several keys`,
      // A kid in the token alone would name another key.
      faults: [{ type: 'jwksNoKid' }, { type: 'header', name: 'kid', at: idTokens }],
    }),
  ),

  underFaults({
    ...token,
    id: 'token.truncated',
    title: 'Truncated response',
    section: 'RFC 6749 section 5.1',
    faults: [{ type: 'truncate', at: 'token' }],
  }),
  underFaults({
    ...token,
    id: 'token.stalled',
    title: 'Response stalls midway',
    section:
      'RFC 6749 section 5.1; a client without a timeout hangs, and one with a longer timeout needs more patience',
    faults: [{ type: 'slowDrip', at: 'token' }],
  }),
  underFaults({
    ...token,
    id: 'token.html',
    title: 'HTML page instead of tokens',
    section: 'RFC 6749 section 5.1',
    faults: [{ type: 'htmlOk', at: 'token' }],
  }),
  underFaults({
    ...token,
    id: 'token.type',
    title: 'Unexpected token_type',
    section: 'RFC 6749 section 7.1; only a warning if the client does not use the token',
    faults: [{ type: 'tokenType', value: 'mac' }],
    judge: (_, { requests }) =>
      requests().some(({ endpoint }) => endpoint === 'userinfo' || endpoint === 'resource') ? 'must' : 'should',
  }),
  underFaults({
    ...token,
    id: 'token.no-expiry',
    title: 'Missing lifetime (expires_in)',
    must: 'accept',
    section: 'RFC 6749 section 5.1: expires_in is recommended, not required',
    faults: [{ type: 'expiresInMissing' }],
  }),
  {
    ...token,
    id: 'token.redirect',
    title: 'Redirect that would send the code to another URL',
    severity: 'should',
    section: 'no RFC forbids it; RFC 9700 section 4.12 describes what a 307 redirect forwards',
    async run({ mock, signIn, requests }) {
      mock.setFault({ type: 'redirect', location: `${mock.issuer}/elsewhere`, status: 307, at: 'token' });
      await signIn();
      const followed = requests().some(({ path, method }) => path.endsWith('/elsewhere') && method === 'POST');
      return followed
        ? failed('the client sent the code and its credentials to the new address')
        : passed(
            requests().find(({ faults }) => faults.includes('redirect')),
            'the client did not request tokens',
          );
    },
  },
  {
    ...token,
    id: 'token.dpop-nonce',
    title: 'The issuer requires a nonce in DPoP proofs',
    must: 'accept',
    section: 'RFC 9449 section 8',
    options: () => ({ dpopNonce: 'required' }),
    async run({ signIn, requests }) {
      const is = await signIn();
      const refused = requests().find(({ error }) => error === 'use_dpop_nonce');
      if (refused === undefined) return notExercised('the client sends no DPoP proofs');
      return signed(true, is, refused, 'the client did not request tokens');
    },
  },
];

async function metadataOf(mock: ScenarioParts['mock']): Promise<Record<string, string>> {
  const response = await mock.fetch(`${mock.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  return response.json();
}

/** All scenarios. To add one, add a row, and a deliberately broken client to the tests. */
export const scenarios: readonly Scenario[] = [
  ...signInScenarios,
  ...refreshScenarios,
  ...deviceScenarios,
  ...logoutScenarios,
  ...apiScenarios,
];
