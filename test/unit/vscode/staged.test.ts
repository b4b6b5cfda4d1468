import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkbenchError } from '../../../src/core/errors.ts';
import type * as Register from '../../../src/vscode/editor/register.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

/** Every registration and event is accepted; a change of the settings is announced with `settingsChanged`. */
const vscode = `
  const anything = () => ({ dispose() {} });
  const registry = new Proxy({}, { get: () => anything });
  export const languages = registry;
  export const window = new Proxy({ visibleTextEditors: [] }, { get: (own, name) => own[name] ?? anything });
  export const workspace = new Proxy(
    {
      textDocuments: [],
      getConfiguration: () => ({ get: name => name === 'warnWhenStaged' }),
      onDidChangeConfiguration(listener) {
        const earlier = globalThis.settingsChanged;
        globalThis.settingsChanged = () => { earlier?.(); return listener({ affectsConfiguration: () => true }); };
        return anything();
      },
    },
    { get: (own, name) => own[name] ?? anything },
  );
`;

describe('the watch of staged files', function () {
  this.timeout(60_000);
  let register: typeof Register;
  let folder: string;
  const world = globalThis as { settingsChanged?: (() => unknown) | undefined };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'staged-'));
    register = await withoutVscode<typeof Register>('editor/register', folder, vscode);
  });
  after(async () => {
    delete world.settingsChanged;
    await rm(folder, { recursive: true });
  });

  const turn = () => new Promise(resolve => setImmediate(resolve));

  it('is tried again when a setting changes, begins once, and an unexpected failure is logged', async () => {
    const failures = [new WorkbenchError('git_unavailable'), new TypeError('of a test')];
    const logged: unknown[] = [];
    let watched = 0;
    const watchStaged = async () => {
      const failure = failures.shift();
      if (failure) throw failure;
      watched++;
    };
    register.registerEditorFeatures({
      own: (each: object) => each,
      features: async () => ({ watchStaged }),
      log: (...entry: unknown[]) => logged.push(entry),
      sessions: { onDidChange: () => () => {} },
    } as unknown as Register.EditorParts);
    await turn();
    assert.deepEqual([watched, logged], [0, []]);
    for (const expected of [0, 1, 1]) {
      world.settingsChanged?.();
      await turn();
      assert.equal(watched, expected);
    }
    assert.deepEqual(logged, [['error', 'staged files are not watched', { code: 'internal' }]]);
  });
});
