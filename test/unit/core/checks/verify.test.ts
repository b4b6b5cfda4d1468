import assert from 'node:assert/strict';
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { VerificationPolicy, VerificationResult } from '../../../../src/core/checks/finding.ts';
import { readKeySet } from '../../../../src/core/checks/keySets.ts';
import type { KeySource } from '../../../../src/core/checks/signatures.ts';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import sample from '../../../fixtures/wrappedTokenResponse.json' with { type: 'json' };
import { selfSigned } from '../../../support/selfSigned.ts';
import { encode, hmacJwt, jwt, type Signer, signer, signerOf } from '../../../support/signing.ts';

const now = Date.UTC(2024, 0, 1);
const seconds = now / 1000;
const issuer = 'https://as.example';
const claims = { iss: issuer, aud: 'api', sub: 'joe', iat: seconds - 60, exp: seconds + 300 };
const policy: VerificationPolicy = { issuer, audience: 'api' };

const rs256 = signer('RS256');
const es256 = signer('ES256');
const eddsa = signer('EdDSA');
const jwks = (...keys: readonly object[]): KeySource => ({ kind: 'jwks', keys: { keys } });
const given = (text: string | object): KeySource => ({
  kind: 'key',
  text: typeof text === 'string' ? text : JSON.stringify(text),
});

/** `id: code` of all checks that neither passed nor were skipped, and whether the token is verified. */
async function verdict(token: string, source: KeySource, asked: VerificationPolicy = policy, at = now) {
  const { verified, checks } = await verifyToken(token, asked, source, at);
  const remarks = checks.filter(({ status }) => status === 'failed' || status === 'warning');
  return { verified, remarks: remarks.map(({ id, status, code }) => `${id} ${status}: ${code}`) };
}

function find(result: VerificationResult, id: string) {
  const check = result.checks.find(each => each.id === id);
  assert.ok(check, id);
  return check;
}

