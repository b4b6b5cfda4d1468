'use strict';
// Replaces @vscode/native-watchdog, which needs a compiler. It ends an extension host whose server died while the host
// was busy. Here the server's whole process group is ended instead (see server.mjs).
exports.start = () => {};
exports.exit = (/** @type {number} */ code) => process.exit(code);
