import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { BrokerAddress } from '../core/broker/protocol.ts';

/** A new address: nothing listens there yet. */
export function newBrokerAddress(): BrokerAddress {
  // The global one: the command line imports this file, and node:crypto would take it a tenth of its time.
  const random = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes)));
  const name = `jwtw-${random(12).toString('hex')}`;
  const capability = random(16).toString('base64url');
  const socket = process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(socketFolder(), name, 's');
  return { socket, capability };
}

/** A short one: socket paths may have 104 bytes (macOS). */
function socketFolder(): string {
  return process.env.XDG_RUNTIME_DIR || tmpdir();
}

/** The address that every program of this user can know: the capability lies beside it, for this user's eyes alone. */
export function machineBrokerPlace(): { readonly socket: string; readonly file: string } {
  if (process.platform === 'win32') {
    const name = Buffer.from(userInfo().username).toString('hex').slice(0, 64);
    return {
      socket: `\\\\.\\pipe\\jwt-workbench-${name}`,
      file: join(process.env.LOCALAPPDATA ?? tmpdir(), 'jwt-workbench', 'broker.json'),
    };
  }
  const folder = process.env.XDG_RUNTIME_DIR
    ? join(process.env.XDG_RUNTIME_DIR, 'jwt-workbench')
    : join(userInfo().homedir, '.jwt-workbench');
  return { socket: join(folder, 'broker.sock'), file: join(folder, 'broker.json') };
}
