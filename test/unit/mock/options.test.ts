import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createFaultPlan, faultTypes, readFaults } from '../../../src/mock/faults.ts';
import { createMockIssuer } from '../../../src/mock/issuer.ts';
import { type MockServerOptions, startMockServer } from '../../../src/mock/nodeServer.ts';
import { MockOptionError, parseJson } from '../../../src/mock/shape.ts';

const path = (value: unknown): string => {
  try {
    readFaults(value);
  } catch (error) {
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /^faults[\w[\].-]*: ./);
    return error.message.split(':')[0] ?? '';
  }
  return 'accepted';
};

describe('faults as JSON', () => {
  it('accepts faults with endpoints, limits and parameters', () => {
    const faults = [
      { type: 'delay', ms: 5, at: ['token', 'jwks'], times: 3 },
      { type: 'serverError', status: 500, commit: true, probability: 0.5, seed: 7 },
      { type: 'claim', name: 'sub' },
      { type: 'claim', name: 'roles', value: ['a'], token: 'access_token' },
    ];
    assert.deepEqual(readFaults(JSON.parse(JSON.stringify(faults))), faults);
    const [first] = createFaultPlan(readFaults(faults)).strikes('jwks');
    assert.equal(first?.type, 'delay');
    assert.deepEqual(readFaults([]), []);
  });

  it('names missing and unknown members of every fault, and accepts none without effect', () => {
    for (const type of faultTypes) {
      const outcome = path([{ type }]);
      assert.ok(outcome === 'accepted' || outcome.startsWith('faults[0].'), `${type}: ${outcome}`);
      assert.match(path([{ type, ms: 1, literal: '1', name: 'a', nonsense: 1 }]), /^faults\[0\]\.\w+$/, type);
    }
  });

  it('names the path of each invalid member', () => {
    const cases: [unknown, string][] = [
      [undefined, 'faults'],
      [{ type: 'delay' }, 'faults'],
      [[null], 'faults[0]'],
      [[{}], 'faults[0].type'],
      [[{ type: 'toString' }], 'faults[0].type'],
      [[{ type: 'truncate' }, { type: 'delay' }], 'faults[1].ms'],
      [[{ type: 'delay', ms: '5' }], 'faults[0].ms'],
      [[{ type: 'delay', ms: Number.NaN }], 'faults[0].ms'],
      [[{ type: 'truncate', at: 'nowhere' }], 'faults[0].at'],
      [[{ type: 'truncate', times: 0 }], 'faults[0].times'],
      [[{ type: 'truncate', times: 1.5 }], 'faults[0].times'],
      [[{ type: 'truncate', probability: 2 }], 'faults[0].probability'],
      [[{ type: 'truncate', seed: 'a' }], 'faults[0].seed'],
      [[{ type: 'wrongIss', token: 'refresh_token' }], 'faults[0].token'],
    ];
    for (const [value, expected] of cases) assert.equal(path(value), expected);
  });
});

describe('JSON that a user wrote', () => {
  const said = (text: string) => {
    try {
      return parseJson(text, 'f');
    } catch (error) {
      assert.ok(error instanceof MockOptionError);
      return error.message;
    }
  };

  it('is read as JSON.parse reads it', () => {
    const deep = `${'['.repeat(1_000)}${']'.repeat(1_000)}`;
    const right = [
      '{}',
      ' [ ] ',
      '1',
      '-0.5e+3',
      'null',
      '"\\u00e9\\"\\n"',
      '{"a":{"b":[1,{"a":[]}]},"":{},"b":[[],{}]}',
      deep,
    ];
    for (const text of right) assert.equal(JSON.stringify(said(text)), JSON.stringify(JSON.parse(text)));
    const whole = JSON.stringify({ a: [1, { b: 'c' }], d: { e: null } }, undefined, 1);
    for (let end = 0; end < whole.length; end += 1) {
      const cut = whole.slice(0, end);
      for (const text of [cut, `${cut}}`, `${cut},`, `${cut}:`, `${cut}]`, `${cut}"`, `${cut}1`, `${cut}'`]) {
        let isRight = true;
        try {
          JSON.parse(text);
        } catch {
          isRight = false;
        }
        assert.equal(!/^f: JSON \(line/.test(String(said(text))), isRight, text);
      }
    }
  });

  it('is refused with the line of the error, and with nothing of the text, which could be a secret', () => {
    const cases: [string, string][] = [
      ['', 'line 1, column 1: it is empty'],
      ['{ "client_secret": canary }', 'line 1, column 20: expected a value'],
      ['{\n  "a": "canary\n}', 'line 2, column 8: expected a value'],
      ['{ "a": 1,\n}', 'line 2, column 1: expected a name in double quotes'],
      ['{ canary: 1 }', 'line 1, column 3: expected a name in double quotes or }'],
      ["{ 'canary': 1 }", 'line 1, column 3: expected a name in double quotes or }'],
      ['{ "a": 1 "canary": 2 }', 'line 1, column 10: expected , or }'],
      ['{ "a" 1 }', 'line 1, column 7: expected :'],
      ['[1, 2', 'line 1, column 6: expected , or ]'],
      ['[1, ]', 'line 1, column 5: expected a value'],
      ['[,]', 'line 1, column 2: expected a value or ]'],
      ['{} {}', 'line 1, column 4: expected nothing more'],
      ['{ "a": 01 }', 'line 1, column 9: expected , or }'],
      ['{\n  // canary\n}', 'line 2, column 3: it has no comments'],
      ['{ "a": 1, /* canary */ "b": 2 }', 'line 1, column 11: it has no comments'],
    ];
    for (const [text, expected] of cases) assert.equal(said(text), `f: JSON (${expected})`);
  });

  it('has each member once, because one of two would silently do nothing', () => {
    assert.equal(
      said('{ "port": 1, "clients": [{ "a": 1 }, { "a": 1, "\\u0061": 2 }], "port": 2, "port": 3 }'),
      'clients[1].a: there only once\nport: there only once',
    );
  });
});

describe('options that contradict each other', () => {
  const contradictory: [MockServerOptions, string][] = [
    [
      { clients: [{ client_id: 'a', client_secret: 'x', token_endpoint_auth_method: 'none' }] },
      'clients[0].client_secret: left out (none uses no secret)',
    ],
    [
      {
        clients: [{ client_id: 'a', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'RSA' }] } }],
      },
      'clients[0].jwks.keys[0]: a public key as JWK, without d',
    ],
    [
      { clients: [{ client_id: 'a', jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'canary', d: 'canary' }] } }] },
      'clients[0].jwks.keys[0]: a public key as JWK, without d',
    ],
    [{ publicUrl: 'https://a.example/x', path: '/y' }, 'path: left out (publicUrl has the whole address)'],
    [{ control: true, path: '/control' }, 'path: another than that of the control API'],
    [
      { control: true, issuers: [{ path: '/controls' }, { path: '/control/a' }] },
      'issuers[1].path: another than that of the control API',
    ],
    [
      {
        metadataPatch: [
          { op: 'remove', path: '/a' },
          { op: 'add', path: '/a' },
        ],
      },
      'metadataPatch[1].value: the new value, which add requires',
    ],
    [{ scopeClaims: { '': 1, 'a.b': 2 } } as object, 'scopeClaims[""]: an array\nscopeClaims["a.b"]: an array'],
  ];
  for (const [options, message] of contradictory)
    it(`are refused: ${message.split('\n')[0]}`, async () => {
      await assert.rejects(startMockServer({ alg: 'ES256', ...options }), { code: 'mock_option_invalid', message });
    });
});

