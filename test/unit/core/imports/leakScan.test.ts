import assert from 'node:assert/strict';
import { leakMarks, scanForLeaks } from '../../../../src/core/imports/leakScan.ts';
import { mostTokens } from '../../../../src/core/tokens/tokenRanges.ts';
import { encode, hmacJwt } from '../../../support/signing.ts';

const now = 1_800_000_000_000;
const seconds = now / 1000;
const valid = hmacJwt('secret', { sub: 'ada', exp: seconds + 60 });
const expired = hmacJwt('secret', { sub: 'ada', exp: seconds - 60 });
const endless = hmacJwt('secret', { sub: 'ada' });
const jwe = `${encode({ alg: 'dir', enc: 'A128GCM' })}..aXY.Y2lwaGVydGV4dA.${'a'.repeat(22)}`;
const card = `shc:/${Array.from(endless, each => String(each.charCodeAt(0) - 45).padStart(2, '0')).join('')}`;
const refresh = 'v1.Mr8a2kd0xZq93hDkeQ_lls0';

const kinds = (text: string, known: Parameters<typeof scanForLeaks>[1] = []) =>
  scanForLeaks(text, known, now).map(({ kind, start, end }) => [kind, text.slice(start, end)]);

/** Whether a search for the marks would pick a file with this text. */
const isMarked = (text: string, known: Parameters<typeof leakMarks>[0] = []) =>
  leakMarks(known).some(mark => new RegExp(mark, 'm').test(text));

