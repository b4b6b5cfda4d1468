import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errors, type FrameLocator, type Locator, type Page } from 'playwright-core';
import { root } from '../../scripts/lib/project.mjs';
import { slowVariable } from '../../scripts/lib/results.mjs';
import { endShared, startWorkbench, type Workbench, type WorkbenchOptions } from '../../scripts/lib/workbench.mjs';
import { demoVariable } from '../../src/contributions.ts';
import { keepSecrets } from './secrets.ts';

/** The extension as `npm run package` packs it, which scripts/test.mjs has made. */
const packaged = join(root, 'out', 'package');

/** As in `npm start`. */
const shownDemo = { [demoVariable]: 'shown' };

export interface UiOptions extends WorkbenchOptions {
  /** Starts the mock issuer and the connection "Demo" with VS Code, and shows them in the side bar. */
  readonly demo?: boolean;
  /** Whether secrets survive the window, in the browser's storage. */
  readonly keepsSecrets?: boolean;
  /** What is opened first: the workspace by default. `nothing` if the test opens its windows itself. */
  readonly opens?: 'workspace' | 'nothing';
  /** Whether the next `describe` can take over the window. */
  readonly handsOn?: boolean;
}

/**
 * A VS Code for the tests of one `describe`: registers the hooks that start, show and end it. A failed test leaves a
 * screenshot of every window in `out/failures`.
 *
 * Loading a window takes longer than most tests. So a `describe` takes over the window of the previous one if that one
 * has the same options and passed. The settings and the workspace are replaced. The extension and its mock issuer keep
 * running, so each `describe` uses connection ids of its own.
 */
export function useWorkbench(asked: UiOptions = {}): Ui {
  const { demo = false, keepsSecrets = false, opens = 'workspace', handsOn = true, ...given } = asked;
  const ui = new Ui();
  const start = {
    lean: true,
    ...given,
    installed: packaged,
    shared: true,
    env: { ...(demo ? shownDemo : {}), ...given.env },
  };
  const { userSettings: _settings, keybindings: _keys, viewport: _size, colorTheme: _theme, ...alike } = start;
  const kind = JSON.stringify([demo, keepsSecrets, opens, alike]);
  keysOf.set(kind, [...(keysOf.get(kind) ?? [[clearsWindow, showsNotifications]]), given.keybindings ?? []]);
  /** Whether the window is in the state that a test expects. */
  let whole = false;
  before(async () => {
    const options = {
      ...start,
      // Prevents hovers, which would cover buttons and receive the clicks, and a palette that depends on earlier tests.
      userSettings: {
        'workbench.hover.delay': 60_000,
        'workbench.commandPalette.history': 0,
        'editor.minimap.enabled': false,
        ...given.userSettings,
      },
      keybindings: keysOf.get(kind)?.flat() ?? [],
    };
    if (left?.kind === kind) {
      ui.adopt(left);
      left = undefined;
      await ui.renew(options);
      whole = true;
      return;
    }
    await closeLeft();
    ui.workbench = await startWorkbench(options);
    ui.folder = ui.workbench.server.folder;
    if (keepsSecrets) await keepSecrets(ui.workbench.context);
    if (opens === 'workspace') ui.window = await ui.openWindow();
    whole = true;
  });
  // The tests of one group share a window. After a failure, the window is not in the state that the next test expects.
  beforeEach(function () {
    if (!whole) this.skip();
  });
  afterEach(async function () {
    if (this.currentTest?.state !== 'failed') return;
    whole = false;
    await ui.screenshots(this.currentTest.fullTitle());
  });
  after(async () => {
    const { window, workbench } = ui;
    await ui.dispose();
    if (!whole || !handsOn || keepsSecrets || ui.pages !== 1) await workbench?.close();
    else left = { kind, window, workbench };
  });
  return ui;
}

/** A test that loads another window, and so is run in `npm run test:slow` only. */
export function slowly(title: string, run: Mocha.AsyncFunc): void {
  if (process.env[slowVariable]) it(title, run);
}

