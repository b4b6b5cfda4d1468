import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { download } from '../../../scripts/lib/vscode-from-npm.mjs';
import { type LoopbackServer, loopbackServer } from '../../support/loopbackServer.ts';

describe('the download of VS Code from npm', () => {
  let folder = '';
  let registry: LoopbackServer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'download-'));
    registry = await loopbackServer(() => {});
  });
  after(async () => {
    await registry.close();
    await rm(folder, { recursive: true });
  });

  /** @returns the archive, or that npm was asked for it */
  async function downloaded(spec: string, registry = ours): Promise<string> {
    let packed = false;
    const archive = join(folder, 'archive.tgz');
    const pack = async () => {
      packed = true;
    };
    await download(spec, archive, { registry, pack, patience: 200 });
    return packed ? 'npm pack' : readFile(archive, 'utf8');
  }
  const ours = async () => `${registry.origin}/npm/\n`;

  it('takes the archive from the registry that npm names', async () => {
    registry.answer = (_, response) => response.end('content');
    assert.equal(await downloaded('@scope/name@1.2.3-beta.4'), 'content');
    assert.equal(await downloaded('name@1.2.3'), 'content');
    const asked = registry.requests.map(({ path }) => path);
    assert.deepEqual(asked, ['/npm/@scope/name/-/name-1.2.3-beta.4.tgz', '/npm/name/-/name-1.2.3.tgz']);
  });

  it('leaves it to npm where the registry is not known, refuses or breaks off', async () => {
    registry.requests.splice(0);
    assert.equal(await downloaded('name@1.2.3', () => Promise.reject(new Error())), 'npm pack');
    assert.deepEqual(registry.requests, []);
    registry.answer = (_, response) => response.writeHead(401).end('credentials');
    assert.equal(await downloaded('name@1.2.3'), 'npm pack');
    registry.answer = (_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setImmediate(() => response.destroy());
    };
    assert.equal(await downloaded('name@1.2.3'), 'npm pack');
    assert.equal(registry.requests.length, 2);
    // It never answers.
    registry.answer = () => {};
    assert.equal(await downloaded('name@1.2.3'), 'npm pack');
  });
});
