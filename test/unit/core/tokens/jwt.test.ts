import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import {
  base64urlFlaw,
  decodeAscii,
  decodeBase64url,
  encodeBase64url,
  isCanonical,
} from '../../../../src/core/tokens/base64url.ts';
import { readJson } from '../../../../src/core/tokens/json.ts';
import { type DecodedJws, decodeToken, expiresAt } from '../../../../src/core/tokens/jwt.ts';
import { numericDate } from '../../../../src/core/tokens/tokenParts.ts';
import { tokenUse } from '../../../../src/core/tokens/tokenUse.ts';
import { anyCharacter } from '../../../support/foreignText.ts';
import { encode } from '../../../support/signing.ts';

const header = encode({ alg: 'RS256', typ: 'JWT' });
const signed = (payload: unknown, head = header) => `${head}.${encode(payload)}.c2lnbmF0dXJl`;

function decodeJws(token: string): DecodedJws {
  const decoded = decodeToken(token);
  assert.equal(decoded.kind, 'jws');
  return decoded;
}

describe('decodeToken', () => {
  it('reads the example of RFC 7519 section 3.1, its line breaks included', () => {
    const compact =
      'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
    const decoded = decodeJws(compact);
    assert.deepEqual(decoded, {
      kind: 'jws',
      header: { typ: 'JWT', alg: 'HS256' },
      payload: { iss: 'joe', exp: 1300819380, 'http://example.com/is_root': true },
      headerText: '{"typ":"JWT",\r\n "alg":"HS256"}',
      payloadText: '{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}',
      signature: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
      compact,
      warnings: [],
    });
    assert.equal(expiresAt(decoded), 1300819380_000);
  });

  it('reads the unsecured JWT of RFC 7519 section 6.1 and says that anyone could have written it', () => {
    const { payload, warnings } = decodeJws(
      'eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.',
    );
    assert.equal(payload.iss, 'joe');
    assert.deepEqual(warnings, [{ code: 'alg_none', part: 'header', member: 'alg' }]);
  });

  it('reads the header of the JWE of RFC 7519 appendix A.1', () => {
    const decoded = decodeToken(
      'eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.QR1Owv2ug2WyPBnbQrRARTeEk9kDO2w8qDcjiHnSJflSdv1iNqhWXaKH4MqAkQtMoNfABIPJaZm0HaA415sv3aeuBWnD8J-Ui7Ah6cWafs3ZwwFKDFUUsWHSK-IPKxLGTkND09XyjORj_CHAgOPJ-Sd8ONQRnJvWn_hXV1BNMHzUjPyYwEsRhDhzjAD26imasOTsgruobpYGoQcXUwFDn7moXPRfDE8-NoQX7N7ZYMmpUDkR-Cx9obNGwJQ3nM52YCitxoQVPzjbl7WBuB7AohdBoZOdZ24WlN1lVIeh8v1K4krB8xgKvRU8kgFrEn_a1rZgN5TiysnmzTROF869lQ.AxY8DCtDaGlsbGljb3RoZQ.MKOle7UQrG6nSxTLX6Mqwt0orbHvAKeWnDYvpIAeZ72deHxz3roJDXQyhxx0wKaMHDjUEOKIwrtkHthpqEanSBNYHZgmNOV7sln1Eu9g3J8.fiK51VwhsxJ-siBMR-YFiA',
    );
    assert.equal(decoded.kind, 'jwe');
    assert.deepEqual(decoded.header, { alg: 'RSA1_5', enc: 'A128CBC-HS256' });
    assert.equal(expiresAt(decoded), undefined);
  });

  for (const opaque of [
    'ya29.a0AfH6SMBx-12_345',
    'WPsGJbvpBjqXz6IJIr1UHKyrdVF',
    'gho_16C7e42F292c6912E7710c838347Ae178B4a',
    'a.b.c',
    '1//0gLaraveL+slash/and=',
    encode({ iv: 'x', value: 'y', mac: 'z' }),
  ]) {
    it(`takes ${opaque.slice(0, 12)}... for an opaque token`, () => {
      assert.deepEqual(decodeToken(opaque), { kind: 'opaque', warnings: [] });
    });
  }

  describe('refuses', () => {
    const token = signed({ a: 1 });
    const [first = '', second = '', third = ''] = token.split('.');
    for (const [name, text, code, data] of [
      ['an empty text', '', 'not_a_token', { reason: 'empty' }],
      [
        'the JSON form of a JWS',
        `{"payload":"${first}","signatures":[{"protected":"${first}"}]}`,
        'not_a_token',
        { reason: 'json' },
      ],
      ['that of a JWE', '\n{\n "protected": "x",\n "ciphertext" : "y"\n}', 'not_a_token', { reason: 'json' }],
      ['words', 'not a token', 'not_a_token', { reason: 'character', position: 3 }],
      ['a text beyond ASCII', 'tökén', 'not_a_token', { reason: 'character', position: 1 }],
      ['a lone header', header, 'token_part_count', { parts: 1 }],
      ['two parts that are no header and payload', `${first}.${third}`, 'token_part_count', { parts: 2 }],
      ['four parts', `${token}.x`, 'token_part_count', { parts: 4 }],
      ['six parts', `${token}.x.y.z`, 'token_part_count', { parts: 6 }],
      [
        'a space after the token',
        `${token} `,
        'token_encoding',
        { part: 'signature', reason: 'character', position: token.length },
      ],
      [
        'a line break after it',
        `${token}\n`,
        'token_encoding',
        { part: 'signature', reason: 'character', position: token.length },
      ],
      [
        'padding within a part',
        `${first}.${second}==a.${third}`,
        'token_encoding',
        { part: 'payload', reason: 'character', position: first.length + 1 + second.length },
      ],
      [
        'a letter beyond ASCII',
        `${first}.ab\u0141d.${third}`,
        'token_encoding',
        { part: 'payload', reason: 'character', position: first.length + 3 },
      ],
      [
        'a length that no bytes have',
        `${first}.abcde.${third}`,
        'token_encoding',
        { part: 'payload', reason: 'length', position: first.length + 6 },
      ],
      [
        'a payload that is no UTF-8',
        `${first}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.`,
        'token_json',
        { part: 'payload', reason: 'utf8' },
      ],
      [
        'a payload with a byte order mark',
        `${first}.${encode('\ufeff{}')}.`,
        'token_json',
        { part: 'payload', reason: 'syntax' },
      ],
      [
        'a payload that is no JSON',
        signed('Example of Ed25519 signing'),
        'token_json',
        { part: 'payload', reason: 'syntax' },
      ],
      ['a detached payload', `${first}..${third}`, 'token_json', { part: 'payload', reason: 'empty' }],
      [
        'a header that is no JSON',
        `${encode('{"alg":RS256}')}.${second}.${third}`,
        'token_json',
        { part: 'header', reason: 'syntax' },
      ],
      ['an array as payload', signed([1]), 'token_not_an_object', { part: 'payload' }],
      ['a text as payload', signed('"text"'), 'token_not_an_object', { part: 'payload' }],
      ['null as payload', signed('null'), 'token_not_an_object', { part: 'payload' }],
      [
        '5,000 levels',
        signed(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`),
        'token_too_deep',
        { part: 'payload', limit: 100 },
      ],
      [
        '5,000 levels of arrays that do not end',
        signed(`{"a":${'['.repeat(5000)}`),
        'token_too_deep',
        { part: 'payload', limit: 100 },
      ],
      [
        '10 MB',
        `${first}.${'a'.repeat(10_000_000)}.${third}`,
        'token_too_large',
        { size: 10_000_000 + first.length + third.length + 2, limit: 1024 * 1024 },
      ],
    ] as const) {
      it(`${name}: ${code}`, () => {
        assert.throws(() => decodeToken(text), { code, ...(data && { data }) });
      });
    }

    it('10 MB without reading them', () => {
      const large = `eyJ${'.'.repeat(10_000_000)}`;
      for (let i = 0; i < 100; i++) assert.throws(() => decodeToken(large), { code: 'token_too_large' });
    });
  });

  describe('reads signed content that is not a JWT', () => {
    const plain = encode({ alg: 'RS256' });
    const bytes = Buffer.from([0xff, 0, 1]).toString('base64url');
    for (const [name, payload, content, text] of [
      ['a sentence', encode('Example of Ed25519 signing'), 'text', 'Example of Ed25519 signing'],
      ['an array', encode('[1]'), 'text', '[1]'],
      ['bytes', bytes, 'bytes', bytes],
    ] as const) {
      it(name, () => {
        const decoded = decodeToken(`${plain}.${payload}.c2ln`);
        assert.ok(decoded.kind === 'jws');
        assert.deepEqual([decoded.content, decoded.payloadText, decoded.payload], [content, text, {}]);
        assert.deepEqual(decoded.warnings, [{ code: 'not_claims', part: 'payload' }]);
      });
    }

    it('and keeps what was to be claims apart', () => {
      for (const payload of [encode('{"a":'), encode(' \n{"a":1'), encode('\ufeff{}')])
        assert.throws(() => decodeToken(`${plain}.${payload}.c2ln`), { code: 'token_json' });
      for (const typ of ['JWT', 'jwt', 'at+jwt', 'application/at+JWT'])
        assert.throws(() => decodeToken(signed('text', encode({ alg: 'RS256', typ }))), {
          code: 'token_json',
        });
    });
  });

  describe('warns of', () => {
    for (const [name, token, warnings] of [
      [
        'a claim that comes twice',
        signed('{"aud":"a","aud":"b"}'),
        [{ code: 'duplicate_member', part: 'payload', member: 'aud', path: '/aud' }],
      ],
      [
        'one that is spelled with an escape',
        signed('{"aud":"a","\\u0061ud":"b"}'),
        [{ code: 'duplicate_member', part: 'payload', member: 'aud', path: '/aud' }],
      ],
      [
        'one inside others',
        signed('{"act":[0,{"sub":1,"x/y":{"~":1,"~":2}}]}'),
        [{ code: 'duplicate_member', part: 'payload', member: '~', path: '/act/1/x~1y/~0' }],
      ],
      [
        'one called __proto__',
        signed('{"__proto__":1,"__proto__":2}'),
        [{ code: 'duplicate_member', part: 'payload', member: '__proto__', path: '/__proto__' }],
      ],
      [
        'a header parameter that comes twice',
        signed({}, encode('{"alg":"RS256","alg":"HS256"}')),
        [{ code: 'duplicate_member', part: 'header', member: 'alg', path: '/alg' }],
      ],
      [
        'a time as text',
        signed({ exp: '1300819380' }),
        [{ code: 'time_not_a_number', part: 'payload', member: 'exp', path: '/exp' }],
      ],
      [
        'a time in milliseconds',
        signed({ iat: 1554537869000 }),
        [{ code: 'time_in_milliseconds', part: 'payload', member: 'iat', path: '/iat' }],
      ],
      [
        'a time without end',
        signed('{"exp":1e400}'),
        [
          { code: 'number_rounded', part: 'payload', member: 'exp', path: '/exp', found: '1e400' },
          { code: 'time_out_of_range', part: 'payload', member: 'exp', path: '/exp' },
        ],
      ],
      [
        'a negative time',
        signed({ nbf: -1 }),
        [{ code: 'time_out_of_range', part: 'payload', member: 'nbf', path: '/nbf' }],
      ],
      ['no algorithm', signed({}, encode({ typ: 'JWT' })), [{ code: 'alg_missing', part: 'header', member: 'alg' }]],
      ['NoNe', signed({}, encode({ alg: 'NoNe' })), [{ code: 'alg_none', part: 'header', member: 'alg' }]],
      ['an empty signature', `${header}.${encode({})}.`, [{ code: 'signature_missing', part: 'signature' }]],
      [
        'critical extensions',
        signed({}, encode({ alg: 'RS256', crit: ['x'], x: 1 })),
        [{ code: 'crit', part: 'header', member: 'crit' }],
      ],
      [
        'keys in the header',
        signed({}, encode({ alg: 'RS256', jku: 'https://x', x5c: [] })),
        [
          { code: 'embedded_key', part: 'header', member: 'jku' },
          { code: 'embedded_key', part: 'header', member: 'x5c' },
        ],
      ],
      ['an ending that is not canonical', `${header}.${encode({})}.YR`, [{ code: 'non_canonical', part: 'signature' }]],
    ] as const) {
      it(name, () => {
        assert.deepEqual(decodeToken(token).warnings, warnings);
      });
    }

    it('a payload that is not encoded (RFC 7797), and reads it', () => {
      const { payload, warnings } = decodeJws(
        `${encode({ alg: 'HS256', b64: false, crit: ['b64'] })}.{"iss":"joe"}.c2ln`,
      );
      assert.deepEqual(payload, { iss: 'joe' });
      assert.deepEqual(
        warnings.map(({ code }) => code),
        ['crit', 'b64_false'],
      );
    });

    it('a few of many duplicates only', () => {
      const { warnings } = decodeJws(signed(`{${'"a":1,'.repeat(1000)}"a":1}`));
      assert.equal(warnings.length, 16);
    });
  });

  it('keeps __proto__ as a member like any other', () => {
    const { payload } = decodeJws(signed('{"__proto__":{"admin":true},"constructor":1}'));
    assert.deepEqual(Object.keys(payload), ['__proto__', 'constructor']);
    assert.equal(payload.admin, undefined);
    assert.equal(Object.getPrototypeOf(payload), Object.prototype);
  });

  it('agrees with jose on every token that it reads', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), payload => {
        const token = signed(payload);
        const decoded = decodeJws(token);
        // Compared as JSON, because objects of jose and fast-check have different prototypes.
        assert.equal(JSON.stringify(decoded.payload), JSON.stringify(decodeJwt(token)));
        assert.deepEqual(decoded.header, decodeProtectedHeader(token));
      }),
    );
  });

  it('never throws anything but its own errors', () => {
    const nearToken = fc
      .array(fc.oneof(fc.constantFrom('eyJ', '.', header, 'e30', '"', '{', ' ', '='), fc.string()), {
        maxLength: 12,
      })
      .map(parts => parts.join(''));
    fc.assert(
      fc.property(nearToken, text => {
        try {
          decodeToken(text);
        } catch (error) {
          assert.equal((error as Error).name, 'WorkbenchError');
          assert.notEqual((error as { code?: string }).code, 'internal');
        }
      }),
    );
  });
});

describe('numericDate', () => {
  for (const [value, expected] of [
    [0, { at: 0 }],
    [1300819380, { at: 1300819380000 }],
    [1300819380.5, { at: 1300819380500 }],
    [253402300799, { at: 253402300799000 }],
    [253402300800, { flaw: 'time_out_of_range' }],
    [1554537869000, { flaw: 'time_in_milliseconds' }],
    [1554537869000000, { flaw: 'time_out_of_range' }],
    [-1, { flaw: 'time_out_of_range' }],
    [Number.POSITIVE_INFINITY, { flaw: 'time_out_of_range' }],
    [Number.NaN, { flaw: 'time_out_of_range' }],
    ['1300819380', { flaw: 'time_not_a_number' }],
    [null, { flaw: 'time_not_a_number' }],
    [undefined, { flaw: 'time_not_a_number' }],
  ] as const) {
    it(`reads ${JSON.stringify(value) ?? value} (${typeof value})`, () => {
      assert.deepEqual(numericDate(value), expected);
    });
  }
});

describe('tokenUse', () => {
  for (const [name, token, expected] of [
    ['at+jwt', signed({ nonce: 'n' }, encode({ alg: 'RS256', typ: 'at+jwt' })), { use: 'access_token', certain: true }],
    [
      'application/at+jwt',
      signed({}, encode({ alg: 'RS256', typ: 'application/AT+JWT' })),
      { use: 'access_token', certain: true },
    ],
    ['a nonce', signed({ nonce: 'n', scope: 'x' }), { use: 'id_token', certain: true }],
    ['at_hash', signed({ at_hash: 'h' }), { use: 'id_token', certain: true }],
    ["Cognito's token_use", signed({ token_use: 'access' }), { use: 'access_token', certain: true }],
    ["Keycloak's typ", signed({ typ: 'Refresh', scope: 'x' }), { use: 'refresh_token', certain: true }],
    ['a scope', signed({ scope: 'x' }), { use: 'access_token', certain: false }],
    ['roles', signed({ aud: 'a', azp: 'b', roles: [] }), { use: 'access_token', certain: false }],
    ['an authentication time', signed({ aud: 'a', auth_time: 1 }), { use: 'id_token', certain: false }],
    ['nothing', signed({ sub: 'x' }), undefined],
    ['a name that every object inherits', signed({ typ: 'constructor' }), undefined],
  ] as const) {
    it(`is told by ${name}`, () => {
      assert.deepEqual(tokenUse(decodeToken(token)), expected);
    });
  }
});

describe('base64url', () => {
  it('agrees with Node on every array of bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        const text = Buffer.from(bytes).toString('base64url');
        assert.equal(encodeBase64url(bytes), text);
        assert.deepEqual(decodeBase64url(text), new Uint8Array(bytes));
        assert.equal(isCanonical(text), true);
      }),
    );
  });

  it('reads a text exactly if it has no flaw, and canonical texts come back as they were', () => {
    const letters = fc.constantFrom(...'ABYZabyz0189-_', '=', '+', ' ', 'é');
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 12 }).map(all => all.join('')),
        text => {
          const flaw = base64urlFlaw(text);
          const decoded = decodeBase64url(text);
          if (!(decoded instanceof Uint8Array)) assert.deepEqual(decoded, flaw);
          else {
            assert.equal(flaw, undefined);
            assert.equal(encodeBase64url(decoded) === text, isCanonical(text));
          }
        },
      ),
    );
  });
});

describe('readJson', () => {
  it('reads what JSON.parse reads and finds no duplicates in what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        const reading = readJson(text);
        assert.ok(reading.ok);
        assert.deepEqual(reading.value, JSON.parse(text));
        assert.deepEqual(reading.duplicates, []);
      }),
    );
  });

  it('finds the duplicate that is put into any object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 }), object => {
        const name = Object.keys(object)[0] ?? '';
        const text = `${JSON.stringify(object).slice(0, -1)},${JSON.stringify(name)}:0}`;
        const reading = readJson(text);
        assert.ok(reading.ok);
        assert.deepEqual(
          reading.duplicates.map(({ member }) => member),
          [name],
        );
      }),
    );
  });
});

describe('decodeAscii', () => {
  it('agrees with the strict decoder, and leaves to it what is not ASCII', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary-ascii' }).map(encode),
      fc.string({ unit: anyCharacter }).map(encode),
      fc.string({ unit: fc.constantFrom('A', 'b', '9', '-', '_', '=', '+', '/', ' ', '\n', '.') }),
    );
    fc.assert(
      fc.property(texts, text => {
        const bytes = decodeBase64url(text);
        const ascii = 'reason' in bytes || bytes.some(byte => byte > 0x7f) ? undefined : bytes;
        assert.equal(decodeAscii(text), ascii && Buffer.from(ascii).toString());
      }),
    );
  });
});
