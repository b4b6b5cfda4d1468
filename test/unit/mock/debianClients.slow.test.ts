import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../../scripts/lib/project.mjs';
import { install, tryOut, versionOf } from '../../torture/clients/run.mjs';

/** What each of them has to pass. Authlib and mod_auth_openidc verify ID tokens; oidc-agent looks at none. */
const wanted = {
  mod_auth_openidc: ['sign-in', 'refresh.rotation', 'logout.ends', 'id-token.signature', 'logout.back-channel'],
  'python3-authlib': ['sign-in', 'refresh.rotation', 'logout.ends', 'id-token.signature'],
  'oidc-agent': ['sign-in', 'refresh.rotation', 'device.denied'],
};

describe("Debian's clients with the package mock-issuer", function () {
  this.timeout(300_000);
  let mockIssuer: typeof import('../../../src/mock/index.ts');
  before(async () => {
    await install();
    const entry = join(root, 'out', 'clients', 'node_modules', 'mock-issuer', 'dist', 'index.js');
    mockIssuer = await import(pathToFileURL(entry).href);
  });

  for (const [name, scenarios] of Object.entries(wanted))
    it(`${name} signs in, refreshes, signs out and verifies where it can`, async function () {
      if ((await versionOf(name)) === undefined) {
        console.log(`      ${name} is not tried: its package of Debian is not installed here.`);
        return this.skip();
      }
      const { results } = await tryOut(mockIssuer, name, scenarios);
      assert.deepEqual(
        results.map(({ id, verdict, detail = '' }) => `${id} ${verdict} ${detail}`.trim()).sort(),
        scenarios.map(id => `${id} pass`).sort(),
      );
    });
});
