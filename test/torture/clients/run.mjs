import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { ensureDependencies, npm } from '../../../scripts/lib/ensure.mjs';
import { elapsed, root, runScript } from '../../../scripts/lib/project.mjs';
import { packageMock } from '../../../scripts/packageMock.mjs';
import { driverOf } from './drive.mjs';

/** @typedef {typeof import('../../../src/mock/index.ts')} Package */
/** @typedef {import('../../../src/mock/torture/torture.ts').TortureReport} TortureReport */
/** @typedef {import('../../../src/mock/torture/torture.ts').Result} Result */
/** @typedef {{ version: string, results: readonly Pick<Result, 'id' | 'verdict' | 'section' | 'detail'>[] }} Measured */

/**
 * One client: the options of the issuer that differ from the default, and how the client is run.
 * @typedef {object} Row
 * @property {string} [package] if it differs from the name
 * @property {import('../../../src/mock/registry.ts').MockClientOptions} [client]
 * @property {import('../../../src/mock/nodeServer.ts').MockServerOptions} [options]
 * @property {true} [post] it sends its secret in the body by default, and is registered for that
 * @property {true} [tls]
 * @property {number} [gives] seconds after which it gives up a request by default, with all its tries
 * @property {true} [page] runs in a browser with scripts
 * @property {true} [second] it can also sign in with a second issuer
 * @property {true} [device] it can sign in by device code
 * @property {{ back?: string, front?: string }} [notices] its paths for logout notifications
 * @property {string} [debian] a Debian package, if it is not an npm package
 * @property {true} [mcp]
 * @property {true} [api] an API that verifies access tokens
 * @property {string} how
 */

/** @type {import('../../../src/mock/registry.ts').MockClientOptions} */
const page = {
  client_id: 'page',
  redirect_uris: ['http://127.0.0.1/callback', 'http://127.0.0.1/silent', 'http://127.0.0.1/'],
};

/** @type {Record<string, Row>} */
const rows = {
  'openid-client': {
    post: true,
    gives: 30,
    second: true,
    device: true,
    how: 'code with PKCE, confidential; the application refreshes, and compares the subject',
  },
  oauth4webapi: { second: true, how: 'the same, and the signature of the ID token is asked for' },
  'oidc-client-ts': { client: page, page: true, how: 'in Chromium, refresh token' },
  'oidc-client-ts (renewal in a frame)': {
    package: 'oidc-client-ts',
    client: page,
    page: true,
    how: 'in Chromium, `prompt=none` in a frame in place of a refresh token',
  },
  '@auth0/auth0-spa-js': {
    client: page,
    page: true,
    options: { persona: 'auth0' },
    gives: 30,
    how: 'in Chromium, persona `auth0`, refresh token',
  },
  'express-openid-connect': {
    notices: { back: '/backchannel-logout' },
    how: '`response_type: code`, `idpLogout`, `backchannelLogout`; `/me` refreshes what has expired',
  },
  'express-openid-connect (default)': {
    package: 'express-openid-connect',
    client: { client_id: 'web', redirect_uris: ['http://127.0.0.1/callback'], response_types: ['id_token'] },
    how: 'its default, an ID token by `form_post`',
  },
  'passport-openidconnect': { post: true, options: { requirePkce: false }, how: 'no PKCE, no refresh of its own' },
  '@auth/core': { how: 'its session; no refresh of its own' },
  'next-auth': { how: 'its session, `wellKnown` with all three `checks`; no refresh of its own' },
  'better-auth': {
    post: true,
    how: '`genericOAuth` with `discoveryUrl` and PKCE; `/get-access-token` refreshes',
  },
  arctic: { how: '`OAuth2Client` with PKCE; `decodeIdToken`, which looks at no claim; the application refreshes' },
  'simple-oauth2': {
    second: true,
    options: { requirePkce: false },
    how: 'OAuth alone, no ID token; the application refreshes',
  },
  '@badgateway/oauth2-client': { second: true, how: 'OAuth alone, no ID token; `OAuth2Fetch` refreshes' },
  '@azure/msal-node': { post: true, tls: true, second: true, how: 'https, `protocolMode: OIDC`, `acquireTokenSilent`' },
  jose: { api: true, how: 'an API, `createRemoteJWKSet` and `jwtVerify` with issuer, audience and typ' },
  'jwks-rsa': { api: true, how: 'an API, `expressJwtSecret` for express-jwt with issuer, audience and algorithms' },
  'express-oauth2-jwt-bearer': { api: true, how: 'an API, `auth()` with issuer and audience' },
  '@modelcontextprotocol/sdk': { mcp: true, how: '`auth()`: RFC 9728, registration, refresh' },
  mod_auth_openidc: {
    debian: 'libapache2-mod-auth-openidc',
    gives: 60,
    options: { requirePkce: false },
    notices: { back: '/callback?logout=backchannel', front: '/callback?logout=get' },
    how: 'Apache; `OIDCRefreshAccessTokenBeforeExpiry 1 logout_on_error`',
  },
  'oidc-agent': {
    debian: 'oidc-agent-cli',
    device: true,
    options: { anyRedirectUri: true },
    how: '`oidc-gen --no-save` signs in, `oidc-token` refreshes, `oidc-add --remove-all` signs out; it always asks for openid, and looks at no ID token',
  },
  'python3-authlib': {
    debian: 'python3-authlib',
    how: '`OAuth2Session` and `CodeIDToken`; the application refreshes, and compares the subject',
  },
};

