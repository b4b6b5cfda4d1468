import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Lease, LedgerEntry } from '../../../src/core/ports.ts';
import { replaceFile } from '../../../src/platform/files.ts';
import { failureOf } from '../../support/failureOf.ts';
import { never, promised, recordingLog, useFolder, windowOf } from './support.ts';

describe('ledger', () => {
  const folder = useFolder();
  const write = (file: string, content: string | Uint8Array) => writeFile(join(folder.path, file), content);

  it('is not shown if it is torn or foreign, and is an error when a token would be sent', async () => {
    const whole = JSON.stringify({ version: 1, generation: 7, fingerprint: 'f', after: 0 });
    const torn = Array.from(whole, (_, length) => whole.slice(0, length));
    const foreign = [
      ...['null', '[]', '7', '"text"', '{}', '\0'.repeat(50), `${whole}x`, whole.replace('1', '2')],
      ...['-1', '1.5', '1e400', '9007199254740991', '"7"', 'null'].map(text => whole.replace('7', text)),
      ...['intent', 'refused', 'notBefore', 'fingerprint'].map(name => whole.replace('}', `,"${name}":{}}`)),
      whole.replace('}', ',"family":{"id":"f","turn":1,"earlier":"0:f"}}'),
      ' '.repeat(5000),
    ];
    for (const text of [...torn, ...foreign]) {
      const { log, events } = recordingLog();
      await write('n-a.ledger', text);
      assert.deepEqual(await windowOf(folder.path, { log }).peek('a'), {}, text);
      assert.equal(events.length, 1, text);
      assert.equal(events[0]?.event, 'ledger unreadable');
      const failure = await failureOf(windowOf(folder.path).withLock('a', never, lease => lease.readLedger()));
      assert.deepEqual([failure.code, failure.data.reason], ['lock_unavailable', 'damaged'], text);
    }
    await windowOf(folder.path).withLock('a', never, lease => lease.writeLedger({ generation: 1 }));
    assert.deepEqual(await windowOf(folder.path).peek('a'), { ledger: { generation: 1 } });
  });

  it('is not taken as absent if it cannot be read, whatever is there, and nothing is followed or waited for', async function () {
    if (process.platform === 'win32') this.skip();
    const outside = join(folder.path, 'outside');
    await write('outside', JSON.stringify({ version: 1, generation: 7, after: 0 }));
    const places: Record<string, (path: string) => unknown> = {
      EISDIR: path => mkdir(path),
      ELOOP: path => symlink(outside, path),
      ENXIO: path => execFileSync('mkfifo', [path]),
    };
    for (const [reason, put] of Object.entries(places)) {
      for (const file of ['n-a.ledger', 'n-a.journal', 'n-a.signed-out']) {
        const path = join(folder.path, file);
        await put(path);
        const { log, events } = recordingLog();
        assert.deepEqual(await windowOf(folder.path, { log }).peek('a'), {}, `${reason} ${file}`);
        assert.deepEqual(
          events.map(({ fields }) => fields.reason),
          [reason],
        );
        await windowOf(folder.path).withLock('a', never, async lease => {
          const work = file === 'n-a.journal' ? lease.takeOver() : lease.readLedger();
          const { code, data } = await failureOf(work);
          assert.deepEqual([code, data.reason], ['lock_unavailable', reason], file);
        });
        await rm(path, { recursive: true });
      }
    }
  });

  it('takes a moment for what passes, and says what does not', async function () {
    if (process.platform === 'win32' || process.getuid?.() === 0) this.skip();
    const lock = windowOf(folder.path);
    await lock.withLock('a', never, lease => lease.writeLedger({ generation: 3 }));
    const path = join(folder.path, 'n-a.ledger');
    await chmod(path, 0o000);
    await lock.withLock('a', never, async lease => {
      const reading = lease.readLedger();
      await chmod(path, 0o600);
      assert.equal((await reading)?.generation, 3);
      await chmod(path, 0o000);
      assert.equal((await failureOf(lease.readLedger())).data.reason, 'EACCES');
    });
  });

  it('is replaced by a new grant if it is damaged, like the other files', async () => {
    for (const file of ['n-a.ledger', 'n-a.journal', 'n-a.signed-out']) {
      await write(file, '4503599627370495\nx');
      const lock = windowOf(folder.path);
      await lock.withLock('a', never, async lease => {
        await lease.voidBelow(1024);
        await lease.handOver(1024, 'sealed');
        await lease.writeLedger({ generation: 1024 });
      });
      assert.deepEqual(await lock.peek('a'), {
        ledger: { generation: 1024 },
        handedOver: { generation: 1024, sealed: 'sealed' },
      });
      assert.ok((await lock.forget('a', 2, 7)) > 1024);
      await rm(join(folder.path, 'n-a.signed-out'));
    }
  });

  it('has a place on the disk before anything is sent, and the answer has room', async () => {
    const lock = windowOf(folder.path);
    await lock.withLock('a', never, async lease => {
      await lease.mark({ generation: 1, intent: { at: 5 } }, 20_000);
      const [owner = ''] = await readdir(join(folder.path, 'n-a.lock'));
      const reserved = join(folder.path, 'n-a.lock', owner, 'journal');
      assert.equal((await stat(reserved)).size, 20_000);
      await lease.handOver(2, 'x'.repeat(1000));
    });
    assert.equal((await lock.peek('a')).handedOver?.sealed.length, 1000);
    assert.deepEqual((await readdir(folder.path)).sort(), ['n-a.journal', 'n-a.ledger']);
  });

  it('stays as it was if what has to be on the disk before it is not, and waits for all of that', async () => {
    const [file, temporary] = [join(folder.path, 'n-a.ledger'), join(folder.path, 'new')];
    await write('n-a.ledger', 'before');
    const first = promised();
    const draft = (flush: () => Promise<void>) => ({ write() {}, flush, close() {}, discard() {} });
    const failing = draft(() => Promise.reject(new Error('no space')));
    let isOver = false;
    const replaced = replaceFile(file, temporary, 'after', [failing, draft(() => first.promise)]).finally(() => {
      isOver = true;
    });
    const failed = assert.rejects(replaced, /no space/);
    await new Promise(setImmediate);
    assert.equal(isOver, false);
    first.resolve();
    await failed;
    assert.equal(await readFile(file, 'utf8'), 'before');
  });

  it('reads back whatever is written, and any bytes without failing', async () => {
    const lock = windowOf(folder.path);
    const time = fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => value + 0);
    const entries: fc.Arbitrary<LedgerEntry> = fc.record(
      {
        generation: fc.nat({ max: 2 ** 31 }),
        fingerprint: fc.string({ minLength: 1, maxLength: 64 }),
        notBefore: time,
        intent: fc.record({ at: time, retried: fc.constant(true as const) }, { requiredKeys: ['at'] }),
        refused: fc.record({ at: time, error: fc.string({ minLength: 1, maxLength: 200 }) }),
      },
      { requiredKeys: ['generation'] },
    );
    await fc.assert(
      fc.asyncProperty(entries, fc.uint8Array({ maxLength: 200 }), async (entry, bytes) => {
        await lock.withLock('a', never, lease => lease.writeLedger(entry));
        assert.deepEqual(plain((await lock.peek('a')).ledger), plain(entry));
        await write('n-a.ledger', bytes);
        await write('n-a.signed-out', bytes);
        await write('n-a.journal', bytes);
        await lock.peek('a');
        await rm(join(folder.path, 'n-a.signed-out'));
      }),
      { numRuns: 60 },
    );
  });
});

