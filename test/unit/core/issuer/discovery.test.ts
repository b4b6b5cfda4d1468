import assert from 'node:assert/strict';
import { failureKind } from '../../../../src/core/errorTable.ts';
import { createDiscovery, metadataUrls, resolveEndpoints } from '../../../../src/core/issuer/discovery.ts';
import type { Fetch } from '../../../../src/core/ports.ts';
import { readConnection } from '../../../../src/core/records/connection.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { loopbackServer, reply } from '../../../support/loopbackServer.ts';
import { manualClock } from '../../../support/manualClock.ts';

const issuer = 'https://login.example.com';
const metadata = {
  issuer,
  token_endpoint: `${issuer}/token`,
  authorization_endpoint: `${issuer}/authorize`,
  jwks_uri: `${issuer}/keys`,
};
const oidc = '/.well-known/openid-configuration';
const oauth = '/.well-known/oauth-authorization-server';

/** A fetch that responds by path; unknown paths are a 404. */
function site(pages: Readonly<Record<string, unknown>>) {
  const asked: string[] = [];
  const fetch: Fetch = async input => {
    const { pathname } = new URL(input);
    asked.push(pathname);
    const page = pages[pathname];
    if (page === undefined) return new Response('Not Found', { status: 404 });
    if (page instanceof Error) throw page;
    if (page instanceof Response) return page.clone();
    return typeof page === 'string' ? new Response(page) : Response.json(page);
  };
  return { asked, fetch };
}

function discover(pages: Readonly<Record<string, unknown>>, of = issuer) {
  const { asked, fetch } = site(pages);
  const result = createDiscovery({ fetch, clock: manualClock() }).metadata(of, new AbortController().signal);
  return { asked, result };
}

const html = '<!doctype html><html><title>Sign in</title></html>';

