import assert from 'node:assert/strict';
import { createMemoryHistory } from '../../../../src/core/records/histories.ts';
import { judgeKeeping, probeName } from '../../../../src/core/records/vault.ts';
import { manualClock } from '../../../support/manualClock.ts';
import { testStore } from '../refresh/refreshWorld.ts';

function setUp() {
  const secrets = testStore();
  const marks = createMemoryHistory();
  const clock = manualClock(1_700_000_000_000);
  const logged: string[] = [];
  const log = (_: string, event: string) => void logged.push(event);
  return {
    secrets,
    marks,
    logged,
    /** Starts a window some time after the previous one. */
    start(session: string, later = 60_000) {
      clock.advance(later);
      return judgeKeeping({ secrets, marks, clock, log, session });
    },
  };
}

describe('whether VS Code keeps secrets', () => {
  it('is not known at first, and known once one has outlived its session', async () => {
    const { start } = setUp();
    assert.equal(await start('one'), 'unknown');
    assert.equal(await start('one'), 'unknown', 'another window of the same process');
    assert.equal(await start('two'), 'kept');
    assert.equal(await start('two'), 'kept');
  });

  it('is denied by a mark without its secret, until one outlives its session again', async () => {
    const { start, secrets } = setUp();
    await start('one');
    secrets.entries.clear();
    assert.equal(await start('two'), 'memory_only');
    assert.equal(await start('two'), 'memory_only', 'the second window of that session finds the new one');
    assert.equal(await start('three'), 'kept', 'a keyring was unlocked since');
    secrets.entries.clear();
    assert.equal(await start('four'), 'memory_only');
  });

  it('is not judged by what another window has stored a moment ago, nor in its own session', async () => {
    const { start, secrets } = setUp();
    await start('one');
    secrets.entries.clear();
    assert.equal(await start('two', 5000), 'unknown');
    assert.equal(await start('one'), 'unknown');
  });

  it('is not known where nothing can be read or stored, and a damaged mark is replaced', async () => {
    const { start, secrets, marks, logged } = setUp();
    secrets.hook = () => {
      throw new Error('no keyring');
    };
    assert.equal(await start('one'), 'unknown');
    assert.deepEqual(logged, ['not known whether secrets are kept']);
    secrets.hook = () => {};
    await marks.update('_kept', () => '{"at":"soon"');
    assert.equal(await start('one'), 'unknown');
    assert.deepEqual([...secrets.entries.keys()], [probeName]);
    assert.equal(await start('two'), 'kept');
  });
});