/** As JSON represents it, without -0. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

describe('sign-out of all windows', () => {
  const folder = useFolder();

  async function signedIn(generation: number) {
    const lock = windowOf(folder.path);
    await lock.withLock('a', never, async lease => {
      await lease.handOver(generation, `sealed ${generation}`);
      await lease.writeLedger({ generation });
    });
    return lock;
  }

  it('keeps the fact and nothing else', async () => {
    const lock = await signedIn(4);
    assert.equal(await lock.forget('a', 2, 99), 5);
    assert.deepEqual(await windowOf(folder.path).peek('a'), { ledger: { generation: 5, signedOutAt: 99 } });
    assert.deepEqual(await readdir(folder.path), ['n-a.signed-out']);
  });

  it('counts from the newest generation that either knows', async () => {
    const lock = await signedIn(4);
    assert.equal(await lock.forget('a', 40, 99), 41);
    assert.equal(await lock.forget('a', 1, 100), 42);
    assert.equal(await lock.forget('never seen', 0, 1).catch(() => 'refused'), 'refused');
    assert.equal(await lock.forget('new', 0, 1), 1);
  });

  it('wins over a running refresh of another window, without waiting for it', async () => {
    await signedIn(4);
    const { promise: end, resolve } = promised();
    const { promise: held, resolve: hold } = promised<Lease>();
    const holder = windowOf(folder.path).withLock('a', never, lease => {
      hold(lease);
      return end;
    });
    const lease = await held;
    assert.equal(await windowOf(folder.path).forget('a', 4, 99), 5);
    for (const failure of [failureOf(lease.handOver(5, 'late')), failureOf(lease.writeLedger({ generation: 5 }))]) {
      const { code, data } = await failure;
      assert.equal(code, 'superseded');
      assert.equal(data.signedOut, true);
    }
    assert.deepEqual(await lease.readLedger(), { generation: 5, signedOutAt: 99 });
    resolve();
    await holder;
    assert.deepEqual(await readdir(folder.path), ['n-a.signed-out']);
  });

  it('gives way to the sign-in after it', async () => {
    const lock = await signedIn(4);
    await lock.forget('a', 4, 99);
    await signedIn(6);
    assert.deepEqual(await lock.peek('a'), {
      ledger: { generation: 6 },
      handedOver: { generation: 6, sealed: 'sealed 6' },
    });
  });

  it('does not delete a sign-in that a crash kept out of the ledger', async () => {
    const lock = await signedIn(4);
    await lock.forget('a', 4, 99);
    await lock.withLock('a', never, lease => lease.handOver(6, 'sealed 6'));
    await lock.withLock('a', never, async () => {});
    assert.deepEqual(await lock.peek('a'), {
      ledger: { generation: 5, signedOutAt: 99 },
      handedOver: { generation: 6, sealed: 'sealed 6' },
    });
  });

  it('voids everything older, however refreshes, sign-ins and sign-outs come together', async function () {
    // Hundreds of histories, each of which syncs files to the disk.
    this.timeout(60_000);
    let name = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('refresh', 'signIn', 'signOut'), { minLength: 2, maxLength: 8 }),
        async (s, steps) => {
          const id = `p${name++}`;
          const lock = windowOf(folder.path);
          await lock.withLock(id, never, lease => lease.writeLedger({ generation: 1 }));
          const signOuts: number[] = [];
          const written: number[] = [];
          const run = async (kind: string) => {
            await s.schedule(Promise.resolve(), kind);
            const own = windowOf(folder.path);
            if (kind === 'signOut') return void signOuts.push(await own.forget(id, 0, 1));
            await own.withLock(id, never, async lease => {
              const before = await lease.readLedger();
              if (kind === 'refresh' && before?.signedOutAt !== undefined) return;
              await s.schedule(Promise.resolve(), 'answer');
              const generation = (before?.generation ?? 0) + 1;
              try {
                await lease.handOver(generation, 'sealed');
                await lease.writeLedger({ generation });
                written.push(generation);
              } catch {
                // It was signed out in the meantime.
              }
            });
          };
          const all = Promise.all(steps.map(run));
          await s.waitFor(all);
          const { ledger, handedOver } = await lock.peek(id);
          const last = Math.max(0, ...signOuts);
          const alive = ledger?.signedOutAt === undefined;
          if (alive && signOuts.length > 0) assert.ok((ledger?.generation ?? 0) > last);
          if (!alive) assert.ok(!written.some(generation => generation > last));
          if (handedOver) assert.equal(handedOver.generation > last, true);
        },
      ),
      { numRuns: 25 },
    );
  });
});
