import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { importText } from '../../../src/core/importText.ts';
import { decodeToken } from '../../../src/core/jwt.ts';
import sample from '../../fixtures/wrappedTokenResponse.json' with { type: 'json' };

/** An answer of a token endpoint as a documentation page prints it: its tokens are broken by spaces. */
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

    it('says when a member comes twice, and when a JWT in it is damaged', () => {
      const text = `{"refresh_token":"first-one","access_token":"eyJhbGciOiJSUzI1NiJ9.e30","refresh_token":"second-one"}`;
      const { tokens, warnings } = importText(text);
      assert.equal(tokens.refresh_token, 'second-one');
      assert.deepEqual(warnings, [
        { code: 'duplicate_member', member: 'refresh_token' },
        { code: 'token_damaged', member: 'access_token', error: 'token_part_count' },
      ]);
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
    })) {
      it(`are found ${name}`, () => {
        const { tokens, source } = importText(text);
        assert.equal(source, 'pairs');
        assert.deepEqual(tokens, { access_token: accessToken, expires_in: 3600, token_type: 'Bearer' });
      });
    }
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
      assert.equal(
        importText('Authorization: Bearer ya29.a0AfH6SMBx').tokens.access_token,
        'ya29.a0AfH6SMBx',
      );
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
      assert.deepEqual(importText(jwt({ sub: 'x' })).warnings, [
        { code: 'use_assumed', member: 'access_token' },
      ]);
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

    it('of another form is a refresh token', () => {
      assert.deepEqual(importText('  WPsGJbvpBjqXz6IJIr1UHKyrdVF\n'), {
        tokens: { refresh_token: 'WPsGJbvpBjqXz6IJIr1UHKyrdVF' },
        source: 'refresh_token',
        warnings: [],
      });
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
    this.timeout(30_000);
    const size = 2_000_000;
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
    ]) {
      try {
        importText(fill(unit));
      } catch {}
    }
  });
});
