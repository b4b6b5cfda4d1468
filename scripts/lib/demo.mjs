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

/**
 * A copy of test/fixtures/demo-workspace, so that trying things out edits no file under version control.
 * @returns {Promise<{ folder: string, extension: string, remove: () => Promise<void> }>}
 *   `extension`: a copy of the built extension, so that a build beside it changes nothing
 */
export async function createDemoWorkspace() {
  const temporary = await realpath(await mkdtemp(join(tmpdir(), 'jwtw-')));
  const folder = join(temporary, 'demo');
  await cp(join(root, 'test', 'fixtures', 'demo-workspace'), folder, { recursive: true });
  const extension = join(temporary, 'extension');
  for (const part of [
    'package.json',
    'package.nls.json',
    'package.nls.zh-cn.json',
    'l10n',
    'dist',
    'media',
    'syntaxes',
  ]) {
    if (existsSync(join(root, part))) await cp(join(root, part), join(extension, part), { recursive: true });
  }
  const remove = () => rm(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  return { folder, extension, remove };
}
