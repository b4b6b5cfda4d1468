import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkbenchError } from '../../../src/core/errors.ts';
import type * as Commands from '../../../src/vscode/commands/command.ts';
import type { Services } from '../../../src/vscode/commands/command.ts';
import { text } from '../../../src/vscode/commands/fields.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

/** State of the stand-in for VS Code: what it answers, and what it was asked. */
interface Host {
  isTrusted: boolean;
  setting: boolean | undefined;
  answer: string | undefined;
  asked: string[];
}

const vscode = `
  export class Uri {}
  const host = globalThis.commandHost = { isTrusted: true, setting: undefined, answer: undefined, asked: [] };
  export const workspace = {
    get isTrusted() { return host.isTrusted; },
    getConfiguration: () => ({ inspect: () => ({ globalValue: host.setting, workspaceValue: false }) }),
  };
  export const window = {
    async showWarningMessage(question) { host.asked.push(question); return host.answer; },
    async showErrorMessage(text, ...buttons) { host.asked.push(text, ...buttons); },
  };
`;

describe('a command that deletes', function () {
  this.timeout(60_000);
  let folder: string;
  let commands: typeof Commands;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'command-'));
    commands = await withoutVscode<typeof Commands>('commands/command', folder, vscode);
  });
  after(() => rm(folder, { recursive: true }));
  const host = () => Object(globalThis).commandHost as Host;
  let done: string[];
  beforeEach(() => {
    done = [];
    Object.assign(host(), { isTrusted: true, setting: undefined, answer: undefined, asked: [] });
  });

  function handler(more: Partial<Services> = {}) {
    const command = commands.defineCommand(
      { name: 'removeConnection', needsTrust: true, fields: { connection: text }, returns: '' },
      () => ({
        ask: async () => ({ connection: 'picked' }),
        confirm: async argument =>
          (await commands.isConfirmed(`Remove ${argument.connection}?`, '', 'Remove')) ? argument : undefined,
        async run({ connection }) {
          done.push(connection);
          return { id: connection, echo: 'the-secret' };
        },
        handedOut: (_, { connection }) => done.push(`told of ${connection}`),
      }),
    );
    return command.handler({
      ready: async () => {},
      log: () => {},
      secrets: { mask: (value: unknown) => JSON.parse(JSON.stringify(value).replaceAll('the-secret', '[hidden]')) },
      unattended: false,
      ...more,
    } as unknown as Services);
  }

  it('asks callers as it asks people: nothing tells a link from a keybinding', async () => {
    await assert.rejects(handler()({ connection: 'a' }), { code: 'cancelled' });
    assert.deepEqual([host().asked, done], [['Remove a?'], []]);
    host().answer = 'Remove';
    assert.deepEqual(await handler()({ connection: 'a' }), { id: 'a', echo: '[hidden]' });
    assert.deepEqual(done, ['a', 'told of a']);
    done.length = 0;
    await handler()();
    assert.deepEqual(done, ['picked']);
    assert.deepEqual(host().asked, ['Remove a?', 'Remove a?', 'Remove picked?']);
  });

  it('does not ask in a test, or where the user set so; a workspace cannot', async () => {
    await handler({ unattended: true })({ connection: 'a' });
    host().setting = false;
    await handler()({ connection: 'b' });
    assert.deepEqual(host().asked, []);
    assert.deepEqual(done, ['a', 'told of a', 'b', 'told of b']);
    // In both cases the user is asked.
    await handler({ unattended: true })();
    assert.deepEqual(host().asked, ['Remove picked?']);
  });

  it('offers what helps its row, even if it failed before a question was asked', async () => {
    const mismatch = { expected: 'https://a.example/', found: 'https://a.example', difference: 'slash' } as const;
    const command = commands.defineCommand(
      { name: 'signIn', needsTrust: true, fields: { connection: text }, returns: '' },
      () => ({
        ask: (): Promise<{ connection: string }> => Promise.reject(new WorkbenchError('issuer_mismatch', mismatch)),
        run: async () => ({}),
      }),
    );
    const services = { ready: async () => {}, log: () => {} } as unknown as Services;
    await command.handler(services)({ kind: 'connection', id: 'shop' });
    assert.deepEqual(host().asked.slice(1), ['Set Issuer...', 'Open Settings']);
  });

  it('is not begun in a workspace that is not trusted, nor with a member that is misspelt', async () => {
    host().isTrusted = false;
    await assert.rejects(handler()({ connection: 'a' }), { code: 'not_trusted' });
    host().isTrusted = true;
    await assert.rejects(handler()({ connection: 'a', conection: 'b' }), {
      code: 'argument_invalid',
      message: /conection/,
    });
    assert.deepEqual([host().asked, done], [[], []]);
  });
});
