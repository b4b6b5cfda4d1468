import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import words from '../../package.nls.json' with { type: 'json' };
import { faultRows } from '../../src/mock/faults.ts';
import { scenarios } from '../../src/mock/torture/scenarios.ts';
import registeredLines, { headerLines } from '../../src/vscode/text/claims/registered.ts';
import vendorLines from '../../src/vscode/text/claims/vendors.ts';

/** The languages beside English, as VS Code spells them. */
const languages = ['zh-cn'] as const;

/** The only calls whose text is no literal: `tableTexts` reads what they look up. */
const ofTables: Readonly<Record<string, string>> = {
  'vscode/text/claims.ts': 'text.meaning)',
  'vscode/text/mock.ts': 'text)',
};

/**
 * The English texts of the code, which are the keys of `l10n/bundle.l10n.<language>.json`. A call has its text as one
 * string literal, right after the parenthesis: VS Code looks up nothing else.
 * @throws where a call has none
 */
export function codeTexts(): string[] {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map(name => name.replaceAll('\\', '/'))
    .filter(name => name.endsWith('.ts'));
  return files.sort().flatMap(file => {
    const source = readFileSync(join('src', file), 'utf8');
    return [...source.matchAll(/\bl10n\.t\(/g)].flatMap(({ 0: call, index }) => {
      const rest = source.slice(index + call.length);
      if (rest.startsWith(ofTables[file] ?? call)) return [];
      const literal = /^\s*('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")\s*[,)]/.exec(rest)?.[1];
      if (literal === undefined) throw new Error(`src/${file}: l10n.t(${rest.slice(0, 60).trim()} is no literal text.`);
      return unquoted(literal);
    });
  });
}

/** In either quotes. */
function unquoted(literal: string): string {
  const body = literal
    .slice(1, -1)
    .replaceAll("\\'", "'")
    .replace(/(?<!\\)"/g, '\\"');
  return JSON.parse(`"${body}"`);
}

/** What claims mean, the titles of the mock's faults, and the words of the scenarios that clients are tested with. */
function tableTexts(): string[] {
  const lines = [registeredLines, vendorLines, headerLines].flatMap(each => each.split('\n'));
  const meanings = lines.flatMap(line => /^(?!# )\S+ (.+)$/.exec(line)?.[1] ?? []);
  const ofScenarios = scenarios.flatMap(({ family, must, title }) => [family, must, title]);
  return [...meanings, ...Object.values(faultRows).map(({ title }) => title), ...ofScenarios];
}

/**
 * The translations, made anew: what is translated stays, what is gone goes, and what is new has an empty text, which
 * test/unit/translations.test.ts does not accept.
 */
export function translatedFiles(): Readonly<Record<string, (before: string) => string>> {
  const bundle = [...new Set([...codeTexts(), ...tableTexts()])];
  return Object.fromEntries(
    languages.flatMap(language => [
      [`l10n/bundle.l10n.${language}.json`, again(bundle)],
      [`package.nls.${language}.json`, again(Object.keys(words))],
    ]),
  );
}

const again = (keys: readonly string[]) => (before: string) => {
  const known: Readonly<Record<string, string>> = before === '' ? {} : JSON.parse(before);
  return `${JSON.stringify(Object.fromEntries(keys.map(key => [key, known[key] ?? ''])), undefined, 2)}\n`;
};
