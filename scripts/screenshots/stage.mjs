import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { root, UserError } from '../lib/project.mjs';
import { ensureVSCodeFromNpm } from '../lib/vscode-from-npm.mjs';
import { startWorkbench } from '../lib/workbench.mjs';
import { withPalette } from './png.mjs';

/** The README's pictures are under version control. The others are for reviewing changes of the user interface. */
const folders = { readme: join(root, 'media', 'screenshots'), only: join(root, 'out', 'screenshots') };

/** Largest file, in bytes, so that GitHub shows it quickly. */
const maxBytes = 150 * 1024;

/** Hides everything that is not the subject of the picture. */
const plainSettings = {
  'window.commandCenter': false,
  'workbench.layoutControl.enabled': false,
  'workbench.editor.empty.hint': 'hidden',
  'workbench.navigationControl.enabled': false,
  // Shows settings beside the tree instead of over it.
  'workbench.editor.useModal': 'off',
  'editor.minimap.enabled': false,
  'editor.cursorBlinking': 'solid',
  'editor.fontSize': 13,
  'remote.autoForwardPorts': false,
  'breadcrumbs.enabled': false,
  'markdown.preview.fontSize': 13,
  'workbench.editorAssociations': { '*.md': 'vscode.markdown.preview.editor' },
};

/** Parts of VS Code's interface that the desktop lacks. */
const webOnly = `
  .statusbar-item:is([id="status.host"], [id="status.forwardedPorts"], [aria-label^="Layout"], [aria-label^="Keyboard Layout"]) {
    display: none !important;
  }
  .monaco-workbench { font-family: 'Open Sans', sans-serif !important; }
`;

/** Names for settings, and file names that appear in the workbench's class when the theme is active. */
const themes = {
  dark: { name: 'Dark Modern', file: 'dark_modern' },
  light: { name: 'Light Modern', file: 'light_modern' },
  contrast: { name: 'Default High Contrast', file: 'hc_black' },
};

/** One VS Code with one theme, and one window in it. */
export class Stage {
  /** @type {import('playwright-core').Page} */
  page;
  /** The workspace's folder. */
  folder;
  theme;
  #close;

  /** @param {import('playwright-core').Page} page @param {string} folder @param {keyof typeof themes} theme @param {() => Promise<void>} close */
  constructor(page, folder, theme, close) {
    this.page = page;
    this.theme = theme;
    this.folder = folder;
    this.#close = close;
  }

  /**
   * @param {{ theme?: keyof typeof themes, env?: Record<string, string>, settings?: Record<string, unknown>, size?: { width: number, height: number }, sideBar?: number, scale?: number, language?: string }} options
   * @returns {Promise<Stage>}
   */
  static async begin({
    theme = 'dark',
    env = {},
    settings = {},
    size = { width: 1120, height: 700 },
    sideBar = 440,
    scale = 1.5,
    language,
  } = {}) {
    const workbench = await startWorkbench({
      installed: true,
      env,
      viewport: size,
      deviceScaleFactor: scale,
      ...(language && { language }),
      colorTheme: themes[theme].name,
      userSettings: { ...plainSettings, ...settings },
    });
    const { close } = workbench;
    const { folder } = workbench.server;
    try {
      const { page } = await workbench.openWindow({ folder });
      page.setDefaultTimeout(90_000); // A machine that runs tests at the same time is slow.
      const stage = new Stage(page, folder, theme, close);
      await page.locator(`.monaco-workbench[class*="${themes[theme].file}"]`).waitFor();
      await stage.#dress();
      const tab = page.locator('.activitybar').getByRole('tab', { name: 'JWT Workbench' });
      const view = page.locator('.part.sidebar').getByText('JWT Workbench').first();
      // A click closes the side bar if VS Code has opened the view by itself.
      for (let attempt = 1; !(await view.isVisible()); attempt++) {
        await tab.click();
        await view.waitFor({ timeout: attempt < 5 ? 5000 : 90_000 }).catch(error => {
          if (attempt >= 5) throw error;
        });
      }
      await stage.#widen(sideBar);
      return stage;
    } catch (error) {
      await close();
      throw error;
    }
  }

  close() {
    return this.#close();
  }

