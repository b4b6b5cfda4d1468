import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { BrokerAddress, BrokerAnswers, BrokerSocket } from '../core/broker/protocol.ts';
import type { Clock, Log } from '../core/ports.ts';
import { machineBrokerPlace, newBrokerAddress, openBrokerSocket } from './brokerSocket.ts';
import { errorCode, replaceFile } from './files.ts';

/** Milliseconds after which a window tries again to take over the machine-wide address. */
const takeOverInterval = 15_000;

export interface BrokerPlatformParts {
  /** A folder for the scripts that only this user can access. */
  readonly folder: string;
  /** The bundled command line. */
  readonly script: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Sockets and scripts for the broker. */
export function createBrokerPlatform({ folder, script, clock, log }: BrokerPlatformParts) {
  const address = newBrokerAddress();
  return {
    address,
    path: `${join(folder, 'bin')}${delimiter}`,
    prepare: () => writeCliScripts(folder, script, process.execPath),
    async open(machine: boolean, answers: BrokerAnswers) {
      return machine
        ? openForMachine(own => openBrokerSocket({ ...answers, log, address: own }), clock, log)
        : openBrokerSocket({ ...answers, log, address });
    },
  };
}

/**
 * Listens on the address that all programs of this user know. If another window listens there, this one retries from
 * time to time, and takes over when that window has closed.
 */
async function openForMachine(
  open: (address: BrokerAddress) => Promise<BrokerSocket>,
  clock: Clock,
  log: Log,
): Promise<BrokerSocket> {
  const { socket, file } = machineBrokerPlace();
  let opened: BrokerSocket | undefined;
  let closed = false;
  let cancel = () => {};

  async function attempt(): Promise<void> {
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      const own = { socket, capability: newBrokerAddress().capability };
      if (!(await answers(socket))) {
        // The socket file of a window that was killed: nothing listens there, but the name is in the way.
        if (process.platform !== 'win32') await rm(socket, { force: true });
        const listening = await open(own);
        try {
          // Replaced in one step: jwtw may read it at any moment.
          if (!closed) await replaceFile(file, `${file}.${process.pid}`, JSON.stringify(own));
        } catch (error) {
          // No program would find it, and as it answers, no other window would open one.
          await listening.close();
          throw error;
        }
        if (closed) return void (await listening.close());
        opened = listening;
        log('info', 'broker of the machine opened');
        return;
      }
    } catch (error) {
      if (errorCode(error) !== 'EADDRINUSE')
        log('warn', 'broker of the machine not opened', { reason: errorCode(error) });
    }
    if (!closed) {
      cancel = clock.schedule(() => {
        running = attempt();
      }, takeOverInterval);
    }
  }

  let running = attempt();
  await running;
  return {
    async close() {
      closed = true;
      cancel();
      await running;
      if (opened === undefined) return;
      await opened.close();
      // Removes the file only if no window listens: another one may have taken over by now.
      const current = await readFile(file, 'utf8').catch(() => '');
      if (current.includes(socket) && !(await answers(socket))) await rm(file, { force: true });
    },
  };
}

function answers(socket: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect(socket, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
}

/**
 * Writes `jwtw` (and `jwtw.cmd` on Windows), which start the command line with this VS Code's Node, and returns their
 * folder. They are not packaged, because an archive may lose the executable bit and the paths are those of this
 * machine.
 * @param folder accessible to this user only
 * @param script the bundled command line
 * @param node an executable that is Node with ELECTRON_RUN_AS_NODE set
 */
export async function writeCliScripts(folder: string, script: string, node: string): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true, mode: 0o700 });
  await replaced(
    join(bin, 'jwtw'),
    `#!/bin/sh\nELECTRON_RUN_AS_NODE=1 exec ${shellQuoted(node)} ${shellQuoted(script)} "$@"\n`,
  );
  if (process.platform === 'win32') {
    const line = `@setlocal\r\n@set ELECTRON_RUN_AS_NODE=1\r\n@"${cmdQuoted(node)}" "${cmdQuoted(script)}" %*\r\n`;
    await replaced(join(bin, 'jwtw.cmd'), line);
  }
  return bin;
}

/** Replaces the file in one step, since another window may write it, or a terminal run it, at the same moment. */
async function replaced(file: string, text: string): Promise<void> {
  const before = await readFile(file, 'utf8').catch(() => undefined);
  if (before === text) return;
  const next = `${file}.${process.pid}`;
  await writeFile(next, text, { mode: 0o700 });
  await chmod(next, 0o700);
  await rename(next, file);
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Windows file names cannot contain quotes. They can contain percent signs, which would name a variable. The console
 * reads scripts in its own code page, which lacks many letters of people's names, so the home folder is written as a
 * variable.
 */
function cmdQuoted(text: string): string {
  const home = homedir();
  const isInside = text.toLowerCase().startsWith(`${home}\\`.toLowerCase());
  return isInside ? `%USERPROFILE%${text.slice(home.length).replaceAll('%', '%%')}` : text.replaceAll('%', '%%');
}
