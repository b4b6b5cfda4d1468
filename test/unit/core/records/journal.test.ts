import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import type { Clock, HandedOver, Lease, SecretVault } from '../../../../src/core/ports.ts';
import {
  createHandover,
  createJournalKeys,
  type JournalKey,
  journalKeyName,
  newKeyText,
  open,
  readKey,
  seal,
} from '../../../../src/core/records/journalKeys.ts';
import { createMemoryStore } from '../../../../src/core/records/vault.ts';
import { createLocalLock, systemClock } from '../../../../src/core/waiting.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { manualClock } from '../../../support/manualClock.ts';
import { useFolder, windowOf } from '../../platform/support.ts';

async function newKey(text = newKeyText()): Promise<JournalKey> {
  const key = await readKey(text);
  assert.ok(key);
  return key;
}

const subject = { connection: 'a', generation: 7 };
const quiet = () => {};

describe('journal', () => {
  it('opens what was sealed, with the key', async () => {
    const text = newKeyText();
    const key = await newKey(text);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 300 }), async record => {
        const sealed = await seal(key, subject, record);
        assert.deepEqual(await open([await newKey(), await newKey(text)], subject, sealed), { text: record });
      }),
      { numRuns: 50 },
    );
  });

  it('reveals nothing of its content, and never looks the same twice', async () => {
    const key = await newKey();
    const [one, two] = [await seal(key, subject, 'canary-token'), await seal(key, subject, 'canary-token')];
    assert.notEqual(one, two);
    for (const sealed of [one, two]) {
      assert.doesNotMatch(sealed, /canary/);
      assert.doesNotMatch(Buffer.from(sealed, 'base64url').toString('latin1'), /canary/);
    }
  });

  it('opens for no other connection, generation or key', async () => {
    const key = await newKey();
    const sealed = await seal(key, subject, 'record');
    assert.deepEqual(await open([key], { ...subject, connection: 'A' }, sealed), { fault: 'sealed' });
    assert.deepEqual(await open([key], { ...subject, generation: 8 }, sealed), { fault: 'sealed' });
    assert.deepEqual(await open([await newKey()], subject, sealed), { fault: 'key' });
    assert.deepEqual(await open([], subject, sealed), { fault: 'key' });
  });

  it('does not open once anything is changed, anywhere', async () => {
    const key = await newKey();
    const sealed = await seal(key, subject, 'record');
    for (let at = 0; at < sealed.length; at++) {
      const other = sealed[at] === 'x' ? 'y' : 'x';
      for (const changed of [
        sealed.slice(0, at) + other + sealed.slice(at + 1),
        sealed.slice(0, at),
        sealed.slice(0, at) + sealed.slice(at + 1),
      ]) {
        // The last character can carry unused bits; then it decodes to the same bytes.
        const opened = await open([key], subject, changed);
        if ('text' in opened) assert.ok(at >= sealed.length - 1 || changed === sealed, `${at}`);
        if ('text' in opened) assert.equal(opened.text, 'record');
      }
    }
  });

  it('takes any text at all without failing', async () => {
    const key = await newKey();
    const parts = fc.array(fc.oneof(fc.constantFrom('jwtw1', key.id), fc.base64String(), fc.string()), {
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(parts, async texts => {
        assert.ok('fault' in (await open([key], subject, texts.join('.'))));
      }),
    );
  });

  it('takes 32 bytes for a key, spelled in one way only', async () => {
    const text = newKeyText();
    for (const wrong of ['', 'x', text.slice(1), `${text}A`, `${text}=`, ` ${text}`, `${text.slice(0, -1)}B`]) {
      assert.equal(await readKey(wrong), undefined, wrong);
    }
  });
});

