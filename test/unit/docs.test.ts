import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { commands } from '../../src/contributions.ts';
import { scenarios } from '../../src/mock/torture/scenarios.ts';
import { declaredCommands } from '../docs/commandTables.ts';
import { madeFiles } from '../docs/made.ts';
import { reportsOf, tablesOf } from '../torture/clients/run.mjs';

describe('what is made from declarations', function () {
  this.timeout(60_000);

  it('is as the declarations are; `npm run docs` writes it anew', async () => {
    const files = Object.entries(await madeFiles());
    assert.ok(files.length >= 3);
    for (const [file, make] of files) {
      const text = readFileSync(file, 'utf8');
      assert.equal(text, make(text), file);
    }
    assert.ok(readFileSync('docs/mock-issuer.md', 'utf8').includes('`dropAfterCommit`'));
  });

  it('names no scenario of torture that is not there', () => {
    const text = readFileSync('docs/clients.md', 'utf8');
    const named = text.matchAll(
      /`((?:id-token|answer|userinfo|metadata|keys|token|refresh|device|logout|resource|mcp)\.[\w-]+)`/g,
    );
    const ids = scenarios.map(({ id }) => id);
    assert.deepEqual(
      [...named].map(([, id = '']) => id).filter(id => !ids.includes(id)),
      [],
    );
  });

  it('keeps the results of clients that are not measured again', () => {
    const text = readFileSync('docs/clients.md', 'utf8');
    const [, tables] = /<!-- measured -->\n([\s\S]*?)\n<!-- end -->/.exec(text) ?? [];
    const reports = reportsOf(text);
    assert.ok(Object.keys(reports).length >= 18);
    assert.equal(tablesOf(reports), tables);
  });

  it('is made of one definition for each command', async () => {
    const { definitions } = await declaredCommands();
    const names = definitions.map(({ name }) => name);
    // showLog is registered in extension.ts itself, because it must work before anything else is loaded.
    assert.match(readFileSync('src/extension.ts', 'utf8'), /=== 'showLog'/);
    assert.deepEqual([...names, 'showLog'].sort(), Object.keys(commands).sort());
  });
});
