import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { searchForSecrets, secretFinder } from '../../support/secrets.mjs';

const signature = 'c2lnbmF0dXJlIG9mIGEgdG9rZW4tbG9uZyBlbm91Z2g';
const jwt = `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.${signature}`;
const refreshToken = 'rt_0123456789abcdefghijklmnopqrstuvwxyz';
const pem = `-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\nVerySecretSecondLineOfTheKeyThatIsLongEnough\n-----END PRIVATE KEY-----\n`;
const holds = secretFinder([jwt, refreshToken, pem, 'short']);

describe('the search for secrets of a run', () => {
  for (const [what, text] of [
    ['a token as it stands', `refresh {"token":"${refreshToken}"}`],
    ['a part of one', `sent ${refreshToken.slice(0, 30)}…`],
    ['the signature of a JWT', `x${signature}`],
    ['a JWT', `Bearer ${jwt}`],
    ['a key, wrapped anew', pem.replaceAll('\n', '\\n')],
    ...['', 'a', 'ab', 'abc'].map(before => [
      `base64 of it behind "${before}"`,
      `Basic ${Buffer.from(`${before}:${refreshToken}:`).toString('base64')}`,
    ]),
  ] as const) {
    it(`finds ${what}`, () => assert.ok(holds(`line one\n${text}\nline three`)));
  }

  for (const text of [
    'nothing of the kind',
    // The claims of a token are shown on purpose.
    jwt.slice(0, jwt.lastIndexOf('.')),
    refreshToken.slice(0, 12),
    'a short word',
  ]) {
    it(`finds nothing in ${text}`, () => assert.ok(!holds(text)));
  }

  it('names the places, in files and in what was seen', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jwtw-secrets-'));
    try {
      const file = join(folder, 'watched.json');
      const seen = [{ where: 'the row Main', text: `x ${jwt}` }];
      await writeFile(file, JSON.stringify({ secrets: [jwt, refreshToken], seen }));
      await writeFile(join(folder, 'a.log'), `log ${refreshToken}`);
      await writeFile(join(folder, 'b.log'), 'log');
      const { leaks } = searchForSecrets(file, [folder]);
      assert.deepEqual(leaks.sort(), [join(folder, 'a.log'), 'the row Main', file].sort());
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
