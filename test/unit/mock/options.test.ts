import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createFaultPlan, faultTypes, readFaults } from '../../../src/mock/faults.ts';
import { createMockIssuer } from '../../../src/mock/issuer.ts';
import { type MockServerOptions, startMockServer } from '../../../src/mock/nodeServer.ts';
import { MockOptionError } from '../../../src/mock/shape.ts';

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
