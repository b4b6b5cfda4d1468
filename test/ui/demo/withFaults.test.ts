import { useWorkbench } from '../harness.ts';

/** The last one of this folder: "Demo" is gone afterwards. */
describe('a person who makes the mock issuer fail', function () {
  this.timeout(120_000);
  const ui = useWorkbench({ demo: true, handsOn: false });

  const row = (spoken: string) => ui.window.page.locator(`[role=treeitem][aria-label^="${spoken}"]`).first();

  async function fail(fault: string, limit: string): Promise<void> {
    await ui.window.runCommand('JWT Workbench: Inject Mock Issuer Fault...', fault, limit);
    await ui.window.statusBarItem(`Mock issuer: ${fault}, ${limit}`).waitFor();
  }

  it('picks faults in plain words, and sees their effects in the tree', async () => {
    await ui.window.openContainer('JWT Workbench');
    const demo = row('Connection Demo');
    await demo.waitFor({ timeout: 60_000 });
    // The row of the previous group goes with its settings, and moves the one below from under the pointer.
    await row('Connection Shop').waitFor({ state: 'detached' });
    await ui.window.treeAction(demo, 'Refresh Access Token');
    await fail('Issuer clock 93 s behind', 'until cleared');
    await ui.window.treeAction(demo, 'Refresh Access Token');
    await ui.window.expand(demo);
    await row('Clock, 9').waitFor();
    await fail('Too many requests (429)', 'next request');
    await ui.window.treeAction(demo, 'Refresh Access Token');
    await row('History, last refresh: failed, tokens unchanged').waitFor();
    await ui.window.expand(row('History'));
    await ui.window.page.locator('[role=treeitem][aria-label$="refreshed"]').first().waitFor();
    await ui.window.runCommand('JWT Workbench: Clear Mock Issuer Faults');
    await ui.window.statusBarItem('All mock issuer faults are cleared').waitFor();
  });

  it('stops it from the palette, which takes its connection along, and starts another', async () => {
    await ui.window.runCommand('JWT Workbench: Stop Mock Issuer');
    await row('Connection Demo').waitFor({ state: 'detached' });
    await ui.window.page.getByRole('button', { name: 'Start the Mock Issuer' }).waitFor();
    await ui.window.runCommand('JWT Workbench: Start Mock Issuer');
    await row('Connection Mock connection').waitFor();
    await ui.window.notification(/The mock issuer runs at http:\/\/127\.0\.0\.1:\d+/).waitFor();
    await ui.window.statusBarItem(/Mock connection: (?:59 min|1 h)/).waitFor();
  });
});
