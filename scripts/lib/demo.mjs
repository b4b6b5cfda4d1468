import { existsSync } from 'node:fs';
import { cp, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './project.mjs';

/**
 * Makes the extension start its mock issuer and a connection named "Demo" as soon as VS Code is up. To be passed as
 * `env`: the server hands its environment to the extension host.
 */
export const demoEnvironment = { JWT_WORKBENCH_DEMO: '1' };

/** What an extension needs to run. */
const extensionParts = ['package.json', 'package.nls.json', 'dist', 'media', 'syntaxes'];

/**
 * A copy of test/fixtures/demo-workspace, so that nobody edits files under version control by trying things out.
 * @returns {Promise<{ folder: string, extension: string, remove: () => Promise<void> }>}
 *   `extension`: a copy of the built extension
 */
export async function createDemoWorkspace() {
  const temporary = await realpath(await mkdtemp(join(tmpdir(), 'jwtw-')));
  const folder = join(temporary, 'demo');
  await cp(join(root, 'test', 'fixtures', 'demo-workspace'), folder, { recursive: true });
  const extension = join(temporary, 'extension');
  for (const part of extensionParts) {
    if (existsSync(join(root, part))) {
      await cp(join(root, part), join(extension, part), { recursive: true });
    }
  }
  return {
    folder,
    extension,
    remove: () => rm(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}
