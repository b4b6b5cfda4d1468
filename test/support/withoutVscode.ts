import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** The little of `vscode` that is used without a host: sentences with their places filled, and events. */
const stub = `
  export const l10n = { t: (text, ...values) => text.replace(/\\{(\\d+)\\}/g, (_, i) => String(values[i])) };
  export class EventEmitter {
    #listeners = [];
    event = listener => void this.#listeners.push(listener);
    fire(value) { for (const listener of this.#listeners) listener(value); }
    dispose() {}
  }
`;

/**
 * Loads a file of `src/vscode` that needs no more of `vscode` than this.
 * @param path below src/vscode, without its ending
 * @param folder where the bundle is put
 * @param more what else of `vscode` it needs, as the source of a module
 */
export async function withoutVscode<T>(path: string, folder: string, more = ''): Promise<T> {
  const outfile = join(folder, `${path.replaceAll('/', '-')}.mjs`);
  await build({
    // Tests run from the project's folder, wherever their bundles are.
    entryPoints: [join('src', 'vscode', `${path}.ts`)],
    bundle: true,
    outfile,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
    plugins: [
      {
        name: 'vscode',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^vscode$/ }, ({ path }) => ({ path, namespace: 'stub' }));
          onLoad({ filter: /.*/, namespace: 'stub' }, () => ({ contents: stub + more }));
        },
      },
    ],
  });
  return (await import(pathToFileURL(outfile).href)) as T;
}
