import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { versionOf } from '../../torture/clients/run.mjs';

/** What `dpkg --status` writes about a package, with its exit code. */
const dpkg = (status: string, code = 0) =>
  `#!/bin/sh\nprintf 'Package: %s\\nStatus: ${status}\\nVersion: 1.2.3-4\\n' "$2"\nexit ${code}\n`;

describe("Debian's clients that torture:clients measures", () => {
  const folder = mkdtempSync(join(tmpdir(), 'dpkg-'));
  const { PATH = '' } = process.env;
  afterEach(() => {
    process.env.PATH = PATH;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Puts a program named dpkg before all others. */
  function install(script: string): void {
    const file = join(folder, 'dpkg');
    writeFileSync(file, script);
    chmodSync(file, 0o755);
    process.env.PATH = [folder, PATH].join(delimiter);
  }

  it('are left out where there is no dpkg', async () => {
    process.env.PATH = join(folder, 'nowhere');
    assert.equal(await versionOf('oidc-agent'), undefined);
  });

  it('are left out where their package is unknown, or was removed but for its settings', async function () {
    if (process.platform === 'win32') return this.skip();
    for (const script of [dpkg('install ok installed', 1), dpkg('deinstall ok config-files')]) {
      install(script);
      assert.equal(await versionOf('mod_auth_openidc'), undefined);
    }
  });

  it('are measured with the version that is installed, those of npm with the version that is pinned', async function () {
    if (process.platform === 'win32') return this.skip();
    install(dpkg('install ok installed'));
    assert.equal(await versionOf('python3-authlib'), '1.2.3-4');
    const { dependencies } = JSON.parse(readFileSync('test/torture/clients/clients.json', 'utf8'));
    assert.equal(await versionOf('jose'), dependencies.jose);
  });
});
