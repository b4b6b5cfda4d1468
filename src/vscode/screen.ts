/**
 * The only way from a text to the screen. VS Code reads some texts as markup: `[x](command:y)` is a link in
 * notifications, prompts, validation messages and the message of a view, and `$(name)` an icon in quick picks, the
 * status bar, hovers and lenses. Names, claims and answers come from elsewhere, so each function here takes plain text
 * and shows it as such. Icons are given beside the text. test/unit/screen.test.ts finds calls that go around this file.
 */
import {
  CodeAction,
  CodeActionKind,
  CodeLens,
  type Command,
  Diagnostic,
  type DiagnosticSeverity,
  env,
  Hover,
  InlayHint,
  type InputBox,
  type InputBoxOptions,
  type LogOutputChannel,
  MarkdownString,
  type OpenDialogOptions,
  type Position,
  ProgressLocation,
  type QuickPick,
  type QuickPickItem,
  QuickPickItemKind,
  type QuickPickOptions,
  type Range,
  commands as registry,
  StatusBarAlignment,
  TerminalLink,
  ThemeColor,
  ThemeIcon,
  TreeItem,
  TreeItemCollapsibleState,
  Uri,
  ViewColumn,
  type WebviewPanel,
  window,
  workspace,
} from 'vscode';
import { contextKeys } from '../contributions.ts';
import { printable } from '../core/redact.ts';

const menuKeys = new Map<string, boolean>();

/** Tells `when` clauses: a menu lists no command that cannot work. */
export async function setMenuKey(name: keyof typeof contextKeys, holds: boolean): Promise<void> {
  if (menuKeys.get(name) === holds) return;
  menuKeys.set(name, holds);
  await registry.executeCommand('setContext', contextKeys[name], holds);
}

