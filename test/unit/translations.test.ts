import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import words from '../../package.nls.json' with { type: 'json' };
import { codeTexts, translatedFiles } from '../docs/translations.ts';

/** What must be the same in every language: placeholders, links to commands, code, URLs, and names of settings. */
const parts = /\{\d+\}|\]\(command:[\w.]+\)|`[^`]+`|https?:\/\/[\w.-]*\w/g;
const partsOf = (text: string) => [...new Set(text.match(parts) ?? [])].sort();

describe('the translations', () => {
  it('find the texts of the code, in any quotes', () => {
    const texts = codeTexts();
    assert.ok(texts.length > 1000);
    assert.ok(texts.includes("Opens the issuer's page on this computer and returns by itself."));
    assert.ok(texts.some(text => text.includes('"')));
  });

  for (const [file, make] of Object.entries(translatedFiles())) {
    const text = readFileSync(file, 'utf8');
    const known: Readonly<Record<string, string>> = JSON.parse(text);

    it(`are complete in ${file}, and none is superfluous: npm run docs adds and removes entries`, () => {
      assert.equal(text, make(text));
      const empty = Object.entries(known).filter(([, translation]) => translation.trim() === '');
      assert.deepEqual(empty, []);
    });

    it(`keep in ${file} the places, links and code of each text`, () => {
      for (const [key, translation] of Object.entries(known)) {
        const english = file.startsWith('l10n/') ? key : words[key as keyof typeof words];
        assert.deepEqual(partsOf(translation), partsOf(english), key);
      }
    });
  }
});
