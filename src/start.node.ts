import { join } from 'node:path';
import type { ExtensionContext } from 'vscode';
import { demoVariable } from './contributions.ts';
import { lazy } from './core/lazy.ts';
import { startExtension } from './extension.ts';
import { createFileLock } from './platform/fileLock.ts';
import { createHistoryFile } from './platform/historyFile.ts';
import { systemClock } from './platform/systemClock.ts';
import type { ConnectionsView, Services } from './vscode/frontDoor.ts';

/** The extension with a Node platform. */
export function start(context: ExtensionContext, view: ConnectionsView): Services {
  return startExtension(context, view, {
    clock: systemClock,
    // Not in workspace storage: windows of different folders share the connections.
    sharedLock: log =>
      createFileLock({ folder: join(context.globalStorageUri.fsPath, 'locks'), clock: systemClock, log }),
    history: createHistoryFile(join(context.globalStorageUri.fsPath, 'history')),
    // Looked up at each call: VS Code patches it for proxies and certificates.
    fetch: (input, init) => globalThis.fetch(input, init),
    mutualTls: async identity => (await import('./platform/mutualTls.ts')).createMutualTls()(identity),
    listenForRedirect: async page => (await import('./platform/loopbackRedirect.ts')).listenForRedirect(page),
    uriRedirects: lazy(async () =>
      (await import('./platform/uriRedirect.ts')).createUriRedirects(
        join(context.globalStorageUri.fsPath, 'redirects'),
        systemClock,
      ),
    ),
    demo: process.env[demoVariable] === '1',
  });
}
