import { EventEmitter, Uri, ViewColumn, window, workspace } from 'vscode';
import { documentName } from './screen.ts';

export interface TokenDocuments {
  /** Opens commented JSON (see tokenText.ts) as a read-only document. @param title becomes its name */
  show(title: string, lines: readonly string[]): Promise<void>;
  /** Opens a plain value as a read-only JSON document. @param title becomes its name */
  showJson(title: string, value: unknown): Promise<void>;
  /** The same without opening it. */
  add(title: string, lines: readonly string[]): Uri;
  dispose(): void;
}

/** Of all these documents. */
export const scheme = 'jwt-workbench';

/** How many documents stay readable; the oldest go first. */
const kept = 20;

/**
 * Virtual documents: an untitled one would be written to disk by hot exit, with the claims in clear.
 */
export function createTokenDocuments(): TokenDocuments {
  const texts = new Map<string, string>();
  const changed = new EventEmitter<Uri>();
  const provider = workspace.registerTextDocumentContentProvider(scheme, {
    onDidChange: changed.event,
    provideTextDocumentContent: uri => texts.get(uri.path) ?? '',
  });
  let count = 0;

  function keep(path: string, text: string): Uri {
    texts.set(path, text);
    const [oldest] = texts.keys();
    if (texts.size > kept && oldest !== undefined) texts.delete(oldest);
    return Uri.from({ scheme, path });
  }

  async function open(path: string, text: string): Promise<void> {
    const document = await workspace.openTextDocument(keep(path, text));
    await window.showTextDocument(document, { viewColumn: ViewColumn.Active, preview: true });
  }

  const named = (title: string, ending: string) => `/${documentName(title)} ${++count}.${ending}`;

  return {
    show: (title, lines) => open(named(title, 'jsonc'), `${lines.join('\n')}\n`),
    showJson: (title, value) => open(named(title, 'json'), `${JSON.stringify(value, undefined, 2)}\n`),
    add: (title, lines) => keep(named(title, 'jsonc'), `${lines.join('\n')}\n`),
    dispose() {
      provider.dispose();
      changed.dispose();
    },
  };
}
