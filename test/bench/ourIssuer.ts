import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { answer } from '../../scripts/bench/child.mjs';
import { type MockAlg, nodeCrypto, type SigningKey } from '../../src/mock/keys.ts';
import { type MockServer, startMockServer } from '../../src/mock/nodeServer.ts';

let mock: MockServer | undefined;
let signingKey: SigningKey | undefined;

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
  /**
   * Only signs two texts of a token's length, one after the other as a refresh must: the ID token has the hash of the
   * access token. No refresh with two signatures can be cheaper. @returns how often it did so
   */
  async twoSignatures({ alg, lanes, milliseconds }: { alg: MockAlg; lanes: number; milliseconds: number }) {
    // The first call, whose figure is dropped, generates it.
    signingKey ??= await nodeCrypto.generateKey(alg);
    const { sign } = signingKey;
    const token = 'a'.repeat(400);
    const since = performance.now();
    let times = 0;
    const lane = async () => {
      for (; performance.now() - since < milliseconds; times++) {
        await sign(token);
        await sign(token);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return times;
  },
  /** KB in use after garbage collection. */
  memory() {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    for (let i = 0; i < 3; i++) collect();
    return process.memoryUsage().heapUsed / 1024;
  },
});
