import assert from 'node:assert/strict';
import { runChecks } from '../../../../src/core/checks/checks.ts';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { encodeBase64url } from '../../../../src/core/tokens/base64url.ts';
import { digestOf } from '../../../../src/core/tokens/forms.ts';
import {
  isObject,
  type JsonObject,
  jsonText,
  memberText,
  readJson,
  roundedNumbers,
  sameData,
  withMembers,
  withTexts,
} from '../../../../src/core/tokens/json.ts';
import { decodeToken } from '../../../../src/core/tokens/jwt.ts';
import { changedClaim, compareTokens } from '../../../../src/core/tokens/tokenUse.ts';

/** Numbers that are valid JSON (RFC 8259 section 6) but that JavaScript writes differently or cannot represent. */
const written = [
  '9007199254740993',
  '-9007199254740993',
  '1e400',
  '-0',
  '1.0',
  '0.1000',
  '12E+2',
  '1.00000000000000001',
];
const rounded = ['9007199254740993', '-9007199254740993', '1e400', '1.00000000000000001'];

function parsed(text: string): JsonObject {
  const reading = readJson(text);
  assert.ok(reading.ok && isObject(reading.value));
  return reading.value;
}

function jwt(payload: string): string {
  const encode = (text: string) => encodeBase64url(new TextEncoder().encode(text));
  return `${encode('{"alg":"ES256"}')}.${encode(payload)}.c2ln`;
}

describe('numbers as they are written', () => {
  it('are written again as they stood, at any depth', () => {
    const deep = `${'['.repeat(60)}${written.join(',')}${']'.repeat(60)}`;
    const text = `{"a":{"list":[${written.join(',')}]},"b/~c":${deep},"d":-0,"e":"9007199254740993","f":[1,2.5,1e-7]}`;
    assert.equal(jsonText(parsed(text)), text);
    assert.equal(jsonText(parsed(jsonText(parsed(text), 2))), text);
  });

  it('are those of the last member of a name, as in JSON.parse', () => {
    for (const [text, kept] of [
      ['{"a":9007199254740993,"a":1}', '{"a":1}'],
      ['{"a":9007199254740993,"a":9007199254740992}', '{"a":9007199254740992}'],
      ['{"a":{"b":1.0},"a":{"c":2.0}}', '{"a":{"c":2.0}}'],
      ['{"a":[1.0],"a":1}', '{"a":1}'],
    ] as const)
      assert.equal(jsonText(parsed(text)), kept, text);
  });

  it('are named by their pointers where JavaScript rounds them, and only there', () => {
    const value = parsed(`{"a":[${written.join(',')}],"b/c":{"~":9007199254740993}}`);
    const found = roundedNumbers(value);
    assert.deepEqual(
      found.map(each => each.written),
      [...rounded, '9007199254740993'],
    );
    assert.equal(found.at(-1)?.path, '/b~1c/~0');
  });

  it('tell two values apart that JavaScript takes for one, and no two spellings of one number', () => {
    const same = (one: string, other: string) => sameData(parsed(`{"a":[${one}]}`), parsed(`{"a":[${other}]}`));
    for (const [one, other] of [
      ['9007199254740993', '9007199254740992'],
      ['9007199254740993', '9007199254740994'],
      ['9007199254740993', '-9007199254740993'],
      ['1e400', '1e401'],
      ['9007199254740993', '"9007199254740993"'],
      ['1e400', 'null'],
    ] as const) {
      assert.ok(!same(one, other), `${one} ${other}`);
      assert.ok(!same(other, one), `${other} ${one}`);
    }
    for (const [one, other] of [
      ['1', '1.0'],
      ['0', '-0'],
      ['9007199254740993', '9007199254740993.0'],
      ['9007199254740993', '9007199254740.993e3'],
      ['12e2', '1200'],
    ] as const)
      assert.ok(same(one, other), `${one} ${other}`);
  });

  it('stay when members and texts are copied', () => {
    const value = parsed('{"b":[9007199254740993,"x"],"a":1e400,"__proto__":1.0}');
    assert.equal(jsonText(withMembers(['a', 'b', 'none'], value)), '{"a":1e400,"b":[9007199254740993,"x"]}');
    assert.equal(
      jsonText(withTexts(value, text => text.toUpperCase())),
      '{"b":[9007199254740993,"X"],"a":1e400,"__proto__":1.0}',
    );
  });
});

