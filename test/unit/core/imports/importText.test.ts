import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { importText } from '../../../../src/core/imports/importText.ts';
import { decodeToken } from '../../../../src/core/tokens/jwt.ts';
import sample from '../../../fixtures/wrappedTokenResponse.json' with { type: 'json' };

/** A token response as printed on a documentation page, with spaces inside the tokens. */
const sampleText = JSON.stringify(sample, null, 2);
const unbroken = (token: string) => token.replaceAll(' ', '');

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (payload: object, header: object = { alg: 'RS256', typ: 'JWT' }) =>
  `${encode(header)}.${encode(payload)}.${Buffer.alloc(256, 7).toString('base64url')}`;

const accessToken = jwt({ iss: 'https://as.example', scope: 'openid', exp: 1 });
const idToken = jwt({ iss: 'https://as.example', nonce: 'n', aud: 'c', exp: 1 });

describe('importText', () => {
  describe('a token response', () => {
    it('is read with the tokens joined, and says which were', () => {
      const { tokens, source, warnings } = importText(sampleText);
      assert.equal(source, 'token_response');
      assert.deepEqual(tokens, {
        access_token: unbroken(sample.access_token),
        expires_in: 3600,
        id_token: unbroken(sample.id_token),
        refresh_token: 'WPsGJbvpBjqXz6IJIr1UHKyrdVF',
        scope: 'openid profile offline_access phone email',
        token_type: 'Bearer',
      });
      assert.deepEqual(warnings, [
        { code: 'whitespace_removed', member: 'access_token' },
        { code: 'whitespace_removed', member: 'id_token' },
      ]);
    });

    it('leaves an ID token whose at_hash is that of the access token', () => {
      const { tokens } = importText(sampleText);
      const decoded = decodeToken(tokens.id_token ?? '');
      assert.equal(decoded.kind, 'jws');
      const half = createHash('sha256')
        .update(tokens.access_token ?? '')
        .digest()
        .subarray(0, 16);
      assert.equal(decoded.payload.at_hash, 'NdmobePY8AEid6Omz3229w');
      assert.equal(half.toString('base64url'), decoded.payload.at_hash);
    });

    const wrapped = sampleText.replaceAll(' vdmJ', '\n vdmJ').replace(/(?<=\w{20}) (?=\w{20})/g, '\r\n    ');
    for (const [name, text] of Object.entries({
      'inside the text of a page': `¶ What is Refresh Token\n\nIt's this {as an example}:\n\n${sampleText}\n\nWhen the "application" {sends...`,
      'in the HTML of a page': `<pre><code>${sampleText.replaceAll('"', '&quot;')}</code></pre>`,
      'in highlighted HTML': sampleText.replace(/("[\w]+"):/g, '<span class="key">$1</span>:'),
      'broken over lines inside its strings': wrapped,
      'as JSON text in a log line': JSON.stringify({ level: 'info', body: sampleText }),
      'with JavaScript around it': `const tokens = ${sampleText};\nuse(tokens.access_token);`,
      'in an outer object': `{"data": ${sampleText}, "status": 200}`,
      'with a byte order mark': `\ufeff${sampleText}`,
      'in the typographic quotes of a word processor': sampleText.replace(/"([^"]*)"/g, '“$1”'),
      'as JSON in JSON in JSON': JSON.stringify({ log: JSON.stringify({ body: sampleText }) }),
      'after the headers of curl': `HTTP/2 200 \r\nset-cookie: id=${idToken}\r\ncontent-type: application/json\r\n\r\n${sampleText}`,
      'after the request that it answers': `curl -d grant_type=refresh_token -d refresh_token=the-old-one ...\n${sampleText}`,
    })) {
      it(`is found ${name}`, () => {
        const { tokens } = importText(text);
        assert.deepEqual(tokens, importText(sampleText).tokens);
      });
    }

    it('may have its lifetime as text, its scope as a list and members that are null', () => {
      const text =
        '{"access_token":"opaque-token","expires_in":"300","scope":["a","b"],"id_token":null,"refresh_token":7}';
      assert.deepEqual(importText(text), {
        tokens: { access_token: 'opaque-token', expires_in: 300, scope: 'a b' },
        source: 'token_response',
        warnings: [
          { code: 'number_as_text', member: 'expires_in' },
          { code: 'list_as_text', member: 'scope' },
          { code: 'member_ignored', member: 'refresh_token' },
        ],
      });
    });

    for (const [value, read] of [
      ['-1', undefined],
      ['1e400', undefined],
      ['"soon"', undefined],
      ['0', 0],
      ['"3600"', 3600],
    ] as const) {
      it(`has expires_in ${value} read as ${read}`, () => {
        const { tokens } = importText(`{"refresh_token":"r-1234567","expires_in":${value}}`);
        assert.equal(tokens.expires_in, read);
      });
    }

    it('knows the names that issuers and libraries use for the members', () => {
      const text = `{"accessToken":"opaque-token","refreshToken":"r","refresh_token_expires_in":60}`;
      assert.deepEqual(importText(text).tokens, {
        access_token: 'opaque-token',
        refresh_token: 'r',
        refresh_expires_in: 60,
      });
    });

    it('reports masked tokens and imports none of them', () => {
      for (const value of ['***', 'abc***', '[REDACTED]', '<your token>', '{{refresh}}', 'eyJhb...', 'XXXX', '…']) {
        const { tokens, warnings } = importText(`{"access_token":"opaque-token","refresh_token":"${value}"}`);
        assert.deepEqual(tokens, { access_token: 'opaque-token' }, value);
        assert.deepEqual(warnings, [{ code: 'member_ignored', member: 'refresh_token' }], value);
      }
    });

    it('says when a member comes twice, and when a JWT in it is damaged', () => {
      const text = `{"refresh_token":"first-one","access_token":"eyJhbGciOiJSUzI1NiJ9.e30","refresh_token":"second-one"}`;
      const { tokens, warnings } = importText(text);
      assert.equal(tokens.refresh_token, 'second-one');
      assert.deepEqual(warnings, [
        { code: 'duplicate_member', member: 'refresh_token' },
        { code: 'token_damaged', member: 'access_token', error: 'token_part_count' },
      ]);
    });

    it('is the last one of a log: an older refresh token may be spent', () => {
      const log = Array.from({ length: 20 }, (_, i) => `${i}: {"access_token":"a","refresh_token":"refresh-${i}"}`);
      const { tokens, warnings } = importText(log.join('\n'));
      assert.equal(tokens.refresh_token, 'refresh-19');
      assert.deepEqual(warnings, [{ code: 'several_found' }]);
    });

    it('with a refresh token is preferred among several', () => {
      const text = `first {"access_token":"only-access"} then {"access_token":"a","refresh_token":"with-refresh"}`;
      const { tokens, warnings } = importText(text);
      assert.equal(tokens.refresh_token, 'with-refresh');
      assert.deepEqual(warnings, [{ code: 'several_found' }]);
    });

    it('does not take a token from a response that reports an error', () => {
      assert.throws(() => importText('{"error":"invalid_grant","error_description":"no"}'), {
        code: 'nothing_to_import',
        data: { reason: 'error_response', error: 'invalid_grant' },
      });
    });
  });

  describe('members without JSON', () => {
    for (const [name, text] of Object.entries({
      'in single quotes': `{'access_token': '${accessToken}', 'expires_in': 3600, 'token_type': 'Bearer'}`,
      'in a URL fragment': `http://127.0.0.1/cb#access_token=${accessToken}&expires_in=3600&token_type=Bearer`,
      'as YAML': `access_token: ${accessToken}\nexpires_in: 3600\ntoken_type: Bearer\n`,
      'cut off': `{"access_token": "${accessToken}", "expires_in": 3600, "token_type": "Bearer", "scope": `,
      'with a comma too many': `{"access_token": "${accessToken}", "expires_in": 3600, "token_type": "Bearer",}`,
    })) {
      it(`are found ${name}`, () => {
        const { tokens, source } = importText(text);
        assert.equal(source, 'pairs');
        assert.deepEqual(tokens, { access_token: accessToken, expires_in: 3600, token_type: 'Bearer' });
      });
    }

    const refreshToken = '1//0gLu-abc+DEF_ghi/JKLmno.pqr~stu==';
    const half = accessToken.length >> 1;
    const [start, end] = [accessToken.slice(0, half), accessToken.slice(half)];
    for (const [name, text, joined = false] of [
      ['of a form', `scope=&refresh_token=${encodeURIComponent(refreshToken)}&access_token=${accessToken}`],
      [
        'of cookies',
        `Set-Cookie: access_token=${accessToken}; Path=/\nSet-Cookie: refresh_token=${refreshToken}; Path=/`,
      ],
      ['of a .env file', `ACCESS_TOKEN=${accessToken} # short\nREFRESH_TOKEN='${refreshToken}'`],
      ['of a .env file with a prefix', `export MY_ACCESS_TOKEN=${accessToken}\nMY_REFRESH_TOKEN=${refreshToken}`],
      ['of TOML', `access_token = "${accessToken}"\nrefresh_token = "${refreshToken}"`],
      ['of a kubeconfig', `  config:\n    access-token: ${accessToken}\n    refresh-token: ${refreshToken}`],
      ['of YAML blocks', `access_token: >-\n  ${start}\n  ${end}\nrefresh_token: |\n  ${refreshToken}\n`, true],
      ['of PowerShell', `access_token  : ${start}\n                ${end}\nrefresh_token : ${refreshToken}`, true],
      ['of XML', `<a><access_token>${accessToken}</access_token><refresh_token>${refreshToken}</refresh_token></a>`],
      ['of a table in Markdown', `| access_token | \`${accessToken}\` |\n| refresh_token | \`${refreshToken}\` |`],
      ['of columns', `access_token\t${accessToken}\nrefresh_token\t${refreshToken}`],
      ['of Java', `{access_token=${accessToken}, refresh_token=${refreshToken}}`],
      ['of Ruby', `{:access_token=>"${accessToken}", :refresh_token=>"${refreshToken}"}`],
      ['of PHP', `[access_token] => ${accessToken}\n["refresh_token"]=>\n  string(36) "${refreshToken}"`],
      ['of code', `accessToken = '${start}' +\n  '${end}';\nrefreshToken = '${refreshToken}';`],
      [
        'with escaped slashes',
        `{"access_token":"${accessToken}","refresh_token":"${refreshToken.replaceAll('/', '\\/').replaceAll('=', '\\u003d')}",}`,
      ],
      ['under the names of people', `Access token: ${accessToken}\nRefresh token: ${refreshToken}`],
    ] as const) {
      it(`are those ${name}`, () => {
        const { tokens, warnings } = importText(text);
        assert.deepEqual(tokens, {
          access_token: accessToken,
          refresh_token: refreshToken,
        });
        const codes = new Set(warnings.map(({ code }) => code));
        assert.deepEqual([...codes], joined ? ['whitespace_removed'] : []);
      });
    }

    it('keep all scopes of a line, and no more than those', () => {
      const [scope] = ['openid https://api.example/read'];
      for (const text of [
        `access_token: ${accessToken}\nscope: ${scope}\ntoken_type: Bearer`,
        `{access_token: ${accessToken}, scope: ${scope}, token_type: Bearer}`,
        `scope: ${scope} token_type: Bearer access_token: ${accessToken}`,
        `scope=openid+https%3A%2F%2Fapi.example%2Fread&token_type=Bearer&access_token=${accessToken}`,
      ])
        assert.deepEqual(importText(text).tokens, { access_token: accessToken, scope, token_type: 'Bearer' });
    });

    it('count as they stand last, whole names before prefixed ones', () => {
      const { tokens, warnings } = importText(
        'refresh_token=r-1111111&a=b\nrefresh_token=r-2222222\nold_refresh_token=r-3333333',
      );
      assert.equal(tokens.refresh_token, 'r-2222222');
      assert.deepEqual(warnings, [{ code: 'duplicate_member', member: 'refresh_token' }]);
    });

    it('are not words of a sentence or parts of a URN', () => {
      assert.throws(() => importText('refresh token: required\naccess token: authentication'), {
        code: 'nothing_to_import',
      });
      const { tokens } = importText(
        `access_token=${accessToken}&token_type=Bearer&issued_token_type=urn:ietf:params:oauth:token-type:access_token`,
      );
      assert.equal(tokens.token_type, 'Bearer');
    });

    it('that name a refresh token which cannot be read say so', () => {
      for (const text of [
        `{access: {tokenValue: '${accessToken}'}, refreshToken: {tokenValue: 'abc'}}`,
        `access_token=${accessToken}\nrefresh_token=$(pass show refresh)`,
        `Authorization: Bearer ${accessToken}\nrefresh_token: <secret>`,
      ])
        assert.deepEqual(importText(text).warnings, [{ code: 'member_ignored', member: 'refresh_token' }], text);
    });
  });

  describe('an Authorization header', () => {
    for (const [name, text] of Object.entries({
      'as a line': `Authorization: Bearer ${accessToken}`,
      'in a request': `GET /x HTTP/1.1\r\nHost: api.example\r\nauthorization: bearer ${accessToken}\r\nAccept: */*\r\n`,
      'in a curl command': `curl -s -H 'Authorization: Bearer ${accessToken}' https://api.example/x`,
      'in code': `fetch(url, { headers: { "Authorization": "Bearer ${accessToken}" } })`,
      'without its name': `Bearer ${accessToken}`,
    })) {
      it(`is read ${name}`, () => {
        const { tokens, source, warnings } = importText(text);
        assert.equal(source, 'bearer_header');
        assert.deepEqual(tokens, { access_token: accessToken, token_type: 'Bearer' });
        assert.deepEqual(warnings, []);
      });
    }

    it('may hold an opaque token, and one broken over lines', () => {
      assert.equal(importText('Authorization: Bearer ya29.a0AfH6SMBx').tokens.access_token, 'ya29.a0AfH6SMBx');
      const { tokens, warnings } = importText(
        `Authorization: Bearer ${accessToken.slice(0, 50)}\n  ${accessToken.slice(50)}`,
      );
      assert.equal(tokens.access_token, accessToken);
      assert.deepEqual(warnings, [{ code: 'whitespace_removed', member: 'access_token' }]);
    });

    it('is not seen in prose about one', () => {
      assert.throws(() => importText('This API uses the Bearer authentication scheme of RFC 6750.'), {
        code: 'nothing_to_import',
      });
    });
  });

  describe('a lone token', () => {
    it('is an access token or an ID token by its claims', () => {
      assert.deepEqual(importText(accessToken).tokens, { access_token: accessToken });
      assert.deepEqual(importText(idToken).tokens, { id_token: idToken });
      const keycloak = jwt({ typ: 'Refresh', scope: 'openid' });
      assert.deepEqual(importText(keycloak).tokens, { refresh_token: keycloak });
    });

    it('says so when it had to guess', () => {
      assert.deepEqual(importText(jwt({ sub: 'x' })).warnings, [{ code: 'use_assumed', member: 'access_token' }]);
    });

    it('may be quoted or broken over lines', () => {
      assert.deepEqual(importText(`"${idToken}"\n`), {
        tokens: { id_token: idToken },
        source: 'jwt',
        warnings: [],
      });
      const broken = idToken.replace(/.{60}/g, '$&\n  ');
      assert.deepEqual(importText(broken), {
        tokens: { id_token: idToken },
        source: 'jwt',
        warnings: [{ code: 'whitespace_removed', member: 'id_token' }],
      });
    });

    it('that is damaged is refused with the reason', () => {
      assert.throws(() => importText(accessToken.slice(0, 40)), { code: 'token_part_count' });
      assert.throws(() => importText(accessToken.split('.').slice(0, 2).join('.')), {
        code: 'token_part_count',
      });
    });

    it('that is signed but not a JWT is not a token, unless any content is looked for', () => {
      const sentence = 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.c2ln';
      assert.throws(() => importText(sentence), { code: 'token_json' });
      assert.throws(() => importText('eyJhbGciOiJSUzI1NiJ9.WzFd.AAAA'), { code: 'token_not_an_object' });
      assert.throws(() => importText(`Here it is: ${sentence}`), { code: 'nothing_to_import' });
      for (const text of [sentence, `Here it is: ${sentence}`])
        assert.equal(importText(text, false).tokens.access_token, sentence);
      const { warnings } = importText(JSON.stringify({ access_token: sentence }));
      assert.ok(warnings.some(({ code }) => code === 'token_damaged'));
    });

    it('of another form is a refresh token', () => {
      assert.deepEqual(importText('  WPsGJbvpBjqXz6IJIr1UHKyrdVF\n'), {
        tokens: { refresh_token: 'WPsGJbvpBjqXz6IJIr1UHKyrdVF' },
        source: 'refresh_token',
        warnings: [],
      });
    });

    it('that only looks like a JWT is not a refresh token', () => {
      const padded = accessToken.replace(/[^.]+/, part => `${part}==`);
      // The form in which AWS load balancers write them.
      assert.deepEqual(importText(padded).tokens, { access_token: padded });
      assert.throws(() => importText(accessToken.replaceAll('.', '%2B')), { code: 'token_part_count' });
    });

    it('of another form is a refresh token without the quotes and the comma around it', () => {
      for (const text of ['"1//0gLu-abcDEF",', "'1//0gLu-abcDEF';", '1//0gLu-abcDEF', '`1//0gLu-abcDEF`'])
        assert.deepEqual(importText(text).tokens, { refresh_token: '1//0gLu-abcDEF' });
      const sealed = encode({ iv: 'AAAA', value: 'BBBB', mac: 'CCCC' });
      assert.deepEqual(importText(sealed).tokens, { refresh_token: sealed });
    });

    it('that its issuer marks as an access token is one', () => {
      for (const token of ['ya29.a0AfB_byC-xyz', 'gho_16C7e42F292c6912E771', 'xoxp-1234-5678'])
        assert.deepEqual(importText(token), {
          tokens: { access_token: token },
          source: 'access_token',
          warnings: [],
        });
      assert.deepEqual(importText('ghr_1B4a2e77838347a7E420').tokens, {
        refresh_token: 'ghr_1B4a2e77838347a7E420',
      });
    });

    it('is found whole where more than a JWT belongs to it, and is no refresh token', () => {
      const card = `shc:/${Array.from(accessToken, each => String(each.charCodeAt(0) - 45).padStart(2, '0')).join('')}`;
      const disclosed = `${accessToken}~WyJzYWx0IiwibmFtZSIsIkFkYSJd~`;
      for (const token of [card, disclosed, `ghs_123456_${accessToken}`])
        for (const text of [`Scan this: ${token} now`, token])
          assert.equal(importText(text).tokens.access_token, token, text.slice(0, 30));
    });

    it('is found in prose, one of each kind', () => {
      const text = `The tokens were ${accessToken}, ${idToken}. And ${accessToken} again.`;
      assert.deepEqual(importText(text).tokens, { access_token: accessToken, id_token: idToken });
    });
  });

  it('finds nothing in other texts, and says so', () => {
    for (const text of ['hello there', 'https://as.example/token', '{"a":1}', '[]', 'short']) {
      assert.throws(() => importText(text), { code: 'nothing_to_import', data: { reason: 'no_token' } });
    }
    assert.throws(() => importText(' \n\u200b'), { code: 'nothing_to_import', data: { reason: 'empty' } });
  });

  it('takes time in proportion to the text', function () {
    this.timeout(60_000);
    // Quadratic work on a megabyte would exceed the timeout above.
    const size = 1_000_000;
    const fill = (unit: string) => unit.repeat(Math.ceil(size / unit.length));
    for (const unit of [
      '{',
      '"',
      'eyJ',
      'eyJ.',
      'a ',
      '{"access_token":',
      '{"access_token":"',
      'Bearer aaaaaaaaa ',
      '<',
      'access_token=',
      "access_token: '",
      '\\"',
      ' ',
      '"access_token":{',
      'access_token ',
      'access_token=aaaaaaaa\n a',
      'access_token: |\n',
      'scope:a ',
      'scope: a b ',
      '"+ ',
      'refresh_token"',
      `refresh_token${'"'.repeat(size)}`,
      `access_token=aaaaaaaa${'\n aaaa'.repeat(size / 6)}`,
    ]) {
      try {
        importText(fill(unit));
      } catch {}
    }
  });
});
