import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkbenchError } from '../../../src/core/errors.ts';
import type { Services } from '../../../src/vscode/commands/command.ts';
import type * as Connections from '../../../src/vscode/commands/connections.ts';
import type * as SignOut from '../../../src/vscode/commands/signOut.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';
import { keyOf, lagging, windowOf } from '../core/records/familyWorld.ts';

/** What the stand-in for VS Code answers, one after the other, and what it showed: a text and its buttons. */
interface Host {
  answers: (string | undefined | Promise<never>)[];
  shown: string[][];
  /** What the last question explained. */
  detail?: string;
  setting: unknown;
}

const vscode = `
  export class Uri {}
  export class Selection {}
  export const TextEditorRevealType = {};
  const host = globalThis.anywayHost ??= { answers: [], shown: [], setting: [] };
  export const ConfigurationTarget = { Global: 1 };
  export const workspace = {
    isTrusted: true,
    getConfiguration: () => ({
      inspect: () => ({ globalValue: host.setting }),
      async update(_, value) { host.setting = value; },
    }),
  };
  const show = async (...shown) => {
    host.shown.push(shown.filter(each => typeof each === 'string'));
    host.detail = shown[1]?.detail;
    return host.answers.shift();
  };
  export const window = {
    showWarningMessage: show,
    showErrorMessage: show,
    setStatusBarMessage: text => void host.shown.push([text]),
  };
`;

