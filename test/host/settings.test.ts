import assert from 'node:assert/strict';
import { languages, commands as registry, window } from 'vscode';
import { eventually, row, rows, run, signedIn, withSetting } from './support.ts';

describe('the setting', () => {
  it('shows each invalid entry as a row with the reason, while the others work', async () => {
    const { mock, end } = await signedIn('works');
    const good = { id: 'works', issuer: mock.issuer, clientId: 'demo' };
    const entries = [
      good,
      7,
      { id: 'plain', issuer: 'http://login.example.com', clientId: 'a' },
      { ...good, clientId: 'b' },
      { id: 'half' },
    ];
    await withSetting(entries, async () => {
      await eventually(async () => (await rows()).length > 4);
      const texts = (await rows()).map(({ text }) => text);
      assert.ok(
        texts.some(text => /^plain: .*https/.test(text)),
        texts.join('\n'),
      );
      assert.ok(
        texts.some(text => /^half: /.test(text)),
        texts.join('\n'),
      );
      assert.ok(
        texts.some(text => /^Entry 2 of the setting: /.test(text)),
        texts.join('\n'),
      );
      assert.ok(
        texts.some(text => /^works: .*(twice|already|another|same)/i.test(text)),
        texts.join('\n'),
      );
      assert.equal((await run<{ outcome: string }>('refresh', { connection: 'works' })).outcome, 'refreshed');
      for (const problem of (await rows()).filter(({ icon }) => icon === 'error')) {
        // For an http address, the row offers to set the https address with one click.
        const mends = problem.text.startsWith('plain: ') ? 'setIssuer' : 'openSettings';
        assert.equal(problem.item.command?.command, `jwtWorkbench.${mends}`);
      }
    });
    await withSetting(entries, async () => {
      await run('openSettings', { connection: 'half' });
      const { document, selection } = window.activeTextEditor ?? {};
      assert.match(document?.fileName ?? '', /settings\.json$/);
      assert.match(document?.lineAt(selection?.active.line ?? 0).text ?? '', /"id": "half"/);
      assert.ok(document);
      const own = () => languages.getDiagnostics(document.uri).filter(({ source }) => source === 'JWT Workbench');
      await eventually(async () => own().length === 1);
      const [twice] = own();
      const text = document.getText();
      assert.equal(
        document.offsetAt(twice?.range.start ?? selection?.start ?? document.positionAt(0)),
        text.lastIndexOf('"id": "works"'),
      );
      await registry.executeCommand('workbench.action.closeActiveEditor');
    });
    await withSetting({ not: 'an array' }, async () => {
      await eventually(async () => (await rows()).some(({ icon }) => icon === 'error'));
      assert.match((await row(['jwtWorkbench.connections'])).text, /list|array/);
    });
    await eventually(async () => (await rows()).some(({ text }) => text.startsWith('works')));
    assert.equal(
      (await run<{ outcome: string }>('refresh', { connection: 'works' })).outcome,
      'refreshed',
      'nothing stored was lost',
    );
    await end();
  });
});
