#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runScript, UserError } from './lib/project.mjs';
import { ensureVSCodeFromNpm } from './lib/vscode-from-npm.mjs';
import { startWorkbench } from './lib/workbench.mjs';

/** The tests of a window that say nothing for this long have hung. */
const silenceLimit = 120_000;

/**
 * Stands in for the desktop's `code`: it understands the flags that `@vscode/test-electron` passes, so that one and the
 * same `runTests({ vscodeExecutablePath })` runs on a downloaded desktop VS Code and on the VS Code from npm.
 * Flags that mean nothing here (--no-sandbox, --skip-welcome, ...) are passed over.
 */
async function main() {
  const { values, positionals } = parseArgs({
    strict: false,
    allowPositionals: true,
    options: {
      extensionDevelopmentPath: { type: 'string', multiple: true },
      extensionTestsPath: { type: 'string' },
      'user-data-dir': { type: 'string' },
      'extensions-dir': { type: 'string' },
      'disable-workspace-trust': { type: 'boolean' },
      'install-extension': { type: 'string' },
    },
  });
  /** @param {string} name @returns {string | undefined} */
  const flag = name => (typeof values[name] === 'string' ? values[name] : undefined);
  const userDataDir = flag('user-data-dir');
  const extensionsDir = flag('extensions-dir');
  const vsix = flag('install-extension');
  if (vsix) return installExtension(vsix, extensionsDir);

  const extensionTestsPath = flag('extensionTestsPath');
  if (!extensionTestsPath)
    throw new UserError('Say what to run: --extensionTestsPath=FILE or --install-extension=FILE.');
  const workbench = await startWorkbench({
    ...(userDataDir ? { userDataDir } : {}),
    ...(extensionsDir ? { extensionsDir } : {}),
    workspaceTrust: !values['disable-workspace-trust'],
  });
  const stop = () => workbench.close().then(() => process.exit(1));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  try {
    const developed = [values.extensionDevelopmentPath ?? []].flat().map(String);
    /** @type {Promise<never>} */
    const silence = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new UserError('The tests have said nothing for two minutes.')), silenceLimit);
    });
    const window = await workbench.openWindow({
      ...(positionals[0] ? { folder: positionals[0] } : {}),
      extensionDevelopmentPath: developed,
      extensionTestsPath,
      onConsole: (type, text) => {
        timer?.refresh();
        console[type === 'error' || type === 'warn' ? type : 'log'](text);
      },
    });
    const shown = await watchScreen(window.page);
    const code = await Promise.race([window.exit, silence]);
    // Where whoever searches the user's files finds it.
    if (userDataDir) await writeFile(join(userDataDir, 'screen.txt'), await shown());
    return code;
  } catch (error) {
    console.error(`VS Code's server printed:\n${workbench.server.output()}`);
    throw error;
  } finally {
    clearTimeout(timer);
    await workbench.close();
  }
}

/**
 * Keeps all that notifications, rows, dialogs, hovers and the status bar say, and what the browser has stored in the end.
 * Not what editors show: that is the user's own.
 * @param {import('playwright-core').Page} page
 * @returns {Promise<() => Promise<string>>}
 */
async function watchScreen(page) {
  const texts = await page.evaluateHandle(() => {
    const places =
      '.notifications-toasts, .notifications-center, .pane-body, .statusbar, .monaco-dialog-box, .monaco-hover, .quick-input-widget';
    /** @type {Set<string>} */
    const texts = new Set();
    new MutationObserver(changes => {
      for (const { target } of changes) {
        const element = target instanceof Element ? target : target.parentElement;
        if (!element?.closest(places)) continue;
        texts.add(element.textContent ?? '');
        for (const name of ['aria-label', 'title']) texts.add(element.getAttribute(name) ?? '');
      }
    }).observe(document, {
      subtree: true,
      childList: true,
      characterData: true,
      attributeFilter: ['aria-label', 'title'],
    });
    return texts;
  });
  return () => texts.evaluate(all => [...all, JSON.stringify({ ...localStorage, ...sessionStorage })].join('\n'));
}

/**
 * @param {string} vsix
 * @param {string | undefined} extensionsDir
 * @returns {Promise<number>} the exit code
 */
async function installExtension(vsix, extensionsDir) {
  const { node, serverMain } = await ensureVSCodeFromNpm({ browser: false });
  const args = [serverMain, '--install-extension', vsix, ...(extensionsDir ? ['--extensions-dir', extensionsDir] : [])];
  return new Promise((resolve, reject) => {
    spawn(node, args, { stdio: 'inherit' })
      .on('error', reject)
      .on('close', code => resolve(code ?? 1));
  });
}

runScript(main);
