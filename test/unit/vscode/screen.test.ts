import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MarkdownString, QuickPickItem, Range, Uri } from 'vscode';
import type * as Questions from '../../../src/vscode/prompts/questions.ts';
import type * as Screen from '../../../src/vscode/screen.ts';
import { answeredAtOnce, withoutVscode } from '../../support/withoutVscode.ts';

/**
 * Calls that show a text, or create something that will be shown. For each of them, src/vscode/screen.ts has a function
 * that knows what VS Code reads as markup there.
 */
const sinks =
  /(?:\bwindow\s*\.\s*(?:show(?!TextDocument)|create(?!TreeView|TextEditorDecorationType)|setStatusBarMessage|with)\w*|\bnew\s+(?:MarkdownString|Hover|TreeItem|Diagnostic|CodeAction|CodeLens|InlayHint|TerminalLink|NotebookCellOutput)\b|\bextends\s+(?:TerminalLink|TreeItem)\b|\bclipboard\s*\.\s*writeText|\.(?:validationMessage|placeholder|supportHtml|isTrusted|tooltip|message)\s*=(?!=)|'vscode\.(?:diff|changes)')/g;

/**
 * The only file that may use them. (`showTextDocument` is not a sink: it opens a document by its address, which
 * `documentName` has made.)
 */
const own = 'screen.ts';

function calls(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return code.match(sinks) ?? [];
}

describe('what is shown', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map(name => name.replaceAll('\\', '/'))
    .filter(name => /^(?:vscode\/.*|extension|main\.\w+|start\.\w+)\.ts$|^vscode\/.*\.ts$/.test(name));

  it('goes to the screen through src/vscode/screen.ts alone', () => {
    assert.ok(files.length > 20);
    const around = files
      .filter(name => name !== `vscode/${own}`)
      .flatMap(name => calls(readFileSync(join('src', name), 'utf8')).map(call => `src/${name}: ${call}`));
    assert.deepEqual(around, []);
    assert.ok(
      calls(readFileSync(join('src', 'vscode', own), 'utf8')).length > 20,
      'the calls are found where they are',
    );
  });

  it('is found outside this file', () => {
    for (const call of [
      'window.showInformationMessage(text)',
      'await window\n  .showWarningMessage(text)',
      'window.showQuickPick(items)',
      'window.createQuickPick()',
      'window.createInputBox()',
      'window.setStatusBarMessage(text)',
      'window.withProgress({ title }, work)',
      'window.createWebviewPanel(type, title)',
      'new MarkdownString(text)',
      'new TreeItem(label)',
      'new Diagnostic(range, text)',
      'class Link extends TerminalLink {}',
      'view.message = text',
      'item.tooltip = text',
    ])
      assert.equal(calls(call).length, 1, call);
  });

  it('calls no method that a foreign value brings along: it is written as JSON', () => {
    const found = files.flatMap(name => {
      const code = readFileSync(join('src', name), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
      return [...code.matchAll(/\bString\((?!\))[^\n]*/g)].map(([call]) => `src/${name}: ${call}`);
    });
    assert.deepEqual(found, []);
  });
});

/** Hostile texts, and the parts of each that must not reach the screen unchanged. */
const hostile = [
  '[Verify now](command:workbench.action.terminal.sendSequence?%7B%22text%22%3A%22id%5Cn%22%7D)',
  '[x](https://evil.example "title")',
  '[x](file:///etc/passwd)',
  '$(verified-filled) Verified',
  '$(sync~spin) \\$(check)',
  '\u202egnp.exe\u202c',
  'a\u200bb\u2060c\u0000d\u001b[31m\u{e0041}',
  '\ud800 alone',
  '![x](https://evil.example/pixel.png)<img src=x onerror=alert(1)>',
  '](command:x)[y](command:z)',
  `${'long '.repeat(10_000)}[x](command:y)`,
];

const vscode = `
  const shown = (globalThis.screenShown ??= []);
  ${answeredAtOnce('question => shown.push(question)')}
  const show = async (...given) => { shown.push(given); return given.at(-1); };
  export const env = { language: 'en', clipboard: {} };
  export const commands = { executeCommand: show };
  export const workspace = { fs: { readFile: async () => new TextEncoder().encode('/* text */') } };
  export const window = {
    showInformationMessage: show, showWarningMessage: show, showErrorMessage: show, setStatusBarMessage: show,
    withProgress: async (options, work) => { shown.push(options); return work({}, { onCancellationRequested() {} }); },
    showOpenDialog: show,
    createInputBox, createQuickPick,
    createStatusBarItem: () => { const item = { show() {}, hide() {} }; shown.push(item); return item; },
    createWebviewPanel: (...given) => {
      shown.push(given);
      return { webview: { set html(html) { shown.push(html); } }, onDidDispose() {} };
    },
  };
  export class MarkdownString {
    constructor(value = '') { this.value = value; }
    appendText(text) { this.value += text.replace(/[\\\\\`*_{}[\\]()#+\\-!~<>$]/g, '\\\\$&'); return this; }
    appendMarkdown(text) { this.value += text; return this; }
  }
`;

