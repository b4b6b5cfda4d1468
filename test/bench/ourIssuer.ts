import { answer } from '../../scripts/bench/child.mjs';
import type { MockAlg } from '../../src/mock/keys.ts';
import { type MockServer, startMockServer } from '../../src/mock/nodeServer.ts';

let mock: MockServer | undefined;

answer({
  async start({ alg }: { alg: MockAlg }) {
    mock = await startMockServer({ alg, rotation: 'strict', signIn: 'auto' });
    return { issuer: mock.issuer, tokenEndpoint: `${mock.issuer}/token` };
  },
  signIn: (scope: string) => mock?.issueTokens({ clientId: 'demo', scope }),
  cpu: () => process.cpuUsage(),
});
