import assert from 'node:assert/strict';
import manifest from '../../../package.json' with { type: 'json' };
import { assertNode } from '../../../scripts/lib/ensure.mjs';

describe('npm start and npm test', () => {
  it('run on the Node that the manifest asks for, and say so on an older one', () => {
    const { node } = manifest.engines;
    assertNode(process.versions.node, node);
    for (const version of ['20.19.0', '20.20.2', '22.0.0']) assertNode(version, '>=20.19');
    for (const version of ['20.18.3', '18.20.8', '16.0.0'])
      assert.throws(() => assertNode(version, '>=20.19'), {
        message: new RegExp(`^Node 20\\.19 or later is needed, and this is ${version.replaceAll('.', '\\.')}\\.`),
      });
  });
});
