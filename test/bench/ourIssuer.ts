import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { answer } from '../../scripts/bench/child.mjs';
import { type MockAlg, nodeCrypto } from '../../src/mock/keys.ts';
import { type MockServer, startMockServer } from '../../src/mock/nodeServer.ts';

let mock: MockServer | undefined;

answer({
  /** @param away milliseconds by which each response is delayed, to simulate an issuer on another machine */
  async start({ alg, away }: { alg: MockAlg; away?: number }) {
    mock = await startMockServer({
      alg,
      rotation: 'strict',
      signIn: 'auto',
      ...(away !== undefined && { faults: [{ type: 'delay', ms: away }] }),
    });
    return { issuer: mock.issuer, tokenEndpoint: `${mock.issuer}/token` };
  },
  signIn: (scope: string) => mock?.issueTokens({ clientId: 'demo', scope }),
  cpu: () => process.cpuUsage(),
  /** Only signs two texts of a token's length. No refresh with two signatures can be cheaper. */
  async twoSignatures({ alg, times }: { alg: MockAlg; times: number }) {
    const key = await nodeCrypto.generateKey(alg);
    const token = 'a'.repeat(400);
    for (let i = 0; i < times; i++) await Promise.all([key.sign(token), key.sign(token)]);
  },
  /** KB in use after garbage collection. */
  memory() {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    for (let i = 0; i < 3; i++) collect();
    return process.memoryUsage().heapUsed / 1024;
  },
});
