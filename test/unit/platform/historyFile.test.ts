import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/core/waiting.ts';
import { createHistoryFile } from '../../../src/platform/fileLock.ts';

const historyIn = (folder: string) => createHistoryFile(folder, systemClock, () => {});
const added = (line: string) => (text: string | undefined) => `${text ?? ''}${line};`;

describe('a history in a file', () => {
  let folder = '';
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'history-')), 'not-there-yet');
  });
  afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

  it('is read by another window and by the next start, and goes when it is deleted', async () => {
    const store = historyIn(folder);
    assert.equal(await store.read('a'), undefined);
    await store.update('a', added('1'));
    await store.update('A', added('upper'));
    assert.equal(await historyIn(folder).read('a'), '1;');
    assert.equal(await historyIn(folder).read('A'), 'upper;');
    await store.delete('a');
    await store.delete('never');
    assert.equal(await store.read('a'), undefined);
    assert.equal((await readdir(folder)).length, 1, 'no lock and no temporary file is left');
  });

  it('loses no entry of windows that write at one time', async () => {
    const windows = [historyIn(folder), historyIn(folder), historyIn(folder)];
    const lines = Array.from({ length: 10 }, (_, index) => index);
    await Promise.all(
      windows.flatMap((store, window) => lines.map(line => store.update('a', added(`${window}.${line}`)))),
    );
    const text = (await windows[0]?.read('a')) ?? '';
    assert.equal(new Set(text.split(';').filter(Boolean)).size, 30);
  });

  it('replaces a file in an unknown format', async () => {
    const store = historyIn(folder);
    await store.update('a', () => 'x'.repeat(300_000));
    assert.equal(await store.read('a'), undefined);
    await store.update('a', added('1'));
    assert.equal(await store.read('a'), '1;');
  });
});
