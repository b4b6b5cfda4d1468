import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { elapsed, root } from './project.mjs';

/**
 * @typedef {import('./results.mjs').Results} Results
 * @typedef {{ name: string, seconds: number, outcome: string }} Stage
 */

/** What a run of many stages came to: each stage reports here, and the end is printed from here. */
export class Report {
  /** @type {Stage[]} */
  #stages = [];
  /** @type {string[]} */
  #failures = [];
  passed = 0;
  failed = 0;

  /**
   * Runs and times one stage. A stage that throws counts as one failure, so that the last line and the exit code agree
   * also where no test failed.
   * @param {string} name
   * @param {() => Promise<Results | string | void>} work resolves to test results, to a remark, or to nothing
   * @returns {Promise<boolean>} whether the stage went well
   */
  async stage(name, work) {
    const since = performance.now();
    let outcome = 'ok';
    let good = true;
    try {
      const result = await work();
      if (typeof result === 'string') outcome = result;
      else if (result) {
        outcome = this.#add(name, result);
        good = result.failed === 0;
      }
    } catch (error) {
      outcome = 'failed';
      good = false;
      const text = error instanceof Error ? error.message : String(error);
      this.failed++;
      this.#failures.push(`${name}: ${text.split('\n').find(line => line.trim())}`);
      console.log(`\n--- ${name} failed ---\n${text}\n`);
    }
    this.#stages.push({ name, seconds: (performance.now() - since) / 1000, outcome });
    console.log(`${name}: ${outcome} (${elapsed(since)})`);
    return good;
  }

  /** @param {string} name @param {Results} results @returns {string} */
  #add(name, { passed, failed, pending, failures, note }) {
    this.passed += passed;
    this.failed += failed;
    for (const { title, message } of failures) this.#failures.push(`${name}: ${title}\n    ${message.split('\n')[0]}`);
    return `${passed} passed, ${failed} failed${pending ? `, ${pending} pending` : ''}${note ? `, ${note}` : ''}`;
  }

  /**
   * Prints the times, every failure once more, and the line that others read: it is the last one.
   * @param {number} since a value of `performance.now()`
   */
  print(since) {
    console.log('\nstage        seconds  outcome');
    for (const { name, seconds, outcome } of this.#stages) {
      console.log(`${name.padEnd(12)} ${seconds.toFixed(1).padStart(7)}  ${outcome}`);
    }
    console.log(`${'all'.padEnd(12)} ${((performance.now() - since) / 1000).toFixed(1).padStart(7)}`);
    if (this.#failures.length > 0) console.log(`\nFailed:\n  ${this.#failures.join('\n  ')}`);
    console.log(`\ntests: ${this.passed} passed, ${this.failed} failed`);
  }
}

/**
 * Runs a Node script of this project or of its node_modules.
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, show?: boolean, patient?: boolean }} [options] `show` passes output
 *   on as it comes; else it is kept, as the outputs of stages that run side by side would mix; `patient` lets others
 *   compute first
 * @returns {Promise<{ code: number, output: string }>}
 */
export function runNode(args, { env = {}, show = false, patient = false } = {}) {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
  });
  if (patient && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  let output = '';
  const keep = (/** @type {Buffer} */ chunk) => {
    output += chunk;
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => resolve({ code: code ?? 1, output }));
  });
}
