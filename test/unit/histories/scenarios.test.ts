import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { buildScripts, type Rig, type Scripts, startRig, World } from '../../histories/world.ts';

describe('windows as processes, against a strict issuer', function () {
  this.timeout(30_000);
  let scripts: Scripts;
  let rig: Rig;
  let world: World;
  before(async () => {
    scripts = await buildScripts();
    rig = await startRig(scripts);
  });
  after(async () => {
    await rig.close();
    await rm(scripts.folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    world = await World.begin(rig);
  });
  afterEach(() => world.end());

  /** Slow enough for a busy machine, where nothing is about time. */
  const calm = { pace: 2 };

  it('refresh one after the other, however late they see each other', async () => {
    const one = await world.open({ ...calm, lag: 100 });
    await one.ask('signIn', { id: 'a', raw: world.issuer.signIn() });
    const two = await world.open({ ...calm, lag: 'never' });
    for (const window of [one, two, two, one]) {
      const { outcome } = await window.ask('refresh', { id: 'a', askedBy: 'timer' });
      assert.equal(outcome, 'refreshed');
    }
    assert.equal(world.issuer.uses.length, 4);
    assert.equal(world.issuer.revoked.size, 0);
  });
});
