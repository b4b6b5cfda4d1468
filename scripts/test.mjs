import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildExtension, buildTests, testKinds } from './build.mjs';
import { ensureDependencies } from './lib/ensure.mjs';
import { elapsed, root, runScript, UserError } from './lib/project.mjs';
import { grepVariable, readResults, resultsVariable, slowVariable } from './lib/results.mjs';
import { Report, runNode } from './lib/stages.mjs';

/**
 * `npm test`: everything that fits into four minutes. `npm test -- unit ui --grep refresh`: some of it.
 * `npm run test:slow`: the tests of the user interface with those that take minutes.
 */
async function main() {
  const since = performance.now();
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { grep: { type: 'string' }, slow: { type: 'boolean', default: false } },
  });
  const { grep, slow } = values;
  if (slow) process.env[slowVariable] = '1';
  const wrong = positionals.find(name => !testKinds.some(kind => kind === name));
  if (wrong) throw new UserError(`There are no tests named ${wrong}. There are: ${testKinds.join(', ')}.`);
  /** @param {typeof testKinds[number]} kind */
  const wants = kind => (positionals.length === 0 || positionals.includes(kind)) && hasTests(kind);
  const everything = positionals.length === 0 && !grep;

  await ensureDependencies();
  console.log(`dependencies: there (${elapsed(since)})`);
  await rm(join(root, 'out', 'failures'), { recursive: true, force: true }); // Screenshots of an earlier run.
  const report = new Report();
  // Imported only now: these modules need the dependencies.
  const { chooseVSCode, runInVSCode, vscodeFromNpm } = await import('./lib/vscode-runs.mjs');
  const { packageExtension } = await import('./package.mjs');
  const vsix = join(root, 'out', 'jwt-workbench.vsix');

  /** @type {import('./lib/vscode-runs.mjs').VSCode | undefined} */
  let vscode;
  const fetched = report.stage('fetch', async () => {
    if (wants('host') || wants('vsix')) vscode = await chooseVSCode(process.env.JWT_WORKBENCH_TEST_VSCODE);
    if (wants('ui') && uiObstacle === undefined) await vscodeFromNpm();
    return vscode?.label ?? 'not needed';
  });
  const checking = everything ? checks(report) : undefined;
  let built = true;
  // The package first: both builds write to dist/, and what stays there is the one with source maps.
  if (wants('vsix')) built = await report.stage('package', async () => void (await packageExtension({ to: vsix })));
  const kinds = testKinds.filter(wants);
  built = (await report.stage('build', () => build(kinds))) && built;
  const alone = positionals.length === 1;
  // Two lanes, as the tests of the user interface wait more than they compute. What the first prints is shown at once.
  const inCode = async () => {
    // Behind the user interface where there is too little for both: nothing here minds how long it takes.
    if (built && wants('unit'))
      await report.stage('unit', () => runInNode('unit', 5_000, { grep, show: alone, patient: !alone }));
    if (!(await fetched) || !built || !vscode) return;
    const chosen = vscode;
    console.log(`\nTests inside VS Code run on: ${chosen.label}`);
    if (wants('host')) {
      await report.stage('host', () => runInVSCode(chosen, 'host', { extensionDevelopmentPath: root, grep }));
    }
    if (wants('vsix')) {
      const extensionDevelopmentPath = join(root, 'test', 'fixtures', 'empty-extension');
      await report.stage('vsix', () => runInVSCode(chosen, 'vsix', { extensionDevelopmentPath, install: vsix, grep }));
    }
  };
  const onScreen = async () => {
    if (!built || !wants('ui') || !(await fetched)) return;
    await report.stage('ui', async () => uiObstacle ?? onScreenTests({ grep, show: alone }));
  };
  await Promise.all([inCode(), onScreen(), checking]);
  report.print(since);
  return report.failed > 0 ? 1 : 0;
}

/** @param {typeof testKinds[number][]} kinds */
async function build(kinds) {
  const inWorkbench = kinds.some(kind => kind === 'host' || kind === 'ui');
  await Promise.all([inWorkbench ? buildExtension() : undefined, ...kinds.map(buildTests)]);
}

/** Why the tests of the user interface cannot run here. They need the VS Code from npm, which is tried on Linux only. */
const uiObstacle = process.platform === 'linux' ? undefined : `skipped: needs Linux, this is ${process.platform}`;

/** @param {string} kind */
function hasTests(kind) {
  const folder = join(root, 'test', kind);
  return (
    existsSync(folder) &&
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).some(name => name.endsWith('.test.ts'))
  );
}

/**
 * Formatting, lint and types, as `npm run lint` and `npm run check` run them.
 * @param {Report} report
 */
async function checks(report) {
  const modules = join(root, 'node_modules');
  for (const [name, ...args] of /** @type {const} */ ([
    ['lint', join(modules, '@biomejs', 'biome', 'bin', 'biome'), 'ci', '--error-on-warnings', '--colors=off', '.'],
    ['types', join(modules, 'typescript', 'bin', 'tsc'), '--noEmit'],
  ])) {
    await report.stage(name, async () => {
      const { code, output } = await runNode(args);
      if (code !== 0) throw new Error(output);
    });
  }
}

/**
 * The tests of the user interface. A file whose first failure is that something did not show in time is run once more, in
 * a VS Code of its own, and that is said: a busy machine is no fault of ours. Whatever else fails has failed.
 * @param {{ grep: string | undefined, show: boolean }} options
 * @returns {Promise<import('./lib/results.mjs').Results>}
 */
async function onScreenTests(options) {
  const first = await runInNode('ui', 60_000, options);
  const files = [...new Set(first.failures.map(({ file = '' }) => file))];
  const again = files.filter(file => file && first.failures.find(failure => failure.file === file)?.waiting);
  if (again.length === 0) return first;
  console.log(`\nOnce more, as something did not show in time: ${again.map(file => basename(file)).join(', ')}`);
  for (const { title, message } of first.failures) console.log(`  ${title}: ${message.split('\n')[0]}`);
  const second = await runInNode('ui', 60_000, { ...options, files: again });
  const left = first.failures.filter(({ file }) => !again.includes(file ?? ''));
  const passed = again.reduce((count, file) => count - (first.passedIn[file] ?? 0), first.passed);
  return {
    passed: passed + second.passed,
    failed: left.length + second.failed,
    pending: first.pending,
    failures: [...left, ...second.failures],
    passedIn: { ...first.passedIn, ...second.passedIn },
    note: `${again.length} of the files at the second attempt`,
  };
}

/**
 * @param {'unit' | 'ui'} kind
 * @param {number} timeout milliseconds per test
 * @param {{ grep: string | undefined, show: boolean, patient?: boolean, files?: string[] }} options
 */
async function runInNode(kind, timeout, { grep, show, patient = false, files = [] }) {
  const temporary = await mkdtemp(join(tmpdir(), 'jwtw-'));
  const file = join(temporary, 'results.json');
  try {
    const runner = join(root, 'scripts', 'lib', 'mocha-node.mjs');
    const { code, output } = await runNode(
      ['--enable-source-maps', runner, join(root, 'out', 'test', kind), String(timeout), ...files],
      { show, patient, env: { [resultsVariable]: file, ...(grep ? { [grepVariable]: grep } : {}) } },
    );
    if (code !== 0 || kind === 'ui') console.log(output);
    const results = readResults(file);
    if (!results) throw new Error(`The ${kind} tests ended with exit code ${code} before any result was there.`);
    return results;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

runScript(main);
