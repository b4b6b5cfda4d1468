import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildExtension } from '../../../scripts/build.mjs';
import { slowVariable } from '../../../scripts/lib/results.mjs';
import { askBroker, type CliError } from '../../../src/cli/brokerClient.ts';
import type { BrokerAddress, TokenAnswer } from '../../../src/core/broker/protocol.ts';
import { newBrokerAddress } from '../../../src/platform/brokerSocket.ts';
import { assertSentOnce, useWorld } from '../../histories/useWorld.ts';
import type { TestWindow, WindowOptions } from '../../histories/world.ts';

const thorough = Boolean(process.env[slowVariable]);

/**
 * Windows as processes, each with a broker, and programs that run the real `jwtw`. The issuer ends the family of a
 * reused token.
 */
describe('many programs and two windows', function () {
  this.timeout(600_000);
  const world = useWorld();
  let dist = '';
  before(async () => {
    dist = await mkdtemp(join(tmpdir(), 'jwtw-dist-'));
    if (thorough) await buildExtension({ to: dist });
  });
  after(() => rm(dist, { recursive: true, force: true }));

  interface Served {
    readonly window: TestWindow;
    readonly address: BrokerAddress;
  }

  /** Stored values reach the disk half a second later, as with SecretStorage. */
  async function serve(options: WindowOptions = { pace: 1, flush: 500 }): Promise<Served> {
    const window = await world.open(options);
    const address = newBrokerAddress();
    await world.ask(window, 'serve', address);
    return { window, address };
  }

  /** What one program got: its token, or its exit code and message. */
  async function program({ address: { socket, capability } }: Served): Promise<string> {
    const env = { ...process.env, JWTW_SOCKET: socket, JWTW_CAPABILITY: capability };
    // Fifty processes per round are for slow runs only. Otherwise the code that they would load is called directly.
    if (!thorough)
      return askBroker<TokenAnswer>('token', { connection: 'a' }, env).then(
        ({ token }) => token,
        (error: CliError) => `${error.exitCode} jwtw: ${error.message}`,
      );
    return new Promise(done => {
      const child = execFile(
        process.execPath,
        [join(dist, 'jwtw.mjs'), 'token', 'a'],
        { env },
        (error, stdout, stderr) => {
          done(error === null ? stdout.trim() : `${child.exitCode} ${stdout}${stderr.trim()}`);
        },
      );
    });
  }

  const programs = (windows: readonly Served[], count: number) =>
    Promise.all(Array.from({ length: count }, (_, index) => program(windows[index % windows.length] as Served)));

  /** Lets an hour pass, so that the token of every window has expired. */
  async function expire(windows: readonly Served[]): Promise<void> {
    for (const { window } of windows) await world.ask(window, 'shift', { by: 3_601_000 });
  }

  const rounds = 20;
  it('make one request to the issuer and get one token, twenty times of twenty', async () => {
    const one = await serve();
    await world.signIn(one.window);
    const windows = [one, await serve()];
    const seen = new Set<string>();
    for (let round = 1; round <= rounds; round++) {
      await expire(windows);
      const answers = new Set(await programs(windows, 50));
      const [token = '', ...others] = answers;
      assert.deepEqual(others, [], `round ${round}`);
      assert.match(token, /^at-/);
      assert.equal(world.uses.length, round, `round ${round}`);
      seen.add(token);
    }
    assert.equal(seen.size, rounds);
    assertSentOnce(world);
  });

  const count = thorough ? 20 : 30;
  it('keep the family where a window is killed before what it stored is on the disk, wherever the answer was written down', async () => {
    const ends = new Set<string>();
    // Kills before each file system call that follows the request, until a process runs to its end.
    for (let call = 1; !ends.has('lived'); call += thorough ? 2 : 12) {
      const one = await serve();
      const { generation } = await world.signIn(one.window);
      const two = await serve();
      const { onUse } = world.now.issuer;
      world.now.issuer.onUse = async use => {
        world.now.issuer.onUse = onUse;
        await world.ask(one.window, 'faults', { faults: [], signal: { call, signal: 'SIGKILL' } });
        await onUse(use);
      };
      const before = world.uses.length;
      await expire([one]);
      const first = programs([one], count);
      // Starts while the token is being sent; the other window waits for the lock.
      while (world.uses.length === before) await new Promise(resolve => setTimeout(resolve, 5));
      await expire([two]);
      const second = programs([two], count);
      const killed = await first;
      const [answer = '', ...others] = new Set(await second);
      assert.deepEqual(others, [], `call ${call}`);
      const uses = world.uses.slice(before);
      const { family = '' } = uses[0] ?? {};
      const { handedOver } = await world.now.lock.peek('a');
      const isWrittenDown = handedOver !== undefined && handedOver.generation > generation;
      if (isWrittenDown) {
        assert.equal(uses.length, 1, `call ${call}`);
        assert.match(answer, /^at-/, `call ${call}`);
        assert.ok(!world.now.issuer.revoked.has(family));
        ends.add(killed.every(each => each === answer) ? 'lived' : 'kept');
      } else {
        // One retry, and a truthful message about it.
        assert.deepEqual([uses.length, answer], [2, '7 jwtw: answer_lost'], `call ${call}`);
        ends.add('lost');
      }
      for (const each of killed) {
        // A process may also be killed while it responds.
        if (each !== answer) assert.match(each, /^6 jwtw: The VS Code window .* was closed/, `call ${call}`);
      }
      // A new terminal gets the same token as the others.
      if (isWrittenDown) assert.equal(await program(two), answer);
      for (const { window } of [one, two]) await window.end();
    }
    assert.deepEqual([...ends].sort(), ['kept', 'lived', 'lost']);
  });
});
