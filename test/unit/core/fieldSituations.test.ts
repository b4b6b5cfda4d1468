import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { CompactEncrypt } from 'jose';
import { decrypt } from '../../../src/core/checks/decrypt.ts';
import { readKeyText } from '../../../src/core/checks/secretText.ts';
import { verifyToken } from '../../../src/core/checks/verifier.ts';
import { importText } from '../../../src/core/imports/importText.ts';
import { readTokenResponse } from '../../../src/core/issuer/answers.ts';
import { readClientKey } from '../../../src/core/issuer/clientKey.ts';
import { createDiscovery } from '../../../src/core/issuer/discovery.ts';
import { decodeToken } from '../../../src/core/tokens/jwt.ts';
import { createMockIssuer } from '../../../src/mock/index.ts';
import { failureOf } from '../../support/failureOf.ts';
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
