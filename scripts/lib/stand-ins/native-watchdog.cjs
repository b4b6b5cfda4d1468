'use strict';
// Takes the place of @vscode/native-watchdog, which would need a compiler: it ends an extension host whose server has
// died while the host was busy. Here the server's whole process group is ended instead (see server.mjs).
exports.start = () => {};
exports.exit = (/** @type {number} */ code) => process.exit(code);
