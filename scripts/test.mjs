import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { constants, setPriority, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildExtension, buildTests, testKinds } from './build.mjs';
import { ensureDependencies, run, tsc } from './lib/ensure.mjs';
import { elapsed, root, runScript, UserError } from './lib/project.mjs';
import { grepVariable, resultsVariable, slowVariable } from './lib/results.mjs';
import { ensureVSCodeFromNpm } from './lib/vscode-from-npm.mjs';

/** @typedef {import('./lib/results.mjs').Results} Results */

/** The stages that can be selected. `oldest`: the tests of `host` in the oldest VS Code that package.json allows. */
const stages = [...testKinds, /** @type {const} */ ('oldest')];

/** What `npm test` leaves to `npm run test:slow`. The tests of `ui` run on the packaged files as well. */
const slowStages = ['oldest', 'vsix'];

/** Why the tests of the user interface cannot run here. They need the VS Code from npm, which is used on Linux only. */
const uiObstacle = process.platform === 'linux' ? undefined : `skipped: needs Linux, this is ${process.platform}`;

/**
 * `npm test` runs everything that does not take minutes by itself, `npm test -- unit ui --grep refresh` a selection. `npm run
 * test:slow` runs the oldest VS Code, tests that take minutes, and the package as `npm run package` makes it.
 */
async function main() {
  const since = performance.now();
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { grep: { type: 'string' }, slow: { type: 'boolean', default: false } },
  });
  if (values.slow) process.env[slowVariable] = '1';
  if (values.grep) process.env[grepVariable] = values.grep;
  const wrong = positionals.find(name => !stages.some(stage => stage === name));
  if (wrong) throw new UserError(`There are no tests named ${wrong}. There are: ${stages.join(', ')}.`);
  /** @param {typeof stages[number]} stage */
  const wants = stage => (positionals.length === 0 ? !slowStages.includes(stage) : positionals.includes(stage));
  const alone = positionals.length === 1;

  // Fetched while the dependencies are installed, because it needs none of them.
  const inBrowser = wants('ui') && uiObstacle === undefined;
  const vscodeForUi = inBrowser ? ensureVSCodeFromNpm() : undefined;
  vscodeForUi?.catch(() => {}); // The stage below reports it.
  await ensureDependencies();
  console.log(`dependencies: there (${elapsed(since)})`);
  await rm(join(root, 'out', 'failures'), { recursive: true, force: true }); // Removes screenshots of an earlier run.
  const report = new Report();
  // Imported here, because these modules need the dependencies.
  const { chooseVSCode, runInVSCode } = await import('./lib/vscode-runs.mjs');
  const { packageExtension, prepareExtension } = await import('./package.mjs');
  const vsix = join(root, 'out', 'jwt-workbench.vsix');

  /** @type {{ host?: import('./lib/vscode-runs.mjs').VSCode, oldest?: import('./lib/vscode-runs.mjs').VSCode }} */
  const vscode = {};
  const fetched = report.stage('fetch', async () => {
    await vscodeForUi; // Before the others, which find there what it has fetched.
    if (wants('host') || wants('vsix')) vscode.host = await chooseVSCode(process.env.JWT_WORKBENCH_TEST_VSCODE);
    if (wants('oldest')) vscode.oldest = await chooseVSCode('oldest');
    return (
      Object.values(vscode)
        .map(({ label }) => label)
        .join('; ') || 'not needed'
    );
  });
  const checking = positionals.length === 0 && !values.grep ? checks(report) : undefined;
  const packaged =
    (wants('vsix') || inBrowser) &&
    report.stage(
      'package',
      async () => void (await (wants('vsix') ? packageExtension(vsix, values.slow) : prepareExtension())),
    );
  const kinds = testKinds.filter(kind => wants(kind) || (kind === 'host' && wants('oldest')));
  if (!(await report.stage('build', () => build(kinds)))) return report.print(since);

  /** @param {'host' | 'oldest' | 'vsix'} stage */
  const inVSCode = async stage => {
    if (!wants(stage) || !(await fetched) || (stage === 'vsix' && !(await packaged))) return;
    const chosen = stage === 'oldest' ? vscode.oldest : vscode.host;
    if (chosen === undefined) throw new Error('No VS Code was chosen.');
    console.log(`\nTests inside VS Code run on: ${chosen.label}`);
    const whole = !values.grep;
    const empty = join(root, 'test', 'fixtures', 'empty-extension');
    await report.stage(stage, () =>
      stage === 'vsix'
        ? runInVSCode(chosen, 'vsix', { extensionDevelopmentPath: empty, install: vsix, whole })
        : runInVSCode(chosen, 'host', { extensionDevelopmentPath: root, whole, lean: stage === 'host' }),
    );
  };
  const inWindows = async () => {
    for (const stage of /** @type {const} */ (['host', 'vsix', 'oldest'])) await inVSCode(stage);
  };
  // In parallel, because tests in VS Code wait more than they compute, and the unit tests use the rest of the two
  // cores. Two windows are open at a time: the second half of the tests of `ui` takes the place of those inside VS Code.
  const inside = inWindows();
  const lanes = [
    wants('ui') &&
      Promise.all([fetched, packaged]).then(
        ready =>
          (uiObstacle !== undefined || ready.every(Boolean)) &&
          report.stage('ui', async () => uiObstacle ?? (alone ? runInNode('ui', 60_000, alone) : uiTests(inside))),
      ),
    inside,
    wants('unit') && report.stage('unit', () => (alone ? runInNode('unit', 5_000, alone) : unitTests())),
    checking,
  ];
  await Promise.all(lanes);
  return report.print(since);
}

