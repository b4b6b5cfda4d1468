import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { extensions } from 'vscode';

/** How long VS Code takes to activate one extension, in milliseconds. */
interface Activation {
  /** From `extension.activate()` until its promise resolves: loading the main file and running its `activate`. */
  total: number;
  /**
   * Until the first response of its API, if it has one. This includes what the extension starts after the activation.
   */
  answer: number;
}

const ids = { ours: 'jwt-workbench.jwt-workbench', rival: 'jwt-workbench-fixtures.empty-extension' } as const;

/** Runs in a window's extension host as its test module: activates both extensions and writes the times. */
export async function run(): Promise<void> {
  const folder = process.env.JWT_WORKBENCH_BENCH_RESULTS ?? '';
  const window = readdirSync(folder).length;
  // A window that has just opened makes the host wait for its responses.
  await pause(2000);
  // Whatever the host does only at its very first activation is done here.
  await activate('jwt-workbench-fixtures.warm-up');
  const order = (['ours', 'rival'] as const).toSorted(() => (window % 2 === 0 ? 1 : -1));
  const results: Record<string, Activation> = {};
  for (const side of order) results[side] = await activate(ids[side]);
  writeFileSync(join(folder, `${window}.json`), JSON.stringify(results));
}

async function activate(id: string): Promise<Activation> {
  const extension = extensions.getExtension(id);
  if (extension === undefined) throw new Error(`${id} is not there.`);
  if (extension.isActive) throw new Error(`${id} was activated by something else.`);
  const since = performance.now();
  const api: { status?: () => Promise<unknown> } | undefined = await extension.activate();
  const total = performance.now() - since;
  await api?.status?.();
  return { total, answer: performance.now() - since };
}
