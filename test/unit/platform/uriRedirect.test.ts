import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/core/waiting.ts';
import { createUriRedirects, type UriRedirects } from '../../../src/platform/uriRedirect.ts';

const uri = 'vscode://jwt-workbench.jwt-workbench/callback';
const callback = (parameters: Record<string, string>) => new URLSearchParams(parameters);

describe('an address that VS Code opens', () => {
  let folder: string;
  /** Two windows of one machine. */
  let [one, other]: [UriRedirects, UriRedirects] = [] as never;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redirects-'));
    // Checks as often as possible, so that the test need not wait.
    const clock = { ...systemClock, schedule: (work: () => void) => systemClock.schedule(work, 1) };
    [one, other] = [createUriRedirects(folder, clock), createUriRedirects(folder, clock)];
  });
  afterEach(() => rm(folder, { recursive: true }));
  const files = () => readdir(folder).catch(() => []);
  const until = async (fits: (names: readonly string[]) => boolean) => {
    while (!fits(await files())) await new Promise(resolve => setImmediate(resolve));
  };

  it('brings the answer to the sign-in of this window, once', async () => {
    const listener = one.listen(uri);
    assert.equal(listener.redirectUri, uri);
    const answer = listener.answer('mine');
    assert.equal(await one.arrived(callback({ state: 'guess', code: 'x' })), 'foreign');
    assert.equal(await one.arrived(callback({ code: 'x' })), 'foreign');
    assert.equal(await one.arrived(callback({ state: 'mine', code: 'right' })), 'taken');
    assert.equal((await answer).parameters.get('code'), 'right');
    await until(names => names.length === 0);
    assert.equal(await one.arrived(callback({ state: 'mine', code: 'again' })), 'foreign');
  });

  it('hears the first of two answers that come at the same moment', async () => {
    const answer = one.listen(uri).answer('mine');
    await until(names => names.length === 1);
    const arrivals = ['first', 'second'].map(code => one.arrived(callback({ state: 'mine', code })));
    assert.deepEqual(await Promise.all(arrivals), ['taken', 'foreign']);
    assert.equal((await answer).parameters.get('code'), 'first');
    assert.deepEqual(await files(), []);
  });

  it('keeps the sign-ins of one window apart', async () => {
    const answers = [one.listen(uri).answer('first'), one.listen(uri).answer('second')];
    await one.arrived(callback({ state: 'second', code: '2' }));
    await one.arrived(callback({ state: 'first', code: '1' }));
    const codes = (await Promise.all(answers)).map(({ parameters }) => parameters.get('code'));
    assert.deepEqual(codes, ['1', '2']);
  });

  it('is passed on, sealed, if it arrives in the wrong window', async () => {
    const answer = one.listen(uri).answer('mine');
    await until(names => names.length === 1);
    assert.equal(await other.arrived(callback({ state: 'guess', code: 'x' })), 'foreign');
    const handedOver = other.arrived(callback({ state: 'mine', code: 'canary', iss: 'https://a.example' }));
    assert.equal((await answer).parameters.get('code'), 'canary');
    assert.equal(await handedOver, 'handed_over');
    await until(names => names.length === 0);
    assert.equal(await other.arrived(callback({ state: 'mine', code: 'again' })), 'foreign');
  });

  it('writes neither the state nor the code, and opens nothing that was not sealed with the state', async () => {
    const listener = one.listen(uri);
    let heard = false;
    void listener.answer('the-state').then(() => {
      heard = true;
    });
    await until(names => names.length === 1);
    const [mark = ''] = await files();
    await writeFile(join(folder, `${mark}.answer`), Buffer.from('state=the-state&code=forged').toString('base64'));
    const looked = await readFile(join(folder, mark), 'utf8');
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setTimeout(resolve, 1));
    assert.deepEqual([heard, looked, mark.includes('the-state')], [false, '', false]);
    listener.close();
    await until(names => names.length === 0);
    // A late redirect finds no waiting sign-in and leaves nothing behind.
    assert.equal(await other.arrived(callback({ state: 'the-state', code: 'late' })), 'foreign');
    assert.deepEqual(await files(), []);
  });

  it('sweeps out what a window left that ended in between', async () => {
    await writeFile(join(folder, 'left'), '');
    await utimes(join(folder, 'left'), 1, 1);
    const listener = one.listen(uri);
    void listener.answer('mine');
    await until(names => names.length === 1 && !names.includes('left'));
    listener.close();
    await until(names => names.length === 0);
  });
});