const folder = join(root, 'out', 'clients');
// Not by `import.meta.url`: the tests bundle this file.
const own = join(root, 'test', 'torture', 'clients');

/** `npm run torture:clients` tests popular clients from npm, unpatched, and writes the results to docs/clients.md. */
async function main() {
  const since = performance.now();
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { scenario: { type: 'string' } } });
  const chosen = Object.entries(rows).filter(([name]) => positionals.length === 0 || positionals.includes(name));
  await ensureDependencies();
  await install();
  /** @type {Package} */
  const mockIssuer = await import(pathToFileURL(join(folder, 'node_modules', 'mock-issuer', 'dist', 'index.js')).href);
  const file = join(root, 'docs', 'clients.md');
  const reports = reportsOf(await readFile(file, 'utf8'));
  for (const [name, row] of chosen) {
    const began = performance.now();
    const version = await versionOf(name);
    if (version === undefined) {
      console.log(`${name}: left out, as Debian's package ${row.debian} is not installed here.`);
      continue;
    }
    const report = await tryOut(mockIssuer, name, values.scenario === undefined ? undefined : [values.scenario]);
    reports[name] = { ...report, version };
    const { counts, results } = report;
    console.log(
      `${name} (${elapsed(began)}): ${Object.entries(counts)
        .map(([verdict, n]) => `${n} ${verdict}`)
        .join(', ')}`,
    );
    for (const { id, verdict, detail } of results)
      if (verdict !== 'pass' && (verdict !== 'not exercised' || positionals.length > 0))
        console.log(`  ${verdict}: ${id}: ${detail}`);
  }
  if (values.scenario === undefined) {
    const document = await readFile(file, 'utf8');
    await writeFile(
      file,
      document.replace(measured, (_, head, __, end) => `${head}${tablesOf(reports)}\n${end}`),
    );
  }
  console.log(`All of it took ${elapsed(since)}.`);
}

/** Its version, or undefined if it is not installed. @param {string} name @returns {Promise<string | undefined>} */
export async function versionOf(name) {
  const { debian, package: of = name } = rows[name] ?? {};
  if (debian === undefined) return JSON.parse(await readFile(join(own, 'clients.json'), 'utf8')).dependencies[of];
  return promisify(execFile)('dpkg', ['--status', debian]).then(
    ({ stdout }) => (/^Status: .* installed$/m.test(stdout) ? /^Version: (.+)$/m.exec(stdout)?.[1] : undefined),
    () => undefined,
  );
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = Object(server.address());
  server.close();
  return port;
}