describe('options as JSON', () => {
  const problems = async (options: object) => {
    try {
      await createMockIssuer(options);
    } catch (error) {
      assert.ok(error instanceof MockOptionError);
      assert.equal(error.code, 'mock_option_invalid');
      return error.problems;
    }
    return [];
  };

  it('names every member that is wrong, with its path and what is expected, and never its value', async () => {
    const found = await problems({
      rotation: 'canary',
      accessTokenLifetime: -1,
      clients: [
        { client_id: 'a', redirect_uris: ['canary'] },
        { client_secret: 1, nope: 'canary' },
      ],
      faults: [{ type: 'delay' }],
    });
    assert.deepEqual(
      found.map(({ field }) => field),
      [
        'clients[0].redirect_uris[0]',
        'clients[1].client_id',
        'clients[1].client_secret',
        'clients[1].nope',
        'rotation',
        'faults[0].ms',
        'accessTokenLifetime',
      ],
    );
    assert.equal(found[4]?.expected, 'one of none, omit, strict, grace');
    assert.doesNotMatch(JSON.stringify(found), /canary/);
    assert.deepEqual(await problems({ clients: [{ client_id: 'a' }, { client_id: 'a' }] }), [
      { field: 'clients[1].client_id', expected: 'one that no other has' },
    ]);
  });

  it('are refused where two issuers, users or clients have one name, or a key is for another algorithm than alg', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = String(privateKey.export({ format: 'pem', type: 'pkcs8' }));
    assert.deepEqual(await problems({ users: [{ sub: 'a' }, { sub: 'b' }, { sub: 'a' }] }), [
      { field: 'users[2].sub', expected: 'one that no other has' },
    ]);
    assert.deepEqual(await problems({ alg: 'RS256', keys: [pem] }), [
      { field: 'keys[0]', expected: 'a key for alg, which is RS256; this one is for ES256' },
    ]);
    // Without alg the key decides.
    assert.deepEqual(await problems({ keys: [pem] }), []);
    const started = (options: MockServerOptions) =>
      startMockServer(options).then(
        server => server.close(),
        error => error.problems,
      );
    const another = [{ field: 'issuers[0].path', expected: 'one that no other has' }];
    assert.deepEqual(await started({ path: '/a', issuers: [{ path: '/a' }] }), another);
    assert.deepEqual(await started({ issuers: [{ path: '/a' }, { path: '/a' }] }), [
      { field: 'issuers[1].path', expected: 'one that no other has' },
    ]);
  });

  it('of a fault include how often it applies', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    mock.setFault({ type: 'jwksDown', times: 1 });
    assert.deepEqual(mock.faults.active, [{ type: 'jwksDown', times: 1 }]);
    const status = async () => (await mock.fetch(`${mock.issuer}/jwks`)).status;
    assert.deepEqual([await status(), await status()], [503, 200]);
    assert.deepEqual(mock.faults.active, []);
    assert.throws(() => mock.setFault({ type: 'jwksDown', times: 0 }), MockOptionError);
  });
});
