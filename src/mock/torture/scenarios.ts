import type { Scenario } from './rows.ts';
import {
  access,
  asked,
  changed,
  claim,
  core,
  faulty,
  refreshesOf,
  refreshing,
  rfc9068,
  signed,
  underFaults,
} from './rows.ts';
/** Every scenario. Another one is another row here, and a client in the tests that is broken in exactly that way. */
export const scenarios: readonly Scenario[] = [
  {
    id: 'sign-in',
    family: 'authorization answer',
    title: 'A right answer signs in',
    must: 'accept',
    severity: 'must',
    section: `${core} 3.1`,
    run: async ({ signIn }) => signed(true, await signIn()),
  },
  underFaults(
    'id-token.signature',
    'ID token',
    'Signature that does not match',
    'refuse',
    'should',
    `${core} 3.1.3.7 no. 6 permits it over TLS in the code flow`,
    { type: 'wrongSignature', token: 'id_token' },
  ),
  underFaults(
    'id-token.kid',
    'ID token',
    'Key id that is not in the key set',
    'refuse',
    'should',
    `${core} 10.1; permitted over TLS as the signature is`,
    { type: 'unknownKid', token: 'id_token' },
  ),
  underFaults(
    'id-token.alg-none',
    'ID token',
    'Not signed (alg none)',
    'refuse',
    'must',
    `${core} 2 and 3.1.3.7 no. 7`,
    { type: 'algNone', token: 'id_token' },
  ),
  underFaults(
    'id-token.hmac-public-key',
    'ID token',
    'HMAC with the public key',
    'refuse',
    'must',
    'RFC 8725 section 3.1',
    { type: 'hmacWithPublicKey', token: 'id_token' },
  ),
  underFaults('id-token.iss', 'ID token', 'Another issuer (iss)', 'refuse', 'must', `${core} 3.1.3.7 no. 2`, {
    type: 'wrongIss',
    token: 'id_token',
  }),
  underFaults('id-token.aud', 'ID token', 'Another audience (aud)', 'refuse', 'must', `${core} 3.1.3.7 no. 3`, {
    type: 'wrongAud',
    token: 'id_token',
  }),
  underFaults('id-token.exp', 'ID token', 'Already expired', 'refuse', 'must', `${core} 3.1.3.7 no. 9`, {
    type: 'expiredAtBirth',
    token: 'id_token',
  }),
  underFaults(
    'id-token.nonce',
    'ID token',
    'Another nonce',
    'refuse',
    'must',
    `${core} 3.1.3.7 no. 11`,
    claim('nonce', 'forged'),
  ),
  underFaults('id-token.sub-missing', 'ID token', 'No subject', 'refuse', 'must', `${core} 2`, claim('sub')),
  underFaults('id-token.iat-missing', 'ID token', 'No time of issue', 'refuse', 'should', `${core} 2`, claim('iat')),

  underFaults('answer.state', 'authorization answer', 'Another state', 'refuse', 'must', 'RFC 6749 section 10.12', {
    type: 'responseParameter',
    name: 'state',
    value: 'forged',
  }),
  underFaults(
    'answer.iss',
    'authorization answer',
    'Another issuer (iss), a mix-up',
    'refuse',
    'must',
    'RFC 9207 section 2.4',
    { type: 'responseParameter', name: 'iss', value: 'https://other.example' },
  ),
  underFaults(
    'answer.error',
    'authorization answer',
    'The issuer refuses',
    'refuse',
    'must',
    'RFC 6749 section 4.1.2.1',
    { type: 'authorizationError', error: 'access_denied' },
  ),
  {
    id: 'answer.twice',
    family: 'authorization answer',
    title: 'The callback comes twice',
    must: 'keep the session',
    severity: 'should',
    section: 'RFC 6749 section 4.1.2: a code is used once',
    needs: 'signedIn',
    async run({ signIn, browser, isSignedIn, requests }) {
      if (!(await signIn())) return { notExercised: 'the client does not sign in' };
      const callback = browser.visited.find(url => /[?&]code=/.test(url));
      if (callback === undefined) return { notExercised: 'no callback with a code in the query was seen' };
      const page = await browser.visit(callback);
      if (page.status >= 500) return { ok: false, detail: `the client answered with status ${page.status}` };
      const codes = requests().filter(({ grant_type }) => grant_type === 'authorization_code').length;
      if (codes > 1 && !(await isSignedIn()))
        return { ok: false, detail: 'the code was sent again, which ended the session' };
      return { ok: true };
    },
  },

  underFaults('userinfo.sub', 'UserInfo', 'UserInfo of another subject', 'refuse', 'must', `${core} 5.3.2`, {
    type: 'member',
    name: 'sub',
    value: 'someone-else',
    at: 'userinfo',
  }),
  underFaults(
    'metadata.issuer',
    'keys and metadata',
    'Metadata of another issuer',
    'refuse',
    'must',
    'OpenID Connect Discovery 1.0 section 4.3',
    { type: 'otherIssuer' },
  ),
  {
    id: 'keys.rotated',
    family: 'keys and metadata',
    title: 'The issuer signs with a new key',
    must: 'accept',
    severity: 'must',
    section: `${core} 10.1.1`,
    async run({ mock, signIn, browser }) {
      await signIn();
      await mock.rotateKeys(undefined, { dropOld: true });
      browser.forget();
      return signed(true, await signIn());
    },
  },
  underFaults(
    'keys.down',
    'keys and metadata',
    'Key set unavailable, and a forged signature',
    'refuse',
    'should',
    `${core} 3.1.3.7 no. 6`,
    { type: 'jwksDown' },
    { type: 'wrongSignature', token: 'id_token' },
  ),
  underFaults(
    'keys.no-kid',
    'keys and metadata',
    'One key without kid',
    'accept',
    'should',
    `${core} 10.1: kid is needed where there are several keys`,
    { type: 'jwksNoKid' },
  ),

  underFaults('token.truncated', 'token endpoint', 'Half an answer', 'refuse', 'must', 'RFC 6749 section 5.1', {
    type: 'truncate',
    at: 'token',
  }),
  underFaults(
    'token.stalled',
    'token endpoint',
    'An answer that stops in the middle',
    'refuse',
    'must',
    'RFC 6749 section 5.1; a client that waits for ever hangs',
    { type: 'slowDrip', at: 'token' },
  ),
  underFaults(
    'token.html',
    'token endpoint',
    'A web page instead of tokens',
    'refuse',
    'must',
    'RFC 6749 section 5.1',
    { type: 'htmlOk', at: 'token' },
  ),
  underFaults('token.type', 'token endpoint', 'Another token_type', 'refuse', 'must', 'RFC 6749 section 7.1', {
    type: 'tokenType',
    value: 'mac',
  }),
  underFaults(
    'token.no-expiry',
    'token endpoint',
    'No expires_in',
    'accept',
    'must',
    'RFC 6749 section 5.1: it is recommended only',
    { type: 'expiresInMissing' },
  ),
  {
    id: 'token.redirect',
    family: 'token endpoint',
    title: 'A redirect that would carry the code elsewhere',
    must: 'refuse',
    severity: 'must',
    section: 'RFC 9700 section 4.12',
    async run({ mock, signIn, requests }) {
      mock.setFault({ type: 'redirect', location: `${mock.issuer}/elsewhere`, status: 307, at: 'token' });
      await signIn();
      if (!requests().some(({ faults }) => faults.includes('redirect')))
        return { notExercised: 'the client did not ask for tokens' };
      const followed = requests().some(({ path, method }) => path.endsWith('/elsewhere') && method === 'POST');
      return followed
        ? { ok: false, detail: 'the client sent the code and its credentials to the new address' }
        : { ok: true };
    },
  },

  refreshing(
    'refresh.rotation',
    'A rotated refresh token is used',
    'keep the session',
    'must',
    'RFC 6749 section 6',
    async bench => {
      bench.mock.setRotation('strict');
      for (let i = 0; i < 2; i += 1) {
        if (!(await bench.isSignedIn())) return { ok: false, detail: `the session ended at refresh ${i + 1}` };
        await bench.expire();
      }
      const reused = refreshesOf(bench).some(({ error }) => error === 'invalid_grant');
      return reused ? { ok: false, detail: 'a spent refresh token was sent' } : { ok: true };
    },
  ),
  refreshing(
    'refresh.omitted',
    'Answers without a refresh token leave the old one',
    'keep the session',
    'must',
    'RFC 6749 section 6',
    async bench => {
      bench.mock.setRotation('omit');
      for (let i = 0; i < 2; i += 1) {
        if (!(await bench.isSignedIn())) return { ok: false, detail: `the session ended at refresh ${i + 1}` };
        await bench.expire();
      }
      const again = refreshesOf(bench).length > 1;
      return again ? { ok: true } : { ok: false, detail: 'no second refresh request was sent' };
    },
  ),
  refreshing(
    'refresh.at-once',
    'Five requests at once are one refresh',
    'one request',
    'must',
    'RFC 9700 section 4.14.2: reuse ends the session',
    async bench => {
      bench.mock.setRotation('strict');
      const answers = await Promise.all(Array.from({ length: 5 }, () => bench.isSignedIn()));
      const sent = refreshesOf(bench).length;
      if (answers.every(Boolean) && sent === 1) return { ok: true };
      return {
        ok: false,
        detail: `${sent} refresh requests, ${answers.filter(each => !each).length} of 5 visitors signed out`,
      };
    },
  ),
  refreshing(
    'refresh.revoked',
    'invalid_grant ends the session',
    'end the session',
    'must',
    'RFC 6749 section 5.2',
    async bench => {
      bench.mock.revokeAll();
      return (await bench.isSignedIn()) ? { ok: false, detail: 'the visitor is still signed in' } : { ok: true };
    },
  ),
  refreshing(
    'refresh.unavailable',
    'An issuer in trouble (503) does not end the session',
    'keep the session',
    'should',
    'RFC 6749 section 5.2 has no such error: the token is still good',
    async bench => {
      bench.mock.setFault({ type: 'serverError', at: 'token', times: 1 });
      await bench.isSignedIn();
      return (await bench.isSignedIn()) ? { ok: true } : { ok: false, detail: 'the session ended' };
    },
  ),
  refreshing(
    'refresh.lost-answer',
    'A lost answer is asked for again with the same token',
    'keep the session',
    'should',
    'RFC 9700 section 4.14.2, where the issuer grants a grace',
    async bench => {
      bench.mock.setRotation('grace');
      bench.mock.setFault({ type: 'dropAfterCommit', at: 'token', times: 1 });
      await bench.isSignedIn();
      return (await bench.isSignedIn()) ? { ok: true } : { ok: false, detail: 'the session ended' };
    },
  ),
  refreshing(
    'refresh.other-subject',
    'A refreshed ID token of another subject',
    'refuse',
    'must',
    `${core} 12.2`,
    async bench => {
      bench.mock.setFault({ type: 'wrongSub', token: 'id_token', sub: 'someone-else' });
      return (await bench.isSignedIn()) ? { ok: false, detail: 'the client took the answer' } : { ok: true };
    },
  ),

  {
    id: 'logout.ends',
    family: 'logout',
    title: 'Sign-out ends the session, and tells the issuer',
    must: 'sign out',
    severity: 'should',
    section: 'OpenID Connect RP-Initiated Logout 1.0 section 2',
    needs: 'logout',
    async run({ signIn, browser, target, isSignedIn, requests }) {
      if (!(await signIn())) return { notExercised: 'the client does not sign in' };
      await browser.visit(target.logout ?? '');
      if (target.signedIn !== undefined && (await isSignedIn()))
        return { ok: false, detail: 'the visitor is still signed in' };
      const told = requests().some(({ path }) => /\/(?:end_session|revoke)$/.test(path));
      return told ? { ok: true } : { ok: false, detail: 'the issuer was not told' };
    },
  },

  asked('resource.good', 'A good access token', 'accept', 'must', rfc9068, access),
  asked(
    'resource.aud',
    'A token for another audience',
    'refuse',
    'must',
    rfc9068,
    async mock => (await mock.issueTokens({ audience: 'https://other.example' })).access_token,
  ),
  asked(
    'resource.iss',
    'A token of another issuer',
    'refuse',
    'must',
    rfc9068,
    changed(claims => Object.assign(claims, { iss: 'https://other.example' })),
  ),
  asked(
    'resource.exp',
    'An expired token',
    'refuse',
    'must',
    rfc9068,
    changed(claims => Object.assign(claims, { exp: Math.floor(Date.now() / 1000) - 3600 })),
  ),
  asked(
    'resource.nbf',
    'A token that is not valid yet',
    'refuse',
    'must',
    'RFC 7519 section 4.1.5',
    changed(claims => Object.assign(claims, { nbf: Math.floor(Date.now() / 1000) + 3600 })),
  ),
  asked(
    'resource.signature',
    'A signature that does not match',
    'refuse',
    'must',
    rfc9068,
    faulty({ type: 'wrongSignature' }),
  ),
  asked(
    'resource.alg-none',
    'A token that is not signed',
    'refuse',
    'must',
    'RFC 8725 section 3.1',
    faulty({ type: 'algNone' }),
  ),
  asked(
    'resource.hmac-public-key',
    'HMAC with the public key',
    'refuse',
    'must',
    'RFC 8725 section 3.1',
    faulty({ type: 'hmacWithPublicKey' }),
  ),
  asked(
    'resource.id-token',
    'An ID token in place of an access token',
    'refuse',
    'should',
    `${rfc9068}: typ`,
    async mock => (await mock.issueTokens()).id_token ?? '',
  ),
];
