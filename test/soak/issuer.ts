import { answer } from '../../scripts/bench/child.mjs';
import { type MockServer, startMockServer } from '../../src/mock/nodeServer.ts';

let mock: MockServer | undefined;

/** The mock issuer in a separate process. Lifetimes in seconds. */
answer({
  async start({ lifetime }: { lifetime: number }) {
    // Strict, so that a token sent twice, or too late, ends its connection and fails the soak.
    mock = await startMockServer({ alg: 'ES256', rotation: 'strict', accessTokenLifetime: lifetime });
    return mock.issuer;
  },
  signIn: () => mock?.issueTokens({ clientId: 'demo' }),
});
