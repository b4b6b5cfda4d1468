import assert from 'node:assert/strict';
import fc from 'fast-check';
import { WorkbenchError } from '../../../src/core/errors.ts';
import { printable, redact, redactText } from '../../../src/core/redact.ts';
import { anyCharacter } from '../../support/foreignText.ts';

const hidden = '[hidden]';
const base64url = 'aZ09_-QwErTyUiOpAsDfGhJkLzXcVbNm';

/** Made up for these tests, in the formats that issuers use. */
const sentinels = {
  jwt: `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.${base64url}`,
  'unsecured JWT': 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJjIn0.',
  'short JWT': 'eyJhIjoxfQ.e30.c2ln',
  jwe: `eyJhbGciOiJkaXIifQ..${base64url}.${base64url}.c2ln`,
  base64url,
  base64: 'aZ09+/QwErTyUiOpAsDfGhJkLzXcVbNm==',
  hex: 'deadbeef0123456789abcdef01234567',
  'hex of letters': 'deadbeefcafedeadbeefcafe',
  uuid: '123e4567-e89b-42d3-a456-426614174000',
  'lower case': 'qwertyuiopasdfghjklzxcvbnm',
  'upper case': 'QWERTYUIOPASDFGHJKLZXCVBNM',
  digits: '12345678901234567890123',
  'percent-encoded': 'ab%2Fcd%2Bef%2Fgh%2Bij%2Fkl%3D%3D',
  'with a slash': '1//0gAbCdEfGhIjKlMnOpQrStUv',
  'with a prefix': 'ghr_AbCdEfGhIjKlMnOpQrStUvWxYz0123',
  'with dots and stars': 'M.C512_BAY.0.U.-CgAbc*defGhi!jkl*MnoPqr$$',
  'with a hidden character': `${base64url.slice(0, 12)}\u200b${base64url.slice(12, 24)}\u2060${base64url.slice(24)}`,
};

describe('redactText', () => {
  for (const [shape, token] of Object.entries(sentinels)) {
    it(`hides a token wherever it stands: ${shape}`, () => {
      for (const [before, after] of [
        ['', ''],
        ['token=', '&x=1'],
        ['Bearer ', '\n'],
        ['{"access_token":"', '"}'],
        ["'", "'"],
        ['(', ').'],
        ['x:', ','],
      ] as const) {
        const shown = redactText(before + token + after);
        assert.ok(shown.includes(hidden), shown);
        for (let at = 0; at + 12 <= token.length; at++)
          assert.ok(!shown.includes(token.slice(at, at + 12)), `${shown} shows ${token.slice(at, at + 12)}`);
      }
    });
  }

  for (const text of [
    'The refresh token was refused by the issuer.',
    'client_secret_basic',
    'urn:ietf:params:oauth:grant-type:device_code',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'login.microsoftonline.com',
    'https://login.example.com/realms/master/protocol/openid-connect/token',
    'Cancelled. The request may have arrived.',
    'interaction_required',
    '2019-04-06 10:04:29',
    'http://127.0.0.1:54321/token',
  ]) {
    it(`leaves plain words: ${text}`, () => {
      assert.equal(redactText(text), text);
    });
  }

  it('is linear', function () {
    this.timeout(60_000);
    for (const text of [
      'eyJ.'.repeat(500_000),
      'a.'.repeat(1_000_000),
      `${'a'.repeat(19)} `.repeat(100_000),
      'A-'.repeat(1_000_000),
      `${'abc-'.repeat(500_000)}!`,
      '/'.repeat(2_000_000),
    ]) {
      redactText(text);
    }
  });
});

