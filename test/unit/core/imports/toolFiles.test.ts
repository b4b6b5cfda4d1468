import assert from 'node:assert/strict';
import { importText } from '../../../../src/core/imports/importText.ts';
import {
  access,
  base64,
  id,
  itReads,
  now,
  type ImportRow as Row,
  refresh,
  special,
} from '../../../support/importRows.ts';

const both = { access_token: access, refresh_token: special };
const google = 'ya29.a0AfB_byCxyz0123456';
const terraform = `6tL24nM38M7XWQ.atlasv1.${'KmWckRfzeNmUVFNvpvwUEChKaLGznCSD6fPf3VPzqMMVzmSxFU0p2Ibzpo2h5eTGwPU'}`;
const expires = '2026-11-26T17:00:00Z';
const expires_at = Date.parse(expires);

const rows: readonly Row[] = [
  [
    "a registry's entry in config.json of Docker",
    'https://github.com/testcontainers/testcontainers-dotnet/issues/841',
    JSON.stringify({
      auths: {
        'a.azurecr.io': { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: `${refresh}` },
      },
    }),
    { refresh_token: refresh },
  ],
  [
    'the same in camel case',
    'https://github.com/spotify/docker-client/issues/580',
    JSON.stringify({
      auths: {
        'docker.example': { auth: 'ZG9ja2VybWFuOg==', identityToken: '52ce5fd5-eb60-42bf-931f-5eeec128211a' },
      },
    }),
    { refresh_token: '52ce5fd5-eb60-42bf-931f-5eeec128211a' },
  ],
  [
    'a sign-in with Apple, whose ID token has the same name',
    'https://developer.apple.com/documentation/authenticationservices/asauthorizationappleidcredential/identitytoken',
    JSON.stringify({ user: 'u-1', identityToken: id }),
    { id_token: id },
  ],
  [
    'SQL',
    'https://github.com/bshaffer/oauth2-demo-php/issues/5',
    `INSERT INTO \`oauth_refresh_tokens\` (\`refresh_token\`, \`client_id\`, \`user_id\`, \`scope\`) VALUES\n('${refresh}', 'it''s a client', NULL, NULL);`,
    { refresh_token: refresh },
  ],
  [
    'SQL, the last of several rows',
    'https://github.com/mozilla/fxa-oauth-server/pull/260',
    `insert into "tokens" ("id", "access_token", "refresh_token", "made") values (7, 'an older one, 1234', 'older-refresh-token-1', now()), (8, '${access}', '${special}', now());`,
    both,
    ['duplicate_member'],
  ],
  [
    'a JWT with percent-encoded dots',
    'https://www.rfc-editor.org/rfc/rfc3986#section-2.3',
    access.replaceAll('.', '%2E'),
    { access_token: access },
  ],
  [
    'the storage of react-oauth2-code-pkce',
    'https://github.com/soofstad/react-oauth2-pkce',
    JSON.stringify({
      ROCP_token: JSON.stringify(access),
      ROCP_refreshToken: JSON.stringify(refresh),
      ROCP_idToken: JSON.stringify(id),
    }),
    { access_token: access, refresh_token: refresh, id_token: id },
  ],
  [
    'a password for a registry that is an access token',
    'https://github.com/StanfordBioinformatics/loom/issues/265',
    JSON.stringify({ auths: { 'gcr.io': { auth: base64(`oauth2accesstoken:${google}`) } } }),
    { access_token: google },
  ],
  [
    'a credential helper of Docker with an identity token',
    'https://github.com/containers/image/pull/1340',
    JSON.stringify({ ServerURL: 'a.azurecr.io', Username: '<token>', Secret: refresh }),
    { refresh_token: refresh },
  ],
  [
    'credentials.tfrc.json of Terraform',
    'https://github.com/hashicorp/terraform-mcp-server/pull/265',
    JSON.stringify({ credentials: { 'app.terraform.io': { token: terraform } } }, null, 2),
    { access_token: terraform },
    [],
  ],
  [
    '.terraformrc',
    'https://github.com/hashicorp/terraform/issues/35504',
    `credentials "app.terraform.io" {\n  token = "${terraform}"\n}\n`,
    { access_token: terraform },
  ],
  [
    'a registry that repeats the token',
    'https://distribution.github.io/distribution/spec/auth/token/',
    JSON.stringify({ token: access, access_token: access, expires_in: 300, issued_at: expires }),
    { access_token: access, expires_in: 300 },
  ],
  [
    'the credentials of gcloud, with the claims of the ID token beside it',
    'https://github.com/googleapis/oauth2client/blob/master/oauth2client/client.py',
    JSON.stringify({
      access_token: google,
      token_expiry: expires,
      refresh_token: special,
      id_token: { iss: 'accounts.google.com', sub: '1' },
      token_response: { access_token: google, expires_in: 3599, token_type: 'Bearer', id_token: id },
    }),
    { access_token: google, refresh_token: special, id_token: id, expires_at },
    [],
  ],
  [
    'the cache of the SDK of Databricks',
    'https://github.com/databricks/databricks-sdk-py/pull/931',
    JSON.stringify({
      token: {
        access_token: access,
        token_type: 'Bearer',
        expiry: '2026-11-26T17:00:00.242+00:00',
        refresh_token: 'doau6c1a0123456789',
      },
    }),
    { access_token: access, token_type: 'Bearer', refresh_token: 'doau6c1a0123456789', expires_at: expires_at + 242 },
    [],
  ],
  [
    'config.yml of glab',
    'https://github.com/jdx/mise/pull/9195',
    `hosts:\n    gitlab.com:\n        token: glpat-AbCdEf0123456789xyzA\n        is_oauth2: "true"\n        oauth2_refresh_token: 0a1b2c3d4e5f60718293a4b5c6d7e8f9\n        oauth2_expiry_date: ${expires}\n`,
    { access_token: 'glpat-AbCdEf0123456789xyzA', refresh_token: '0a1b2c3d4e5f60718293a4b5c6d7e8f9', expires_at },
  ],
  [
    'default.toml of wrangler',
    'https://github.com/cloudflare/workers-sdk/issues/526',
    `oauth_token = "AbCdEf0123456789.ghijkl-mnop"\nexpiration_time = "${expires}"\nrefresh_token = "Q7xyz0123456789.abcdefghijkl"\n`,
    { access_token: 'AbCdEf0123456789.ghijkl-mnop', refresh_token: 'Q7xyz0123456789.abcdefghijkl', expires_at },
    [],
  ],
  [
    'what wrangler prints',
    'https://github.com/cloudflare/cloudflare-docs/pull/32730',
    'CLOUDFLARE_TOKEN=cfoat_AbCdEf0123456789ghIJklMNop',
    { access_token: 'cfoat_AbCdEf0123456789ghIJklMNop' },
  ],
  [
    'the storage of okta-auth-js, where each token has its scopes',
    'https://github.com/okta/okta-auth-js',
    JSON.stringify({
      idToken: { idToken: id, expiresAt: now + 3600, scopes: ['openid'] },
      accessToken: { accessToken: access, expiresAt: now + 3600, tokenType: 'Bearer', scopes: ['openid', 'orders'] },
      refreshToken: { refreshToken: refresh, expiresAt: now + 9000, scopes: ['offline_access'] },
    }),
    {
      id_token: id,
      access_token: access,
      refresh_token: refresh,
      token_type: 'Bearer',
      scope: 'openid orders',
      expires_at: (now + 3600) * 1000,
    },
  ],
];

describe('a token in the files of a tool', () => {
  describe('is read from', () => itReads(rows));

  it('is not what Java prints of an object', () => {
    // Spring's OAuth2AccessToken has no toString of its own.
    for (const text of [
      'OAuth2AuthorizedClient[accessToken=org.springframework.security.oauth2.core.OAuth2AccessToken@1f2e3d, refreshToken=org.springframework.security.oauth2.core.OAuth2RefreshToken@7a8b9c]',
      '{"access_token":"[Ljava.lang.String;@5d3f2a1b","refresh_token":"a.b.OAuth2RefreshToken@7a8b9c"}',
    ])
      assert.throws(() => importText(text), { code: 'nothing_to_import' }, text);
  });

  it('is not guessed from a word before "token" if there are two, or if the word says what it is for', () => {
    for (const object of [{ csrf_token: access }, { reset_token: access }, { a_token: access, b_token: id }])
      assert.notEqual(importText(JSON.stringify(object)).source, 'token_response', Object.keys(object).join());
  });
});