describe('verifyToken', () => {
  describe('accepts the examples of the RFCs', () => {
    const payload = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ';
    const joe = { issuer: 'joe' };
    const inTime = 1300819379_000;

    it('RFC 7515 appendix A.1 and RFC 7519 section 3.1 (HS256)', async () => {
      const token = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${payload}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
      const key = {
        kty: 'oct',
        k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
      };
      assert.deepEqual(await verdict(token, given(key), joe, inTime), { verified: true, remarks: [] });
      assert.deepEqual(await verdict(token, given(key), joe, inTime + 1000), {
        verified: false,
        remarks: ['exp failed: exp_past'],
      });
    });

    it('RFC 7515 appendix A.2 (RS256)', async () => {
      const key = {
        kty: 'RSA',
        n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
        e: 'AQAB',
      };
      const token = `eyJhbGciOiJSUzI1NiJ9.${payload}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`;
      const result = await verifyToken(token, joe, jwks(key), inTime);
      assert.equal(result.verified, true);
      assert.equal(result.key?.size, 2048);
    });

    it('RFC 7515 appendix A.3 (ES256)', async () => {
      const key = {
        kty: 'EC',
        crv: 'P-256',
        x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
        y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
      };
      const token = `eyJhbGciOiJFUzI1NiJ9.${payload}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`;
      assert.deepEqual(await verdict(token, jwks(key), joe, inTime), { verified: true, remarks: [] });
    });

    it('RFC 8037 appendix A (Ed25519): the key, its thumbprint, and a JWT signed with it', async () => {
      const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
      const d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
      const pair = {
        privateKey: createPrivateKey({ key: { ...jwk, d }, format: 'jwk' }),
        publicKey: createPublicKey({ key: jwk, format: 'jwk' }),
      };
      const token = jwt(signerOf('EdDSA', pair, 'a'), claims);
      const result = await verifyToken(token, policy, given(jwk), now);
      assert.equal(result.verified, true);
      assert.equal(result.key?.thumbprint, 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
    });
  });

  for (const alg of ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const) {
    it(`accepts what Node signed with ${alg}, by JWK and by PEM, and refuses it changed`, async () => {
      const by = signer(alg);
      const token = jwt(by, claims);
      const changed = token.replace(/\.[^.]+\./, `.${encode({ ...claims, sub: 'mallory' })}.`);
      for (const source of [jwks(by.jwk), given(by.jwk), given(by.pem)]) {
        assert.deepEqual(await verdict(token, source), { verified: true, remarks: [] });
        assert.deepEqual(await verdict(changed, source), {
          verified: false,
          remarks: ['signature failed: signature_invalid'],
        });
      }
    });
  }

  it('names the key that was used', async () => {
    const { key } = await verifyToken(jwt(es256, claims), policy, jwks(rs256.jwk, es256.jwk), now);
    const { x, y } = es256.jwk;
    const canonical = `{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`;
    assert.deepEqual(key, {
      kid: 'kid-ES256',
      kty: 'EC',
      alg: 'ES256',
      crv: 'P-256',
      thumbprint: createHash('sha256').update(canonical).digest('base64url'),
      source: 'jwks',
    });
  });

  describe('refuses', () => {
    const refused = async (token: string, source: KeySource, ...remarks: string[]) =>
      assert.deepEqual(await verdict(token, source), { verified: false, remarks });

    for (const alg of ['none', 'None', 'NONE', 'nOnE', ' none', 'none ']) {
      it(`alg "${alg}", with and without a signature`, async () => {
        const unsigned = `${encode({ alg })}.${encode(claims)}.`;
        for (const source of [jwks(rs256.jwk), given('a shared secret of some length')]) {
          for (const token of [unsigned, `${unsigned}c2ln`]) {
            await refused(token, source, 'signature failed: refused_by_header', 'alg failed: alg_none');
          }
        }
      });
    }

    it('HMAC over the public key as PEM, however the key is given (RS256 to HS256)', async () => {
      const { pem, jwk } = rs256;
      const body = pem.replace(/-----[^-]+-----|\s/g, '');
      const secrets = [pem, pem.trim(), body, JSON.stringify(jwk), Buffer.from(body, 'base64')];
      for (const secret of secrets) {
        const token = hmacJwt(secret, claims, { kid: jwk.kid });
        for (const source of [jwks(jwk), given(pem), given(body), given(jwk)]) {
          await refused(token, source, 'signature failed: secret_needed', 'alg failed: alg_symmetric');
        }
      }
    });

    it('HMAC over a spelling of the public key that is handed in as if it were a secret', async () => {
      const { pem, jwk, publicKey } = rs256;
      const der = publicKey.export({ type: 'spki', format: 'der' });
      const once = (text: string) => [
        Buffer.from(text).toString('base64'),
        Buffer.from(text).toString('base64url'),
        Buffer.from(text).toString('hex'),
        encodeURIComponent(text),
      ];
      // A PEM in base64, as in pipeline variables, or in percent-encoding is read as the public key that it contains.
      const wrapped = [pem, selfSigned.cert].flatMap(text => [...once(text).slice(0, 2), encodeURIComponent(text)]);
      for (const text of [
        pem.toLowerCase(),
        pem.replaceAll('-----', '----'),
        der.toString('hex'),
        der.toString('hex').replace(/(..)(?=.)/g, '$1:'),
        ...[pem, selfSigned.cert, JSON.stringify(jwk), JSON.stringify({ keys: [jwk] })].flatMap(once),
        ...once(der.toString('base64')),
        ...once(Buffer.from(pem).toString('base64')),
      ]) {
        for (const secret of [text, text.trim(), pem, der]) {
          const result = await verifyToken(hmacJwt(secret, claims), policy, given(text), now);
          assert.equal(result.verified, false, text.slice(0, 60));
          const { code, data } = find(result, 'signature');
          const refused = wrapped.includes(text)
            ? ['secret_needed', undefined]
            : ['key_invalid', { reason: 'public_as_secret' }];
          assert.deepEqual([code, data], refused, text.slice(0, 60));
        }
      }
      for (const k of [Buffer.from(pem), der].map(each => each.toString('base64url'))) {
        for (const key of [{ kty: 'oct', k }, { keys: [{ kty: 'oct', k }] }]) {
          const result = await verifyToken(hmacJwt(Buffer.from(k, 'base64url'), claims), policy, given(key), now);
          assert.equal(find(result, 'signature').code, 'key_invalid');
        }
      }
    });

    it('HMAC with a secret that a published key set holds', async () => {
      const secret = Buffer.alloc(32, 5);
      const oct = { kty: 'oct', k: secret.toString('base64url'), kid: 'k' };
      await refused(
        hmacJwt(secret, claims, { kid: 'k' }),
        jwks(oct, rs256.jwk),
        'signature failed: secret_needed',
        'alg failed: alg_symmetric',
      );
      await refused(hmacJwt(secret, claims), jwks(oct), 'signature failed: jwks_invalid', 'alg failed: alg_symmetric');
    });

    it('a signature of zeros (CVE-2022-21449)', async () => {
      const input = `${encode({ alg: 'ES256', kid: es256.jwk.kid })}.${encode(claims)}`;
      const zeros = `${input}.${Buffer.alloc(64).toString('base64url')}`;
      await refused(zeros, jwks(es256.jwk), 'signature failed: signature_invalid');
    });

    it('signatures that prove nothing, of every length', async () => {
      const p256n = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
      const secret = Buffer.alloc(32, 3);
      const hmac = { kty: 'oct', k: secret.toString('base64url') };
      const es256Input = `${encode({ alg: 'ES256', kid: es256.jwk.kid })}.${encode(claims)}`;
      const rs256Input = `${encode({ alg: 'RS256', kid: rs256.jwk.kid })}.${encode(claims)}`;
      const eddsaInput = `${encode({ alg: 'EdDSA', kid: eddsa.jwk.kid })}.${encode(claims)}`;
      const hmacInput = `${encode({ alg: 'HS256' })}.${encode(claims)}`;
      const right = Buffer.from(hmacJwt(secret, claims).split('.')[2] ?? '', 'base64url');
      for (const [input, source, forged, reason] of [
        // r = s = n is 0 in the field of the curve.
        [es256Input, jwks(es256.jwk), Buffer.from(p256n + p256n, 'hex'), 'invalid'],
        // Zeros as DER, which JOSE does not use.
        [es256Input, jwks(es256.jwk), Buffer.from('3006020100020100', 'hex'), 'der'],
        [es256Input, jwks(es256.jwk), Buffer.from('null'), 'length'],
        [es256Input, jwks(es256.jwk), Buffer.alloc(1), 'length'],
        [rs256Input, jwks(rs256.jwk), Buffer.alloc(256), 'invalid'],
        [rs256Input, jwks(rs256.jwk), Buffer.from('01', 'hex'), 'invalid'],
        [eddsaInput, jwks(eddsa.jwk), Buffer.alloc(64), 'invalid'],
        [hmacInput, given(hmac), Buffer.alloc(32), 'invalid'],
        [hmacInput, given(hmac), right.subarray(0, 16), 'length'],
        [hmacInput, given(hmac), right.subarray(0, 1), 'length'],
      ] as const) {
        const token = `${input}.${forged.toString('base64url')}`;
        await refused(token, source, `signature failed: signature_${reason}`);
      }
    });

    it('an empty signature', async () => {
      const [header, payload] = jwt(rs256, claims).split('.');
      await refused(`${header}.${payload}.`, jwks(rs256.jwk), 'signature failed: signature_missing');
    });

    it('a key that the token brings itself', async () => {
      const mallory = signer('RS256', rs256.jwk.kid, 1);
      const { kid: _, ...jwk } = mallory.jwk;
      for (const header of [
        { jwk },
        { jku: 'https://mallory.example/jwks' },
        { x5u: 'https://mallory.example/x5u' },
        { x5c: ['MIIB'] },
      ]) {
        await refused(
          jwt(mallory, claims, header),
          jwks(rs256.jwk),
          'signature failed: signature_invalid',
          'header_key warning: embedded_key_ignored',
        );
      }
    });

    it('a key that fits the kid and not the algorithm', async () => {
      const token = jwt(rs256, claims, { kid: es256.jwk.kid });
      await refused(token, jwks(es256.jwk), 'signature failed: key_unsuitable');
      const wrongAlg = jwt(rs256, claims);
      await refused(wrongAlg, jwks({ ...rs256.jwk, alg: 'PS256' }), 'signature failed: key_unsuitable');
      await refused(wrongAlg, jwks({ ...rs256.jwk, use: 'enc' }), 'signature failed: key_unsuitable');
      await refused(wrongAlg, jwks({ ...rs256.jwk, key_ops: ['encrypt'] }), 'signature failed: key_unsuitable');
    });

    it('a kid that no key has, and one that is not a string', async () => {
      await refused(jwt(rs256, claims, { kid: 'other' }), jwks(rs256.jwk), 'signature failed: kid_unknown');
      await refused(jwt(rs256, claims, { kid: 7 }), jwks(rs256.jwk), 'signature failed: kid_invalid');
      const { kid: _, ...unnamed } = rs256.jwk;
      // Keys without an id are tried by key type, even beside keys with another id.
      assert.deepEqual(await verdict(jwt(rs256, claims), jwks(unnamed, es256.jwk)), {
        verified: true,
        remarks: ['key warning: kid_absent'],
      });
    });

    it('unknown critical extensions, and lists of them that are not valid', async () => {
      for (const [header, code] of [
        [{ crit: ['exp2'], exp2: 1 }, 'crit_unknown'],
        [{ crit: ['exp2'] }, 'crit_invalid'],
        [{ crit: [] }, 'crit_invalid'],
        [{ crit: 'b64' }, 'crit_invalid'],
        [{ crit: ['toString'] }, 'crit_invalid'],
        [{ crit: [1], 1: 1 }, 'crit_invalid'],
      ] as const) {
        await refused(
          jwt(rs256, claims, header),
          jwks(rs256.jwk),
          'signature failed: refused_by_header',
          `crit failed: ${code}`,
        );
      }
    });

    it('an unencoded payload (RFC 7797)', async () => {
      const token = jwt(rs256, claims, { b64: false, crit: ['b64'] });
      await refused(token, jwks(rs256.jwk), 'signature failed: refused_by_header', 'b64 failed: b64_false');
      const input = `${encode({ alg: 'RS256', kid: rs256.jwk.kid, b64: false, crit: ['b64'] })}.{"iss":"x"}`;
      await assert.doesNotReject(verifyToken(`${input}.c2ln`, policy, jwks(rs256.jwk), now));
    });

    it('algorithms that were not asked for', async () => {
      const asked = { ...policy, algorithms: ['ES256', 'HS256'] };
      assert.deepEqual(await verdict(jwt(rs256, claims), jwks(rs256.jwk), asked), {
        verified: false,
        remarks: ['signature failed: refused_by_header', 'alg failed: alg_not_allowed'],
      });
      const result = await verifyToken(jwt(rs256, claims), asked, jwks(rs256.jwk), now);
      assert.equal(find(result, 'alg').expected, 'ES256');
    });

    for (const [name, key, code] of [
      ['an RSA key of 1024 bits', () => generateKeyPairSync('rsa', { modulusLength: 1024 }), 'rsa_too_short'],
    ] as const) {
      it(name, async () => {
        const by = signerOf('RS256', key(), 'weak');
        await refused(jwt(by, claims), jwks(by.jwk), 'signature failed: key_rejected', `key failed: ${code}`);
      });
    }

    it('an RSA key with the exponent 1, with which everyone can sign', async () => {
      const forged = forgeWithExponentOne(rs256);
      const { verified, remarks } = await verdict(forged, jwks({ ...rs256.jwk, e: 'AQ' }));
      assert.equal(verified, false);
      assert.ok(remarks.includes('key failed: rsa_exponent'), remarks.join());
    });

    it('an RSA key with the fingerprint of ROCA', async () => {
      // A power of 65537 modulo every small prime, like the faulty moduli.
      const n = 65537n ** 128n;
      const weak = {
        ...rs256.jwk,
        n: Buffer.from(n.toString(16).padStart(514, '0'), 'hex').toString('base64url'),
      };
      const { verified, remarks } = await verdict(jwt(rs256, claims), jwks(weak));
      assert.equal(verified, false);
      assert.ok(remarks.includes('key failed: rsa_roca'), remarks.join());
    });

    it('a key off its curve', async () => {
      const token = jwt(es256, claims);
      await refused(token, jwks({ ...es256.jwk, y: es256.jwk.x }), 'signature failed: key_rejected');
    });
  });

  describe('tries', () => {
    it('every key of one kid', async () => {
      const other = signer('RS256', rs256.jwk.kid, 1);
      const token = jwt(rs256, claims);
      for (const keys of [
        [rs256.jwk, other.jwk],
        [other.jwk, rs256.jwk],
      ]) {
        assert.deepEqual(await verdict(token, jwks(...keys)), { verified: true, remarks: [] });
      }
      const result = await verifyToken(token, policy, jwks(other.jwk, { ...other.jwk }), now);
      assert.deepEqual(find(result, 'signature'), {
        id: 'signature',
        status: 'failed',
        code: 'signature_invalid',
        found: 'RS256',
        data: { tried: 2 },
      });
    });

    it('every fitting key where the token names none', async () => {
      const token = jwt(rs256, claims, { kid: undefined });
      const source = jwks(es256.jwk, signer('RS256', 'x', 1).jwk, rs256.jwk);
      assert.deepEqual(await verdict(token, source), { verified: true, remarks: [] });
    });

    it('a given key, whatever its kid, and says so', async () => {
      const token = jwt(rs256, claims, { kid: 'another' });
      assert.deepEqual(await verdict(token, given(rs256.jwk)), {
        verified: true,
        remarks: ['key warning: kid_differs'],
      });
      assert.deepEqual(await verdict(token, given(rs256.pem)), { verified: true, remarks: [] });
    });

    it('a key called Ed25519 for EdDSA and the other way round (RFC 9864)', async () => {
      const renamed = { ...eddsa.jwk, alg: 'Ed25519' };
      assert.deepEqual(await verdict(jwt(eddsa, claims), jwks(renamed)), { verified: true, remarks: [] });
      const token = jwt(eddsa, claims, { alg: 'Ed25519' });
      assert.deepEqual(await verdict(token, jwks(eddsa.jwk)), { verified: true, remarks: [] });
    });

    it('the shared secrets of a set that was handed in and holds nothing else', async () => {
      const [secret, other] = [Buffer.alloc(32, 7), Buffer.alloc(32, 8)];
      const keys = [other, secret].map(each => ({ kty: 'oct', k: each.toString('base64url') }));
      const token = hmacJwt(secret, claims);
      assert.equal((await verdict(token, given({ keys }))).verified, true);
      assert.equal((await verdict(token, given({ keys: [...keys, rs256.jwk] }))).verified, false);
    });

    it('a shared secret as text, as base64 and as hex', async () => {
      const secret = Buffer.alloc(32, 0xa7);
      for (const text of [secret.toString('base64'), secret.toString('base64url')]) {
        for (const key of [secret, Buffer.from(text)]) {
          assert.deepEqual(await verdict(hmacJwt(key, claims), given(`${text}\n`)), {
            verified: true,
            remarks: [],
          });
        }
      }
      for (const text of ['hex', 'HEX', '0x']) {
        const hex = `${text === '0x' ? text : ''}${secret.toString('hex')}`;
        const key = given(`${text === 'HEX' ? hex.toUpperCase() : hex}\n`);
        assert.equal((await verdict(hmacJwt(secret, claims), key)).verified, true);
      }
      // The result of `echo secret > file` and a tool that reads the file as it is.
      const withLineEnd = 'a secret of thirty-two characters\n';
      for (const key of [withLineEnd, withLineEnd.trim()])
        assert.equal((await verdict(hmacJwt(key, claims), given(withLineEnd))).verified, true);
      assert.deepEqual(await verdict(hmacJwt('short secret', claims), given('short secret')), {
        verified: false,
        remarks: ['key failed: hmac_too_short'],
      });
      const { key } = await verifyToken(hmacJwt('short secret', claims), policy, given('short secret'), now);
      assert.deepEqual(key, { kty: 'oct', size: 96, source: 'given' });
    });

    it('each key once: its import is kept with a set that was read', async () => {
      const keys = readKeySet({ keys: [rs256.jwk] }, 'jwks');
      const [key] = keys.keys;
      assert.equal(await key?.cryptoKey('RS256'), await key?.cryptoKey('RS256'));
      assert.equal((await verifyToken(jwt(rs256, claims), policy, { kind: 'jwks', keys }, now)).verified, true);
    });
  });

  it('reports every fault at once', async () => {
    const token = jwt(rs256, {
      iss: `${issuer}/`,
      aud: ['other'],
      exp: `${seconds}`,
      iat: now,
      nbf: seconds + 60,
    });
    assert.deepEqual(await verdict(token, jwks(es256.jwk)), {
      verified: false,
      remarks: [
        'signature failed: kid_unknown',
        'iss failed: slash_differs',
        'aud failed: mismatch',
        'exp failed: time_not_a_number',
        'nbf failed: nbf_ahead',
        'iat failed: time_in_milliseconds',
      ],
    });
  });

  it('fetches no keys for an unreadable token, and calls it unreadable whatever its signature', async () => {
    const [header = ''] = jwt(rs256, claims).split('.');
    const signed = jwt(rs256, claims).replace(/^[^.]*\.[^.]*/, `${header}.${encode('{"iss":')}`);
    const jwksClient = { keysFor: () => assert.fail('asked for keys'), forget() {} };
    const remote: KeySource = { kind: 'remote', jwks: jwksClient, jwksUri: `${issuer}/jwks` };
    for (const source of [remote, jwks(rs256.jwk), given(rs256.jwk)]) {
      await assert.rejects(verifyToken(signed, policy, source, now), { code: 'token_json' });
    }
  });

  it('gives encrypted and opaque tokens one line', async () => {
    const jwe = `${encode({ alg: 'dir', enc: 'A128GCM' })}..aXY.Y2k.dGFn`;
    assert.deepEqual(await verifyToken(jwe, policy, jwks(rs256.jwk), now), {
      verified: false,
      checks: [{ id: 'signature', status: 'skipped', code: 'encrypted' }],
    });
    assert.deepEqual(await verifyToken('ya29.a0AfH6SMBx', policy, jwks(rs256.jwk), now), {
      verified: false,
      checks: [{ id: 'signature', status: 'skipped', code: 'opaque' }],
    });
  });

  it('holds an ID token against its access token (OpenID Connect Core section 3.1.3.6)', async () => {
    const accessToken = sample.access_token.replaceAll(' ', '');
    const asked = { kind: 'id_token', clientId: '5ca765e393194d5891db1927', accessToken } as const;
    const token = sample.id_token.replaceAll(' ', '');
    const result = await verifyToken(token, asked, jwks(rs256.jwk), 1554537870_000);
    assert.deepEqual(find(result, 'at_hash'), {
      id: 'at_hash',
      status: 'passed',
      code: 'hash_matches',
      expected: 'NdmobePY8AEid6Omz3229w',
      found: 'NdmobePY8AEid6Omz3229w',
    });
    assert.equal(find(result, 'aud').code, 'matches');
    const other = await verifyToken(token, { ...asked, accessToken: `${accessToken}x` }, jwks(rs256.jwk), now);
    assert.equal(find(other, 'at_hash').code, 'hash_mismatch');
  });

  for (const [name, text, reason] of [
    ['nothing', ' \n', 'empty'],
    ['a private key', () => rs256.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'private_key'],
    ['half a PEM', '-----BEGIN PUBLIC KEY-----\nMIIB', 'pem'],
    ['a PEM of something else', '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----', 'pem'],
    ['broken JSON', '{"kty":', 'json'],
    ['an unknown kty', '{"kty":"X"}', 'kty'],
    ['half a JWK', '{"kty":"RSA","e":"AQAB"}', 'kty'],
    ['a key of OpenSSH', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB', 'ssh'],
  ] as const) {
    it(`says what is wrong with ${name} as a key`, async () => {
      const key = typeof text === 'string' ? text : text();
      const result = await verifyToken(jwt(rs256, claims), policy, given(key), now);
      assert.equal(result.verified, false);
      const { code, data } = find(result, 'signature');
      assert.deepEqual({ code, data }, { code: 'key_invalid', data: { reason } });
    });
  }

  it('reads public keys in all their forms', async () => {
    const pkcs1 = rs256.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    const bare = rs256.pem.replace(/-----[^-]+-----/g, '');
    const { kid, alg, ...jwk } = rs256.jwk;
    const secretHalf = { ...rs256.privateKey.export({ format: 'jwk' }), kid };
    const escaped = JSON.stringify(rs256.pem);
    const bundle = `${selfSigned.cert}\n${es256.pem}${rs256.pem}`;
    const described = `Bag Attributes\n  friendlyName: key\n${rs256.pem}`;
    for (const text of [
      pkcs1,
      bare,
      described,
      escaped,
      escaped.slice(1, -1),
      bundle,
      `${rs256.pem}${selfSigned.key}`,
      JSON.stringify([jwk]),
      JSON.stringify({ keys: [jwk] }),
      JSON.stringify(secretHalf),
    ]) {
      const result = await verifyToken(jwt(rs256, claims, { kid: undefined }), policy, given(text), now);
      assert.equal(result.verified, true, text.slice(0, 40));
    }
  });
});

/** With e = 1, the signature equals the padded hash (RFC 8017 section 9.2). */
function forgeWithExponentOne({ jwk }: Signer): string {
  const input = `${encode({ alg: 'RS256', kid: jwk.kid })}.${encode(claims)}`;
  const digest = Buffer.concat([
    Buffer.from('3031300d060960864801650304020105000420', 'hex'),
    createHash('sha256').update(input).digest(),
  ]);
  const padded = Buffer.concat([
    Buffer.from([0, 1]),
    Buffer.alloc(256 - digest.length - 3, 0xff),
    Buffer.from([0]),
    digest,
  ]);
  return `${input}.${padded.toString('base64url')}`;
}
