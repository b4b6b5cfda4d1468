import assert from 'node:assert/strict';
import { scanForLeaks } from '../../../../src/core/tokens/leakScan.ts';
import { mostTokens } from '../../../../src/core/tokens/tokenRanges.ts';
import { encode, hmacJwt } from '../../../support/signing.ts';

const now = 1_800_000_000_000;
const seconds = now / 1000;
const valid = hmacJwt('secret', { sub: 'ada', exp: seconds + 60 });
const expired = hmacJwt('secret', { sub: 'ada', exp: seconds - 60 });
const endless = hmacJwt('secret', { sub: 'ada' });
const jwe = `${encode({ alg: 'dir', enc: 'A128GCM' })}..aXY.Y2lwaGVydGV4dA.${'a'.repeat(22)}`;
const refresh = 'v1.Mr8a2kd0xZq93hDkeQ_lls0';

const kinds = (text: string, known: Parameters<typeof scanForLeaks>[1] = []) =>
  scanForLeaks(text, known, now).map(({ kind, start, end }) => [kind, text.slice(start, end)]);

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

  it('knows the tokens of connections, whatever they look like, once and until they end', () => {
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

  it('takes time in proportion to the text', function () {
    this.timeout(20_000);
    for (const unit of ['refresh_token=', 'refresh_token:    ', 'refreshtoken=a1', 'eyJ.']) {
      scanForLeaks(unit.repeat(2_000_000 / unit.length), [], now);
    }
  });
});
