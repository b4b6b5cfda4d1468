// @ts-nocheck These clients are Debian programs.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/*
 * Clients from Debian packages instead of npm, with the settings of their own documentation. Each
 * returns a handler for the visitor's requests, as the others do, or the origin of its own server.
 */

/** Ends with this process, which ends when its standard input closes. */
function start(command, args, options = {}) {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', process.env.DEBUG ? 'inherit' : 'ignore'],
    ...options,
  });
  process.once('exit', () => child.kill());
  return child;
}

/** Programs that do not report when they are ready. */
async function until(isReady) {
  for (let i = 0; i < 100 && !(await isReady()); i += 1) await new Promise(resolve => setTimeout(resolve, 100));
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'client-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const debian = {
  /** An Apache with three pages. It listens on its own port, so this process's port is unused. */
  async mod_auth_openidc({ issuer, clientId, clientSecret, ownPort }) {
    const folder = temporaryFolder();
    const pages = join(folder, 'pages');
    mkdirSync(pages);
    for (const name of ['index.html', 'login', 'me']) writeFileSync(join(pages, name), name);
    const origin = `http://127.0.0.1:${ownPort}`;
    const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'auth_openidc', 'dir', 'alias'];
    writeFileSync(
      join(folder, 'apache.conf'),
      `${modules.map(name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerName 127.0.0.1
Listen 127.0.0.1:${ownPort}
PidFile ${folder}/pid
ErrorLog ${process.env.DEBUG ? '/tmp/apache-errors' : `${folder}/errors`}
LogLevel auth_openidc:debug
DefaultRuntimeDir ${folder}
User www-data
Group www-data
DocumentRoot ${pages}
DirectoryIndex index.html
OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration
OIDCClientID ${clientId}
OIDCClientSecret ${clientSecret}
OIDCRedirectURI ${origin}/callback
OIDCCryptoPassphrase of-a-test-alone
OIDCScope "openid offline_access"
OIDCRefreshAccessTokenBeforeExpiry 1 logout_on_error
Redirect /logout ${origin}/callback?logout=${encodeURIComponent(`${origin}/`)}
<Location /login>
  AuthType openid-connect
  Require valid-user
</Location>
<Location /callback>
  AuthType openid-connect
  Require valid-user
</Location>
<Location /me>
  AuthType openid-connect
  OIDCUnAuthAction 401
  Require valid-user
</Location>
`,
    );
    // Apache's workers do not run as root.
    for (const each of [folder, pages]) chmodSync(each, 0o755);
    start('/usr/sbin/apache2', ['-d', folder, '-f', join(folder, 'apache.conf'), '-X']);
    await until(() =>
      fetch(origin).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return { origin };
  },

  async 'python3-authlib'(given) {
    const script = fileURLToPath(new URL('authlib_app.py', import.meta.url));
    const child = start('/usr/bin/python3', [script], { env: { ...process.env, PORT: String(given.ownPort) } });
    const line = await new Promise(resolve => createInterface({ input: child.stdout }).once('line', resolve));
    return JSON.parse(line);
  },

  /** An agent for a single user: every visitor is that user, and a new sign-in replaces the previous one. */
  async 'oidc-agent'({ issuer, clientId, clientSecret, redirectUri: _ }) {
    const folder = temporaryFolder();
    const env = { ...process.env, OIDC_CONFIG_DIR: folder, OIDC_ENCRYPTION_PW: 'of a test' };
    let agent;
    const startAgent = async () => {
      if (agent !== undefined) process.kill(agent);
      // It prints its address and continues in the background.
      const { stdout } = await promisify(execFile)('oidc-agent', ['--no-scheme', '--no-autoreauthenticate'], { env });
      const said = name => new RegExp(`${name}=([^;]+)`).exec(stdout)?.[1];
      env.OIDC_SOCK = said('OIDC_SOCK');
      agent = Number(said('OIDCD_PID'));
    };
    process.once('exit', () => agent !== undefined && process.kill(agent));
    const ask = (command, ...args) =>
      new Promise(resolve => {
        const child = execFile(command, args, { env, timeout: 4_000 }, (error, out) =>
          resolve(error ? undefined : out),
        );
        // Otherwise it would wait for its standard input.
        child.stdin?.end();
      });
    let count = 0;
    let account = '';
    let generated = Promise.resolve(1);
    let generating;
    /** Starts a sign-in, and resolves with the address for the browser. */
    const generate = async flow => {
      generating?.kill();
      // A new agent, as one that waits for an issuer for ever does nothing else.
      await startAgent();
      count += 1;
      account = `account${count}`;
      const options = [
        '--manual',
        `--issuer=${issuer}`,
        `--client-id=${clientId}`,
        `--client-secret=${clientSecret}`,
        // The server of a sign-in before may still be at its port.
        `--redirect-uri=http://localhost:${await freePort()}`,
        '--scope=offline_access',
        `--flow=${flow}`,
        '--no-url-call',
        '--no-scheme',
        '--pw-env',
        '--confirm-default',
        '--prompt=none',
        // A saved account asks the user for its password whenever its refresh token rotates.
        '--no-save',
        account,
      ];
      const child = start('oidc-gen', options, { env, stdio: ['ignore', 'ignore', 'pipe'] });
      generating = child;
      generated = new Promise(resolve => child.once('exit', resolve));
      return new Promise(resolve => {
        createInterface({ input: child.stderr }).on('line', text => {
          const found = /http:\S+\/authorize\S+/.exec(text)?.[0];
          if (found) resolve(found);
        });
        child.once('exit', () => resolve(undefined));
      });
    };
    const routes = {
      '/login': async () => {
        const location = await generate('code');
        return location === undefined ? { status: 401 } : { location };
      },
      '/me': async () => {
        const late = new Promise(resolve => setTimeout(() => resolve(1), 6_000));
        const code = await Promise.race([generated, late]);
        if (code !== 0) return { status: 401 };
        return { status: (await ask('oidc-token', account)) === undefined ? 401 : 200 };
      },
      '/logout': async () => {
        await ask('oidc-add', '--remove-all');
        return { status: 200 };
      },
      '/device': async () => {
        await generate('device');
        return { status: (await generated) === 0 ? 200 : 401 };
      },
    };
    return async (request, response) => {
      const { status = 302, location } = (await routes[request.url]?.()) ?? { status: 404 };
      response.writeHead(status, location === undefined ? {} : { location }).end();
    };
  },
};