describe('discovery', () => {
  it('asks the OpenID Connect place first', async () => {
    const { asked, result } = discover({ [oidc]: metadata, [oauth]: metadata });
    assert.deepEqual(await result, metadata);
    assert.deepEqual(asked, [oidc]);
  });

  for (const [name, page] of Object.entries({
    'a 404': undefined,
    'a 400': new Response('', { status: 400 }),
    'a 401': new Response('', { status: 401 }),
    'a 403': new Response('', { status: 403 }),
    'a 405': new Response('', { status: 405 }),
    'a 410': new Response('', { status: 410 }),
    'a start page for every path': html,
    'a redirect to a login page': new Response(null, {
      status: 302,
      headers: { location: 'https://sso.example/login' },
    }),
  })) {
    it(`goes on to RFC 8414 after ${name}`, async () => {
      const { asked, result } = discover({ [oidc]: page, [oauth]: metadata });
      assert.deepEqual(await result, metadata);
      assert.deepEqual(asked, [oidc, oauth]);
    });
  }

  for (const [of, urls] of [
    [issuer, [oidc, oauth]],
    [`${issuer}/`, [oidc, oauth]],
    [`${issuer}/realms/a`, [`/realms/a${oidc}`, `${oauth}/realms/a`, `/realms/a${oauth}`]],
    [`${issuer}/realms/a/`, [`/realms/a${oidc}`, `${oauth}/realms/a`, `/realms/a${oauth}`]],
  ] as const) {
    it(`looks for ${of} in ${urls.length} places`, async () => {
      assert.deepEqual(
        metadataUrls(new URL(of)),
        urls.map(path => issuer + path),
      );
      for (const path of urls) {
        const { result } = discover({ [path]: { ...metadata, issuer: of } }, of);
        assert.equal((await result).issuer, of);
      }
      const { asked, result } = discover({}, of);
      const error = await failureOf(result);
      assert.deepEqual([error.code, error.data], ['metadata_not_found', { issuer: of, status: 404, sent: false }]);
      assert.deepEqual(asked, urls);
    });
  }

  it('asks for JSON, and sends nothing else', async () => {
    const server = await loopbackServer((_, response) => reply(response, 200, { ...metadata, issuer: server.origin }));
    const discovery = createDiscovery({ fetch: globalThis.fetch, clock: manualClock() });
    await discovery.metadata(server.origin);
    const [request] = server.requests;
    await server.close();
    assert.deepEqual([request?.method, request?.path, request?.body], ['GET', oidc, '']);
    assert.equal(request?.headers.accept, 'application/json');
    assert.equal(request?.headers.authorization, undefined);
    assert.equal(request?.headers.cookie, undefined);
  });

  describe('holds the issuer to its name', () => {
    for (const [set, said, difference] of [
      [issuer, `${issuer}/`, 'slash'],
      [`${issuer}/`, issuer, 'slash'],
      [issuer, 'https://LOGIN.example.com', undefined],
      [issuer, `${issuer}:443`, undefined],
      [issuer, 'http://login.example.com', undefined],
      [issuer, 'https://evil.example', undefined],
      [issuer, `${issuer}/realms/a`, undefined],
      // https://github.com/coreos/go-oidc/issues/212
      [`${issuer}/common/v2.0`, `${issuer}/{tenantid}/v2.0`, 'placeholder'],
      [issuer, 'login.example.com', 'scheme'],
    ] as const) {
      it(`${set} is not ${said}`, async () => {
        const path = new URL(set).pathname.replace(/\/$/, '');
        const error = await failureOf(discover({ [path + oidc]: { ...metadata, issuer: said } }, set).result);
        assert.deepEqual(
          [error.code, error.data],
          ['issuer_mismatch', { expected: set, found: said, ...(difference && { difference }), sent: false }],
        );
      });
    }

    // https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken
    it('and takes the older name of Google for Google alone', async () => {
      const google = 'https://accounts.google.com';
      const { result } = discover({ [oidc]: { ...metadata, issuer: 'accounts.google.com' } }, google);
      assert.equal((await result).issuer, google);
    });

    it('makes the other name visible', async () => {
      const error = await failureOf(discover({ [oidc]: { ...metadata, issuer: `${issuer}\u202e` } }).result);
      assert.equal(error.data.found, `${issuer}\\u{202e}`);
    });
  });

  for (const [name, page, reason] of [
    ['a web page', html, 'html'],
    ['half a JSON', '{"issuer":"https://login', 'not_json'],
    ['nothing', '', 'not_json'],
    ['a list', [], 'not_an_object'],
    ['null', 'null', 'not_an_object'],
    ['no issuer', { token_endpoint: metadata.token_endpoint }, 'issuer_missing'],
    ['an issuer that is a number', { ...metadata, issuer: 1 }, 'issuer_missing'],
    ['status 206', Response.json(metadata, { status: 206 }), 'status'],
  ] as const) {
    it(`cannot use ${name}`, async () => {
      const error = await failureOf(discover({ [oidc]: page }).result);
      assert.deepEqual([error.code, error.data.reason, error.data.sent], ['metadata_invalid', reason, false]);
    });
  }

  for (const [name, value] of Object.entries({
    token_endpoint: 'http://login.example.com/token',
    jwks_uri: 'http://login.example.com/keys',
    authorization_endpoint: 'http://evil.example/authorize',
    // A remote issuer must not have tokens sent to a server on this machine.
    revocation_endpoint: 'http://127.0.0.1:8080/revoke',
    introspection_endpoint: 'http://localhost/introspect',
  })) {
    it(`refuses ${name} at ${value}, and nothing but that`, async () => {
      const { asks, others } = await resolving({ [name]: value }, name);
      const error = await failureOf(asks);
      assert.deepEqual([error.code, error.data.field, error.data.sent], ['url_insecure', name, false]);
      assert.equal(await others, true);
    });
  }

  // https://github.com/wundergraph/wundergraph/pull/373 has the case of an empty endpoint.
  for (const name of [
    'token_endpoint',
    'end_session_endpoint',
    'jwks_uri',
    'userinfo_endpoint',
    'revocation_endpoint',
  ]) {
    for (const value of ['javascript:alert(1)', '/token', 'https://a:canary@login.example.com', '', [], 7, {}, false]) {
      it(`refuses ${name} ${JSON.stringify(value)}, and nothing but that`, async () => {
        const { asks, others } = await resolving({ [name]: value }, name);
        const error = await failureOf(asks);
        const isUrl = typeof value === 'string' && value !== '';
        assert.deepEqual(
          [error.code, error.data.field ?? error.data.endpoint, error.data.sent],
          [isUrl ? 'url_invalid' : 'metadata_invalid', name, false],
        );
        assert.doesNotMatch(JSON.stringify(error.data), /canary/);
        assert.equal(await others, true);
      });
    }
  }

  /** The result for this endpoint, and whether all others remain usable. */
  async function resolving(members: object, name: string) {
    const all = { ...metadata, revocation_endpoint: `${issuer}/revoke`, end_session_endpoint: `${issuer}/end` };
    const { fetch } = site({ [oidc]: { ...all, ...members } });
    const discovery = createDiscovery({ fetch, clock: manualClock() });
    const { connection } = readConnection({ id: 'a', clientId: 'app', issuer });
    assert.ok(connection);
    const names = Object.keys(all).filter(each => each !== 'issuer' && each !== name) as 'token_endpoint'[];
    return {
      asks: resolveEndpoints(connection, discovery, undefined, [name as 'token_endpoint']),
      others: resolveEndpoints(connection, discovery, undefined, names).then(found => names.every(each => found[each])),
    };
  }

  describe('follows a redirect', () => {
    for (const status of [301, 302, 303, 307, 308]) {
      it(`within the origin (${status}), since no token is sent`, async () => {
        const { asked, result } = discover({
          [oidc]: new Response(null, { status, headers: { location: '/v2/configuration' } }),
          '/v2/configuration': metadata,
        });
        assert.deepEqual(await result, metadata);
        assert.deepEqual(asked, [oidc, '/v2/configuration']);
      });
    }

    it('three times at most', async () => {
      const to = (location: string) => new Response(null, { status: 302, headers: { location } });
      const pages = { [oidc]: to('/1'), '/1': to('/2'), '/2': to('/3'), '/3': metadata };
      assert.deepEqual(await discover(pages).result, metadata);
      const { asked, result } = discover({ [oidc]: to(oidc) });
      const error = await failureOf(result);
      assert.deepEqual([error.code, error.data.location], ['redirect_refused', issuer + oidc]);
      assert.deepEqual(asked.slice(0, 5), [oidc, oidc, oidc, oidc, oauth]);
    });

    for (const location of ['https://other.example/realms/a', 'http://login.example.com/x', `${issuer}:8443/x`]) {
      it(`not to another origin, and names it: ${location}`, async () => {
        const page = new Response(null, { status: 302, headers: { location: `${location}?canary` } });
        const { asked, result } = discover({ [oidc]: page });
        const error = await failureOf(result);
        assert.deepEqual([error.code, error.data.location], ['redirect_refused', location]);
        assert.deepEqual(asked, [oidc, oauth]);
      });
    }
  });

  it('takes loopback endpoints of a loopback issuer', async () => {
    const local = { issuer: 'http://127.0.0.1:8080', token_endpoint: 'http://127.0.0.1:8080/token' };
    assert.deepEqual(await discover({ [oidc]: local }, local.issuer).result, local);
  });

  it('keeps what it knows, in the types that it should have', async () => {
    const { result } = discover({
      [oidc]: {
        ...metadata,
        scopes_supported: ['openid', 1, 'email'],
        grant_types_supported: 'refresh_token',
        authorization_response_iss_parameter_supported: true,
        require_pushed_authorization_requests: 'yes',
        revocation_endpoint: null,
        something_else: 'canary',
      },
    });
    assert.deepEqual(await result, {
      ...metadata,
      scopes_supported: ['openid', 'email'],
      authorization_response_iss_parameter_supported: true,
    });
  });

  for (const [of, code] of [
    ['http://login.example.com', 'url_insecure'],
    ['https://login.example.com?a', 'url_invalid'],
    ['https://login.example.com#a', 'url_invalid'],
    ['login', 'url_invalid'],
  ] as const) {
    it(`asks nothing of ${of}`, async () => {
      const { asked, result } = discover({}, of);
      assert.equal((await failureOf(result)).code, code);
      assert.deepEqual(asked, []);
    });
  }

  describe('stops at once', () => {
    for (const [name, page, code] of [
      ['a 429', new Response('', { status: 429, headers: { 'retry-after': '7' } }), 'http_error'],
      ['a 503', new Response('', { status: 503 }), 'http_error'],
      ['a refused connection', failing('ECONNREFUSED'), 'connection_refused'],
      ['a reset connection', failing('ECONNRESET'), 'connection_reset'],
    ] as const) {
      it(`at ${name}, which loses no token`, async () => {
        const { asked, result } = discover({ [oidc]: page, [oauth]: metadata });
        const error = await failureOf(result);
        assert.equal(error.code, code);
        assert.equal(error.data.sent, false);
        assert.equal(failureKind(error), 'retryable');
        assert.deepEqual(asked, [oidc]);
        if (name === 'a 429') assert.equal(error.data.retryAfter, 7000);
      });
    }
  });

  describe('remembers', () => {
    const counting = () => {
      const { asked, fetch } = site({ [oidc]: metadata });
      const clock = manualClock();
      return { asked, clock, discovery: createDiscovery({ fetch, clock }) };
    };

    it('an answer for ten minutes', async () => {
      const { asked, clock, discovery } = counting();
      await discovery.metadata(issuer);
      clock.advance(599_999);
      await discovery.metadata(issuer);
      assert.equal(asked.length, 1);
      clock.advance(1);
      await discovery.metadata(issuer);
      assert.equal(asked.length, 2);
    });

    it('no failure', async () => {
      const pages: Record<string, unknown> = {};
      const { fetch } = site(pages);
      const discovery = createDiscovery({ fetch, clock: manualClock() });
      await failureOf(discovery.metadata(issuer));
      pages[oidc] = metadata;
      assert.equal((await discovery.metadata(issuer)).issuer, issuer);
    });

    it('asks once for callers at the same time', async () => {
      const { asked, discovery } = counting();
      await Promise.all(Array.from({ length: 20 }, () => discovery.metadata(issuer)));
      assert.equal(asked.length, 1);
    });

    it('lets one caller leave and the others have their answer', async () => {
      const { asked, discovery } = counting();
      const abort = new AbortController();
      const left = failureOf(discovery.metadata(issuer, abort.signal));
      const stayed = discovery.metadata(issuer);
      abort.abort();
      assert.equal((await left).code, 'cancelled');
      assert.equal((await stayed).issuer, issuer);
      assert.equal(asked.length, 1);
    });

    it('ends the request with the last caller, and starts a new one for the next', async () => {
      const signals: (AbortSignal | null | undefined)[] = [];
      let ask = () => {};
      const asked = new Promise<void>(resolve => {
        ask = resolve;
      });
      const fetch: Fetch = async (_, init) => {
        signals.push(init.signal);
        ask();
        return signals.length === 1 ? new Promise(() => {}) : Response.json(metadata);
      };
      const discovery = createDiscovery({ fetch, clock: manualClock() });
      const abort = new AbortController();
      const left = failureOf(discovery.metadata(issuer, abort.signal));
      await asked;
      abort.abort();
      assert.deepEqual([(await left).code, (await left).data.sent], ['cancelled', false]);
      assert.equal(signals[0]?.aborted, true);
      assert.equal((await discovery.metadata(issuer)).issuer, issuer);
    });

    it('asks nothing for a caller that has left already', async () => {
      const { asked, discovery } = counting();
      assert.equal((await failureOf(discovery.metadata(issuer, AbortSignal.abort()))).code, 'cancelled');
      assert.deepEqual(asked, []);
    });
  });
});