describe('redact', () => {
  it('keeps no sentinel, whatever it is wrapped in', () => {
    const token = sentinels.base64url;
    const wrap = fc.letrec<{ value: unknown }>(tie => ({
      value: fc.oneof(
        { depthSize: 'small', maxDepth: 8 },
        fc.constant(token),
        fc.string().map(text => `${text} ${token} ${text}`),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.oneof(fc.string(), fc.constant(token)), tie('value'), { maxKeys: 3 }),
        fc.constant(new WorkbenchError('internal', { type: token })),
        fc.constant(Object.assign(new Error(token, { cause: token }), { code: token, name: token, body: token })),
      ),
    })).value;
    fc.assert(
      fc.property(wrap, value => {
        assert.ok(!JSON.stringify(redact(value) ?? '').includes(token));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  for (const name of [
    'access_token',
    'refreshToken',
    'id_token_hint',
    'tokens',
    'client_secret',
    'private_key',
    'dpop_key',
    'clientSecret',
    'password',
    'passphrase',
    'Authorization',
    'set-cookie',
    'cookie',
    'cause',
    'body',
    'code',
    'code_verifier',
    'jwt',
    'device_code',
    'user_code',
    'client_assertion',
    'credentials',
    'private_key',
    'apiKey',
    'otp',
    'd',
    'k',
  ]) {
    it(`hides whatever is called ${name}, however short`, () => {
      for (const value of ['s3cret', 123456, { inner: 's3cret' }, ['s3cret']])
        assert.deepEqual(redact({ [name]: value }), { [name]: hidden });
      assert.deepEqual(redact({ [name]: true }), { [name]: true });
    });
  }

  it('shows what is useful and harmless', () => {
    const fields = {
      token_type: 'Bearer',
      tokenEndpoint: 'https://issuer.example/token',
      outcome: 'refreshed',
      generation: 3,
      refresh_token_stored_at: 5,
      nothing: null,
    };
    assert.deepEqual(redact(fields), fields);
  });

  it('of an error tells name, code and data, and neither message nor cause', () => {
    const error = new WorkbenchError('oauth_error', { error: 'invalid_grant', status: 400 });
    assert.deepEqual(redact({ error }), {
      error: { error: 'WorkbenchError', code: 'oauth_error', data: { error: 'invalid_grant', status: 400 } },
    });
    assert.deepEqual(redact(new TypeError('secret', { cause: 'secret' })), { error: 'TypeError' });
    assert.doesNotMatch(JSON.stringify(redact(new AggregateError([new Error('secret')], 'secret'))), /secret/);
  });

  it('cuts after hiding, so that half a token is none', () => {
    for (let before = 1960; before < 2010; before++) {
      const shown = String(redact(`${'. '.repeat(before / 2)}${base64url}`));
      assert.doesNotMatch(shown, /aZ09/);
    }
  });

  it('copes with cycles, breadth, depth and throwing getters', () => {
    const knot: Record<string, unknown> = {};
    for (let i = 0; i < 100; i++) knot[`a${i}`] = knot;
    redact(knot);
    const trap = {
      get a() {
        throw new Error('no');
      },
    };
    assert.equal(redact(trap), hidden);
    assert.equal(redact({ deep: trap }), hidden);
    assert.equal(redact(Symbol('x')), hidden);
    assert.equal(redact(10n), hidden);
    assert.equal(
      redact(() => 1),
      hidden,
    );
    assert.deepEqual(redact(JSON.parse('{"__proto__":{"a":1}}')), JSON.parse('{"__proto__":{"a":1}}'));
    assert.equal((redact(Array.from({ length: 500 }, () => 1)) as unknown[]).length, 100);
  });
});

describe('printable', () => {
  for (const [character, code] of [
    ['\u0000', '0'],
    ['\n', 'a'],
    ['\u001b', '1b'],
    ['\u00ad', 'ad'],
    ['\u034f', '34f'],
    ['\u200b', '200b'],
    ['\u202e', '202e'],
    ['\u2066', '2066'],
    ['\u2028', '2028'],
    ['\u3164', '3164'],
    ['\ufeff', 'feff'],
    ['\ufe0f', 'fe0f'],
    ['\ue000', 'e000'],
    ['\ud800', 'd800'],
    ['\u{e0041}', 'e0041'],
    ['\u{e0100}', 'e0100'],
  ] as const) {
    it(`shows the invisible U+${code}`, () => {
      assert.equal(printable(`a${character}b`, 100), `a\\u{${code}}b`);
    });
  }

  it('leaves what can be seen', () => {
    for (const text of ['plain', 'äöü ß', '日本語', 'עברית', '👍 ❤️ 🇨🇭', 'e\u0301'])
      assert.equal(printable(text, 100), text);
  });

  it('cuts, says so, and never through a character', () => {
    assert.equal(printable('abcdef', 6), 'abcdef');
    assert.equal(printable('abcdef', 3), 'abc…');
    assert.equal(printable('ab👍cd', 3), 'ab…');
    assert.equal(printable('', 3), '');
  });

  it('leaves nothing invisible of any text', function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 200 }), text => {
        assert.doesNotMatch(printable(text, 100), /[\p{Cc}\p{Bidi_Control}\u200b-\u200f\ud800-\udfff]/u);
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});
