import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { reasonOf } from '../dpop.ts';
import type { MockServerOptions } from '../nodeServer.ts';
import { startMockServer } from '../nodeServer.ts';
import { refuse } from '../shape.ts';
import type { Format } from './report.ts';
import { differences, formats, table, visible } from './report.ts';
import type { Driver } from './rows.ts';
import { type Comparison, compareWith, type TortureReport, torture } from './torture.ts';

const tortureUsage = `mock-issuer torture: tests a client that is configured with this issuer

  mock-issuer torture --start URL [--signed-in URL] [--logout URL] [--resource URL] [--driver FILE]
                      [--second-start URL] [--device URL] [--mcp]
                      [--config FILE] [--port N] [--scenario ID]... [--patience MS]
                      [--html FILE] [--junit FILE] [--sarif FILE] [--json FILE]
                      [--expect FILE] [--allow-unjudged] [--wait]

--start      URL that starts the client's sign-in; a simulated visitor follows it
--signed-in  URL that responds with 200 if the visitor is signed in, and with 401, 403 or a redirect if not
--driver     a module with signIn(start), isSignedIn() and signOut(), for clients that need a browser with scripts
--second-start  URL that starts a sign-in with the second of the config's issuers, for a client that uses both
--device     URL that starts a sign-in by device code and responds when it has ended: with 200 if a user is signed in
--mcp        the client is an MCP (Model Context Protocol) client, whose server is the mock's API
--wait       starts the issuer and waits for a line on standard input before the first scenario, so that the client can start
--expect     an accepted JSON report: the exit code is 1 only if a verdict is worse than in it; what is better is listed too
--allow-unjudged  does not let the exit code be 3
The exit code is 1 if a scenario fails or hangs. If none does, it is 3 if this machine was too busy to judge a scenario.`;

export interface TortureShell {
  readonly write: (line: string) => void;
  readonly warn: (line: string) => void;
  /** Resolves with the next line of the input. */
  readonly line: () => Promise<void>;
}

/** @returns the exit code */
export async function tortureMain(
  argv: readonly string[],
  shell: TortureShell,
  configOf: (file: string) => Promise<MockServerOptions>,
): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: {
      start: text,
      'signed-in': text,
      logout: text,
      resource: text,
      driver: text,
      'second-start': text,
      device: text,
      mcp: { type: 'boolean' },
      config: text,
      port: text,
      scenario: { type: 'string', multiple: true },
      patience: text,
      html: text,
      junit: text,
      sarif: text,
      json: text,
      expect: text,
      'allow-unjudged': { type: 'boolean', default: false },
      wait: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    shell.write(tortureUsage);
    return 0;
  }
  const start = address('--start', values.start) ?? refuse('--start', 'an http or https URL');
  const config = values.config === undefined ? {} : await configOf(values.config);
  const port = values.port === undefined ? undefined : number('--port', values.port);
  const accepted = values.expect === undefined ? undefined : await baseline(values.expect);
  const driver = values.driver === undefined ? undefined : await driverOf(values.driver);
  const mock = await startMockServer({ ...config, ...(port !== undefined && { port }) });
  try {
    if (values.wait) {
      shell.write(JSON.stringify({ ready: true, issuer: mock.issuer, clients: mock.clients }));
      await shell.line();
    }
    const report = await torture(mock, {
      start,
      signedIn: address('--signed-in', values['signed-in']),
      logout: address('--logout', values.logout),
      resource: address('--resource', values.resource),
      secondStart: address('--second-start', values['second-start']),
      device: address('--device', values.device),
      mcp: values.mcp,
      driver,
      ...(values.scenario && { scenarios: values.scenario }),
      ...(values.patience !== undefined && { patience: number('--patience', values.patience) }),
    });
    shell.write(table(report));
    for (const format of Object.keys(formats) as Format[]) {
      const file = values[format];
      if (file !== undefined) await writeFile(file, formats[format](report));
    }
    const comparison = accepted && compareWith(accepted, report);
    if (comparison) for (const line of differences(comparison)) shell.write(visible(line));
    const code = exitCodeOf(report.counts, comparison);
    return code === 3 && values['allow-unjudged'] ? 0 : code;
  } finally {
    await driver?.close?.();
    await mock.close();
  }
}

/** A build that asks only for the exit code must not take a test that judged nothing for a success. */
export function exitCodeOf(counts: TortureReport['counts'], comparison: Comparison | undefined): 0 | 1 | 3 {
  if ((comparison?.worse.length ?? counts.fail + counts.hung) > 0) return 1;
  return counts['not judged'] > 0 ? 3 : 0;
}

function number(option: string, value: string): number {
  return /^\d+$/.test(value) ? Number(value) : refuse(option, 'a number');
}

function address(option: string, value: string | undefined): string | undefined {
  if (value === undefined || (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol))) return value;
  return refuse(option, 'an http or https URL');
}

async function driverOf(file: string): Promise<Driver> {
  const expected = 'a module that exports the functions signIn, isSignedIn and signOut';
  const module: Partial<Driver> = await import(pathToFileURL(resolve(file)).href).catch(error =>
    refuse('--driver', `${expected} (${reasonOf(error)})`),
  );
  const functions = [module.signIn, module.isSignedIn, module.signOut];
  return functions.every(each => typeof each === 'function') ? (module as Driver) : refuse('--driver', expected);
}

async function baseline(file: string): Promise<Readonly<Record<string, string>>> {
  try {
    const { results }: { results: { id: string; verdict: string }[] } = JSON.parse(await readFile(file, 'utf8'));
    return Object.fromEntries(results.map(({ id, verdict }) => [id, verdict]));
  } catch {
    return refuse('--expect', 'a report of torture as JSON');
  }
}
