import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { VerificationPolicy } from '../../../../src/core/checks/finding.ts';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { decodeToken } from '../../../../src/core/tokens/jwt.ts';
import vectors from '../../../fixtures/vectors/sdJwt.json' with { type: 'json' };
import { encode, jwt, signer } from '../../../support/signing.ts';

const now = Date.UTC(2025, 6, 1);
const keys = { kind: 'jwks', keys: { keys: [vectors.key] } } as const;

async function looked(
  token: string,
  policy: VerificationPolicy = {},
  source: Parameters<typeof verifyToken>[2] = keys,
) {
  const { verified, checks, disclosed } = await verifyToken(token, policy, source, now);
  const of = (id: string) => checks.find(check => check.id === id);
  return { verified, disclosed, failed: checks.filter(({ status }) => status === 'failed'), of };
}

describe('SD-JWT', () => {
  for (const { source, token, disclosed } of vectors.presentations) {
    it(`verifies the presentation of ${source}`, async () => {
      const found = await looked(token, { nonce: '1234567890', presentedTo: 'https://verifier.example.org' });
      assert.deepEqual(found.failed, []);
      assert.equal(found.verified, true);
      assert.deepEqual(found.disclosed, disclosed);
      assert.equal(found.of('disclosures')?.code, 'disclosures_match');
      assert.equal(found.of('key_binding')?.code, token.endsWith('~') ? keyBindingOf(disclosed) : 'binding_valid');
    });

    it(`refuses ${source} with a disclosure changed, added twice or of another token`, async () => {
      const [first = '', disclosure = '', ...rest] = token.split('~');
      const forged = encode(['salt', 'admin', true]);
      for (const [changed, code] of [
        [[first, forged, ...rest], 'disclosure_invalid'],
        [[first, disclosure, disclosure, ...rest], 'disclosure_invalid'],
        [[first, forged, disclosure, ...rest], 'disclosure_invalid'],
      ] as const) {
        const { verified, of } = await looked(changed.join('~'));
        assert.equal(verified, false);
        assert.equal(of('disclosures')?.code, code);
      }
      const another = await looked([`${first.slice(0, -4)}AAAA`, disclosure, ...rest].join('~'));
      assert.equal(another.of('signature')?.code, 'signature_invalid');
    });
  }

  const [issuer, holder, mallory] = [signer('ES256'), signer('ES256'), signer('ES256')];
  const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url');
  const disclosure = encode(['salt-1', 'given_name', 'Ada']);
  const claims = {
    iss: 'https://issuer.example',
    iat: now / 1000,
    exp: now / 1000 + 60,
    _sd: [hashOf(disclosure), hashOf('decoy')],
    cnf: { jwk: { kty: 'EC', crv: 'P-256', x: holder.jwk.x, y: holder.jwk.y } },
  };
  const signed = jwt(issuer, claims, { typ: 'dc+sd-jwt' });
  const binding = {
    iat: now / 1000,
    aud: 'https://verifier.example',
    nonce: 'n-1',
    sd_hash: hashOf(`${signed}~${disclosure}~`),
  };
  const presented = (payload: object = binding, by = holder, header: object = { typ: 'kb+jwt' }) =>
    `${signed}~${disclosure}~${jwt(by, payload, { kid: undefined, ...header })}`;
  const ours = { kind: 'jwks', keys: { keys: [issuer.jwk] } } as const;

  it('is decoded with its disclosures, and counts what stays hidden', async () => {
    const decoded = decodeToken(`${signed}~${disclosure}~`);
    assert.ok(decoded.kind === 'jws' && decoded.form?.kind === 'sd_jwt');
    assert.deepEqual(decoded.form.disclosures, [{ encoded: disclosure, name: 'given_name', value: 'Ada' }]);
    const { verified, disclosed, of } = await looked(`${signed}~${disclosure}~`, {}, ours);
    assert.equal(verified, true);
    assert.equal(disclosed?.given_name, 'Ada');
    assert.deepEqual(of('disclosures')?.data, { hidden: 1 });
    assert.equal(of('key_binding')?.code, 'binding_absent');
  });

  it('is read in JSON (RFC 9901 section 8) as well', async () => {
    const [head, payload, signature] = signed.split('.');
    const kb_jwt = presented().split('~').at(-1);
    const text = JSON.stringify({ payload, protected: head, signature, header: { disclosures: [disclosure], kb_jwt } });
    const { verified, disclosed, of } = await looked(text, {}, ours);
    assert.equal(verified, true);
    assert.equal(disclosed?.given_name, 'Ada');
    assert.equal(of('key_binding')?.code, 'binding_valid');
  });

  for (const [name, token, code] of [
    ['another key', presented(binding, mallory), 'binding_signature'],
    ['no type of its own', presented(binding, holder, { typ: 'JWT' }), 'typ_wrong'],
    ['other disclosures', presented({ ...binding, sd_hash: hashOf(`${signed}~`) }), 'binding_hash'],
    ['no nonce', presented({ ...binding, nonce: undefined }), 'claims_missing'],
    ['another nonce', presented({ ...binding, nonce: 'n-2' }), 'mismatch'],
    ['another verifier', presented({ ...binding, aud: 'https://evil.example' }), 'mismatch'],
    ['no time', presented({ ...binding, iat: 'now' }), 'claims_missing'],
    ['nothing that can be read', `${signed}~${disclosure}~a.b`, 'binding_malformed'],
  ] as const) {
    it(`refuses a key binding with ${name}`, async () => {
      const policy = { nonce: 'n-1', presentedTo: 'https://verifier.example' };
      const { verified, of } = await looked(token, policy, ours);
      assert.equal(verified, false);
      assert.equal(of('key_binding')?.code, code);
    });
  }

  it('refuses a key binding where the token names no key, and a shared secret as that key', async () => {
    for (const cnf of [undefined, {}, { jwk: { kty: 'oct', k: 'c2VjcmV0' } }, { jwk: { toString: 1 } }]) {
      const token = jwt(issuer, { ...claims, cnf });
      const { verified, of } = await looked(
        `${token}~${disclosure}~${jwt(holder, binding, { typ: 'kb+jwt' })}`,
        {},
        ours,
      );
      assert.equal(verified, false);
      assert.equal(of('key_binding')?.code, 'binding_key_missing');
    }
  });

  it('stops at disclosures that contain themselves', async () => {
    // Each refers to the next one twice. Without a limit, thirty levels would resolve to a billion claims.
    let inner = encode(['s', 'leaf', 1]);
    const disclosures = [inner];
    for (let level = 0; level < 200; level++) {
      inner = encode(['s', `level${level}`, { _sd: [hashOf(inner)], twice: [{ '...': hashOf(inner) }] }]);
      disclosures.push(inner);
    }
    const token = jwt(issuer, { ...claims, _sd: [hashOf(inner)], cnf: undefined });
    const { verified, of } = await looked(`${token}~${disclosures.join('~')}~`, {}, ours);
    assert.equal(verified, false);
    assert.equal(of('disclosures')?.code, 'disclosure_invalid');
  });
});

function keyBindingOf(disclosed: object): string {
  return 'cnf' in disclosed ? 'binding_absent' : 'absent';
}
