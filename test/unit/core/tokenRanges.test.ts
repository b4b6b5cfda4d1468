import assert from 'node:assert/strict';
import { findTokens, mostTokens, tokenAt } from '../../../src/core/tokenRanges.ts';
import { encode, hmacJwt, jwt, signer } from '../../support/signing.ts';

const short = hmacJwt('a secret that is long enough here', { sub: 'ada', aud: 'https://api.example' });
const long = jwt(signer('RS256'), { sub: 'ada', text: 'x'.repeat(300) });
const jwe = `${encode({ alg: 'dir', enc: 'A128GCM' })}..aXY.Y2lwaGVydGV4dA.${'a'.repeat(22)}`;

const folded = (token: string, width: number) => token.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
const tokens = (text: string) => findTokens(text).map(({ token }) => token);

describe('findTokens', () => {
  for (const [name, text] of [
    ['in quotes', `const token = '${short}';`],
    ['in a URL', `https://app.example/cb?access_token=${short}&state=1`],
    ['in a header', `Authorization: Bearer ${short}`],
    ['in a curl line', `curl -H "Authorization: Bearer ${short}" https://api.example`],
    ['in a cookie', `Set-Cookie: session=${short}; HttpOnly`],
    ['in YAML', `auth:\n  token: ${short}\n  other: 1`],
    ['in an .env file', `ACCESS_TOKEN=${short}\nOTHER=1`],
    ['in a log', `2026-11-23 10:00:00 INFO token=${short} user=ada`],
  ] as const) {
    it(`one ${name}`, () => assert.deepEqual(tokens(text), [short]));
  }

  for (const width of [60, 64, 76, 100]) {
    it(`wrapped after ${width} characters`, () => {
      const text = `The token:\n${folded(long, width).join('\n')}\n\nIs it valid?`;
      const [found, ...others] = findTokens(text);
      assert.equal(found?.token, long);
      assert.equal(found.wrapped, true);
      assert.equal(found.pieces.map(({ start, end }) => text.slice(start, end)).join(''), long);
      assert.equal(text[found.end], '\n');
      assert.deepEqual(others, []);
    });
  }

  for (const [name, text] of [
    ['a quoted mail', folded(long, 70).join('\r\n> ')],
    ['joined strings', `"${folded(long, 70).join('" +\n      "')}";`],
    ['a shell', folded(long, 70).join('\\\n')],
    ['YAML', `token: >-\n  ${folded(long, 70).join('\n  ')}\nnext: 1`],
    ['a comment', `// ${folded(long, 70).join('\n// ')}\n`],
    ['a line for each part', short.split('.').join('.\n')],
    ['dots that lead', short.replaceAll('.', '\n.')],
    ['an encrypted token', folded(jwe, 30).join('\n')],
  ] as const) {
    it(`wrapped in ${name}`, () => {
      const expected = name.startsWith('an enc') ? jwe : text.includes(short.slice(0, 20)) ? short : long;
      assert.deepEqual(tokens(text), [expected]);
    });
  }

  it('no word of the next line, where the token is whole', () => {
    assert.deepEqual(tokens(`${short}\nnextWord\n`), [short]);
    assert.deepEqual(tokens(`${long}\nabcdef`), [long]);
    assert.deepEqual(tokens(`${short}\n${long}\n${short}`), [short, long, short]);
  });

  it('nothing in prose, in base64 or in half a token', () => {
    for (const text of ['eyJust a word', `${short.split('.')[0]}`, `${short.split('.')[0]}\nand\nmore`, '']) {
      assert.deepEqual(tokens(text), []);
    }
  });

  it('the one at an offset', () => {
    const text = `a ${short} b ${short}`;
    const found = findTokens(text);
    assert.equal(tokenAt(found, 0), undefined);
    assert.equal(tokenAt(found, 2)?.start, 2);
    assert.equal(tokenAt(found, text.length)?.end, text.length);
  });

  it('no more than the cap', () => {
    assert.equal(findTokens(`${short} `.repeat(mostTokens + 5)).length, mostTokens);
    assert.equal(findTokens(`${short} `.repeat(9), 3).length, 3);
  });

  it('takes time in proportion to the text', function () {
    this.timeout(30_000);
    for (const unit of [
      'eyJ',
      'eyJ\n',
      'eyJhbGciOiJSUzI1NiJ9.\n',
      'eyJhbGciOiJSUzI1NiJ9.aaa\nbbb\n',
      '\n',
      ' "\n"a',
      `eyJhbGciOiJSUzI1NiJ9.e30.\n${'abcdefgh\n'.repeat(500)}`,
      'eyJhbGciOiJSUzI1NiJ9\\\n',
    ]) {
      // Quadratic work on a megabyte would take far longer than the limit above.
      findTokens(unit.repeat(Math.ceil(1_000_000 / unit.length)));
    }
  });
});
