import assert from 'node:assert/strict';
import fc from 'fast-check';
import manifest from '../../../../package.json' with { type: 'json' };
import words from '../../../../package.nls.json' with { type: 'json' };
import { metadataUrls } from '../../../../src/core/issuer/discovery.ts';
import {
  bindingOf,
  type ConnectionProblem,
  connectionRows,
  idPattern,
  issuerOfAddress,
  readConnection,
  readConnections,
} from '../../../../src/core/records/connection.ts';
import { webAddress } from '../../../support/foreignText.ts';

const minimal = { id: 'staging', issuer: 'https://login.example.com', clientId: 'app' };

/** The problems of one entry: their codes, with the fields concerned. */
const problemsOf = (entry: unknown) =>
  readConnection(entry).problems.map(({ field, code }) => (field === undefined ? code : `${field}: ${code}`));

describe('readConnections', () => {
  it('reads an entry with only the required fields', () => {
    assert.deepEqual(readConnections([minimal]), {
      connections: [
        {
          ...minimal,
          label: 'staging',
          tokenEndpointAuthMethod: 'none',
          autoRefresh: true,
          dpop: false,
          pushedAuthorizationRequests: false,
        },
      ],
      problems: [],
    });
  });

  it('reads every field', () => {
    const entry = {
      ...minimal,
      label: 'Staging',
      scope: 'openid offline_access',
      tokenEndpoint: 'https://login.example.com/token',
      authorizationEndpoint: 'https://login.example.com/authorize',
      deviceAuthorizationEndpoint: 'https://login.example.com/device',
      jwksUri: 'https://login.example.com/keys',
      revocationEndpoint: 'https://login.example.com/revoke',
      introspectionEndpoint: 'https://login.example.com/introspect',
      userinfoEndpoint: 'https://login.example.com/me',
      endSessionEndpoint: 'https://login.example.com/end',
      tokenEndpointAuthMethod: 'client_secret_basic',
      audience: 'https://api.example.com',
      resource: 'https://api.example.com/v1',
      extraParameters: { tenant: 'a' },
      redirectPort: 53_682,
      autoRefresh: false,
      dpop: true,
      pushedAuthorizationRequests: true,
    };
    assert.deepEqual(readConnections([entry]), { connections: [entry], problems: [] });
  });

  it('drops the space around a text and takes an empty one for none', () => {
    const { connection, problems } = readConnection({
      ...minimal,
      issuer: ' https://login.example.com\n',
      scope: ' openid \t offline_access ',
      label: ' ',
    });
    assert.deepEqual(problems, []);
    assert.equal(connection?.issuer, 'https://login.example.com');
    assert.equal(connection?.scope, 'openid offline_access');
    assert.equal(connection?.label, 'staging');
  });

  // https://github.com/ramosbugs/openidconnect-rs/issues/123
  it('takes the address of the metadata for the issuer that it belongs to', () => {
    for (const issuer of ['https://login.example.com', 'https://login.example.com/realms/a']) {
      for (const url of metadataUrls(new URL(issuer))) {
        const { connection, problems } = readConnection({ ...minimal, issuer: url });
        assert.deepEqual([connection?.issuer, problems], [issuer, []]);
      }
    }
  });

  it('has nothing to say where the setting is not there', () => {
    assert.deepEqual(readConnections(undefined), { connections: [], problems: [] });
    assert.deepEqual(readConnections([]), { connections: [], problems: [] });
  });

  for (const raw of [null, {}, 'a', 1, true]) {
    it(`does not read ${JSON.stringify(raw)} as a list`, () => {
      assert.deepEqual(readConnections(raw), {
        connections: [],
        problems: [{ index: -1, severity: 'error', code: 'not_an_array' }],
      });
    });
  }

  it('keeps one broken entry from spoiling the others', () => {
    const { connections, problems } = readConnections([
      null,
      minimal,
      { id: 'broken', label: 'Broken' },
      { ...minimal, id: 'other' },
      [],
    ]);
    assert.deepEqual(
      connections.map(({ id }) => id),
      ['staging', 'other'],
    );
    assert.deepEqual(problems, [
      { index: 0, severity: 'error', code: 'not_an_object' },
      { index: 2, id: 'broken', label: 'Broken', severity: 'error', field: 'issuer', code: 'missing' },
      { index: 2, id: 'broken', label: 'Broken', severity: 'error', field: 'clientId', code: 'missing' },
      { index: 4, severity: 'error', code: 'not_an_object' },
    ]);
  });

  it('uses the first of two entries with one id', () => {
    const { connections, problems } = readConnections([minimal, { ...minimal, clientId: 'other' }]);
    assert.deepEqual(
      connections.map(({ clientId }) => clientId),
      ['app'],
    );
    assert.deepEqual(problems, [
      {
        index: 1,
        id: 'staging',
        label: 'staging',
        severity: 'error',
        field: 'id',
        code: 'duplicate_id',
        found: 'staging',
      },
    ]);
  });

  it('does not let a broken entry take an id away', () => {
    const { connections } = readConnections([{ ...minimal, clientId: 1 }, minimal]);
    assert.equal(connections.length, 1);
  });

  it('needs no issuer beside a token endpoint', () => {
    const { issuer: _, ...rest } = minimal;
    const { connection, problems } = readConnection({ ...rest, tokenEndpoint: 'https://a.example/token' });
    assert.deepEqual(problems, []);
    assert.equal(connection?.issuer, undefined);
    assert.deepEqual(problemsOf({ ...rest, tokenEndpoint: '' }), ['issuer: missing']);
    assert.deepEqual(problemsOf({ ...rest, tokenEndpoint: 'a' }), ['tokenEndpoint: not_a_url']);
  });

  for (const [field, value, code] of [
    ['id', '-a', 'not_a_slug'],
    ['id', '../a', 'not_a_slug'],
    ['id', 'a b', 'not_a_slug'],
    ['id', '__proto__', 'not_a_slug'],
    ['id', 'a'.repeat(65), 'not_a_slug'],
    ['id', 1, 'wrong_type'],
    ['id', '', 'missing'],
    ['label', 1, 'wrong_type'],
    ['clientId', null, 'wrong_type'],
    ['issuer', 'login.example.com', 'not_a_url'],
    ['issuer', 'https://login.example.com?a=b', 'not_a_url'],
    ['issuer', 'https://a:b@login.example.com', 'not_a_url'],
    ['issuer', 'http://login.example.com', 'insecure_url'],
    ['tokenEndpoint', 'http://127.0.0.1.evil', 'insecure_url'],
    ['authorizationEndpoint', 'http://a.example', 'insecure_url'],
    ['deviceAuthorizationEndpoint', 'http://a.example', 'insecure_url'],
    ['jwksUri', 'file:///a', 'not_a_url'],
    ['revocationEndpoint', 'http://a.example', 'insecure_url'],
    ['introspectionEndpoint', 'http://a.example', 'insecure_url'],
    ['tokenEndpointAuthMethod', 'basic', 'unknown_value'],
    ['extraParameters', [], 'wrong_type'],
    ['autoRefresh', 'true', 'wrong_type'],
    ['dpop', 0, 'wrong_type'],
    ['pushedAuthorizationRequests', null, 'wrong_type'],
    ['userinfoEndpoint', 'http://a.example', 'insecure_url'],
    ['endSessionEndpoint', 'end', 'not_a_url'],
    ['redirectPort', '8080', 'wrong_type'],
    ['redirectPort', 0, 'unknown_value'],
    ['redirectPort', 65_536, 'unknown_value'],
    ['redirectPort', 80.5, 'unknown_value'],
  ] as const) {
    it(`finds ${field}: ${JSON.stringify(value).slice(0, 30)} ${code}`, () => {
      assert.deepEqual(problemsOf({ ...minimal, [field]: value }), [`${field}: ${code}`]);
    });
  }

  for (const id of ['a', '0', 'a.b-c_d', 'constructor', 'a'.repeat(64)]) {
    it(`takes the id ${id.slice(0, 20)}`, () => {
      assert.deepEqual(problemsOf({ ...minimal, id }), []);
    });
  }

  it('reports a field that it does not know, and lets the connection work', () => {
    const { connection, problems } = readConnection({ ...minimal, scopes: 'openid' });
    assert.equal(connection?.id, 'staging');
    assert.deepEqual(problems, [
      { index: 0, id: 'staging', severity: 'warning', field: 'scopes', code: 'unknown_field' },
    ]);
  });

  for (const field of [
    'clientSecret',
    'client_secret',
    'client-secret',
    'secret',
    'password',
    'refresh_token',
    'refreshToken',
    'accessToken',
    'token',
    'id_token',
    'id_token_hint',
    'privateKey',
    'private_key',
    'apiKey',
    'client_assertion',
    'credentials',
    'jwk',
    'code_verifier',
  ]) {
    it(`refuses ${field} without repeating it`, () => {
      for (const entry of [
        { ...minimal, [field]: 'canary' },
        { ...minimal, extraParameters: { [field]: 'canary' } },
      ]) {
        const read = readConnection(entry);
        assert.equal(read.connection, undefined);
        assert.deepEqual(
          read.problems.map(({ code, severity }) => [code, severity]),
          [['secret_in_settings', 'error']],
        );
        assert.doesNotMatch(JSON.stringify(read), /canary/);
      }
    });
  }

  it('leaves out parameters that the request makes itself', () => {
    const { connection, problems } = readConnection({
      ...minimal,
      extraParameters: {
        grant_type: 'password',
        client_id: 'other',
        response_mode: 'form_post',
        tenant: 'a',
        __proto__: 'b',
      },
    });
    assert.deepEqual(connection?.extraParameters, { tenant: 'a' });
    assert.deepEqual(
      problems.map(({ field, code, severity }) => [field, code, severity]),
      [
        ['extraParameters.grant_type', 'reserved_parameter', 'warning'],
        ['extraParameters.client_id', 'reserved_parameter', 'warning'],
        ['extraParameters.response_mode', 'reserved_parameter', 'warning'],
      ],
    );
    assert.deepEqual(problemsOf({ ...minimal, extraParameters: { tenant: 1 } }), [
      'extraParameters.tenant: wrong_type',
    ]);
  });

  it('repeats no value that looks like a token, and nothing invisible', () => {
    const token = `eyJhbGciOiJub25lIn0.${'canary'.repeat(10)}.`;
    const problems: ConnectionProblem[] = [
      ...readConnection({ ...minimal, id: token }).problems,
      ...readConnection({ ...minimal, issuer: token }).problems,
      ...readConnection({ ...minimal, tokenEndpointAuthMethod: token }).problems,
      ...readConnection({ ...minimal, [token]: token }).problems,
      ...readConnection({ ...minimal, issuer: `https://a:canary@b.example?canary` }).problems,
    ];
    assert.equal(problems.length, 5);
    assert.doesNotMatch(JSON.stringify(problems), /canary/);
    const [hidden] = readConnection({ ...minimal, id: 'a\u202eb' }).problems;
    assert.equal(hidden?.found, 'a\\u{202e}b');
  });

  it('never throws, and reads nothing out of nothing', function () {
    this.timeout(60_000);
    const anything = fc.anything({ maxDepth: 1 });
    const entry = fc.oneof(
      anything,
      fc.record(
        Object.fromEntries(
          ['id', 'label', 'issuer', 'clientId', 'tokenEndpoint', 'extraParameters', 'dpop', 'x'].map(name => [
            name,
            fc.oneof(anything, fc.string(), fc.constant('a'), webAddress),
          ]),
        ),
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), raw => {
        const { connections, problems } = readConnections(raw);
        const broken = new Set(problems.filter(each => each.severity === 'error').map(each => each.index));
        assert.equal(connections.length + broken.size, raw.length);
        assert.equal(new Set(connections.map(({ id }) => id)).size, connections.length);
      }),
    );
  });
});