/** Installs the exact versions of the clients, the applications around them, and the package as it is published. */
export async function install() {
  await mkdir(folder, { recursive: true });
  const wanted = await readFile(join(own, 'clients.json'), 'utf8');
  const installed = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '');
  await writeFile(join(folder, 'package.json'), wanted);
  for (const name of ['host.mjs', 'libraries.mjs', 'frameworks.mjs', 'pages.mjs', 'debian.mjs', 'authlib_app.py'])
    await copyFile(join(own, name), join(folder, name));
  const tarball = await packageMock(folder);
  const options = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--prefer-offline'];
  // next-auth works without Next.js, which is larger than all clients together.
  options.push('--legacy-peer-deps');
  if (installed !== wanted) await npm(['install', ...options], folder);
  await npm(['install', '--no-save', ...options, tarball], folder);
}

/** @param {Package} mockIssuer @param {string} name @param {readonly string[]} [scenarios] @returns {Promise<TortureReport>} */
export async function tryOut({ startMockIssuer, torture, selfSignedCertificate }, name, scenarios) {
  const row = rows[name] ?? { how: '' };
  const port = await freePort();
  /** @param {string | undefined} path */
  const told = path => path && `http://127.0.0.1:${port}${path}`;
  const [back, front] = [told(row.notices?.back), told(row.notices?.front)];
  const client = row.client ?? {
    client_id: 'web',
    client_secret: 'of-a-test-alone',
    token_endpoint_auth_method: row.post ? 'client_secret_post' : 'client_secret_basic',
    redirect_uris: ['callback', 'auth/callback/mock', 'api/auth/callback/mock'].map(path => `http://127.0.0.1/${path}`),
    post_logout_redirect_uris: ['http://127.0.0.1/'],
    ...(back !== undefined && { backchannel_logout_uri: back }),
    ...(front !== undefined && { frontchannel_logout_uri: front }),
  };
  const tls = row.tls && selfSignedCertificate(['localhost'], Date.now());
  const options = { ...row.options, signIn: /** @type {const} */ ('auto'), clients: [client] };
  const issuers = row.second && [{ ...options, path: '/second' }];
  const mock = await startMockIssuer({ ...options, ...(issuers && { issuers }), ...(tls && { tls }) });
  const certificate = join(folder, 'certificate.pem');
  if (tls) await writeFile(certificate, tls.cert);
  const child = spawn(process.execPath, ['host.mjs', name], {
    cwd: folder,
    stdio: ['pipe', 'pipe', process.env.DEBUG ? 'inherit' : 'ignore'],
    env: {
      ...process.env,
      ISSUER: mock.issuer,
      PORT: String(port),
      ...(issuers && { SECOND: mock.issuers[1]?.issuer }),
      CLIENT_ID: client.client_id,
      ...(client.client_secret !== undefined && { CLIENT_SECRET: client.client_secret }),
      ...(tls && { NODE_EXTRA_CA_CERTS: certificate }),
    },
  });
  const browser = row.page && (await launch());
  try {
    const line = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      child.once('exit', code => reject(new Error(`${name} ended with ${code}`)));
    });
    const { origin } = JSON.parse(line);
    return await torture(mock, {
      start: `${origin}/login`,
      ...(browser ? { driver: driverOf(browser) } : { signedIn: `${origin}/me`, logout: `${origin}/logout` }),
      ...(row.mcp && { mcp: true }),
      ...(row.api && { resource: `${origin}/api`, scenarios: ['resource'] }),
      ...(row.second && { secondStart: `${origin}/second` }),
      ...(row.device && { device: `${origin}/device` }),
      ...(scenarios !== undefined && { scenarios }),
      // More than the client's own timeout, so that one that has a timeout does not look like one that has none.
      patience: row.gives === undefined ? (browser ? 15_000 : 8_000) : (row.gives + 5) * 1_000,
    });
  } finally {
    child.stdin.end();
    await browser?.close();
    await mock.close();
  }
}

async function launch() {
  const { chromium } = await import('playwright-core');
  const { ensureVSCodeFromNpm } = await import('../../../scripts/lib/vscode-from-npm.mjs');
  const { browser } = await ensureVSCodeFromNpm();
  return chromium.launch({
    ...(browser
      ? { executablePath: browser.executablePath, env: { ...process.env, ...browser.env } }
      : { channel: 'chrome' }),
    args: ['--no-sandbox', '--disable-gpu'],
  });
}

