import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createFileSearch } from '../../../src/platform/fileSearch.ts';

/** A program in the place of ripgrep, because the real one is not there before VS Code is; test/host/leaks has that. */
describe('what ripgrep says of a folder', function () {
  if (process.platform === 'win32') return;
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'search-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** @param pieces what the program writes, piece by piece */
  async function found(...pieces: string[]) {
    const program = join(folder, 'node_modules', '@vscode', 'ripgrep', 'bin', 'rg');
    await mkdir(dirname(program), { recursive: true });
    const write = `const write = ([next, ...rest]) => next !== undefined && process.stdout.write(next, () => setImmediate(write, rest));`;
    await writeFile(program, `#!${process.execPath}\n${write}\nwrite(${JSON.stringify(pieces)});`);
    await chmod(program, 0o700);
    const files: [string, readonly number[] | undefined][] = [];
    const search = { folder, patterns: ['a'], exclude: [], mostBytes: 1 };
    const searched = await createFileSearch(folder, () => {}).filesWith(
      search,
      (file, places) => files.push([file, places]),
      new AbortController().signal,
    );
    return { searched, files };
  }

  const statistics = '\n8 matches\n12 files searched\n0 seconds total\n';

  it('is each file once, with the places of its matches, wherever the output is cut', async () => {
    const text = `./a.txt\0${0}:\n./a.txt\0${70}:\n./b 12 files searched\nc.txt\0${5}:\n${statistics}`;
    const expected = {
      searched: 12,
      files: [
        ['./a.txt', [0, 70]],
        ['./b 12 files searched\nc.txt', [5]],
      ],
    };
    assert.deepEqual(await found(text), expected);
    assert.deepEqual(await found(...text), expected);
  });

  it('names files of which there is only a note, those before a note, and one whose name looks like a note', async () => {
    const noteOf = (name: string) => `${name}: binary file matches (found "\\0" byte around offset 9)\n`;
    const notes = noteOf('./d.bin') + noteOf('./odd\nname');
    const last = noteOf('./z.bin');
    const { files } = await found(
      `./d.bin\0${1}:\n${notes}./e.txt\0${2}:\n./e.txt\0${3}:\n./f.txt\0${4}:\n${last}${statistics}`,
    );
    assert.deepEqual(files, [
      ['./d.bin', undefined],
      ['./odd\nname', undefined],
      [`${notes}./e.txt`, [2, 3]],
      ['./e.txt', [2, 3]],
      ['./f.txt', [4]],
      ['./z.bin', undefined],
    ]);
    const older = './d.bin: WARNING: stopped searching binary file after match (found "\\0" byte around offset 9)\n';
    assert.deepEqual((await found(`./d.bin\0${1}:\n${older}${statistics}`)).files, [['./d.bin', undefined]]);
    assert.deepEqual((await found(noteOf('./a'), noteOf('./b'), statistics)).files.length, 2);
    const odd = './x: binary file matches (found "\\0" byte around offset 9)\ny';
    const twice = await found(`${odd}\0${2}:\n${odd}\0${3}:\n./z\0${4}:\n${statistics}`);
    assert.deepEqual(
      twice.files.filter(([name]) => name === odd || name === './z'),
      [
        [odd, [2, 3]],
        ['./z', [4]],
      ],
    );
  });

  it('is not known where it ends early, and the file where it ended is read whole', async () => {
    assert.deepEqual(await found(`./a.txt\0${0}:\n./b.txt\0${7}:\n./b.t`), {
      searched: undefined,
      files: [
        ['./a.txt', [0]],
        ['./b.txt', undefined],
      ],
    });
  });
});