describe('a shared refresh token that cannot be handed on', function () {
  this.timeout(60_000);
  let folder: string;
  let commands: {
    readonly addConnection: typeof Connections.addConnection;
    readonly removeConnection: typeof Connections.removeConnection;
    readonly signOut: typeof SignOut.signOut;
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'anyway-'));
    const { addConnection, removeConnection } = await withoutVscode<typeof Connections>(
      'commands/connections',
      folder,
      vscode,
    );
    const { signOut } = await withoutVscode<typeof SignOut>('commands/signOut', folder, vscode);
    commands = { addConnection, removeConnection, signOut };
  });
  after(() => rm(folder, { recursive: true, force: true }));
  const host = () => Object(globalThis).anywayHost as Host;

  /** `a` has the newest token, and the connection `b` is in use in another window. */
  async function stuck() {
    Object.assign(host(), { answers: [], shown: [], setting: [{ id: 'a' }, { id: 'b' }] });
    const { world, window, newest } = await lagging();
    const { withLock } = world.lock;
    world.lock.withLock = (name, ...rest) =>
      name === 'b' ? Promise.reject(new WorkbenchError('lock_timeout', { connection: name })) : withLock(name, ...rest);
    const services = {
      ...window.parts,
      refresher: window.refresher,
      signIns: { cancel() {} },
      histories: { remove: async () => {} },
      connections: { isMemoryOnly: () => false, reload() {} },
      revoke: async () => ({ revoked: false }),
      ready: async () => {},
      log: () => {},
      secrets: { mask: (value: unknown) => value },
      unattended: true,
    } as unknown as Services;
    const free = () => Object.assign(world.lock, { withLock });
    return { world, window, newest, services, free };
  }

  const ways = {
    signOut: ['Delete Locally Only', 'Delete Locally Anyway', 'Not signed out'],
    removeConnection: ['Remove', 'Remove Anyway', 'Not removed'],
  } as const;
  for (const [name, [yes, anyway, told]] of Object.entries(ways)) {
    const row = { kind: 'connection', id: 'a' };
    const handler = (services: Services) => commands[name as keyof typeof ways].handler(services);

    it(`stays, and ${name} says why and offers to delete it anyway`, async () => {
      const { window, newest, services } = await stuck();
      host().answers = [yes];
      assert.equal(await handler(services)(row), undefined);
      const [text = '', ...buttons] = host().shown.at(-1) ?? [];
      assert.ok(text.startsWith(`${told}: the tokens are still stored. Main: `), text);
      assert.match(text, /The connection Main shares this refresh token/);
      assert.deepEqual(buttons, [anyway]);
      assert.equal(window.token('a'), newest);
      assert.deepEqual(host().setting, [{ id: 'a' }, { id: 'b' }]);
    });

    it(`goes with ${name} if the user wants it anyway`, async () => {
      const { world, window, services } = await stuck();
      host().answers = [yes, anyway];
      assert.ok(await handler(services)(row));
      assert.equal(window.token('a'), undefined);
      const stored = world.store.entries.get('jwtWorkbench.connection.a') ?? '{}';
      assert.equal(JSON.parse(stored).tokens, undefined);
      assert.deepEqual(host().setting, name === 'signOut' ? [{ id: 'a' }, { id: 'b' }] : [{ id: 'b' }]);
    });

    it(`stays where code runs ${name}, which fails`, async () => {
      const { window, newest, services } = await stuck();
      await assert.rejects(handler(services)({ connection: 'a' }), { code: 'lock_timeout' });
      assert.deepEqual(host().shown, []);
      assert.equal(window.token('a'), newest);
    });
  }

  for (const [name, [yes, anyway]] of Object.entries(ways))
    it(`is deleted by ${name} that could not tell other windows, which says so and waits for no answer`, async () => {
      const { world, services } = await stuck();
      world.lock.forget = async () => {
        throw new WorkbenchError('lock_unavailable', { connection: 'a', reason: 'EROFS' });
      };
      host().answers = [yes, anyway, new Promise(() => {})];
      await commands[name as keyof typeof ways].handler(services)({ kind: 'connection', id: 'a' });
      assert.match(host().shown.at(-1)?.[0] ?? '', /^The tokens of Main are deleted here, but other windows could not/);
    });

  it('is given to the other connection where its own was taken out of settings.json, and its id is used anew', async () => {
    const { world, newest, services, free } = await stuck();
    const later = windowOf(world, ['b']);
    await later.load();
    free();
    const entry = {
      id: 'a',
      issuer: 'https://other.example',
      clientId: 'c',
      tokenEndpointAuthMethod: 'client_secret_basic',
    };
    const handler = commands.addConnection.handler({ ...services, ...later.parts } as unknown as Services);
    assert.deepEqual(await handler({ connection: entry, clientSecret: 'of the new client' }), { id: 'a' });
    const { tokens, binding, client_secret } = JSON.parse(world.store.entries.get(keyOf('a')) ?? '{}');
    assert.deepEqual([tokens, binding, client_secret], [undefined, undefined, 'of the new client']);
    assert.equal(later.token('b'), newest);
  });

  it('is not said to be revoked where the record cannot be read: it can only be deleted', async () => {
    const { window, services } = await stuck();
    window.parts.sessions.unreadable('a', new WorkbenchError('record_unreadable', { connection: 'a', reason: 'json' }));
    for (const [name, button, said] of [
      ['signOut', 'Delete Locally Only', /cannot be read, so they cannot be revoked/],
      ['removeConnection', 'Remove', /its stored tokens are deleted/],
    ] as const) {
      host().shown = [];
      await commands[name].handler(services)({ kind: 'connection', id: 'a' });
      assert.deepEqual(host().shown.at(0)?.slice(1), [button]);
      assert.match(host().detail ?? '', said);
    }
  });

  it('is gone although its session in the browser could not be ended, and the log says why', async () => {
    const { window, services, free } = await stuck();
    free();
    const logged: unknown[] = [];
    const logout = () => Promise.reject(new WorkbenchError('browser_not_opened'));
    const log = (_level: string, event: string, fields: { error?: WorkbenchError } = {}) => {
      logged.push([event, fields.error?.code]);
    };
    const handler = commands.signOut.handler({ ...services, log, issuerClient: async () => ({ logout }) } as never);
    assert.deepEqual(await handler({ connection: 'a', endSession: true }), { revoked: false, sessionEnded: false });
    assert.equal(window.token('a'), undefined);
    assert.deepEqual(logged, [['session in the browser not ended', 'browser_not_opened']]);
  });

  it('is not in the way of a cancel', async () => {
    const { world, services } = await stuck();
    world.lock.withLock = () => Promise.reject(new WorkbenchError('cancelled', { sent: false }));
    host().answers = ['Remove'];
    await commands.removeConnection.handler(services)({ kind: 'connection', id: 'a' });
    assert.equal(host().shown.length, 1);
  });
});