describe('a hostile text', function () {
  this.timeout(60_000);
  let screen: typeof Screen;
  let questions: typeof Questions;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'screen-'));
    screen = await withoutVscode<typeof Screen>('screen', folder, vscode);
    questions = await withoutVscode<typeof Questions>('prompts/questions', folder, vscode);
  });
  after(() => rm(folder, { recursive: true }));
  const shown = (): unknown[] => Object(globalThis).screenShown;

  /** Every text within a shown value. */
  function texts(value: unknown): string[] {
    if (typeof value === 'string') return [value];
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([name, each]) => (name === 'iconPath' ? [] : texts(each)));
  }

  const range = {} as Range;
  const uri = 'dist' as unknown as Uri;
  const through: Record<string, (text: string) => unknown> = {
    notification: text => screen.notify('warning', text, text),
    'modal question': text => screen.confirm(text, text, text),
    'status message': text => screen.flash(text),
    progress: text => screen.progress(text, Promise.resolve(), () => {}),
    'quick pick': text =>
      questions.pick([{ label: text, description: text, detail: text }], { title: text, placeHolder: text }),
    'several of a quick pick': text => questions.pickMany([{ label: text }], { title: text }),
    'input box': text => {
      const { box, refuse } = screen.openInput({ title: text, prompt: text, placeholder: text });
      refuse(text);
      shown().push(box);
    },
    list: text =>
      shown().push(screen.openList([{ label: text }], { title: text, placeholder: text, prompt: text }).list),
    'file dialog': text => screen.pickFiles(text),
    'tree row': text => screen.rowItem('id', { label: text, description: text, tooltip: text, spoken: text }),
    'status bar': text =>
      screen.statusItem('id', 'JWT Workbench').show({
        ...{ icon: 'key', text, tooltip: text, spoken: text, isWarning: false },
        command: { command: 'a', title: 'b' },
      }),
    hover: text => {
      const { given } = new screen.HoverText().add(text, true).paragraph().add(text).at(range) as unknown as {
        given: [MarkdownString];
      };
      return given[0].value;
    },
    problem: text => screen.problem(range, text, 0, 'code'),
    'quick fix': text => screen.quickFix(text, {} as never),
    lens: text => screen.lens(range, text, 'command', {}),
    'inlay hint': text => screen.inlayHint({} as never, text, text),
    'terminal link': text => screen.terminalLink(0, 'token', 5, text),
    'document name': text => screen.documentName(text),
    comparison: text => screen.showDiff(uri, uri, text),
    webview: async text => {
      const panel = screen.openPage('device', text, uri);
      await new Promise(setImmediate);
      return panel;
    },
  };

  /** Functions that return the chosen item as it was given. */
  const answers = new Set(['notification', 'modal question', 'quick pick', 'several of a quick pick', 'list']);

  for (const [sink, send] of Object.entries(through)) {
    it(`is text and no markup in: ${sink}`, async () => {
      for (const text of hostile) {
        shown().length = 0;
        const result = await send(text);
        const made = answers.has(sink) ? undefined : result;
        for (const each of texts([shown(), made])) {
          // The one icon that the extension itself adds is at the start.
          const own = each.replace(/^\$\((?:check|key)\) /, '');
          assert.doesNotMatch(own, /\]\(|\$\(/, `${sink}: ${own.slice(0, 200)}`);
          assert.doesNotMatch(own, /(?!\n)[\p{Cc}\p{Cf}\p{Cs}]/u, `${sink}: ${own.slice(0, 200)}`);
          if (sink === 'hover') assert.doesNotMatch(own, /(?<!\\)<img/);
          assert.ok(own.length <= 4500, `${sink} cuts what is long`);
        }
      }
    });
  }

  it('is shown as a whole: a notification without buttons has one where its text is longer than a line', async () => {
    for (const [text, ...buttons] of [['Short.'], ['A text that is longer than a line of a notification.', 'OK']]) {
      shown().length = 0;
      assert.equal(await screen.notify('info', text ?? ''), undefined);
      assert.deepEqual(texts(shown()), [text, ...buttons]);
    }
  });

  it('is still readable, and the same when it is shown twice', () => {
    assert.equal(screen.plain('[Verify](command:x) $(check) ok'), '[Verify] (command:x) $ (check) ok');
    for (const text of hostile) assert.equal(screen.plain(screen.plain(text)), screen.plain(text));
  });

  it('leaves the items of a list as they were given', async () => {
    const item: QuickPickItem & { id: number } = { label: '$(check) [a](command:b)', id: 7 };
    assert.equal(await questions.pick([item], { title: 'a' }), item);
    assert.deepEqual(await questions.pickMany([item], { title: 'a' }), [item]);
    const { original, shown } = screen.openList([item], { title: 'a', placeholder: 'b' });
    assert.equal(original(shown[0] as typeof item), item);
  });
});
