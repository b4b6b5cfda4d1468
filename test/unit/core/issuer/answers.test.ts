import assert from 'node:assert/strict';
import { createDiscovery } from '../../../../src/core/issuer/discovery.ts';
import { createTokenClient } from '../../../../src/core/issuer/tokenEndpoint.ts';
import { type Connection, readConnection } from '../../../../src/core/records/connection.ts';
import { noHandover } from '../../../../src/core/records/journalKeys.ts';
import { createSessions } from '../../../../src/core/records/sessions.ts';
import { storeTokens } from '../../../../src/core/records/storeTokens.ts';
import { createVault } from '../../../../src/core/records/vault.ts';
import { planRefresh } from '../../../../src/core/refresh/autoRefresh.ts';
import { createRefresher } from '../../../../src/core/refresh/refresher.ts';
import { dataOf } from '../../../support/failureOf.ts';
import { type LoopbackServer, loopbackServer } from '../../../support/loopbackServer.ts';
import { testLock, testStore, worldClock } from '../refresh/refreshWorld.ts';

const start = Date.parse('2026-11-26T08:00:00Z');
const OLD = 'first-refresh-token-0001';
const NEW = 'second-refresh-token-0002';
const ACCESS = 'opaque-new-access-token-2';
const good = { access_token: ACCESS, token_type: 'Bearer', expires_in: 3600, refresh_token: NEW };
const { token_type: _, expires_in: __, ...bare } = good;
const camel = { accessToken: ACCESS, refreshToken: NEW, expiresIn: 3600 };
const json = JSON.stringify;

interface Answer {
  readonly status?: number;
  /** `null`: no content type. */
  readonly type?: string | null;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** The connection breaks off behind the body, of which more was announced. */
  readonly cut?: true;
}

/**
 * The real refresher refreshes against a real server that sends this response, starting from imported opaque tokens.
 */