describe('resolveEndpoints', () => {
  const connectionOf = (fields: object) => {
    const { connection } = readConnection({ id: 'a', clientId: 'app', ...fields });
    assert.ok(connection);
    return connection;
  };
  const known = () => {
    const { asked, fetch } = site({ [oidc]: metadata });
    return { asked, discovery: createDiscovery({ fetch, clock: manualClock() }) };
  };

  it('takes what the metadata says', async () => {
    const { discovery } = known();
    const endpoints = await resolveEndpoints(connectionOf({ issuer }), discovery);
    assert.deepEqual(endpoints, metadata);
  });

  it('asks nothing where the settings name what is needed', async () => {
    for (const fields of [{}, { issuer }]) {
      const { asked, discovery } = known();
      const endpoints = await resolveEndpoints(
        connectionOf({ ...fields, tokenEndpoint: 'https://a.example/token' }),
        discovery,
      );
      assert.deepEqual(endpoints, { ...fields, token_endpoint: 'https://a.example/token' });
      assert.deepEqual(asked, []);
    }
  });

  it('puts the settings over the metadata', async () => {
    const { discovery } = known();
    const endpoints = await resolveEndpoints(
      connectionOf({ issuer, jwksUri: 'https://a.example/keys' }),
      discovery,
      undefined,
      ['token_endpoint', 'jwks_uri'],
    );
    assert.deepEqual(endpoints, { ...metadata, jwks_uri: 'https://a.example/keys' });
  });

  it('says which endpoint is missing, and where to set it', async () => {
    const { discovery } = known();
    const error = await failureOf(
      resolveEndpoints(connectionOf({ issuer }), discovery, undefined, ['revocation_endpoint']),
    );
    assert.deepEqual(
      [error.code, error.data],
      ['endpoint_missing', { endpoint: 'revocation_endpoint', setting: 'revocationEndpoint', sent: false }],
    );
    const other = await failureOf(
      resolveEndpoints(connectionOf({ tokenEndpoint: 'https://a.example/token' }), discovery, undefined, [
        'userinfo_endpoint',
      ]),
    );
    assert.deepEqual(other.data, { endpoint: 'userinfo_endpoint', setting: 'userinfoEndpoint', sent: false });
  });

  it('checks the settings again, wherever the connection came from', async () => {
    const { discovery } = known();
    const connection = { ...connectionOf({ issuer }), tokenEndpoint: 'http://evil.example/token' };
    assert.equal((await failureOf(resolveEndpoints(connection, discovery))).code, 'url_insecure');
  });
});

