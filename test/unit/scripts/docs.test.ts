import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';

describe('docs/security.md', () => {
  const text = readFileSync('docs/security.md', 'utf8');

  it('names tests that are there', () => {
    const named = [...text.matchAll(/`(test\/[\w/.]+)`/g)].map(([, file]) => String(file));
    assert.ok(new Set(named).size > 25);
    assert.deepEqual(
      named.filter(file => !existsSync(file)),
      [],
    );
  });

  it('has a test for every promise', () => {
    const [, promised = ''] = text.split('## What is promised');
    const points = promised.split('## What is not promised')[0]?.split(/\n(?=- )/) ?? [];
    assert.deepEqual(
      points.filter(point => point.startsWith('- ') && !/`test\/[\w/.]+`/.test(point)),
      [],
    );
    assert.ok(points.length > 20);
  });

  it('can be read in one go', () => assert.ok(text.split('\n').length < 150));
});
