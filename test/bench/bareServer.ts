import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answer } from '../../scripts/bench/child.mjs';

/** Reads each request and returns the same tokens: no server on node:http can be cheaper. */
const token = (length: number) => `eyJ${'a'.repeat(length - 3)}`;
const body = JSON.stringify({
  access_token: token(450),
  token_type: 'Bearer',
  expires_in: 3600,
  refresh_token: 'a'.repeat(45),
  id_token: token(500),
  scope: 'openid profile offline_access',
});

const server = createServer((incoming, outgoing) => {
  incoming.resume().once('end', () => {
    outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    outgoing.end(body);
  });
});

answer({
  async start() {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { tokenEndpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token` };
  },
  signIn: () => ({ refresh_token: 'a'.repeat(45) }),
  cpu: () => process.cpuUsage(),
});