/** The window of the previous `describe`. */
interface Left {
  readonly kind: string;
  readonly window: UiWindow;
  readonly workbench: Workbench;
}
let left: Left | undefined;

async function closeLeft(): Promise<void> {
  await left?.workbench.close();
  left = undefined;
}

// Registered when the module is loaded, so it runs once, after the last test of all files.
after(async () => {
  await closeLeft();
  await endShared();
});

/** The keybindings of all groups that can share a window: VS Code reads them once. */
const keysOf = new Map<string, (readonly object[])[]>();

/** The setting that the last command of `clearsWindow` switches. */
const switched = 'breadcrumbs.enabled';

/**
 * Closes everything in a window. VS Code does not notice that its settings file was written by another program, but reads
 * the file before it changes a setting, so this changes one.
 */
const clearsWindow = {
  key: 'ctrl+shift+f12',
  command: 'runCommands',
  args: {
    commands: [
      'workbench.action.terminal.killAll',
      'workbench.action.closePanel',
      'workbench.action.closeAllEditors',
      'notifications.clearAll',
      'breadcrumbs.toggle',
    ],
  },
};

/** Shows what is behind the bell. A press on the bell hides a notification that has just appeared by itself. */
const showsNotifications = { key: 'ctrl+shift+f11', command: 'notifications.showList' };

/** The parts of a test's VS Code. They are available once the hooks of `useWorkbench` have run, that is inside `it`. */
export class Ui {
  workbench!: Workbench;
  /** The first window. */
  window!: UiWindow;
  /** The workspace folder: a copy of the demo workspace. */
  folder!: string;
  #windows: UiWindow[] = [];
  readonly #disposals: (() => Promise<void>)[] = [];

  /** Number of windows that were opened. */
  get pages(): number {
    return this.#windows.length;
  }

  adopt({ window, workbench }: Left): void {
    this.workbench = workbench;
    this.folder = workbench.server.folder;
    this.window = window;
    this.#windows = [window];
  }

  /** Opens another window of the same VS Code, with its own extension host and shared settings and secrets. */
  async openWindow(folder = this.folder): Promise<UiWindow> {
    const { page } = await this.workbench.openWindow({ folder });
    const window = new UiWindow(page);
    this.#windows.push(window);
    await window.ready();
    // VS Code opens the side bar of a folder last, even later in a page behind another one, and would then hide what a
    // test has opened there.
    if (folder !== '') await page.locator('.part.sidebar .title-label').first().waitFor();
    return window;
  }

