import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import * as errors from '../../src/core/errors.ts';

/** The few members of `vscode` that are used without a host: l10n that fills in placeholders, events, and data. */
const standIns: Readonly<Record<string, string>> = {
  l10n: '{ t: (text, ...values) => text.replace(/\\{(\\d+)\\}/g, (_, i) => String(values[i])) }',
  EventEmitter: `class {
    #listeners = [];
    event = listener => void this.#listeners.push(listener);
    fire(value) { for (const listener of this.#listeners) listener(value); }
    dispose() {}
  }`,
  env: '{ language: "en" }',
  version: '"1.105.0"',
  Uri: '{ joinPath: (base, ...parts) => [base, ...parts].join("/") }',
  ...Object.fromEntries(
    [
      'window',
      'commands',
      'workspace',
      'CodeActionKind',
      'ColorThemeKind',
      'ExtensionKind',
      'UIKind',
      'extensions',
      'ConfigurationTarget',
      'ProgressLocation',
      'ViewColumn',
      'QuickInputButtons',
    ].map(name => [name, '{}']),
  ),
  FileType: '{ Unknown: 0, File: 1, Directory: 2 }',
  QuickPickItemKind: '{ Separator: -1 }',
  StatusBarAlignment: '{ Left: 1, Right: 2 }',
  TreeItemCollapsibleState: '{ None: 0, Collapsed: 1, Expanded: 2 }',
  ...Object.fromEntries(
    [
      ...['CodeAction', 'CodeLens', 'Diagnostic', 'Hover', 'InlayHint', 'MarkdownString', 'TerminalLink'],
      ...['ThemeColor', 'ThemeIcon', 'TreeItem', 'Range', 'Position'],
    ].map(name => [name, 'class { constructor(...given) { this.given = given; } }']),
  ),
};

/**
 * Members of `vscode` for lists and boxes that are answered at once: a list with the last item, or with all if several
 * may be chosen, a box with its text. `recorded` is an expression that receives each of them, as it was shown.
 */
export const answeredAtOnce = (recorded: string): string => `
  class Question {
    value = ''; selectedItems = []; activeItems = [];
    onDidAccept(listener) { this.accept = listener; }
    onDidHide() {} onDidChangeValue() {} onDidTriggerButton() {} onDidTriggerItemButton() {}
    show() {
      (${recorded})(this);
      if (this.items && !(this.canSelectMany && this.selectedItems.length > 0))
        this.selectedItems = this.canSelectMany ? this.items : this.items.slice(-1);
      this.accept();
    }
    dispose() { this.disposed = true; }
  }
  const createQuickPick = () => new Question();
  const createInputBox = createQuickPick;
`;

function stub(more: string): string {
  const given = new Set(
    [...more.matchAll(/(?:export (?:const|class|function)|\},) (\w+)(?= =| \{)/g)].map(([, name]) => name),
  );
  const rest = Object.entries(standIns).filter(([name]) => !given.has(name));
  return [...rest.map(([name, source]) => `export const ${name} = ${source};`), more].join('\n');
}

/** The test's own error module, because errors are recognised by their class. */
const shared = Symbol.for('jwt-workbench.test.errors');
Object.assign(globalThis, { [shared]: errors });

/**
 * Loads a module of `src/vscode` that needs only these members of `vscode`.
 * @param path below src/vscode, without extension
 * @param folder for the bundle
 * @param more further members of `vscode`, as the source of a module
 */
export async function withoutVscode<T>(path: string, folder: string, more = ''): Promise<T> {
  const outfile = join(folder, `${path.replaceAll('/', '-')}.mjs`);
  await build({
    // Tests run in the project's folder, wherever their bundles are.
    entryPoints: [join('src', 'vscode', `${path}.ts`)],
    bundle: true,
    outfile,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
    plugins: [
      {
        name: 'vscode',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^vscode$/ }, ({ path }) => ({ path, namespace: 'stub' }));
          onLoad({ filter: /.*/, namespace: 'stub' }, () => ({ contents: stub(more) }));
          onLoad({ filter: /core[\\/]errors\.ts$/ }, () => ({
            contents: `module.exports = globalThis[Symbol.for('${shared.description}')];`,
            loader: 'js',
          }));
        },
      },
    ],
  });
  return (await import(pathToFileURL(outfile).href)) as T;
}