describe('the journal’s key', () => {
  const parts = (secrets: SecretVault, lock = createLocalLock()) => ({
    secrets,
    lock,
    clock: systemClock,
    log: quiet,
  });

  it('is made once, however many ask, and found by the next window', async () => {
    const secrets = createMemoryStore();
    let stores = 0;
    const counted: SecretVault = {
      ...secrets,
      store: (key, value) => {
        stores++;
        return secrets.store(key, value);
      },
    };
    const lock = createLocalLock();
    const windows = Array.from({ length: 5 }, () => createJournalKeys(parts(counted, lock)));
    const keys = await Promise.all(windows.flatMap(keysOf => [keysOf.current(), keysOf.current()]));
    assert.equal(new Set(keys.map(key => key?.id)).size, 1);
    assert.equal(stores, 1);
    assert.equal((await createJournalKeys(parts(counted)).current())?.id, keys[0]?.id);
  });

  it('is made early where there never was one, and neither to open something nor over another’s', async () => {
    const lock = createLocalLock();
    const stores = [createMemoryStore(), createMemoryStore()] as const;
    const [one, two] = [createJournalKeys(parts(stores[0], lock)), createJournalKeys(parts(stores[1], lock))];
    assert.deepEqual(await one.known(), []);
    assert.deepEqual(await stores[0].keys(), []);
    await one.prepare();
    assert.deepEqual(await stores[0].keys(), [journalKeyName]);
    await one.prepare();
    assert.equal((await one.known())[0]?.id, (await one.current())?.id);
    // This store never shows the other window's values.
    await two.prepare();
    assert.deepEqual(await two.known(), []);
    assert.deepEqual(await stores[1].keys(), []);
  });

  it('is awaited if another window has made it, and made anew if it never arrives', async () => {
    const clock = manualClock();
    const lock = createLocalLock();
    const first = await createJournalKeys({ ...parts(createMemoryStore(), lock), clock }).current();
    const events: string[] = [];
    for (const arrives of [true, false]) {
      const theirs = createMemoryStore();
      const text = newKeyText();
      const asked = createJournalKeys({
        ...parts(theirs, lock),
        clock,
        log: (_, event) => void events.push(event),
      }).current();
      for (let step = 0; step < 50; step++) {
        // Between two timers, only promises are pending.
        await new Promise(setImmediate);
        if (arrives && step === 10) await theirs.store(journalKeyName, text);
        clock.advance(100);
      }
      const key = await asked;
      assert.notEqual(key?.id, first?.id);
      assert.equal(key?.id === (await newKey(text)).id, arrives);
    }
    assert.deepEqual(events, ['journal key replaced']);
  });

  it('is left unchanged if it cannot be read, and nothing is passed on', async () => {
    const secrets = createMemoryStore();
    await secrets.store(journalKeyName, 'of a later version');
    const keys = createJournalKeys(parts(secrets));
    assert.equal(await keys.current(), undefined);
    assert.equal(await secrets.get(journalKeyName), 'of a later version');
    const faulty = { ...secrets, get: () => Promise.reject(new Error('keyring')) };
    assert.equal(await createJournalKeys(parts(faulty)).current(), undefined);
    await secrets.store(journalKeyName, newKeyText());
    assert.ok(await keys.current(), 'a keyring that is unlocked later');
  });

  it('follows what the store says, and still opens what was sealed before', async () => {
    let listener: (key: string) => void = () => {};
    const memory = createMemoryStore();
    const keys = createJournalKeys(
      parts({
        ...memory,
        onDidChange: heard => {
          listener = heard;
          return () => {};
        },
      }),
    );
    const before = await keys.current();
    const text = newKeyText();
    await memory.store(journalKeyName, text);
    listener('something else');
    assert.equal(await keys.current(), before);
    listener(journalKeyName);
    assert.equal((await keys.current())?.id, (await newKey(text)).id);
    assert.equal((await keys.known()).length, 2);
  });
});

