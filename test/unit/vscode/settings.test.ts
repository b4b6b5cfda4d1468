import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Settings from '../../../src/vscode/connections.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

/**
 * `settingOfUser` is the user's value, `settingOfWorkspace` the workspace's; `broken`: settings.json has a syntax
 * error.
 */
const vscode = `
  export const ConfigurationTarget = { Global: 1 };
  export const workspace = {
    getConfiguration: () => ({
      inspect: () => ({ globalValue: globalThis.settingOfUser, workspaceValue: globalThis.settingOfWorkspace }),
      async update(_, value) {
        if (globalThis.settingIsBroken) throw new Error('Unable to write into user settings.');
        globalThis.settingOfUser = value;
      },
    }),
  };
`;

describe('the setting', function () {
  this.timeout(60_000);
  let settings: typeof Settings;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'settings-'));
    settings = await withoutVscode<typeof Settings>('connections', folder, vscode);
  });
  after(() => rm(folder, { recursive: true }));

  const world = globalThis as {
    settingOfUser?: unknown;
    settingOfWorkspace?: unknown;
    settingIsBroken?: boolean;
  };
  const entry = (id: string) => ({ id, issuer: 'https://login.example.com', clientId: 'a' });
  beforeEach(() => {
    Object.assign(world, { settingOfUser: undefined, settingOfWorkspace: undefined, settingIsBroken: false });
  });

  it('of a workspace is not read', () => {
    world.settingOfWorkspace = [entry('theirs')];
    assert.deepEqual(settings.readSettings(), { connections: [], problems: [] });
  });

  it('is added to, changed and taken from without touching other entries, broken ones included', async () => {
    const others = [7, { id: 'half' }, entry('b')];
    world.settingOfUser = others;
    await settings.addToSettings(entry('a'));
    await settings.changeInSettings('a', { scope: 'openid' });
    assert.deepEqual(world.settingOfUser, [...others, { ...entry('a'), scope: 'openid' }]);
    await settings.removeFromSettings('a');
    assert.deepEqual(world.settingOfUser, others);
  });

  it('that VS Code refuses to write is an error of its own', async () => {
    world.settingOfUser = [entry('a')];
    world.settingIsBroken = true;
    for (const write of [settings.addToSettings(entry('b')), settings.removeFromSettings('a')])
      await assert.rejects(write, { code: 'settings_unwritable' });
    await settings.removeFromSettings('none-of-that-name');
  });
});
