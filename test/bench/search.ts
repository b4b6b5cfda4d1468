import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { answer } from '../../scripts/bench/child.mjs';
import { batch, compared, inTurns } from '../../scripts/bench/measure.mjs';
import { type KnownToken, leakMarks, scanForLeaks } from '../../src/core/imports/leakScan.ts';
import { createFileSearch } from '../../src/platform/fileSearch.ts';

const mostBytes = 5 * 1024 * 1024;

interface Search {
  readonly appRoot: string;
  readonly ripgrep: string;
  readonly folder: string;
  /** How many connections have an opaque token. */
  readonly opaque: number;
  /** What the tokens begin with, as the tokens of some issuers do. */
  readonly mark: string;
}

/** Searches a folder as Find Tokens does, compared with VS Code's ripgrep searching for `eyJ` only. */
async function measure({ appRoot, ripgrep, folder, opaque, mark }: Search) {
  const known = Array.from({ length: opaque }, (_, index) => opaqueToken(index, mark));
  const files = createFileSearch(appRoot, () => {});
  const { signal } = new AbortController();
  let searched: number | undefined;
  let leaks = 0;
  const ours = async () => {
    const waiting: Promise<void>[] = [];
    const look = async (file: string, places: readonly number[] | undefined) => {
      const leaksOf = (text: string, bytes?: Uint8Array) => scanForLeaks(text, known, Date.now(), bytes);
      const text = await files.read(
        join(folder, file),
        mostBytes,
        (latin1, bytes) => leaksOf(latin1, bytes).length > 0,
        places,
      );
      leaks += text === undefined ? 0 : leaksOf(text).length;
    };
    const search = { folder, patterns: leakMarks(known), exclude: ['**/.git/'], mostBytes };
    searched = await files.filesWith(search, (file, places) => void waiting.push(look(file, places)), signal);
    await Promise.all(waiting);
  };
  const flags = ['--no-config', '--files-with-matches', '--hidden', '--no-ignore', '--fixed-strings', 'eyJ', '.'];
  const rival = () =>
    new Promise<void>((resolve, reject) => {
      const child = spawn(ripgrep, flags, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
      child.on('error', reject).on('close', () => resolve());
    });
  const figures = await inTurns({ ours: batch(ours, 1), rival: batch(rival, 1) }, { rounds: 5, warmUp: 1 });
  if (searched === undefined) throw new Error('ripgrep did not search.');
  return { searched, leaks, ...compared(figures.ours, figures.rival) };
}

/** The same in each run, because its first characters decide how long a search takes. */
function opaqueToken(index: number, mark: string): KnownToken {
  const token = mark + createHash('sha256').update(`opaque ${index}`).digest('base64url');
  return { token, name: 'refresh_token', connection: `${index}` };
}

answer({ measure });