  /** Closes what earlier tests have left open in the window, and makes it read the new settings. */
  async renew(options: WorkbenchOptions): Promise<void> {
    const { page } = this.window;
    // VS Code writes the file only if it differs afterwards, so what it switches starts with the value that it knows.
    const { [switched]: known = true } = JSON.parse(await readFile(this.#settingsFile, 'utf8'));
    await this.workbench.renew({ ...options, userSettings: { ...options.userSettings, [switched]: known } });
    for (const other of page.context().pages()) if (other !== page) await other.close();
    await page.bringToFront();
    await page.setViewportSize(options.viewport ?? { width: 1280, height: 800 });
    await this.readSettings();
  }

  /** Makes VS Code read a settings file that a test has written, and closes what is open. */
  async readSettings(): Promise<void> {
    const { page } = this.window;
    const file = this.#settingsFile;
    await again(async timeout => {
      const before = await readFile(file, 'utf8');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+Shift+F12');
      for (const until = Date.now() + timeout; (await readFile(file, 'utf8')) === before; ) {
        if (Date.now() > until) throw new errors.TimeoutError('VS Code has not read its settings.');
        await page.waitForTimeout(100);
      }
      for (const each of ['.editor-group-container .tab', '.notifications-toasts.visible', '.part.panel:visible'])
        await page.locator(each).first().waitFor({ state: 'hidden', timeout });
    });
  }

  get #settingsFile(): string {
    return join(this.workbench.server.userDataDir, 'User', 'settings.json');
  }

  onClose(dispose: () => Promise<void>): void {
    this.#disposals.unshift(dispose);
  }

  async screenshots(title: string): Promise<void> {
    for (const [index, { page }] of this.#windows.entries()) {
      if (page.isClosed()) continue;
      const path = join(root, 'out', 'failures', `${title.replace(/[^\w.-]+/g, '-').slice(0, 100)}-${index + 1}.png`);
      await page.screenshot({ path });
      console.log(`      screenshot: ${path}`);
      // Where a test run leaves nothing but its output, the words on screen have to tell what happened.
      for (const text of await page.evaluate(wordsOnScreen)) console.log(`        ${text}`);
    }
  }

  async dispose(): Promise<void> {
    for (const dispose of this.#disposals.splice(0)) await dispose();
  }
}

/** Runs in the page: what a window says besides its editors, which may show tokens. */
function wordsOnScreen(): string[] {
  const parts = {
    row: '.part.sidebar .monaco-list-row',
    notification: '.notification-list-item-message',
    question: '.monaco-dialog-box .dialog-message-text',
    picker:
      '.quick-input-widget .quick-input-title, .quick-input-widget .quick-input-message, .quick-input-list .monaco-list-row',
    status: '.statusbar-item',
  };
  return Object.entries(parts).flatMap(([part, selector]) =>
    [...document.querySelectorAll<HTMLElement>(selector)]
      .filter(element => element.offsetParent !== null)
      .map(
        element =>
          `${part}: ${(element.getAttribute('aria-label') ?? element.innerText).replace(/\s+/g, ' ').slice(0, 300)}`,
      ),
  );
}

/** The page inside VS Code's two frames around a webview. */
export function pageOf({ page }: UiWindow): FrameLocator {
  return page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
}

/** One window, with the actions of a user. `page` is Playwright's, for everything else. */
export class UiWindow {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Takes a picture for review, in `npm run test:slow` only, as pictures take time. */
  async picture(name: string, page = this.page): Promise<void> {
    if (process.env[slowVariable]) await page.screenshot({ path: join(root, 'out', 'screenshots', `${name}.png`) });
  }

  /** Resolves when the workbench accepts keys and extensions have started to start. */
  async ready(): Promise<void> {
    await this.page.locator('.statusbar-item').first().waitFor();
  }

  /**
   * Runs a command from the command palette by its full title, such as `JWT Workbench: Refresh`, and answers its
   * pickers.
   */
  async runCommand(title: string, ...picks: readonly string[]): Promise<void> {
    await again(async (timeout, attempt) => {
      // A palette that was open before VS Code knew all its commands never shows the missing ones.
      if (attempt > 1) await this.page.keyboard.press('Escape');
      await this.page.keyboard.press('F1');
      await this.quickInput().fill(`>${title}`, { timeout });
      await this.quickItem(title).click({ timeout });
      for (const label of picks) {
        const item = this.quickItem(label);
        // An item beyond the end of the visible list is found by typing its label.
        await item.waitFor({ timeout: 1_000 }).catch(() => this.quickInput().fill(label, { timeout }));
        // A click that times out may have had its effect, and the next attempt would have it again. These have no limit.
        await item.hover({ timeout });
        await this.page.mouse.down();
        await this.page.mouse.up();
      }
    });
  }

  /**
   * Whether the palette lists a command, by its full title.
   * @param beside title of a listed command that begins with the same letter; when it appears, the list is complete
   */
  async lists(title: string, beside: string): Promise<boolean> {
    const common = [...title].findIndex((letter, index) => letter !== beside[index]);
    let isListed = false;
    await again(async (timeout, attempt) => {
      if (attempt > 1) await this.page.keyboard.press('Escape');
      await this.page.keyboard.press('F1');
      await this.quickInput().fill(`>${title.slice(0, common)}`, { timeout });
      await this.quickItem(beside).waitFor({ timeout });
      isListed = (await this.quickItem(title).count()) > 0;
    });
    await this.page.keyboard.press('Escape');
    return isListed;
  }

  /** Opens a file of the workspace by name. */
  async openFile(name: string): Promise<void> {
    await again(async (timeout, attempt) => {
      if (attempt > 1) await this.page.keyboard.press('Escape');
      await this.page.keyboard.press('ControlOrMeta+p');
      const rows = this.page.locator('.quick-input-widget:visible .quick-input-list .monaco-list-row');
      const row = rows.filter({ hasText: name }).first();
      // VS Code searches the files of the last list until it has read them anew. Only what is typed then finds a new one.
      for (const until = Date.now() + timeout; Date.now() < until && !(await row.isVisible()); ) {
        await this.quickInput().fill('', { timeout });
        await this.quickInput().fill(name, { timeout });
        await row.waitFor({ timeout: 500 }).catch(() => {});
      }
      await row.click({ timeout });
      await this.page.locator('.tab.active', { hasText: name }).waitFor({ timeout });
    });
  }

  /** The input of the open quick pick, input box or command palette. */
  quickInput(): Locator {
    return this.page.locator('.quick-input-widget:visible .quick-input-box input');
  }

  /** The masked input box. A list that was just answered stays until this takes its place. */
  secretInput(): Locator {
    return this.page.locator('.quick-input-widget:visible .quick-input-box input[type=password]');
  }

  /** A row of the open quick pick, by its exact label. */
  quickItem(label: string): Locator {
    return this.page
      .locator('.quick-input-widget:visible .quick-input-list .monaco-list-row')
      .filter({ has: this.page.locator('.label-name').getByText(label, { exact: true }) })
      .first();
  }

  /**
   * Shows a view container by the title of its icon in the activity bar. After a reload VS Code reopens the container
   * that was open, and a click in the meantime would close it.
   */
  async openContainer(title: string): Promise<void> {
    const icon = this.page.locator('.activitybar').getByRole('tab', { name: title });
    const shown = this.page.locator('.part.sidebar .title-label').getByText(title);
    await icon.waitFor();
    await again(async timeout => {
      if (!(await shown.isVisible())) await icon.click({ timeout });
      await shown.waitFor({ timeout });
    });
  }

  /** A row of a tree in the side bar, by a part of its text. */
  treeItem(text: string | RegExp): Locator {
    return this.page.locator('.part.sidebar .monaco-list-row').filter({ hasText: text }).first();
  }

  /** Every visible row of the trees in the side bar, as announced by screen readers. */
  treeRows(): Promise<string[]> {
    const rows = this.page.locator('.part.sidebar .monaco-list-row');
    return rows.evaluateAll(all => all.map(row => row.getAttribute('aria-label') ?? ''));
  }

  /** Expands a row unless it is expanded already. The countdown may redraw it under the pointer. */
  async expand(item: Locator): Promise<void> {
    await this.#toggle(item, 'true', 'ArrowRight');
  }

  async collapse(item: Locator): Promise<void> {
    await this.#toggle(item, 'false', 'ArrowLeft');
  }

  /**
   * Rows that appear above move this one, so that another row may receive the click and the key. Therefore it checks
   * the result and tries again.
   */
  async #toggle(item: Locator, expanded: 'true' | 'false', key: string): Promise<void> {
    await item.waitFor();
    const done = item.and(this.page.locator(`[aria-expanded="${expanded}"]`));
    await again(async timeout => {
      if ((await done.count()) > 0) return;
      await item.click({ timeout });
      if ((await done.count()) === 0) await this.page.keyboard.press(key);
      await done.waitFor({ timeout });
    });
  }

  /** Presses a button that a tree row shows on hover. */
  async treeAction(item: Locator, title: string): Promise<void> {
    await again(async timeout => {
      await item.hover();
      await item.locator('.action-item').getByLabel(title).click({ timeout });
    });
  }

  /**
   * Picks from the context menu of a row until `opens` appears. It uses keys, because VS Code ignores clicks right
   * after a menu opens. When a row has just changed, VS Code replaces it and calls commands without their row: see
   * src/vscode/tree/provider.ts. So this waits until the tree is quiet, and checks the result.
   */
  async pickFromMenu(item: Locator, title: string, opens: Locator): Promise<void> {
    await again(async (timeout, attempt) => {
      if (attempt > 1) await this.page.keyboard.press('Escape');
      await this.quietTree();
      await item.click({ button: 'right' });
      await this.page.locator('.monaco-menu').getByText(title, { exact: true }).hover({ timeout });
      await this.page.keyboard.press('Enter');
      await opens.waitFor({ timeout: 3 * timeout });
    });
  }

  /** Resolves when the rows of the side bar have been unchanged for half a second, apart from their numbers. */
  async quietTree(): Promise<void> {
    const rows = async () => (await this.treeRows()).join('\n').replace(/\d+/g, '0');
    for (let quiet = 0, before = await rows(); quiet < 5; ) {
      await this.page.waitForTimeout(100);
      const now = await rows();
      quiet = now === before ? quiet + 1 : 0;
      before = now;
    }
  }

  /**
   * Presses a button until it has its effect, because a click on an element that VS Code is just redrawing does
   * nothing.
   */
  async press(button: Locator, effect: (timeout: number) => Promise<void>): Promise<void> {
    await again(async timeout => {
      await button.click({ timeout });
      await effect(timeout);
    });
  }

  /**
   * Selects the row "Sign in" of the connection that is open and has no tokens, and picks how. While VS Code draws the row
   * anew, a click selects it and does nothing else.
   */
  async signInBy(way: string): Promise<void> {
    const row = this.page.locator('[role=treeitem][aria-label^="Sign in"]').first();
    await this.press(row, timeout => this.quickItem(way).waitFor({ timeout }));
    await this.quickItem(way).click();
  }

  /** An item of the status bar, by a part of its text. */
  statusBarItem(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item').filter({ hasText: text }).first();
  }

  /** A notification, by a part of its text. */
  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast').filter({ hasText: text }).first();
  }

