import assert from 'node:assert/strict';
import type { Fault } from '../../src/mock/faults.ts';
import { type MockServer, type MockServerOptions, startMockServer } from '../../src/mock/nodeServer.ts';
import type { RequestLogEntry } from '../../src/mock/requestLog.ts';
import type { UiWindow } from './harness.ts';

/** A connection to the test's own issuer, which ends a token's whole family when an old token is sent again. */
export interface Shop {
  readonly label: string;
  readonly mock: MockServer;
  /** The requests that contained a refresh token. */
  refreshes(): readonly RequestLogEntry[];
  /** Signs in at the issuer and imports the tokens through the clipboard. */
  signIn(window: UiWindow): Promise<void>;
  row(window: UiWindow): ReturnType<UiWindow['treeItem']>;
  /** Expands the connection and waits until the window shows this generation of its refresh token. */
  shows(window: UiWindow, generation: number): Promise<void>;
  refresh(window: UiWindow): Promise<void>;
  /** The next token request gets this fault, and the mock's clock stops until `release`. */
  hold(fault: Fault): void;
  release(): void;
}

/**
 * Starts the issuer and adds the connection to the user's settings. They are read when the first window opens, so call
 * this in a `before` above `useWorkbench`.
 */
export async function openShop(
  userSettings: Record<string, unknown>,
  label: string,
  options: MockServerOptions = {},
): Promise<Shop> {
  const mock = await startMockServer({ alg: 'ES256', rotation: 'strict', ...options });
  const others = userSettings['jwtWorkbench.connections'];
  const connection = { id: label.toLowerCase(), label, issuer: mock.issuer, clientId: 'demo' };
  userSettings['jwtWorkbench.connections'] = [...(Array.isArray(others) ? others : []), connection];

  const row = (window: UiWindow) => window.page.locator(`[role=treeitem][aria-label^="Connection ${label}"]`).first();
  return {
    label,
    mock,
    row,
    refreshes: () => mock.requests.filter(({ grant_type }) => grant_type === 'refresh_token'),
    async signIn(window) {
      const tokens = JSON.stringify(await mock.issueTokens({ clientId: 'demo' }));
      await reveal(window, row(window));
      await window.page.evaluate(text => navigator.clipboard.writeText(text), tokens);
      await window.runCommand('JWT Workbench: Import Tokens...', 'Clipboard', label);
    },
    async shows(window, generation) {
      await show(window, row(window));
      const shown = `Refresh token.*generation ${generation}\\b`;
      await window.page.waitForFunction(hasRowBelow, { connection: `Connection ${label}`, shown });
    },
    async refresh(window) {
      await reveal(window, row(window));
      await window.treeAction(row(window), 'Refresh Access Token');
    },
    hold(fault) {
      mock.clock.freeze();
      mock.faults.next(1, fault);
    },
    release() {
      mock.clock.resume();
      mock.clock.wakeAll();
    },
  };
}

/**
 * Runs in the page: whether a row of this connection matches. Other connections have a row for their refresh token, too,
 * which may be of the same generation.
 */
function hasRowBelow({ connection, shown }: { connection: string; shown: string }): boolean {
  const numberOf = (row: Element, name: string) => Number(row.getAttribute(name));
  const rows = [...document.querySelectorAll('.part.sidebar .monaco-list-row')].sort(
    (one, other) => numberOf(one, 'data-index') - numberOf(other, 'data-index'),
  );
  const first = rows.findIndex(row => row.getAttribute('aria-label')?.startsWith(connection));
  const top = rows[first];
  if (top === undefined) return false;
  const below = rows.slice(first + 1);
  const next = below.findIndex(row => numberOf(row, 'aria-level') <= numberOf(top, 'aria-level'));
  const own = next < 0 ? below : below.slice(0, next);
  return own.some(row => new RegExp(shown).test(row.textContent ?? ''));
}

async function show(window: UiWindow, row: ReturnType<Shop['row']>): Promise<void> {
  await reveal(window, row);
  await window.expand(row);
}

/** A window that has just loaded may open the side bar by itself, and a click would then close it. */
export async function reveal(window: UiWindow, row: ReturnType<Shop['row']>): Promise<void> {
  for (;;) {
    await window.openContainer('JWT Workbench');
    const isThere = await row.waitFor({ timeout: 3000 }).then(
      () => true,
      () => false,
    );
    if (isThere) return;
  }
}

/** Asserts that each token was sent once and accepted. */
export function assertEachSentOnce(requests: readonly RequestLogEntry[]): void {
  assert.deepEqual([...new Set(requests.map(({ status }) => status))], [200]);
  const sent = requests.map(({ refresh_token }) => refresh_token);
  assert.equal(new Set(sent).size, sent.length, 'no refresh token is sent twice');
}

/** The test's own timeout ends the wait. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 20));
}
