import assert from 'node:assert/strict';
import { metadataUrls } from '../../../../src/core/issuer/discovery.ts';
import { issuerOfAddress } from '../../../../src/core/issuer/issuerAddress.ts';

describe('the issuer of an address that was pasted', () => {
  for (const issuer of [
    'https://as.example',
    'https://as.example:8443/tenants/one',
    'http://127.0.0.1:8080/realms/a.b',
  ]) {
    it(`is ${issuer}, from each place where its metadata can be`, () => {
      for (const url of metadataUrls(new URL(issuer))) assert.equal(issuerOfAddress(url), issuer);
    });
  }

  for (const address of ['https://as.example/', 'https://as.example/well-known/x', 'as.example', '', 'https://a/?b']) {
    it(`is "${address}" as it stands`, () => {
      assert.equal(issuerOfAddress(` ${address}\n`), address);
    });
  }
});
