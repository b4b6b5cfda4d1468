import atOnce from 'node:fs';
import fileSystem, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { crashWindow } from './crashWindow.ts';

/** One refresh in a separate process, which kills itself before the step with this number. The parent is the issuer. */
export interface CrashOrders {
  readonly folder: string;
  readonly step: number;
}

type Call = (...given: unknown[]) => unknown;

const { folder, step }: CrashOrders = JSON.parse(process.argv[2] ?? '');
let steps = 0;

function count(): void {
  if (++steps === step) process.kill(process.pid, 'SIGKILL');
}

/** Makes every call of these functions a step. */
function counted(target: object, names: readonly string[]): void {
  for (const name of names) {
    const call: Call = Reflect.get(target, name).bind(target);
    Reflect.set(target, name, (...given: unknown[]) => {
      count();
      return call(...given);
    });
  }
}

counted(fileSystem, ['open', 'rename', 'mkdir', 'readdir', 'rmdir', 'stat', 'utimes', 'rm', 'appendFile']);
counted(atOnce, ['openSync', 'readSync', 'writeSync', 'closeSync', 'renameSync', 'mkdirSync', 'rmdirSync']);
counted(atOnce, ['existsSync', 'utimesSync']);
const { open } = fileSystem;
fileSystem.open = async (...given: Parameters<typeof open>): Promise<FileHandle> => {
  const handle = await open(...given);
  counted(handle, ['read', 'writeFile', 'sync', 'close']);
  return handle;
};
syncBuiltinESMExports();

const window = crashWindow(folder, { heartbeat: 60_000, stale: 600_000 }, async token => {
  count();
  const answer = new Promise<string>(resolve => process.once('message', text => resolve(String(text))));
  process.send?.(token);
  const next = await answer;
  count();
  return next;
});
await window.loading.loadNew();
const { outcome } = await window.refresher.refresh('a');
// Its calls count too, in whatever order they come.
await window.lock.flushed();
process.send?.({ outcome, steps });
process.disconnect();
