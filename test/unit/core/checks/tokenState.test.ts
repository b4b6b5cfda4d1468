import assert from 'node:assert/strict';
import {
  type Check,
  type CheckCode,
  type CheckStatus,
  issuerSigned,
  stateWithoutKey,
  tokenStateOf,
} from '../../../../src/core/checks/finding.ts';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { hmacJwt, jwt, signer } from '../../../support/signing.ts';

const check = (id: string, status: CheckStatus, code: CheckCode): Check => ({ id, status, code });
const of = (...checks: Check[]) => tokenStateOf({ verified: false, checks });

describe('tokenStateOf', () => {
  const expired = check('exp', 'failed', 'exp_past');
  const valid = check('signature', 'passed', 'signature_valid');

  it('tells an expired token with a valid signature from a token with any other fault', () => {
    assert.deepEqual(of(valid, expired), { kind: 'expired_valid_signature' });
    const audience = check('aud', 'failed', 'mismatch');
    assert.deepEqual(of(valid, expired, audience), { kind: 'failed', failed: [expired, audience] });
    const forged = check('signature', 'failed', 'signature_invalid');
    assert.deepEqual(of(forged, expired), { kind: 'failed', failed: [forged, expired] });
  });

  it('tells what cannot be checked here from what failed', () => {
    for (const [status, code] of [
      ['skipped', 'signature_not_checked'],
      ['skipped', 'opaque'],
      ['skipped', 'encrypted'],
      ['failed', 'secret_needed'],
      ['failed', 'platform_lacks_alg'],
      ['failed', 'signature_recipient'],
      ['failed', 'host_unknown'],
      ['failed', 'jwks_invalid'],
    ] as const) {
      const reason = check('signature', status, code);
      assert.deepEqual(of(reason, expired), { kind: 'unverifiable', reason }, code);
      assert.equal(of(reason, check('iss', 'failed', 'mismatch')).kind, 'failed', code);
    }
    for (const code of ['kid_unknown', 'key_rejected', 'signature_missing', 'refused_by_header'] as const)
      assert.equal(of(check('signature', 'failed', code)).kind, 'failed', code);
  });

  it('has the right word for real tokens', async () => {
    const [ours, other] = [signer('ES256'), signer('ES256')];
    const now = 1_700_000_000_000;
    const stateAt = async (token: string, at: number) => {
      const keys = { kind: 'jwks', keys: { keys: [ours.jwk] } } as const;
      return tokenStateOf(await verifyToken(token, {}, keys, at)).kind;
    };
    const claims = { exp: now / 1000 + 60 };
    assert.equal(await stateAt(jwt(ours, claims), now), 'verified');
    assert.equal(await stateAt(jwt(ours, claims), now + 61_000), 'expired_valid_signature');
    assert.equal(await stateAt(jwt(other, claims), now), 'failed');
    assert.equal(await stateAt(jwt(other, claims), now + 61_000), 'failed');
    assert.equal(await stateAt(hmacJwt('x'.repeat(40), claims), now), 'unverifiable');
    assert.equal(await stateAt('opaque-token', now), 'unverifiable');
  });

  it('calls an HMAC without a secret not verifiable', () => {
    const secret = check('signature', 'failed', 'secret_needed');
    assert.equal(of(secret, check('alg', 'failed', 'alg_symmetric')).kind, 'unverifiable');
    assert.equal(of(secret, check('alg', 'failed', 'alg_none')).kind, 'failed');
  });

  it('calls a token without checks, or checked without a key, not checked', () => {
    assert.deepEqual(tokenStateOf(undefined), { kind: 'not_checked' });
    assert.deepEqual(stateWithoutKey({ checks: [check('signature', 'skipped', 'signature_not_checked'), expired] }), {
      kind: 'not_checked',
    });
    assert.equal(stateWithoutKey({ checks: [check('signature', 'skipped', 'opaque')] }).kind, 'unverifiable');
  });
});

describe('the issuer of a token that the keys of a connection signed', () => {
  const found = 'https://as.example/';
  const checks = (signature: Check['status'], iss: Partial<Check> = {}, ...more: Check[]): Check[] => [
    { id: 'signature', status: signature, code: 'signature_valid' },
    { id: 'iss', status: 'failed', code: 'slash_differs', expected: 'https://as.example', found, ...iss },
    ...more,
  ];

  it('can be set where nothing else is wrong but the expiry', () => {
    assert.equal(issuerSigned({ checks: checks('passed') }), found);
    assert.equal(
      issuerSigned({ checks: checks('passed', {}, { id: 'exp', status: 'failed', code: 'exp_past' }) }),
      found,
    );
  });

  it('cannot where anyone could have written it, another check fails, or it is the right one', () => {
    for (const each of [
      checks('failed'),
      checks('skipped'),
      checks('passed', { status: 'passed' }),
      checks('passed', { found: 'http://as.example' }),
      checks('passed', {}, { id: 'aud', status: 'failed', code: 'mismatch' }),
    ])
      assert.equal(issuerSigned({ checks: each }), undefined);
  });
});
