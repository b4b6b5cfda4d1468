import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { credentials, importText, packed } from '../../../../src/core/imports/importText.ts';
import {
  access,
  base64,
  claims,
  id,
  itReads,
  key,
  now,
  type ImportRow as Row,
  refresh,
  special,
} from '../../../support/importRows.ts';
import { encode, hmacJwt } from '../../../support/signing.ts';

const both = { access_token: access, refresh_token: special };
const google = 'ya29.a0AfB_byCxyz0123456';
const terraform = `6tL24nM38M7XWQ.atlasv1.${'KmWckRfzeNmUVFNvpvwUEChKaLGznCSD6fPf3VPzqMMVzmSxFU0p2Ibzpo2h5eTGwPU'}`;
/** An ID token without a claim that only ID tokens have. */
const plainId = hmacJwt(key, { ...claims, aud: 'client-1', email: 'ada@example.com' });
const descope = (drn: string) => hmacJwt(key, { ...claims, drn });
const cognito = `${encode('{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}')}.${encode('key')}.${encode('iv')}.${encode('text')}.${encode('tag')}`;
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
  [
    'an OAuth 2 token of Insomnia, whose ID token has the name that Docker gives to a refresh token',
    'https://github.com/Kong/insomnia/pull/3211',
    JSON.stringify({ type: 'OAuth2Token', refreshToken: '', accessToken: access, identityToken: plainId, scope: 'a' }),
    { access_token: access, id_token: plainId, scope: 'a' },
  ],
  [
    'the cache of `aws login`, whose access token is a key that signs requests',
    'https://docs.aws.amazon.com/sdkref/latest/guide/feature-login-credentials.html',
    JSON.stringify({
      accessToken: { accessKeyId: 'ASIA0', secretAccessKey: 'abc/def0123456789', sessionToken: 'IQoJb3JpZ2luX2VjEA01' },
      idToken: id,
      refreshToken: refresh,
    }),
    { id_token: id, refresh_token: refresh },
  ],
  [
    'a session of Descope',
    'https://docs.descope.com/session-overview',
    JSON.stringify({ sessionJwt: plainId, refreshJwt: descope('DSR'), cookieMaxAge: 2591999, firstSeen: false }),
    { access_token: plainId, refresh_token: descope('DSR') },
  ],
  [
    'the cookies of Descope',
    'https://docs.descope.com/session-overview',
    `Cookie: DS=${descope('DS')}; DSR=${descope('DSR')}`,
    { access_token: descope('DS'), refresh_token: descope('DSR') },
  ],
  [
    'a session of Stytch, of which the JWT is for others',
    'https://stytch.com/docs/guides/sessions/session-tokens-vs-JWTs',
    JSON.stringify({ session_token: 'WJtR5BCy38Szd5AfoDpf0iqFKEt4EE5JhjlWUY7l3FtY', session_jwt: plainId }),
    { access_token: plainId },
  ],
  [
    'a refresh token of Cognito alone, which is known by its header',
    'https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html',
    cognito,
    { refresh_token: cognito },
    [],
  ],
  [
    'a secret of Azure Key Vault',
    'https://learn.microsoft.com/cli/azure/keyvault/secret',
    JSON.stringify({ attributes: { enabled: true }, name: 'refresh-token', value: special }),
    { refresh_token: special },
  ],
  [
    'a secret that Vault lists',
    'https://developer.hashicorp.com/vault/docs/commands/kv/get',
    `====== Data ======\nKey              Value\n---              -----\naccess_token     ${access}\nrefresh_token    ${special}\n`,
    both,
  ],
  [
    'a WebSocket of Kubernetes',
    'https://github.com/kubernetes/kubernetes/pull/47740',
    `Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.${Buffer.from(access).toString('base64url')}, base64.binary.k8s.io`,
    { access_token: access, token_type: 'Bearer' },
  ],
  [
    'a command line of curl, and its file of options',
    'https://curl.se/docs/manpage.html#--oauth2-bearer',
    'curl --oauth2-bearer tGzv3JOkF0XG5Qx2TlKWIA https://api.example',
    { access_token: 'tGzv3JOkF0XG5Qx2TlKWIA' },
  ],
  [
    'an item of DynamoDB',
    'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html',
    JSON.stringify({ Item: { access_token: { S: access }, refresh_token: { S: special } } }),
    both,
  ],
  [
    'a document of Firestore',
    'https://firebase.google.com/docs/firestore/reference/rest/Shared.Types/ArrayValue#Value',
    JSON.stringify({ fields: { accessToken: { stringValue: access }, refreshToken: { stringValue: special } } }),
    both,
  ],
  [
    'an old Dockerfile',
    'https://docs.docker.com/reference/dockerfile/#env',
    `FROM scratch\nENV ACCESS_TOKEN=${access}\nENV REFRESH_TOKEN ${special}\n`,
    both,
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

  it('is that of the whole response, and not of another service inside it', () => {
    // https://workos.com/docs/reference/authkit/authentication, https://docs.slack.dev/authentication/using-token-rotation
    const own = { access_token: access, refresh_token: 'yAjhKk123NLIjdrBdGZPf8pLIDvK' };
    const inside = { access_token: google, refresh_token: special };
    for (const name of ['oauth_tokens', 'authed_user']) {
      const { tokens, warnings } = importText(JSON.stringify({ ...own, [name]: inside }));
      assert.deepEqual(tokens, own);
      assert.deepEqual(warnings, [{ code: 'several_found' }]);
    }
  });

  it('is not what a tool writes in place of it, what it encrypts, or a command that prints it', () => {
    for (const text of [
      // https://yaml.org/spec/1.2.2/#71-alias-nodes
      'prod:\n  refresh_token: *refresh_token_prod\n',
      // https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
      'REFRESH_TOKEN=@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x/)\n',
      // https://docs.spring.io/spring-cloud-config/reference/server/encryption-and-decryption.html
      "oauth.refresh_token='{cipher}AQB0123456789abcdef'\n",
      // https://github.com/ulisesbocchio/jasypt-spring-boot
      'oauth.refresh_token="ENC(G6N718UuyPE5bHyWKyuLQSm02auQPUtm)"\n',
      // https://bank-vaults.dev/docs/mutating-webhook/
      'REFRESH_TOKEN=vault:secret/data/app1#refresh_token\n',
      // https://github.com/bitnami-labs/sealed-secrets
      'kind: SealedSecret\nspec:\n  encryptedData:\n    refresh_token: AgBy3i4OJSWK+PiTySYZZA9rO43c\n  template: {}\n',
      JSON.stringify({ kind: 'SealedSecret', spec: { encryptedData: { refresh_token: 'AgBy3i4OJSWK0123456789' } } }),
      'ACCESS_TOKEN=`jwtw token demo1`\n',
    ])
      assert.throws(() => importText(text), { code: 'nothing_to_import' }, text);
  });

  it('is not imported where Node has cut it', () => {
    // https://nodejs.org/api/util.html#utilinspectobject-options, maxStringLength
    const cut = `{\n  access_token: '${access.slice(0, 100)}'... 151 more characters,\n  refresh_token: '${special}'\n}`;
    const { tokens, warnings } = importText(cut);
    assert.deepEqual(tokens, { refresh_token: special });
    assert.deepEqual(warnings, [{ code: 'member_ignored', member: 'access_token' }]);
    assert.throws(() => importText(`{ refresh_token: '${special}'... 1 more character }`), {
      code: 'nothing_to_import',
    });
  });

  it('is not a secret or proof that is a JWT as well', () => {
    const registration = { clientId: 'abc', clientSecret: access, expiresAt: expires };
    for (const text of [
      // https://docs.rs/crate/aws-config/1.8.16/source/src/sso/cache.rs
      JSON.stringify(registration),
      // https://www.rfc-editor.org/rfc/rfc7523#section-2.2
      `grant_type=client_credentials&client_assertion=${access}`,
      // https://www.rfc-editor.org/rfc/rfc7592#section-3
      JSON.stringify({ client_id: 'c', registration_access_token: access }),
      `DPoP: ${access}`,
    ]) {
      assert.throws(() => importText(text), { code: 'nothing_to_import' }, text);
      // To decode or verify it is another matter.
      assert.equal(importText(text, false).tokens.access_token, access);
    }
  });

  it('is not one whose type says that it is for something else, which the error names', () => {
    for (const [typ, variety] of [
      ['dpop+jwt', 'DPoP proof'],
      ['logout+jwt', 'Logout token'],
      ['oauth-authz-req+jwt', 'Request object (JAR)'],
      ['oauth-client-attestation+jwt', 'Client attestation'],
    ] as const) {
      const token = hmacJwt(key, claims, { typ });
      assert.throws(() => importText(token), { code: 'nothing_to_import', data: { reason: 'other_kind', variety } });
      assert.throws(() => importText(`logout_token=${token}`), { code: 'nothing_to_import' });
      assert.throws(() => importText(`INFO received ${token} from 10.0.0.1`), { code: 'nothing_to_import' });
      for (const text of [token, `logout_token=${token}`, `INFO received ${token} from 10.0.0.1`])
        assert.equal(importText(text, false).tokens.access_token, token);
    }
  });

  it('is not another word that was on the clipboard', () => {
    for (const text of [
      'ada.lovelace@example.com',
      '2026-11-26T10:00:00Z',
      '127.0.0.1:8400',
      'login.example.com',
      'C:\\Users\\ada\\refresh.json',
      '~/.config/app/tokens.json',
    ])
      assert.throws(() => importText(text), { code: 'nothing_to_import' }, text);
    assert.equal(importText('Q7xyz0123456789.abcdefghijkl').source, 'refresh_token');
  });

  it('is not guessed from a word before "token" if there are two, or if the word says what it is for', () => {
    for (const object of [{ csrf_token: access }, { reset_token: access }, { a_token: access, b_token: id }])
      assert.notEqual(importText(JSON.stringify(object)).source, 'token_response', Object.keys(object).join());
  });

  it('is not the cookie that keeps a browser signed in at Keycloak', () => {
    const cookie = hmacJwt(key, { ...claims, iss: 'https://id.example/realms/demo', typ: 'Serialized-ID', sid: 's' });
    const data = { reason: 'other_kind', variety: 'Keycloak identity cookie' };
    for (const text of [cookie, `Cookie: AUTH_SESSION_ID=a.b; KEYCLOAK_IDENTITY=${cookie}; KEYCLOAK_SESSION=demo/x/y`])
      assert.throws(() => importText(text), { code: 'nothing_to_import', data }, text);
    assert.deepEqual(importText(`KEYCLOAK_IDENTITY=${cookie}\nAuthorization: Bearer ${access}`).tokens, {
      access_token: access,
      token_type: 'Bearer',
    });
    // To decode or verify it is another matter.
    assert.equal(importText(cookie, false).tokens.access_token, cookie);
  });

  it('is not packed data or a credential of another kind, which the error names', () => {
    const letters = 'q7Rz01kLmN4pXtB8vW2yC6dF9hJ3sG5a';
    const behind = (hex: string) => Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from(access)]);
    const samples: Record<string, Buffer> = {
      gzip: gzipSync(JSON.stringify({ access_token: access })),
      zstd: behind('28b52ffd'),
      zip: behind('504b03041400'),
      xz: behind('fd377a585a00'),
    };
    const inLines = (text: string) => text.replace(/.{76}/g, '$&\n');
    for (const [variety, bytes] of Object.entries(samples))
      for (const text of [bytes.toString('base64'), bytes.toString('base64url'), inLines(bytes.toString('base64'))])
        assert.throws(() => importText(text), {
          code: 'nothing_to_import',
          data: { reason: 'compressed', variety },
        });
    assert.deepEqual(Object.keys(samples).sort(), packed.map(({ name }) => name).sort());
    const words: Record<string, string> = {
      'Atlassian API token': `ATATT3xFfGF0${letters}${letters}=0A1B2C3D`,
      'GitLab runner token': `glrt-${letters}`,
      'GitLab deploy token': `gldt-${letters}`,
      'GitLab CI/CD job token': `glcbt-64_${letters}`,
      'GitLab pipeline trigger token': `glptt-${letters}`,
      'GitLab feed token': `glft-${letters}`,
      'GitLab agent token': `glagent-${letters}`,
      'client secret of a GitLab application': `gloas-${letters}`,
      'client secret of Google': `GOCSPX-${letters}`,
      'Google API key': `AIza${letters}abc`,
      'Stripe API key': `sk_${'live'}_${letters}`,
      'AWS access key ID': `AKIA${'ABCDEFGH23456789'}`,
    };
    for (const [variety, text] of Object.entries(words))
      assert.throws(() => importText(text), { code: 'nothing_to_import', data: { reason: 'other_kind', variety } });
    assert.deepEqual(Object.keys(words).sort(), credentials.map(({ name }) => name).sort());
    // Whoever names it knows what it is.
    assert.equal(importText('refresh_token=H4sIAAAAAAAAA0123456789abc').tokens.refresh_token?.slice(0, 4), 'H4sI');
  });

  it('is an access token by its prefix where the service takes it as one', () => {
    const digits = '0123456789abcdef0123456789abcdef';
    for (const token of [`ntn_${digits}aBcDeFgHiJ`, `dapi${digits}`, `A21AAF${digits}${digits}`])
      assert.equal(importText(token).source, 'access_token', token);
  });
});
