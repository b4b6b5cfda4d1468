import { l10n } from 'vscode';
import { headerLines, registeredLines, vendorLines } from './claimLines.ts';

export interface NameText {
  /** The meaning of the name, in one sentence. */
  readonly meaning: string;
  /** The section that defines it, or its vendor and the page that explains it. */
  readonly source: string;
}

/** The meaning of a claim; `undefined` for unknown names. */
export function claimText(name: string): NameText | undefined {
  claims ??= readNames(registeredLines + vendorLines);
  return translated(claims.get(name));
}

/** The meaning of a header parameter; `undefined` for unknown names. */
export function headerText(name: string): NameText | undefined {
  headers ??= readNames(headerLines);
  return translated(headers.get(name));
}

export function claimMeaning(name: string): string | undefined {
  return claimText(name)?.meaning;
}

export function headerMeaning(name: string): string | undefined {
  return headerText(name)?.meaning;
}

/** Read at first use. Maps instead of objects, because a claim can be called `constructor`. */
let claims: ReadonlyMap<string, NameText> | undefined;
let headers: ReadonlyMap<string, NameText> | undefined;

/** The sentence in the display language. */
function translated(text: NameText | undefined): NameText | undefined {
  return text && { ...text, meaning: l10n.t(text.meaning) };
}

/** @param lines see claimLines.ts */
export function readNames(lines: string): ReadonlyMap<string, NameText> {
  const names = new Map<string, NameText>();
  let source = '';
  for (const line of lines.split('\n')) {
    const space = line.indexOf(' ');
    const [first, rest] = [line.slice(0, space), line.slice(space + 1)];
    if (first === '#') source = rest;
    else if (space > 0) names.set(first, { meaning: rest, source });
  }
  return names;
}
