import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureDependencies, npm, tsc } from './lib/ensure.mjs';
import { elapsed, root, runScript } from './lib/project.mjs';

/**
 * `npm run package:mock` builds the mock issuer as a separate npm package, `out/mock-issuer-<version>.tgz`: ES modules
 * with types and the command `mock-issuer`. jose is bundled, so that it installs without a network.
 */
async function main() {
  const since = performance.now();
  const { values } = parseArgs({ options: { to: { type: 'string' } } });
  await ensureDependencies();
  const file = await packageMock(values.to ?? join(root, 'out'));
  console.log(`${file} (${elapsed(since)})`);
}

/** @param {string} to the folder for the package @returns {Promise<string>} its file */
export async function packageMock(to) {
  const { bundle } = await import('./lib/bundle.mjs');
  const own = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const folder = join(to, 'mock-issuer');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const dist = join(folder, 'dist');
  const source = join(root, 'src', 'mock');
  await bundle({
    entryPoints: [join(source, 'index.ts'), join(source, 'cli.ts')],
    outdir: dist,
    format: 'esm',
    splitting: true,
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    legalComments: 'none',
    minifySyntax: true,
    minifyWhitespace: true,
  });
  await types(dist, source);
  await writeFile(
    join(folder, 'bin.js'),
    "#!/usr/bin/env node\nimport { start } from './dist/cli.js';\n\nawait start();\n",
  );
  for (const name of ['README.md', 'Dockerfile']) await copyFile(join(root, 'mock-issuer', name), join(folder, name));
  await cp(join(root, 'mock-issuer', 'examples'), join(folder, 'examples'), { recursive: true });
  await mkdir(join(folder, 'docs'));
  for (const name of ['mock-issuer.md', 'clients.md'])
    await copyFile(join(root, 'docs', name), join(folder, 'docs', name));
  await copyFile(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const jose = await readFile(join(root, 'node_modules', 'jose', 'LICENSE.md'), 'utf8');
  await writeFile(join(folder, 'THIRD-PARTY.md'), `# jose\n\nBundled into dist.\n\n${jose}`);
  const manifest = {
    name: 'mock-issuer',
    version: own.version,
    description:
      'A mock OAuth 2.0 and OpenID Connect issuer that rotates, detects reuse, fails on demand, and tests your client.',
    license: own.license,
    repository: own.repository,
    keywords: ['oauth2', 'openid-connect', 'oidc', 'mock', 'testing', 'jwt', 'jwks'],
    type: 'module',
    bin: { 'mock-issuer': 'bin.js' },
    exports: {
      '.': {
        require: { types: './dist/index.d.cts', default: './dist/index.js' },
        types: './dist/index.d.ts',
        default: './dist/index.js',
      },
      './schema.json': './schema.json',
    },
    types: './dist/index.d.ts',
    // Node 22.0 to 22.11 cannot require ES modules.
    engines: { node: '^20.19.0 || >=22.12.0' },
  };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  // Imported only after package.json is written, which tells Node that these are ES modules.
  const { schemaText } = await import(pathToFileURL(join(dist, 'cli.js')).href);
  await writeFile(join(folder, 'schema.json'), schemaText());
  await writeFile(join(dist, 'index.d.cts'), typesForRequire(await import(pathToFileURL(join(dist, 'index.js')).href)));
  await npm(['pack', folder, '--pack-destination', to, '--ignore-scripts', '--offline'], to);
  return join(to, `mock-issuer-${own.version}.tgz`);
}

/**
 * Declarations for CommonJS in TypeScript, which takes those of an ES module for unusable, although Node can require it.
 * @param {Record<string, unknown>} module
 */
function typesForRequire(module) {
  const mode = "{ 'resolution-mode': 'import' }";
  const values = Object.entries(module).flatMap(([name, value]) => {
    const type = `import('./index.js', { with: ${mode} }).${name}`;
    const isClass = /^class\b/.test(String(value));
    return [`export declare const ${name}: typeof ${type};`, ...(isClass ? [`export type ${name} = ${type};`] : [])];
  });
  return [`export type * from './index.js' with ${mode};`, ...values, ''].join('\n');
}

/**
 * Writes declarations beside the bundles. Their imports are renamed so that Node resolves them.
 * @param {string} dist
 * @param {string} source
 */
async function types(dist, source) {
  const config = join(dist, 'tsconfig.json');
  const base = JSON.parse(await readFile(join(root, 'tsconfig.json'), 'utf8')).compilerOptions;
  const compilerOptions = {
    ...base,
    noEmit: false,
    allowJs: false,
    checkJs: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: source,
    outDir: dist,
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
  };
  await writeFile(config, JSON.stringify({ compilerOptions, files: [join(source, 'index.ts')] }));
  await tsc(['-p', config], root);
  await rm(config);
  for (const name of await readdir(dist, { recursive: true })) {
    if (!name.endsWith('.d.ts')) continue;
    const text = await readFile(join(dist, name), 'utf8');
    await writeFile(join(dist, name), text.replace(/(from '\.[^']*|import\("\.[^"]*)\.ts(?=['"])/g, '$1.js'));
  }
}

if (basename(process.argv[1] ?? '') === 'packageMock.mjs') runScript(main);
