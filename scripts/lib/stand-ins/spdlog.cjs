'use strict';
// Takes the place of @vscode/spdlog in the VS Code from npm, whose native half needs a compiler. VS Code writes its log
// files and the text of every output channel through it: with this the Output view shows what extensions log, and
// tests can search the log files as they can on the desktop.
// Not require: the type checker takes .cjs files with it for something else under this project's settings.
const { appendFileSync, mkdirSync } = process.getBuiltinModule('node:fs');
const { dirname } = process.getBuiltinModule('node:path');

exports.version = 0;
exports.setLevel = () => {};
exports.setFlushOn = () => {};

class Logger {
  #file;
  #plain = false;
  /** VS Code's levels: 0 trace, 1 debug, 2 info, 3 warning, 4 error, 5 critical, 6 off. */
  #level = 2;

  /** @param {string} _type @param {string} _name @param {string} file */
  constructor(_type, _name, file) {
    this.#file = file;
  }

  /** @param {number} level @param {string} name @param {string} text */
  #write(level, name, text) {
    if (level < this.#level) return;
    const time = new Date().toISOString().replace('T', ' ').replace('Z', '');
    appendFileSync(this.#file, this.#plain ? text : `${time} [${name}] ${text}\n`);
  }

  trace = (/** @type {string} */ text) => this.#write(0, 'trace', text);
  debug = (/** @type {string} */ text) => this.#write(1, 'debug', text);
  info = (/** @type {string} */ text) => this.#write(2, 'info', text);
  warn = (/** @type {string} */ text) => this.#write(3, 'warning', text);
  error = (/** @type {string} */ text) => this.#write(4, 'error', text);
  critical = (/** @type {string} */ text) => this.#write(5, 'critical', text);
  getLevel = () => this.#level;
  setLevel = (/** @type {number} */ level) => {
    this.#level = level;
  };
  setPattern() {}
  clearFormatters() {
    this.#plain = true;
  }
  flush() {}
  drop() {}
}
exports.Logger = Logger;

/** @param {string} name @param {string} file */
async function createLogger(name, file) {
  mkdirSync(dirname(file), { recursive: true });
  return new Logger('', name, file);
}
exports.createRotatingLogger = createLogger;
exports.createAsyncRotatingLogger = createLogger;
