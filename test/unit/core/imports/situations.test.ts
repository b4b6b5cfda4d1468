import assert from 'node:assert/strict';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { importText } from '../../../../src/core/imports/importText.ts';
import { hmacJwt, jwt as signed, signer } from '../../../support/signing.ts';

/** What people copy, in the formats of the named programs. */
const json = JSON.stringify;
const part = (value: object) => Buffer.from(json(value)).toString('base64url');
const jwt = (payload: object, header: object = { alg: 'RS256', typ: 'JWT', kid: 'k' }) =>
  `${part(header)}.${part(payload)}.${Buffer.alloc(256, 7).toString('base64url')}`;
const AT = jwt({ iss: 'https://as.example', sub: 'u', aud: 'api', exp: 1900000000, scope: 'a' });
const RT = '0.AXYAbcDEF-123_ghi.AgABAwEAAAJKLmno456pqr';
const op = 'opaque-refresh-0123456789ab';
const opaque = 'tGzv3JOkF0XG5Qx2TlKWIA';
const [green, plain] = ['\u001b[32m', '\u001b[39m'];

const texts: readonly (readonly [name: string, text: string, tokens: Readonly<Record<string, unknown>>])[] = [
  [
    '.npmrc',
    '//registry.npmjs.org/:_authToken=npm_abcDEF0123456789abcDEF0123456789abcd\n',
    { access_token: 'npm_abcDEF0123456789abcDEF0123456789abcd' },
  ],
  [
    'gh hosts.yml',
    'github.com:\n    oauth_token: gho_16C7e42F292c6912E7710c838347Ae178B4a\n    user: ada\n    git_protocol: https\n',
    { access_token: 'gho_16C7e42F292c6912E7710c838347Ae178B4a' },
  ],
  ...['bearer', 'Bearer', 'bearerToken', 'bearer_token', 'BEARER_TOKEN', 'authToken', 'auth_token', 'X-Auth-Token']
    .concat(['jwt', 'jwtToken', 'jwt_token', 'JWT', 'apiToken', 'api_token', 'sessionToken', 'session_token'])
    .concat(['userToken', 'authJwt', 'authorizationToken', 'tokenValue'])
    .flatMap((name): (typeof texts)[number][] => [
      [`a token as ${name}`, json({ [name]: opaque }), { access_token: opaque }],
      [`a token as ${name} with its scheme`, json({ [name]: `Bearer ${opaque}` }), { access_token: opaque }],
      [`a token as ${name} in data`, json({ data: { [name]: opaque, user: { id: 1 } } }), { access_token: opaque }],
    ]),
  ['a flag that is called bearer', json({ bearer: true, access_token: AT }), { access_token: AT }],
  ['a name for both', json({ bearer: 'an-opaque-one-0001', access_token: AT }), { access_token: AT }],
  [
    'a lifetime in milliseconds',
    json({ access_token: AT, expires_in_ms: 3_600_000 }),
    { access_token: AT, expires_in: 3600 },
  ],
  [
    'google token.json',
    json({
      token: 'ya29.a0AfB_byDEFghi0123456789',
      refresh_token: '1//0gAbCdEfGhIjKl-0123456789_AbCd',
      token_uri: 'https://oauth2.googleapis.com/token',
      client_id: '1.apps',
      client_secret: 'd-FL95Q19q7MQmFpd7hHD0Ty',
      scopes: ['https://www.googleapis.com/auth/drive'],
      expiry: '2026-11-25T10:00:00.000000Z',
    }),
    {
      access_token: 'ya29.a0AfB_byDEFghi0123456789',
      refresh_token: '1//0gAbCdEfGhIjKl-0123456789_AbCd',
      expires_at: Date.parse('2026-11-25T10:00:00Z'),
    },
  ],
  [
    'azure accessTokens.json',
    json([
      {
        tokenType: 'Bearer',
        expiresIn: 3599,
        expiresOn: '2026-11-26 12:00:00.000000',
        resource: 'https://management.core.windows.net/',
        accessToken: AT,
        refreshToken: RT,
        oid: 'x',
        userId: 'a@b',
        isMRRT: true,
        _clientId: '04b0',
        _authority: 'https://login.microsoftonline.com/x',
      },
    ]),
    { access_token: AT, refresh_token: RT },
  ],
  [
    'az get-access-token',
    json({
      accessToken: AT,
      expiresOn: '2026-11-26 13:00:00.000000',
      expires_on: 1795700000,
      subscription: 'x',
      tenant: 'y',
      tokenType: 'Bearer',
    }),
    { access_token: AT },
  ],
  [
    'rclone',
    `[drive]\ntype = drive\nscope = drive\ntoken = {"access_token":"ya29.a0AfB_byDEFghi0123456789","token_type":"Bearer","refresh_token":"1//0gAbCdEfGhIjKl-0123456789_AbCd","expiry":"2026-11-25T12:00:00.123456789+01:00"}\n`,
    { refresh_token: '1//0gAbCdEfGhIjKl-0123456789_AbCd', expires_at: Date.parse('2026-11-25T12:00:00.123+01:00') },
  ],
  [
    'spotipy',
    json({
      access_token: 'BQDd3k1-abcdef0123456789',
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: 'AQCx8_9-abcdef0123456789xyz',
      scope: 'user-read',
      expires_at: 1795690000,
    }),
    { refresh_token: 'AQCx8_9-abcdef0123456789xyz' },
  ],
  [
    'sf org display',
    json({
      status: 0,
      result: {
        id: '00D',
        accessToken: '00Dxx0000001gPF!AQsAQMabcDEF0123456789',
        instanceUrl: 'https://x.my.salesforce.com',
        sfdxAuthUrl: 'force://PlatformCLI::5Aep861abcDEF0123456789xyzABC@x.my.salesforce.com',
      },
    }),
    { access_token: '00Dxx0000001gPF!AQsAQMabcDEF0123456789' },
  ],
  [
    'tab-separated values',
    `access_token\trefresh_token\texpires_in\n${AT}\t${op}\t3600\n`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'tsv with id',
    `id\tuser\trefresh_token\taccess_token\n7\tada\t${op}\t${AT}\n`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'comma-separated values',
    `access_token,refresh_token,expires_in\n${AT},${op},3600\n`,
    { access_token: AT, refresh_token: op },
  ],
  ['csv quoted', `"id","access_token","refresh_token"\n"1","${AT}","${op}"\n`, { access_token: AT, refresh_token: op }],
  ['csv semicolon', `id;access_token;refresh_token\r\n1;${AT};${op}\r\n`, { access_token: AT, refresh_token: op }],
  [
    'psql table',
    ` id | access_token | refresh_token \n----+--------------+---------------\n 1 | ${AT} | ${op} \n(1 row)\n`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'mysql table',
    `+----+---------------+\n| id | refresh_token |\n+----+---------------+\n|  1 | ${op} |\n+----+---------------+\n`,
    { refresh_token: op },
  ],
  [
    'psql expanded',
    `-[ RECORD 1 ]-+-----\nid | 1\naccess_token | ${AT}\nrefresh_token | ${op}\n`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'Format-List',
    `access_token  : ${AT}\nexpires_in    : 3600\nrefresh_token : ${op}\n`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'http response',
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n${json({ access_token: AT, refresh_token: op })}`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'repr() of Python',
    `{'access_token': '${AT}', 'expires_in': 3600, 'refresh_token': '${op}', 'active': True, 'x': None}`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'inspect of Ruby',
    `{"access_token"=>"${AT}", "refresh_token"=>"${op}", "expires_in"=>3600}`,
    { access_token: AT, refresh_token: op },
  ],
  ['ruby symbols', `{:access_token=>"${AT}", :refresh_token=>"${op}"}`, { access_token: AT, refresh_token: op }],
  [
    'print_r',
    `Array\n(\n    [access_token] => ${AT}\n    [refresh_token] => ${op}\n    [expires_in] => 3600\n)\n`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'var_dump',
    `array(2) {\n  ["access_token"]=>\n  string(300) "${AT}"\n  ["refresh_token"]=>\n  string(27) "${op}"\n}`,
    { access_token: AT, refresh_token: op },
  ],
  [
    '%+v of Go',
    `{AccessToken:${AT} TokenType:Bearer RefreshToken:${op} Expiry:2026-11-26 10:00:00 +0000 UTC raw:map[]}`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'toString() of a Java class',
    `AccessTokenResponse{accessToken='${AT}', refreshToken='${op}', expiresIn=3600}`,
    { access_token: AT, refresh_token: op },
  ],
  ['java record', `OAuth2AccessToken[tokenValue=${AT}, refreshToken=${op}, issuedAt=2026]`, { refresh_token: op }],
  [
    'node inspect',
    `{\n  access_token: ${green}'${AT}'${plain},\n  refresh_token: ${green}'${op}'${plain},\n  expires_in: ${green}3600${plain}\n}`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'markdown table',
    `| name | value |\n|---|---|\n| access_token | \`${AT}\` |\n| refresh_token | \`${op}\` |`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'XML',
    `<token><access_token>${AT}</access_token><refresh_token>${op}</refresh_token></token>`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'postman oauth2',
    json({
      auth: {
        type: 'oauth2',
        oauth2: [
          { key: 'accessToken', value: AT, type: 'string' },
          { key: 'refreshToken', value: op, type: 'string' },
        ],
      },
    }),
    { access_token: AT, refresh_token: op },
  ],
  [
    'nextauth account',
    json({
      provider: 'google',
      type: 'oauth',
      providerAccountId: '1',
      access_token: 'ya29.a0AfB_byDEFghi0123456789',
      expires_at: 1795690000,
      refresh_token: '1//0gAbCdEfGhIjKl-0123456789_AbCd',
    }),
    { refresh_token: '1//0gAbCdEfGhIjKl-0123456789_AbCd', expires_at: 1795690000000 },
  ],
  [
    'supabase',
    json({
      access_token: AT,
      refresh_token: 'x7Kd02mPq9Lz',
      expires_at: 1795690000,
      token_type: 'bearer',
      user: { id: '1', email: 'a@b' },
    }),
    { access_token: AT, refresh_token: 'x7Kd02mPq9Lz' },
  ],
  [
    'keycloak-js',
    json({
      token: AT,
      refreshToken: jwt({ typ: 'Refresh', iss: 'https://as.example', exp: 1900000001 }),
      idToken: jwt({ typ: 'ID', iss: 'https://as.example', exp: 1900000000, aud: 'c', nonce: 'n' }),
    }),
    { access_token: AT },
  ],
  [
    'cookie header',
    `Cookie: access_token=${AT}; refresh_token=${op}; theme=dark`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'set-cookie',
    `Set-Cookie: refresh_token=${op}; Path=/; HttpOnly; Secure; SameSite=Lax\r\nSet-Cookie: access_token=${AT}; Path=/`,
    { access_token: AT, refresh_token: op },
  ],
  [
    'exec credential',
    json({
      kind: 'ExecCredential',
      apiVersion: 'client.authentication.k8s.io/v1',
      spec: { interactive: false },
      status: {
        expirationTimestamp: '2026-11-26T12:00:00Z',
        token: 'k8s-aws-v1.aHR0cHM6Ly9zdHMuZXUuYW1hem9uYXdzLmNvbQ',
      },
    }),
    { access_token: 'k8s-aws-v1.aHR0cHM6Ly9zdHMuZXUuYW1hem9uYXdzLmNvbQ' },
  ],
  [
    'vault',
    json({
      request_id: 'x',
      auth: { client_token: 'hvs.CAESIAbcDEF0123456789abcdef', lease_duration: 3600, renewable: true },
    }),
    { access_token: 'hvs.CAESIAbcDEF0123456789abcdef' },
  ],
  [
    'a shell script',
    `export ACCESS_TOKEN="${AT}"\nexport REFRESH_TOKEN="${op}"\n`,
    { access_token: AT, refresh_token: op },
  ],
  ['powershell env', `$env:REFRESH_TOKEN = "${op}"`, { refresh_token: op }],
  [
    'credentials.tfrc.json of Terraform',
    json({ credentials: { 'app.terraform.io': { token: 'aBcDeFgHiJkLmN.atlasv1.0123456789abcdefghijklmnop' } } }),
    { access_token: 'aBcDeFgHiJkLmN.atlasv1.0123456789abcdefghijklmnop' },
  ],
  ['httpie session', json({ __meta__: {}, auth: { type: 'bearer', raw_auth: AT }, cookies: [] }), { access_token: AT }],
  [
    'TOML',
    `[auth]\naccess_token = "${AT}"\nrefresh_token = "${op}"\nexpires = 2026-11-26T12:00:00Z\n`,
    { access_token: AT, refresh_token: op },
  ],
  ['jq raw two lines', `${AT}\n${op}\n`, { access_token: AT }],
  [
    'fetch in devtools',
    `fetch("https://as.example/token", {\n  "headers": {"content-type": "application/x-www-form-urlencoded"},\n  "body": "grant_type=refresh_token&client_id=c&refresh_token=${encodeURIComponent(RT)}",\n  "method": "POST"\n});`,
    { refresh_token: RT },
  ],
];