/** @param {typeof testKinds[number][]} kinds */
async function build(kinds) {
  const inWorkbench = kinds.some(kind => kind === 'host' || kind === 'ui');
  await Promise.all([inWorkbench ? buildExtension() : undefined, ...kinds.map(buildTests)]);
}

/**
 * Checks formatting, lint and types, as `npm run lint` and `npm run check` do.
 * @param {Report} report
 */
async function checks(report) {
  const background = true;
  const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  await report.stage('lint', async () => {
    await run(process.execPath, [biome, 'ci', '--error-on-warnings', '--colors=off', '.'], {
      cwd: root,
      background,
    });
  });
  await report.stage('types', async () => void (await tsc(['--noEmit'], root, { background })));
}

/**
 * Runs the unit tests in five processes. Beside the windows each gets its share of the cores, so that the last one would
 * compute alone if there were fewer.
 */
function unitTests() {
  const rooms = ['cli', 'histories|platform', 'core', 'mock'].map(names => `^(?:${names})[\\\\/]`);
  const rest = `^(?!${rooms.map(room => room.slice(1)).join('|')})`;
  // The limit ends tests that hang. It is longer than for unit tests alone, because these run behind all windows.
  return together([...rooms, rest].map(files => runInNode('unit', 60_000, false, files)));
}

/** @param {Promise<unknown>} secondMay when there is room for the windows of the second half */
function uiTests(secondMay) {
  const first = '(?:demo|own)[\\\\/]';
  const run = (/** @type {string} */ files) => runInNode('ui', 60_000, false, files);
  return together([run(`^${first}`), secondMay.then(() => run(`^(?!${first})`))]);
}

/** @param {Promise<Results>[]} runs @returns {Promise<Results>} */
async function together(runs) {
  const all = await Promise.all(runs);
  /** @param {'passed' | 'failed' | 'pending'} count */
  const sum = count => all.reduce((before, results) => before + results[count], 0);
  return {
    passed: sum('passed'),
    failed: sum('failed'),
    pending: sum('pending'),
    failures: all.flatMap(({ failures }) => failures),
  };
}

