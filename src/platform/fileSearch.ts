import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileSearch, Log, TextSearch } from '../core/ports.ts';

/**
 * The places where VS Code has kept its ripgrep over the years, below its own installation folder. Nothing else is
 * executed.
 */
function places(appRoot: string): string[] {
  const name = process.platform === 'win32' ? 'rg.exe' : 'rg';
  return ['node_modules', 'node_modules.asar.unpacked'].flatMap(modules => [
    join(appRoot, modules, '@vscode', 'ripgrep', 'bin', name),
    join(appRoot, modules, '@vscode', 'ripgrep-universal', 'bin', `${process.platform}-${process.arch}`, name),
  ]);
}

/** @param appRoot `vscode.env.appRoot` */
export function createFileSearch(appRoot: string, log: Log): FileSearch {
  let program: Promise<string | undefined> | undefined;

  async function find(): Promise<string | undefined> {
    for (const place of places(appRoot)) {
      const isThere = await access(place, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isThere) return place;
    }
    log('info', 'VS Code has no ripgrep where it is looked for; searches look into each file');
    return undefined;
  }

  return {
    async filesWith(search, found, signal) {
      program ??= find();
      const path = await program;
      return path === undefined ? undefined : run(path, search, found, signal, log);
    },
    async read(path, mostBytes, isWanted) {
      try {
        const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
        try {
          const info = await file.stat();
          if (!info.isFile() || info.size > mostBytes) return undefined;
          const bytes = await file.readFile();
          // A NUL among the first bytes means that it is not a text file.
          if (bytes.subarray(0, 1000).includes(0) || !isWanted(bytes.toString('latin1'), bytes)) return undefined;
          return bytes.toString('utf8');
        } finally {
          await file.close();
        }
      } catch {
        // Deleted since it was listed, or not readable: the search continues.
        return undefined;
      }
    },
  };
}

/** Passes the patterns through standard input: other processes can read arguments, and some patterns are tokens. */
function run(
  program: string,
  search: TextSearch,
  found: (file: string) => void,
  signal: AbortSignal,
  log: Log,
): Promise<number | undefined> {
  const { folder, patterns, exclude, mostBytes } = search;
  const options = [
    '--no-config',
    '--no-messages',
    '--files-with-matches',
    '--null',
    '--stats',
    '--hidden',
    '--no-ignore',
    `--max-filesize=${mostBytes}`,
    '--file=-',
    ...exclude.map(glob => `--glob=!${glob}`),
    '--',
    '.',
  ];
  return new Promise(resolve => {
    const child = spawn(program, options, {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'ignore'],
      windowsHide: true,
      signal,
    });
    let rest = '';
    const end = (searched: number | undefined, reason: string) => {
      if (searched === undefined && !signal.aborted) log('warn', 'ripgrep did not search the folder', { reason });
      resolve(searched);
    };
    child.on('error', () => end(undefined, 'start'));
    // ripgrep may exit before it has read everything.
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      const names = (rest + part).split('\0');
      rest = names.pop() ?? '';
      for (const name of names) found(name);
    });
    child.on('close', code => {
      // Exit code 2: some files could not be read; reading them one by one would fail as well.
      const searched = /(\d+) files searched/.exec(rest)?.[1];
      end(code !== null && code <= 2 && searched !== undefined ? Number(searched) : undefined, `exit ${code}`);
    });
    // Without Unicode: \w and \b mean the same as in JavaScript, and the search is faster.
    const lines = patterns.map(pattern => `(?-u)${pattern}`);
    child.stdin.end(lines.join('\n'));
  });
}
