import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** File for the texts that were on the screen, in the user data folder. */
export const screenFile = 'screen.txt';

/** Names the file to which a run inside VS Code writes its secrets and what it has seen. */
export const secretsVariable = 'JWT_WORKBENCH_TEST_SECRETS';

/**
 * @typedef {{ where: string, text: string }} Text
 * @typedef {{ secrets: string[], seen: Text[] }} Watched `secrets` were issued during the run; `seen` is what the
 * extension returned and showed
 */

/** Number of characters searched for, because a part of a secret is a leak too. */
const length = 24;

/** Length of the prefixes by which the search looks up secrets. */
const step = 8;

/**
 * Finds secrets in texts, in plain or within base64, as in a Basic header. For a JWT it searches for the signature,
 * because its claims may be shown.
 * @param {Iterable<string>} secrets
 * @returns {(text: string) => boolean}
 */
export function secretFinder(secrets) {
  /** @type {Map<string, Set<string>>} */
  const needles = new Map();
  for (const secret of secrets) {
    const core = coreOf(secret);
    if (core.length < 2 * step) continue;
    for (const needle of [core, ...inBase64(core)]) {
      const start = needle.slice(0, step);
      needles.set(start, (needles.get(start) ?? new Set()).add(needle));
    }
  }
  return text => {
    for (let at = 0; at <= text.length - step; at++) {
      for (const needle of needles.get(text.slice(at, at + step)) ?? []) if (text.startsWith(needle, at)) return true;
    }
    return false;
  };
}

/** @param {string} secret */
function coreOf(secret) {
  const parts = secret.split('.');
  if (secret.startsWith('eyJ') && parts.length >= 3) return (parts.at(-1) ?? '').slice(0, length);
  // The first line of a PEM names its type, and the second starts alike in all such keys, so the third is used.
  if (secret.startsWith('-----')) return (secret.split('\n')[2] ?? '').trim().slice(0, length);
  return secret.slice(0, length);
}

/** A text has three forms in base64, depending on the number of bytes before it. @param {string} text */
function inBase64(text) {
  return [0, 1, 2].map(before => {
    const whole = Buffer.from('x'.repeat(before) + text).toString('base64');
    // The first and the last characters depend on the surrounding text.
    return whole.slice(before === 0 ? 0 : 4, -4);
  });
}

/** @param {string} folder @returns {Text[]} the content of every file below it, as bytes */
export function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => {
      const where = join(entry.parentPath ?? entry.path, entry.name);
      return { where, text: readFileSync(where, 'latin1') };
    });
}

/**
 * Searches what a run has seen and the files that it left.
 * @param {string} file see `secretsVariable`
 * @param {string[]} folders
 * @returns {{ leaks: string[], secrets: number, files: Text[] }} `leaks` names the places
 */
export function searchForSecrets(file, folders) {
  /** @type {Watched} */
  const { secrets, seen } = JSON.parse(readFileSync(file, 'utf8'));
  const files = folders.flatMap(filesIn);
  const holds = secretFinder(secrets);
  const leaks = [...seen, ...files].filter(({ text }) => holds(text)).map(({ where }) => where);
  return { leaks: [...new Set(leaks)], secrets: secrets.length, files };
}

/**
 * Records all texts of notifications, rows, dialogs, hovers, terminals and the status bar, and finally what the browser
 * has stored: the encrypted secrets, and in its databases everything that extensions and VS Code store. Editors are
 * left out, because they show the user's own content.
 * @param {import('playwright-core').Page} page
 * @returns {Promise<() => Promise<string>>}
 */
export async function watchScreen(page) {
  const texts = await page.evaluateHandle(() => {
    const places =
      '.notifications-toasts, .notifications-center, .pane-body, .statusbar, .monaco-dialog-box, .monaco-hover, .quick-input-widget, .xterm';
    /** @type {Set<string>} */
    const texts = new Set();
    const attributeFilter = ['aria-label', 'title'];
    new MutationObserver(changes => {
      for (const { target } of changes) {
        const element = target instanceof Element ? target : target.parentElement;
        if (!element?.closest(places)) continue;
        // A line of a terminal consists of many elements.
        texts.add((element.closest('.xterm-rows > div') ?? element).textContent ?? '');
        for (const name of attributeFilter) texts.add(element.getAttribute(name) ?? '');
      }
    }).observe(document, { subtree: true, childList: true, characterData: true, attributeFilter });
    return texts;
  });
  return () =>
    texts.evaluate(async all => {
      /** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
      const result = request =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const kept = [];
      for (const { name = '' } of await indexedDB.databases()) {
        const database = await result(indexedDB.open(name));
        for (const store of database.objectStoreNames) {
          const values = await result(database.transaction(store).objectStore(store).getAll());
          kept.push(`database ${name}`, JSON.stringify(values));
        }
        database.close();
      }
      return [...all, JSON.stringify({ ...localStorage, ...sessionStorage }), ...kept].join('\n');
    });
}

/**
 * Adds one more test, which can only run after VS Code has ended: no secret of the run may be in what the extension
 * returned and showed, nor in any file that it left, including logs and output channels.
 * @param {import('../../scripts/lib/results.mjs').Results} results
 * @param {string} file
 * @param {string[]} folders
 * @param {boolean} whole
 * @returns {import('../../scripts/lib/results.mjs').Results}
 */
export function withSecrecy(results, file, folders, whole) {
  const { leaks, secrets, files } = searchForSecrets(file, folders);
  const logs = files.filter(({ where, text }) => where.endsWith('.log') && text.includes(' refresh {'));
  // A search that finds nothing counts only if there was enough to search.
  if (whole && (secrets < 100 || logs.length === 0))
    leaks.push(`${secrets} secrets and ${logs.length} logs of refreshes are too few`);
  const screen = files.find(({ where }) => where.endsWith(screenFile));
  const parts = [/[#$%>]\sjwtw\stoken\s/, /database vscode-web-state-db-global/];
  for (const part of whole && screen ? parts : [])
    if (!part.test(screen?.text ?? '')) leaks.push(`${part} was not on the screen or in its storage`);
  console.log(`  secrets of this run: ${secrets}, looked for in ${files.length} files`);
  if (leaks.length === 0) return { ...results, passed: results.passed + 1 };
  const title = 'secrets of the whole run are in no file, log, answer, row or notification';
  const failures = [...results.failures, { title, message: leaks.join(', ') }];
  return { ...results, failed: results.failed + 1, failures };
}
