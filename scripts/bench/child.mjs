import { fork } from 'node:child_process';
import { once } from 'node:events';

/** A child that has not answered for this long, in milliseconds, has hung. */
const patience = 60_000;

/**
 * @typedef {object} Child
 * @property {(name: string, argument?: unknown) => Promise<any>} ask has the child's function of that name called
 * @property {() => Promise<void>} end
 */

/**
 * A process of its own for one side, so that sides share nothing but the machine.
 * @param {string} file a module that calls `answer`
 * @param {string} [node] the Node that runs it
 * @returns {Child}
 */
export function startChild(file, node = process.execPath) {
  const child = fork(file, {
    execPath: node,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  let asked = 0;
  child.on('message', message => {
    const { id, result, error } = /** @type {Answer} */ (message);
    const waiter = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) waiter?.resolve(result);
    else waiter?.reject(new Error(error));
  });
  child.on('exit', code => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with exit code ${code}.`));
    waiting.clear();
  });
  return {
    ask(name, argument) {
      const id = asked++;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${file} did not answer to ${name}.`)), patience);
        waiting.set(id, {
          resolve: value => {
            clearTimeout(timer);
            resolve(value);
          },
          reject: error => {
            clearTimeout(timer);
            reject(error);
          },
        });
        child.send({ id, name, argument });
      });
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** @typedef {{ id: number, name: string, argument?: unknown }} Question */
/** @typedef {{ id: number, result?: unknown, error?: string }} Answer */

/**
 * The child's end: answers questions with these functions until its parent is gone.
 * @param {Readonly<Record<string, (argument: any) => unknown>>} functions
 */
export function answer(functions) {
  process.on('disconnect', () => process.exit());
  process.on('message', async message => {
    const { id, name, argument } = /** @type {Question} */ (message);
    try {
      process.send?.({ id, result: await functions[name]?.(argument) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
}