describe('a text that somebody copied', () => {
  for (const [name, text, wanted] of texts) {
    it(`is read as ${name} writes it`, () => {
      const tokens: Readonly<Record<string, unknown>> = { ...importText(text).tokens };
      const found = Object.fromEntries(Object.keys(wanted).map(member => [member, tokens[member]]));
      assert.deepEqual(found, wanted);
    });
  }

  it('is not a table if a line only mentions tokens', () => {
    for (const text of [
      'access_token, refresh_token\nare stored, encrypted-at-rest',
      'refresh_token | meaning\n--- | ---\nopaque | a word',
      'id;refresh_token\n1;\n',
    ])
      assert.throws(() => importText(text), { code: 'nothing_to_import' }, text);
  });
});

describe('a good token', () => {
  const now = Date.UTC(2030, 0, 1);
  const [right, other, ec] = [signer('RS256', 'k1'), signer('RS256', 'k1', 1), signer('ES256', 'k1')];
  const claims = { iss: 'https://as.example', sub: 'u', aud: ['a', 'b'], exp: now / 1000 + 100.5 };
  const among = async (keys: readonly object[], header: object = {}, payload: object = claims) => {
    const source = { kind: 'jwks' as const, keys: { keys } };
    const { verified, checks } = await verifyToken(signed(right, payload, header), { audience: 'b' }, source, now);
    return verified || checks.filter(({ status }) => status === 'failed').map(({ id, code }) => `${id} ${code}`);
  };

  it('is verified among keys of one kid, of other kinds and uses, and among many', async () => {
    // https://github.com/jpadilla/pyjwt/pull/1139
    assert.equal(await among([{ ...other.jwk, alg: 'RS384' }, ec.jwk, other.jwk, right.jwk]), true);
    // https://github.com/lestrrat-go/jwx/pull/2060
    const strange = [
      { kty: 'NTRU', kid: 'k1' },
      { kty: 'RSA', kid: 'k1' },
      { ...other.jwk, use: 'enc', alg: 'RSA-OAEP' },
    ];
    assert.equal(await among([...strange, right.jwk]), true);
    // https://github.com/lestrrat-go/jwx/issues/522
    const many = Array.from({ length: 150 }, (_, index) => ({ ...other.jwk, alg: undefined, kid: `o${index}` }));
    assert.equal(await among([...many, right.jwk]), true);
  });

  it('may have any kid, any media type of its own, several audiences and an end between two seconds', async () => {
    // https://github.com/benmcollins/libjwt/issues/188
    const kid = 'https://keys.example/a/b?c#d/../e';
    for (const typ of ['jwt', 'JOSE', 'application/at+jwt', 'vc+jwt'])
      assert.equal(await among([{ ...right.jwk, kid }], { kid, typ }), true, typ);
  });

  it('has its end in seconds and as a number, and another is named', async () => {
    // https://github.com/auth0/node-jsonwebtoken/issues/293
    const exp = String(claims.exp);
    assert.deepEqual(await among([right.jwk], {}, { ...claims, exp }), ['exp time_not_a_number']);
    assert.deepEqual(await among([right.jwk], {}, { ...claims, exp: now + 1 }), ['exp time_in_milliseconds']);
  });

  it('is verified with a secret that is base64, as its text and as its bytes (Supabase, Auth0)', async () => {
    const text = Buffer.alloc(32, 0xc3).toString('base64');
    for (const secret of [text, Buffer.from(text, 'base64')]) {
      const token = hmacJwt(secret, claims);
      const { verified } = await verifyToken(token, {}, { kind: 'key', text }, now);
      assert.equal(verified, true);
    }
  });
});
