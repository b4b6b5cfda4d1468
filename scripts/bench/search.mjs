import { cp, link, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { root } from '../lib/project.mjs';
import { ensureVSCodeFromNpm } from '../lib/vscode-from-npm.mjs';
import { bundleForNode } from './bundles.mjs';
import { startChild } from './child.mjs';

const count = 20_000;

export const title = `Find tokens in ${count.toLocaleString('en')} files, against VS Code's ripgrep looking for eyJ alone`;

/**
 * @param {string} temporary
 * @returns {Promise<import('./table.mjs').Row[]>}
 */
export async function run(temporary) {
  const { search = '' } = await bundleForNode('search');
  const { serverMain } = await ensureVSCodeFromNpm({ browser: false });
  const appRoot = dirname(dirname(serverMain));
  const ripgrep = join(appRoot, 'node_modules', '@vscode', 'ripgrep-universal', 'bin');
  const folder = await realFiles(temporary);
  const child = startChild(search);
  try {
    const program = process.platform === 'win32' ? 'rg.exe' : 'rg';
    const rows = [];
    for (const { opaque, mark = '', of = 'connections' } of [
      { opaque: 0 },
      { opaque: 4 },
      { opaque: 20, mark: 'github_pat_', of: 'GitHub' },
    ]) {
      /** @type {import('./measure.mjs').Comparison & { searched: number }} */
      const { searched, ...comparison } = await child.ask('measure', {
        appRoot,
        folder,
        ripgrep: join(ripgrep, `${process.platform}-${process.arch}`, program),
        opaque,
        mark,
      });
      const tokens = opaque === 0 ? '' : `, with ${opaque} opaque tokens of ${of}`;
      const what = `${searched.toLocaleString('en')} files of installed packages${tokens}`;
      const goal = { goal: 'at most 2', met: comparison.ratio <= 2 };
      rows.push({ what, unit: /** @type {const} */ ('ms'), ...comparison, ...goal });
    }
    return rows;
  } finally {
    await child.end();
  }
}

/**
 * The files of the installed packages, repeated if there are too few. Hard links take no space.
 * @param {string} temporary
 */
async function realFiles(temporary) {
  const folder = join(temporary, 'files');
  const packages = join(root, 'node_modules');
  const names = (await readdir(packages, { recursive: true, withFileTypes: true })).filter(each => each.isFile());
  for (let made = 0; made < count; made++) {
    const file = names[made % names.length];
    if (file === undefined) break;
    const source = join(file.parentPath, file.name);
    const place = join(folder, String(Math.floor(made / names.length)), source.slice(packages.length));
    await mkdir(dirname(place), { recursive: true });
    // Across disks, the file is copied.
    await link(source, place).catch(() => cp(source, place));
  }
  return folder;
}