describe("the issuer's words instead of metadata", () => {
  type Server = Awaited<ReturnType<typeof loopbackServer>>;
  let server: Server;
  before(async () => {
    server = await loopbackServer((_, response) => reply(response, 404, ''));
  });
  after(() => server.close());

  const failure = () =>
    failureOf(createDiscovery({ fetch, clock: manualClock() }).metadata(server.origin, new AbortController().signal));

  const said: readonly (readonly [string, number, unknown, string, string | undefined, string?])[] = [
    ['a maintenance page in JSON', 503, { message: 'Down for maintenance.' }, 'http_error', 'Down for maintenance.'],
    [
      'a code beside it',
      500,
      { code: 'E0000009', errorSummary: 'Internal Server Error' },
      'http_error',
      'Internal Server Error',
      'E0000009',
    ],
    ['one line of text', 502, 'upstream connect error', 'http_error', 'upstream connect error'],
    [
      'a tenant that is unknown (Microsoft Entra ID)',
      400,
      { error: 'invalid_tenant', error_description: "AADSTS90002: Tenant 'x' not found." },
      'metadata_not_found',
      "AADSTS90002: Tenant 'x' not found.",
      'invalid_tenant',
    ],
    [
      'a realm that does not exist (Keycloak)',
      404,
      { error: 'Realm does not exist' },
      'metadata_not_found',
      'Realm does not exist',
    ],
    ['a text', 403, 'RBAC: access denied', 'metadata_not_found', 'RBAC: access denied'],
    ['a page of a gateway', 404, '<html><title>404 Not Found</title></html>', 'metadata_not_found', undefined],
    ['nothing', 404, '', 'metadata_not_found', undefined],
    [
      'status 200',
      200,
      { error: 'tenant_suspended', message: 'Pay first.' },
      'metadata_invalid',
      'Pay first.',
      'tenant_suspended',
    ],
    ['metadata without an issuer', 200, { token_endpoint: 'https://a.example' }, 'metadata_invalid', undefined],
  ];
  for (const [name, status, body, code, words, error] of said) {
    it(`are told for ${name}`, async () => {
      server.answer = (_, response) => reply(response, status, body);
      const failed = await failure();
      assert.deepEqual(
        [failed.code, failed.data.firstLine, failed.data.error, failed.data.sent],
        [code, words, error, false],
      );
    });
  }

  it('are no reason to wait for other settings if a firewall or a page for all paths has them', async () => {
    for (const [status, body, kind] of [
      [403, '<html><title>Attention Required! | Cloudflare</title></html>', 'retryable'],
      [200, '<html><title>Scheduled maintenance</title></html>', 'retryable'],
      [403, '<html><title>403 Forbidden</title></html>', 'configuration'],
      [200, '[]', 'configuration'],
    ] as const) {
      server.answer = (_, response) => reply(response, status, body);
      assert.equal(failureKind(await failure()), kind, body);
    }
  });

  it('are those of the place that says most', async () => {
    server.answer = ({ path }, response) =>
      path.startsWith('/.well-known/oauth-')
        ? reply(response, 403, { message: 'Tenant is disabled.' })
        : reply(response, 404, '<html></html>');
    assert.deepEqual((await failure()).data.firstLine, 'Tenant is disabled.');
  });
});

function failing(code: string): Error {
  return Object.assign(new TypeError('fetch failed'), { cause: { code, syscall: 'read' } });
}
