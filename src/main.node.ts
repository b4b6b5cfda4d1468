import type { ExtensionContext } from 'vscode';
import type { JwtWorkbenchApi } from './api.ts';
import { demoVariable } from './contributions.ts';
import { startExtension } from './extension.ts';
import { createLocalLock } from './platform/localLock.ts';
import { systemClock } from './platform/systemClock.ts';

/** The entry for VS Code's Node host: the extension with a Node platform. */
export function activate(context: ExtensionContext): JwtWorkbenchApi {
  return startExtension(context, {
    clock: systemClock,
    lock: createLocalLock(),
    // Looked up at each call: VS Code patches it for proxies and certificates.
    fetch: (input, init) => globalThis.fetch(input, init),
    demo: process.env[demoVariable] === '1',
  });
}
