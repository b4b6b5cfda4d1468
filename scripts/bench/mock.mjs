import { ensureNewestNode } from '../lib/vscode-from-npm.mjs';
import { bundleForNode } from './bundles.mjs';
import { startChild } from './child.mjs';
import { compared, inTurns, quantile } from './measure.mjs';

export const title =
  'Refreshes of a mock issuer over HTTP on 127.0.0.1, 16 at a time, refresh tokens rotate (a higher ratio is better)';

const atOnce = 16;
const milliseconds = 400;
const full = 'openid profile offline_access';
const plain = 'profile offline_access';

/**
 * The sides of the comparison: a server and the scope that is requested from it.
 * @type {Record<string, { server: string, scope: string }>}
 */
const sides = {
  ours: { server: 'ours', scope: full },
  'ours, plain': { server: 'ours', scope: plain },
  'oauth2-mock-server': { server: 'oauth2-mock-server', scope: full },
  'oidc-provider': { server: 'oidc-provider', scope: full },
  'oidc-provider, JWTs': { server: 'oidc-provider, JWTs', scope: full },
  'oidc-provider, JWTs, plain': { server: 'oidc-provider, JWTs', scope: plain },
  'ours, ES256': { server: 'ours, ES256', scope: full },
  'oauth2-mock-server, ES256': { server: 'oauth2-mock-server, ES256', scope: full },
  'oidc-provider, JWTs, ES256': { server: 'oidc-provider, JWTs, ES256', scope: full },
  'node:http': { server: 'node:http', scope: full },
};

/** @typedef {{ perSecond: number, cpu: number }} Figure `cpu`: milliseconds of the server's CPU time per refresh */

/** @returns {Promise<import('./table.mjs').Row[]>} */
export async function run() {
  const files = await bundleForNode('ourIssuer', 'oauth2MockServer', 'oidcProvider', 'bareServer', 'loadClient');
  const node = await nodeForAll();
  /** @type {import('./child.mjs').Child[]} */
  const children = [];
  /** @param {string} name */
  const child = name => {
    const started = startChild(files[name] ?? '', node);
    children.push(started);
    return started;
  };
  try {
    const [RS256, ES256] = [{ alg: 'RS256' }, { alg: 'ES256' }];
    /** @type {Record<string, { child: import('./child.mjs').Child, options: object }>} */
    const servers = {
      ours: { child: child('ourIssuer'), options: RS256 },
      'oauth2-mock-server': { child: child('oauth2MockServer'), options: RS256 },
      'oidc-provider': { child: child('oidcProvider'), options: { ...RS256, jwt: false } },
      'oidc-provider, JWTs': { child: child('oidcProvider'), options: { ...RS256, jwt: true } },
      'ours, ES256': { child: child('ourIssuer'), options: ES256 },
      'oauth2-mock-server, ES256': { child: child('oauth2MockServer'), options: ES256 },
      'oidc-provider, JWTs, ES256': { child: child('oidcProvider'), options: { ...ES256, jwt: true } },
      'node:http': { child: child('bareServer'), options: {} },
    };
    /** @type {Record<string, { tokenEndpoint: string }>} */
    const started = {};
    for (const [name, { child, options }] of Object.entries(servers)) started[name] = await child.ask('start', options);
    const client = child('loadClient');
    /** @type {Record<string, number>} */
    const signatures = {};
    /** @type {Record<string, () => Promise<Figure>>} */
    const work = {};
    for (const [name, { server, scope }] of Object.entries(sides)) {
      const ask = servers[server]?.child.ask ?? never;
      const refreshTokens = [];
      for (let i = 0; i < atOnce; i++) refreshTokens.push((await ask('signIn', scope)).refresh_token);
      const { tokenEndpoint } = started[server] ?? never();
      signatures[name] = await client.ask('add', { name, tokenEndpoint, refreshTokens });
      work[name] = async () => {
        const before = await ask('cpu');
        const { refreshes, seconds } = await client.ask('load', { name, milliseconds });
        return { perSecond: refreshes / seconds, cpu: used(before, await ask('cpu')) / refreshes };
      };
    }
    for (const [name, alg] of Object.entries({ ours: 'RS256', 'ours, ES256': 'ES256' })) {
      const ask = servers[name]?.child.ask ?? never;
      work[signing(alg)] = async () => {
        const before = await ask('cpu');
        const times = await ask('twoSignatures', { alg, lanes: atOnce, milliseconds });
        return { perSecond: (times * 1000) / milliseconds, cpu: used(before, await ask('cpu')) / times };
      };
    }
    return rowsOf(await inTurns(work, { rounds: 9, warmUp: 2 }), signatures);
  } finally {
    await Promise.all(children.map(each => each.end()));
  }
}

