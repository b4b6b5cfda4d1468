import { createDiscovery } from '../../../../src/core/issuer/discovery.ts';
import type { Fetch, RedirectAnswer, RedirectPage } from '../../../../src/core/ports.ts';
import { noHandover } from '../../../../src/core/records/journalKeys.ts';
import type { Grant, SignInStep } from '../../../../src/core/signIn/grants.ts';
import { createIssuerClient, type IssuerClient, type SignInResult } from '../../../../src/core/signIn/signIn.ts';
import type { MockIssuerOptions } from '../../../../src/mock/options.ts';
import { createWorld, type Window, type World } from '../refresh/refreshWorld.ts';

/** A world whose window can sign in. The browser is a function, and the listener a list of visits. */
export interface SignInWorld extends World {
  readonly first: Window;
  readonly opened: string[];
  readonly steps: SignInStep[];
  /** The pages that visitors of the listener were shown, in order. */
  readonly pages: RedirectPage[];
  /** Number of open listeners. */
  readonly listening: () => number;
  /** What the browser does with the address. By default it signs in at the mock and returns. */
  browse: (url: string) => Promise<boolean>;
  /** Simulates a request to the listener. */
  visit(parameters: URLSearchParams | Record<string, string>): void;
  client(how?: { fetch?: Fetch | undefined; aheadOf?: (() => number) | undefined }): IssuerClient;
  signIn(how?: {
    grant?: Grant;
    connection?: object;
    signal?: AbortSignal;
    fetch?: Fetch;
    aheadOf?: () => number;
  }): Promise<SignInResult>;
}

export const redirectUri = 'http://127.0.0.1:49152/callback';

export async function signInWorld(options: MockIssuerOptions = {}): Promise<SignInWorld> {
  const world = await createWorld({ signIn: 'auto', ...options });
  const first = world.window();
  const pages: RedirectPage[] = [];
  const steps: SignInStep[] = [];
  const opened: string[] = [];
  let open = 0;
  let visitor: ((parameters: URLSearchParams) => void) | undefined;

  const signInWorld: SignInWorld = Object.assign(world, {
    first,
    opened,
    steps,
    pages,
    listening: () => open,
    browse: async (url: string) => {
      signInWorld.visit((await world.mock.authorize(url)).searchParams);
      return true;
    },
    visit: (parameters: URLSearchParams | Record<string, string>) =>
      visitor ? visitor(new URLSearchParams(parameters)) : pages.push('foreign'),
    client({ fetch, aheadOf }: Parameters<SignInWorld['client']>[0] = {}) {
      const { clock, lock } = world;
      const own: Fetch = fetch ?? ((input, init) => world.mock.fetch(input, init));
      return createIssuerClient({
        clock,
        lock,
        handover: noHandover,
        sessions: first.sessions,
        vault: first.vault,
        fetch: own,
        discovery: createDiscovery({ fetch: own, clock }),
        aheadOf,
        async openBrowser(url) {
          opened.push(url);
          return signInWorld.browse(url);
        },
        async listen({ port }) {
          open++;
          return {
            redirectUri: port === undefined ? redirectUri : redirectUri.replace('49152', String(port)),
            answer: state =>
              new Promise<RedirectAnswer>(resolve => {
                visitor = parameters => {
                  if (parameters.get('state') !== state) return void pages.push('foreign');
                  visitor = undefined;
                  resolve({ parameters, respond: page => pages.push(page) });
                };
              }),
            close() {
              open--;
              visitor = undefined;
            },
          };
        },
      });
    },
    async signIn({
      grant = 'authorization_code',
      connection = {},
      signal,
      ...how
    }: Parameters<SignInWorld['signIn']>[0] = {}) {
      return signInWorld.client(how).signIn({
        connection: { ...world.connection, scope: 'openid offline_access', ...connection },
        grant,
        signal: signal ?? new AbortController().signal,
        tell: step => steps.push(step),
      });
    },
  });
  return signInWorld;
}