  /** Loads the fonts of the pinned Chromium, so that pictures look the same on every machine. */
  async #dress() {
    await this.page.addStyleTag({ content: webOnly });
    const { browser } = await ensureVSCodeFromNpm();
    for (const [name, weight] of [
      ['Regular', '400'],
      ['Bold', '600 700'],
    ]) {
      const file = join(dirname(browser?.executablePath ?? ''), 'fonts', 'Open_Sans', `OpenSans-${name}.ttf`);
      const font = await readFile(file, 'base64').catch(() => undefined);
      if (font === undefined) return;
      await this.page.evaluate(
        async ({ font, weight }) => {
          const bytes = Uint8Array.from(atob(font), letter => letter.charCodeAt(0));
          document.fonts.add(await new FontFace('Open Sans', bytes.buffer, { weight: weight ?? '400' }).load());
        },
        { font, weight },
      );
    }
  }

  /** @param {number} width of the side bar */
  async #widen(width) {
    const box = await this.page.locator('.part.sidebar').boundingBox();
    if (box === null) throw new Error('There is no side bar.');
    const { mouse } = this.page;
    await mouse.move(box.x + box.width, 400);
    await mouse.down();
    await mouse.move(box.x + width, 400, { steps: 5 });
    await mouse.up();
    await mouse.move(800, 620);
  }

  /** A row of the tree, found by the start of its label. @param {string} label @param {number} [nth] */
  row(label, nth = 0) {
    return this.page
      .locator('.part.sidebar .monaco-list-row')
      .filter({ has: this.page.locator('.label-name').getByText(label, { exact: true }) })
      .nth(nth);
  }

  /** Expands a row. The extension may expand it at the same moment. @param {string} label */
  async open(label, nth = 0) {
    const row = this.row(label, nth);
    await row.waitFor();
    for (let tries = 0; tries < 5; tries++) {
      await this.#still();
      if ((await row.getAttribute('aria-expanded')) === 'true') return;
      await row.locator('.monaco-tl-twistie').click();
    }
    throw new Error(`${label} does not open.`);
  }

  /** Runs a command from the palette. @param {string} title */
  async run(title) {
    // The palette lists only commands that are available when it opens, which right after the start is not all of them.
    for (let attempt = 1; ; attempt++) {
      await this.page.keyboard.press('F1');
      await this.input().fill(`>${title}`);
      const row = this.page.locator('.quick-input-widget:visible .label-name').getByText(title, { exact: true });
      const isThere = await row
        .first()
        .waitFor({ timeout: 5000 })
        .then(
          () => true,
          () => false,
        );
      if (isThere || attempt === 5) return this.choose(title);
      await this.page.keyboard.press('Escape');
    }
  }

  input() {
    return this.page.locator('.quick-input-widget:visible .quick-input-box input');
  }

  /** Selects an item of the open list. @param {string} label */
  async choose(label) {
    await this.page
      .locator('.quick-input-widget:visible .monaco-list-row')
      .filter({ has: this.page.locator('.label-name').getByText(label, { exact: true }) })
      .first()
      .click();
  }

  /**
   * Waits for the step of a flow that shows this text, and answers it.
   * @param {string | RegExp} text
   * @param {string} [answer]
   */
  async answer(text, answer) {
    await this.asked(text);
    if (answer !== undefined) await this.input().fill(answer);
    await this.page.keyboard.press('Enter');
  }

  /** @param {string | RegExp} text */
  async asked(text) {
    await this.page.locator('.quick-input-widget:visible').getByText(text).first().waitFor();
    await this.#still();
  }

  /**
   * Opens the list of notifications, because a workbench under test does not pop them up.
   * @param {string | RegExp} text
   */
  async notified(text) {
    await this.page.locator('.statusbar-item[id="status.notifications"]').click();
    await this.page.locator('.notifications-center').getByText(text).first().waitFor();
    await this.#still();
  }

  /** @param {string | RegExp} text */
  async inStatusBar(text) {
    await this.page.locator('.statusbar-item').filter({ hasText: text }).first().waitFor();
  }

  /** Clears the selection of the tree by clicking below its rows. */
  async unselect() {
    const box = await this.page.locator('.part.sidebar').boundingBox();
    if (box) await this.page.mouse.click(box.x + box.width - 40, box.y + box.height - 20);
  }

  /** Waits until the whole tree has been redrawn after a change. @param {RegExp} text of a row */
  async drawn(text) {
    await this.#still();
    await this.page.locator('.part.sidebar .monaco-list-row').filter({ hasText: text }).first().waitFor();
    await this.page.locator('.part.sidebar .monaco-progress-container.active').waitFor({ state: 'detached' });
    await this.#still();
  }

  /** Moves the pointer away, so that hovers close. */
  async rest() {
    await this.page.mouse.move(900, 640);
    await this.page.waitForTimeout(400);
  }

  /** Waits until animations have ended. */
  async #still() {
    await this.page.waitForTimeout(500);
  }

  /**
   * @param {string} name of the file
   * @param {{ readme?: boolean, page?: import('playwright-core').Page, of?: 'window' | 'sidebar' | 'top' |
   * import('playwright-core').Locator, height?: number, width?: number }} [options]
   *   `readme`: whether the README shows it; `page`: another page than the workbench; `of`: the area to cut out;
   * `height`: cuts off what is below
   */
  async picture(name, { readme = false, page = this.page, of = 'window', height, width } = {}) {
    const path = join(readme ? folders.readme : folders.only, `${name}.png`);
    await mkdir(dirname(path), { recursive: true });
    const clip = await this.#clip(of);
    const png = await page.screenshot({
      animations: 'disabled',
      clip: {
        ...clip,
        height: Math.min(clip.height, height ?? clip.height),
        width: Math.min(clip.width, width ?? clip.width),
      },
    });
    const small = withPalette(png);
    const size = small.length;
    await writeFile(path, small);
    console.log(`${(size / 1024).toFixed(0).padStart(6)} KB  ${relative(root, path)}`);
    if (readme && size > maxBytes) throw new UserError(`${path} is too large to be committed: cut out less.`);
  }

  /** @param {'window' | 'sidebar' | 'top' | import('playwright-core').Locator} of */
  async #clip(of) {
    const { width, height } = this.page.viewportSize() ?? { width: 0, height: 0 };
    if (of === 'window') return { x: 0, y: 0, width, height };
    const part =
      of === 'sidebar'
        ? this.page.locator('.part.sidebar')
        : of === 'top'
          ? this.page.locator('.quick-input-widget:visible')
          : of;
    const box = await part.boundingBox();
    if (box === null) throw new Error(`${of} is not on screen.`);
    return box;
  }
}
