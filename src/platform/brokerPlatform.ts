import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import type { Clock, Log } from '../core/ports.ts';
import { machineBrokerPlace, newBrokerAddress } from './brokerAddress.ts';
import type { BrokerSocket, BrokerSocketParts } from './brokerSocket.ts';
import { writeCliScripts } from './cliScripts.ts';
import { errorCode } from './files.ts';

/** Milliseconds after which a window asks again whether it can take over the address of the machine. */
const takeOverInterval = 15_000;

export interface BrokerPlatformParts {
  /** A folder of this user alone, for the scripts. */
  readonly folder: string;
  /** The bundled command line. */
  readonly script: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Sockets and scripts for the broker; what listens is loaded when it is first asked for. */
export function createBrokerPlatform({ folder, script, clock, log }: BrokerPlatformParts) {
  const address = newBrokerAddress();
  return {
    address,
    path: `${join(folder, 'bin')}${delimiter}`,
    prepare: () => writeCliScripts(folder, script, process.execPath),
    async open({ machine, ...parts }: Omit<BrokerSocketParts, 'address' | 'log'> & { readonly machine: boolean }) {
      const { openBrokerSocket } = await import('./brokerSocket.ts');
      return machine
        ? openForMachine(own => openBrokerSocket({ ...parts, log, address: own }), clock, log)
        : openBrokerSocket({ ...parts, log, address });
    },
  };
}

/**
 * Listens at the address that every program of this user knows. Where another window does, this one asks again from time
 * to time, and takes over when that window is closed.
 */
async function openForMachine(
  open: (address: { readonly socket: string; readonly capability: string }) => Promise<BrokerSocket>,
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
        // Of a window that was killed: nothing listens there, and the name would be in the way.
        if (process.platform !== 'win32') await rm(socket, { force: true });
        opened = await open(own);
        await writeFile(file, JSON.stringify(own), { mode: 0o600 });
        log('info', 'broker of the machine opened');
        return;
      }
    } catch (error) {
      if (errorCode(error) !== 'EADDRINUSE')
        log('warn', 'broker of the machine not opened', { reason: errorCode(error) });
    }
    if (!closed) cancel = clock.schedule(() => void attempt(), takeOverInterval);
  }

  await attempt();
  return {
    async close() {
      closed = true;
      cancel();
      if (opened === undefined) return;
      await opened.close();
      // Only what is this window's own: another may have taken over by now.
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
