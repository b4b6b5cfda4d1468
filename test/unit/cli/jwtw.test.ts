import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildExtension } from '../../../scripts/build.mjs';
import {
  type BrokerAddress,
  type BrokerSocket,
  type ErrorAnswer,
  exitCodes,
  type TokenAnswer,
  type TokenQuery,
} from '../../../src/core/broker/protocol.ts';
import { WorkbenchError } from '../../../src/core/errors.ts';
import type { Asker } from '../../../src/core/records/sessions.ts';
import { newBrokerAddress, openBrokerSocket } from '../../../src/platform/brokerSocket.ts';

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** Unlike that of any other run on this machine, because a test looks for it in all processes. */
const token = `${encoded({ alg: 'none' })}.${encoded({ sub: 'ada', quote: '"', jti: randomUUID() })}.`;
const expiresAt = Date.UTC(2030, 0, 1);
const asker: Asker = { kind: 'machine' };

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('jwtw', function () {
  // Real processes are slow on a busy machine.
  this.timeout(60_000);
  let folder = '';
  let jwtw = '';
  let address: BrokerAddress;
  let socket: BrokerSocket;
  let asked: TokenQuery[] = [];
  let answer: () => Promise<Partial<TokenAnswer>> = async () => ({});

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jwtw-cli-'));
    await buildExtension({ to: join(folder, 'dist') });
    jwtw = join(folder, 'dist', 'jwtw.mjs');
    address = newBrokerAddress();
    socket = await openBrokerSocket({
      address,
      asker: () => asker,
      async answer(route, body) {
        if (route === 'connections')
          return [
            { id: 'demo', label: 'Demo', state: 'active', expiresAt },
            { id: 'shop', label: 'Shop', state: 'none' },
          ];
        asked.push(body);
        return { connection: 'demo', token, type: 'Bearer', expiresAt, ...(await answer()) };
      },
      refusal: ({ code }): ErrorAnswer['error'] => ({
        reason: code === 'consent_denied' ? 'denied' : code === 'not_trusted' ? 'untrusted' : 'sign_in',
        code,
        message: `The sentence for ${code}.`,
      }),
      log: () => {},
    });
  });
  after(async () => {
    await socket.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    asked = [];
    answer = async () => ({});
  });

  function run(args: readonly string[], { input = '', env = {}, cwd = folder } = {}): Promise<Ran> {
    const { JWTW_SOCKET: _, JWTW_CAPABILITY: __, ...outer } = process.env;
    return new Promise(done => {
      const child = execFile(
        process.execPath,
        [jwtw, ...args],
        {
          cwd,
          env: {
            ...outer,
            HOME: folder,
            XDG_RUNTIME_DIR: folder,
            JWTW_SOCKET: address.socket,
            JWTW_CAPABILITY: address.capability,
            ...env,
          },
        },
        (_error, stdout, stderr) => done({ code: child.exitCode ?? -1, stdout, stderr }),
      );
      child.stdin?.end(input);
    });
  }

  it('prints the token alone', async () => {
    assert.deepEqual(await run(['token', 'demo']), { code: 0, stdout: `${token}\n`, stderr: '' });
    assert.deepEqual(asked, [{ purpose: 'jwtw token', connection: 'demo' }]);
    const { stdout } = await run(['token', '--json', '--min-ttl', '90', '--id-token']);
    assert.equal(JSON.parse(stdout).expiresAt, expiresAt);
    assert.deepEqual(asked[1], { purpose: 'jwtw token', minTtl: 90, token: 'id_token' });
  });

  it('prints headers as a line, with DPoP as two, and as the object that headersHelper reads', async () => {
    assert.equal((await run(['header', 'demo'])).stdout, `Authorization: Bearer ${token}\n`);
    assert.deepEqual(JSON.parse((await run(['headers', 'demo'])).stdout), { Authorization: `Bearer ${token}` });
    answer = async () => ({ type: 'DPoP', proof: 'a.proof.here' });
    const { stdout } = await run(['header', 'demo', '--method', 'PUT', '--url', 'https://api.example/x']);
    assert.equal(stdout, `Authorization: DPoP ${token}\nDPoP: a.proof.here\n`);
    assert.deepEqual([asked.at(-1)?.method, asked.at(-1)?.url], ['PUT', 'https://api.example/x']);
    answer = async () => ({ type: 'DPoP' });
    const refused = await run(['headers', 'demo']);
    assert.deepEqual([refused.code, refused.stdout], [2, '']);
    assert.match(refused.stderr, /DPoP.*jwtw header/s);
  });

  it('gives one program the token in a variable, shows it to no other program, and passes on the exit code', async () => {
    const script =
      'console.log(process.env.ACCESS_TOKEN === process.env.EXPECTED, process.env.ELECTRON_RUN_AS_NODE); process.exit(7)';
    const env = { EXPECTED: token, ELECTRON_RUN_AS_NODE: '1' };
    const ran = await run(['exec', 'demo', '--', process.execPath, '-e', script], { env });
    assert.deepEqual([ran.code, ran.stdout], [7, 'true undefined\n']);
    assert.equal(asked[0]?.purpose, `jwtw exec ${process.execPath}`);
    const named = await run([
      'exec',
      '--env',
      'API_TOKEN',
      '--',
      process.execPath,
      '-e',
      'console.log(!!process.env.API_TOKEN)',
    ]);
    assert.equal(named.stdout, 'true\n');
    for (const args of [
      ['exec', 'demo'],
      ['exec', 'demo', '--env', 'A B', '--', 'true'],
      ['exec', '--', '/no/such/program'],
    ])
      assert.equal((await run(args)).code, 2, args.join(' '));
  });

  it('has the token in no arguments, and in the variables of the program that it runs alone', async function () {
    if (process.platform !== 'linux') return this.skip();
    const child = spawn(
      process.execPath,
      [jwtw, 'exec', 'demo', '--', process.execPath, '-e', 'console.log("ready"); process.stdin.resume()'],
      {
        env: { ...process.env, JWTW_SOCKET: address.socket, JWTW_CAPABILITY: address.capability },
      },
    );
    await new Promise(ready => child.stdout.once('data', ready));
    const listed = await new Promise<string>(done => execFile('ps', ['-eo', 'args'], (_, out) => done(out)));
    assert.ok(listed.includes('jwtw.mjs exec demo'));
    assert.ok(!listed.includes(token));
    const holders = readdirSync('/proc').filter(id => {
      try {
        return /^\d+$/.test(id) && readFileSync(`/proc/${id}/environ`, 'utf8').includes(token);
      } catch {
        // It has ended in the meantime.
        return false;
      }
    });
    assert.deepEqual(
      holders.map(id => readFileSync(`/proc/${id}/stat`, 'utf8').split(' ')[3]),
      [`${child.pid}`],
      'the child of jwtw',
    );
    child.stdin.end();
    assert.equal(await new Promise(done => child.on('close', done)), 0);
  });

  it('passes signals on to the program', async function () {
    if (process.platform === 'win32') return this.skip();
    const script = 'process.on("SIGTERM", () => process.exit(9)); console.log("ready"); setInterval(() => {}, 1000)';
    const child = spawn(process.execPath, [jwtw, 'exec', 'demo', '--', process.execPath, '-e', script], {
      env: { ...process.env, JWTW_SOCKET: address.socket, JWTW_CAPABILITY: address.capability },
    });
    await new Promise(ready => child.stdout.once('data', ready));
    child.kill('SIGTERM');
    assert.equal(await new Promise(done => child.on('close', done)), 9);
  });

  it('lets the real curl reach an API, with the header over standard input and bodies from there as well', async () => {
    const seen: { method?: string; authorization?: string; body: string }[] = [];
    const api = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      seen.push({ method: request.method ?? '', authorization: request.headers.authorization ?? '', body });
      response.end('ok');
    });
    await new Promise<void>(ready => api.listen(0, '127.0.0.1', ready));
    const place = api.address();
    const url = `http://127.0.0.1:${typeof place === 'object' ? place?.port : ''}/me`;
    try {
      assert.equal((await run(['curl', 'demo', '-s', url])).stdout, 'ok');
      assert.deepEqual(seen[0], { method: 'GET', authorization: `Bearer ${token}`, body: '' });
      assert.deepEqual([asked[0]?.method, asked[0]?.url, asked[0]?.connection], ['GET', url, 'demo']);
      await run(['curl', '-s', '-d', '@-', url], { input: 'the body' });
      assert.deepEqual(seen[1], { method: 'POST', authorization: `Bearer ${token}`, body: 'the body' });
      assert.equal(asked[1]?.connection, undefined);
      const failed = await run(['curl', 'demo', '-s', 'http://127.0.0.1:1/']);
      assert.equal(failed.code, 7, "curl's own exit code");
    } finally {
      api.close();
    }
  });

  it('answers kubectl and git by their own protocols', async () => {
    const credential = JSON.parse((await run(['exec-credential', 'demo'])).stdout);
    assert.deepEqual(credential, {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token, expirationTimestamp: '2030-01-01T00:00:00.000Z' },
    });
    const KUBERNETES_EXEC_INFO = '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential"}';
    const older = JSON.parse((await run(['exec-credential'], { env: { KUBERNETES_EXEC_INFO } })).stdout);
    assert.equal(older.apiVersion, 'client.authentication.k8s.io/v1beta1');
    const input = 'capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=git.example\n\n';
    const git = await run(['git-credential', 'demo', 'get'], { input });
    assert.equal(
      git.stdout,
      `capability[]=authtype\nauthtype=Bearer\ncredential=${token}\nephemeral=1\npassword_expiry_utc=${expiresAt / 1000}\n\n`,
    );
    for (const operation of ['store', 'erase'])
      assert.deepEqual(await run(['git-credential', 'demo', operation], { input }), {
        code: 0,
        stdout: '',
        stderr: '',
      });
    const old = await run(['git-credential', 'get'], { input: 'protocol=https\nhost=git.example\n\n' });
    assert.deepEqual([old.code, old.stdout], [2, '']);
    assert.match(old.stderr, /git 2\.46/);
  });

  it('says whether VS Code is closed or its address cannot be read', async () => {
    const env = { JWTW_SOCKET: '', JWTW_CAPABILITY: '' };
    const closed = await run(['token'], { env });
    assert.deepEqual([closed.code, closed.stdout], [exitCodes.no_vscode, '']);
    assert.match(closed.stderr, /no VS Code window with it is open/);
    const file = join(folder, 'jwt-workbench', 'broker.json');
    await mkdir(join(folder, 'jwt-workbench'));
    for (const text of ['', '{"socket":1}', '[', 'null']) {
      await writeFile(file, text);
      const damaged = await run(['token'], { env });
      assert.deepEqual([damaged.code, damaged.stdout], [exitCodes.no_vscode, '']);
      assert.match(damaged.stderr, /cannot be read\. Reload the VS Code windows/);
    }
    await rm(join(folder, 'jwt-workbench'), { recursive: true });
  });

  it('documents every exit code', async () => {
    const text = await readFile(join('docs', 'use-the-token.md'), 'utf8');
    const documented = [...text.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    assert.deepEqual(documented, [0, 1, ...Object.values(exitCodes)]);
  });

  it('is documented, each command', async () => {
    const text = await readFile(join('docs', 'use-the-token.md'), 'utf8');
    const names = [...(await run(['--help'])).stdout.matchAll(/^ {2}([\w-]+) {2}/gm)].map(([, name = '']) => name);
    assert.ok(names.includes('token'));
    const isNamed = (name: string) => new RegExp(`\\bjwtw ${name}\\b|args: \\[${name}\\b`).test(text);
    assert.deepEqual(
      names.filter(name => !isNamed(name)),
      [],
    );
  });

  it('lists connections and their state without a token', async () => {
    assert.equal((await run(['connections'])).stdout, 'demo\nshop\n');
    assert.equal((await run(['status'])).stdout, 'demo\tactive\t2030-01-01T00:00:00.000Z\nshop\tnone\n');
    assert.deepEqual(JSON.parse((await run(['status', 'shop', '--json'])).stdout), [
      { id: 'shop', label: 'Shop', state: 'none' },
    ]);
    assert.equal((await run(['status', 'gone'])).code, 3);
  });

  it('decodes and verifies without VS Code', async () => {
    const env = { JWTW_SOCKET: '', JWTW_CAPABILITY: '' };
    assert.equal(JSON.parse((await run(['decode'], { input: token, env })).stdout).payload.sub, 'ada');
    const verified = await run(['verify', '--audience', 'api'], { input: token, env });
    assert.equal(verified.code, 1);
    assert.match(verified.stdout, /^verification failed\nfailed {3}/);
    // The sentences of the extension, with their values.
    const audience =
      /^failed {3}Audience \(aud\): The token has no aud\. Expected "api"\. Check that the token comes from/m;
    assert.match(verified.stdout, audience);
    const cut = await run(['decode'], { input: 'eyJ.x', env });
    assert.equal(cut.code, 2);
    assert.match(
      cut.stderr,
      /^jwtw: This text has 2 parts between dots\..* Check that the whole token was copied\.\n$/,
    );
    // Beyond 2^53, where JavaScript rounds.
    const part = (text: string) => Buffer.from(text).toString('base64url');
    const input = `${part('{"alg":"RS256"}')}.${part('{"uid":12345678901234567890,"ids":[9007199254740993]}')}.AAAA`;
    const { stdout } = await run(['decode'], { input, env });
    assert.match(stdout, /"uid": 12345678901234567890,\n/);
    assert.match(stdout, /9007199254740993/);
  });

  it('writes what stands in a token as text, which controls no terminal and writes no line of its own', async () => {
    const env = { JWTW_SOCKET: '', JWTW_CAPABILITY: '' };
    const evil = 'x\npassed    signature     signature_valid\u001b[31m\u009b31m\u202e\u200b\u{e0041}';
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const input = `${part({ alg: 'RS256', typ: evil, kid: evil })}.${part({ iss: evil, sub: evil, [evil]: 1 })}.AAAA`;
    const keys = join(folder, 'no-keys.json');
    await writeFile(keys, '{"keys":[]}');
    for (const args of [
      ['decode'],
      ['verify', '--jwks', keys, '--issuer', 'https://a'],
      ['verify', '--jwks', keys, '--json'],
    ]) {
      const { stdout, stderr } = await run(args, { input, env });
      assert.match(stdout, /\\u/, args.join(' '));
      assert.doesNotMatch(stdout + stderr, /(?!\n)[\p{Cc}\p{Cf}]|^passed +signature/mu, args.join(' '));
      if (!args.includes('--issuer')) JSON.parse(stdout);
    }
  });

  describe('has an exit code and a sentence for each refusal, and prints no token', () => {
    const cases: [string, () => Promise<Ran>, number, RegExp][] = [
      ['denied', () => failing('consent_denied'), 5, /consent_denied/],
      ['a workspace that is not trusted', () => failing('not_trusted'), 9, /not_trusted/],
      ['sign-in needed', () => failing('no_refresh_token'), 4, /no_refresh_token/],
      ['a wrong capability', () => run(['token'], { env: { JWTW_CAPABILITY: 'A'.repeat(22) } }), 10, /JWTW_CAPABILITY/],
      ['no VS Code', () => run(['token'], { env: { JWTW_SOCKET: '', JWTW_CAPABILITY: '' } }), 6, /not reachable/],
      [
        'a window that is closed',
        () => run(['token'], { env: { JWTW_SOCKET: join(folder, 'gone') } }),
        6,
        /was closed/,
      ],
      ['an unknown command', () => run(['tokens']), 2, /unknown command/],
      ['a wrong number', () => run(['token', '--min-ttl', 'soon']), 2, /whole number/],
    ];
    for (const [name, act, code, sentence] of cases)
      it(name, async () => {
        const ran = await act();
        assert.deepEqual([ran.code, ran.stdout], [code, '']);
        assert.match(ran.stderr, sentence);
      });

    it('an invalid response, or one from a newer version', async () => {
      const path = join(folder, 'liar');
      let said = '';
      const liar = createServer((_, response) => response.end(said));
      await new Promise<void>(resolve => {
        liar.listen(path, resolve);
      });
      const env = { JWTW_SOCKET: path, JWTW_CAPABILITY: 'A'.repeat(22) };
      const odd = [
        ...['', '{', 'null', '7', '"a"', '[]', '{}', '<html>', '{"token":7,"type":"Bearer"}', '{"token":"t"}'],
        ...['{"error":{}}', '{"error":7}', '{"error":{"reason":"toString","code":"a","message":""}}'],
        '{"error":{"reason":"a_new_one","code":"a","message":"A new sentence."}}',
        '{"token":"t","type":"Bearer","expiresAt":"soon"}',
      ];
      for (said of odd) {
        const ran = await run(['exec-credential', 'demo'], { env });
        assert.ok([6, 70].includes(ran.code), `${said}: ${ran.code}`);
        assert.equal(ran.stdout, '', said);
        assert.doesNotMatch(ran.stderr, /undefined|\bat .*:\d+/, said);
      }
      said = '{}';
      const listed = await run(['connections'], { env });
      assert.deepEqual([listed.code, listed.stdout], [70, '']);
      await new Promise(resolve => liar.close(resolve));
    });

    it("another user's broker", async function () {
      if (process.platform === 'win32' || process.getuid?.() !== 0) return this.skip();
      // Root can open every socket, so the command runs as nobody.
      const shared = await mkdtemp(join(tmpdir(), 'jwtw-other-'));
      await chmod(shared, 0o755);
      await cp(join(folder, 'dist'), join(shared, 'dist'), { recursive: true });
      const copy = join(shared, 'dist', 'jwtw.mjs');
      await mkdir(join(shared, 'home'));
      const ran = await new Promise<Ran>(done => {
        const child = execFile(
          process.execPath,
          [copy, 'token'],
          {
            uid: 65534,
            gid: 65534,
            env: { JWTW_SOCKET: address.socket, JWTW_CAPABILITY: address.capability, HOME: shared },
          },
          (_error, stdout, stderr) => done({ code: child.exitCode ?? -1, stdout, stderr }),
        );
      });
      await rm(shared, { recursive: true });
      assert.deepEqual([ran.code, ran.stdout], [11, '']);
      assert.match(ran.stderr, /another user/);
    });
  });

  function failing(code: 'consent_denied' | 'not_trusted' | 'no_refresh_token'): Promise<Ran> {
    answer = async () => {
      throw new WorkbenchError(code);
    };
    return run(['token', 'demo']);
  }
});

