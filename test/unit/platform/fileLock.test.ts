import assert from 'node:assert/strict';
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lease } from '../../../src/core/ports.ts';
import { createLocalLock, routeLock, systemClock } from '../../../src/core/waiting.ts';
import type { LockClaim, LockState } from '../../../src/platform/lockClaim.ts';
import { acquire } from '../../../src/platform/lockWait.ts';
import { failureOf } from '../../support/failureOf.ts';
import { manualClock } from '../../support/manualClock.ts';
import { never, promised, quickTimes, recordingLog, useFolder, windowOf } from './support.ts';

/** Many contenders take long on a busy machine, above all under Wine. */
const unhurried = { ...quickTimes, patience: 60_000 };

describe('file lock', () => {
  const folder = useFolder();

  it('leaves nothing behind but the ledger', async () => {
    const path = join(folder.path, 'not', 'there', 'yet');
    const lock = windowOf(path);
    const entry = { generation: 3, fingerprint: '0123456789abcdef', notBefore: 5, intent: { at: 4 } };
    await lock.withLock('a', never, async lease => {
      assert.equal(await lease.readLedger(), undefined);
      await lease.writeLedger(entry);
      assert.equal(lease.fingerprint('abc'), 'ba7816bf8f01cfea');
      assert.notEqual(lease.fingerprint('a'), lease.fingerprint('b'));
    });
    assert.deepEqual(await windowOf(path).peek('a'), { ledger: entry });
    assert.deepEqual(await readdir(path), ['n-a.ledger']);
  });

  it('is for the eyes of its owner only', async function () {
    if (process.platform === 'win32') return this.skip();
    await windowOf(folder.path).withLock('a', never, async lease => {
      await lease.handOver(1, 'sealed');
      await lease.writeLedger({ generation: 1 });
    });
    for (const file of ['n-a.ledger', 'n-a.journal']) {
      assert.equal((await stat(join(folder.path, file))).mode & 0o777, 0o600, file);
    }
  });

  it('answers what the work answers, and is free again after it fails', async () => {
    const lock = windowOf(folder.path);
    assert.equal(await lock.withLock('a', never, async () => 'answer'), 'answer');
    await assert.rejects(
      lock.withLock('a', never, () => Promise.reject(new TypeError('mine'))),
      TypeError,
    );
    assert.equal(await windowOf(folder.path).withLock('a', never, async () => 'free'), 'free');
  });

  it('keeps callers of one window in the order in which they came', async () => {
    const lock = windowOf(folder.path);
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, number) => lock.withLock('a', never, async () => void order.push(number))),
    );
    assert.deepEqual(
      order,
      Array.from({ length: 20 }, (_, number) => number),
    );
  });

  it('lets one in at a time, whichever window asks', async () => {
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const lock = windowOf(folder.path, { times: unhurried });
        for (let round = 0; round < 5; round++) {
          await lock.withLock('a', never, async () => {
            most = Math.max(most, ++inside);
            await new Promise(setImmediate);
            inside--;
          });
        }
      }),
    );
    assert.equal(most, 1);
  });

  it('holds different names at once', async () => {
    const lock = windowOf(folder.path);
    await lock.withLock('a', never, () => lock.withLock('b', never, async () => {}));
  });

  it('tells names apart on file systems that do not, and uses no name of a device', async () => {
    const lock = windowOf(folder.path);
    const names = ['Con', 'con', 'cON', 'nul', 'a.ledger', 'A', 'a', 'a-', 'a_', 'x'.repeat(64), 'X'.repeat(64)];
    for (const [generation, name] of names.entries()) {
      await lock.withLock(name, never, lease => lease.writeLedger({ generation }));
    }
    for (const [generation, name] of names.entries()) {
      assert.deepEqual((await lock.peek(name)).ledger, { generation }, name);
    }
    const files = (await readdir(folder.path)).map(name => name.toLowerCase());
    assert.equal(new Set(files).size, names.length);
    assert.ok(files.every(name => /^n-/.test(name)));
  });

  it('rejects a name that is a path', async () => {
    for (const name of ['../a', 'a/b', '', 'a\\b', 'a:b', 'é', 'a\n']) {
      const failure = await failureOf(windowOf(folder.path).withLock(name, never, async () => {}));
      assert.equal(failure.code, 'internal', name);
    }
  });

  it('gives up waiting when it is told to, in the queue and at the file', async () => {
    const first = windowOf(folder.path);
    const other = windowOf(folder.path);
    const { promise: end, resolve } = promised();
    const { promise: held, resolve: hold } = promised();
    const holder = first.withLock('a', never, () => {
      hold();
      return end;
    });
    await held;
    for (const waiting of [first, other]) {
      const abort = new AbortController();
      const waiter = failureOf(waiting.withLock('a', abort.signal, async () => assert.fail('ran unlocked')));
      abort.abort();
      assert.equal((await waiter).code, 'cancelled');
    }
    const gone = await failureOf(first.withLock('a', AbortSignal.abort(), async () => {}));
    assert.equal(gone.code, 'cancelled');
    resolve();
    await holder;
    await other.withLock('a', never, async () => {});
    assert.deepEqual(await readdir(folder.path), []);
  });

  it('gives up waiting in the end, and never runs unlocked', async () => {
    const times = { ...quickTimes, patience: 60 };
    const first = windowOf(folder.path, { times });
    const other = windowOf(folder.path, { times });
    await first.withLock('a', never, async () => {
      for (const waiting of [first, other]) {
        const failure = await failureOf(waiting.withLock('a', never, async () => assert.fail('ran unlocked')));
        assert.equal(failure.code, 'lock_timeout');
      }
    });
    await other.withLock('a', never, async () => {});
  });

  it('gives up waiting although the time of day is set back meanwhile', async () => {
    const { promise: end, resolve } = promised();
    const { promise: held, resolve: hold } = promised();
    const holder = windowOf(folder.path).withLock('a', never, () => {
      hold();
      return end;
    });
    await held;
    let now = Date.now();
    const clock = { ...systemClock, now: () => (now -= 3_600_000) };
    const times = { ...quickTimes, patience: 200 };
    const { now: timeOfDay } = Date;
    Date.now = clock.now;
    try {
      const waiting = windowOf(folder.path, { clock, times }).withLock('a', never, async () => assert.fail('taken'));
      assert.equal((await failureOf(waiting)).code, 'lock_timeout');
    } finally {
      Date.now = timeOfDay;
    }
    resolve();
    await holder;
  });

  it('names the holder that it waited for, even if the last look falls between two holders', async () => {
    const looks: (LockState | undefined)[] = [{ owner: '42-0', mark: 'one' }, undefined];
    const none = async () => {};
    const claim: LockClaim = {
      owner: '1-0',
      path: file => file,
      take: async () => false,
      look: async () => looks.shift(),
      takeOver: async () => false,
      announce: () => {},
      beat: async () => 'gone',
      release: async () => true,
      withdraw: none,
    };
    let time = 0;
    const waiting = { name: 'a', signal: never, deadline: 2, sendsNothing: false, times: quickTimes, log: () => {} };
    const failure = await failureOf(acquire(claim, { ...waiting, clock: systemClock, monotonic: () => time++ }));
    assert.equal(failure.code === 'lock_timeout' && failure.data.process, 42);
  });

  it('says why where there can be no lock', async () => {
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    const failure = await failureOf(windowOf(file).withLock('a', never, async () => {}));
    assert.equal(failure.code, 'lock_unavailable');
    assert.match(String(failure.data.reason), /^E[A-Z]+$/);
  });

  it('is not kept by what others put in its place', async () => {
    const lock = windowOf(folder.path);
    await mkdir(join(folder.path, 'n-a.lock'));
    await lock.withLock('a', never, async () => {});
    await mkdir(join(folder.path, 'n-a.lock'));
    await writeFile(join(folder.path, 'n-a.lock', '.DS_Store'), '');
    await lock.withLock('a', never, async () => {});
    await writeFile(join(folder.path, 'n-a.lock'), '');
    await lock.withLock('a', never, async () => {});
    assert.deepEqual(await readdir(folder.path), []);
  });

  it('sweeps what killed processes left, a day later', async () => {
    const old = join(folder.path, `n-a.1-${'0'.repeat(32)}.new`);
    const recent = join(folder.path, `n-a.1-${'1'.repeat(32)}.old`);
    for (const path of [old, recent]) await mkdir(join(path, 'inside'), { recursive: true });
    await utimes(old, new Date(0), new Date(0));
    await windowOf(folder.path).withLock('a', never, async () => {});
    // Only this test waits for the sweep; mocha's timeout ends the wait.
    while ((await readdir(folder.path)).length > 1) await new Promise(setImmediate);
    assert.deepEqual(await readdir(folder.path), [`n-a.1-${'1'.repeat(32)}.old`]);
  });

  it('writes nothing for connections that live in memory', async () => {
    const lock = routeLock(name => name === 'mock', windowOf(folder.path), createLocalLock());
    await lock.withLock('mock', never, async lease => {
      assert.equal(lease.shared, false);
      await lease.renew();
      await lease.handOver(1, 'sealed');
      await lease.writeLedger({ generation: 1 });
      assert.deepEqual(await lease.readLedger(), { generation: 1 });
      assert.equal(await lease.takeOver(), undefined);
    });
    assert.equal(await lock.forget('mock', 1, 7), 2);
    assert.deepEqual(await lock.peek('mock'), { ledger: { generation: 2, signedOutAt: 7 } });
    assert.deepEqual(await readdir(folder.path), []);
  });

  it('hints at what other windows write', async () => {
    const { promise: hinted, resolve } = promised<string>();
    const stop = windowOf(folder.path).onDidChange(resolve);
    try {
      await windowOf(folder.path).withLock('Some.Name', never, lease => lease.writeLedger({ generation: 1 }));
      assert.equal(await hinted, 'Some.Name');
    } finally {
      stop();
    }
  });
});

