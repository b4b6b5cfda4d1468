import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { slowVariable } from '../../../scripts/lib/results.mjs';
import { journalKeyName, newKeyText } from '../../../src/core/records/journalKeys.ts';
import type { StoredRecord } from '../../../src/core/records/record.ts';
import { dataOf } from '../../support/failureOf.ts';
import type { CrashOrders } from './crashChild.ts';
import { binding, crashWindow } from './crashWindow.ts';
import { seedStore } from './laggingStore.ts';
import { useFolder } from './support.ts';

/** Long times, so that no lock is lost on a busy machine. */
const patient = { heartbeat: 5000, stale: 600_000 };

/** Each step is a process, so `npm test` takes every second one and `npm run test:slow` all. */
const stride = process.env[slowVariable] ? 1 : 2;

/** Number of simultaneous processes. */
const laneCount = 3;

describe('a process that is killed at any step of a refresh', () => {
  const folder = useFolder();
  let script = '';
  before(async () => {
    const scripts = await mkdtemp(resolve('out', 'crash-'));
    script = join(scripts, 'child.mjs');
    await build({
      entryPoints: [resolve('test', 'unit', 'platform', 'crashChild.ts')],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
    });
  });
  after(() => rm(resolve(script, '..'), { recursive: true, force: true }));

  /** An issuer that accepts each refresh token once. */
  function issuer() {
    const posted: string[] = [];
    let current = 'token 0';
    return {
      posted,
      post: async (token: string) => {
        posted.push(token);
        if (token !== current) return undefined;
        current = `token ${posted.length}`;
        return current;
      },
    };
  }

  /** Runs a refresh and kills it before `step`. Returns its report if it completes. */
  async function crash(place: string, step: number, post: ReturnType<typeof issuer>['post']) {
    await mkdir(place);
    const record: StoredRecord = {
      version: 1,
      connection: 'a',
      generation: 1,
      binding,
      tokens: { refresh_token: 'token 0', obtained_at: Date.now(), refresh_token_stored_at: Date.now() },
    };
    await seedStore(join(place, 'secrets'), {
      'jwtWorkbench.connection.a': JSON.stringify(record),
      [journalKeyName]: newKeyText(),
    });
    const orders: CrashOrders = { folder: place, step };
    const child = fork(script, [JSON.stringify(orders)], { execArgv: [] });
    let end: { readonly outcome: string; readonly steps: number } | undefined;
    child.on('message', async message => {
      if (typeof message !== 'string') end = message as typeof end;
      else child.send(String(await post(message)), () => {});
    });
    await once(child, 'exit');
    return end;
  }

  /** The result of the next window. */
  async function recover(step: number, { post, posted }: ReturnType<typeof issuer>): Promise<string> {
    const place = join(folder.path, String(step));
    const sent = posted.length;
    // Removes the lock as an eviction would, so that the test need not wait until the process counts as dead.
    await rm(join(place, 'n-a.lock'), { recursive: true, force: true });
    const window = crashWindow(place, patient, post);
    await window.loading.loadNew();
    // In the journal or in the store, whichever was written first.
    const stored = await readFile(join(place, 'secrets'), 'utf8');
    const arrived = (await window.lock.peek('a')).handedOver !== undefined || stored.includes('token 1');
    const token = () => window.sessions.get('a')?.record?.tokens?.refresh_token;
    // The user is never signed out silently: the newest stored token is shown.
    assert.equal(token(), arrived ? 'token 1' : 'token 0', `step ${step}`);
    const { outcome, error } = await window.refresher.refresh('a');
    window.loading.dispose();
    if (sent > 0 && !arrived) {
      // One retry, and the reason of the rejection.
      assert.deepEqual(posted, ['token 0', 'token 0'], `step ${step}`);
      assert.deepEqual([outcome, error?.code], ['reauthRequired', 'answer_lost'], `step ${step}`);
      assert.ok(Date.now() - Number(dataOf(error).at) < 60_000);
      assert.equal(token(), 'token 0');
      return 'told';
    }
    assert.deepEqual(posted, arrived ? ['token 0', 'token 1'] : ['token 0'], `step ${step}`);
    assert.equal(outcome, 'refreshed', `step ${step}`);
    assert.equal(token(), `token ${posted.length}`);
    return arrived ? 'kept' : 'not sent';
  }

  it('leaves the newest token, or the truth', async () => {
    const whole = await crash(join(folder.path, 'whole'), 0, issuer().post);
    assert.equal(whole?.outcome, 'refreshed');
    const seen = new Set<string>();
    let next = 1;
    let ended = false;
    // Until one completes. The number of steps varies slightly with the order in which writes complete.
    const lane = async () => {
      while (!ended) {
        const step = next;
        next += stride;
        const mock = issuer();
        const end = await crash(join(folder.path, String(step)), step, mock.post);
        if (!end) seen.add(await recover(step, mock));
        else {
          ended = true;
          assert.equal(end.outcome, 'refreshed');
          assert.ok(end.steps < step, `step ${step} of ${end.steps} killed nothing`);
        }
      }
    };
    const lanes = await Promise.allSettled(Array.from({ length: laneCount }, lane));
    for (const result of lanes) if (result.status === 'rejected') throw result.reason;
    assert.ok(next > whole.steps - 10, `${next} of ${whole.steps} steps`);
    assert.deepEqual([...seen].sort(), ['kept', 'not sent', 'told']);
  }).timeout(60_000);
});
