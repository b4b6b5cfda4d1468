import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { commands } from '../../src/contributions.ts';
import type * as FieldsModule from '../../src/vscode/commands/fields.ts';
import type * as Table from '../../src/vscode/onDemand.ts';

type Loaded = Pick<typeof Table, 'definitions'> & Pick<typeof FieldsModule, 'notation' | 'schemaOf'>;

/** Stand-ins for everything that `src/vscode` imports from `vscode`, which can be called, constructed and read. */
function standIns(): string {
  const names = readdirSync(join('src', 'vscode'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => readFileSync(join('src', 'vscode', name), 'utf8'))
    .flatMap(text => [...text.matchAll(/^import \{([^}]*)\} from 'vscode';/gm)])
    .flatMap(([, imported = '']) => imported.split(','))
    .map(
      name =>
        name
          .trim()
          .replace(/^type /, '')
          .split(' as ')[0] ?? '',
    )
    .filter(name => name !== '' && name !== 'version');
  return [
    "const any = new Proxy(function () {}, { get: (_, name) => (name === Symbol.toPrimitive ? () => '' : any), apply: () => any, construct: () => ({}) });",
    `export const version = '1.105.0';`,
    ...new Set(names.map(name => `export const ${name} = any;`)),
  ].join('\n');
}

/** The declarations of all commands. Reading them does not call `vscode`. */
export async function declaredCommands(): Promise<Loaded> {
  const folder = await mkdtemp(join(tmpdir(), 'commands-'));
  const outfile = join(folder, 'commands.mjs');
  try {
    await build({
      stdin: {
        contents: `export { definitions } from './onDemand.ts'; export { notation, schemaOf } from './commands/fields.ts';`,
        resolveDir: join('src', 'vscode'),
        loader: 'ts',
      },
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
            const contents = standIns();
            onLoad({ filter: /.*/, namespace: 'stub' }, () => ({ contents }));
          },
        },
      ],
    });
    return (await import(pathToFileURL(outfile).href)) as Loaded;
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function commandFiles(): Promise<Readonly<Record<string, (before: string) => string>>> {
  const { definitions, notation, schemaOf } = await declaredCommands();
  const cell = (text: string) => text.replace(/(?<!\\)\|/g, '\\|');
  const rows = definitions.map(({ name, fields, whole, returns }) => {
    const argument = whole ?? `\`${notation(fields)}\``;
    return `| \`${name}\` | ${cell(argument)} | ${cell(returns)} |`;
  });
  const table = ['| `jwtWorkbench.` | argument | result |', '|---|---|---|', ...rows, '| `showLog` | none | nothing |'];
  const args = definitions.map(({ name, fields, whole }) => ({
    if: { properties: { command: { enum: [commands[name], `-${commands[name]}`] } }, required: ['command'] },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so.
    then: { properties: { args: whole === undefined ? schemaOf(fields) : { type: 'object' } } },
  }));
  const schema = { $schema: 'http://json-schema.org/draft-07/schema#', type: 'array', items: { allOf: args } };
  return {
    'docs/commands.md': before =>
      before.replace(
        /<!-- made: commands -->\n[\s\S]*?<!-- end -->/,
        `<!-- made: commands -->\n${table.join('\n')}\n<!-- end -->`,
      ),
    'schemas/keybindings.json': () => `${JSON.stringify(schema, undefined, 2)}\n`,
  };
}
