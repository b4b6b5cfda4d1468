import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { answerMintKey } from '../../scripts/lib/workbench.mjs';

/**
 * Makes windows that are opened from now on keep their secrets, encrypted in the browser's localStorage, as a web workbench
 * with its own server does. Otherwise secrets stay in the memory of one window.
 */
export function keepSecrets(context: BrowserContext): Promise<void> {
  return answerMintKey(context, Array<number>(32).fill(7));
}

/** Resolves when a window has written its secrets. It writes all of them each time, later than it reports. */
export async function secretsAreKept(page: Page): Promise<void> {
  let before = '';
  for (let same = 0; same < 5; ) {
    const now = await page.evaluate(() => localStorage.getItem('secrets.provider') ?? '');
    same = now !== '' && now === before ? same + 1 : 0;
    before = now;
    await page.waitForTimeout(100);
  }
}

/** The content of every file below a folder, as bytes. */
export async function readAll(folder: string): Promise<{ name: string; text: string }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile());
  return Promise.all(
    files.map(async entry => {
      const name = join(entry.parentPath, entry.name);
      return { name, text: await readFile(name, 'latin1').catch(() => '') };
    }),
  );
}
