import { OAuth2Server } from 'oauth2-mock-server';
import { answer } from '../../scripts/bench/child.mjs';

const server = new OAuth2Server();

answer({
  async start() {
    await server.issuer.keys.generate('RS256');
    await server.start(0, '127.0.0.1');
    return { tokenEndpoint: `http://127.0.0.1:${server.address().port}/token` };
  },
  // It takes any refresh token.
  signIn: () => ({ refresh_token: crypto.randomUUID() }),
  cpu: () => process.cpuUsage(),
});