describe('numbers beyond 2^53 in results', () => {
  const said = (payload: string, expected: { issuer?: string; subject?: string; audience?: string } = {}) =>
    new Map(
      runChecks({ token: decodeToken(jwt(payload)), policy: { ...expected, kind: 'any' }, now: 0 }).map(
        ({ id, found }) => [id, found],
      ),
    );

  it('stand in what a check found as the token writes them', () => {
    const found = said(
      '{"iss":9007199254740993,"sub":9007199254740995,"aud":[9007199254740997],"exp":1e400,"iat":9007199254740999}',
      { issuer: 'https://issuer.example', subject: 'u', audience: 'api' },
    );
    assert.equal(found.get('iss'), '9007199254740993');
    assert.equal(found.get('sub'), '9007199254740995');
    assert.equal(found.get('aud'), '[9007199254740997]');
    assert.equal(found.get('exp'), '1e400');
    assert.equal(found.get('iat'), '9007199254740999');
    assert.equal(said('{"cnf":{"jkt":9007199254740993},"azp":-0}').get('cnf'), '{"jkt":9007199254740993}');
  });

  it('stand in the difference between two tokens', () => {
    const of = (uid: string) => decodeToken(jwt(`{"uid":${uid},"list":[[${uid}]]}`));
    assert.deepEqual(compareTokens(of('9007199254740993'), of('9007199254740992')), [
      { part: 'payload', name: 'uid', change: 'changed', before: '9007199254740993', after: 9007199254740992 },
      {
        part: 'payload',
        name: 'list',
        change: 'changed',
        before: [['9007199254740993']],
        after: [[9007199254740992]],
      },
    ]);
    for (const [one, other] of [
      ['9007199254740993', '9007199254740993'],
      ['1.0', '1'],
      ['-0', '0'],
    ] as const)
      assert.deepEqual(compareTokens(of(one), of(other)), []);
    assert.equal(compareTokens(of('9007199254740993'), of('"9007199254740993"')).length, 2);
  });

  it('make two subjects two', () => {
    const [one, other] = ['9007199254740993', '9007199254740992'].map(sub => parsed(`{"sub":${sub}}`));
    assert.equal(changedClaim(one ?? {}, other ?? {}), 'sub');
    assert.equal(changedClaim(one ?? {}, parsed('{"sub":9007199254740993}')), undefined);
  });

  it('are disclosed as the issuer wrote them', async () => {
    const disclosures = ['["s1","uid",9007199254740993]', '["s2",[1e400]]'].map(text =>
      encodeBase64url(new TextEncoder().encode(text)),
    );
    const [uid, element] = await Promise.all(disclosures.map(each => digestOf(each, 'SHA-256')));
    const token = `${jwt(`{"_sd":["${uid}"],"ids":[9007199254740995,{"...":"${element}"},1.0]}`)}~${disclosures.join('~')}~`;
    const { disclosed } = await verifyToken(token, {}, { kind: 'none' }, 0);
    assert.equal(jsonText(disclosed), '{"ids":[9007199254740995,[1e400],1.0],"uid":9007199254740993}');
    const decoded = decodeToken(token);
    assert.ok(decoded.kind === 'jws' && decoded.form?.kind === 'sd_jwt');
    assert.equal(memberText(decoded.form.disclosures[0] as unknown as JsonObject, 'value'), '9007199254740993');
  });
});
