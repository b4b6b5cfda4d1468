import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { SharedLock } from '../../src/core/ports.ts';
import { systemClock } from '../../src/core/waiting.ts';
import { createFileLock } from '../../src/platform/fileLock.ts';
import type { LockTimes } from '../../src/platform/lockWait.ts';
import { type StrictIssuer, startStrictIssuer } from './issuer.ts';
import type { Begin, OrderName, Orders, Reply } from './window.ts';

/** How many times faster than real time the windows' clocks run. */
export const pace = 20;

/**
 * By default, a lock's holder has 90 s to respond, which at this pace are 4.5 s of real time. This is about a fourth of
 * that.
 */
export const quickTimes: Partial<LockTimes> = { patience: 24_000 };

/** Milliseconds of real time after which a window that has not replied counts as hung. */
const replyTimeout = 20_000;

export interface Scripts {
  readonly folder: string;
  readonly window: string;
  readonly faultyFs: string;
}

/** Bundles the window, including the product, and the module that makes its file system fail. */
export async function buildScripts(): Promise<Scripts> {
  await mkdir('out', { recursive: true });
  const folder = await mkdtemp(resolve('out', 'histories-'));
  await build({
    entryPoints: ['window', 'faultyFs'].map(name => resolve('test', 'histories', `${name}.ts`)),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outdir: folder,
    outExtension: { '.js': '.mjs' },
  });
  return { folder, window: join(folder, 'window.mjs'), faultyFs: join(folder, 'faultyFs.mjs') };
}

/** The window's process died while it was asked, or did not reply in time. */
export class WindowGone extends Error {
  readonly how: 'died' | 'hung';
  constructor(how: 'died' | 'hung', name: string, order: string) {
    super(`${name} ${how} at ${order}`);
    this.how = how;
  }
}

/** The parent's handle of a window. */
export class TestWindow {
  name = '';
  readonly process: ChildProcess;
  readonly ready: Promise<void>;
  isDead = false;
  /** Every log line since the start of the history. */
  log: string[] = [];
  /** Milliseconds that the slowest reply took. */
  slowest = 0;
  #number = 0;
  readonly #waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>();
  #resuming: NodeJS.Timeout | undefined;

  constructor({ window, faultyFs }: Scripts) {
    const execArgv = ['--no-warnings', '--import', pathToFileURL(faultyFs).href];
    this.process = fork(window, [], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.ready = once(this.process, 'message').then(() => {});
    this.process.on('message', (message: { number: number; reply: Reply }) => {
      if (message.reply) this.log.push(...message.reply.log);
      this.#waiting.get(message.number)?.resolve(message.reply);
    });
    this.process.on('exit', () => {
      this.isDead = true;
      clearInterval(this.#resuming);
      for (const { reject } of this.#waiting.values()) reject(new WindowGone('died', this.name, 'work'));
    });
    this.process.on('error', () => {});
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** @throws WindowGone */
  async ask<Name extends OrderName>(name: Name, order: Orders[Name]): Promise<Reply> {
    if (this.isDead) throw new WindowGone('died', this.name, name);
    const number = ++this.#number;
    const since = performance.now();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Reply>((resolve, reject) => {
        this.#waiting.set(number, { resolve, reject });
        timer = setTimeout(() => reject(new WindowGone('hung', this.name, name)), name === 'end' ? 2000 : replyTimeout);
        this.process.send({ number, name, order }, () => {});
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(number);
      this.slowest = Math.max(this.slowest, performance.now() - since);
    }
  }

  kill(): void {
    this.process.kill('SIGKILL');
    // A stopped process handles the kill only when it continues.
    this.process.kill('SIGCONT');
  }

  /** Stops the process for this many milliseconds of real time. */
  stop(ms: number): Promise<void> {
    this.process.kill('SIGSTOP');
    return new Promise(resolve =>
      setTimeout(() => {
        this.process.kill('SIGCONT');
        resolve();
      }, ms),
    );
  }

  /**
   * Continues the process this many milliseconds after it was stopped.
   * @returns a promise that resolves when it is stopped, or dead
   */
  resumeAfter(ms: number): Promise<void> {
    clearInterval(this.#resuming);
    return new Promise(resolve => {
      this.#resuming = setInterval(() => {
        if (!this.isDead && !isStopped(this.pid)) return;
        clearInterval(this.#resuming);
        setTimeout(() => this.process.kill('SIGCONT'), ms);
        resolve();
      }, 5);
    });
  }

  async end(): Promise<void> {
    if (this.isDead) return;
    const gone = once(this.process, 'exit');
    this.kill();
    await gone;
  }
}

/** Reads the state from Linux's /proc. */
function isStopped(pid: number): boolean {
  try {
    return /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

export interface Rig {
  readonly scripts: Scripts;
  readonly issuer: StrictIssuer;
  /** Windows of earlier histories that can be reused, because starting a process takes longer than most histories. */
  readonly idle: TestWindow[];
  close(): Promise<void>;
}

/**
 * Resources shared by consecutive histories.
 * @param lent windows of another rig, which ends them
 */
export async function startRig(scripts: Scripts, lent?: TestWindow[]): Promise<Rig> {
  const issuer = await startStrictIssuer();
  const idle = lent ?? [];
  return {
    scripts,
    issuer,
    idle,
    async close() {
      if (lent === undefined) await Promise.all(idle.map(window => window.end()));
      await issuer.close();
    },
  };
}

export type WindowOptions = Partial<Pick<Begin, 'lag' | 'flush' | 'times' | 'pace'>>;

/** One history: its folder, its store, and its open windows. */
export class World {
  readonly rig: Rig;
  readonly place: string;
  readonly folder: string;
  /** Reads what windows record for each other, and never takes the lock. */
  readonly lock: SharedLock;
  readonly windows: TestWindow[] = [];
  readonly #epoch = performance.timeOrigin + performance.now();
  #opened = 0;

  private constructor(rig: Rig, place: string, folder: string) {
    this.rig = rig;
    this.place = place;
    this.folder = folder;
    this.lock = createFileLock({ folder, clock: systemClock, log: () => {} });
  }

  /** @param folder of the locks, if it should not be a new one */
  static async begin(rig: Rig, folder?: string): Promise<World> {
    rig.issuer.reset();
    const place = await mkdtemp(join(tmpdir(), 'jwtw-history-'));
    return new World(rig, place, folder ?? join(place, 'locks'));
  }

  get issuer(): StrictIssuer {
    return this.rig.issuer;
  }

  async open(options: WindowOptions = {}): Promise<TestWindow> {
    const window = this.rig.idle.pop() ?? new TestWindow(this.rig.scripts);
    await window.ready;
    window.name = `w${this.#opened++}`;
    window.log = [];
    window.slowest = 0;
    this.windows.push(window);
    await this.begin(window, options);
    return window;
  }

  /** Also used as a restart: the window's earlier state is gone. */
  begin(window: TestWindow, options: WindowOptions = {}): Promise<Reply> {
    return window.ask('begin', {
      ...{ name: window.name, tokenEndpoint: `${this.issuer.origin}/token`, folder: this.folder },
      ...{ secrets: join(this.place, 'secrets'), lag: 0, flush: 0, pace, epoch: this.#epoch, times: quickTimes },
      ...options,
    });
  }

  async end(): Promise<void> {
    for (const window of this.windows) {
      if (window.isDead) continue;
      const ended = await window.ask('end', {}).catch(() => undefined);
      if (ended) this.rig.idle.push(window);
      else await window.end();
    }
    await rm(this.place, { recursive: true, force: true, maxRetries: 5 });
  }
}
