import { OAuth2Server } from 'oauth2-mock-server';
import { answer } from '../../scripts/bench/child.mjs';
import type { MockAlg } from '../../src/mock/keys.ts';

const server = new OAuth2Server();

answer({
  async start({ alg }: { alg: MockAlg }) {
    await server.issuer.keys.generate(alg);
    await server.start(0, '127.0.0.1');
    return { tokenEndpoint: `http://127.0.0.1:${server.address().port}/token` };
  },
  // It accepts any refresh token.
  signIn: () => ({ refresh_token: crypto.randomUUID() }),
  cpu: () => process.cpuUsage(),
});
