import assert from 'node:assert/strict';
import { constants, createHmac, createSecretKey, type KeyObject, sign } from 'node:crypto';
import { flattenedVerify, importJWK, type JWK } from 'jose';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { decodeDetached, decodeToken } from '../../../../src/core/tokens/jwt.ts';
import { encode, signer } from '../../../support/signing.ts';

/*
 * jose is the oracle: no signature passes here that jose refuses with the same key and algorithm, whatever is wrong with
 * the key, the header or the signature. Where nothing is wrong, both accept it.
 */

const secret = createSecretKey(Buffer.alloc(64, 7));
const keys: Readonly<Record<string, { readonly jwk: JWK; readonly key: KeyObject }>> = {
  rsa: keyOf('RS256'),
  p256: keyOf('ES256'),
  p384: keyOf('ES384'),
  p521: keyOf('ES512'),
  ed25519: keyOf('EdDSA'),
  oct: { jwk: { kty: 'oct', k: secret.export().toString('base64url') }, key: secret },
};

function keyOf(alg: Parameters<typeof signer>[0]) {
  const { jwk, privateKey } = signer(alg);
  const { alg: _, kid: __, ...plain } = jwk;
  return { jwk: plain as JWK, key: privateKey };
}

/** The signature by this key, whichever algorithm the header names; undefined if the key cannot make one. */
function signatureBy(key: KeyObject, alg: string, input: Buffer): Buffer | undefined {
  const hash = `sha${/\d+$/.exec(alg)?.[0] ?? '256'}`;
  try {
    if (key.type === 'secret') return createHmac(hash, key).update(input).digest();
    if (key.asymmetricKeyType === 'ed25519') return sign(null, input, key);
    if (key.asymmetricKeyType === 'ec') return sign(hash, input, { key, dsaEncoding: 'ieee-p1363' });
    const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
    const padding = alg.startsWith('PS') ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
    return sign(hash, input, { key, padding, saltLength });
  } catch {
    return undefined;
  }
}

const algorithms = ['RS', 'PS', 'ES', 'HS'].flatMap(family => [256, 384, 512].map(bits => `${family}${bits}`));
const right: Readonly<Record<string, string>> = { ES256: 'p256', ES384: 'p384', ES512: 'p521', EdDSA: 'ed25519' };
const rightKeyFor = (alg: string) => right[alg] ?? (alg.startsWith('HS') ? 'oct' : 'rsa');

const isAccepted = async (source: JWK, token: string, content?: string) => {
  const decoded = content === undefined ? decodeToken(token) : decodeDetached(token, content);
  const given = { kind: 'key', text: JSON.stringify(source) } as const;
  const { checks } = await verifyToken(token, {}, given, Date.UTC(2026, 0, 1), undefined, decoded);
  return checks.find(({ id }) => id === 'signature')?.status === 'passed';
};

async function joseAccepts(source: JWK, alg: string, token: string, content?: string): Promise<boolean> {
  const [head = '', body = '', signature = ''] = token.split('.');
  const isBare = content !== undefined && JSON.parse(Buffer.from(head, 'base64url').toString()).b64 === false;
  const payload = content === undefined ? body : isBare ? Buffer.from(content) : encode(content);
  try {
    const key = await importJWK({ ...source }, alg);
    await flattenedVerify({ protected: head, payload, signature }, key, { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}

describe('signatures, with jose as the oracle', () => {
  for (const alg of [...algorithms, 'EdDSA'])
    it(`${alg}: accepts what is signed by the right key, and no other key`, async () => {
      const input = `${encode({ alg })}.${encode({ sub: 'ada' })}`;
      for (const [name, { jwk, key }] of Object.entries(keys)) {
        const signature = signatureBy(key, alg, Buffer.from(input));
        if (signature === undefined) continue;
        const token = `${input}.${signature.toString('base64url')}`;
        const accepted = await isAccepted(jwk, token);
        assert.equal(accepted, await joseAccepts(jwk, alg, token), name);
        assert.equal(accepted, name === rightKeyFor(alg), name);
      }
    });

  for (const alg of ['RS256', 'PS384', 'ES256', 'ES512', 'HS256', 'EdDSA'])
    it(`${alg}: refuses every changed signature, and what the key is not for`, async () => {
      const { jwk, key } = keys[rightKeyFor(alg)] ?? assert.fail();
      const input = `${encode({ alg })}.${encode({ sub: 'ada' })}`;
      const signature = signatureBy(key, alg, Buffer.from(input)) ?? assert.fail();
      const changes: Readonly<Record<string, Buffer>> = {
        'first bit': Buffer.from(signature.map((byte, at) => (at === 0 ? byte ^ 1 : byte))),
        'last bit': Buffer.from(signature.map((byte, at) => (at === signature.length - 1 ? byte ^ 1 : byte))),
        shorter: signature.subarray(0, -1),
        longer: Buffer.concat([signature, Buffer.alloc(1)]),
        zeros: Buffer.alloc(signature.length),
        'one byte': Buffer.alloc(1),
        halves: Buffer.concat([signature.subarray(signature.length / 2), signature.subarray(0, signature.length / 2)]),
      };
      for (const [name, changed] of Object.entries(changes)) {
        const token = `${input}.${changed.toString('base64url')}`;
        assert.deepEqual([await isAccepted(jwk, token), await joseAccepts(jwk, alg, token)], [false, false], name);
      }
      const token = `${input}.${signature.toString('base64url')}`;
      for (const limit of [{ key_ops: ['sign'] }, { key_ops: ['encrypt'] }, { alg: 'RS512' }, { alg: 'none' }]) {
        const limited = { ...jwk, ...limit };
        const both = [await isAccepted(limited, token), await joseAccepts(limited, alg, token)];
        assert.ok(!both[0] || both[1], `${JSON.stringify(limit)}: ${both}`);
      }
    });

  for (const crit of [undefined, ['b64'], [], ['b64', 'exp'], 'b64'])
    for (const b64 of [undefined, true, false, 'false'])
      it(`content of its own with crit ${JSON.stringify(crit)} and b64 ${JSON.stringify(b64)}`, async () => {
        const { jwk, key } = keys.p256 ?? assert.fail();
        const head = encode({ alg: 'ES256', ...(crit !== undefined && { crit }), ...(b64 !== undefined && { b64 }) });
        const content = 'content.of its own';
        for (const signed of [content, encode(content)]) {
          const signature = signatureBy(key, 'ES256', Buffer.from(`${head}.${signed}`)) ?? assert.fail();
          const token = `${head}..${signature.toString('base64url')}`;
          const accepted = await isAccepted(jwk, token, content);
          assert.ok(!accepted || (await joseAccepts(jwk, 'ES256', token, content)), signed);
          if (b64 === undefined && crit === undefined) assert.equal(accepted, signed !== content);
          if (b64 === false && JSON.stringify(crit) === '["b64"]') assert.equal(accepted, signed === content);
        }
      });
});
