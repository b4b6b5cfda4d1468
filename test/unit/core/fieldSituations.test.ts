import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { CompactEncrypt } from 'jose';
import { decrypt } from '../../../src/core/checks/decrypt.ts';
import { createJwksClient } from '../../../src/core/checks/keySets.ts';
import { readKeyText } from '../../../src/core/checks/secretText.ts';
import { verifyToken } from '../../../src/core/checks/verifier.ts';
import { importText } from '../../../src/core/imports/importText.ts';
import { readTokenResponse } from '../../../src/core/issuer/answers.ts';
import { readClientKey } from '../../../src/core/issuer/clientKey.ts';
import { createDiscovery } from '../../../src/core/issuer/discovery.ts';
import { decodeToken } from '../../../src/core/tokens/jwt.ts';
import { createMockIssuer } from '../../../src/mock/index.ts';
import { failureOf } from '../../support/failureOf.ts';
import { loopbackServer, reply } from '../../support/loopbackServer.ts';
import { manualClock } from '../../support/manualClock.ts';
import { encode, hmacJwt, jwt, signer } from '../../support/signing.ts';

/** Situations from bug reports that no other file has: each says where it is from. */
const now = Date.UTC(2030, 0, 1);
const t = now / 1000;
const es256 = signer('ES256', 'k1');
const rs256 = signer('RS256', 'k1');
const claims = { iss: 'https://as.example', sub: 'u-1', aud: 'api', iat: t, exp: t + 300 };
const accessToken = jwt(rs256, { ...claims, scope: 'orders', client_id: 'c' });
const idToken = jwt(rs256, { ...claims, aud: 'c', nonce: 'n', at_hash: 'h' });
const refreshToken = '0.AXYAbcDEF-123_ghi.AgABAwEAAAJKLmno456pqr';
const asked = { host: 'as.example', now, secrets: [], refreshToken: 'sent-refresh-token-1' };
const good = {
  access_token: 'opaque-access-token-2',
  token_type: 'Bearer',
  expires_in: 3600,
  refresh_token: refreshToken,
};

describe('an answer from the field', () => {
  const read = (body: BodyInit, type = 'application/json', headers = {}) =>
    readTokenResponse(new Response(body, { headers: { 'content-type': type, ...headers } }), asked);

  it('may be a form (https://github.com/dam-agents/dam/pull/216)', async () => {
    const form = new URLSearchParams({ ...good, expires_in: '28800', scope: '' });
    const { raw } = await read(form.toString(), 'application/x-www-form-urlencoded');
    assert.deepEqual([raw.refresh_token, raw.expires_in], [refreshToken, 28800]);
  });

  it('may be compressed (RFC 9110 section 8.4): that is for fetch, and what cannot be read is no answer', async () => {
    const { code } = await failureOf(read(gzipSync(JSON.stringify(good))));
    assert.equal(code, 'response_invalid');
  });

  it('may have its lifetimes as text (https://github.com/googleworkspace/apps-script-oauth2/pull/358)', async () => {
    const { raw } = await read(JSON.stringify({ ...good, refresh_token_expires_in: '15811200' }));
    assert.equal(raw.refresh_expires_in, 15811200);
  });

  it('may be without an access token (Azure AD B2C without an API scope): the new refresh token is read', async () => {
    const { raw } = await read(
      JSON.stringify({ token_type: 'Bearer', id_token: idToken, refresh_token: refreshToken }),
    );
    assert.deepEqual([raw.access_token, raw.refresh_token, raw.id_token], [undefined, refreshToken, idToken]);
  });

  it('may refuse for the kind of client (AADSTS9002327): the refresh token stays, the words are repeated', async () => {
    const words =
      'AADSTS9002327: Tokens issued for the SPA client-type may only be redeemed via cross-origin requests.';
    const body = JSON.stringify({ error: 'invalid_request', error_description: words });
    const { data } = await failureOf(readTokenResponse(new Response(body, { status: 400 }), asked));
    assert.deepEqual([data.ended, data.error_description], [undefined, words]);
  });
});

