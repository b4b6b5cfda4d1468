import { createServer, request } from 'node:http';
import { listen } from '../support/loopbackServer.ts';
import { startSampleClient } from './sampleClient.ts';
import type { SampleClient, SampleOptions, Session } from './sampleOptions.ts';

/** Two processes of one client, which take its visitors' requests in turn and have their sessions in common. */
export async function startTwoProcesses({ port = 0, ...options }: SampleOptions): Promise<SampleClient> {
  const sessions = new Map<string, Session>();
  const processes: SampleClient[] = [];
  let turn = 0;
  const front = createServer((incoming, outgoing) => {
    turn += 1;
    const { method, headers, url = '' } = incoming;
    const to = new URL(url, processes[turn % processes.length]?.origin);
    const passed = request(to, { method, headers: { ...headers, host: to.host } }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  const { origin, close } = await listen(front, port);
  for (let i = 0; i < 2; i += 1) processes.push(await startSampleClient({ ...options, origin, sessions }));
  return {
    origin,
    async close() {
      await close();
      for (const each of processes) await each.close();
    },
  };
}
