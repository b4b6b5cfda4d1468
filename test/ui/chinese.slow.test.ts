import assert from 'node:assert/strict';
import { useWorkbench } from './harness.ts';

describe('a person whose VS Code is in Simplified Chinese', function () {
  this.timeout(120_000);
  const ui = useWorkbench({ demo: true, language: 'zh-cn', viewport: { width: 1280, height: 900 } });
  const picture = (name: string) => ui.window.picture(`chinese-${name}`);

  it('reads the tree, the commands and the inspector in Chinese', async () => {
    const { page } = ui.window;
    await ui.window.openContainer('JWT Workbench');
    const demo = page.locator('[role=treeitem][aria-label^="连接 Demo"]').first();
    await demo.waitFor({ timeout: 60_000 });
    await ui.window.expand(demo);
    await ui.window.expand(ui.window.treeItem('访问令牌'));
    await ui.window.expand(ui.window.treeItem('声明'));
    await page.locator('[role=treeitem][aria-label^="iss："]').waitFor();
    await picture('tree');
    const english = (await ui.window.treeRows()).filter(text => /[a-z]{4,} (?:the|is|of|in) /.test(text));
    assert.deepEqual(english, []);
    // VS Code also finds commands by their English names.
    await page.keyboard.press('F1');
    await ui.window.quickInput().fill('>copy token');
    await ui.window.quickItem('JWT Workbench: 复制令牌').waitFor();
    await picture('palette');
    await page.keyboard.press('Enter');
    await page.getByText('已复制 Demo 的访问令牌').waitFor();
    await ui.window.runCommand('JWT Workbench: 检查令牌...', '剪贴板');
    const frame = page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
    await frame.getByRole('status').getByText('已验证', { exact: true }).waitFor();
    await picture('inspector');
  });
});