describe('metadata from the field', () => {
  const issuer = 'https://as.example';
  const look = (pages: Readonly<Record<string, object>>) => {
    const fetch = async (input: string) => {
      const page = pages[new URL(input).pathname];
      return page ? new Response(`\ufeff${JSON.stringify(page)}`) : new Response('', { status: 404 });
    };
    return createDiscovery({ fetch, clock: manualClock(now) }).metadata(issuer);
  };
  const document = { issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/keys` };
  const path = '/.well-known/openid-configuration';

  it('may be OAuth alone (https://github.com/panva/openid-client/pull/103)', async () => {
    assert.deepEqual(await look({ '/.well-known/oauth-authorization-server': document }), document);
  });

  it('may begin with the guard against being run as a script', async () => {
    const guarded = async () => new Response(`)]}'\n${JSON.stringify(document)}`);
    const discovery = createDiscovery({ fetch: guarded, clock: manualClock(now) });
    assert.deepEqual(await discovery.metadata(issuer), document);
  });

  it('may have no token endpoint (RFC 8414 section 2)', async () => {
    const { token_endpoint: _, ...others } = document;
    assert.equal((await look({ [path]: others })).jwks_uri, document.jwks_uri);
  });

  it('names its issuer where that differs in a slash (https://github.com/nextauthjs/next-auth/pull/12510)', async () => {
    const { code, data } = await failureOf(look({ [path]: { ...document, issuer: `${issuer}/` } }));
    assert.deepEqual([code, data.difference, data.found], ['issuer_mismatch', 'slash', `${issuer}/`]);
  });

  it('names its issuer where that is another host (Keycloak in Docker)', async () => {
    const { data } = await failureOf(look({ [path]: { ...document, issuer: 'http://keycloak:8080' } }));
    assert.deepEqual([data.expected, data.found], [issuer, 'http://keycloak:8080']);
  });
});

describe('a token from the field', () => {
  const verified = async (token: string, key: string) =>
    (await verifyToken(token, {}, { kind: 'key', text: key }, now)).verified;

  it('may disclose claims (https://github.com/eu-digital-identity-wallet/eudi-srv-verifier-endpoint/issues/349)', () => {
    const decoded = decodeToken(`${jwt(es256, claims)}~${encode(['salt', 'name', 'Ada'])}~`);
    assert.ok(decoded.kind === 'jws' && decoded.form?.kind === 'sd_jwt');
    assert.deepEqual([decoded.payload.sub, decoded.form.disclosures[0]?.value], ['u-1', 'Ada']);
  });

  it('is verified with a key of a realm page, PKCS #1, and a line of an environment file (Keycloak, .env)', async () => {
    const der = rs256.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const pkcs1 = rs256.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    for (const key of [der, pkcs1, rs256.pem.replaceAll('\n', '\\n')])
      assert.equal(await verified(jwt(rs256, claims), key), true);
  });

  it('is verified with a secret that is base64, as bytes and as text (Supabase, Auth0)', async () => {
    const text = Buffer.alloc(48, 7).toString('base64');
    for (const secret of [text, Buffer.from(text, 'base64').toString('latin1')])
      assert.equal(await verified(hmacJwt(secret, claims), text), true);
    assert.equal((await readKeyText(text)).keys.length, 2);
  });

  it('may be a proof, a logout token, an event or a JARM answer (RFC 9449, RFC 8417, OpenID Connect)', async () => {
    const { kid: _, alg: __, ...jwk } = es256.jwk;
    const logout = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    for (const token of [
      jwt(es256, { jti: 'j', htm: 'POST', htu: 'https://as.example/token', iat: t }, { typ: 'dpop+jwt', jwk }),
      jwt(es256, { ...claims, jti: 'j', events: logout }, { typ: 'logout+jwt' }),
      jwt(
        es256,
        { iss: claims.iss, aud: 'c', iat: t, jti: 'j', events: { 'https://x.example/e': {} } },
        { typ: 'secevent+jwt' },
      ),
      jwt(es256, { ...claims, code: 'abc', state: 's' }),
    ])
      assert.equal(await verified(token, es256.pem), true);
  });

  it('may have an address as kid and any media type (RFC 7515 sections 4.1.4 and 4.1.9)', async () => {
    for (const typ of ['jwt', 'JOSE', 'application/at+jwt', 'vc+jwt'])
      assert.equal(
        await verified(jwt(es256, claims, { typ, kid: 'https://keys.example/a/b?c#d/../e' }), es256.pem),
        true,
      );
  });

  it('may be inside a compressed JWE (RFC 7516 section 4.1.3)', async () => {
    const jwe = await new CompactEncrypt(Buffer.from(jwt(es256, claims)))
      .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', zip: 'DEF', cty: 'JWT' })
      .encrypt(rs256.publicKey);
    const key = rs256.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    const { content } = await decrypt({ token: jwe, key });
    assert.ok(content.kind === 'token' && content.decoded.kind === 'jws');
    assert.equal(content.decoded.payload.sub, 'u-1');
  });
});

