import { rm } from 'node:fs/promises';
import { journalKeyName } from '../../src/core/records/journalKeys.ts';
import type { FsFault } from '../histories/faultyFs.ts';
import type { Reply } from '../histories/window.ts';
import { buildScripts, type Rig, startRig, type TestWindow, World } from '../histories/world.ts';

/** A failure of this machine, not of the issuer. */
interface DiskFault {
  readonly name: string;
  readonly about: string;
  /** Set in the file system of one window. */
  readonly fault?: Pick<FsFault, 'operation' | 'code' | 'suffix'>;
}

const diskFaults: readonly DiskFault[] = [
  {
    name: 'Mark not writable',
    about: 'the disk is full (`ENOSPC`), so the ledger, which records a refresh before it is sent, cannot be written',
    fault: { operation: 'write', code: 'ENOSPC', suffix: 'ledger' },
  },
  {
    name: 'Ledger unreadable',
    about: 'opening the ledger fails with `EIO`',
    fault: { operation: 'open', code: 'EIO', suffix: '.ledger' },
  },
  {
    name: 'Journal unreadable',
    about: 'opening the journal, the encrypted record that windows share, fails with `EACCES`',
    fault: { operation: 'open', code: 'EACCES', suffix: '.journal' },
  },
  {
    name: 'Key store unreadable',
    about: 'SecretStorage does not return the key of the journal, and this window has just started',
  },
  {
    name: 'Read-only',
    about: 'the folder of the locks is read-only (`EROFS`)',
    fault: { operation: 'anyWrite', code: 'EROFS' },
  },
];

export interface DiskTable {
  readonly columns: readonly string[];
  readonly abouts: readonly string[];
  readonly rows: readonly { readonly about: string; readonly cells: readonly string[] }[];
}

/** A slow pace: results that depend only on waiting must not differ on a busy machine. */
const window = { pace: 4, lag: 'never', times: { patience: 6000 } } as const;

/** Runs two windows as processes, one of them with a failing disk; see test/histories. */
export async function runDiskTable(): Promise<DiskTable> {
  const scripts = await buildScripts();
  const rig = await startRig(scripts);
  try {
    const columns: Map<string, string>[] = [];
    for (const each of diskFaults) {
      const cells = new Map<string, string>();
      await inWorld(rig, world => beforeTheRequest(world, each, cells));
      await inWorld(rig, world => afterTheRequest(world, each, cells));
      columns.push(cells);
    }
    const abouts = [...(columns[0]?.keys() ?? [])];
    return {
      columns: diskFaults.map(({ name }) => name),
      abouts: diskFaults.map(({ name, about }) => `**${name}**: ${about}.`),
      rows: abouts.map(about => ({ about, cells: columns.map(cells => cells.get(about) ?? '') })),
    };
  } finally {
    await rig.close();
    await rm(scripts.folder, { recursive: true, force: true });
  }
}

async function inWorld(rig: Rig, work: (world: World) => Promise<void>): Promise<void> {
  const world = await World.begin(rig);
  try {
    await work(world);
  } finally {
    await world.end();
  }
}

async function beforeTheRequest(world: World, fault: DiskFault, cells: Map<string, string>): Promise<void> {
  const { one, two } = await signedIn(world);
  await begin(world, one, fault);
  const refresh = await one.ask('refresh', { id: 'a', askedBy: 'user' });
  cells.set('A refresh', said(refresh));
  cells.set('Sent', String(usesBy(world, one)));
  cells.set('Kept, shown as', `generation ${refresh.generation}, ${refresh.state}`);
  cells.set(
    'A refresh in another window, whose disk works',
    said(await two.ask('refresh', { id: 'a', askedBy: 'timer' })),
  );
  const signIn = await one.ask('signIn', { id: 'a', raw: world.issuer.signIn() });
  cells.set('A new sign-in during the fault', said(signIn));
  cells.set('A sign-out during the fault', said(await one.ask('signOut', { id: 'a' })));
  await end(one);
  cells.set('After the fault: a new sign-in', said(await one.ask('signIn', { id: 'a', raw: world.issuer.signIn() })));
  cells.set('After that: a refresh', said(await one.ask('refresh', { id: 'a', askedBy: 'timer' })));
  assertOnce(world);
}

/** The disk starts to fail while the response is on its way. */
async function afterTheRequest(world: World, fault: DiskFault, cells: Map<string, string>): Promise<void> {
  const { one, two } = await signedIn(world);
  world.issuer.onUse = async ({ pid }) => {
    world.issuer.onUse = () => {};
    if (pid === one.pid) await begin(world, one, fault, false);
  };
  const refresh = await one.ask('refresh', { id: 'a', askedBy: 'timer' });
  cells.set('The fault starts after the request was sent: the refresh', said(refresh));
  cells.set('Kept, shown as after that', `generation ${refresh.generation}, ${refresh.state}`);
  cells.set('After that: a refresh in another window', said(await two.ask('refresh', { id: 'a', askedBy: 'timer' })));
  await end(one);
  const ours = await one.ask('refresh', { id: 'a', askedBy: 'timer' });
  cells.set('After the fault: a refresh in this window', said(ours));
  assertOnce(world);
}

async function signedIn(world: World): Promise<{ readonly one: TestWindow; readonly two: TestWindow }> {
  const one = await world.open(window);
  await one.ask('signIn', { id: 'a', raw: world.issuer.signIn() });
  const two = await world.open(window);
  await one.ask('refresh', { id: 'a', askedBy: 'timer' });
  return { one, two };
}

async function begin(world: World, one: TestWindow, { fault }: DiskFault, anew = true): Promise<void> {
  if (fault) return void (await one.ask('faults', { faults: [{ ...fault, after: 1, times: 1_000_000 }] }));
  if (anew) await world.begin(one, window);
  await one.ask('store', { fail: 'throw', key: journalKeyName });
}

async function end(one: TestWindow): Promise<void> {
  await one.ask('faults', { faults: [] });
  await one.ask('store', {});
}

function usesBy(world: World, one: TestWindow): number {
  return world.issuer.uses.filter(({ pid }) => pid === one.pid).length - 1;
}

/** Whatever fails, no token may be sent twice. */
function assertOnce({ issuer }: World): void {
  const sent = issuer.uses.map(({ token }) => token);
  if (new Set(sent).size < sent.length || issuer.revoked.size > 0) throw new Error('a token was sent twice');
}

function said({ outcome, error }: Reply): string {
  const { reason } = error?.data ?? {};
  if (error) return `${outcome}: ${error.code}${reason === undefined ? '' : ` (${String(reason)})`}`;
  // Which of the two occurs depends on how soon a window learns of another one.
  return outcome === 'adopted' ? 'refreshed' : outcome;
}
