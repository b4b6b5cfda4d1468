import { EventEmitter, l10n, Uri, ViewColumn, window, workspace } from 'vscode';
import { type JsonObject, jsonText, memberJson } from '../core/tokens/json.ts';
import type { DecodedToken } from '../core/tokens/jwt.ts';
import { isTimeClaim, numericDate } from '../core/tokens/tokenParts.ts';
import { keysAt, readableContent, varietyOf } from '../core/tokens/varieties.ts';
import { documentName } from './screen.ts';
import { claimMeaning, headerMeaning } from './text/claims.ts';
import { momentText } from './text/time.ts';
import { varietyText } from './text/varieties.ts';
import { describeTokenWarning } from './text/warnings.ts';

export interface TokenDocuments {
  /** Opens commented JSON as a read-only document. @param title becomes its name */
  show(title: string, lines: readonly string[]): Promise<void>;
  /** Opens a value as a read-only JSON document. @param title becomes its name */
  showJson(title: string, value: unknown): Promise<void>;
  /** Adds the document without opening it. */
  add(title: string, lines: readonly string[]): Uri;
  dispose(): void;
}

/** URI scheme of these documents. */
export const scheme = 'jwt-workbench';

/** Number of documents that stay readable; the oldest are dropped. */
const kept = 20;

/** Documents are virtual, because hot exit would write untitled ones, with the claims in clear text, to disk. */
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
    showJson: (title, value) => open(named(title, 'json'), `${jsonText(value, 2)}\n`),
    add: (title, lines) => keep(named(title, 'jsonc'), `${lines.join('\n')}\n`),
    dispose() {
      provider.dispose();
      changed.dispose();
    },
  };
}

/** The decoded token as the lines of a read-only document. They contain claims, never the token. */
export function decodedLines(decoded: DecodedToken, now: number, token?: string): string[] {
  const lines = [`// ${l10n.t('Decoded, not checked: anyone could have written this.')}`];
  for (const warning of decoded.warnings) lines.push(`// ${l10n.t('Note: {0}', describeTokenWarning(warning))}`);
  const variety = token === undefined ? undefined : varietyOf(token, decoded);
  if (token !== undefined && variety) lines.push(`// ${varietyText(variety, keysAt(variety, token, decoded))}`);
  const form = decoded.kind === 'jws' ? decoded.form : undefined;
  for (const each of form?.kind === 'sd_jwt' ? form.disclosures : []) {
    const said = `${JSON.stringify(each.name ?? '...')}: ${memberJson(each, 'value')}`;
    lines.push(`// ${l10n.t('Disclosed: {0}', visible(said))}`);
  }
  const moment = (time: number) => momentText(time, now);
  if (decoded.kind === 'opaque') {
    const said = token === undefined ? undefined : readableContent(token, decoded);
    if (said) return [...lines, ...jsonWithComments({ payload: said }, moment)];
    return [...lines, `// ${l10n.t('An opaque token: only its issuer can read it.')}`];
  }
  if (decoded.kind === 'jwe') lines.push(`// ${l10n.t('An encrypted token: only its recipient can read the claims.')}`);
  const body =
    decoded.kind === 'jws'
      ? { header: decoded.header, payload: decoded.content ? decoded.payloadText : decoded.payload }
      : { header: decoded.header };
  return [...lines, ...jsonWithComments(body, moment)];
}

/** JSON with comments that explain names and times. @param moment formats a time */
export function jsonWithComments(
  body: { readonly header?: JsonObject; readonly payload?: JsonObject | string },
  moment: (time: number) => string,
  note: (member: string) => string | undefined = () => undefined,
): string[] {
  let section = '';
  return visible(jsonText(body, 2))
    .split('\n')
    .map(line => {
      section = /^ {2}"(header|payload)": \{/.exec(line)?.[1] ?? section;
      const [, name = '', value = ''] = /^ {4}"([^"\\]{1,60})": (.*?),?$/.exec(line) ?? [];
      if (name === '') return line;
      const date = section === 'payload' && isTimeClaim(name) ? numericDate(Number(value)) : undefined;
      const meaning = section === 'header' ? headerMeaning(name) : claimMeaning(name);
      const notes = [
        date && 'at' in date ? `${moment(date.at)}.` : undefined,
        section === 'payload' ? note(name) : undefined,
        meaning,
      ];
      const text = notes.filter(Boolean).join(' ');
      return text === '' ? line : `${line} // ${text}`;
    });
}

/** Replaces invisible characters with JSON escapes, which mean the same and are visible. */
function visible(json: string): string {
  return json.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, character =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