describe('an import from the field', () => {
  const both = { access_token: accessToken, refresh_token: refreshToken };
  const cognito = [
    encode({ cty: 'JWT', enc: 'A256GCM', alg: 'RSA-OAEP' }),
    'a'.repeat(342),
    'a'.repeat(16),
    'a'.repeat(800),
    'a'.repeat(22),
  ].join('.');
  const keycloak = hmacJwt('x'.repeat(32), { ...claims, typ: 'Refresh', azp: 'c' });
  for (const [name, text, expected] of [
    [
      'a curl line of DevTools',
      `curl 'https://api.example/o' \\\n  -H 'authorization: Bearer ${accessToken}' \\\n  --compressed`,
      { access_token: accessToken },
    ],
    [
      'PowerShell',
      `$body = @{ grant_type = 'refresh_token'; refresh_token = '${refreshToken}' }\nInvoke-RestMethod -Body $body`,
      { refresh_token: refreshToken },
    ],
    [
      'HAR 1.2, the answer and not the request',
      JSON.stringify({
        log: {
          entries: [
            {
              request: { postData: { text: 'grant_type=refresh_token&refresh_token=old-refresh-token-00000' } },
              response: { content: { text: JSON.stringify({ ...both, token_type: 'Bearer' }) } },
            },
          ],
        },
      }),
      both,
    ],
    [
      'a kubeconfig (https://github.com/kube-rs/kube/issues/1223)',
      `users:\n- user:\n    auth-provider:\n      config:\n        id-token: ${idToken}\n        refresh-token: ${refreshToken}\n`,
      { id_token: idToken, refresh_token: refreshToken },
    ],
    [
      'application_default_credentials.json (https://github.com/googleapis/google-auth-library-python)',
      JSON.stringify({
        client_id: '1.apps.example',
        client_secret: 'd-FL95Q19q7MQmFpd7hHD0Ty',
        refresh_token: '1//0gAbCdEfGhIjKl-0123456789_AbCd',
        type: 'authorized_user',
      }),
      { refresh_token: '1//0gAbCdEfGhIjKl-0123456789_AbCd' },
    ],
    [
      'the storage of Amplify (amazon-cognito-identity-js)',
      `CognitoIdentityServiceProvider.c.ada.accessToken\t${accessToken}\nCognitoIdentityServiceProvider.c.ada.refreshToken\t${cognito}`,
      { access_token: accessToken, refresh_token: cognito },
    ],
    [
      'the answer of HGETALL in redis-cli',
      `1) "access_token"\n2) "${accessToken}"\n3) "refresh_token"\n4) "${refreshToken}"\n`,
      both,
    ],
    ['a map of Erlang', `#{access_token => <<"${accessToken}">>,refresh_token => <<"${refreshToken}">>}`, both],
    ['a refresh token of Keycloak alone', keycloak, { refresh_token: keycloak }],
    [
      'two answers in a log, the newer one',
      `10:00 {"access_token":"${accessToken}","refresh_token":"rt-old-0000000000"}\n11:00 {"access_token":"${accessToken}","refresh_token":"rt-new-1111111111"}`,
      { access_token: accessToken, refresh_token: 'rt-new-1111111111' },
    ],
  ] as const) {
    it(`reads ${name}`, () => {
      const { access_token, id_token, refresh_token } = importText(text).tokens;
      const found = Object.entries({ access_token, id_token, refresh_token }).filter(
        ([, token]) => token !== undefined,
      );
      assert.deepEqual(Object.fromEntries(found), expected);
    });
  }

  it('takes nothing that is masked (GitHub Actions, GitLab CI)', () => {
    for (const mask of ['***', '[MASKED]', '[REDACTED]'])
      assert.throws(() => importText(JSON.stringify({ access_token: mask, refresh_token: mask })), {
        code: 'nothing_to_import',
      });
  });

  it("reads the key of a GitHub App, which is PKCS #1, as a client's key", async () => {
    const pem = createPrivateKey(rs256.privateKey.export({ type: 'pkcs8', format: 'pem' })).export({
      type: 'pkcs1',
      format: 'pem',
    });
    assert.ok((await readClientKey(pem.toString())).algorithms.includes('RS256'));
  });
});

