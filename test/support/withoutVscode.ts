import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** The little of `vscode` that sentences use: the sentence itself, its places filled. */
const stub =
  'export const l10n = { t: (text, ...values) => text.replace(/\\{(\\d+)\\}/g, (_, i) => String(values[i])) };';

/**
 * Loads a file of `src/vscode` that needs no more of `vscode` than its sentences.
 * @param path below src/vscode, without its ending
 * @param folder where the bundle is put
 */
export async function withoutVscode<T>(path: string, folder: string): Promise<T> {
  const outfile = join(folder, `${path.replaceAll('/', '-')}.mjs`);
  await build({
    // Tests run from the project's folder, wherever their bundles are.
    entryPoints: [join('src', 'vscode', `${path}.ts`)],
    bundle: true,
    outfile,
    format: 'esm',
    logLevel: 'silent',
    plugins: [
      {
        name: 'vscode',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^vscode$/ }, ({ path }) => ({ path, namespace: 'stub' }));
          onLoad({ filter: /.*/, namespace: 'stub' }, () => ({ contents: stub }));
        },
      },
    ],
  });
  return (await import(pathToFileURL(outfile).href)) as T;
}
