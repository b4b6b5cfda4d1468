import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedKeyParameters } from '../../../src/core/tokens/jwt.ts';
import { timeClaims } from '../../../src/core/tokens/tokenParts.ts';
import { headerLines, registeredLines, vendorLines } from '../../../src/vscode/text/claimLines.ts';
import type * as Claims from '../../../src/vscode/text/claims.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

const files = { registeredLines, headerLines, vendorLines };

/** Claims by the specification that registers them; all of them must be there. */
const required = {
  'RFC 7519': 'iss sub aud exp nbf iat jti',
  'OpenID Connect Core':
    'name given_name family_name middle_name nickname preferred_username profile picture website email email_verified gender birthdate zoneinfo locale phone_number phone_number_verified address updated_at azp nonce auth_time at_hash c_hash acr amr sub_jwk _claim_names _claim_sources',
  'RFC 8693': 'act scope client_id may_act',
  'RFC 9068': 'roles groups entitlements',
  'RFC 9449': 'htm htu ath',
  'RFC 7800': 'cnf',
  'RFC 8417': 'events toe txn',
  'RFC 9396': 'authorization_details',
  'RFC 9901': '_sd ... _sd_alg sd_hash',
};

const requiredHeaders =
  'alg jku jwk kid x5u x5c x5t x5t#S256 typ cty crit enc zip epk apu apv iv tag p2s p2c iss sub aud b64 ppt url nonce svt iheSSId jwt client_id trust_chain peer_trust_chain';

describe('what names of claims and header parameters say', function () {
  this.timeout(60_000);
  let claims: typeof Claims;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'claims-'));
    claims = await withoutVscode<typeof Claims>('text/claims', folder);
  });
  after(() => rm(folder, { recursive: true }));

  for (const [file, lines] of Object.entries(files)) {
    it(`is one plain sentence with a source for each name, each name once: ${file}`, () => {
      const named = lines.split('\n').filter(line => line !== '' && !line.startsWith('# '));
      const read = claims.readNames(lines);
      assert.equal(read.size, named.length, 'a name stands twice, or a line has no meaning');
      for (const [name, { meaning, source }] of read) {
        assert.match(meaning, /^[A-Z].{5,120}\.$/, name);
        assert.match(source, /\w{3}/, name);
      }
    });
  }

  for (const [spec, names] of Object.entries(required)) {
    it(`covers ${spec}`, () => {
      for (const name of names.split(' ')) assert.ok(claims.claimText(name)?.source.startsWith(spec), name);
    });
  }

  it('covers both registries and the private names of well-known issuers', () => {
    assert.equal(claims.readNames(registeredLines).size, 163);
    const headers = claims.readNames(headerLines);
    assert.deepEqual([...headers.keys()].sort(), requiredHeaders.split(' ').sort());
    const vendors = new Set([...claims.readNames(vendorLines).values()].map(({ source }) => source));
    for (const vendor of ['Microsoft Entra ID', 'Auth0', 'Amazon Cognito', 'Keycloak', 'Okta', 'Google', 'GenAuth'])
      assert.ok(
        [...vendors].some(source => source.startsWith(vendor) && source.includes('https://')),
        vendor,
      );
    const registered = claims.readNames(registeredLines);
    for (const name of claims.readNames(vendorLines).keys()) assert.ok(!registered.has(name), name);
  });

  it('knows the names that the decoder looks at, and no name that every object inherits', () => {
    for (const name of timeClaims) assert.ok(claims.claimText(name), name);
    for (const name of embeddedKeyParameters) assert.match(claims.headerMeaning(name) ?? '', /never/);
    for (const name of ['constructor', '__proto__', 'toString', '', '#'])
      assert.equal(claims.claimText(name), undefined);
  });
});
