import assert from 'node:assert/strict';
import { type JsonFault, jsonFault } from '../../../../src/core/tokens/json.ts';

describe('jsonFault', () => {
  it('says where a text stops being JSON, and what should stand there', () => {
    const texts: [string, number, number, JsonFault['expected']][] = [
      ['not json', 1, 1, 'value'],
      ['', 1, 1, 'value'],
      ['{"a" 1}', 1, 6, 'colon'],
      ['{"a": 1,\n}', 2, 1, 'name'],
      ['{"a": 1,\n\n  b: 2}', 3, 3, 'name'],
      ['{"a": [1 2]}', 1, 10, 'comma'],
      ['{"a": 1', 1, 8, 'comma'],
      ['{"a": "x\n"}', 1, 7, 'quote'],
      ['{"a": 01}', 1, 8, 'comma'],
      ['{} x', 1, 4, 'end'],
    ];
    for (const [text, line, column, expected] of texts)
      assert.deepEqual(jsonFault(text), { line, column, expected }, text);
  });

  it('finds a fault in exactly those texts that JSON.parse refuses', () => {
    // All texts of up to four of these pieces.
    const pieces = ['{', '}', '[', ']', ',', ':', '"a"', '1', ' ', 'x', '"', '-', '\n'];
    const texts = [''];
    for (let length = 0, last = texts; length < 4; length++) {
      last = last.flatMap(text => pieces.map(piece => text + piece));
      texts.push(...last);
    }
    const differing = texts.filter(text => (jsonFault(text) === undefined) !== parses(text));
    assert.deepEqual(differing, []);
    for (const text of ['{"a":[1,{"b":null}],"c":"\\u00e4\\n","d":-1.5e-3,"e":true}', ' "\u007f\u2028" '])
      assert.equal(jsonFault(text), undefined, text);
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
