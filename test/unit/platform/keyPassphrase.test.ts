import assert from 'node:assert/strict';
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readClientKey, readTlsIdentity } from '../../../src/core/issuer/clientKey.ts';
import { lockedKey, withOpened } from '../../../src/core/tokens/keyMaterial.ts';
import { unlockKey } from '../../../src/platform/mutualTls.ts';
import { failureOf } from '../../support/failureOf.ts';
import { rsaPair } from '../../support/rsaPair.ts';
import { selfSigned } from '../../support/selfSigned.ts';

const passphrase = ' correct horse ';
const rsa = rsaPair().privateKey;
const ec = createPrivateKey(selfSigned.key);
const plainOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const locked = (key: KeyObject, type: string, cipher: string, format = 'pem') =>
  key.export({ type, format, cipher, passphrase } as never) as unknown as Buffer | string;

describe('a private key with a passphrase', () => {
  for (const [name, key, type, cipher] of [
    ['PKCS #8', rsa, 'pkcs8', 'aes-256-cbc'],
    ['PKCS #8 of an EC key', ec, 'pkcs8', 'aes-128-cbc'],
    ['PKCS #8 with triple DES', rsa, 'pkcs8', 'des-ede3-cbc'],
    ["OpenSSL's older form", rsa, 'pkcs1', 'aes-256-cbc'],
    ["OpenSSL's older form with triple DES", rsa, 'pkcs1', 'des-ede3-cbc'],
    ["OpenSSL's older form of an EC key", ec, 'sec1', 'aes-192-cbc'],
  ] as const) {
    it(`is opened with it: ${name}`, async () => {
      const pem = String(locked(key, type, cipher));
      for (const [wrapping, text] of Object.entries({
        'as it is': pem,
        'line breaks written out': `KEY="${pem.replaceAll('\n', '\\n')}"`,
        // A single-line input box removes them.
        'no line breaks': pem.replaceAll('\n', ''),
        'base64 of the PEM': Buffer.from(pem).toString('base64'),
      })) {
        assert.equal((await failureOf(readClientKey(text))).data.reason, 'encrypted', wrapping);
        const opened = await unlockKey(lockedKey(text) ?? '', passphrase);
        assert.equal(opened, plainOf(key), wrapping);
        await readClientKey(withOpened(text, opened));
      }
    });
  }

  it('is opened from DER, and with the certificate beside it', async () => {
    const der = locked(ec, 'pkcs8', 'aes-256-cbc', 'der') as Buffer;
    const bare = der.toString('base64');
    assert.equal(await unlockKey(lockedKey(bare) ?? '', passphrase), plainOf(ec));
    const both = `${selfSigned.cert}\n${locked(ec, 'pkcs8', 'aes-256-cbc')}`;
    const text = withOpened(both, await unlockKey(lockedKey(both) ?? '', passphrase));
    assert.deepEqual(readTlsIdentity(text), { key: plainOf(ec), certificate: `${selfSigned.cert}\n` });
  });

  it('is not opened with a wrong passphrase or if damaged, and is never shown', async () => {
    const pem = String(locked(ec, 'pkcs8', 'aes-256-cbc'));
    for (const [text, given, reason] of [
      [pem, 'canary', 'passphrase'],
      [pem, '', 'passphrase'],
      [pem.replace(/\n(?=.{64}\n-----END|.{1,63}\n-----END)/, '\nAAAA'), passphrase, 'passphrase'],
      ['-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----', passphrase, 'cipher'],
    ] as const) {
      const error = await failureOf(unlockKey(text, given));
      assert.equal(error.code === 'credential_invalid' ? error.data.reason : error.code, reason);
      assert.doesNotMatch(JSON.stringify(error.data), /canary|correct/);
    }
  });

  it('is called locked, and not unsupported, whatever a wrong passphrase makes of it', async () => {
    const pem = String(locked(ec, 'pkcs8', 'aes-128-cbc'));
    // One of 256 decrypts to something that looks whole, which OpenSSL then cannot read.
    const readable = (given: string) => {
      try {
        createPrivateKey({ key: pem, format: 'pem', passphrase: given });
      } catch (error) {
        return Object(error).code !== 'ERR_OSSL_BAD_DECRYPT';
      }
      return true;
    };
    const given = Array.from({ length: 5_000 }, (_, n) => `wrong ${n}`).find(readable) ?? assert.fail('none');
    const { code, data } = await failureOf(unlockKey(pem, given));
    assert.deepEqual([code, data.reason], ['credential_invalid', 'passphrase']);
  });

  it('does not cause endless work', async () => {
    const der = locked(ec, 'pkcs8', 'aes-256-cbc', 'der') as Buffer;
    // The iteration count of PBKDF2 (RFC 8018): an INTEGER of two bytes without a sign bit.
    const at = der.indexOf(Buffer.from([0x02, 0x02, 0x08, 0x00]));
    assert.ok(at > 0, '2048 rounds');
    const [before, after] = [der.subarray(0, at), der.subarray(at + 4)];
    const more = Buffer.concat([before, Buffer.from([0x02, 0x04, 0x7f, 0xff, 0xff, 0xff]), after]);
    // Every sequence around the number becomes two bytes longer.
    for (let index = 0; index < at; index++) {
      if (more[index] !== 0x30) continue;
      const long = more[index + 1] === 0x81 ? index + 2 : index + 1;
      const end = long + 1 + (more[long] ?? 0);
      if (end >= at && end < der.length + 2) more[long] = (more[long] ?? 0) + 2;
    }
    const text = more.toString('base64');
    const spent = process.cpuUsage().user;
    const error = await failureOf(unlockKey(lockedKey(text) ?? '', passphrase));
    assert.equal(error.code === 'credential_invalid' && error.data.reason, 'cipher');
    assert.ok((process.cpuUsage().user - spent) / 1000 < 1000, 'milliseconds of CPU time');
  });
});
