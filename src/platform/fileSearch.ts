import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { join } from 'node:path';
import { searchedParts } from '../core/imports/searching.ts';
import type { FileSearch, FoundFile, Log, TextSearch } from '../core/ports.ts';

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
    async read(path, mostBytes, isWanted, places) {
      try {
        const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
        try {
          const info = await file.stat();
          if (!info.isFile() || info.size > mostBytes) return undefined;
          const bytes = await file.readFile();
          // A NUL among the first bytes means that it is not a text file.
          if (bytes.subarray(0, 1000).includes(0)) return undefined;
          const wanted = ([from, to]: readonly [number, number]) =>
            isWanted(bytes.toString('latin1', from, to), bytes.subarray(from, to));
          return searchedParts(bytes, places).some(wanted) ? bytes.toString('utf8') : undefined;
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
  found: FoundFile,
  signal: AbortSignal,
  log: Log,
): Promise<number | undefined> {
  const { folder, patterns, exclude, mostBytes } = search;
  const options = [
    '--no-config',
    '--no-messages',
    ...['--only-matching', '--byte-offset', '--replace=', '--with-filename', '--no-heading', '--no-line-number'],
    '--null',
    // Otherwise ripgrep leaves a file at its first NUL, and whether it has reported a match before that depends on the size
    // to which its buffer has grown in other files.
    '--binary',
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
    const matches = readMatches(found);
    const end = (searched: number | undefined, reason: string) => {
      if (searched === undefined && !signal.aborted) log('warn', 'ripgrep did not search the folder', { reason });
      resolve(searched);
    };
    child.on('error', () => end(undefined, 'start'));
    // ripgrep may exit before it has read everything.
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', matches.read);
    child.on('close', code => {
      // Exit code 2: some files could not be read; reading them one by one would fail as well.
      const searched = matches.end();
      end(code !== null && code <= 2 ? searched : undefined, `exit ${code}`);
    });
    // Without Unicode: \w and \b mean the same as in JavaScript, and the search is faster.
    const lines = patterns.map(pattern => `(?-u)${pattern}`);
    child.stdin.end(lines.join('\n'));
  });
}

/**
 * Reads a path, NUL, an offset, a colon and a line break for each match, those of one file after the other. Of the first
 * match behind a NUL in a file, ripgrep only notes that there is one.
 */
function readMatches(found: FoundFile) {
  let rest = '';
  let names: readonly string[] = [];
  let places: number[] = [];
  /** @param noted files of which ripgrep notes that they match, which are read whole */
  const report = (noted: readonly string[], known: readonly number[] | undefined) => {
    const isWhole = names.some(name => noted.includes(name));
    for (const name of names) found(name, isWhole ? undefined : known);
    for (const name of noted) if (!names.includes(name)) found(name, undefined);
    places = [];
  };
  return {
    read(part: string): void {
      rest += part;
      let at = 0;
      for (;;) {
        const nul = rest.indexOf('\0', at);
        const end = nul < 0 ? -1 : rest.indexOf('\n', nul);
        if (end < 0) break;
        const name = rest.slice(at, nul);
        if (!names.includes(name)) {
          const { noted, behind } = notesIn(name);
          report(noted, places);
          names = behind === name ? [name] : [name, behind];
        }
        places.push(Number.parseInt(rest.slice(nul + 1, end), 10));
        at = end + 1;
      }
      rest = rest.slice(at);
    },
    /** Reports the last files, and returns the number of searched files, which ripgrep prints last. */
    end(): number | undefined {
      const searched = /^(\d+) files searched$/m.exec(rest)?.[1];
      // Without that number ripgrep has ended early, perhaps within the last file, so not all places in it are known.
      report(notesIn(rest).noted, searched === undefined ? undefined : places);
      return searched === undefined ? undefined : Number(searched);
    },
  };
}

const note =
  /([\s\S]*?): (?:WARNING: stopped searching binary file after match|[Bb]inary file matches) \(found "\\0" byte around offset \d+\)\n/gy;

/**
 * The files that notes in front of the next name are about, and the name behind them. A file could have a name that looks
 * like a note, so the whole text may be one as well.
 */
function notesIn(text: string): { readonly noted: readonly string[]; readonly behind: string } {
  const notes = [...text.matchAll(note)];
  const length = notes.reduce((sum, [whole]) => sum + whole.length, 0);
  return { noted: notes.map(([, name = '']) => name), behind: text.slice(length) };
}
