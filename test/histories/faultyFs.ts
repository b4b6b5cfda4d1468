import atOnce from 'node:fs';
import inTurn, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/*
 * Loaded with --import before anything else in a window: makes the file system of one folder fail on command. It
 * patches Node's own functions, so the product is unchanged. Without a command, every call goes straight through.
 */

export const fsOperations = [
  ...['open', 'read', 'write', 'sync', 'close', 'rename', 'mkdir', 'rmdir', 'readdir', 'stat', 'utimes', 'unlink'],
] as const;
export type FsOperation = (typeof fsOperations)[number];

/** The `after`-th call of `operation` and the `times - 1` calls after it fail with `code`. */
export interface FsFault {
  readonly operation: FsOperation | 'any' | 'anyWrite';
  /** `SHORT` is not an error: only half of the data is written, as on a disk that is almost full. */
  readonly code: string;
  readonly after: number;
  readonly times: number;
  /** Restricts the fault to paths that end with this. */
  readonly suffix?: string;
}

/** A signal that the process sends itself before its `call`-th call. */
export interface FsSignal {
  readonly call: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

export interface FaultyFs {
  /** Calls outside this folder never fail. */
  folder: string | undefined;
  arm(faults: readonly FsFault[], signal?: FsSignal): void;
  /** Number of calls since it was armed. */
  readonly calls: number;
  /** When a journal was last renamed into place, by the monotonic clock. */
  journalAt: number;
}

type Call = (...given: unknown[]) => unknown;

const paths = new Map<number, string>();
let armed: { fault: FsFault; seen: number }[] = [];
let signal: FsSignal | undefined;
let calls = 0;

const control: FaultyFs = {
  folder: undefined,
  journalAt: 0,
  arm(faults, next) {
    armed = faults.map(fault => ({ fault, seen: 0 }));
    signal = next;
    calls = 0;
  },
  get calls() {
    return calls;
  },
};

const writing = new Set(['write', 'mkdir', 'rename', 'openForWriting', 'utimes', 'sync']);

/** @returns true if a write must be short. @throws as the file system would */
function pass(operation: FsOperation | 'openForWriting', path: unknown): boolean {
  if (control.folder === undefined || typeof path !== 'string' || !path.startsWith(control.folder)) return false;
  calls++;
  if (signal?.call === calls) process.kill(process.pid, signal.signal);
  const name = operation === 'openForWriting' ? 'open' : operation;
  for (const entry of armed) {
    const { fault } = entry;
    const fits =
      fault.operation === 'any' || (fault.operation === 'anyWrite' ? writing.has(operation) : fault.operation === name);
    if (!fits || (fault.suffix !== undefined && !path.endsWith(fault.suffix))) continue;
    entry.seen++;
    if (entry.seen < fault.after || entry.seen >= fault.after + fault.times) continue;
    if (fault.code === 'SHORT') return true;
    const error = new Error(`${fault.code}: injected, ${name} '${path}'`);
    throw Object.assign(error, { code: fault.code, errno: -5, syscall: name, path });
  }
  return false;
}

const opening = (flags: unknown) =>
  typeof flags === 'string' && /[wa+]/.test(flags) && flags !== 'r+' ? 'openForWriting' : 'open';

function patch(target: object, name: string, before: (...given: unknown[]) => void, after?: Call): void {
  const call: Call | undefined = Reflect.get(target, name)?.bind(target);
  if (call === undefined) return;
  const patched =
    after === undefined
      ? (...given: unknown[]) => {
          before(...given);
          return call(...given);
        }
      : (...given: unknown[]) => {
          before(...given);
          const result = call(...given);
          after(result, ...given);
          return result;
        };
  Reflect.set(target, name, patched);
}

/** The same for functions that return promises: the promise rejects. */
function patchInTurn(target: object, name: string, before: (...given: unknown[]) => void): void {
  const call: Call | undefined = Reflect.get(target, name)?.bind(target);
  if (call === undefined) return;
  Reflect.set(target, name, async (...given: unknown[]) => {
    before(...given);
    return call(...given);
  });
}

const { renameSync } = atOnce;
atOnce.renameSync = (from, to) => {
  renameSync(from, to);
  if (String(to).endsWith('.journal')) control.journalAt = performance.now();
};

const byPath: readonly (readonly [FsOperation, readonly string[]])[] = [
  ['rename', ['rename', 'link', 'copyFile', 'symlink']],
  ['mkdir', ['mkdir', 'mkdtemp']],
  ['rmdir', ['rmdir']],
  ['readdir', ['readdir', 'opendir']],
  ['stat', ['stat', 'lstat', 'access', 'realpath', 'readlink', 'statfs']],
  ['utimes', ['utimes', 'lutimes', 'chmod']],
  ['unlink', ['unlink', 'rm']],
];
for (const [operation, names] of byPath) {
  for (const name of names) {
    patch(atOnce, `${name}Sync`, path => pass(operation, path));
    patchInTurn(inTurn, name, path => pass(operation, path));
  }
}
// existsSync cannot throw: errors count as "no".
const exists = atOnce.existsSync;
atOnce.existsSync = path => {
  try {
    pass('stat', path);
  } catch {
    return false;
  }
  return exists(path);
};

patch(
  atOnce,
  'openSync',
  (path, flags) => pass(opening(flags), path),
  (descriptor, path) => paths.set(Number(descriptor), String(path)),
);
const named = (descriptor: unknown) => (typeof descriptor === 'string' ? descriptor : paths.get(Number(descriptor)));
patch(atOnce, 'readSync', descriptor => pass('read', named(descriptor)));
const { writeSync } = atOnce;
Reflect.set(atOnce, 'writeSync', (descriptor: number, data: string | Uint8Array, ...rest: unknown[]) => {
  const isShort = pass('write', named(descriptor));
  if (!isShort) return Reflect.apply(writeSync, atOnce, [descriptor, data, ...rest]);
  if (typeof data === 'string') return writeSync(descriptor, data.slice(0, data.length >> 1));
  const [offset = 0, length = data.length - Number(offset), position] = rest;
  // At least one byte, because a disk that accepts none reports an error.
  return writeSync(descriptor, data, Number(offset), (Number(length) + 1) >> 1, position as number | undefined);
});
patch(atOnce, 'ftruncateSync', descriptor => pass('write', named(descriptor)));
patch(atOnce, 'fsyncSync', descriptor => pass('sync', named(descriptor)));
patch(atOnce, 'fdatasyncSync', descriptor => pass('sync', named(descriptor)));
patch(atOnce, 'fstatSync', descriptor => pass('stat', named(descriptor)));
patch(atOnce, 'futimesSync', descriptor => pass('utimes', named(descriptor)));
patch(atOnce, 'closeSync', descriptor => pass('close', named(descriptor)));

for (const [name, flags] of [
  ['readFile', 'r'],
  ['writeFile', 'w'],
  ['appendFile', 'a'],
] as const) {
  const both = (path: unknown) => {
    if (typeof path !== 'string') return;
    pass(opening(flags), path);
    pass(name === 'readFile' ? 'read' : 'write', path);
  };
  patch(atOnce, `${name}Sync`, both);
  patchInTurn(inTurn, name, both);
}

const { open } = inTurn;
inTurn.open = async (...given: Parameters<typeof open>): Promise<FileHandle> => {
  const [path, flags] = given;
  pass(opening(flags), path);
  const handle = await open(...given);
  for (const [name, operation] of [
    ...[['read', 'read'] as const, ['readFile', 'read'] as const, ['write', 'write'] as const],
    ...[['writeFile', 'write'] as const, ['truncate', 'write'] as const, ['sync', 'sync'] as const],
    ...[['datasync', 'sync'] as const, ['stat', 'stat'] as const, ['utimes', 'utimes'] as const],
  ]) {
    patchInTurn(handle, name, () => pass(operation, path));
  }
  return handle;
};

syncBuiltinESMExports();
Reflect.set(globalThis, Symbol.for('faultyFs'), control);
