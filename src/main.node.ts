import type { ExtensionContext } from 'vscode';
import type { JwtWorkbenchApi } from './api.d.ts';
import { openFrontDoor } from './vscode/frontDoor.ts';

/** The entry for VS Code's Node host. */
export function activate(context: ExtensionContext): JwtWorkbenchApi {
  return openFrontDoor(context, {
    start: async view => (await import('./start.node.ts')).start(context, view),
    // Runs after the work that VS Code still has to do to start this and other extensions.
    soon: work => void setImmediate(work),
  });
}
