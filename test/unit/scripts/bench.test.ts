import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const scripts = join('scripts', 'bench');
const parts = [...readFileSync('scripts/bench.mjs', 'utf8').matchAll(/\(\) => import\('\.\/(bench\/\w+\.mjs)'\)/g)];

/** The modules that scripts run in processes of their own, and in VS Code's extension host. */
const modules = ['bench', 'soak'].flatMap(folder =>
  readdirSync(join('test', folder))
    .filter(name => name.endsWith('.ts'))
    .map(name => join('test', folder, name)),
);

describe('npm run bench', () => {
  for (const [, file = ''] of parts) {
    it(`has what it runs in ${file}`, async () => {
      const part = await import(pathToFileURL(resolve('scripts', file)).href);
      assert.deepEqual([typeof part.title, typeof part.run], ['string', 'function']);
    });
  }

  it('bundles modules that are there', () => {
    const texts = readdirSync(scripts).map(name => readFileSync(join(scripts, name), 'utf8'));
    const calls = texts.flatMap(text => [...text.matchAll(/(?:bundleFor\w+\(|inHost\(\{ name: )'([^)}]+)/g)]);
    const names = calls.flatMap(([, named = '']) => named.match(/^\w+|(?<=')\w+(?=')/g) ?? []);
    assert.ok(new Set(names).size > 15, names.join());
    assert.deepEqual(
      names.filter(name => !existsSync(join('test', 'bench', `${name}.ts`))),
      [],
    );
  });

  it('runs modules without VS Code that do not import it themselves', async () => {
    const inNode = modules.filter(file => !/ from 'vscode';/.test(readFileSync(file, 'utf8')));
    assert.ok(inNode.length > 10 && inNode.length < modules.length);
    const { metafile } = await build({
      entryPoints: inNode,
      bundle: true,
      write: false,
      outdir: 'out',
      metafile: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'silent',
    });
    const needing = Object.values(metafile.outputs).filter(({ imports }) =>
      imports.some(each => each.path === 'vscode'),
    );
    assert.deepEqual(
      needing.map(({ entryPoint }) => entryPoint),
      [],
    );
  });
});
