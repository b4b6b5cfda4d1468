import assert from 'node:assert/strict';
import { useWorkbench } from './harness.ts';

describe('a person in the real workbench', function () {
  this.timeout(90_000);
  const ui = useWorkbench({ demo: true });

  /** A row of the sidebar by the start of what a screen reader hears. */
  const row = (spoken: string) => ui.window.page.locator(`[role=treeitem][aria-label^="${spoken}"]`).first();

  async function secondsLeft(): Promise<number> {
    const text = (await ui.window.statusBarItem(/Demo: \d+ s/).textContent()) ?? '';
    return Number(/(\d+) s\b/.exec(text)?.[1] ?? Number.NaN);
  }

  it('sees the demo connection count down, clicks refresh, and sees it start again', async () => {
    await ui.window.openContainer('JWT Workbench');
    const demo = row('Connection Demo');
    await demo.waitFor({ timeout: 60_000 });
    await ui.window.statusBarItem(/Demo: ([1-4]?\d|5[0-5]) s/).waitFor({ timeout: 20_000 });
    const before = await secondsLeft();
    await ui.window.treeAction(demo, 'Refresh Access Token');
    const above = Array.from({ length: 60 - before }, (_, index) => before + 1 + index).slice(1);
    await ui.window.statusBarItem(new RegExp(`Demo: (${above.join('|')}) s`)).waitFor({ timeout: 10_000 });
    assert.ok((await secondsLeft()) > before);
  });

  it('opens the token and sees its claims explained and its checks passed', async () => {
    await ui.window.expand(row('Connection Demo'));
    await ui.window.expand(row('Access token'));
    await ui.window.expand(row('Claims'));
    await row('iss:').waitFor();
    await ui.window.collapse(row('Claims'));
    await ui.window.expand(row('Verification'));
    await ui.window.page.locator('[role=treeitem][aria-label*="passed"]').first().waitFor();
    assert.deepEqual(
      (await ui.window.treeRows()).filter(text => /failed/.test(text)),
      [],
    );
  });

  it('copies a Bearer header from the row', async () => {
    await ui.window.treeAction(row('Access token'), 'Copy Token...');
    await ui.window.quickItem('Authorization header').click();
    await ui.window.page.getByText('Access token copied').waitFor();
    assert.match(await ui.window.clipboard(), /^Authorization: Bearer eyJ/);
  });
});
