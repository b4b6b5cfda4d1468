import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { buildExtension } from '../../../scripts/build.mjs';
import type { BrokerAddress, BrokerSocket } from '../../../src/core/broker/protocol.ts';
import { WorkbenchError } from '../../../src/core/errors.ts';
import { writeCliScripts } from '../../../src/platform/brokerPlatform.ts';
import { newBrokerAddress, openBrokerSocket } from '../../../src/platform/brokerSocket.ts';

const token = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.';

/** `jwtw.cmd` over a named pipe, on Windows or in the Node for Windows under Wine: see scripts/windows.mjs. */
describe('jwtw.cmd', function () {
  this.timeout(120_000);
  let folder = '';
  let bin = '';
  let address: BrokerAddress;
  let socket: BrokerSocket;
  let denied = false;

  before(async function () {
    if (process.platform !== 'win32') return this.skip();
    // Characters that cmd.exe interprets, and letters missing from its code page, must not matter.
    folder = await mkdtemp(join(homedir(), "jwtw 100% o'hara & "));
    const built = process.env.JWT_WORKBENCH_TEST_DIST ?? join(folder, 'dist');
    if (process.env.JWT_WORKBENCH_TEST_DIST === undefined) await buildExtension({ to: built });
    bin = await writeCliScripts(folder, join(built, 'jwtw.mjs'), process.execPath);
    address = newBrokerAddress();
    socket = await openBrokerSocket({
      address,
      asker: () => ({ kind: 'machine' }),
      async answer() {
        if (denied) throw new WorkbenchError('consent_denied');
        return { connection: 'demo', token, type: 'Bearer' };
      },
      refusal: ({ code }) => ({ reason: 'denied', code, message: 'Denied.' }),
      log: () => {},
    });
  });
  after(async () => {
    await socket?.close();
    if (folder) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Runs a line in cmd.exe. The output goes to files, because under Wine it cannot be written to a pipe. */
  async function cmd(line: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; out: string; err: string }> {
    const [out, err] = [join(folder, 'out.txt'), join(folder, 'err.txt')];
    const child = spawn('cmd.exe', ['/d', '/s', '/c', `"${line} >"${out}" 2>"${err}""`], {
      cwd: folder,
      env: {
        ...process.env,
        PATH: `${bin};${process.env.PATH}`,
        JWTW_SOCKET: address.socket,
        JWTW_CAPABILITY: address.capability,
        ...env,
      },
      windowsVerbatimArguments: true,
      stdio: 'ignore',
    });
    const code = await new Promise<number>(done => child.on('close', ended => done(ended ?? -1)));
    return { code, out: await readFile(out, 'utf8'), err: await readFile(err, 'utf8') };
  }

  it('prints the token, over a named pipe', async () => {
    assert.match(address.socket, /^\\\\\.\\pipe\\jwtw-[0-9a-f]{24}$/);
    assert.deepEqual(await cmd('jwtw token demo'), { code: 0, out: `${token}\n`, err: '' });
  });

  it('hands arguments on as they were given, and the exit code back', async () => {
    await writeFile(
      join(folder, 'show.cjs'),
      'console.log(JSON.stringify([process.env.ACCESS_TOKEN, ...process.argv.slice(2)])); process.exit(7)',
    );
    const given = ['a b', "it's", 'x&y', 'c^d', '(e)', 'ünï'];
    const quoted = given.map(each => `"${each}"`).join(' ');
    const { code, out, err } = await cmd(`jwtw exec demo -- "${process.execPath}" show.cjs ${quoted} "say \\"hi\\""`);
    assert.equal(err, '');
    assert.deepEqual(JSON.parse(out), [token, ...given, 'say "hi"']);
    assert.equal(code, 7);
  });

  it('has an exit code for each refusal, and prints nothing', async () => {
    denied = true;
    const refused = await cmd('jwtw token demo');
    denied = false;
    assert.deepEqual(refused, { code: 5, out: '', err: 'jwtw: Denied.\n' });
    const wrong = await cmd('jwtw token', { JWTW_CAPABILITY: 'A'.repeat(22) });
    assert.deepEqual([wrong.code, wrong.out], [10, '']);
    const gone = await cmd('jwtw token', { JWTW_SOCKET: '\\\\.\\pipe\\jwtw-gone' });
    assert.deepEqual([gone.code, gone.out], [6, '']);
  });

  it("is found in a user folder whose name the console's code page cannot show", async () => {
    const home = await mkdtemp(join(homedir(), 'Łukasz Ünï '));
    const before = process.env.USERPROFILE;
    process.env.USERPROFILE = home;
    try {
      const script = join(home, 'jwtw.mjs');
      await writeFile(script, 'console.log("found")');
      const at = await writeCliScripts(join(home, 'storage'), script, process.execPath);
      const text = await readFile(join(at, 'jwtw.cmd'), 'latin1');
      assert.doesNotMatch(text, /[^\x20-\x7e\r\n]/);
      assert.deepEqual(await cmd(`"${join(at, 'jwtw.cmd')}"`), { code: 0, out: 'found\n', err: '' });
    } finally {
      process.env.USERPROFILE = before;
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    }
  });
});
