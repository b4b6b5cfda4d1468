'use strict';
// Takes the place of @vscode/spdlog in the VS Code from npm, whose native half needs a compiler. VS Code writes its log
// files and the text of every output channel through it: with this the Output view shows what extensions log, and
// tests can search the log files as they can on the desktop.
// Not require: the type checker takes .cjs files with it for something else under this project's settings.
const { appendFileSync, mkdirSync } = process.getBuiltinModule('node:fs');
const { dirname } = process.getBuiltinModule('node:path');

const levels = /** @type {const} */ (['trace', 'debug', 'info', 'warn', 'error', 'critical']);
const nothing = () => {};

/** @param {string} _name @param {string} file */
async function createLogger(_name, file) {
  mkdirSync(dirname(file), { recursive: true });
  let level = 2;
  let plain = false;
  const write = levels.map((name, at) => [
    name,
    (/** @type {string} */ text) => {
      const time = new Date().toISOString().replace('T', ' ').replace('Z', '');
      const tag = name.replace('warn', 'warning');
      if (at >= level) appendFileSync(file, plain ? text : `${time} [${tag}] ${text}\n`);
    },
  ]);
  return {
    ...Object.fromEntries(write),
    getLevel: () => level,
    setLevel(/** @type {number} */ next) {
      level = next;
    },
    clearFormatters() {
      plain = true;
    },
    setPattern: nothing,
    flush: nothing,
    drop: nothing,
  };
}

// One by one, as VS Code imports them by name.
exports.version = 0;
exports.setLevel = nothing;
exports.setFlushOn = nothing;
exports.createRotatingLogger = createLogger;
exports.createAsyncRotatingLogger = createLogger;