describe("the setting's schema in the manifest", () => {
  const setting = manifest.contributes.configuration.properties['jwtWorkbench.connections'];
  const { properties, required, defaultSnippets, patternProperties } = setting.items;

  it('lets no workspace set it', () => {
    assert.equal(setting.scope, 'application');
  });

  it('knows the fields that are read, and no others', () => {
    const { connection } = readConnection({
      ...minimal,
      ...Object.fromEntries(
        Object.entries(properties)
          .filter(([name]) => !(name in minimal))
          .map(([name, schema]) => [name, sampleOf(schema)]),
      ),
    });
    assert.deepEqual(Object.keys(connection ?? {}).sort(), Object.keys(properties).sort());
  });

  const types = {
    text: 'string',
    url: 'string',
    choice: 'string',
    flag: 'boolean',
    port: 'integer',
    parameters: 'object',
  };
  for (const [name, row] of Object.entries<{ type: keyof typeof types; values?: unknown; default?: unknown }>(
    connectionRows,
  )) {
    it(`has the row of ${name}: its type, values and default, and words`, () => {
      const schema: {
        type?: string;
        format?: string;
        enum?: unknown;
        default?: unknown;
        markdownDescription?: string;
      } = properties[name as keyof typeof properties];
      assert.equal(schema.type, types[row.type]);
      assert.equal(schema.format, row.type === 'url' ? 'uri' : undefined);
      assert.deepEqual(schema.enum, row.values);
      if (row.default !== undefined) assert.equal(schema.default, row.default);
      assert.ok(`connection.${name}` in words);
      assert.equal(schema.markdownDescription, `%connection.${name}%`);
    });
  }

  it('requires the same, and has no more rows', () => {
    assert.deepEqual(Object.keys(properties).sort(), Object.keys(connectionRows).sort());
    assert.equal(properties.id.pattern, idPattern.source);
    assert.deepEqual(required, ['id', 'clientId']);
  });

  it('takes the addresses that are taken, and marks the others', () => {
    const pattern = new RegExp(properties.issuer.pattern);
    for (const url of ['https://a.example/b', 'http://127.0.0.1:80/', 'http://localhost', 'http://[::1]:1/a']) {
      assert.match(url, pattern);
    }
    for (const url of [
      'http://a.example',
      'http://127.0.0.1.evil',
      'http://localhost.evil',
      'ftp://a',
      'https://a#b',
    ]) {
      assert.doesNotMatch(url, pattern);
    }
  });

  it('marks secrets, and none of its own fields', () => {
    const [source = ''] = Object.keys(patternProperties);
    const pattern = new RegExp(source);
    for (const name of ['clientSecret', 'client_secret', 'refresh_token', 'refreshToken', 'password', 'apiKey']) {
      assert.match(name, pattern);
    }
    for (const name of Object.keys(properties)) assert.doesNotMatch(name, pattern);
  });

  for (const { label, body } of defaultSnippets) {
    it(`offers a snippet that works: ${label}`, () => {
      const filled = Object.entries(body).map(([name, text]) => [
        name,
        text.replace(/\$\{\d+[:|]([^,}|]*)[^}]*\}/g, '$1'),
      ]);
      assert.deepEqual(readConnection(Object.fromEntries(filled)).problems, []);
    });
  }

  function sampleOf(schema: { type: string; enum?: string[]; pattern?: string }): unknown {
    if (schema.type === 'boolean') return true;
    if (schema.type === 'object') return { tenant: 'a' };
    if (schema.type === 'integer') return 8080;
    return schema.enum?.[0] ?? (schema.pattern ? 'https://a.example/b' : 'a');
  }
});

