import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Milliseconds without an answer after which a child counts as hung. */
const callTimeout = 60_000;

/**
 * @typedef {object} Child
 * @property {(name: string, argument?: unknown) => Promise<any>} ask calls the child's function of that name
 * @property {() => Promise<void>} end
 */

/**
 * Starts a process for one side, so that the sides share only the machine.
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
        const timer = setTimeout(() => reject(new Error(`${file} did not answer to ${name}.`)), callTimeout);
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
 * Called in the child: answers calls with these functions until the parent exits.
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
