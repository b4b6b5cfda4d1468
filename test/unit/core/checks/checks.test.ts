import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../../scripts/lib/project.mjs';
import { checkTable, runChecks } from '../../../../src/core/checks/checks.ts';
import type { VerificationPolicy } from '../../../../src/core/checks/finding.ts';
import { decodeToken } from '../../../../src/core/tokens/jwt.ts';
import { encode } from '../../../support/signing.ts';

const now = Date.UTC(2024, 0, 1);
const t = now / 1000;
const issuer = 'https://as.example';

function check(id: string, payload: unknown, policy: VerificationPolicy, header: object = { alg: 'RS256' }) {
  const token = decodeToken(`${encode(header)}.${encode(payload)}.c2ln`);
  const found = runChecks({ token, policy, now }).find(each => each.id === id);
  return found && `${found.status} ${found.code}`;
}

describe('checks', () => {
  for (const [id, payload, policy, expected] of [
    ['iss', { iss: issuer }, { issuer }, 'passed matches'],
    ['iss', { iss: `${issuer}/` }, { issuer }, 'failed slash_differs'],
    ['iss', { iss: issuer }, { issuer: `${issuer}/` }, 'failed slash_differs'],
    ['iss', { iss: 'https://AS.example' }, { issuer }, 'failed mismatch'],
    ['iss', {}, { issuer }, 'failed missing'],
    ['iss', { iss: [issuer] }, { issuer }, 'failed wrong_type'],
    ['iss', { iss: issuer }, {}, 'skipped not_asked'],
    ['iss', {}, {}, 'skipped absent'],
    ['iss', {}, { kind: 'id_token' }, 'failed missing'],

    ['aud', { aud: 'api' }, { audience: 'api' }, 'passed matches'],
    ['aud', { aud: ['x', 'api'] }, { audience: ['y', 'api'] }, 'passed matches'],
    ['aud', { aud: 'apix' }, { audience: 'api' }, 'failed mismatch'],
    ['aud', { aud: [] }, { audience: 'api' }, 'failed mismatch'],
    ['aud', {}, { audience: 'api' }, 'failed missing'],
    ['aud', { aud: ['api', 1] }, { audience: 'api' }, 'failed wrong_type'],
    ['aud', { aud: { api: 1 } }, { audience: 'api' }, 'failed wrong_type'],
    ['aud', { aud: 'api' }, {}, 'skipped not_asked'],
    ['aud', { aud: 'c' }, { kind: 'id_token', clientId: 'c' }, 'passed matches'],
    ['aud', { aud: 'api' }, { kind: 'access_token', clientId: 'c' }, 'skipped not_asked'],

    ['azp', { azp: 'c' }, { kind: 'id_token', clientId: 'c' }, 'passed matches'],
    ['azp', { azp: 'd' }, { kind: 'id_token', clientId: 'c' }, 'failed mismatch'],
    ['azp', { aud: ['c', 'd'] }, { kind: 'id_token', clientId: 'c' }, 'warning azp_missing'],
    ['azp', { aud: 'c' }, { kind: 'id_token', clientId: 'c' }, 'skipped absent'],
    ['azp', { azp: 'd' }, { kind: 'access_token', clientId: 'c' }, 'skipped not_applicable'],

    ['sub', { sub: 'joe' }, { subject: 'joe' }, 'passed matches'],
    ['sub', { sub: 'jane' }, { subject: 'joe' }, 'failed mismatch'],
    ['sub', {}, { kind: 'id_token' }, 'failed missing'],
    ['sub', {}, {}, 'skipped absent'],

    ['cnf', { cnf: { jkt: 'a' } }, { holder: { jkt: 'a', required: true } }, 'passed bound'],
    ['cnf', { cnf: { jkt: 'a' } }, { holder: { jkt: 'a', required: false } }, 'passed bound'],
    ['cnf', { cnf: { jkt: 'a' } }, { holder: { jkt: 'b', required: true } }, 'failed bound_elsewhere'],
    ['cnf', { cnf: { jkt: 'a' } }, { holder: { required: false } }, 'failed bound_elsewhere'],
    ['cnf', { cnf: { jkt: 1 } }, { holder: { jkt: '1', required: false } }, 'failed bound_elsewhere'],
    ['cnf', {}, { holder: { jkt: 'a', required: true } }, 'warning not_bound'],
    ['cnf', {}, { holder: { required: false } }, 'skipped absent'],
    ['cnf', { cnf: { jkt: 'a' } }, {}, 'skipped not_asked'],
    ['cnf', { cnf: { 'x5t#S256': 'a' } }, { holder: { 'x5t#S256': 'a', required: false } }, 'passed bound'],
    ['cnf', { cnf: { 'x5t#S256': 'a' } }, { holder: { jkt: 'a', required: false } }, 'failed bound_elsewhere'],
    ['cnf', { cnf: { 'x5t#S256': 'a' } }, { holder: { jkt: 'a', required: true } }, 'warning not_bound'],
    ['cnf', { cnf: { jwk: {} } }, { holder: { required: false } }, 'skipped not_asked'],
    ['cnf', { cnf: 'a' }, { holder: { required: false } }, 'skipped not_asked'],

    ['exp', { exp: t + 1 }, {}, 'passed exp_ahead'],
    ['exp', { exp: t + 0.5 }, {}, 'passed exp_ahead'],
    ['exp', { exp: t }, {}, 'failed exp_past'],
    ['exp', { exp: t - 60 }, { clockTolerance: 60 }, 'failed exp_past'],
    ['exp', { exp: t - 59 }, { clockTolerance: 60 }, 'warning exp_tolerated'],
    ['exp', { exp: t - 59 }, { clockTolerance: -60 }, 'failed exp_past'],
    ['exp', { exp: `${t + 60}` }, {}, 'failed time_not_a_number'],
    ['exp', { exp: null }, {}, 'failed time_not_a_number'],
    ['exp', { exp: now + 60_000 }, {}, 'failed time_in_milliseconds'],
    ['exp', '{"exp":1e400}', {}, 'failed time_out_of_range'],
    ['exp', { exp: -1 }, {}, 'failed time_out_of_range'],
    ['exp', {}, {}, 'failed missing'],
    ['exp', {}, { requireExp: false }, 'warning missing'],

    ['nbf', { nbf: t }, {}, 'passed nbf_past'],
    ['nbf', { nbf: t + 60 }, {}, 'failed nbf_ahead'],
    ['nbf', { nbf: t + 60 }, { clockTolerance: 60 }, 'warning nbf_tolerated'],
    ['nbf', { nbf: 'now' }, {}, 'failed time_not_a_number'],
    ['nbf', {}, {}, 'skipped absent'],

    ['iat', { iat: t }, {}, 'passed iat_past'],
    ['iat', { iat: t + 60 }, {}, 'warning iat_ahead'],
    ['iat', { iat: t + 60 }, { clockTolerance: 60 }, 'passed iat_past'],
    ['iat', { iat: now }, {}, 'failed time_in_milliseconds'],
    ['iat', {}, {}, 'skipped absent'],
    ['iat', {}, { kind: 'id_token' }, 'failed missing'],

    ['nonce', { nonce: 'n' }, { kind: 'id_token', nonce: 'n' }, 'passed matches'],
    ['nonce', { nonce: 'm' }, { kind: 'id_token', nonce: 'n' }, 'failed mismatch'],
    ['nonce', {}, { kind: 'id_token', nonce: 'n' }, 'failed missing'],
    ['nonce', { nonce: 'n' }, { kind: 'id_token' }, 'skipped not_asked'],
    ['nonce', { nonce: 'n' }, { nonce: 'm' }, 'skipped not_applicable'],

    ['at_hash', { at_hash: 'h' }, { kind: 'id_token' }, 'skipped not_asked'],
    ['at_hash', {}, { kind: 'id_token', accessToken: 'a' }, 'skipped absent'],
    ['at_hash', {}, { kind: 'access_token' }, 'skipped not_applicable'],

    ['typ', { nonce: 'n' }, { kind: 'access_token' }, 'failed used_as_other'],
    ['typ', { scope: 's' }, { kind: 'id_token' }, 'warning used_as_other'],
    ['typ', { typ: 'Refresh' }, { kind: 'access_token' }, 'failed used_as_other'],
    ['typ', { scope: 's' }, { kind: 'access_token' }, 'warning typ_missing'],
    ['typ', {}, { kind: 'id_token' }, 'skipped absent'],
    ['typ', {}, {}, 'skipped absent'],

    ['members', '{"iss":"a","iss":"b"}', {}, 'warning members_duplicate'],
    ['members', {}, {}, 'passed members_unique'],
    ['signature', {}, {}, 'skipped signature_not_checked'],
    ['key', {}, {}, 'skipped key_none'],
  ] as const) {
    it(`${id} of ${typeof payload === 'string' ? payload : JSON.stringify(payload)} with ${JSON.stringify(policy)}: ${expected}`, () => {
      assert.equal(check(id, payload, policy), expected);
    });
  }

  for (const [typ, kind, expected] of [
    ['at+jwt', 'access_token', 'passed typ_right'],
    ['application/at+JWT', 'access_token', 'passed typ_right'],
    ['JWT', 'access_token', 'warning typ_generic'],
    ['logout+jwt', 'access_token', 'failed typ_wrong'],
    ['at+jwt', 'id_token', 'failed used_as_other'],
    ['jwt', 'id_token', 'passed typ_right'],
    ['dpop+jwt', 'id_token', 'failed typ_wrong'],
    [['JWT'], 'id_token', 'failed typ_wrong'],
    ['dpop+jwt', 'any', 'passed typ_any'],
  ] as const) {
    it(`typ ${JSON.stringify(typ)} as ${kind}: ${expected}`, () => {
      assert.equal(check('typ', {}, { kind }, { alg: 'RS256', typ }), expected);
    });
  }

  it('requires no expiry of a proof of possession, and accepts its own key', () => {
    const proof = { alg: 'ES256', typ: 'dpop+jwt', jwk: {} };
    assert.equal(check('header_key', {}, {}, proof), 'skipped absent');
    assert.equal(check('header_key', {}, {}, { ...proof, jku: 'x' }), 'warning embedded_key_ignored');
    assert.equal(check('header_key', {}, {}, { ...proof, typ: 'at+jwt' }), 'warning embedded_key_ignored');
    assert.equal(check('exp', {}, {}, proof), 'warning missing');
    assert.equal(check('exp', {}, { requireExp: true }, proof), 'failed missing');
    assert.equal(check('exp', {}, {}, { alg: 'ES256', typ: 'secevent+jwt' }), 'warning missing');
    assert.equal(check('exp', {}, {}, { alg: 'ES256', typ: 'logout+jwt' }), 'failed missing');
  });

  for (const [alg, expected] of [
    ['RS256', 'passed alg_allowed'],
    ['rs256', 'failed alg_unsupported'],
    ['ES256K', 'failed alg_unsupported'],
    ['constructor', 'failed alg_unsupported'],
    ['HS256', 'failed alg_symmetric'],
    ['None', 'failed alg_none'],
    [undefined, 'failed alg_missing'],
    [256, 'failed alg_missing'],
  ] as const) {
    it(`alg ${JSON.stringify(alg)}: ${expected}`, () => {
      assert.equal(check('alg', {}, {}, { alg, kid: 'x' }), expected);
    });
  }

  it('gives each row one line, in the order of the table', () => {
    const token = decodeToken(`${encode({ alg: 'RS256' })}.${encode({})}.c2ln`);
    const ids = runChecks({ token, policy: {}, now }).map(({ id }) => id);
    assert.deepEqual(
      ids,
      checkTable.map(({ id }) => id),
    );
    assert.equal(new Set(ids).size, ids.length);
  });

  it('are each named in a test', () => {
    const folder = join(root, 'test', 'unit', 'core', 'checks');
    const tests = readdirSync(folder).map(name => readFileSync(join(folder, name), 'utf8'));
    const isTried = (id: string) => tests.some(text => text.includes(`'${id}'`) || text.includes(`'${id} `));
    assert.deepEqual(
      checkTable.flatMap(({ id }) => (isTried(id) ? [] : [id])),
      [],
    );
  });

  it('shortens values that are too long to show', () => {
    const token = decodeToken(`${encode({ alg: 'RS256' })}.${encode({ iss: 'x'.repeat(10_000) })}.c2ln`);
    for (const { found = '' } of runChecks({ token, policy: { issuer }, now })) assert.ok(found.length <= 203);
  });
});
