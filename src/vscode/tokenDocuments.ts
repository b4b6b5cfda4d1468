import { EventEmitter, Uri, ViewColumn, window, workspace } from 'vscode';
import { type DecodedToken, numericDate, timeClaims } from '../core/jwt.ts';
import type { Clock } from '../core/ports.ts';
import { momentText } from './text/time.ts';
import { describeTokenWarning } from './text/warnings.ts';

export interface TokenDocuments {
  /** Opens what a token says as a read-only document. It holds claims, never the token. */
  show(decoded: DecodedToken): Promise<void>;
  /** Opens a plain value as a read-only JSON document. @param title becomes its name */
  showJson(title: string, value: unknown): Promise<void>;
  dispose(): void;
}

const scheme = 'jwt-workbench';

/** How many documents stay readable; the oldest go first. */
const kept = 20;

/**
 * Virtual documents: an untitled one would be written to disk by hot exit, with the claims in clear.
 */
export function createTokenDocuments(clock: Clock): TokenDocuments {
  const texts = new Map<string, string>();
  const changed = new EventEmitter<Uri>();
  const provider = workspace.registerTextDocumentContentProvider(scheme, {
    onDidChange: changed.event,
    provideTextDocumentContent: uri => texts.get(uri.path) ?? '',
  });
  let count = 0;

  async function open(path: string, text: string): Promise<void> {
    texts.set(path, text);
    const [oldest] = texts.keys();
    if (texts.size > kept && oldest !== undefined) texts.delete(oldest);
    const document = await workspace.openTextDocument(Uri.from({ scheme, path }));
    await window.showTextDocument(document, { viewColumn: ViewColumn.Active, preview: true });
  }

  return {
    show: decoded => open(`/Decoded token ${++count}.jsonc`, documentText(decoded, clock.now())),
    showJson: (title, value) =>
      open(
        `/${title.replace(/[\\/:*?"<>|]/g, '-')} ${++count}.json`,
        `${JSON.stringify(value, undefined, 2)}\n`,
      ),
    dispose() {
      provider.dispose();
      changed.dispose();
    },
  };
}

function documentText(decoded: DecodedToken, now: number): string {
  const lines = ['// Decoded, not verified: anyone could have written this.'];
  for (const warning of decoded.warnings) lines.push(`// Note: ${describeTokenWarning(warning)}`);
  if (decoded.kind === 'opaque')
    return [...lines, '// An opaque token: only its issuer can read it.', ''].join('\n');
  if (decoded.kind === 'jwe') lines.push('// An encrypted token: only its receiver can read the claims.');
  const body =
    decoded.kind === 'jws'
      ? { header: decoded.header, payload: decoded.payload }
      : { header: decoded.header };
  const times = new Set<string>(timeClaims);
  for (const line of JSON.stringify(body, undefined, 2).split('\n')) {
    const [, name = '', value] = /^ {4}"(\w+)": (-?[\d.]+),?$/.exec(line) ?? [];
    const date = times.has(name) ? numericDate(Number(value)) : undefined;
    lines.push(date && 'at' in date ? `${line} // ${momentText(date.at, now)}` : line);
  }
  return `${lines.join('\n')}\n`;
}
