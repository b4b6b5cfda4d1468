import { CompactEncrypt } from 'jose';
import type { MockServer } from '../nodeServer.ts';
import { failed, notExercised, observed, passed, signed } from './outcome.ts';
import {
  access,
  askApi,
  asked,
  askedFor,
  changed,
  claimsOf,
  faulty,
  rfc9068,
  type Scenario,
  type ScenarioParts,
  signInOf,
  underFaults,
} from './rows.ts';

const api = { must: 'refuse', severity: 'must', section: rfc9068 } as const;
const hour = 3600;
const now = () => Math.floor(Date.now() / 1000);

/** A token with valid claims, encrypted for another recipient. */
async function encrypted(mock: MockServer): Promise<string> {
  const key = crypto.getRandomValues(new Uint8Array(32));
  return new CompactEncrypt(new TextEncoder().encode(await access(mock)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'at+jwt', cty: 'JWT' })
    .encrypt(key);
}

const resources: readonly Scenario[] = [
  asked({ ...api, id: 'resource.good', title: 'Valid access token', must: 'accept' }, access),
  asked({ ...api, id: 'resource.aud', title: 'Token for another audience' }, async mock => {
    const { access_token } = await mock.issueTokens({ audience: 'https://other.example' });
    return claimsOf(access_token).aud === undefined ? undefined : access_token;
  }),
  asked(
    { ...api, id: 'resource.iss', title: 'Token from another issuer' },
    changed(claims => Object.assign(claims, { iss: 'https://other.example' })),
  ),
  asked(
    { ...api, id: 'resource.exp', title: 'Expired token' },
    changed(claims => Object.assign(claims, { exp: now() - hour })),
  ),
  asked(
    { ...api, id: 'resource.nbf', title: 'Token that is not valid yet', section: 'RFC 7519 section 4.1.5' },
    changed(claims => Object.assign(claims, { nbf: now() + hour })),
  ),
  asked({ ...api, id: 'resource.signature', title: 'Invalid signature' }, faulty({ type: 'wrongSignature' })),
  asked({ ...api, id: 'resource.alg-none', title: 'Unsigned token' }, faulty({ type: 'algNone' })),
  asked(
    {
      ...api,
      id: 'resource.hmac-public-key',
      title: 'Signed with the public key as HMAC secret',
      section: 'RFC 8725 section 3.1',
    },
    faulty({ type: 'hmacWithPublicKey' }),
  ),
  asked(
    {
      ...api,
      id: 'resource.id-token',
      title: 'ID token instead of an access token',
      severity: 'should',
      section: `${rfc9068} on typ, for APIs that follow this RFC`,
    },
    async mock => (await mock.issueTokens()).id_token ?? '',
  ),
  asked(
    {
      ...api,
      id: 'resource.jwe',
      title: 'Encrypted token that the API cannot decrypt: rejected without a server error (500)',
      section: 'RFC 7516 section 5.2 and RFC 6750 section 3.1',
    },
    encrypted,
  ),
  {
    ...api,
    id: 'resource.rotated',
    family: 'resource server',
    title: 'The issuer signs with a new key',
    must: 'accept',
    severity: 'should',
    section: 'RFC 9068 section 4; only a warning, because some APIs wait before they fetch keys again',
    needs: 'resource',
    async run(bench) {
      const { mock } = bench;
      const before = await askApi(bench, await access(mock));
      if (before >= 400) return notExercised('the API does not accept a valid token');
      const restore = await mock.rotateKeys(undefined, { dropOld: true });
      const status = await askApi(bench, await access(mock));
      if (status >= 400) restore();
      return status < 400 ? { ok: true, by: { status } } : failed('the API answered with status {0}', status);
    },
  },
  {
    ...api,
    id: 'resource.cool-down',
    family: 'resource server',
    title: 'Twenty tokens with made-up key IDs cause at most five requests for the key set',
    must: 'wait',
    severity: 'should',
    section: 'no RFC requires it; any caller could make the API flood the issuer',
    needs: 'resource',
    control: 'resource.good',
    async run(bench) {
      const { mock, requests } = bench;
      const [head = '', ...rest] = (await access(mock)).split('.');
      const header = JSON.parse(Buffer.from(head, 'base64url').toString());
      for (let i = 0; i < 20; i += 1) {
        const other = Buffer.from(JSON.stringify({ ...header, kid: `made-up-${i}` })).toString('base64url');
        const status = await askApi(bench, [other, ...rest].join('.'));
        if (status < 400) return notExercised('the API does not look at the key ID');
      }
      const fetched = requests().filter(({ endpoint }) => endpoint === 'jwks').length;
      return fetched <= 5
        ? { ok: true, by: { measured: fetched } }
        : failed('the API requested the key set {0} times', fetched);
    },
  },
];