const marks = { pass: '✓', fail: '**✗**', warning: '!', 'not exercised': '–', 'not judged': '?', hung: '**…**' };
const verdicts = /** @type {import('../../../src/mock/torture/torture.ts').Verdict[]} */ (Object.keys(marks));
const measured = /(<!-- measured -->\n)([\s\S]*?)\n(<!-- end -->)/;

/** Which tables belong to which text. @param {string} table @returns {string[][]} its cells, without its head */
const cellsOf = table =>
  table
    .split('\n')
    .filter(line => line.startsWith('|'))
    .slice(2)
    .map(line => line.slice(2, -2).split(' | '));

/**
 * The results in the tables of docs/clients.md, which keep those of clients that are not tested again.
 * @param {string} document @returns {Record<string, Measured>}
 */
export function reportsOf(document) {
  const [summary = '', matrix = '', failures = ''] = (measured.exec(document)?.[2] ?? '').split('\n\n| ');
  const cells = cellsOf(`| ${matrix}`);
  const seen = cellsOf(`| ${failures}`);
  return Object.fromEntries(
    cellsOf(summary).map(([, versioned = ''], index) => {
      const results = cells.flatMap(([id = '', ...signs]) => {
        const verdict = verdicts.find(each => marks[each] === signs[index]) ?? 'not exercised';
        const failure = seen.find(([of, scenario]) => of === versioned && scenario === id);
        const [, , detail, section = ''] = failure ?? [];
        return [{ id: id.slice(1, -1), verdict, section, ...(detail !== undefined && { detail }) }];
      });
      const end = versioned.lastIndexOf(' ');
      return [versioned.slice(0, end), { version: versioned.slice(end + 1), results }];
    }),
  );
}

/** @param {Record<string, Measured>} reports */
export function tablesOf(reports) {
  const names = Object.keys(rows).filter(name => name in reports);
  /** @param {string} name */
  const resultsOf = name => reports[name]?.results ?? [];
  /** @param {string} name @param {string} id */
  const verdictOf = (name, id) => resultsOf(name).find(each => each.id === id)?.verdict ?? 'not exercised';
  /** @param {string} name */
  const versioned = name => `${name} ${reports[name]?.version}`;
  const summary = names.map((name, index) => {
    const of = /** @param {string} verdict */ verdict => resultsOf(name).filter(each => each.verdict === verdict);
    const isOfIdToken = /** @param {{ id: string }} result */ ({ id }) => id.startsWith('id-token.');
    const [passed, all] = [of('pass'), ['pass', 'fail', 'warning', 'hung'].flatMap(of)].map(
      results => results.filter(isOfIdToken).length,
    );
    const verify = all === 0 ? '–' : `${passed} of ${all}`;
    const cells = ['sign-in', 'refresh.rotation', 'logout.ends'].map(id => marks[verdictOf(name, id)]);
    const counts = ['pass', 'fail', 'warning', 'hung'].map(verdict => of(verdict).length);
    return `| ${[index + 1, versioned(name), rows[name]?.how, ...cells, verify, ...counts].join(' | ')} |`;
  });
  const ids = [...new Set(names.flatMap(name => resultsOf(name).map(({ id }) => id)))];
  const matrix = ids.map(id => `| \`${id}\` | ${names.map(name => marks[verdictOf(name, id)]).join(' | ')} |`);
  const seen = names.flatMap(name =>
    resultsOf(name)
      .filter(({ verdict }) => verdict === 'fail' || verdict === 'hung')
      .map(({ id, detail, section }) => `| ${versioned(name)} | \`${id}\` | ${detail} | ${section} |`),
  );
  return [
    '| | client | how | sign in | refresh | sign out | ID tokens judged right | pass | fail | warning | hung |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
    ...summary,
    '',
    `| scenario | ${names.map((_, index) => index + 1).join(' | ')} |`,
    `|---|${names.map(() => '---').join('|')}|`,
    ...matrix,
    '',
    '### What failed',
    '',
    ...(seen.length === 0
      ? ['Nothing.']
      : ['| client | scenario | observed | specification |', '|---|---|---|---|', ...seen]),
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) runScript(main);