describe('a new journal key', () => {
  const folder = useFolder();
  const file = () => readFile(join(folder.path, 'n-_journal-key.journal'), 'utf8');
  const clear = async () => {
    for (const name of await readdir(folder.path)) await rm(join(folder.path, name));
  };
  const keysOf = (secrets: SecretVault, clock: Clock) =>
    createJournalKeys({ secrets, lock: windowOf(folder.path), clock, log: quiet });

  it('is in a file until the store has had its time, so that a crash before that costs nothing', async () => {
    const clock = manualClock();
    const lost = createMemoryStore();
    const key = await keysOf(lost, clock).current();
    assert.match(await file(), /^1\n[\w-]{43}$/);
    // The process was killed before its store wrote anything.
    const next = createMemoryStore();
    const after = keysOf(next, clock);
    assert.deepEqual(
      (await after.known()).map(({ id }) => id),
      [key?.id],
    );
    assert.equal((await after.current())?.id, key?.id);
    assert.ok((await next.get(journalKeyName))?.length);
    clock.advance(59_000);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    assert.match(await file(), /^2\n[\w-]{43}$/);
    // Automatically, because the next refresh may be hours away.
    clock.advance(1000);
    while (!(await file()).endsWith('\n-')) await new Promise(setImmediate);
    assert.equal((await keysOf(next, clock).current())?.id, key?.id);
  });

  it('has its file taken away by a later window, and by one whose clock was set back', async () => {
    for (const shift of [60_000, -3_600_000]) {
      const clock = manualClock();
      const store = createMemoryStore();
      await keysOf(store, clock).current();
      const later = manualClock(clock.now() + shift);
      // At its start or at its first refresh.
      await keysOf(store, later)[shift > 0 ? 'prepare' : 'current']();
      later.advance(0);
      while (!(await file()).endsWith('\n-')) await new Promise(setImmediate);
      await clear();
    }
  });

  it('is made where what windows have noted of an older one is damaged', async () => {
    for (const name of ['ledger', 'journal', 'signed-out']) {
      await writeFile(join(folder.path, `n-_journal-key.${name}`), '4503599627370495\nx');
      assert.ok(await keysOf(createMemoryStore(), manualClock()).current(), name);
      await clear();
    }
  });
});

describe('handing over', () => {
  function window(secrets = createMemoryStore(), lock = createLocalLock()) {
    const events: string[] = [];
    const log = (_: unknown, event: string) => void events.push(event);
    const keys = createJournalKeys({ secrets, lock, clock: systemClock, log: quiet });
    return { ...createHandover({ keys, log }), events };
  }

  function leaseOf(file: { content?: HandedOver }, handOver?: Lease['handOver']): Lease {
    return {
      lost: false,
      shared: true,
      renew: async () => {},
      fingerprint: () => '',
      readLedger: async () => undefined,
      writeLedger: async () => {},
      mark: async () => {},
      voidBelow: async () => {},
      handOver:
        handOver ??
        (async (generation, sealed) => {
          file.content = { generation, sealed };
        }),
      takeOver: async () => file.content,
    };
  }

  it('passes a record to a window with the same key, but only if it is newer', async () => {
    const secrets = createMemoryStore();
    const file: { content?: HandedOver } = {};
    const [one, two] = [window(secrets), window(secrets)];
    await one.give(leaseOf(file), subject, 'record');
    assert.deepEqual(await two.take(file.content, 'a', 6), { generation: 7, text: 'record' });
    assert.equal(await two.take(file.content, 'a', 7), undefined);
    assert.equal(await two.take(undefined, 'a', 0), undefined);
    assert.deepEqual(two.events, []);
  });

  it('reports what it cannot open, and leaves it unchanged', async () => {
    const file: { content?: HandedOver } = {};
    const other = window();
    await window().give(leaseOf(file), subject, 'record');
    assert.deepEqual(await other.take(file.content, 'a', 6), { generation: 7, fault: 'key' });
    assert.deepEqual(other.events, ['journal not opened']);
    assert.ok(file.content);
  });

  it('rejects an entry that claims another generation', async () => {
    const file: { content?: HandedOver } = {};
    const one = window();
    await one.give(leaseOf(file), subject, 'record');
    assert.ok(file.content);
    assert.deepEqual(await one.take({ ...file.content, generation: 8 }, 'a', 7), {
      generation: 8,
      fault: 'sealed',
    });
  });

  it('says what keeps a record from being handed over', async () => {
    const full = leaseOf({}, () => Promise.reject(new WorkbenchError('lock_unavailable', { reason: 'ENOSPC' })));
    const { code, data } = await failureOf(window().give(full, subject, 'record'));
    assert.deepEqual([code, data.reason], ['lock_unavailable', 'ENOSPC']);
  });

  it('makes no key for connections in memory only', async () => {
    const secrets = createMemoryStore();
    await window(secrets).give({ ...leaseOf({}), shared: false }, subject, 'record');
    assert.deepEqual(await secrets.keys(), []);
  });
});
