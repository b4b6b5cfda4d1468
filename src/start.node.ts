import { join } from 'node:path';
import { type ExtensionContext, env } from 'vscode';
import { demoVariable } from './contributions.ts';
import { systemClock } from './core/waiting.ts';
import { startExtension } from './extension.ts';
import { createBrokerPlatform } from './platform/brokerPlatform.ts';
import { createFileLock, createHistoryFile } from './platform/fileLock.ts';
import { createFileSearch } from './platform/fileSearch.ts';
import { createMutualTls, unlockKey } from './platform/mutualTls.ts';
import { createUriRedirects, listenForRedirect } from './platform/uriRedirect.ts';
import type { ConnectionsView, Services } from './vscode/frontDoor.ts';

/** Starts the extension with the Node platform. */
export function start(context: ExtensionContext, view: ConnectionsView): Services {
  return startExtension(context, view, {
    clock: systemClock,
    // Global, because windows with different folders share the connections.
    sharedLock: log =>
      createFileLock({ folder: join(context.globalStorageUri.fsPath, 'locks'), clock: systemClock, log }),
    history: log => createHistoryFile(join(context.globalStorageUri.fsPath, 'history'), systemClock, log),
    // Looked up at each call, because VS Code patches it for proxies and certificates.
    fetch: (input, init) => globalThis.fetch(input, init),
    mutualTls: createMutualTls(),
    listenForRedirect,
    uriRedirects: createUriRedirects(join(context.globalStorageUri.fsPath, 'redirects'), systemClock),
    broker: log =>
      createBrokerPlatform({
        folder: context.globalStorageUri.fsPath,
        script: join(context.extensionPath, 'dist', 'jwtw.mjs'),
        clock: systemClock,
        log,
      }),
    fileSearch: log => createFileSearch(env.appRoot, log),
    unlockKey,
    demo: process.env[demoVariable],
  });
}