const mcp = { family: 'MCP', needs: 'mcp', control: 'sign-in' } as const;
const authorization = 'MCP authorization 2025-11-25';
const metadataPath = '/.well-known/oauth-protected-resource';

/** A client that never read the API's metadata knew the issuer by other means. */
const discoveryOf = ({ requests }: ScenarioParts) => requests().find(({ path }) => path.startsWith(metadataPath));

const protocol: readonly Scenario[] = [
  {
    ...mcp,
    id: 'mcp.discovery',
    title: 'The API announces its metadata URL (WWW-Authenticate)',
    must: 'accept',
    severity: 'must',
    section: `${authorization}, Protected Resource Metadata Discovery; RFC 9728 section 5`,
    async run(bench) {
      const is = await bench.signIn();
      if (discoveryOf(bench) === undefined) return failed('the client did not request the metadata of the API');
      return signed(true, is, signInOf(bench.requests()), 'the issuer did not sign the user in');
    },
  },
  underFaults({
    ...mcp,
    id: 'mcp.other-resource',
    title: 'Metadata names another API',
    must: 'refuse',
    severity: 'must',
    section: 'RFC 9728 section 3.3',
    faults: [{ type: 'member', name: 'resource', value: 'https://other.example/api', at: 'resource' }],
    unless: (_, bench) =>
      discoveryOf(bench) === undefined ? observed('the client did not request the metadata of the API') : undefined,
  }),
  underFaults({
    ...mcp,
    id: 'mcp.no-pkce',
    title: 'Issuer metadata does not declare PKCE support',
    must: 'refuse',
    severity: 'must',
    section: `${authorization}, Authorization Code Protection`,
    faults: [{ type: 'member', name: 'code_challenge_methods_supported', at: 'metadata' }],
  }),
  {
    ...mcp,
    id: 'mcp.registration',
    title: 'The client is not registered at the issuer yet',
    must: 'accept',
    severity: 'should',
    section: `${authorization}, Dynamic Client Registration; RFC 7591`,
    options: () => ({ clients: [] }),
    async run(bench) {
      const is = await bench.signIn();
      if (discoveryOf(bench) === undefined) return notExercised('the client did not request the metadata of the API');
      const registered = bench.requests().find(({ endpoint }) => endpoint === 'registration');
      return signed(true, is, registered, 'the client did not register itself');
    },
  },
  {
    ...mcp,
    id: 'mcp.resource-parameter',
    title: 'The client requests tokens for this API (resource)',
    must: 'accept',
    severity: 'must',
    section: `${authorization}, Resource Parameter Implementation; RFC 8707`,
    async run(bench) {
      await bench.signIn();
      const codes = bench.requests().filter(({ grant_type }) => grant_type === 'authorization_code');
      const wrong = [askedFor(bench.requests()), ...codes.map(({ form = {} }) => form)].filter(
        ({ resource = '' }) => !resource.endsWith('/api'),
      );
      return wrong.length > 0 && codes.length > 0
        ? failed('{0} requests did not name the API as resource', wrong.length)
        : passed(codes[0], 'the client did not request tokens');
    },
  },
  {
    ...mcp,
    id: 'mcp.step-up',
    title: 'The API requires another scope (403, insufficient_scope)',
    must: 'accept',
    severity: 'should',
    section: `${authorization}, Step-Up Authorization Flow`,
    async run({ mock, signIn, browser, target, requests }) {
      if (!(await signIn())) return notExercised('the client does not sign in');
      const before = requests().length;
      mock.setFault({ type: 'insufficientScope', scope: 'groups', times: 1 });
      await browser.visit(target.signedIn ?? target.start);
      const after = requests().slice(before);
      const refused = after.find(({ faults }) => faults.includes('insufficientScope'));
      const { scope = '' } = askedFor(after);
      return refused !== undefined && !scope.split(' ').includes('groups')
        ? failed('the client did not request the scope')
        : passed(refused, 'the client did not call the API');
    },
  },
];

/** Scenarios for APIs that verify tokens, and for clients that call an API. */
export const apiScenarios: readonly Scenario[] = [...resources, ...protocol];
