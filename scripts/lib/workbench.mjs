import { format } from 'node:util';
import { chromium } from 'playwright-core';
import { startServer, windowUrl } from './server.mjs';
import { ensureVSCodeFromNpm } from './vscode-from-npm.mjs';

/** What the workbench itself says at each start and end: the consoles of the window and of the extension host arrive as one. */
const chatter =
  /^(Resolv\w+ connection token|Creating a socket|(Ignoring fetching|Updating) additional builtin|\[(reconnection-grace-time|Service Worker|AgentHost:\w+|AccountPolicyGate)\]|Canceled: Canceled)/;

/**
 * @typedef {object} BrowserOptions
 * @property {{ width: number, height: number }} [viewport] 1280 x 800 by default
 * @property {number} [deviceScaleFactor] 1 by default; 2 makes sharp screenshots
 * @property {string} [colorTheme] the name of a colour theme, like `Default Light Modern`
 * @property {keyof typeof import('./vscode-from-npm.mjs').editions} [edition] which VS Code
 *
 * @typedef {import('./server.mjs').ServerOptions & BrowserOptions} WorkbenchOptions
 *
 * @typedef {import('./server.mjs').WindowOptions & { onConsole?: (type: string, text: string) => void }} OpenOptions
 *   `onConsole` receives each console line of the extension host and of the window
 *
 * @typedef {object} Window
 * @property {import('playwright-core').Page} page
 * @property {Promise<number>} exit resolves to the exit code once the test module has run; rejects where it never will
 *
 * @typedef {object} Workbench
 * @property {import('./server.mjs').Server} server
 * @property {import('playwright-core').BrowserContext} context
 * @property {(options?: OpenOptions) => Promise<Window>} openWindow each is a VS Code window with an extension host of its own
 * @property {() => Promise<void>} close
 */

/**
 * Starts the VS Code from npm and a headless browser beside it. No window is open yet.
 * All windows of one workbench share user settings, and secrets (in the browser's storage).
 * @param {WorkbenchOptions} [options]
 * @returns {Promise<Workbench>}
 */
export async function startWorkbench({ viewport, deviceScaleFactor = 1, colorTheme, edition, ...options } = {}) {
  const vscode = await ensureVSCodeFromNpm(edition && { edition });
  const theme = colorTheme ? { 'workbench.colorTheme': colorTheme } : {};
  const server = await startServer(vscode, { ...options, userSettings: { ...theme, ...options.userSettings } });
  /** @type {import('playwright-core').Browser | undefined} */
  let browser;
  const close = async () => {
    await browser?.close();
    await server.stop();
  };
  try {
    const installed = process.env.CHROME_PATH ? { executablePath: process.env.CHROME_PATH } : { channel: 'chrome' };
    browser = await chromium.launch({
      ...(vscode.browser ? { executablePath: vscode.browser.executablePath } : installed),
      // The sandbox needs kernel features that containers and CI machines do not grant; only our own server is visited.
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
      env: { ...process.env, ...vscode.browser?.env },
    });
    const context = await browser.newContext({
      viewport: viewport ?? { width: 1280, height: 800 },
      deviceScaleFactor,
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    return { server, context, openWindow: target => openWindow(server, context, target), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * @param {import('./server.mjs').Server} server
 * @param {import('playwright-core').BrowserContext} context
 * @param {OpenOptions} [options]
 * @returns {Promise<Window>}
 */
async function openWindow(server, context, { onConsole, ...target } = {}) {
  const page = await context.newPage();
  /** @type {Promise<number>} */
  const exit = new Promise((resolve, reject) => {
    page.exposeFunction('codeAutomationExit', resolve).catch(reject);
    page.on('crash', () => reject(new Error('The browser page crashed.')));
    page.on('close', () => reject(new Error('The window was closed before its tests ended.')));
  });
  exit.catch(() => {}); // Only windows with tests are waited for, and the others are closed as well.
  await page.exposeFunction('codeAutomationLog', (/** @type {string} */ type, /** @type {unknown[]} */ args) => {
    const text = format(...args);
    if (!chatter.test(text)) onConsole?.(type, text);
  });
  await page.goto(windowUrl(server, target));
  await page.waitForSelector('.monaco-workbench', { timeout: 60_000 });
  return { page, exit };
}
