'use strict';
// Replaces @vscode/spdlog in the VS Code from npm, because its native part needs a compiler. VS Code writes its log files
// and the text of every output channel with it. With this stand-in, the Output view shows what extensions log, and tests
// can search the log files as on the desktop.
// Not `require`, because the type checker misreads .cjs files that use it under this project's settings.
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

// Exported one by one, because VS Code imports them by name.
exports.version = 0;
exports.setLevel = nothing;
exports.setFlushOn = nothing;
exports.createRotatingLogger = createLogger;
exports.createAsyncRotatingLogger = createLogger;
