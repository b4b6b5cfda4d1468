import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { curlLine, type Shell, shells } from '../../../../src/core/view/curl.ts';

const address = 'https://api.example/a';

/** Tokens and addresses that try to escape each shell's quoting. */
const hostile = [
  `'; touch pwned; '`,
  `" & touch pwned & "`,
  '$(touch pwned)',
  '`touch pwned`',
  '| touch pwned',
  '> pwned',
  '%COMSPEC% %PATH:~0,5% %CD%20 100%',
  '%PATH',
  '^& touch pwned',
  '\\" & touch pwned',
  'a\\',
  'a\\\\"',
  '\u2018; touch pwned; \u2019',
  '!history! !!',
  '@file -o pwned --config x',
  '#comment ~user *.* ?[a-z]{a,b}',
  'ü 漢 😀',
];

describe('a curl line', () => {
  for (const shell of shells) {
    it(`is refused for ${shell} where a control character would end the line`, () => {
      for (const text of ['a\nb', 'a\r\nX: y', 'a\u0000b', 'a\u001b[31m', 'a\tb', 'a\u2028b', '\ud800'])
        assert.throws(() => curlLine(shell, [`Authorization: Bearer ${text}`], address), { code: 'not_quotable' });
    });

    it(`takes full web addresses alone for ${shell}`, () => {
      for (const url of ['-o/etc/passwd', 'file:///etc/passwd', '/a', '', 'api.example', ' https://a.example'])
        assert.throws(() => curlLine(shell, ['a: b'], url), { code: 'not_quotable' });
    });
  }

  it('is one argument each in a real sh, and runs nothing', function () {
    if (!existsSync('/bin/sh')) return this.skip();
    const folder = mkdtempSync(join(tmpdir(), 'curl-'));
    try {
      // A function in the place of curl records its arguments. One shell runs all lines, because starting each takes long.
      const curl = `curl() { printf '%s\\0' "$@" >> seen; printf '\\1' >> seen; }`;
      const requests = hostile.map(text => ({ header: `Authorization: Bearer ${text}`, url: `${address}?q=${text}` }));
      const lines = requests.map(({ header, url }) => curlLine('sh', [header], url));
      for (const program of existsSync('/bin/bash') ? ['/bin/sh', '/bin/bash'] : ['/bin/sh']) {
        rmSync(join(folder, 'seen'), { force: true });
        execFileSync(program, ['-c', [curl, ...lines].join('\n')], { cwd: folder });
        const seen = readFileSync(join(folder, 'seen'), 'utf8').split('\u0001').slice(0, -1);
        assert.deepEqual(
          seen.map(each => each.split('\0').slice(0, -1)),
          requests.map(({ header, url }) => [...globs(url), '--header', header, url]),
          program,
        );
        assert.ok(!existsSync(join(folder, 'pwned')));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const argumentsOf: Readonly<Record<Exclude<Shell, 'sh'>, (line: string) => string[]>> = {
    powershell: powershellArguments,
    cmd: line => cRuntimeArguments(afterCmd(line)),
  };

  for (const shell of ['powershell', 'cmd'] as const) {
    it(`is one argument each by the rules of ${shell}, or refused`, () => {
      let taken = 0;
      const holds = (text: string) => {
        const header = `Authorization: Bearer ${text}`;
        const url = `${address}?q=${text}`;
        let line: string;
        try {
          line = curlLine(shell, [header], url);
        } catch (error) {
          assert.equal((error as { code: string }).code, 'not_quotable');
          return;
        }
        taken++;
        assert.deepEqual(argumentsOf[shell](line).slice(1), [...globs(url), '--header', header, url], line);
      };
      for (const text of hostile) holds(text);
      assert.ok(taken >= (shell === 'cmd' ? hostile.length : 10));
      const parts = fc.constantFrom(
        '%',
        '^',
        '"',
        '\\',
        '&',
        "'",
        '\u2019',
        'PATH',
        ':',
        '~',
        ' ',
        '(',
        ')',
        '!',
        '`',
        '$',
        'a',
      );
      fc.assert(
        fc.property(fc.string({ unit: parts, maxLength: 12 }), text => holds(text)),
        { numRuns: 2000 },
      );
    });
  }

  it('is refused where cmd would cut it', () => {
    assert.throws(() => curlLine('cmd', [`a: ${'b'.repeat(8200)}`], address), {
      data: { shell: 'cmd', reason: 'length' },
    });
  });
});

/** The option that keeps curl from reading patterns in an address. */
const globs = (url: string) => (/[[\]{}]/.test(url) ? ['--globoff'] : []);

/** Simulates how cmd reads a typed line: percent expansion, with every variable set, then carets and operators. */
function afterCmd(line: string): string {
  // A name ends at a percent sign; a colon in it starts a replacement or a substring.
  const variables = new Set(['PATH', 'COMSPEC', 'CD', 'A']);
  const expanded = line.replace(/%([^%]*)%/g, (whole, inside: string) => {
    const [name = ''] = inside.split(':');
    return variables.has(name.toUpperCase()) ? '<EXPANDED>' : whole;
  });
  let out = '';
  let quoted = false;
  for (let i = 0; i < expanded.length; i++) {
    const character = expanded.charAt(i);
    if (character === '^' && !quoted) {
      i++;
      out += expanded.charAt(i);
    } else {
      if (character === '"') quoted = !quoted;
      assert.ok(quoted || !/[&|<>()\n]/.test(character), `cmd reads ${character} in ${line}`);
      out += character;
    }
  }
  return out;
}

/** Splits a command line into arguments as the Windows C runtime does. */
function cRuntimeArguments(line: string): string[] {
  const found: string[] = [];
  let current: string | undefined;
  let quoted = false;
  for (let i = 0; i < line.length; ) {
    const [slashes = ''] = /^\\*/.exec(line.slice(i)) ?? [];
    const next = line.charAt(i + slashes.length);
    if (next === '"') {
      current = (current ?? '') + '\\'.repeat(Math.floor(slashes.length / 2));
      if (slashes.length % 2 === 1) current += '"';
      else quoted = !quoted;
      i += slashes.length + 1;
    } else if (slashes !== '') {
      current = (current ?? '') + slashes;
      i += slashes.length;
    } else if (/[ \t]/.test(next) && !quoted) {
      if (current !== undefined) found.push(current);
      current = undefined;
      i++;
    } else {
      current = (current ?? '') + next;
      i++;
    }
  }
  assert.ok(!quoted, line);
  return current === undefined ? found : [...found, current];
}

/** PowerShell's words and single-quoted strings, and how Windows PowerShell 5.1 passes them to a program. */
function powershellArguments(line: string): string[] {
  const isQuote = (character: string) => /['\u2018-\u201b]/.test(character);
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < line.length; i++) {
    const character = line.charAt(i);
    if (isQuote(character)) {
      word ??= '';
      for (i++; ; i++) {
        assert.ok(i < line.length, `not closed: ${line}`);
        if (!isQuote(line.charAt(i))) word += line.charAt(i);
        else if (isQuote(line.charAt(i + 1))) word += line.charAt(i++);
        else break;
      }
    } else if (character === ' ') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      assert.match(character, /[\w.-]/, `PowerShell reads ${character} in ${line}`);
      word = (word ?? '') + character;
    }
  }
  if (word !== undefined) words.push(word);
  return cRuntimeArguments(words.map(each => (/\s/.test(each) ? `"${each}"` : each)).join(' '));
}