/** oauth2-mock-server 9 needs Node 22.12, so all servers run on that version or a newer one. */
async function nodeForAll() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12) ? process.execPath : ensureNewestNode();
}

/** @param {string} side */
const nameOf = side => side.split(',')[0];

/** @param {string} side */
const algOf = side => (side.includes('ES256') ? 'ES256' : 'RS256');

/** @param {string} alg */
const signing = alg => `two signatures, ${alg}`;

/** @param {NodeJS.CpuUsage} before @param {NodeJS.CpuUsage} after milliseconds */
const used = (before, after) => (after.user + after.system - before.user - before.system) / 1000;

/**
 * @param {Record<string, Figure[]>} figures
 * @param {Record<string, number>} signatures
 * @returns {import('./table.mjs').Row[]}
 */
function rowsOf(figures, signatures) {
  /** @param {string} side @param {keyof Figure} figure */
  const all = (side, figure) => (figures[side] ?? []).map(each => each[figure]);
  /** @param {string} ours @param {string} rival */
  const pair = (ours, rival) => {
    const rivalName = nameOf(rival);
    const alg = algOf(ours);
    const signed = `${signatures[ours]} and ${signatures[rival]} signatures of ${alg}`;
    /** @type {import('./table.mjs').Row} */
    const speed = {
      what: `${rivalName}: refreshes, ${signed}`,
      unit: 'per second',
      ...compared(all(ours, 'perSecond'), all(rival, 'perSecond')),
    };
    /** @type {import('./table.mjs').Row} */
    const cpu = {
      what: `${rivalName}: the server's CPU per refresh`,
      unit: 'ms',
      ...compared(all(ours, 'cpu'), all(rival, 'cpu')),
    };
    return { speed, cpu };
  };
  /** @param {string} ours @param {string} rival @param {number} least */
  const goal = (ours, rival, least) => {
    const { speed, cpu } = pair(ours, rival);
    const alg = algOf(ours);
    const signed = quantile(all(signing(alg), 'cpu'));
    /** @param {string} side */
    const rest = side => all(side, 'cpu').map(each => each - signed);
    return [
      { ...speed, goal: `at least ${least}`, met: (speed.ratio ?? 0) >= least },
      cpu,
      {
        what: `${nameOf(rival)}: the server's CPU per refresh without two signatures of ${alg}`,
        unit: /** @type {const} */ ('ms'),
        ...compared(rest(ours), rest(rival)),
      },
    ];
  };
  /**
   * What two signatures cost, which no issuer that signs twice can undercut, beside what a refresh of the goal may cost.
   * @param {string} alg @param {string} rival @param {number} least
   * @returns {import('./table.mjs').Row}
   */
  const floor = (alg, rival, least) => {
    const rivals = all(rival, 'cpu').map(each => each / least);
    return {
      what: `two signatures of ${alg} alone: CPU; 1/${least} of ${nameOf(rival)}'s per refresh`,
      unit: 'ms',
      ...compared(all(signing(alg), 'cpu'), rivals),
    };
  };
  return [
    ...goal('ours', 'oauth2-mock-server', 3),
    ...goal('ours', 'oidc-provider, JWTs', 1.5),
    floor('RS256', 'oauth2-mock-server', 3),
    ...goal('ours, ES256', 'oauth2-mock-server, ES256', 3),
    ...goal('ours, ES256', 'oidc-provider, JWTs, ES256', 1.5),
    floor('ES256', 'oauth2-mock-server, ES256', 3),
    ...[
      ['ours, plain', 'oauth2-mock-server'],
      ['ours, plain', 'oidc-provider, JWTs, plain'],
      ['ours', 'oidc-provider'],
    ].flatMap(([ours = '', rival = '']) => Object.values(pair(ours, rival))),
    {
      what: 'node:http alone, with the same response every time: CPU',
      unit: 'ms',
      ours: quantile(all('node:http', 'cpu')),
    },
  ];
}

/** @returns {never} */
function never() {
  throw new Error('No such server');
}