describe('file lock whose holder is suspended', () => {
  const folder = useFolder();

  /** Holds the lock without a heartbeat, because its timers never fire, until `end` is called. */
  async function stuckHolder(monotonic: () => number) {
    const clock = manualClock();
    const { log, events } = recordingLog();
    const { promise: end, resolve: finish } = promised();
    const { promise: held, resolve: hold } = promised<Lease>();
    const done = windowOf(folder.path, { clock, monotonic, log }).withLock('a', never, lease => {
      hold(lease);
      return end;
    });
    return {
      lease: await held,
      clock,
      events,
      async end() {
        finish();
        await done;
      },
    };
  }

  it('is taken over, and its later writes have no effect, even before it notices', async () => {
    const { lease, end, clock, events } = await stuckHolder(() => 0);
    const { log, events: others } = recordingLog();
    await windowOf(folder.path, { log }).withLock('a', never, async mine => {
      assert.equal(lease.lost, false, 'it cannot know yet');
      await mine.renew();
      await mine.writeLedger({ generation: 2 });
      assert.equal((await failureOf(lease.writeLedger({ generation: 9 }))).code, 'lock_lost');
      assert.equal((await failureOf(lease.handOver(9, 'sealed'))).code, 'lock_lost');
      assert.equal(lease.lost, true);
      assert.equal((await failureOf(lease.renew())).code, 'lock_lost');
      await end();
      // Its release must not release our lock.
      await mine.renew();
    });
    assert.deepEqual(await windowOf(folder.path).peek('a'), { ledger: { generation: 2 } });
    assert.deepEqual(
      others.map(({ event }) => event),
      ['lock taken over'],
    );
    assert.deepEqual(
      events.map(({ event }) => event),
      ['lock lost'],
    );
    assert.equal(clock.pending, 0);
    assert.deepEqual(await readdir(folder.path), ['n-a.ledger']);
  });

  it('calls itself lost before another could take over, and notices that none did', async () => {
    let now = 0;
    const { lease, end } = await stuckHolder(() => now);
    now = quickTimes.stale - quickTimes.heartbeat;
    assert.equal(lease.lost, false);
    now++;
    assert.equal(lease.lost, true);
    assert.equal((await failureOf(lease.writeLedger({ generation: 1 }))).code, 'lock_lost');
    await lease.renew();
    assert.equal(lease.lost, false);
    await lease.writeLedger({ generation: 1 });
    await end();
    assert.deepEqual(await windowOf(folder.path).peek('a'), { ledger: { generation: 1 } });
  });

  it('is not taken for dead by a waiter that stood still itself', async () => {
    let now = 0;
    const { end } = await stuckHolder(() => 0);
    // By the waiter's clock, an hour passes between two checks, as on a machine that sleeps a lot.
    const times = { ...quickTimes, stale: 5000, patience: 30 * 3_600_000 };
    const abort = new AbortController();
    const failure = failureOf(
      windowOf(folder.path, {
        times,
        monotonic: () => {
          now += 3_600_000;
          if (now > 20 * 3_600_000) abort.abort();
          return now;
        },
      }).withLock('a', abort.signal, async () => assert.fail('taken over')),
    );
    assert.equal((await failure).code, 'cancelled');
    await end();
  });

  it('goes to only one of many that have seen its holder dead', async () => {
    const { end } = await stuckHolder(() => 0);
    let inside = 0;
    let most = 0;
    const { log, events } = recordingLog();
    await Promise.all(
      Array.from({ length: 12 }, () =>
        windowOf(folder.path, { log, times: unhurried }).withLock('a', never, async () => {
          most = Math.max(most, ++inside);
          await new Promise(setImmediate);
          inside--;
        }),
      ),
    );
    assert.equal(most, 1);
    assert.equal(events.filter(({ event }) => event === 'lock taken over').length, 1);
    await end();
  });

  it('keeps the lock for as long as it beats', async () => {
    const { promise: end, resolve } = promised();
    const { promise: held, resolve: hold } = promised();
    const holder = windowOf(folder.path).withLock('a', never, () => {
      hold();
      return end;
    });
    await held;
    const times = { ...quickTimes, patience: 1.5 * quickTimes.stale };
    const failure = await failureOf(
      windowOf(folder.path, { times }).withLock('a', never, async () => assert.fail('taken over')),
    );
    assert.equal(failure.code, 'lock_timeout');
    resolve();
    await holder;
  });
});