describe('an answer of the token endpoint', () => {
  let server: LoopbackServer;
  let connection: Connection;
  before(async () => {
    server = await loopbackServer(() => {});
    const read = readConnection({ id: 'a', clientId: 'client-1', tokenEndpoint: `${server.origin}/token` });
    assert.ok(read.connection);
    connection = read.connection;
  });
  after(() => server.close());

  async function refresh({ status = 200, type = 'application/json', body, headers = {}, cut }: Answer, scope?: string) {
    server.requests.length = 0;
    server.answer = (_request, response) => {
      const longer = cut && { 'content-length': '5000' };
      response.writeHead(status, { ...(type !== null && { 'content-type': type }), ...headers, ...longer });
      const content = typeof body === 'string' || Buffer.isBuffer(body) ? body : json(body);
      if (cut) response.write(content, () => response.destroy());
      else response.end(content);
    };
    const clock = worldClock(start);
    const store = testStore();
    const parts = {
      clock,
      lock: testLock(),
      handover: noHandover,
      sessions: createSessions(),
      vault: createVault(() => store, store),
    };
    parts.sessions.setConnections([{ connection, memoryOnly: false }], []);
    const { fetch } = globalThis;
    const client = createTokenClient({ fetch, clock, discovery: createDiscovery({ fetch, clock }) });
    const logged: unknown[] = [];
    const refresher = createRefresher({
      ...parts,
      log: (...entry) => logged.push(entry),
      tokenClient: async () => client,
      endpointsOf: async each => ({ token_endpoint: each.tokenEndpoint ?? '' }),
    });
    const raw = { access_token: 'opaque-old', refresh_token: OLD, expires_in: 60, ...(scope && { scope }) };
    await storeTokens(parts, connection, raw, start, new AbortController().signal);
    const { outcome, error } = await refresher.refresh('a');
    const session = parts.sessions.get('a');
    assert.ok(session?.record?.tokens);
    const sent = server.requests.map(request => new URLSearchParams(request.body).get('refresh_token'));
    return { outcome, error, tokens: session.record.tokens, sent, plan: planRefresh(session, 0), logged: json(logged) };
  }

  const slack = 'https://github.com/preset-io/agor/pull/824';
  const laravel = 'wrapped by the framework of an API';
  /**
   * Responses that are understood despite their wrapping or names: the successor is stored, and the old token is sent
   * once.
   */
  const shapes: Readonly<Record<string, readonly [source: string, Answer]>> = {
    'the user of a workspace': [
      slack,
      {
        body: { ok: true, app_id: 'A1', authed_user: { id: 'U1', scope: 'search:read', ...good, token_type: 'user' } },
      },
    ],
    'data around it': [laravel, { body: { data: good, message: 'success', code: 0 } }],
    'result around it': [laravel, { body: { success: true, result: good } }],
    'response around it': [laravel, { body: { response: { tokens: good } } }],
    'tokens and credentials around it': [laravel, { body: { user: { id: 1, credentials: { ...good } } } }],
    'a list of one': [laravel, { body: [good] }],
    'a list of one under a name': [laravel, { body: { items: [{ id: 7 }, good] } }],
    'the type and lifetime outside': [laravel, { body: { token_type: 'Bearer', expires_in: 3600, tokens: bare } }],
    'camel case': [
      'https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html',
      { body: camel },
    ],
    'the names of Cognito': [
      'https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html',
      {
        body: {
          AuthenticationResult: { AccessToken: ACCESS, RefreshToken: NEW, ExpiresIn: 3600, TokenType: 'Bearer' },
        },
      },
    ],
    'an object for each token': [
      'https://github.com/hagopj13/node-express-boilerplate',
      {
        body: {
          access: { token: ACCESS, expires: '2026-11-26T09:00:00.000Z' },
          refresh: { token: NEW, expires: '2026-12-26T08:00:00.000Z' },
        },
      },
    ],
    'access and refresh in two objects': [
      laravel,
      { body: { access: { accessToken: ACCESS, expiresIn: 3600 }, refresh: { refreshToken: NEW, expiresIn: 86_400 } } },
    ],
    'short names': [
      'https://github.com/jpadilla/django-rest-framework-jwt/issues/245',
      { body: { token: ACCESS, refreshToken: NEW, expires: 3600, type: 'Bearer' } },
    ],
    'names and values': [laravel, { body: Object.entries(good).map(([name, value]) => ({ name, value })) }],
    'JSON in JSON': ['the body of a lambda behind a gateway', { body: { statusCode: 200, body: json(good) } }],
    'JSON as one text': ['a body that was encoded twice', { body: json(json(good)) }],
    'JSON behind a guard against scripts': [
      'https://github.com/google/closure-library',
      { body: `)]}'\n${json(good)}` },
    ],
    'JSON as text/html, with a byte order mark': [
      'https://github.com/spring-attic/spring-security-oauth/issues/1268',
      { type: 'text/html', body: `\ufeff${json(good)}` },
    ],
    'JSON that is called a form': [
      'a proxy that rewrites types',
      { type: 'application/x-www-form-urlencoded', body: good },
    ],
    'JSON as octets': ['a proxy that rewrites types', { type: 'application/octet-stream', body: good }],
    'JSON without a type': ['a proxy that rewrites types', { type: null, body: good }],
    ...Object.fromEntries(
      ['text/plain; charset=utf-8', 'text/html', 'application/octet-stream', 'application/json', null].map(type => [
        `a form as ${type}`,
        [
          'https://github.com/golang/oauth2/blob/03cc33e37a7dace8bf83d9029add67ba910935bd/internal/token.go',
          { type, body: `access_token=${ACCESS}&refresh_token=${NEW}&expires_in=3600` },
        ] as const,
      ]),
    ),
    'JSON that was cut off behind the tokens': [
      'a proxy with a limit',
      {
        body: '{"access_token":"opaque-new-access-token-2","expires_in":3600,"refresh_token":"second-refresh-token-0002","scope":"op',
      },
    ],
    'a trailing comma': ['JSON written by hand', { body: json(good).replace('}', ',}') }],
    'single quotes': ['a Python dictionary', { body: json(good).replaceAll('"', "'") }],
    XML: [
      'https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_refresh_token_flow.htm',
      {
        type: 'application/xml',
        body: `<?xml version="1.0"?><OAuth><access_token>${ACCESS}</access_token><refresh_token>${NEW}</refresh_token><expires_in>3600</expires_in></OAuth>`,
      },
    ],
    ...Object.fromEntries(
      ['bot', 'user', 'bearer ', ' BEARER', 'Token', 'JWT', 'N_A', 'access_token', 'mac'].map(token_type => [
        `the type ${json(token_type)}`,
        [
          'https://docs.slack.dev/authentication/using-token-rotation',
          { body: { ...good, ok: true, token_type } },
        ] as const,
      ]),
    ),
    'no type of token': [
      'https://github.com/DuendeArchive/Support/issues/775',
      { body: { ...good, token_type: null } },
    ],
  };
  for (const [name, [source, answer]] of Object.entries(shapes)) {
    it(`is understood: ${name} (${source})`, async () => {
      const { outcome, error, tokens, sent, plan } = await refresh(answer);
      assert.deepEqual([outcome, error, sent], ['refreshed', undefined, [OLD]]);
      assert.deepEqual([tokens.access_token, tokens.refresh_token], [ACCESS, NEW]);
      // Planned by the token's lifetime, so the next refresh is far away.
      assert.ok(Math.abs((tokens.expires_at ?? 0) - start - 3_600_000) <= 1000, String(tokens.expires_at));
      assert.ok('at' in plan && plan.at - start > 3_000_000);
    });
  }

  const xml = (open: string, close: string) =>
    `<o:Token xmlns:o="x">${Object.entries(bare)
      .map(([name, value]) => `<o:${name}>${open}${value}${close}</o:${name}>`)
      .join('\n')}</o:Token>`;
  const form = new URLSearchParams(bare as unknown as Record<string, string>).toString();
  const part = (name: string, value: string) =>
    `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const withoutRefresh = { access_token: ACCESS, token_type: 'Bearer', expires_in: 3600 };
  /** The new refresh token is stored wherever it is in the response, and the old one is not sent again. */
  const places: Readonly<Record<string, Answer>> = {
    'twice, the last time the one that was sent': { body: json(good).replace('}', `,"refresh_token":"${OLD}"}`) },
    'twice, the last time without a value': { body: json(good).replace('}', ',"refresh_token":null}') },
    'in a list with the one that was sent': { body: { ...good, refresh_token: [OLD, NEW] } },
    'below the one that was sent': { body: { ...good, refresh_token: OLD, rotated: { refresh_token: NEW } } },
    'beside the request': { body: { request: { refresh_token: OLD, access_token: 'opaque-old' }, response: good } },
    'as the next one': { body: { ...good, refresh_token: OLD, next_refresh_token: NEW } },
    'in an object by its own name': { body: { ...good, refresh_token: { refresh_token: NEW, expires_in: 9 } } },
    'as Bluesky has it (https://docs.bsky.app/docs/api/com-atproto-server-refresh-session)': {
      body: { accessJwt: ACCESS, refreshJwt: NEW, handle: 'ada' },
    },
    'as Spring writes its own objects': {
      body: {
        accessToken: { tokenValue: ACCESS, expiresAt: '2026-11-26T09:00:00Z' },
        refreshToken: { tokenValue: NEW },
      },
    },
    'in a list of tokens with their types': {
      body: {
        tokens: [
          { type: 'access_token', token: ACCESS },
          { type: 'refresh_token', token: NEW },
        ],
      },
    },
    'with white space around it': { body: { ...good, refresh_token: ` ${NEW}\r\n` } },
    'in the object of the token': { body: { token: good } },
    'in the object of the access token': { body: { access_token: good } },
    'as GraphQL has it, below the name of the mutation': {
      body: { data: { refreshToken: { token: ACCESS, payload: { exp: 1 }, refreshToken: NEW } } },
    },
    'in a cookie': { body: withoutRefresh, headers: { 'set-cookie': `refresh_token=${NEW}; HttpOnly; Path=/` } },
    'in a header': { body: withoutRefresh, headers: { 'x-refresh-token': NEW } },
    'in cookies alone': {
      body: { success: true, message: 'Token refreshed' },
      headers: { 'set-cookie': [`access_token=${ACCESS}; HttpOnly`, `refresh_token=${NEW}; HttpOnly`] },
    },
    'in headers alone': { status: 204, body: '', headers: { 'x-access-token': ACCESS, 'x-refresh-token': NEW } },
    'behind the guard of Angular': { body: `)]}',\n${json(good)}` },
    'under the status of an error': { status: 400, body: good },
    'under the status of a server in trouble': { status: 500, body: good },
    'in UTF-16': { body: Buffer.from(`\ufeff${json(good)}`, 'utf16le') },
    'in base64': { type: 'text/plain', body: Buffer.from(json(good)).toString('base64') },
    'in the payload of a JWT': {
      type: 'application/jwt',
      body: `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${Buffer.from(json(good)).toString('base64url')}.c2ln`,
    },
    'in a page that shows JSON': { type: 'text/html', body: `<pre>${json(good).replaceAll('"', '&quot;')}</pre>` },
    'behind a warning of PHP': { type: 'text/html', body: `<br /><b>Warning</b>: x in <b>y</b><br />\n${json(good)}` },
    'in JSON with comments': { body: json(good).replace('{', '{ // tokens\n') },
    'in lines of JSON': { body: `${json(withoutRefresh)}\n${json({ refresh_token: NEW })}\n` },
    'in JSON without quotes around names': { body: json(good).replace(/"(\w+)":/g, '$1:') },
    'in almost JSON with escapes': { body: json(good).replace('}', ',}').replace('second-', 'second\\u002d') },
    'in YAML': { body: `access_token: ${ACCESS}\nrefresh_token: "${NEW}"\nexpires_in: 3600\n` },
    'in properties': { type: 'text/plain', body: `access_token = ${ACCESS}\nrefresh_token = ${NEW}\n` },
    'in a form with entities': { type: 'text/html', body: form.replaceAll('&', '&amp;') },
    'in a form with semicolons': { type: 'text/plain', body: form.replaceAll('&', ';') },
    'in a form of lines': { type: 'text/plain', body: form.replaceAll('&', '\n') },
    'in a query': { type: 'text/plain', body: `?${form}` },
    'in multipart/form-data': { body: `${part('access_token', ACCESS)}${part('refresh_token', NEW)}--x--` },
    'in XML with prefixes and CDATA': { type: 'application/xml', body: xml('<![CDATA[', ']]>') },
    'in XML with lines': { type: 'application/xml', body: xml('\n  ', '\n  ') },
    'in attributes of XML': { type: 'application/xml', body: `<t access_token="${ACCESS}" refresh_token="${NEW}"/>` },
  };
  for (const [name, answer] of Object.entries(places)) {
    it(`has its new refresh token stored: ${name}`, async () => {
      const { outcome, tokens, sent } = await refresh(answer);
      assert.deepEqual([outcome, tokens.refresh_token, sent], ['refreshed', NEW, [OLD]]);
      assert.equal(tokens.access_token, ACCESS);
    });
  }

  it('keeps its refresh token where GraphQL returns an access token below the name of the mutation', async () => {
    // https://github.com/Usama0121/ariadne-jwt/issues/22
    for (const more of [{}, { refresh_token: null, payload: { exp: 1 } }, { success: true }]) {
      const { outcome, tokens } = await refresh({ body: { data: { refreshToken: { token: ACCESS, ...more } } } });
      assert.deepEqual([outcome, tokens.access_token, tokens.refresh_token], ['refreshed', ACCESS, OLD]);
    }
  });

  it('may have a number for a token, of which no digit is lost', async () => {
    for (const number of ['123456789012', '12345678901234567890123']) {
      const { tokens } = await refresh({ body: json(good).replace(`"${NEW}"`, number) });
      assert.equal(tokens.refresh_token, number);
    }
  });

  it('replaces no refresh token with an invalid value', async () => {
    for (const refresh_token of [
      'null',
      'undefined',
      'None',
      ' \n',
      '[object Object]',
      '********',
      '[REDACTED]',
      '(null)',
      '<null>',
      '"null"',
      '""',
      '{}',
      '-',
      '0',
      '1',
      'NULL',
      'N/A',
      'second-r****************',
      'sec***002',
      'second-xxxxxxxxxx-002',
      'second…0002',
      '$'.concat('{refresh_token}'),
      '{{refresh_token}}',
      '{oauthv2refreshtoken.refresh.refresh_token}',
      '%refresh_token%',
      true,
      0,
      1,
      {},
      [],
      [OLD, ''],
    ]) {
      const { outcome, tokens } = await refresh({ body: { ...good, refresh_token } });
      assert.deepEqual([outcome, tokens.refresh_token], ['refreshed', OLD], json(refresh_token));
    }
    for (const cookie of ['refresh_token=; Path=/', `refresh_token=${NEW}; Max-Age=0`, 'refresh_token=deleted']) {
      const { tokens } = await refresh({ body: withoutRefresh, headers: { 'set-cookie': cookie } });
      assert.equal(tokens.refresh_token, OLD, cookie);
    }
    for (const body of ['refresh_token: expired, sign in', '<p>The refresh_token=is_invalid</p>']) {
      const { tokens, outcome } = await refresh({ type: 'text/html', body });
      assert.deepEqual([outcome, tokens.refresh_token], ['unknown', OLD], body);
    }
  });

  it('shows that the refresh token was kept, unless another one may have been sent', async () => {
    for (const body of [withoutRefresh, { ...good, refresh_token: OLD }, { ...good, refresh_token: null }])
      assert.equal((await refresh({ body })).tokens.refresh_token_kept, true, json(body));
    for (const body of [
      good,
      ...['********', 'second-r****************', '[object Object]', {}].map(text => ({
        ...good,
        refresh_token: text,
      })),
      json(withoutRefresh).slice(0, -1),
      json({ ...good, refresh_token: OLD }).slice(0, -1),
    ]) {
      const { outcome, tokens } = await refresh({ body });
      assert.deepEqual([outcome, tokens.refresh_token_kept], ['refreshed', undefined], json(body));
    }
  });

  it('takes no token from the cookies of a page, nor one without a new refresh token beside it', async () => {
    const access = `access_token=${ACCESS}`;
    for (const [body, cookies] of [
      ['<!doctype html><title>Sign in</title>', [access, `refresh_token=${NEW}`]],
      [{}, [access]],
      [{}, [access, `refresh_token=${OLD}`]],
      [{}, [access, 'refresh_token=; Max-Age=0']],
    ] as const) {
      const { outcome, tokens } = await refresh({ body, headers: { 'set-cookie': cookies } });
      assert.deepEqual([outcome, tokens.access_token], ['unknown', 'opaque-old'], json(cookies));
    }
  });

  it('counts as lost if it says that it succeeded and has no tokens', async () => {
    for (const body of [{ code: 0, message: 'success' }, { code: 200, msg: 'OK', data: null }, { status: 'ok' }]) {
      const { outcome, error } = await refresh({ body });
      assert.deepEqual([outcome, dataOf(error).reason], ['unknown', 'access_token_missing'], json(body));
    }
  });

  it('takes a new refresh token that only looks like a placeholder', async () => {
    for (const refresh_token of [
      'M.C531_BL2.0.U.-Cv!tq*z***8WkXxxxxxxLrT0b$p',
      '{5d6a1d3e-8f0c-4d0b-9a55-0c2f6f1b7a10}',
      'none-the-less-a-token',
    ]) {
      assert.equal((await refresh({ body: { ...good, refresh_token } })).tokens.refresh_token, refresh_token);
    }
  });

  it('has tokens without the quotes and the scheme that are inside of their texts', async () => {
    for (const scheme of ['', 'Bearer ', 'bearer ', 'DPoP ']) {
      const body = { ...good, access_token: `${scheme}${ACCESS}`, refresh_token: `"${NEW}"` };
      const { tokens } = await refresh({ body });
      assert.deepEqual([tokens.access_token, tokens.refresh_token], [ACCESS, NEW]);
    }
  });

  it('has the access token that is repeated without a value', async () => {
    for (const value of ['null', '""']) {
      const { outcome, tokens } = await refresh({ body: json(good).replace('}', `,"access_token":${value}}`) });
      assert.deepEqual([outcome, tokens.access_token, tokens.refresh_token], ['refreshed', ACCESS, NEW]);
    }
  });

  it('is a form whose plus signs of base64 are not encoded', async () => {
    const { tokens } = await refresh({
      type: 'text/plain',
      body: `access_token=Bearer+${ACCESS}+/a=&refresh_token=${NEW}+b==`,
    });
    assert.deepEqual([tokens.access_token, tokens.refresh_token], [`${ACCESS}+/a=`, `${NEW}+b==`]);
  });

  it('is no page of a portal whose script has a token of its own', async () => {
    const body = '<!DOCTYPE html><html><script>var access_token = "portal-token-0123456789";</script></html>';
    const { outcome, tokens } = await refresh({ type: 'text/html', body });
    assert.deepEqual([outcome, tokens.access_token], ['unknown', 'opaque-old']);
  });

  const hours = 12 * 3600;
  const end = start + hours * 1000;
  const absolute = 'https://github.com/open-webui/open-webui/issues/23669';
  for (const [member, value, source] of [
    ['expires_in', `${hours}`, 'https://github.com/CMSgov/bcda-app/issues/806'],
    ['expires_in', `${hours}.0`, 'a number of a language with floats'],
    ['expires_in', `${hours}s`, 'https://protobuf.dev/reference/protobuf/google.protobuf/#duration'],
    ['expires_in', '12h', 'https://github.com/vercel/ms'],
    ['expires_in', 'PT12H', 'ISO 8601'],
    [
      'expires_in',
      '12:00:00',
      'https://learn.microsoft.com/dotnet/standard/base-types/standard-timespan-format-strings',
    ],
    ['expires_in', end / 1000, 'a date under the name of a lifetime'],
    ['expiresIn', hours, 'camel case'],
    ['expires', hours, absolute],
    ['expireIn', hours, 'https://open.dingtalk.com/document/orgapp/obtain-user-token'],
    ['expire_time', end / 1000, absolute],
    ['expires_at', end / 1000, absolute],
    ['expires_at', end, absolute],
    ['expires_at', `${end / 1000}`, absolute],
    ['expiresAt', new Date(end).toISOString(), 'https://docs.rs/crate/aws-config/1.8.16/source/src/sso/cache.rs'],
    [
      'expiresAt',
      '2026-11-26T20:00:00UTC',
      'https://github.com/aws/aws-cli/blob/develop/awscli/customizations/sso/utils.py',
    ],
    ['expires_on', `${end / 1000}`, 'https://learn.microsoft.com/entra/identity-platform/v1-protocols-oauth-code'],
    ['expiry', '2026-11-26T20:00:00.000000Z', 'https://pkg.go.dev/golang.org/x/oauth2#Token'],
    ['expiry_date', end, 'https://github.com/googleapis/google-auth-library-nodejs'],
    ['expirationTime', end, 'https://github.com/firebase/flutterfire/issues/8058'],
    ['access_token_expires_at', new Date(end).toUTCString(), absolute],
    ['accessTokenExpiresAt', new Date(end).toISOString(), 'https://github.com/node-oauth/node-oauth2-server'],
    ...(
      [
        ['expires_in_ms', hours * 1000],
        ['expiresInMs', hours * 1000],
        ['expiresInMs', `${hours * 1000}`],
        ['expires_in_ms', end],
        ['expires_in_millis', hours * 1000],
        ['expiresInMilliseconds', hours * 1000],
        ['expires_in_seconds', hours],
        ['expires_in_secs', hours],
        ['expires_in_s', hours],
        ['expires_in_minutes', 12 * 60],
        ['expiresInMins', 12 * 60],
        ['expires_in_hours', 12],
        ['expireInDays', 0.5],
        ['ttl_ms', hours * 1000],
        ['ttlSeconds', hours],
        ['ttl_minutes', '720'],
        ['lifetime_in_seconds', hours],
        ['tokenLifetimeMs', hours * 1000],
        ['access_token_ttl_hours', 12],
        ['accessTokenExpiresInMs', hours * 1000],
        ['max_age_seconds', hours],
        ['valid_for_minutes', 12 * 60],
        ['validFor', hours],
        ['expires_at_ms', end],
        ['expiresAtMillis', `${end}`],
        ['expires_at_seconds', end / 1000],
        ['expiry_ms', end],
        ['expiration_ms', hours * 1000],
      ] as const
    ).map(([member, value]) => [member, value, 'the unit is in the name'] as const),
  ] as const) {
    it(`says with ${member} ${value} when the access token ends (${source})`, async () => {
      const { expires_in: _, ...others } = good;
      const { tokens, plan } = await refresh({ body: { ...others, [member]: value } });
      assert.equal(tokens.expires_at, end);
      assert.ok('at' in plan && plan.at > start + 10 * 3_600_000);
    });
  }

  for (const [member, value, expected] of [
    ['refresh_expires_in', hours, end],
    ['refresh_token_expires_in', `${hours}`, end],
    ['x_refresh_token_expires_in', hours, end],
    ['refreshTokenExpiresAt', end, end],
    ['refresh_token_expires_at', end / 1000, end],
    ['refresh_expires_in_ms', hours * 1000, end],
    ['refreshTokenExpiresInMs', hours * 1000, end],
    ['refresh_token_ttl_minutes', 12 * 60, end],
    ['refresh_token_lifetime_hours', '12', end],
    ['refresh_expires_in', 0, undefined],
  ] as const) {
    it(`says with ${member} ${value} when the refresh token ends`, async () => {
      const { tokens } = await refresh({ body: { ...good, [member]: value } });
      assert.equal(tokens.refresh_expires_at, expected);
    });
  }

  for (const name of ['bearer', 'bearerToken', 'authToken', 'auth_token', 'apiToken', 'sessionToken', 'jwtToken']) {
    it(`has the access token as ${name}, with or without its scheme`, async () => {
      for (const value of [ACCESS, `Bearer ${ACCESS}`]) {
        const { tokens } = await refresh({ body: { [name]: value, refresh_token: NEW, expires_in: 3600 } });
        assert.deepEqual([tokens.access_token, tokens.refresh_token], [ACCESS, NEW]);
      }
    });
  }

  it('ends by the exp of its access token, also if that is a text', async () => {
    const { expires_in: _, ...others } = good;
    for (const exp of [end / 1000, `${end / 1000}`]) {
      const [header, payload] = [{ alg: 'RS256' }, { exp }].map(each => Buffer.from(json(each)).toString('base64url'));
      const { tokens } = await refresh({ body: { ...others, access_token: `${header}.${payload}.c2ln` } });
      assert.equal(tokens.expires_at, end);
    }
  });

  it('has dates on the clock of the issuer', async () => {
    const date = new Date(start - 3_600_000).toUTCString();
    const { expires_in: _, ...others } = good;
    const { tokens } = await refresh({ body: { ...others, expires_at: start / 1000 }, headers: { date } });
    assert.equal(tokens.expires_at, start + 3_600_000);
  });

  for (const value of [0, start / 1000 - 5, '0001-01-01T00:00:00Z', 'never', -1]) {
    it(`has no known end with expires_at ${value}, so that nothing is refreshed without pause`, async () => {
      const { expires_in: _, ...others } = good;
      const { outcome, tokens, plan } = await refresh({ body: { ...others, expires_at: value } });
      assert.deepEqual([outcome, tokens.expires_at, plan], ['refreshed', undefined, { never: 'end_unknown' }]);
    });
  }

  // GitHub and Slack put commas between scopes, and some frameworks send flags.
  for (const [scope, means] of [
    ['repo,read:user', 'repo read:user'],
    ['read, write', 'read write'],
    [{ read: true, write: true, admin: false }, 'read write'],
    ['https://a.example/x,y https://b.example', 'https://a.example/x,y https://b.example'],
    ['https://a.example/x,y', 'https://a.example/x,y'],
  ] as const) {
    it(`reads the scope ${json(scope)} as ${means}`, async () => {
      assert.equal((await refresh({ body: { ...good, scope } })).tokens.scope, means);
    });
  }

  for (const scope of [['chat:read'], ['chat:read', 'chat:write'], 'chat:read']) {
    it(`grants the scope ${json(scope)} (https://github.com/better-auth/better-auth/pull/9758)`, async () => {
      const { tokens } = await refresh({ body: { ...good, scope } }, 'chat:read chat:edit');
      assert.equal(tokens.scope, [scope].flat().join(' '));
    });
  }

  it('keeps a new refresh token although there is no access token, and says so only then', async () => {
    const kept = await refresh({ body: { token_type: 'Bearer', refresh_token: NEW } });
    assert.deepEqual([kept.outcome, kept.tokens.refresh_token, kept.sent], ['retryable', NEW, [OLD]]);
    assert.deepEqual([dataOf(kept.error).reason, dataOf(kept.error).refreshToken], ['access_token_missing', true]);
    for (const body of [{ token_type: 'Bearer', refresh_token: OLD }, { ok: true, access_token: '' }, { ok: true }]) {
      const { error, tokens } = await refresh({ body });
      assert.deepEqual([dataOf(error).refreshToken, tokens.refresh_token], [undefined, OLD], json(body));
    }
  });

  it('keeps a whole new refresh token of JSON that breaks off, and does not send the old one again', async () => {
    const open = json(good).slice(0, -1);
    for (const body of [open, `${open},"scope":"op`, `${open}\n`, `{"data":${open}`, `${open},"expires_at":17`]) {
      const { outcome, tokens, sent } = await refresh({ cut: true, body });
      assert.deepEqual([outcome, tokens.access_token, tokens.refresh_token, sent], ['refreshed', ACCESS, NEW, [OLD]]);
    }
    const halved = `{"refresh_token":"${NEW}","access_token":"${ACCESS}","expires_in":36`;
    const { tokens, plan } = await refresh({ cut: true, body: halved });
    assert.deepEqual([tokens.refresh_token, tokens.expires_at, plan], [NEW, undefined, { never: 'end_unknown' }]);
    // The refresh token comes first, so only the access token is incomplete.
    const first = await refresh({ cut: true, body: `{"refresh_token":"${NEW}","access_token":"opaque-n` });
    assert.deepEqual([first.outcome, first.tokens.refresh_token, first.sent], ['retryable', NEW, [OLD]]);
    assert.equal(first.tokens.access_token, 'opaque-old');
  });

  it('sends the old refresh token again if no new one arrived whole', async () => {
    for (const body of [
      json(good).slice(0, -5),
      `{"access_token":"${ACCESS}","expires_in":3600,"refr`,
      `{"refresh_token":"${OLD}","access_token":"${ACCESS}","rotated":{"refr`,
      '{"access_token":"opaque-new-access-token-2","refresh_token":12345678901234567',
      `access_token=${ACCESS}&refresh_token=second-refresh-tok`,
      `access_token: ${ACCESS}\nrefresh_token: second-refresh-tok`,
    ]) {
      const { outcome, error, tokens, sent } = await refresh({ cut: true, body });
      assert.deepEqual([outcome, error?.code, sent], ['unknown', 'connection_reset', [OLD, OLD]], body);
      assert.equal(tokens.refresh_token, OLD);
    }
  });

  it('takes nothing that was not sent whole', async () => {
    const { outcome, tokens, sent } = await refresh({ body: '{"refresh_token":"second-refresh-tok' });
    assert.deepEqual([outcome, tokens.refresh_token, sent], ['unknown', OLD, [OLD, OLD]]);
  });

  /** Rejections in other formats than OAuth's. `ended`: the refresh token itself is rejected. */
  const refusals: readonly (readonly [
    what: 'ended' | 'sign in again' | 'kept',
    source: string,
    status: number,
    body: unknown,
    words: string,
  ])[] = [
    [
      'ended',
      'https://github.com/decolua/9router/pull/1821',
      401,
      {
        error: {
          message: 'Could not validate your token. Please try signing in again.',
          type: 'invalid_request_error',
          param: null,
          code: 'token_expired',
        },
      },
      'Could not validate your token. Please try signing in again.',
    ],
    [
      'ended',
      'https://github.com/openai/codex/issues/17265',
      401,
      {
        error: {
          message: 'Your refresh token has already been used to generate a new access token.',
          type: 'invalid_request_error',
          code: 'refresh_token_reused',
        },
      },
      'Your refresh token has already been used to generate a new access token.',
    ],
    [
      'ended',
      'https://github.com/twitchdev/issues/issues/1037',
      400,
      { status: 400, message: 'Invalid refresh token' },
      'Invalid refresh token',
    ],
    ['ended', 'https://github.com/schmorrison/Zoho/pull/18', 200, { error: 'invalid_code' }, 'invalid_code'],
    [
      'ended',
      'https://github.com/preset-io/agor/pull/824',
      200,
      { ok: false, error: 'invalid_refresh_token' },
      'invalid_refresh_token',
    ],
    [
      'ended',
      'https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/',
      403,
      { error: 'unauthorized_client', error_description: 'refresh_token is invalid' },
      'refresh_token is invalid',
    ],
    [
      'ended',
      'https://developers.weixin.qq.com/doc/oplatform/en/Website_App/WeChat_Login/Wechat_Login.html',
      200,
      { errcode: 40030, errmsg: 'invalid refresh_token' },
      'invalid refresh_token',
    ],
    [
      'ended',
      'https://developer.okta.com/docs/reference/error-codes/',
      400,
      { errorCode: 'E0000011', errorSummary: 'The refresh token is invalid or expired.' },
      'The refresh token is invalid or expired.',
    ],
    [
      'ended',
      'JSON:API errors',
      400,
      { errors: [{ status: '400', title: 'Bad Request', detail: 'Refresh token has been revoked' }] },
      'Refresh token has been revoked',
    ],
    [
      'ended',
      'a GraphQL gateway',
      200,
      { errors: [{ message: 'Refresh Token Expired' }], data: null },
      'Refresh Token Expired',
    ],
    [
      'ended',
      'https://docs.apigee.com/api-platform/reference/policies/oauthv2-policy',
      401,
      {
        fault: {
          faultstring: 'Refresh Token expired',
          detail: { errorcode: 'keymanagement.service.refresh_token_expired' },
        },
      },
      'Refresh Token expired',
    ],
    [
      'ended',
      'https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html',
      400,
      { __type: 'NotAuthorizedException', message: 'Refresh Token has been revoked' },
      'Refresh Token has been revoked',
    ],
    ['ended', 'words under the name of a code', 400, { error: 'Refresh token not found' }, 'Refresh token not found'],
    ['ended', 'RFC 6750 at a token endpoint', 401, { error: 'invalid_token' }, 'invalid_token'],
    ['ended', 'a form', 400, 'error=bad_refresh_token&error_description=It+is+over', 'It is over'],
    [
      'ended',
      'an answer in an answer',
      200,
      { statusCode: 400, body: '{"error":{"code":"REFRESH_TOKEN_EXPIRED","message":"Over"}}' },
      'Over',
    ],
    [
      'sign in again',
      'a session of the issuer',
      401,
      { message: 'Session expired. Please log in again.' },
      'Session expired. Please log in again.',
    ],
    [
      'sign in again',
      'words of consent',
      400,
      { error: 'consent_gone', error_description: 'You must re-authorize the application.' },
      'You must re-authorize the application.',
    ],
    [
      'kept',
      'https://github.com/okta/okta-idx-java/issues/500',
      401,
      {
        errorCode: 'invalid_client',
        errorSummary: "Invalid value for 'client_id' parameter.",
        errorLink: 'invalid_client',
        errorId: 'oae1',
        errorCauses: [],
      },
      "Invalid value for 'client_id' parameter.",
    ],
    ['kept', 'a gateway', 403, { Message: 'Missing Authentication Token' }, 'Missing Authentication Token'],
    [
      'kept',
      'a parameter',
      400,
      { error: 'invalid_request', error_description: 'The refresh_token parameter is missing or invalid.' },
      'The refresh_token parameter is missing or invalid.',
    ],
    [
      'kept',
      'a client',
      401,
      { error: 'invalid_client', error_description: 'The client assertion token is expired.' },
      'The client assertion token is expired.',
    ],
    [
      'kept',
      'RFC 9457',
      400,
      { type: 'about:blank', title: 'Bad Request', status: 400, detail: 'No such tenant' },
      'No such tenant',
    ],
    [
      'kept',
      'https://developers.onelogin.com/api-docs/1/getting-started/authorizing-resource-api-calls',
      401,
      { status: { error: true, code: 401, type: 'Unauthorized', message: 'Authentication Failure' } },
      'Authentication Failure',
    ],
    ['kept', 'a framework', 400, { success: false, data: { reason: 'Tenant is disabled' } }, 'Tenant is disabled'],
  ];
  for (const [what, source, status, body, words] of refusals) {
    it(`is a refusal, ${what}, with the words of the issuer: ${words} (${source})`, async () => {
      const { outcome, error, tokens, sent } = await refresh({ status, body });
      assert.equal(outcome, what === 'ended' ? 'reauthRequired' : 'retryable');
      assert.deepEqual([tokens.refresh_token, sent], [OLD, [OLD]]);
      assert.equal(error?.data.signInAgain, what === 'sign in again' ? true : undefined);
      assert.ok(
        [error?.data.error, error?.data.error_description, error?.data.firstLine].includes(words),
        json(error?.data),
      );
    });
  }

  it('may be in the charset of its country', async () => {
    const said = Buffer.concat([
      Buffer.from('{"code":401,"msg":"'),
      Buffer.from('cba2d0c2c1eec5c6d2d1b9fdc6da', 'hex'),
    ]);
    const body = Buffer.concat([said, Buffer.from('"}')]);
    const { outcome, error } = await refresh({ type: 'application/json;charset=GBK', body });
    assert.deepEqual([outcome, error?.data.firstLine], ['reauthRequired', '刷新令牌已过期']);
  });

  it('means the refresh token in no words of a server in trouble', async () => {
    for (const status of [429, 500, 503]) {
      const { error } = await refresh({ status, body: { message: 'Invalid refresh token' } });
      assert.equal(error?.data.ended, undefined);
    }
  });

  it('names the client and other identifiers, which are no secrets, and repeats no token', async () => {
    const words = `AADSTS700016: Application '6731de76-14a6-49ae-97bc-6eba6914391e' of client-1 knows no ${OLD} and no eyJhbGciOiJub25lIn0.e30.`;
    const { error } = await refresh({ status: 400, body: { error: 'invalid_request', error_description: words } });
    assert.equal(
      error?.data.error_description,
      "AADSTS700016: Application '6731de76-14a6-49ae-97bc-6eba6914391e' of client-1 knows no [hidden] and no [hidden]",
    );
  });
});