describe('the mock issuer and pages', () => {
  it('lets a page of this machine read its metadata (https://github.com/axa-group/oauth2-mock-server/issues/20)', async () => {
    const origin = 'http://localhost:5173';
    const mock = await createMockIssuer({
      alg: 'ES256',
      clients: [{ client_id: 'demo', redirect_uris: [`${origin}/cb`] }],
    });
    const { status, headers } = await mock.fetch(`${mock.issuer}/.well-known/openid-configuration`, {
      headers: { origin },
    });
    assert.deepEqual([status, headers.get('access-control-allow-origin')], [200, origin]);
  });
});

describe('what a server of the field answers', () => {
  let server: Awaited<ReturnType<typeof loopbackServer>>;
  before(async () => {
    server = await loopbackServer((_, response) => reply(response, 404, ''));
  });
  after(() => server.close());

  const cognito = (message: string) => ({ __type: 'NotAuthorizedException', message });
  type Refusal = readonly [who: string, status: number, body: unknown, words: string, code?: string, headers?: object];
  const ended: readonly Refusal[] = [
    ['Rails', 400, { errors: { refresh_token: ['is invalid or expired'] } }, 'refresh_token: is invalid or expired'],
    [
      'Amazon Cognito',
      400,
      cognito('Refresh Token has expired'),
      'Refresh Token has expired',
      'NotAuthorizedException',
    ],
    [
      'Amazon Cognito, revoked',
      400,
      cognito('Refresh Token has been revoked'),
      'Refresh Token has been revoked',
      'NotAuthorizedException',
    ],
    [
      'a gateway that says it in a header alone (RFC 6750 section 3)',
      401,
      '',
      'The refresh token is invalid',
      'invalid_token',
      { 'www-authenticate': 'Bearer error="invalid_token", error_description="The refresh token is invalid"' },
    ],
    [
      'Simple JWT',
      401,
      { detail: 'Token is blacklisted', code: 'token_not_valid' },
      'Token is blacklisted',
      'token_not_valid',
    ],
    [
      'GoTrue',
      400,
      { code: 400, error_code: 'refresh_token_already_used', msg: 'Invalid Refresh Token: Already Used' },
      'Invalid Refresh Token: Already Used',
      'refresh_token_already_used',
    ],
    ['Firebase', 400, { error: { code: 400, message: 'INVALID_REFRESH_TOKEN' } }, 'INVALID_REFRESH_TOKEN'],
    [
      'HubSpot',
      400,
      { status: 'BAD_REFRESH_TOKEN', message: 'missing or unknown refresh token' },
      'missing or unknown refresh token',
      'BAD_REFRESH_TOKEN',
    ],
    [
      'Atlassian',
      403,
      { error: 'unauthorized_client', error_description: 'refresh_token is invalid' },
      'refresh_token is invalid',
      'unauthorized_client',
    ],
    [
      'LinkedIn',
      400,
      {
        error: 'invalid_request',
        error_description: 'The provided authorization grant or refresh token is invalid, expired or revoked.',
      },
      'The provided authorization grant or refresh token is invalid, expired or revoked.',
      'invalid_request',
    ],
    [
      'TikTok',
      200,
      { error: 'invalid_grant', error_description: 'Refresh token is invalid or expired.' },
      'Refresh token is invalid or expired.',
      'invalid_grant',
    ],
    ['Feishu', 200, { code: 20037, msg: 'The refresh token is invalid' }, 'The refresh token is invalid', '20037'],
    [
      'Ory',
      401,
      {
        error: 'token_inactive',
        error_description: 'Token is inactive because it is malformed, expired or otherwise invalid.',
      },
      'Token is inactive because it is malformed, expired or otherwise invalid.',
      'token_inactive',
    ],
    [
      'JSON:API',
      401,
      { errors: [{ status: '401', title: 'Unauthorized', detail: 'The refresh token has expired' }] },
      'The refresh token has expired',
    ],
    [
      'XML',
      400,
      '<?xml version="1.0"?><Error><code>invalid_grant</code><message>Refresh token expired</message></Error>',
      'Refresh token expired',
      'invalid_grant',
    ],
  ];
  const kept: readonly Refusal[] = [
    [
      'ASP.NET',
      400,
      {
        title: 'One or more validation errors occurred.',
        errors: { refresh_token: ['The refresh_token field is required.'] },
      },
      'refresh_token: The refresh_token field is required.',
    ],
    ['Laravel', 401, { message: 'Unauthenticated.' }, 'Unauthenticated.'],
    ['Firebase, for a disabled user', 400, { error: { code: 400, message: 'USER_DISABLED' } }, 'USER_DISABLED'],
    [
      'Salesforce, for an inactive user',
      400,
      { error: 'inactive_user', error_description: 'user is inactive' },
      'user is inactive',
      'inactive_user',
    ],
    [
      'a gateway that asks for credentials',
      401,
      '',
      'No such client',
      'invalid_client',
      { 'www-authenticate': 'Basic error="invalid_client", error_description="No such client"' },
    ],
  ];
  for (const [isEnd, rows] of [
    [true, ended],
    [undefined, kept],
  ] as const) {
    for (const [who, status, body, words, code, headers] of rows) {
      it(`to a refresh ${isEnd ? 'ends it' : 'keeps the token'}: ${who}`, async () => {
        server.answer = (_, response) => reply(response, status, body, { ...headers });
        const { data } = await failureOf(fetch(server.origin).then(answer => readTokenResponse(answer, asked)));
        assert.deepEqual([data.ended, data.error_description ?? data.firstLine, data.error], [isEnd, words, code]);
      });
    }
  }

  const hour = now + 3_600_000;
  for (const [name, members, expected] of [
    ['seconds with a unit', { expires_in: '3600s' }, { expires_in: 3600 }],
    ['a fraction in a text', { expires_in: '3600.0' }, { expires_in: 3600 }],
    ['ISO 8601', { expires_in: 'PT1H' }, { expires_in: 3600 }],
    ["ISO 8601 of several parts (Java's Duration)", { expires_in: 'PT1H30M5.5S' }, { expires_in: 5405.5 }],
    ['ISO 8601 with days', { expires_in: 'P1DT12H' }, { expires_in: 129_600 }],
    ['ISO 8601 of months, whose length is unknown', { expires_in: 'P1M' }, {}],
    ['milliseconds since the epoch', { expires_at: hour }, { expires_at: hour }],
    ['seconds since the epoch in a text', { expires_at: String(hour / 1000) }, { expires_at: hour }],
    ['a date of HTTP (ASP.NET)', { '.expires': new Date(hour).toUTCString() }, { expires_at: hour }],
    ['null', { expires_in: null }, {}],
    ['a negative number', { expires_in: -1 }, {}],
  ] as const) {
    it(`may say when the token expires as ${name}`, async () => {
      server.answer = (_, response) => reply(response, 200, { access_token: 'opaque-access-token-2', ...members });
      const { raw } = await readTokenResponse(await fetch(server.origin), asked);
      assert.deepEqual(raw, { access_token: 'opaque-access-token-2', ...expected });
    });
  }

  const modulus = Buffer.from(String(rs256.jwk.n), 'base64url');
  const certain = { ...rs256.jwk };
  for (const [name, key, respelled] of [
    ['the exponent as a number', { ...certain, e: 65_537 }, 'e'],
    ['the exponent as a decimal text', { ...certain, e: '65537' }, 'e'],
    ['the modulus in hex', { ...certain, n: modulus.toString('hex') }, 'n'],
    [
      'the modulus and the exponent in hex',
      { ...certain, n: modulus.toString('hex').toUpperCase(), e: '010001' },
      'n, e',
    ],
    [
      'a zero before the modulus',
      { ...certain, n: Buffer.concat([Buffer.of(0), modulus]).toString('base64url') },
      undefined,
    ],
    ['zeros before the exponent', { ...certain, e: 'AAEAAQ' }, undefined],
    ['kid as a number', { ...certain, kid: 1 }, 'kid'],
    ['key_ops as a text', { ...certain, key_ops: 'verify' }, 'key_ops'],
    ['its names in capitals', { ...certain, kty: 'rsa', alg: 'rs256', use: 'Sig' }, 'kty, alg, use'],
  ] as const) {
    it(`may publish a key with ${name}`, async () => {
      server.answer = (_, response) => reply(response, 200, { keys: [null, key] });
      const source = {
        kind: 'remote',
        jwks: createJwksClient({ fetch, clock: manualClock(now) }),
        jwksUri: `${server.origin}/keys`,
      } as const;
      const token = jwt(rs256, claims, { kid: String(key.kid) });
      const { verified, checks } = await verifyToken(token, {}, source, now);
      const { code, found } = checks.find(({ id }) => id === 'key') ?? {};
      assert.deepEqual(
        [verified, code === 'key_respelled' ? new Set(found?.split(', ')) : undefined],
        [true, respelled && new Set(respelled.split(', '))],
      );
    });
  }
});

