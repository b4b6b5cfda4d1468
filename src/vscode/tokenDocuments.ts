import { EventEmitter, Uri, ViewColumn, window, workspace } from 'vscode';
import type { JsonObject } from '../core/json.ts';
import { type DecodedToken, numericDate, timeClaims } from '../core/jwt.ts';
import type { Clock } from '../core/ports.ts';
import { claimMeaning, headerMeaning } from './text/claims.ts';
import { momentText } from './text/time.ts';
import { describeTokenWarning } from './text/warnings.ts';

export interface TokenDocuments {
  /** Opens what a token says as a read-only document. It holds claims, never the token. */
  show(decoded: DecodedToken): Promise<void>;
  /** Opens a plain value as a read-only JSON document. @param title becomes its name */
  showJson(title: string, value: unknown): Promise<void>;
  /** Makes a read-only document of commented JSON without opening it. @param title becomes its name */
  add(title: string, lines: readonly string[]): Uri;
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

  return {
    show: decoded => open(`/Decoded token ${++count}.jsonc`, documentText(decoded, clock.now())),
    showJson: (title, value) =>
      open(
        `/${title.replace(/[\\/:*?"<>|]/g, '-')} ${++count}.json`,
        `${JSON.stringify(value, undefined, 2)}\n`,
      ),
    add: (title, lines) => keep(`/${title} ${++count}.jsonc`, `${lines.join('\n')}\n`),
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
  lines.push(...commented(body, now));
  return `${lines.join('\n')}\n`;
}

/** JSON with what is known of each member behind it: times as dates, and what the name means. */
export function commented(
  body: { readonly header?: JsonObject; readonly payload?: JsonObject },
  now: number,
  note: (member: string) => string | undefined = () => undefined,
): string[] {
  const times = new Set<string>(timeClaims);
  let section = '';
  return visible(JSON.stringify(body, undefined, 2))
    .split('\n')
    .map(line => {
      section = /^ {2}"(header|payload)": \{/.exec(line)?.[1] ?? section;
      const [, name = '', value = ''] = /^ {4}"([^"\\]{1,60})": (.*?),?$/.exec(line) ?? [];
      if (name === '') return line;
      const date = section === 'payload' && times.has(name) ? numericDate(Number(value)) : undefined;
      const meaning = section === 'header' ? headerMeaning(name) : claimMeaning(name);
      const notes = [
        date && 'at' in date ? `${momentText(date.at, now)}.` : undefined,
        section === 'payload' ? note(name) : undefined,
        meaning,
      ];
      const text = notes.filter(each => each !== undefined).join(' ');
      return text === '' ? line : `${line} // ${text}`;
    });
}

/** Invisible characters as JSON's own escapes: they mean the same and can be seen. */
function visible(json: string): string {
  return json.replace(
    /(?!\n)[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu,
    character =>
      Array.from(
        { length: character.length },
        (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
      ).join(''),
  );
}
