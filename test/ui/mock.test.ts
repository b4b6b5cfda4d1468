import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { useWorkbench } from './harness.ts';

const pictures = join(process.cwd(), 'out', 'screenshots');

describe('a person in front of the mock issuer', function () {
  this.timeout(180_000);
  const ui = useWorkbench({ demo: true, viewport: { width: 1440, height: 1000 } });

  const row = (spoken: string) => ui.window.page.locator(`[role=treeitem][aria-label^="${spoken}"]`).first();

  /** The same in each theme, for the eye that looks at the pictures. */
  async function pictured(name: string): Promise<void> {
    await mkdir(pictures, { recursive: true });
    const settings = join(ui.workbench.server.userDataDir, 'User', 'settings.json');
    const before = await readFile(settings, 'utf8');
    for (const [theme, label, file] of [
      ['light', 'Default Light Modern', 'light_modern'],
      ['contrast', 'Default High Contrast', 'hc_black'],
      ['dark', 'Default Dark Modern', 'dark_modern'],
    ] as const) {
      await writeFile(settings, JSON.stringify({ ...JSON.parse(before), 'workbench.colorTheme': label }));
      await ui.window.page.locator(`.monaco-workbench[class*="${file}"]`).waitFor();
      await ui.window.page.screenshot({ path: join(pictures, `${name}-${theme}.png`) });
    }
  }

  it('sees what is set, who used it up and what was asked, and takes a fault away', async () => {
    await ui.window.openContainer('JWT Workbench');
    await row('Connection Demo').waitFor({ timeout: 60_000 });
    await row('Mock issuer at').waitFor();
    for (const fault of ['Too many requests (429)', 'Key set unavailable (503)'])
      await ui.window.runCommand('JWT Workbench: Inject Mock Issuer Fault...', fault, 'next request');
    await ui.window.expand(row('Mock issuer at'));
    await row('Fault set: Too many requests (429), next request').waitFor();
    await ui.window.treeAction(row('Connection Demo'), 'Refresh Access Token');
    await row('Fault Too many requests (429), used up').waitFor();
    await ui.window.expand(row('Requests'));
    await pictured('mock-rows');
    await ui.window.treeAction(row('Fault set: Key set unavailable'), 'Remove Mock Issuer Fault');
    await row('Fault set').waitFor({ state: 'detached' });
  });

  it('moves the clock past the expiry and back', async () => {
    const move = async (choice: string, text: string) => {
      await ui.window.pickFromMenu(row('Clock,'), 'Move Mock Issuer Clock...', ui.window.quickItem(choice));
      await ui.window.quickItem(choice).click();
      await row(`Clock, ${text}`).waitFor();
    };
    await move('1 hour ahead', '1 h');
    await move('Back to the time of this machine', 'as on this machine');
    assert.ok((await ui.window.treeRows()).length > 5);
  });
});