describe('bindingOf', () => {
  const { connection } = readConnection(minimal);
  assert.ok(connection);

  it('holds the issuer, the client, and the endpoint that was found', () => {
    assert.deepEqual(bindingOf(connection), { issuer: 'https://login.example.com', client_id: 'app' });
    assert.deepEqual(bindingOf(connection, 'https://login.example.com/token'), {
      issuer: 'https://login.example.com',
      token_endpoint: 'https://login.example.com/token',
      client_id: 'app',
    });
  });

  it('prefers the endpoint of the settings', () => {
    const own = { ...connection, tokenEndpoint: 'https://a.example/token' };
    assert.equal(bindingOf(own, 'https://b.example/token').token_endpoint, 'https://a.example/token');
  });
});

describe('the issuer of an address that was pasted', () => {
  for (const issuer of [
    'https://as.example',
    'https://as.example:8443/tenants/one',
    'http://127.0.0.1:8080/realms/a.b',
  ]) {
    it(`is ${issuer}, from each place where its metadata can be`, () => {
      for (const url of metadataUrls(new URL(issuer))) assert.equal(issuerOfAddress(url), issuer);
    });
  }

  it('is the same with what browsers and people add, and the policy of Azure AD B2C in its path', () => {
    const metadata = 'https://as.example/t/v2.0/.well-known/openid-configuration';
    for (const end of ['', '/', '?x=1', '#top', '/?x=1#top'])
      assert.equal(issuerOfAddress(`${metadata}${end}`), 'https://as.example/t/v2.0', end);
    assert.equal(issuerOfAddress(`${metadata}?p=B2C_1_sign%20in`), 'https://as.example/t/B2C_1_sign%20in/v2.0');
    for (const end of ['/', '?x=1', '#top']) {
      const { connection, problems } = readConnection({ id: 'a', clientId: 'c', issuer: `${metadata}${end}` });
      assert.deepEqual([connection?.issuer, problems], ['https://as.example/t/v2.0', []]);
    }
  });

  for (const address of ['https://as.example/', 'https://as.example/well-known/x', 'as.example', '', 'https://a/?b']) {
    it(`is "${address}" unchanged`, () => {
      assert.equal(issuerOfAddress(` ${address}\n`), address);
    });
  }
});
