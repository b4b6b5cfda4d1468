import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes `jwtw` and `jwtw.cmd`, which start the command line with the Node of this VS Code, and says where they are.
 * Written here and not packaged: an archive may lose the permission to run, and the paths are those of this machine.
 * @param folder of this user alone
 * @param script the bundled command line
 * @param node an executable that is Node with ELECTRON_RUN_AS_NODE set
 */
export async function writeCliScripts(folder: string, script: string, node: string): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true, mode: 0o700 });
  await replaced(
    join(bin, 'jwtw'),
    `#!/bin/sh\nELECTRON_RUN_AS_NODE=1 exec ${shellQuoted(node)} ${shellQuoted(script)} "$@"\n`,
  );
  if (process.platform === 'win32') {
    const line = `@setlocal\r\n@set ELECTRON_RUN_AS_NODE=1\r\n@"${cmdQuoted(node)}" "${cmdQuoted(script)}" %*\r\n`;
    await replaced(join(bin, 'jwtw.cmd'), line);
  }
  return bin;
}

/** In one step, since another window may write it, or a terminal run it, at the same moment. */
async function replaced(file: string, text: string): Promise<void> {
  const before = await readFile(file, 'utf8').catch(() => undefined);
  if (before === text) return;
  const next = `${file}.${process.pid}`;
  await writeFile(next, text, { mode: 0o700 });
  await chmod(next, 0o700);
  await rename(next, file);
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A quote cannot be in a file name of Windows; a percent sign can, and would name a variable. */
function cmdQuoted(text: string): string {
  return text.replaceAll('%', '%%');
}
