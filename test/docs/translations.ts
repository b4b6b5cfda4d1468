import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import words from '../../package.nls.json' with { type: 'json' };
import { faultRows } from '../../src/mock/faults.ts';
import { observations } from '../../src/mock/torture/outcome.ts';
import { scenarios } from '../../src/mock/torture/scenarios.ts';
import { headerLines, registeredLines, vendorLines } from '../../src/vscode/text/claimLines.ts';

/** The languages beside English, in VS Code's notation. */
const languages = ['zh-cn'] as const;

/** The only calls whose text is not a literal. `tableTexts` collects the texts that they look up. */
const ofTables: Readonly<Record<string, string>> = {
  'vscode/text/claims.ts': 'text.meaning)',
  'vscode/text/mock.ts': 'text, ...values)',
};

/**
 * The English texts of the code, which are the keys of `l10n/bundle.l10n.<language>.json`. Each call must have its text
 * as a single string literal right after the parenthesis.
 * @throws if a call has none
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

/** The value of a literal in single or double quotes. */
function unquoted(literal: string): string {
  const body = literal
    .slice(1, -1)
    .replaceAll("\\'", "'")
    .replace(/(?<!\\)"/g, '\\"');
  return JSON.parse(`"${body}"`);
}

/** Meanings of claims, titles of the mock's faults, and texts of the scenarios and observations of client tests. */
function tableTexts(): string[] {
  const lines = [registeredLines, vendorLines, headerLines].flatMap(each => each.split('\n'));
  const meanings = lines.flatMap(line => /^(?!# )\S+ (.+)$/.exec(line)?.[1] ?? []);
  const ofScenarios = scenarios.flatMap(({ family, must, title, section }) => [family, must, title, section]);
  return [...meanings, ...Object.values(faultRows).map(({ title }) => title), ...ofScenarios, ...observations];
}

/**
 * Updates the translations: keeps existing ones, removes obsolete ones, and adds new texts with an empty translation,
 * which test/unit/translations.test.ts rejects.
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
