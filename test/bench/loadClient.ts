import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { answer } from '../../scripts/bench/child.mjs';

/** The same client for every server: plain node:http on kept-alive connections. */
interface Side {
  readonly tokenEndpoint: string;
  readonly agent: Agent;
  /** Each lane has the refresh token that it received last. */
  readonly lanes: { refreshToken: string }[];
}

const sides = new Map<string, Side>();

answer({
  /** @returns how many tokens of the first response are JWTs, which is the number of signatures per refresh */
  async add({ name, tokenEndpoint, refreshTokens }: Added) {
    const lanes = refreshTokens.map(refreshToken => ({ refreshToken }));
    const agent = new Agent({ keepAlive: true, maxSockets: lanes.length });
    sides.set(name, { tokenEndpoint, agent, lanes });
    const { access_token, id_token } = await refresh(sideNamed(name), lanes[0] ?? { refreshToken: '' });
    return [access_token, id_token].filter(token => token?.startsWith('eyJ')).length;
  },
  /** Refreshes on all lanes at once, each as soon as the previous response is there, until the time is up. */
  async load({ name, milliseconds }: { name: string; milliseconds: number }) {
    const side = sideNamed(name);
    const since = performance.now();
    let refreshes = 0;
    await Promise.all(
      side.lanes.map(async lane => {
        while (performance.now() - since < milliseconds) {
          await refresh(side, lane);
          refreshes++;
        }
      }),
    );
    return { refreshes, seconds: (performance.now() - since) / 1000 };
  },
});

interface Added {
  readonly name: string;
  readonly tokenEndpoint: string;
  readonly refreshTokens: readonly string[];
}

function sideNamed(name: string): Side {
  const side = sides.get(name);
  if (side === undefined) throw new Error(`No side named ${name}`);
  return side;
}

async function refresh(
  { tokenEndpoint, agent }: Side,
  lane: { refreshToken: string },
): Promise<{ access_token?: string; id_token?: string }> {
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: 'demo',
    refresh_token: lane.refreshToken,
  }).toString();
  const answered = await new Promise<string>((resolve, reject) => {
    const sent = request(tokenEndpoint, {
      agent,
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body),
      },
    });
    sent.once('error', reject);
    sent.once('response', response => {
      text(response).then(content => {
        if (response.statusCode === 200) resolve(content);
        else reject(new Error(`${tokenEndpoint} answered ${response.statusCode}: ${content.slice(0, 200)}`));
      }, reject);
    });
    sent.end(body);
  });
  const tokens = JSON.parse(answered);
  lane.refreshToken = tokens.refresh_token ?? lane.refreshToken;
  return tokens;
}
