import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrokerAddress, BrokerAnswers } from '../../../src/core/broker/protocol.ts';
import { createBrokerPlatform } from '../../../src/platform/brokerPlatform.ts';
import { machineBrokerPlace } from '../../../src/platform/brokerSocket.ts';
import { manualClock } from '../../support/manualClock.ts';

const answers: BrokerAnswers = {
  asker: () => ({ kind: 'machine' }),
  answer: async () => [],
  refusal: ({ code }) => ({ reason: 'internal', code, message: '' }),
};

describe('the broker of the machine', () => {
  const before = process.env.XDG_RUNTIME_DIR;
  let folder = '';
  let logged: string[] = [];
  beforeEach(async function () {
    if (process.platform === 'win32') this.skip();
    folder = await mkdtemp(join(tmpdir(), 'machine-'));
    process.env.XDG_RUNTIME_DIR = folder;
    logged = [];
  });
  afterEach(async () => {
    if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = before;
    await rm(folder, { recursive: true, force: true });
  });

  const clock = manualClock();
  const openInWindow = () =>
    createBrokerPlatform({ folder, script: 'jwtw.mjs', clock, log: (_level, text) => logged.push(text) }).open(
      true,
      answers,
    );
  const known = async (): Promise<BrokerAddress> => JSON.parse(await readFile(machineBrokerPlace().file, 'utf8'));
  const isThere = (): Promise<boolean> =>
    new Promise(resolve => {
      const socket = connect(machineBrokerPlace().socket, () => resolve(Boolean(socket.destroy())));
      socket.on('error', () => resolve(false));
    });
  /** Ends when what a window tries by itself has come to its end, which it logs. */
  const tried = async (count: number) => {
    while (logged.length < count) await new Promise(resolve => setImmediate(resolve));
  };

  it('is that of one window, and of the next one when that has closed', async () => {
    const first = await openInWindow();
    const second = await openInWindow();
    const { capability } = await known();
    assert.equal((await stat(machineBrokerPlace().file)).mode & 0o777, 0o600);
    await first.close();
    assert.equal(await isThere(), false);
    clock.advance(15_000);
    await tried(2);
    assert.notEqual((await known()).capability, capability);
    assert.equal(await isThere(), true);
    await second.close();
    await assert.rejects(known(), { code: 'ENOENT' });
  });

  it('is not opened any more by a window that closes meanwhile', async () => {
    const first = await openInWindow();
    const second = await openInWindow();
    await first.close();
    clock.advance(15_000);
    await second.close();
    // As many calls of the file system as an attempt needs, several times over.
    for (let times = 0; times < 50; times++) {
      await stat(folder);
      assert.equal(await isThere(), false);
    }
    await assert.rejects(known(), { code: 'ENOENT' });
  });

  it('does not listen where it cannot say how to ask it, and tries again', async () => {
    const { file } = machineBrokerPlace();
    await mkdir(file, { recursive: true });
    const broker = await openInWindow();
    assert.deepEqual(logged, ['broker of the machine not opened']);
    assert.equal(await isThere(), false);
    await rm(file, { recursive: true });
    clock.advance(15_000);
    await tried(2);
    assert.equal((await known()).socket, machineBrokerPlace().socket);
    await broker.close();
  });
});
