import assert from 'node:assert/strict';
import { likelyHttpsUrl } from '../../../../src/core/http/http.ts';
import { likelyIssuers, meansSameIssuer } from '../../../../src/core/tokens/tokenUse.ts';

describe('names of an issuer', () => {
  const issuer = 'https://login.example.com/realms/a';
  const tenant = '11111111-2222-3333-4444-555555555555';
  const v1 = `https://sts.windows.net/${tenant}/`;
  const v2 = `https://login.microsoftonline.com/${tenant}/v2.0`;

  for (const [one, other, same] of [
    [issuer, `${issuer}/`, true],
    ['accounts.google.com', 'https://accounts.google.com', true],
    ['https://sts.windows.net/1-2-3/', 'https://login.microsoftonline.com/1-2-3/v2.0', true],
    ['https://login.microsoftonline.com/1-2-3/v2.0', 'https://login.microsoftonline.com/common/v2.0', true],
    ['https://login.microsoftonline.com/1-2-3/v2.0', 'https://login.microsoftonline.com/4-5-6/v2.0', false],
    [issuer, `${issuer}/other`, false],
    [issuer, issuer.replace('https', 'http'), false],
  ] as const) {
    it(`is not that the issuer ${one} is written as ${other}: ${same}`, () => {
      assert.equal(meansSameIssuer(one, other), same);
      assert.equal(meansSameIssuer(other, one), same);
    });
  }

  // https://github.com/coreos/go-oidc/issues/212 has the pattern, and
  // https://github.com/AzureAD/microsoft-authentication-library-for-python/issues/600 the two names of a tenant.
  for (const [set, found, known, meant] of [
    [issuer, `${issuer}/`, undefined, [`${issuer}/`]],
    ['https://login.microsoftonline.com/common/v2.0', v2.replace(tenant, '{tenantid}'), undefined, []],
    ['https://login.microsoftonline.com/common/v2.0', v2.replace(tenant, '{tenantid}'), tenant, [v2]],
    [`https://login.microsoftonline.com/${tenant}`, v1, undefined, [v2, v1]],
    [v2, v1, tenant, [v1]],
    ['https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0', v2, undefined, [v2]],
  ] as const) {
    it(`${set} whose metadata names ${found} means ${meant.join(' or ') || 'what only a tenant tells'}`, () =>
      assert.deepEqual(likelyIssuers(set, found, known), meant));
  }

  for (const [text, meant] of [
    ['accounts.google.com', 'https://accounts.google.com'],
    ['http://login.example.com/realms/a', 'https://login.example.com/realms/a'],
    ['login.example.com:8443/realms/a/', 'https://login.example.com:8443/realms/a/'],
    [issuer, undefined],
    ['http://10.0.0.7', undefined],
    ['999.1.1.1', undefined],
    ['http://localhost:8080/realms/a', undefined],
    ['http://login.example.com:99999', undefined],
    ['user@login.example.com', undefined],
    ['login.example.com/?a=b', undefined],
    ['keycloak', undefined],
  ] as const) {
    it(`${text} as an address means ${meant}`, () => assert.equal(likelyHttpsUrl(text), meant));
  }
});
