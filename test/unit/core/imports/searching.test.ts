import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { leakMarks, scanForLeaks } from '../../../../src/core/imports/leakScan.ts';
import { mostBeginnings, searchedParts, wordStarts } from '../../../../src/core/imports/searching.ts';
import { leakCorpus } from '../../../support/leakCorpus.ts';

const now = 1_800_000_000_000;

/** The beginnings in their order, as ripgrep reads them from the first pattern. */
function beginningsOf([first = '']: readonly string[]): string[] {
  const listed = /^\(\?:(.+)\)\\b\\B$/.exec(first)?.[1];
  assert.ok(listed, first);
  return listed.split('|').map(each => each.replaceAll('\\', ''));
}

/** The share of places at which ripgrep's packed search has to compare whole beginnings. */
function passing(beginnings: readonly string[], bytes: Buffer): number {
  // Beginnings with the same lower halves share the group of the first of them.
  const groups = new Map<number, string[]>();
  const byHalves = new Map<string, string[]>();
  beginnings.forEach((each, index) => {
    const halves = Array.from(each, character => character.charCodeAt(0) & 15).join();
    const group = byHalves.get(halves) ?? groups.get(index % 16) ?? [];
    group.push(each);
    byHalves.set(halves, group);
    if (!groups.has(index % 16)) groups.set(index % 16, group);
  });
  const masks = [0, 1, 2].map(place =>
    Uint16Array.from({ length: 256 }, (_, byte) =>
      [...groups.values()].reduce((mask, group, index) => {
        const codes = group.map(each => each.charCodeAt(place));
        const fits = codes.some(code => (code & 15) === (byte & 15)) && codes.some(code => code >> 4 === byte >> 4);
        return fits ? mask | (1 << index) : mask;
      }, 0),
    ),
  );
  const [first, second, third] = masks;
  let passed = 0;
  for (let at = 0; at + 2 < bytes.length; at++)
    if (
      ((first?.[bytes[at] ?? 0] ?? 0) & (second?.[bytes[at + 1] ?? 0] ?? 0) & (third?.[bytes[at + 2] ?? 0] ?? 0)) !==
      0
    )
      passed++;
  return passed / bytes.length;
}

