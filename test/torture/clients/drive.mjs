/**
 * A driver for `--driver`: a visitor with a real browser. To use it, copy it and adapt the clicks to your pages.
 * @param {import('playwright-core').Browser} browser
 * @returns {import('../../../src/mock/torture/rows.ts').Driver}
 */
export function driverOf(browser) {
  /** @type {import('playwright-core').Page} */
  let page;
  return {
    async signIn(start) {
      await page?.context().close();
      page = await (await browser.newContext()).newPage();
      page.setDefaultTimeout(0); // The patience of the test counts, not that of the browser.
      if (process.env.DEBUG) page.on('console', message => console.error(message.text()));
      await page.goto(start);
      await page.waitForFunction(() => ['signed in', 'failed'].includes(document.title));
      return (await page.title()) === 'signed in';
    },
    isSignedIn: () => page.evaluate('isSignedIn()'),
    async signOut() {
      await page.evaluate('void signOut()');
      await page.waitForFunction(() => document.title === 'there');
    },
  };
}