/** What every link and every icon needs: without it there is neither. */
const opening = /([\]$])\(/g;

/** `text` as one line without markup: a space ends what could be a link or an icon, invisible characters show. */
export function plain(text: string, max = 900): string {
  return printable(text, max).replace(opening, '$1 (');
}

/** The same for a text of several lines. */
function plainLines(text: string, max = 4000): string {
  return text
    .slice(0, max)
    .split('\n')
    .map(line => plain(line, max))
    .join('\n');
}

type Severity = 'info' | 'warning' | 'error';

/** A notification. Resolves with the button that was pressed. */
export async function notify<Button extends string>(
  severity: Severity,
  text: string,
  ...buttons: readonly Button[]
): Promise<Button | undefined> {
  const show = {
    info: window.showInformationMessage,
    warning: window.showWarningMessage,
    error: window.showErrorMessage,
  }[severity];
  const pressed = await show<string>(plain(text), ...buttons.map(each => plain(each, 80)));
  return buttons.find(each => plain(each, 80) === pressed);
}

/** A modal question. Resolves with the button that was pressed, and with nothing where it was closed. */
export async function confirm<Button extends string>(
  question: string,
  detail: string | undefined,
  ...buttons: readonly Button[]
): Promise<Button | undefined> {
  const options = { modal: true, ...(detail !== undefined && { detail: plainLines(detail) }) };
  const pressed = await window.showWarningMessage<string>(
    plain(question),
    options,
    ...buttons.map(each => plain(each, 80)),
  );
  return buttons.find(each => plain(each, 80) === pressed);
}

/** A text at the bottom of the window, for some milliseconds. */
export function flash(text: string, ms = 5000, icon = 'check'): void {
  window.setStatusBarMessage(`$(${icon}) ${plain(text, 300)}`, ms);
}

/** A link of a text that this extension has written, to one of its commands. */
export interface TextLink {
  readonly title: string;
  readonly command: string;
  readonly argument: object;
}

/** Says how far work has come, with links to commands that help meanwhile. */
export type Tell = (text: string, links?: readonly TextLink[]) => void;

function linkText({ title, command, argument }: TextLink): string {
  const query = encodeURIComponent(JSON.stringify([argument])).replace(/[()]/g, each => (each === '(' ? '%28' : '%29'));
  return `[${plain(title, 80).replace(/[[\]]/g, '')}](command:${command}?${query})`;
}

/** Work with its title and a cancel button. @param shown is given what shows a text beside the title */
export async function progress<T>(
  title: string,
  work: Promise<T>,
  cancel: () => void,
  shown?: (tell: Tell) => void,
): Promise<T> {
  return window.withProgress(
    { location: ProgressLocation.Notification, title: plain(title, 300), cancellable: true },
    (bar, token) => {
      shown?.((text, links = []) =>
        bar.report({ message: [plain(text, 200), links.map(linkText).join(' · ')].filter(Boolean).join(' ') }),
      );
      token.onCancellationRequested(cancel);
      return work;
    },
  );
}

function plainItem<Item extends QuickPickItem>(item: Item): Item {
  return {
    ...item,
    label: plain(item.label, 200),
    ...(item.description !== undefined && { description: plain(item.description, 300) }),
    ...(item.detail !== undefined && { detail: plain(item.detail, 500) }),
  };
}

function plainOptions<Options extends QuickPickOptions | InputBoxOptions>(options: Options): Options {
  const { title, placeHolder } = options;
  return {
    ...options,
    ...(title !== undefined && { title: plain(title, 200) }),
    ...(placeHolder !== undefined && { placeHolder: plain(placeHolder, 300) }),
    ...('prompt' in options && typeof options.prompt === 'string' && { prompt: plain(options.prompt) }),
  };
}

/** A list to choose from; the item as it was given. */
export async function pick<Item extends QuickPickItem>(
  items: readonly Item[],
  options: QuickPickOptions & { readonly title: string },
): Promise<Item | undefined> {
  const shown = items.map(plainItem);
  const chosen = await window.showQuickPick(shown, plainOptions(options));
  return chosen && items[shown.indexOf(chosen)];
}

/** The same for several of them. */
export async function pickMany<Item extends QuickPickItem>(
  items: readonly Item[],
  options: QuickPickOptions & { readonly title: string },
): Promise<readonly Item[] | undefined> {
  const shown = items.map(plainItem);
  const chosen = await window.showQuickPick(shown, { ...plainOptions(options), canPickMany: true });
  return chosen && items.filter((_, index) => chosen.some(each => each === shown[index]));
}

/** A heading between the items of a list. */
export function separator(label: string): QuickPickItem {
  return { label, kind: QuickPickItemKind.Separator };
}

type Flaw = string | undefined;

/** A line to type. It stays when another window comes to the front: what is asked for is often copied there. */
export async function ask(
  options: Omit<InputBoxOptions, 'validateInput' | 'ignoreFocusOut'> & {
    readonly title: string;
    /** What is wrong with the text. */
    readonly flaw?: (text: string) => Flaw | Promise<Flaw>;
  },
): Promise<string | undefined> {
  const { flaw, ...rest } = options;
  return window.showInputBox({
    ...plainOptions(rest),
    ignoreFocusOut: true,
    ...(flaw && { validateInput: async text => plainFlaw(await flaw(text)) }),
  });
}

function plainFlaw(flaw: Flaw): Flaw {
  return flaw === undefined ? undefined : plain(flaw);
}

/** An input box of a flow, whose fields go through `set`. */
export interface Input {
  readonly box: InputBox;
  readonly refuse: (flaw: Flaw) => void;
}

export interface InputTexts {
  readonly title: string;
  readonly prompt: string;
  readonly placeholder?: string | undefined;
  readonly value?: string | undefined;
  readonly password?: boolean | undefined;
}

/** Where a question stands in a flow; 0 for one that stands alone. VS Code writes "(2/5)" beside the title. */
export interface Count {
  readonly step?: number;
  readonly steps?: number;
}

const counted = ({ step = 0, steps = 0 }: Count) => (steps > 1 ? { step, totalSteps: steps } : {});

export function openInput({
  title,
  prompt,
  placeholder = '',
  value = '',
  password = false,
  ...count
}: InputTexts & Count): Input {
  const box = window.createInputBox();
  Object.assign(box, { value, password, ignoreFocusOut: true, ...counted(count) });
  box.title = plain(title, 200);
  box.prompt = plain(prompt);
  box.placeholder = plain(placeholder, 300);
  const refuse = (flaw: Flaw) => {
    box.validationMessage = plainFlaw(flaw);
  };
  return { box, refuse };
}

/** A list of a flow. `original` gives an item as it was given. */
export function openList<Item extends QuickPickItem>(
  items: readonly Item[],
  { title, placeholder, prompt, ...count }: { title: string; placeholder: string; prompt?: string | undefined } & Count,
): { readonly list: QuickPick<Item>; readonly original: (item: Item) => Item; readonly shown: readonly Item[] } {
  const list = window.createQuickPick<Item>();
  const shown = items.map(plainItem);
  Object.assign(list, {
    ignoreFocusOut: true,
    ...counted(count),
    ...(prompt !== undefined && { prompt: plain(prompt) }),
  });
  list.title = plain(title, 200);
  list.placeholder = plain(placeholder, 500);
  list.items = shown;
  return { list, shown, original: item => items[shown.indexOf(item)] ?? item };
}

export async function pickFiles(title: string, options: OpenDialogOptions = {}): Promise<readonly Uri[]> {
  return (await window.showOpenDialog({ ...options, title: plain(title, 200) })) ?? [];
}

/** Asks for a file and writes to it; where, or nothing where the user turned away. */
export async function saveFile(title: string, name: string, text: string): Promise<Uri | undefined> {
  const [folder] = workspace.workspaceFolders ?? [];
  const target = await window.showSaveDialog({
    title: plain(title, 200),
    ...(folder && { defaultUri: Uri.joinPath(folder.uri, documentName(name)) }),
  });
  if (target) await workspace.fs.writeFile(target, new TextEncoder().encode(text));
  return target;
}

/** Puts a text on the clipboard, as it is. */
export async function toClipboard(text: string): Promise<void> {
  await env.clipboard.writeText(text);
}

/** The message above the rows of a view. */
export function viewMessage(view: { message?: string | undefined }, text: string | undefined): void {
  view.message = text === undefined ? undefined : plain(text);
}

/** The look of a row of a tree: label, words beside it, icon, tooltip, and what a screen reader says. */
export interface Row {
  readonly label: string;
  readonly description?: string | undefined;
  readonly icon?: string | undefined;
  readonly color?: string | undefined;
  /** As a function where many rows are drawn: VS Code asks for it when the pointer rests on the row. */
  readonly tooltip?: string | (() => string) | undefined;
  readonly spoken?: string | undefined;
  readonly words?: readonly string[] | undefined;
  readonly open?: 'collapsed' | 'expanded' | undefined;
  /** What selecting the row does. */
  readonly command?: Command | undefined;
}

export function rowItem(id: string, row: Row): TreeItem {
  const states = { collapsed: TreeItemCollapsibleState.Collapsed, expanded: TreeItemCollapsibleState.Expanded };
  const item = new TreeItem(plain(row.label, 200), row.open ? states[row.open] : TreeItemCollapsibleState.None);
  item.id = id;
  const { description, tooltip, spoken } = row;
  if (description) item.description = plain(description, 500);
  if (row.icon) item.iconPath = new ThemeIcon(row.icon, row.color ? new ThemeColor(row.color) : undefined);
  if (typeof tooltip !== 'function')
    item.tooltip = plainLines(tooltip ?? [row.label, description].filter(Boolean).join(': '));
  item.accessibilityInformation = {
    label: plain(spoken ?? [row.label, description].filter(Boolean).join(', ')),
  };
  if (row.words) item.contextValue = row.words.join(' ');
  if (row.command) item.command = row.command;
  return item;
}

/** The same item with the tooltip that was left out at first. */
export function withTooltip(item: TreeItem, { tooltip }: Row): TreeItem {
  if (typeof tooltip === 'function') item.tooltip = plainLines(tooltip());
  return item;
}

export interface StatusLook {
  readonly icon: string;
  readonly text: string;
  readonly tooltip: string;
  readonly spoken: string;
  readonly command: Command;
  readonly isWarning: boolean;
}

export interface StatusItem {
  show(look: StatusLook): void;
  hide(): void;
  dispose(): void;
}

/** The extension's item in the status bar. */
export function statusItem(id: string, name: string): StatusItem {
  const item = window.createStatusBarItem(id, StatusBarAlignment.Right, 90);
  item.name = name;
  return {
    show({ icon, text, tooltip, spoken, command, isWarning }) {
      item.text = `$(${icon}) ${plain(text, 100)}`;
      item.tooltip = plainLines(tooltip);
      item.accessibilityInformation = { label: plain(spoken) };
      item.command = command;
      item.backgroundColor = isWarning ? new ThemeColor('statusBarItem.warningBackground') : undefined;
      item.show();
    },
    hide: () => item.hide(),
    dispose: () => item.dispose(),
  };
}

/** A link that a hover may have: one of a fixed list of commands. Its argument is never a token. */
export interface HoverLink {
  readonly title: string;
  readonly command: string;
  readonly argument: object;
}

/** The text of a hover, piece by piece. No HTML, and no link but those of `links`. */
export class HoverText {
  readonly #text = new MarkdownString('', true);

  /** Addresses stay text: what a token says leads nowhere by one click. */
  add(text: string, bold = false): this {
    const escaped = new MarkdownString('', true)
      .appendText(plain(text))
      .value.replaceAll(':', '&#58;')
      .replaceAll('@', '&#64;')
      .replace(/(www)\./gi, '$1&#46;');
    this.#text.appendMarkdown(bold && escaped !== '' ? `**${escaped}**` : escaped);
    return this;
  }

  icon(name: string): this {
    this.#text.appendMarkdown(`$(${name}) `);
    return this;
  }

  gap(): this {
    this.#text.appendMarkdown(' &nbsp;');
    return this;
  }

  paragraph(): this {
    if (this.#text.value !== '') this.#text.appendMarkdown('\n\n');
    return this;
  }

  /** No other command can be run from the hover. */
  links(links: readonly HoverLink[]): this {
    this.#text.isTrusted = { enabledCommands: [...new Set(links.map(({ command }) => command))] };
    const shown = links.map(({ title, command, argument }) => {
      const label = new MarkdownString().appendText(plain(title, 80)).value;
      return `[${label}](command:${command}?${encodeURIComponent(JSON.stringify([argument]))})`;
    });
    this.#text.appendMarkdown(`\n\n---\n\n${shown.join(' &nbsp;|&nbsp; ')}`);
    return this;
  }

  at(range: Range): Hover {
    return new Hover(this.#text, range);
  }
}

/** What the Problems panel says a problem is from. */
export const problemSource = 'JWT Workbench';

/** A line of the Problems panel. */
export function problem(range: Range, text: string, severity: DiagnosticSeverity, code: string): Diagnostic {
  const made = new Diagnostic(range, plain(text, 2000), severity);
  made.source = problemSource;
  made.code = code;
  return made;
}

export function quickFix(title: string, of: Diagnostic): CodeAction {
  const made = new CodeAction(plain(title, 120), CodeActionKind.QuickFix);
  made.diagnostics = [of];
  return made;
}

export function lens(range: Range, title: string, command: string, argument: object): CodeLens {
  return new CodeLens(range, { title: plain(title, 120), command, arguments: [argument] });
}

export function inlayHint(position: Position, label: string, tooltip: string): InlayHint {
  const hint = new InlayHint(position, plain(label, 120));
  hint.tooltip = plain(tooltip);
  return hint;
}

/** A link of a terminal keeps its token in memory, as the terminal does: its place is gone when it is followed. */
export interface TokenLink extends TerminalLink {
  readonly token: string;
}

export function terminalLink(startIndex: number, token: string, length: number, tooltip: string): TokenLink {
  return Object.assign(new TerminalLink(startIndex, length, plain(tooltip, 300)), { token });
}

/** The name of a document that this extension makes: no folder, and nothing that a file system reads. */
export function documentName(title: string): string {
  return plain(title, 150).replace(/[\\/:*?"<>|]/g, '-');
}

/** VS Code's own comparison of two documents. */
export async function showDiff(left: Uri, right: Uri, title: string): Promise<void> {
  await registry.executeCommand('vscode.diff', left, right, plain(title, 300), { preview: true });
}

/**
 * A page of `src/webview` in the editor area. It gets everything by messages, as text; nothing in it is remote, and its
 * one script has a nonce.
 */
export function openPage(name: 'inspector' | 'device' | 'torture', title: string, extensionUri: Uri): WebviewPanel {
  const dist = Uri.joinPath(extensionUri, 'dist');
  const panel = window.createWebviewPanel(
    `jwtWorkbench.${name}`,
    plain(title, 100),
    { viewColumn: ViewColumn.Active },
    { enableScripts: true, localResourceRoots: [dist], enableForms: false },
  );
  const { webview } = panel;
  const nonce = crypto.randomUUID();
  const uri = (file: string) => webview.asWebviewUri(Uri.joinPath(dist, file)).toString();
  webview.html = `<!DOCTYPE html>
<html lang="${env.language.replace(/[^\w-]/g, '')}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${uri(`${name}Page.css`)}">
<title>JWT Workbench</title>
</head>
<body><script nonce="${nonce}" src="${uri(`${name}Page.js`)}"></script></body>
</html>`;
  return panel;
}

/** Says in its tab which of many a page shows. */
export function nameTab(panel: WebviewPanel, title: string): void {
  const name = plain(title, 100);
  if (panel.title !== name) panel.title = name;
}

/** What src/vscode/connections.ts writes to. Nothing else does: what is logged is redacted. */
export function openLogChannel(): LogOutputChannel {
  return window.createOutputChannel('JWT Workbench', { log: true });
}
