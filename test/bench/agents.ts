import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { answer, startChild } from '../../scripts/bench/child.mjs';
import { newBrokerAddress } from '../../src/platform/brokerSocket.ts';
import { buildScripts, startRig, World } from '../histories/world.ts';

/** How programs get a new token when theirs has expired. */
type Way =
  /** Each program has its own copy of the refresh token, from when it was started. */
  | { readonly way: 'copy'; readonly endpoint: string; readonly token: string }
  /** All programs read and write one file, without a lock. */
  | { readonly way: 'file'; readonly endpoint: string; readonly file: string }
  | { readonly way: 'jwtw'; readonly script: string; readonly socket: string; readonly capability: string };

interface Asked {
  readonly way: Way['way'];
  readonly programs: number;
  /** Path of this module, for starting the programs. */
  readonly module: string;
  /** Path of the command line. */
  readonly script: string;
}

const run = promisify(execFile);
let own: Way | undefined;
let workload: { rotate(): Promise<void>; end(): Promise<object> } | undefined;

async function refreshed(endpoint: string, refresh_token: string): Promise<string | undefined> {
  const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'demo', refresh_token });
  const response = await fetch(endpoint, { method: 'POST', body });
  const { refresh_token: next } = (await response.json()) as { refresh_token?: string };
  return next;
}

answer({
  /** Called in a program: sets how it gets tokens. */
  begin(way: Way) {
    own = way;
  },
  /** Called in a program whose token has expired. @returns whether it got a new one */
  async next(): Promise<boolean> {
    if (own === undefined) throw new Error('not begun');
    if (own.way === 'jwtw') {
      const env = { ...process.env, JWTW_SOCKET: own.socket, JWTW_CAPABILITY: own.capability };
      return run(process.execPath, [own.script, 'token', 'a'], { env }).then(
        () => true,
        () => false,
      );
    }
    const token = own.way === 'copy' ? own.token : await readFile(own.file, 'utf8');
    const next = await refreshed(own.endpoint, token);
    if (next === undefined) return false;
    if (own.way === 'file') await writeFile(own.file, next);
    else own = { ...own, token: next };
    return true;
  },

  /** Called in the workload: all programs start with the same token. */
  async prepare({ way, programs: count, module, script }: Asked) {
    const scripts = await buildScripts();
    const rig = await startRig(scripts);
    const world = await World.begin(rig);
    const programs = Array.from({ length: count }, () => startChild(module));
    const endpoint = `${world.issuer.origin}/token`;
    const raw = world.issuer.signIn();
    const window = await world.open({ pace: 4 });
    const address = newBrokerAddress();
    await window.ask('signIn', { id: 'a', raw });
    await window.ask('serve', address);
    const file = join(world.place, 'token');
    await writeFile(file, raw.refresh_token);
    const ways: Record<Way['way'], Way> = {
      copy: { way: 'copy', endpoint, token: raw.refresh_token },
      file: { way: 'file', endpoint, file },
      jwtw: { way: 'jwtw', script, ...address },
    };
    await Promise.all(programs.map(program => program.ask('begin', ways[way])));
    let alive = programs;
    workload = {
      /** All programs need a token at once. A program that gets none is dead from then on. */
      async rotate() {
        await window.ask('shift', { by: 3_601_000 });
        const got: boolean[] = await Promise.all(alive.map(program => program.ask('next')));
        alive = alive.filter((_, index) => got[index]);
      },
      async end() {
        const { revoked, uses } = world.issuer;
        // If the family was revoked, no program has a valid token any more.
        const came = { alive: revoked.size > 0 ? 0 : alive.length, requests: uses.length, revoked: revoked.size };
        await Promise.all(programs.map(program => program.end()));
        await world.end();
        await rig.close();
        await rm(scripts.folder, { recursive: true, force: true });
        return came;
      },
    };
  },
  rotate: () => workload?.rotate(),
  end: () => workload?.end(),
});
