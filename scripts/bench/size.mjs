import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pack, stageExtension } from '../package.mjs';

export const title = 'Size of the package, and of each bundle in it';

/** @param {string} temporary @returns {Promise<import('./table.mjs').Row[]>} */
export async function run(temporary) {
  const bundles = await stageExtension(temporary);
  const packagePath = join(temporary, 'bench.vsix');
  await pack(temporary, packagePath);
  const size = statSync(packagePath).size / 1024;
  return [
    { what: 'the .vsix', unit: 'KB', ours: size, goal: 'under 230 KB', met: size < 230 },
    { what: 'the .vsix, with the broker and jwtw', unit: 'KB', ours: size, goal: 'under 300 KB', met: size < 300 },
    ...bundles.map(({ file, bytes }) => ({
      what: `  dist/${basename(file)}`,
      unit: /** @type {const} */ ('KB'),
      ours: bytes / 1024,
    })),
  ];
}