describe('the socket of the broker', function () {
  this.timeout(60_000);
  it('answers 1,000 requests over one connection, and refuses what is too large, unknown or without the capability', async () => {
    const address = newBrokerAddress();
    const socket = await openBrokerSocket({
      address,
      asker: () => asker,
      answer: async (_, body) => ({ echoed: body.n }),
      refusal: ({ code }) => ({ reason: 'internal', code, message: '' }),
      log: () => {},
    });
    const { Agent, request } = await import('node:http');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (
      body: string,
      { path = '/v1/token', authorization = `Bearer ${address.capability}`, method = 'POST' } = {},
    ) =>
      new Promise<[number, string]>((done, fail) => {
        const sent = request(
          { socketPath: address.socket, path, method, agent, headers: { authorization } },
          response => {
            let text = '';
            response.setEncoding('utf8').on('data', each => {
              text += each;
            });
            response.on('end', () => done([response.statusCode ?? 0, text]));
          },
        );
        sent.on('error', fail);
        sent.end(body);
      });
    try {
      for (let n = 0; n < 1000; n++) assert.deepEqual(await ask(`{"n":${n}}`), [200, `{"echoed":${n}}`]);
      const codes = await Promise.all([
        ask('{}', { authorization: 'Bearer x' }),
        ask('{}', { authorization: '' }),
        ask('{}', { path: '/v1/refresh_token' }),
        ask('', { method: 'GET' }),
        ask('[]'),
        ask('{"a":'),
      ]);
      assert.deepEqual(
        codes.map(([status]) => status),
        [401, 401, 404, 404, 400, 400],
      );
      const large = await ask(`{"a":"${'x'.repeat(20_000)}"}`).then(
        ([status]) => status,
        () => 'closed',
      );
      assert.ok(large === 400 || large === 'closed');
    } finally {
      agent.destroy();
      await socket.close();
    }
  });
});