describe('claims of another type (https://github.com/jpadilla/pyjwt/issues/1017)', () => {
  const keys = { kind: 'jwks', keys: { keys: [rs256.jwk] } } as const;
  const remarks = async (payload: object, kind: 'id_token' | 'any') => {
    const { verified, checks } = await verifyToken(jwt(rs256, { ...claims, ...payload }), { kind }, keys, now);
    return [verified, ...checks.flatMap(({ id, status, code }) => (code === 'wrong_type' ? [`${id} ${status}`] : []))];
  };

  it('fail an ID token, and are a warning in any other token', async () => {
    assert.deepEqual(await remarks({ sub: 42 }, 'id_token'), [false, 'sub failed']);
    assert.deepEqual(await remarks({ sub: 42 }, 'any'), [true, 'sub warning']);
    assert.deepEqual(await remarks({ iss: { name: 'x' } }, 'id_token'), [false, 'iss failed']);
    assert.deepEqual(await remarks({ aud: ['api', 7] }, 'any'), [true, 'aud warning']);
    assert.deepEqual(await remarks({ aud: ['api', 'other'] }, 'any'), [true]);
  });
});

describe('a key of a client from the field', () => {
  const pem = createPrivateKey(rs256.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
  const jwk = JSON.stringify({ ...rs256.privateKey.export({ format: 'jwk' }), kid: 'own' });
  for (const [name, text] of Object.entries({
    'a JWK in a line of an environment file': `export PRIVATE_JWK='${jwk}'`,
    'a JWK in a line without quotes': `jwk=${jwk}`,
    'a PEM in percent-encoding': encodeURIComponent(pem),
    'a PEM in a form': new URLSearchParams({ key: pem }).toString(),
    'strings that a program joins': `'${pem.trim().split('\n').join("\\n' +\n  '")}\\n'`,
    'a PEM in a block of YAML': `private_key: |\n${pem.replace(/^/gm, '  ')}`,
    'a PEM in one line': pem.replaceAll('\n', ' '),
    'a PEM in base64 with line breaks': Buffer.from(pem).toString('base64').replace(/.{76}/g, '$&\n'),
  })) {
    it(`may be ${name}`, async () => {
      const { algorithms } = await readClientKey(text);
      assert.ok(algorithms.includes('RS256'));
    });
  }
});

describe('an expiry without quotes', () => {
  for (const [name, text] of Object.entries({
    'of %+v in Go': 'Expiry:2030-01-01 01:00:00 +0000 UTC m=+3600.01 raw:map[]}',
    'with a fraction': 'Expiry:2030-01-01 01:00:00.000000001 +0000 UTC raw:map[]}',
    'with T': 'expires_at: 2030-01-01T01:00:00Z',
    'in another zone': 'expires_at=2030-01-01 03:00:00 +0200',
  })) {
    it(`is read with its time: ${name}`, () => {
      const { tokens } = importText(
        `{AccessToken:${accessToken} TokenType:Bearer RefreshToken:${refreshToken} ${text}`,
      );
      assert.equal(tokens.expires_at, now + 3_600_000);
    });
  }
});
