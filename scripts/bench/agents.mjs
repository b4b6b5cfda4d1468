import { join } from 'node:path';
import { buildExtension } from '../build.mjs';
import { bundleForNode } from './bundles.mjs';
import { startChild } from './child.mjs';

const programs = 8;
const rotations = 10;

export const title = `${programs} programs need a token at once, ${rotations} times, from an issuer that ends the family of a reused token: jwtw beside what agents do`;

/** @param {string} temporary @returns {Promise<import('./table.mjs').Row[]>} */
export async function run(temporary) {
  const { agents = '' } = await bundleForNode('agents');
  const dist = join(temporary, 'dist');
  await buildExtension({ production: true, to: dist });
  /** @type {Record<string, { alive: number, requests: number, revoked: number }>} */
  const came = {};
  for (const way of ['jwtw', 'copy', 'file']) {
    const child = startChild(agents);
    try {
      await child.ask('prepare', { way, programs, module: agents, script: join(dist, 'jwtw.mjs') });
      for (let rotation = 0; rotation < rotations; rotation++) await child.ask('rotate');
      came[way] = await child.ask('end');
    } finally {
      await child.end();
    }
  }
  return [
    ['copy', 'each with a copy of the refresh token'],
    ['file', 'one file that all read and write'],
  ].flatMap(([way = '', name]) => {
    const { jwtw: ours, [way]: rival } = came;
    if (!ours || !rival) return [];
    const unit = /** @type {const} */ ('');
    return [
      {
        ...{ what: `${name}: programs alive in the end`, unit, ours: ours.alive, rival: rival.alive },
        ...{ goal: 'all of ours', met: ours.alive === programs },
      },
      {
        ...{ what: '  requests to the issuer', unit, ours: ours.requests, rival: rival.requests },
        ...{ goal: 'one for each rotation', met: ours.requests === rotations },
      },
      { what: '  families ended', unit, ours: ours.revoked, rival: rival.revoked },
    ];
  });
}