  /** Opens the list of all notifications, also of those that were shown while another page was in front. */
  async showNotifications(): Promise<void> {
    await this.page.keyboard.press('Control+Shift+F11');
  }

  /** The text on the clipboard, which all windows share. */
  clipboard(): Promise<string> {
    return this.page.evaluate(() => navigator.clipboard.readText());
  }
}

/**
 * Counts from now on how often lists and input boxes lose the focus. On a busy machine, a focus that is given back late
 * closes the list that is open by then.
 */
export async function countLostFocus(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    Reflect.set(window, 'focusLost', 0);
    addEventListener('focusout', ({ target, relatedTarget }) => {
      const isQuestion = (where: unknown) => where instanceof Element && where.closest('.quick-input-widget') !== null;
      if (isQuestion(target) && !isQuestion(relatedTarget))
        Reflect.set(window, 'focusLost', Reflect.get(window, 'focusLost') + 1);
    });
  });
  return () => page.evaluate(() => Reflect.get(window, 'focusLost') as number);
}

/** Counts what a person does in a page from now on: presses of the mouse, and of keys that are no modifiers. */
export async function countActions(page: Page): Promise<() => number> {
  let actions = 0;
  await page.exposeFunction('acted', () => actions++);
  await page.evaluate(() => {
    const count = Reflect.get(window, 'acted') as () => unknown;
    addEventListener('pointerdown', count, true);
    addEventListener('keydown', ({ key }) => /^(Control|Meta|Shift|Alt)$/.test(key) || count(), true);
  });
  return () => actions;
}

/**
 * VS Code closes menus and its palette when something else takes the focus: a newly opened page, or a tree that is drawn
 * anew and had the focus a moment ago. A person would try again, and so does this: up to three times, until the gesture
 * succeeds.
 * @param gesture receives the milliseconds that each of its steps may take, and the number of the attempt
 */
export async function again(gesture: (timeout: number, attempt: number) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await gesture(attempt * 5_000, attempt);
    } catch (error) {
      if (!(error instanceof errors.TimeoutError) || attempt === 3) throw error;
      // Named in the output, because an attempt that fails has a cause.
      const text = error.message.replace(/\s+/g, ' ');
      // The end of Playwright's log says what was in the way.
      console.log(
        `      tried again: ${text.slice(0, 300)}${text.length > 600 ? ' [...]' : ''}${text.slice(300).slice(-300)}`,
      );
    }
  }
}
