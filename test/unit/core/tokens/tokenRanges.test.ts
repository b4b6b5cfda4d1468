import assert from 'node:assert/strict';
import { mayHoldToken } from '../../../../src/core/tokens/findJwts.ts';
import { findTokens, mostTokens, tokenAt } from '../../../../src/core/tokens/tokenRanges.ts';
import { encode, hmacJwt, jwt, signer } from '../../../support/signing.ts';

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
    ['in a quoted .env value', `export TOKEN="${short}" # of yesterday`],
    ['in an .http file', `GET https://api.example/orders HTTP/1.1\nAuthorization: Bearer ${short}\nAccept: */*\n`],
    ['in a variable of an .http file', `@token = ${short}\n###`],
    ['in a form body', `grant_type=refresh_token&assertion=${short}&client_id=demo`],
    ['after a percent-encoded space', `https://a.example/?header=Bearer%20${short}%26x`],
    ['in a fragment', `https://app.example/#id_token=${short}&token_type=Bearer`],
    ['in several cookies', `Cookie: a=1; session="${short}"; b=2`],
    ['in JSON', `{"access_token":"${short}","token_type":"Bearer"}`],
    ['in JSON within JSON', JSON.stringify(JSON.stringify({ access_token: short }))],
    ['after an escaped line break', `"body\\n${short}\\nmore"`],
    ['in a template literal', `fetch(url, { headers: { authorization: \`Bearer ${short}\` } })`],
    ['after an escaped quote of .NET', `{"body":"{\\u0022access_token\\u0022:\\u0022${short}\\u0022}"}`],
    ['after an escaped equals sign', `"redirect":"/cb#access_token\\u003d${short}\\u0026state=1"`],
    ['in a parameter within a parameter', `/login?next=%2Fcb%253Ftoken%253D${short}%2526x`],
    ['in the colours of a terminal', `\u001b[32m${short}\u001b[0m and \u001b[1;38;5;208mmore`],
    ['after several colours', `\u001b[0m\u001b[1;38;5;208m${short}\u001b[m`],
    ['in a row of CSV', `ada,${short},2026-11-23`],
    ['in a quoted row of CSV', `"ada","${short}"\r\n"bob",""`],
    ['in HTML', `<input type="hidden" value=&quot;${short}&quot;><code>${short.slice(0, 9)}</code>`],
    ['in a literal text of YAML', `data:\n  token: |\n    ${folded(short, 60).join('\n    ')}\nkind: Secret\n`],
    ['in a query of a log of a server', `10.0.0.1 - - "GET /cb?code=1&id_token=${short} HTTP/1.1" 302 0`],
    ['in an XML text', `<saml:Value>${short}</saml:Value>`],
    ['in TOML', `token = '''${short}'''`],
    ['in a header of Python', `headers={'Authorization': b'Bearer ${short}'}`],
    ['in a path', `wss://push.example/socket/${short}/listen`],
    ['in a table of Markdown', `| token | \`${short}\` |`],
    ['in brackets', `(${short}), <${short.slice(0, 0)}b>`],
    ['in a property file', `jwt.token:${short}`],
    ['in PowerShell', `$env:TOKEN = '${short}'`],
    ['at the end of a sentence', `The token is ${short}. Keep it.`],
    ['in a folded text of YAML', `token: >-\n  ${folded(short, 70).join('\n  ')}\n`],
    ['in lines of a shell', `curl -H "Authorization: Bearer \\\n${folded(short, 70).join('\\\n')}"`],
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
    ['a mail as it is sent', `<a href=3D"https://x.example/?t=3D${folded(long, 60).join('=\r\n')}">`],
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

  it('nothing in names with dots, in pictures and in what only looks like a start', () => {
    for (const text of [
      'one.two.three eyJones.two.three com.example.eyJava.Main lib/eyJquery.min.js',
      `data:image/png;base64,iVBORw0KGgo${'eyJhbGciOiJSUzI1NiJ9'.repeat(9)}.e30.c2ln`,
      `${encode({ alg: 1 })}.e30.c2ln ${encode(['alg'])}.e30.c2ln`,
      `x\u002eyJhbGciOiJSUzI1NiJ9.e30.c2ln`,
      `\u001b[31;xm${short}`,
      `${encode({ typ: 'JWT' })}.${encode({ sub: 'ada' })}.c2ln`,
      'eyJ0eXAi.eyJzdWIi.x',
    ])
      assert.deepEqual(tokens(text), [], text);
  });

  it('nothing in prose, in base64 or in half a token', () => {
    for (const text of ['eyJust a word', `${short.split('.')[0]}`, `${short.split('.')[0]}\nand\nmore`, '']) {
      assert.deepEqual(tokens(text), []);
    }
  });

  it('parts of base64 with padding, as load balancers of AWS send them', () => {
    const [head = '', body = '', signature = ''] = short.split('.');
    const padded = `${head}==.${body}=.${signature}`;
    assert.deepEqual(
      findTokens(`x-amzn-oidc-data: ${padded}\n`).map(({ token }) => token),
      [padded],
    );
  });

  it('a SMART Health Card in a text, as a whole and in the order of the text', () => {
    const card = `shc:/${Array.from(short, each => String(each.charCodeAt(0) - 45).padStart(2, '0')).join('')}`;
    assert.deepEqual(tokens(`"${card}"\n${short}, <a href="${card}">`), [card, short, card]);
    assert.ok(mayHoldToken(`x ${card}`));
    assert.deepEqual(tokens(`wshc:/${card.slice(5)} shc:/12 shc:/text`), []);
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
    this.timeout(60_000);
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
      // Quadratic work on a megabyte would exceed the timeout above.
      findTokens(unit.repeat(Math.ceil(1_000_000 / unit.length)));
    }
  });
});
