import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureDependencies } from './lib/ensure.mjs';
import { elapsed, runScript, UserError } from './lib/project.mjs';

/**
 * @typedef {import('./bench/table.mjs').Row} Row
 * @typedef {object} Part
 * @property {string} title
 * @property {(temporary: string) => Promise<Row[]>} run receives its own folder, which is removed afterwards
 */

/**
 * The parts, in the order of the table. Imported on demand, because they need the dependencies.
 * @type {Record<string, () => Promise<Part>>}
 */
const parts = {
  verify: () => import('./bench/verify.mjs'),
  scan: () => import('./bench/scan.mjs'),
  search: () => import('./bench/search.mjs'),
  refresh: () => import('./bench/refresh.mjs'),
  schedule: () => import('./bench/schedule.mjs'),
  signIn: () => import('./bench/signIn.mjs'),
  broker: () => import('./bench/broker.mjs'),
  agents: () => import('./bench/agents.mjs'),
  mock: () => import('./bench/mock.mjs'),
  package: () => import('./bench/package.mjs'),
  activation: () => import('./bench/activation.mjs'),
  size: () => import('./bench/size.mjs'),
  tree: () => import('./bench/tree.mjs'),
  many: () => import('./bench/many.mjs'),
  editor: () => import('./bench/editor.mjs'),
  inspector: () => import('./bench/inspector.mjs'),
};

/**
 * `npm run bench` runs everything, `npm run bench -- verify size` only these parts. `--json` prints figures for
 * programs.
 */
async function main() {
  const since = performance.now();
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  });
  const names = Object.keys(parts);
  const wrong = positionals.find(name => !names.includes(name));
  if (wrong) throw new UserError(`There is no row named ${wrong}. There are: ${names.join(', ')}.`);
  // With --json, standard output contains only JSON.
  if (values.json) console.log = console.error;
  // Exiting runs the `exit` handlers, which end child processes and VS Code.
  process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
  await ensureDependencies();
  const facts = await machine();
  console.log(
    Object.entries(facts)
      .map(([name, fact]) => `${name} ${fact}`)
      .join(', '),
  );

  const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'jwtw-')));
  process.once('exit', () => rmSync(temporary, { recursive: true, force: true, maxRetries: 3 }));
  /** @type {{ name: string, title: string, rows: Row[], error?: string }[]} */
  const results = [];
  for (const [name, load] of Object.entries(parts)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const started = performance.now();
    const { title, run } = await load();
    try {
      results.push({ name, title, rows: await run(join(temporary, name)) });
      console.log(`${name}: measured in ${elapsed(started)}`);
    } catch (error) {
      const message = error instanceof UserError ? error.message : String(error instanceof Error ? error.stack : error);
      results.push({ name, title, rows: [], error: message });
      console.error(`${name}: not measured. ${message}`);
    }
  }

  if (values.json) process.stdout.write(`${JSON.stringify({ ...facts, results }, null, 2)}\n`);
  else await print(results);
  console.log(`\nThe whole took ${elapsed(since)}.`);
  // A missed goal is not a failure, because people judge the figures. A figure that could not be measured is.
  return results.some(({ error }) => error !== undefined) ? 1 : 0;
}

async function machine() {
  const { editions } = await import('./lib/vscode-from-npm.mjs');
  return {
    cores: cpus().length,
    node: process.versions.node,
    vscode: editions.newest.version,
    'load at the start': loadavg()[0]?.toFixed(1) ?? '',
  };
}

/** @param {{ title: string, rows: Row[] }[]} results */
async function print(results) {
  const { table } = await import('./bench/table.mjs');
  console.log(`\n${table(results.filter(({ rows }) => rows.length > 0))}`);
}

runScript(main);