describe('the search for files with tokens', () => {
  const corpus = leakCorpus(now);
  const marks = leakMarks([]);
  const beginnings = beginningsOf(marks);

  it('picks every file in which a scan of all files finds a token', () => {
    const patterns = marks.map(mark => new RegExp(mark, 'm'));
    for (const { name, text, kind } of corpus) {
      const [leak] = scanForLeaks(text, [], now);
      assert.equal(leak?.kind, kind, name);
      if (leak)
        assert.ok(
          patterns.some(pattern => pattern.test(text)),
          `${name} is picked`,
        );
    }
  });

  it('needs only the parts around its matches to tell whether a file has a token', () => {
    const all = new RegExp(marks.map(mark => `(?:${mark})`).join('|'), 'gm');
    let least = 1;
    for (const { name, text } of corpus) {
      const bytes = Buffer.from(text);
      const latin1 = bytes.toString('latin1');
      const places = Array.from(latin1.matchAll(all), ({ index }) => index);
      const parts = searchedParts(bytes, places);
      const isFound = parts.some(
        ([from, to]) => scanForLeaks(latin1.slice(from, to), [], now, bytes.subarray(from, to)).length > 0,
      );
      assert.equal(isFound, scanForLeaks(latin1, [], now, bytes).length > 0, name);
      const read = parts.reduce((sum, [from, to]) => sum + to - from, 0);
      assert.ok(read <= bytes.length, name);
      least = Math.min(least, read / bytes.length);
    }
    assert.ok(least < 0.3, `${least} of a file is read`);
  });

  it('reads a whole file where the places of the matches say nothing', () => {
    const bytes = Buffer.from(`eyJ${' (a);'.repeat(50_000)}`);
    const whole = [[0, bytes.length]];
    assert.deepEqual(searchedParts(bytes, undefined), whole);
    for (const wrong of [[Number.NaN], [-1], [0, bytes.length]]) assert.deepEqual(searchedParts(bytes, wrong), whole);
    assert.deepEqual(searchedParts(Buffer.concat([bytes, Buffer.alloc(1)]), [0]), [[0, bytes.length + 1]]);
    assert.ok((searchedParts(bytes, [0])[0]?.[1] ?? 0) < bytes.length / 2);
  });

  it('finds a word in bytes where it finds it in the text', () => {
    const words = ['eyJ', 'gho_', 'xoxe.xoxp-', '1//0', '5Aep861', 'sk-ant'];
    const next = wordStarts(words);
    const all = (text: string, bytes?: Uint8Array) => {
      const found: number[] = [];
      for (let at = next(text, 0, bytes); at >= 0; at = next(text, at + 1, bytes)) found.push(at);
      return found;
    };
    const around = ['', ' ', '  ', 'a', '_', '-', '.', '1', '\u00e9', 'e', 'ey', 'g', '1/'];
    for (const before of around)
      for (const word of words)
        for (const after of around) {
          const text = Buffer.from(`${before}${word}${after}${word.slice(0, -1)} ${word}`).toString('latin1');
          assert.deepEqual(all(text, Buffer.from(text, 'latin1')), all(text), text);
        }
  });

  it('lists what every pattern begins with, and no more than ripgrep takes at once', () => {
    assert.ok(beginnings.length <= mostBeginnings, `${beginnings.length}`);
    assert.equal(new Set(beginnings).size, beginnings.length);
    const missing = new Set<string>();
    for (const { text } of corpus)
      for (const mark of marks)
        for (const { 0: match } of text.matchAll(new RegExp(mark, 'gm')))
          if (!beginnings.includes(match.slice(0, 3))) missing.add(match.slice(0, 3));
    assert.deepEqual([...missing], []);
  });

  it('lists those together that ripgrep can tell from other text together', () => {
    const folder = join('src', 'core', 'imports');
    const code = Buffer.concat(readdirSync(folder).map(name => readFileSync(join(folder, name))));
    const share = passing(beginnings, code);
    assert.ok(share < 0.004, `${share} of all places, ${passing(beginnings.toSorted(), code)} in the order of letters`);
  });

  it('matches nothing by the list itself', () => {
    const list = new RegExp(marks[0] ?? '');
    for (const each of beginnings) assert.ok(!list.test(each) && !list.test(`x ${each} ${each}0`), each);
  });

  it('takes the beginnings of tokens of connections as well', () => {
    const token = 'Q7.xB*generated-0123456789';
    const list = beginningsOf(leakMarks([{ token, name: 'refresh_token', connection: 'a' }]));
    assert.ok(list.includes('Q7.') && list.includes('UTc'), list.join(' '));
  });

  it('leaves room for the tokens of four connections, in plain text and in base64', () => {
    const known = Array.from({ length: 4 }, (_, index) => ({
      token: createHash('sha256').update(`opaque ${index}`).digest('base64url'),
      name: 'refresh_token' as const,
      connection: `${index}`,
    }));
    const list = beginningsOf(leakMarks(known));
    assert.equal(list.length, beginnings.length + 8);
    const advice = 'a new prefix of opaqueTokens.ts needs `alone`, or to give way';
    assert.ok(list.length <= mostBeginnings, `${list.length} of ${mostBeginnings}: ${advice}`);
  });

  it('needs no room for JWTs and tokens with an issuer’s mark, and finds them in any text', () => {
    const rest = (index: number) => createHash('sha256').update(`marked ${index}`).digest('base64url');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const tokens = Array.from({ length: 20 }, (_, index) => [
      ...['ghp_', 'ya29.', '1//0', 'xoxe-', 'github_pat_', 'sha256~'].map(prefix => prefix + rest(index)),
      `${part({ alg: 'RS256', kid: rest(index) })}.${part({ exp: 4_000_000_000 })}.${rest(index)}`,
    ]).flat();
    const known = tokens.map(token => ({ token, name: 'access_token' as const, connection: 'a' }));
    const list = leakMarks(known);
    // Of these, only `1//0` is written otherwise in a query and in JSON.
    assert.deepEqual(
      beginningsOf(list).filter(each => !beginnings.includes(each)),
      ['1%2', '1/'],
    );
    const patterns = list.map(mark => new RegExp(mark, 'm'));
    const around = ['|', '"|"', 'x|x', '\u00e9|\u00e9', '=|\n', '.| .'].map(each => each.split('|'));
    for (const token of tokens)
      for (const written of [token, encodeURIComponent(token), token.replaceAll('/', '\\/'), btoa(token)])
        for (const [before, after] of around)
          assert.ok(
            patterns.some(pattern => pattern.test(`${before}${written}${after}`)),
            `${before}${written}${after}`,
          );
  });
});