/**
 * @param {'unit' | 'ui'} kind
 * @param {number} timeout milliseconds per test
 * @param {boolean} alone whether to print output at once; otherwise it is collected, because outputs of parallel stages
 * would mix
 * @param {string} [files] a regular expression for the file names
 * @returns {Promise<Results>}
 */
async function runInNode(kind, timeout, alone, files = '') {
  const file = join(await mkdtemp(join(tmpdir(), 'jwtw-')), 'results.json');
  const runner = join(root, 'scripts', 'lib', 'mocha-node.mjs');
  const args = ['--enable-source-maps', runner, join(root, 'out', 'test', kind), String(timeout), files];
  // Node reads these certificates at each start, for longer than all the rest of it, and tests talk to 127.0.0.1 only.
  const { NODE_EXTRA_CA_CERTS: _, ...outer } = process.env;
  const env = { ...outer, [resultsVariable]: file };
  const stdio = alone ? 'inherit' : 'pipe';
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', stdio, stdio] });
  // Lower priority than tests in windows, because no unit test depends on how long it takes.
  if (kind === 'unit' && !alone && child.pid) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => (output += chunk));
  const [code] = await once(child, 'close');
  if (code !== 0 || kind === 'ui') console.log(output);
  /** @type {Results | undefined} */
  const results = await readFile(file, 'utf8').then(JSON.parse, () => undefined);
  await rm(dirname(file), { recursive: true, force: true });
  if (!results) throw new Error(`The ${kind} tests ended with exit code ${code} before any result was there.`);
  return results;
}

/** Collects the results of all stages and prints the summary. */
class Report {
  /** @type {string[]} */
  #stages = [];
  /** @type {string[]} */
  #failures = [];
  #passed = 0;
  #failed = 0;

  /**
   * Runs and times one stage. A stage that throws counts as one failure, so that the last line and the exit code agree
   * even if no test failed.
   * @param {string} name
   * @param {() => Promise<Results | string | void>} work resolves to test results, to a remark, or to nothing
   * @returns {Promise<boolean>} whether the stage succeeded
   */
  async stage(name, work) {
    const since = performance.now();
    const before = this.#failed;
    let outcome = 'ok';
    try {
      const result = await work();
      if (typeof result === 'string') outcome = result;
      else if (result) {
        const { passed, failed, pending, failures } = result;
        this.#passed += passed;
        this.#failed += failed;
        for (const { title, message } of failures)
          this.#failures.push(`${name}: ${title}\n    ${message.split('\n')[0]}`);
        outcome = `${passed} passed, ${failed} failed${pending ? `, ${pending} pending` : ''}`;
      }
    } catch (error) {
      outcome = 'failed';
      const text = error instanceof Error ? error.message : String(error);
      this.#failed++;
      this.#failures.push(`${name}: ${text.split('\n').find(line => line.trim())}`);
      console.log(`\n--- ${name} failed ---\n${text}\n`);
    }
    this.#stages.push(row(name, since, outcome));
    console.log(`${name}: ${outcome} (${elapsed(since)})`);
    return this.#failed === before;
  }

  /**
   * Prints the times, repeats every failure, and ends with the line that other programs parse.
   * @param {number} since a value of `performance.now()`
   * @returns {number} the exit code
   */
  print(since) {
    console.log(['\nstage        seconds  outcome', ...this.#stages, row('all', since, '')].join('\n'));
    if (this.#failures.length > 0) console.log(`\nFailed:\n  ${this.#failures.join('\n  ')}`);
    console.log(`\ntests: ${this.#passed} passed, ${this.#failed} failed`);
    return this.#failed > 0 ? 1 : 0;
  }
}

/** @param {string} name @param {number} since @param {string} outcome */
function row(name, since, outcome) {
  return `${name.padEnd(12)} ${((performance.now() - since) / 1000).toFixed(1).padStart(7)}  ${outcome}`;
}

runScript(main);
