import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { journalKeyName, newKeyText } from '../../../src/core/records/journalKeys.ts';
import { failureOf } from '../../support/failureOf.ts';
import type { Order, Orders, Word } from './child.ts';
import { seedStore } from './laggingStore.ts';
import { never, quickTimes, useFolder, windowOf } from './support.ts';

/** Long times, so that no lock becomes stale by accident on a busy machine. */
const patientTimes = { heartbeat: 50, stale: 20_000, patience: 20_000, poll: 10 };

describe('windows as processes', () => {
  const folder = useFolder();
  let scripts = '';
  let children: Child[] = [];
  /** Those that have done their work: each start takes longer than most tests. */
  const idle: Child[] = [];

  before(async () => {
    scripts = await mkdtemp(resolve('out', 'child-'));
    await build({
      entryPoints: [resolve('test', 'unit', 'platform', 'child.ts')],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: join(scripts, 'child.mjs'),
    });
  });
  after(async () => {
    for (const child of idle) child.process.kill('SIGKILL');
    await rm(scripts, { recursive: true, force: true });
  });
  afterEach(function () {
    for (const child of children) {
      if (child.isDone && this.currentTest?.isPassed()) idle.push(child);
      else child.process.kill('SIGKILL');
    }
    children = [];
  });

  async function start(orders: Partial<Orders> = {}): Promise<Child> {
    const all: Orders = { folder: folder.path, times: quickTimes, lag: 0, ...orders };
    const child = idle.pop() ?? new Child(fork(join(scripts, 'child.mjs'), { execArgv: [] }));
    children.push(child);
    child.tell({ type: 'begin', orders: all });
    await child.next('ready');
    return child;
  }

  it('count to 80 together', async () => {
    await writeFile(join(folder.path, 'count'), '0');
    const all = await Promise.all(Array.from({ length: 8 }, () => start({ times: patientTimes })));
    for (const child of all) child.tell({ type: 'count', rounds: 10 });
    await Promise.all(all.map(child => child.next('counted')));
    assert.equal(await readFile(join(folder.path, 'count'), 'utf8'), '80');
    assert.deepEqual(await readdir(folder.path), ['count']);
  }).timeout(60_000);

  it('take over from one that was killed', async () => {
    const child = await start();
    child.tell({ type: 'hold' });
    await child.next('held');
    child.process.kill('SIGKILL');
    const since = performance.now();
    await windowOf(folder.path).withLock('a', never, async () => {});
    assert.ok(performance.now() - since >= quickTimes.stale, 'it might have been alive');
    assert.deepEqual(await readdir(folder.path), []);
  });

  it('take over from one that stands still, and it knows as soon as it goes on', async function () {
    if (process.platform === 'win32') return this.skip();
    const child = await start();
    child.tell({ type: 'hold' });
    await child.next('held');
    child.process.kill('SIGSTOP');
    await windowOf(folder.path).withLock('a', never, async lease => {
      await lease.renew();
      await lease.writeLedger({ generation: 5 });
      child.tell({ type: 'write' });
      child.process.kill('SIGCONT');
      const tried = await child.next('tried');
      assert.equal(tried.lost, true);
      assert.equal(tried.ledger, 'lock_lost');
      assert.equal(tried.journal, 'lock_lost');
      assert.equal(tried.renewed, 'lock_lost');
      await lease.renew();
    });
    assert.deepEqual(await windowOf(folder.path).peek('a'), { ledger: { generation: 5 } });
  });

  it('wait for one that stands still with a request under way, and say which it is', async function () {
    if (process.platform === 'win32') return this.skip();
    const child = await start();
    child.tell({ type: 'hold', marks: true });
    await child.next('held');
    child.process.kill('SIGSTOP');
    // Seven times as long as it takes until a holder counts as dead.
    const failure = await failureOf(windowOf(folder.path).withLock('a', never, async () => assert.fail('taken over')));
    assert.deepEqual([failure.code, failure.data.process], ['lock_timeout', child.process.pid]);
    if (process.platform === 'linux') assert.ok(Math.abs(Number(failure.data.since) - Date.now()) < 60_000);
    child.process.kill('SIGCONT');
    child.tell({ type: 'write' });
    const tried = await child.next('tried');
    assert.deepEqual([tried.renewed, tried.journal], ['written', 'written']);
    // A new grant does not send the held token, so it does not wait for it.
    child.process.kill('SIGSTOP');
    await windowOf(folder.path).withLock('a', never, async () => {}, 'new_grant');
  });

  it('take over at once from one that was killed with a request under way', async function () {
    if (process.platform !== 'linux') return this.skip();
    const times = { ...quickTimes, stale: 60_000, patience: 60_000 };
    const child = await start({ times });
    child.tell({ type: 'hold', marks: true });
    await child.next('held');
    const gone = once(child.process, 'exit');
    child.process.kill('SIGKILL');
    await gone;
    await windowOf(folder.path, { times }).withLock('a', never, async () => {});
  }).timeout(60_000);

  /** An issuer that rotates with every refresh and records what it was sent. */
  function issuer() {
    const posted: string[] = [];
    let current = 'token 0';
    return {
      posted,
      answer(child: Child, token: unknown) {
        posted.push(String(token));
        assert.equal(token, current, 'only the newest token may be sent');
        current = `token ${posted.length}`;
        child.tell({ type: 'answer', token: current });
      },
    };
  }

  async function seed(withKey: boolean): Promise<void> {
    await seedStore(join(folder.path, 'secrets'), {
      a: JSON.stringify({ generation: 1, token: 'token 0' }),
      ...(withKey && { [journalKeyName]: newKeyText() }),
    });
  }

  /** Each window requests `rounds` refreshes, all at once. Resolves with their results. */
  async function refreshAll(windows: readonly Child[], rounds: number, mock = issuer()): Promise<Word[]> {
    const words = windows.map(async child => {
      const outcomes: Word[] = [];
      for (let round = 0; round < rounds; round++) {
        child.tell({ type: 'refresh' });
        let word = await child.next('post', 'refreshed', 'behind');
        if (word.type === 'post') {
          mock.answer(child, word.token);
          word = await child.next('refreshed');
        }
        outcomes.push(word);
      }
      return outcomes;
    });
    const all = (await Promise.all(words)).flat();
    assert.equal(new Set(mock.posted).size, mock.posted.length, 'no token is sent twice');
    return all;
  }

  it('hand each other the newest token, however late their stores show it', async () => {
    await seed(true);
    const lags = [0, 100, 500, 1000, 2000, 'never', 'never', 'never'] as const;
    const windows = await Promise.all(lags.map(lag => start({ lag, times: patientTimes })));
    const words = await refreshAll(windows, 3);
    assert.deepEqual(
      words.filter(({ type }) => type !== 'refreshed'),
      [],
    );
    assert.equal((await windowOf(folder.path).peek('a')).ledger?.generation, 1 + 3 * lags.length);
  }).timeout(60_000);

  it('share a new key by its file, however late their stores show it', async () => {
    await seed(false);
    const windows = await Promise.all([0, 1, 2].map(() => start({ lag: 'never', times: patientTimes })));
    const words = await refreshAll(windows, 4);
    assert.deepEqual([...new Set(words.map(({ type }) => type))], ['refreshed']);
  }).timeout(60_000);

  it('send nothing where stores and keys are disjoint, and say so', async () => {
    await seed(false);
    const [one, two] = await Promise.all([0, 1].map(() => start({ lag: 'never', times: patientTimes })));
    assert.ok(one && two);
    const mock = issuer();
    await refreshAll([one], 1, mock);
    // The key's file is gone, as it is after a minute.
    await writeFile(join(folder.path, 'n-_journal-key.journal'), '1\n-');
    const [behind] = await refreshAll([two], 1, mock);
    assert.equal(behind?.type, 'behind');
    assert.ok(String(behind.events).includes('journal not opened'));
    // The window that is up to date continues.
    const words = await refreshAll([one], 2, mock);
    assert.deepEqual([...new Set(words.map(({ type }) => type))], ['refreshed']);
  }).timeout(60_000);

  for (const stopAfter of ['journal', 'vault'] as const) {
    it(`lose no token when one is killed after it wrote the ${stopAfter}`, async () => {
      await seed(true);
      const mock = issuer();
      const child = await start({ lag: 'never' });
      child.tell({ type: 'refresh', stopAfter });
      mock.answer(child, (await child.next('post')).token);
      await child.next('stopped');
      child.process.kill('SIGKILL');
      const [word] = await refreshAll([await start({ lag: 'never' })], 1, mock);
      assert.equal(word?.type, 'refreshed');
      assert.deepEqual(mock.posted, ['token 0', 'token 1']);
      assert.equal((await windowOf(folder.path).peek('a')).ledger?.generation, 3);
    });
  }
});

/** A child process that reports in messages. */
class Child {
  readonly process: ChildProcess;
  /** False if it was told to hold the lock, or to stop. */
  isDone = true;
  private readonly words: Word[] = [];
  private heard: () => void = () => {};

  constructor(process: ChildProcess) {
    this.process = process;
    process.on('message', (word: Word) => {
      this.words.push(word);
      this.heard();
    });
    process.on('exit', () => this.heard());
  }

  tell(order: Order): void {
    if (order.type === 'hold' || (order.type === 'refresh' && order.stopAfter)) this.isDone = false;
    this.process.send(order);
  }

  /** Waits for the next message, which must be one of these. */
  async next(...types: string[]): Promise<Word> {
    while (this.words.length === 0) {
      if (this.process.exitCode !== null) assert.fail(`ended with ${this.process.exitCode}`);
      await new Promise<void>(resolve => {
        this.heard = resolve;
      });
    }
    const word = this.words.shift();
    assert.ok(word !== undefined && types.includes(word.type), JSON.stringify(word));
    return word;
  }
}
