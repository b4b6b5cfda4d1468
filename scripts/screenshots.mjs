import { basename } from 'node:path';
import { buildExtension } from './build.mjs';
import { ensureDependencies } from './lib/ensure.mjs';
import { runScript } from './lib/project.mjs';

/**
 * `npm run screenshots` drives the real workbench and takes the README's pictures (media/screenshots) and others for
 * review (out/screenshots). Tokens come from the mock issuer, and no picture shows one.
 */
async function main() {
  await ensureDependencies();
  await buildExtension();
  const { scenes } = await import('./screenshots/scenes.mjs'); // Needs the dependencies.
  const [wanted] = process.argv.slice(2);
  for (const [name, play] of Object.entries(scenes)) {
    if (wanted === undefined || name === wanted) await play();
  }
}

if (basename(process.argv[1] ?? '') === 'screenshots.mjs') runScript(main);
