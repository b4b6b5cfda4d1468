import { answer } from '../../scripts/bench/child.mjs';
import { type MockServer, startMockServer } from '../../src/mock/nodeServer.ts';

let mock: MockServer | undefined;

/** The mock issuer in a process of its own. Lifetimes in seconds. */
answer({
  async start({ lifetime }: { lifetime: number }) {
    // Strict: a token that is sent twice, or late, ends its connection and so the soak.
    mock = await startMockServer({ alg: 'ES256', rotation: 'strict', accessTokenLifetime: lifetime });
    return mock.issuer;
  },
  signIn: () => mock?.issueTokens({ clientId: 'demo' }),
});
