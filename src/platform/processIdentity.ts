import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { defined } from '../core/defined.ts';
import { errorCode } from './files.ts';

/** Which process it is, in a way that another one can check. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** One start of the machine, where the system names it: another one gives the same numbers to other processes. */
  readonly boot?: string;
  /** Containers count their processes for themselves. */
  readonly numbers?: string;
  /** Tells it from a later process with its number, where the system says when a process began. */
  readonly started?: string;
}

/**
 * - `alive`: for certain, stopped or not.
 * - `dead`: for certain.
 * - `restarted`: of an earlier start of this machine, or of a machine of the same name.
 * - `unknown`: its number answers, or cannot be asked for, and nothing says whether it is still the same process.
 */
export type ProcessState = 'alive' | 'dead' | 'restarted' | 'unknown';

let own: ProcessIdentity | undefined;

export function ownIdentity(): ProcessIdentity {
  own ??= identityOf(process.pid);
  return own;
}

function identityOf(pid: number): ProcessIdentity {
  const boot = textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const numbers = textOf(() => readlinkSync('/proc/self/ns/pid'));
  const started = statusOf(pid)?.started;
  return { pid, host: hostname(), ...defined({ boot, numbers, started }) };
}

export function stateOfProcess({ pid, host, boot, numbers, started }: ProcessIdentity): ProcessState {
  const mine = ownIdentity();
  if (host !== mine.host || !Number.isSafeInteger(pid) || pid <= 0) return 'unknown';
  if (boot !== undefined && mine.boot !== undefined && boot !== mine.boot) return 'restarted';
  if (numbers !== mine.numbers) return 'unknown';
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    return errorCode(error) === 'ESRCH' ? 'dead' : 'unknown';
  }
  const now = statusOf(pid);
  if (now === undefined || started === undefined) return 'unknown';
  return now.isOver || now.started !== started ? 'dead' : 'alive';
}

function textOf(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** As Linux has it; elsewhere nothing is known but the number. */
function statusOf(pid: number): { readonly started: string; readonly isOver: boolean } | undefined {
  try {
    // The name of the program stands in parentheses and may hold anything: fields are counted after the last one.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const started = fields[19];
    // A zombie answers signals, and does nothing any more.
    return started === undefined ? undefined : { started, isOver: state === 'Z' || state === 'X' };
  } catch {
    return undefined;
  }
}
