import { format } from 'node:util';
import { chromium } from 'playwright-core';
import { startServer, windowUrl } from './server.mjs';
import { ensureVSCodeFromNpm } from './vscode-from-npm.mjs';

/**
 * Messages that the workbench itself prints at each start and end. The consoles of the window and of the extension host
 * arrive together.
 */
const ownMessages =
  /^(Resolv\w+ connection token|Creating a socket|(Ignoring fetching|Updating) additional builtin|\[(reconnection-grace-time|Service Worker|AgentHost:\w+|AccountPolicyGate)\]|Canceled: Canceled)/;

/**
 * @typedef {object} BrowserOptions
 * @property {{ width: number, height: number }} [viewport] 1280 x 800 by default
 * @property {number} [deviceScaleFactor] 1 by default; 2 makes sharp screenshots
 * @property {string} [colorTheme] the name of a colour theme, like `Default Light Modern`
 * @property {string} [language] for extensions, like `zh-cn`; VS Code's own words stay English without a language pack
 * @property {keyof typeof import('./vscode-from-npm.mjs').editions} [edition] which VS Code
 * @property {boolean} [shared] takes the browser of an earlier workbench, and its server where that is left and was started
 *   alike. Settings, secrets, storage and workspace are new all the same.
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
 * @property {(options: WorkbenchOptions) => Promise<void>} renew other settings and a new workspace, for a window that
 *   is open
 * @property {() => Promise<void>} close
 */

/**
 * Starts the VS Code from npm and a headless browser, without opening a window. All windows of one workbench share user
 * settings and secrets (in the browser's storage).
 * @param {WorkbenchOptions} [options]
 * @returns {Promise<Workbench>}
 */
export async function startWorkbench(options = {}) {
  const { viewport, deviceScaleFactor = 1, language, edition, shared = false, ...others } = options;
  const { colorTheme: _theme, userSettings: _settings, keybindings: _keys, ...start } = others;
  const vscode = await ensureVSCodeFromNpm(edition && { edition });
  const user = userOf(options);
  const key = JSON.stringify([edition, start]);
  const left = shared ? leftServers.get(key) : undefined;
  leftServers.delete(key);
  await left?.renew(user);
  const server = left ?? (await startServer(vscode, { ...start, ...user }));
  /** @type {import('playwright-core').Browser | undefined} */
  let browser;
  /** @type {import('playwright-core').BrowserContext | undefined} */
  let context;
  const close = async () => {
    await context?.close();
    if (shared && !leftServers.has(key)) leftServers.set(key, server);
    else await server.stop();
    if (!shared) await browser?.close();
  };
  try {
    if (shared) sharedBrowser ??= launch(vscode);
    browser = await (shared && sharedBrowser ? sharedBrowser : launch(vscode));
    context = await browser.newContext({
      viewport: viewport ?? { width: 1280, height: 800 },
      deviceScaleFactor,
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const own = context;
    await answerMintKey(context);
    if (language)
      await own.route('**/nls.messages.js*', async route => {
        const response = await route.fetch();
        const body = `${await response.text()}\n;globalThis._VSCODE_NLS_LANGUAGE = ${JSON.stringify(language)};`;
        await route.fulfill({ response, body });
      });
    return {
      server,
      context,
      openWindow: target => openWindow(server, own, target),
      renew: another => server.renew(userOf(another), true),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Answers the request for half of the key with which windows that are opened from now on encrypt their secrets in the
 * browser's localStorage. A web workbench has this from its own server, which the bare VS Code server is not: a window that
 * stores a secret would ask it four times, and report each refusal.
 * @param {import('playwright-core').BrowserContext} context
 * @param {number[]} [half] 32 bytes; by default new ones for each window, so that none can read what another has stored
 */
export async function answerMintKey(context, half) {
  await context.addInitScript(given => {
    if (window !== window.top) return;
    const { fetch } = window;
    const own = given ? Uint8Array.from(given) : crypto.getRandomValues(new Uint8Array(32));
    window.fetch = (input, init) =>
      /\/mint-key$/.test(input instanceof Request ? input.url : String(input))
        ? Promise.resolve(new Response(own))
        : fetch(input, init);
  }, half);
}

/** @param {WorkbenchOptions} options @returns {import('./server.mjs').User} */
function userOf({ colorTheme, userSettings, keybindings }) {
  return {
    userSettings: { ...(colorTheme && { 'workbench.colorTheme': colorTheme }), ...userSettings },
    ...(keybindings && { keybindings }),
  };
}

/** @type {Promise<import('playwright-core').Browser> | undefined} */
let sharedBrowser;

/** Servers without open windows, keyed by their start options. @type {Map<string, import('./server.mjs').Server>} */
const leftServers = new Map();

/** Ends the browser and servers that `shared` workbenches left running. */
export async function endShared() {
  await (await sharedBrowser)?.close();
  for (const server of leftServers.values()) await server.stop();
  leftServers.clear();
  sharedBrowser = undefined;
}

/** @param {import('./vscode-from-npm.mjs').VSCodeFromNpm} vscode */
function launch({ browser }) {
  const installed = process.env.CHROME_PATH ? { executablePath: process.env.CHROME_PATH } : { channel: 'chrome' };
  return chromium.launch({
    ...(browser ? { executablePath: browser.executablePath } : installed),
    // The sandbox needs kernel features that containers and CI machines lack; the browser visits only our own server.
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
    env: { ...process.env, ...browser?.env },
  });
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
  exit.catch(() => {}); // Only windows with tests await it, but it rejects for every window that closes.
  await page.exposeFunction('codeAutomationLog', (/** @type {string} */ type, /** @type {unknown[]} */ args) => {
    const text = format(...args);
    if (!ownMessages.test(text)) onConsole?.(type, text);
  });
  await page.goto(windowUrl(server, target));
  await page.waitForSelector('.monaco-workbench', { timeout: 60_000 });
  return { page, exit };
}
