import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';

/** Every source file with its imports: packages by name, own files by their path from `src`. */
interface Source {
  readonly file: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly string[];
}

/** Import and re-export statements, and dynamic imports. */
const importing = /^(?:import|export)\s(?:[^;']*?\sfrom\s)?\s*'([^']+)'|\bimport\(\s*'([^']+)'/gm;

const sources: readonly Source[] = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map(name => name.replaceAll('\\', '/'))
  .filter(name => name.endsWith('.ts'))
  .map(file => {
    const whole = readFileSync(join('src', file), 'utf8');
    const text = withoutComments(whole);
    const imported = [...text.matchAll(importing)].map(([, one, other]) => String(one ?? other));
    return {
      file,
      text,
      lines: whole.split('\n').length,
      imports: imported.map(name => (name.startsWith('.') ? join(dirname(file), name) : name)),
    };
  });

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

/** Fails for every forbidden import of the files that `of` selects. */
function wall(of: (file: string) => boolean, forbidden: (imported: string, file: string) => boolean): void {
  const walled = sources.filter(({ file }) => of(file));
  assert.ok(walled.length > 0);
  const holes = walled.flatMap(({ file, imports }) =>
    imports.filter(each => forbidden(each, file)).map(each => `${file} imports ${each}`),
  );
  assert.deepEqual(holes, []);
}

/** Import cycles, one line per group of files. */
function circles(): string[] {
  const imports = new Map(sources.map(({ file, imports }) => [file, imports]));
  const reached = new Map<string, Set<string>>();
  for (const file of imports.keys()) {
    const seen = new Set<string>();
    const next = [...(imports.get(file) ?? [])];
    for (let at = next.pop(); at !== undefined; at = next.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      next.push(...(imports.get(at) ?? []));
    }
    reached.set(file, seen);
  }
  const found = [...reached].map(([file, seen]) =>
    [...seen]
      .filter(each => reached.get(each)?.has(file))
      .sort()
      .join(' '),
  );
  return [...new Set(found)].filter(circle => circle !== '');
}

const within = (room: string) => (file: string) => file.startsWith(`${room}/`);
const isNode = (imported: string) => imported.startsWith('node:');
const isEntry = (file: string) => /^(?:extension|main\.\w+|start\.\w+)\.ts$/.test(file);
/** True for packages from a registry. */
const isPackage = (imported: string) => !imported.endsWith('.ts') && !isNode(imported) && imported !== 'vscode';

/** The rooms of src/core, lowest first. */
const floors = [
  ['tokens', 'http'],
  ['records'],
  ['imports', 'issuer'],
  ['checks', 'refresh'],
  ['signIn', 'view', 'broker'],
];

describe('the walls between the rooms', () => {
  it('are checked in every file', () => {
    assert.ok(sources.length > 50);
    assert.ok(sources.some(({ imports }) => imports.includes('core/ports.ts')));
    assert.ok(sources.some(({ imports }) => imports.includes('vscode')));
  });

  it('nothing is kept where VS Code writes plain text or syncs it', () => {
    const kept = sources.filter(({ text }) => /\b(?:globalState|workspaceState)\b/.test(text));
    assert.deepEqual(kept, []);
  });

  it('src/core knows no vscode, no Node and no other room', () => {
    wall(within('core'), each => each === 'vscode' || isNode(each) || (each.endsWith('.ts') && !within('core')(each)));
  });

  it('a room of src/core imports those below it and none above', () => {
    const roomOf = (file: string) => /^core\/(\w+)\//.exec(file)?.[1];
    // Files directly in src/core are below all rooms.
    const floorOf = (file: string) => floors.findIndex(rooms => rooms.includes(roomOf(file) ?? ''));
    const rooms = new Set(sources.flatMap(({ file }) => roomOf(file) ?? []));
    assert.deepEqual([...rooms].sort(), floors.flat().sort());
    wall(
      within('core'),
      (each, file) =>
        within('core')(each) && roomOf(each) !== roomOf(file) && floorOf(each) >= Math.max(0, floorOf(file)),
    );
  });

  it('files import each other in no circle, types included', () => {
    assert.deepEqual(circles(), []);
  });

  it('a file holds one whole idea, in at most 500 lines', () => {
    const long = sources.filter(({ lines }) => lines > 500);
    assert.deepEqual(
      long.map(({ file, lines }) => `${file}: ${lines}`),
      [],
    );
  });

  it('src/core uses nothing that only Node has', () => {
    const used = sources
      .filter(({ file }) => within('core')(file))
      .filter(({ text }) => /\b(?:Buffer|process|require|__dirname|setImmediate)\b\s*[.(]/.test(text))
      .map(({ file }) => file);
    assert.deepEqual(used, []);
  });

  it('src/core is built on jose and oauth4webapi alone, src/mock on jose', () => {
    wall(within('core'), each => isPackage(each) && !['jose', 'oauth4webapi'].includes(each));
    wall(within('mock'), each => isPackage(each) && each !== 'jose');
  });

  it('src/mock knows neither the core, whose faults it must not mirror, nor vscode', () => {
    wall(within('mock'), each => each === 'vscode' || (each.endsWith('.ts') && !within('mock')(each)));
  });

  it('src/platform imports the core but none of its views', () => {
    wall(within('platform'), each => each === 'vscode' || /^(?:vscode|mock)\//.test(each));
  });

  it('nothing imports the entries', () => {
    wall(file => !isEntry(file), isEntry);
    wall(
      file => isEntry(file),
      each => /^main\./.test(each),
    );
  });

  it('only src/vscode and the entries import vscode', () => {
    wall(
      file => !within('vscode')(file) && !isEntry(file) && file !== 'api.d.ts',
      each => each === 'vscode',
    );
  });

  it('src/cli takes from src/vscode the sentences alone, which the build makes for it without vscode', () => {
    wall(within('cli'), each => within('vscode')(each) && !within('vscode/text')(each));
    const whole = sources.filter(
      ({ file, text }) =>
        within('vscode/text')(file) && /from 'vscode'/.test(text.replaceAll("import { l10n } from 'vscode'", '')),
    );
    assert.deepEqual(whole, []);
  });

  it('what other extensions copy needs nothing but vscode', () => {
    wall(
      file => file === 'api.d.ts',
      each => each !== 'vscode',
    );
  });

  it('views import neither each other nor commands', () => {
    const viewOf = (file: string) => /^vscode\/(tree\/|statusBar|tokenDocuments|ticker)/.exec(file)?.[1];
    wall(
      file => viewOf(file) !== undefined,
      (each, file) => within('vscode/commands')(each) || (viewOf(each) !== undefined && viewOf(each) !== viewOf(file)),
    );
  });

  it('commands do not import the tree', () => {
    wall(within('vscode/commands'), each => within('vscode/tree')(each));
  });

  it('texts know no view, no command and no prompt', () => {
    wall(within('vscode/text'), each => /^vscode\/(?!text\/)/.test(each));
  });

  it('sentences are made in src/vscode alone, of texts that a translation can find', () => {
    const other = sources.filter(({ file, text }) => !within('vscode')(file) && /\bl10n\b/.test(text));
    assert.deepEqual(
      other.map(({ file }) => file).filter(file => file !== 'extension.ts'),
      [],
    );
    const computed = sources.flatMap(({ file, text }) =>
      [...text.matchAll(/\bl10n\.t\(\s*(?![\s'"])[^)]*/g)].map(([call]) => `${file}: ${call}`),
    );
    // The meanings of claims and the mock issuer's faults are tables of texts.
    assert.deepEqual(computed.sort(), [
      'vscode/text/claims.ts: l10n.t(text.meaning',
      'vscode/text/mock.ts: l10n.t(text, ...values',
    ]);
  });

  it('no file is a barrel, and none imports itself', () => {
    const barrels = sources.filter(({ text }) => /^export \* from/m.test(text)).map(({ file }) => file);
    assert.deepEqual(barrels, []);
    wall(
      () => true,
      (each, file) => each === file,
    );
  });
});
