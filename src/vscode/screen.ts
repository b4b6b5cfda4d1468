/**
 * All texts reach the screen through this file. VS Code reads some texts as markup: `[x](command:y)` is a link in
 * notifications, prompts, validation messages and the message of a view, and `$(name)` an icon in quick picks, the
 * status bar, hovers and lenses. Names, claims and responses come from elsewhere, so each function here takes plain
 * text and shows it literally. Icons are separate parameters. test/unit/vscode/screen.test.ts finds calls that
 * bypass this file.
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
  type LogOutputChannel,
  l10n,
  MarkdownString,
  type OpenDialogOptions,
  type Position,
  ProgressLocation,
  type QuickPickItem,
  QuickPickItemKind,
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
import { printable } from '../core/redact.ts';

/** Every link and every icon contains one of these two pairs. */
const markupOpening = /([\]$])\(/g;

/** `text` as one line without markup: a space breaks up links and icons, and invisible characters are made visible. */
export function plain(text: string, max = 900): string {
  return printable(text, max).replace(markupOpening, '$1 (');
}

/** As `plain`, for several lines. */
function plainLines(text: string, max = 4000): string {
  return text
    .slice(0, max)
    .split('\n')
    .map(line => plain(line, max))
    .join('\n');
}

type Severity = 'info' | 'warning' | 'error';

/**
 * Shows a notification. Resolves with the button that was pressed. VS Code shows only the first line of one without
 * buttons, so a long text has one.
 */
export async function notify<Button extends string>(
  severity: Severity,
  text: string,
  ...buttons: readonly Button[]
): Promise<Button | undefined> {
  const { showInformationMessage: info, showWarningMessage: warning, showErrorMessage: error } = window;
  const show = { info, warning, error }[severity];
  const names = buttons.length === 0 && text.length > 30 ? [l10n.t('OK')] : buttons.map(each => plain(each, 80));
  const pressed = await show<string>(plain(text), ...names);
  return buttons.find(each => plain(each, 80) === pressed);
}

/** Shows a modal question. Resolves with the button that was pressed, or with undefined if it was closed. */
export async function confirm<Button extends string>(
  question: string,
  detail: string | undefined,
  ...buttons: readonly Button[]
): Promise<Button | undefined> {
  clearAnswered();
  const options = { modal: true, ...(detail !== undefined && { detail: plainLines(detail) }) };
  const shown = buttons.map(each => plain(each, 80));
  const pressed = await window.showWarningMessage<string>(plain(question), options, ...shown);
  return buttons.find(each => plain(each, 80) === pressed);
}

/** Shows a text in the status bar for some milliseconds. */
export function flash(text: string, ms = 5000, icon = 'check'): void {
  window.setStatusBarMessage(`$(${icon}) ${plain(text, 300)}`, ms);
}

/** A link to a command of this extension, in a text that this extension wrote. */
export interface TextLink {
  readonly title: string;
  readonly command: string;
  readonly argument: object;
}

/** Reports progress, with links to commands that help in the meantime. */
export type Tell = (text: string, links?: readonly TextLink[]) => void;

function linkText({ title, command, argument }: TextLink): string {
  const query = encodeURIComponent(JSON.stringify([argument])).replace(/[()]/g, each => (each === '(' ? '%28' : '%29'));
  return `[${plain(title, 80).replace(/[[\]]/g, '')}](command:${command}?${query})`;
}

/**
 * Shows progress with a title and a cancel button.
 * @param shown receives a function that shows a text beside the title
 */
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

/** A heading between the items of a list. */
export function separator(label: string): QuickPickItem {
  return { label, kind: QuickPickItemKind.Separator };
}

type Flaw = string | undefined;

function plainFlaw(flaw: Flaw): Flaw {
  return flaw === undefined ? undefined : plain(flaw);
}

/** An input box of a flow. Its fields are set through `set`. */
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

/** The position of a question in a flow; 0 for a single question. VS Code shows "(2/5)" beside the title. */
export interface Count {
  readonly step?: number;
  readonly steps?: number;
}

const counted = ({ step = 0, steps = 0 }: Count) => (steps > 1 ? { step, totalSteps: steps } : {});

/** An answered list or box that is still on screen. */
let answered: { dispose(): void } | undefined;

/** Takes what was answered off the screen. */
function clearAnswered(): void {
  const last = answered;
  answered = undefined;
  last?.dispose();
}

/**
 * Takes an answered list or box off the screen, but after a question that follows at once has taken its place. VS Code
 * would return the focus to the editor in between, and on a busy machine so late that it closes the next question.
 */
export function giveWay(question: { dispose(): void }): void {
  clearAnswered();
  answered = question;
  setTimeout(() => answered === question && clearAnswered());
}

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

/** A list of a flow. `original` maps a shown item to the given one; `add` shows one item more, in front. */
export function openList<Item extends QuickPickItem>(
  items: readonly Item[],
  { title, placeholder, prompt, ...count }: { title: string; placeholder: string; prompt?: string | undefined } & Count,
) {
  const list = window.createQuickPick<Item>();
  const given = new Map<Item, Item>();
  const show = (item: Item) => {
    const shown = plainItem(item);
    given.set(shown, item);
    return shown;
  };
  const shown = items.map(show);
  const texts = { title: plain(title, 200), placeholder: plain(placeholder, 500) };
  const prompted = prompt !== undefined && { prompt: plain(prompt) };
  Object.assign(list, { items: shown, ignoreFocusOut: true, ...texts, ...counted(count), ...prompted });
  const add = (item: Item | undefined) => {
    list.items = item ? [show(item), ...shown] : shown;
  };
  return { list, shown, add, original: (item: Item) => given.get(item) ?? item };
}

export async function pickFiles(title: string, options: OpenDialogOptions = {}): Promise<readonly Uri[]> {
  return (await window.showOpenDialog({ ...options, title: plain(title, 200) })) ?? [];
}

/** Asks for a file name and writes the text. Returns the file, or undefined if the user cancelled. */
export async function saveFile(title: string, name: string, text: string): Promise<Uri | undefined> {
  const [folder] = workspace.workspaceFolders ?? [];
  const target = await window.showSaveDialog({
    title: plain(title, 200),
    ...(folder && { defaultUri: Uri.joinPath(folder.uri, documentName(name)) }),
  });
  if (target) await workspace.fs.writeFile(target, new TextEncoder().encode(text));
  return target;
}

/** Copies a text to the clipboard, unchanged. */
export async function toClipboard(text: string): Promise<void> {
  await env.clipboard.writeText(text);
}

/** Sets the message above the rows of a view. */
export function viewMessage(view: { message?: string | undefined }, text: string | undefined): void {
  view.message = text === undefined ? undefined : plain(text);
}

/** Appearance of a tree row: label, description, icon, tooltip, and the text for screen readers. */
export interface Row {
  readonly label: string;
  readonly description?: string | undefined;
  readonly icon?: string | undefined;
  readonly color?: string | undefined;
  /** A function if there are many rows: VS Code resolves it when the pointer rests on the row. */
  readonly tooltip?: string | (() => string) | undefined;
  readonly spoken?: string | undefined;
  readonly words?: readonly string[] | undefined;
  readonly open?: 'collapsed' | 'expanded' | undefined;
  /** The command that runs when the row is selected. */
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

/** Adds the tooltip that was deferred. */
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

/** A link for hovers, to one of a fixed list of commands. Its argument is never a token. */
export interface HoverLink {
  readonly title: string;
  readonly command: string;
  readonly argument: object;
}

/** The text of a hover, built piece by piece. It contains no HTML, and no links except those of `links`. */
export class HoverText {
  readonly #text = new MarkdownString('', true);

  /** Addresses in the text do not become links, so that a token cannot lead the user anywhere. */
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

  /** Only these commands can be run from the hover. */
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

/** The source that the Problems panel shows. */
export const problemSource = 'JWT Workbench';

/** An entry of the Problems panel. */
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

/**
 * A terminal link keeps its token in memory, as the terminal does, because its place is gone when the user follows it.
 */
export interface TokenLink extends TerminalLink {
  readonly token: string;
}

export function terminalLink(startIndex: number, token: string, length: number, tooltip: string): TokenLink {
  return Object.assign(new TerminalLink(startIndex, length, plain(tooltip, 300)), { token });
}

/** The name of a generated document, without folders and characters that have a meaning in paths. */
export function documentName(title: string): string {
  return plain(title, 150).replace(/[\\/:*?"<>|]/g, '-');
}

/** Opens VS Code's diff editor. */
export async function showDiff(left: Uri, right: Uri, title: string): Promise<void> {
  await registry.executeCommand('vscode.diff', left, right, plain(title, 300), { preview: true });
}

type PageName = 'inspector' | 'device' | 'torture';

/** Style and script of the pages that were opened. */
const pageParts = new Map<PageName, Promise<readonly string[]>>();

function readPage(name: PageName, dist: Uri): Promise<readonly string[]> {
  const read = (type: string) => workspace.fs.readFile(Uri.joinPath(dist, `${name}Page.${type}`));
  return Promise.all(['css', 'js'].map(async type => new TextDecoder().decode(await read(type))));
}

/**
 * Opens a page of `src/webview` in the editor area. It receives everything as text in messages and loads nothing, because VS
 * Code shows a page when all that it loads has arrived. Its style and its only script are in it, with a nonce.
 */
export function openPage(name: PageName, title: string, extensionUri: Uri, preserveFocus = false): WebviewPanel {
  const panel = window.createWebviewPanel(
    `jwtWorkbench.${name}`,
    plain(title, 100),
    { viewColumn: ViewColumn.Active, preserveFocus },
    { enableScripts: true, localResourceRoots: [], enableForms: false },
  );
  panel.iconPath = Uri.joinPath(extensionUri, 'media', 'icon.png');
  const parts = pageParts.get(name) ?? readPage(name, Uri.joinPath(extensionUri, 'dist'));
  pageParts.set(name, parts);
  let closed = false;
  panel.onDidDispose(() => {
    closed = true;
  });
  parts.then(
    ([style = '', script = '']) => {
      if (!closed) panel.webview.html = pageHtml(style, script);
    },
    (error: unknown) => {
      pageParts.delete(name);
      const reason = error instanceof Error ? error.message : 'unknown';
      void notify('error', l10n.t('The page could not be read: {0}. Reload the window.', reason));
      panel.dispose();
    },
  );
  return panel;
}

function pageHtml(style: string, script: string): string {
  const nonce = crypto.randomUUID();
  return `<!DOCTYPE html>
<html lang="${env.language.replace(/[^\w-]/g, '')}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style nonce="${nonce}">${style}</style>
<title>JWT Workbench</title>
</head>
<body><script nonce="${nonce}">${script}</script></body>
</html>`;
}

/** Sets the title of the tab, to distinguish several pages. */
export function nameTab(panel: WebviewPanel, title: string): void {
  const name = plain(title, 100);
  if (panel.title !== name) panel.title = name;
}

/** Creates the log channel. Only src/vscode/connections.ts writes to it, because it redacts every entry. */
export function openLogChannel(): LogOutputChannel {
  return window.createOutputChannel('JWT Workbench', { log: true });
}
