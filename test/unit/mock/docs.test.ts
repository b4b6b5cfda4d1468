import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../scripts/lib/project.mjs';
import { withTables } from '../../docs/mockTables.ts';

describe('docs/mock-issuer.md', () => {
  it('has the tables of the code; `npm run docs:mock` writes them anew', () => {
    const document = readFileSync(join(root, 'docs', 'mock-issuer.md'), 'utf8');
    assert.ok(document.includes('`dropAfterCommit`'));
    assert.equal(document, withTables(document));
  });
});