describe('scanForLeaks', () => {
  it('finds tokens that still work, and no others', () => {
    assert.deepEqual(kinds(`a=${valid}\nb=${expired}\nc=${endless}\nd=${jwe}`), [
      ['token', valid],
      ['endless_token', endless],
      ['encrypted_token', jwe],
    ]);
    assert.deepEqual(kinds(`${encode({ alg: 'none' })}.${encode({})}.`), []);
  });

  it('finds tokens of GitHub, SD-JWTs as a whole, and tokens in base64', () => {
    const installation = `ghs_123456_${valid}`;
    const disclosed = `${valid}~${encode(['salt', 'name', 'Ada'])}~`;
    const base64 = Buffer.from(valid).toString('base64');
    assert.deepEqual(kinds(`token: ${installation}\nvc=${disclosed}, data: ${base64}\n`), [
      ['token', installation],
      ['token', disclosed],
      ['token', base64],
    ]);
    assert.deepEqual(kinds(`data: ${Buffer.from(expired).toString('base64')} x_${valid}`), []);
  });

  it('finds SMART Health Cards, which are digits', () => {
    assert.deepEqual(kinds(`qr: "${card}", ${card.slice(0, 60)}`), [['endless_token', card]]);
    assert.ok(isMarked(card));
  });

  for (const text of [
    `{"text":"{\\"refresh_token\\":\\"${refresh}\\"}"}`,
    `state=%7B%22refresh_token%22%3A%22${refresh}%22%7D`,
    `{"refresh_token":"${refresh}"}`,
    `REFRESH_TOKEN=${refresh}`,
    `refreshToken: '${refresh}'`,
    `grant_type=refresh_token&refresh_token=${refresh}&client_id=a`,
  ]) {
    it(`finds a refresh token in ${text.slice(0, 24)}`, () => {
      assert.deepEqual(kinds(text), [['refresh_token', refresh]]);
    });
  }

  it('leaves places for a token alone', () => {
    for (const value of ['REFRESH_TOKEN', 'your-refresh-token-goes-here', '<token>', '$' + '{REFRESH_TOKEN}', ''])
      assert.deepEqual(kinds(`refresh_token=${value}`), [], value);
  });

  it('finds the tokens of connections in any form, once and until they expire', () => {
    const known = { token: refresh, name: 'refresh_token', connection: 'staging' } as const;
    const text = `x ${refresh} y refresh_token=${refresh}`;
    assert.deepEqual(
      scanForLeaks(text, [known], now).map(({ kind, connection }) => [kind, connection]),
      [
        ['known_token', 'staging'],
        ['known_token', 'staging'],
      ],
    );
    assert.deepEqual(kinds(`x ${refresh}`, [{ ...known, expiresAt: now }]), []);
    assert.deepEqual(kinds('short', [{ ...known, token: 'short' }]), []);
  });

  it('names what overlaps once, in the order of the text', () => {
    const known = [
      { token: valid, name: 'access_token', connection: 'staging' },
      { token: refresh, name: 'refresh_token', connection: 'staging' },
    ] as const;
    const text = `refresh_token=${refresh} ${valid} refresh_token=${refresh}1 ${endless} ${valid}`;
    assert.deepEqual(kinds(text, known), [
      ['known_token', refresh],
      ['known_token', valid],
      ['known_token', refresh],
      ['endless_token', endless],
      ['known_token', valid],
    ]);
  });

  it('names no more than enough of each kind', () => {
    const leaks = kinds(`refresh_token=${refresh}\n`.repeat(20_000));
    assert.equal(leaks.length, mostTokens);
  });

  const google = '1//0gLu-abcDEF_ghiJKLmno0123456789';
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const github = hmacJwt('secret', { exp: seconds + 60 });
  const encoded: readonly (readonly [name: string, source: string, text: string, kind: string, written?: string])[] = [
    [
      'a HAR',
      'http://www.softwareishard.com/blog/har-12-spec/',
      JSON.stringify({ response: { content: { text: JSON.stringify({ refresh_token: refresh }) } } }),
      'refresh_token',
      refresh,
    ],
    [
      'a HAR in base64',
      'http://www.softwareishard.com/blog/har-12-spec/',
      JSON.stringify({
        content: { encoding: 'base64', text: base64(JSON.stringify({ access_token: valid }, null, 2)) },
      }),
      'token',
    ],
    [
      'a notebook',
      'https://nbformat.readthedocs.io/en/latest/format_description.html',
      JSON.stringify({ cells: [{ source: [JSON.stringify({ cookie: JSON.stringify({ refreshToken: refresh }) })] }] }),
      'refresh_token',
      refresh,
    ],
    [
      'a query',
      'https://www.rfc-editor.org/rfc/rfc6749#section-6',
      `curl -d 'grant_type=refresh_token&client_id=c&refresh_token=${encodeURIComponent(google)}' https://a.example`,
      'refresh_token',
      encodeURIComponent(google),
    ],
    [
      'JSON in a query',
      'https://www.rfc-editor.org/rfc/rfc3986#section-2.1',
      `?state=${encodeURIComponent(JSON.stringify({ refresh_token: refresh, a: 1 }))}`,
      'refresh_token',
      refresh,
    ],
    [
      'a page',
      'https://html.spec.whatwg.org/',
      `{&quot;refresh_token&quot;:&quot;${refresh}&quot;}`,
      'refresh_token',
      refresh,
    ],
    [
      'a Secret of Kubernetes',
      'https://kubernetes.io/docs/concepts/configuration/secret/',
      `kind: Secret\ndata:\n  token: ${base64(valid)}\n`,
      'token',
      base64(valid),
    ],
    [
      'a Secret with a token of Google',
      'https://kubernetes.io/docs/concepts/configuration/secret/',
      `data:\n  token: ${base64(google)}\n`,
      'refresh_token',
    ],
    [
      'escaped slashes',
      'https://www.rfc-editor.org/rfc/rfc8259#section-7',
      `{"refresh_token":"${google.replaceAll('/', '\\/')}"}`,
      'refresh_token',
    ],
    [
      'ghs_',
      'https://github.com/Yelp/detect-secrets/issues/958',
      `TOKEN=ghs_1234567_${github}`,
      'token',
      `ghs_1234567_${github}`,
    ],
    [
      'gho_',
      'https://github.blog/',
      'https://ada:gho_16C7e42F292c6912E7710c838347Ae178B4a@github.example',
      'opaque_token',
    ],
    [
      'Slack',
      'https://docs.slack.dev/authentication/using-token-rotation',
      'xoxe.xoxp-1-Mi0yLTAbCdEf0123456789',
      'opaque_token',
    ],
    [
      'Slack',
      'https://docs.slack.dev/authentication/using-token-rotation',
      'xoxe-1-Mi0yLTAbCdEf0123456789',
      'refresh_token',
    ],
    [
      'a JWT',
      'https://django-rest-framework-simplejwt.readthedocs.io/',
      hmacJwt('secret', { token_type: 'refresh', exp: seconds + 60 }),
      'refresh_token',
    ],
  ];
  for (const [name, source, text, kind, written] of encoded) {
    it(`sees ${kind} in ${name} (${source})`, () => {
      const [leak, ...others] = kinds(text);
      assert.deepEqual([leak?.[0], others], [kind, []]);
      if (written !== undefined) assert.equal(leak?.[1], written);
      assert.ok(isMarked(text), 'a search for the marks finds the file');
    });
  }

  it('sees the token of a connection however it is written', () => {
    const known = { token: google, name: 'refresh_token', connection: 'staging' } as const;
    for (const written of [google, encodeURIComponent(google), google.replaceAll('/', '\\/'), base64(google)]) {
      assert.deepEqual(
        scanForLeaks(`x="${written}"`, [known], now).map(({ kind }) => kind),
        ['known_token'],
        written,
      );
      assert.ok(isMarked(`x="${written}"`, [known]));
    }
  });

  it('marks a token that is broken over lines, and a refresh token with its first digit anywhere', () => {
    // So short that no line has the whole header, the whole payload, or what tells base64 of a token.
    const lines = valid.match(/.{1,14}/g) ?? [];
    for (const between of ['\n', '\r\n', '" +\n  "', "'\\\n'", '=\r\n', '\n> ']) {
      const text = `x="${lines.join(between)}"\n`;
      assert.deepEqual(
        kinds(text).map(([kind]) => kind),
        ['token'],
        text,
      );
      assert.ok(isMarked(text), text);
    }
    for (let before = 0; before <= 40; before++) {
      const value = `${'a'.repeat(before)}7`.padEnd(20, 'a');
      assert.deepEqual(kinds(`refresh_token=${value}`), [['refresh_token', value]]);
      assert.ok(isMarked(`refresh_token=${value}`), value);
    }
  });

  it('marks no code that only names such things', () => {
    for (const text of [
      'const keyJwkThumbprintMismatch = "key_jwk";',
      'refreshToken: this.parsedResponseBody.refresh_token,',
      'export const refreshToken = "acquireTokenByRefreshToken";',
    ])
      assert.ok(!isMarked(text), text);
  });

  it('does not report placeholders, expired GitHub tokens or other base64', () => {
    for (const text of [
      'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      'xoxb-your-token-goes-here1',
      `ghs_1_${expired}`,
      `data:image/png;base64,${Buffer.alloc(90, 0x89).toString('base64')}`,
      base64(JSON.stringify({ name: 'no token in here', of: 'anybody' })),
      base64(expired),
    ])
      assert.deepEqual(kinds(text), [], text);
  });

  it('takes time in proportion to the text', function () {
    this.timeout(60_000);
    for (const unit of [
      'refresh_token=',
      'refresh_token:    ',
      'refreshtoken=a1',
      'eyJ.',
      'ZXlKa',
      'eyJa',
      'gho_',
      'xoxb-1',
      '1//0',
      'refresh_token\\',
      '\\',
      'ewog',
    ]) {
      scanForLeaks(unit.repeat(2_000_000 / unit.length), [], now);
    }
  });
});
