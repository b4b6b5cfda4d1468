import { reasonOf } from '../dpop.ts';
import { aborted } from '../http.ts';
import type { MockServer } from '../nodeServer.ts';
import { refuse } from '../shape.ts';
import {
  fits,
  type Observed,
  observed,
  type Scenario,
  type ScenarioParts,
  type Severity,
  sentenceOf,
  type Target,
} from './rows.ts';
import { scenarios } from './scenarios.ts';
import { createBrowser, send } from './walk.ts';
export type Verdict = 'pass' | 'fail' | 'warning' | 'not exercised' | 'hung';

export interface Result {
  readonly id: string;
  readonly family: string;
  readonly title: string;
  readonly must: string;
  readonly severity: string;
  readonly section: string;
  readonly verdict: Verdict;
  /** Why the verdict is not a pass. */
  readonly detail?: string;
  /** `detail` as data, if it is one of `observations` and not the message of an error. */
  readonly observed?: Observed;
  readonly milliseconds: number;
}

export interface TortureReport {
  readonly start: string;
  readonly results: readonly Result[];
  readonly counts: Readonly<Record<Verdict, number>>;
}

export interface TortureOptions extends Target {
  /** Ids of scenarios or prefixes of ids; the default is all applicable scenarios. */
  readonly scenarios?: readonly string[];
  /** Timeout of one request of the visitor in milliseconds; 5,000 by default. */
  readonly patience?: number;
  /**
   * How many times faster than real time the client's clock runs. 1 by default, because the test cannot move the
   * client's clock.
   */
  readonly pace?: number;
  /** Restricts the addresses that the client can send the visitor to; any address by default. */
  readonly allows?: (url: URL) => boolean;
  readonly signal?: AbortSignal;
  readonly onResult?: (result: Result, index: number, count: number) => void;
  /** Called once with the chosen scenarios, in order. */
  readonly onStart?: (chosen: readonly Scenario[]) => void;
}

/**
 * Tests a client that is configured with this issuer. Each scenario starts with the issuer in its initial state and a
 * fresh browser.
 * @throws MockOptionError if no scenario has one of these ids
 */
export async function torture(mock: MockServer, options: TortureOptions): Promise<TortureReport> {
  const { scenarios: wanted = [], patience = 5_000, pace = 1, signal, onResult } = options;
  const unknown = wanted.find(name => !scenarios.some(({ id }) => isOf(name, id)));
  if (unknown !== undefined) refuse('scenario', `one of ${scenarios.map(({ id }) => id).join(', ')}`);
  const chosen = scenarios
    .filter(({ id }) => wanted.length === 0 || wanted.some(name => isOf(name, id)))
    .filter(({ needs }) => fits(needs, options, mock));
  const results: Result[] = [];
  options.onStart?.(chosen);
  for (const [index, scenario] of chosen.entries()) {
    signal?.throwIfAborted();
    const played = await play(mock, options, scenario, patience, pace);
    const result = isRefusalOfAll(played, scenario, results) ? { ...played, ...noSignIn } : played;
    results.push(result);
    onResult?.(result, index, chosen.length);
  }
  mock.reset();
  const count = (verdict: Verdict) => results.filter(each => each.verdict === verdict).length;
  const counts = {
    pass: count('pass'),
    fail: count('fail'),
    warning: count('warning'),
    'not exercised': count('not exercised'),
    hung: count('hung'),
  };
  return { start: options.start, results, counts };
}

const told = (observed: Observed) => ({ detail: sentenceOf(observed), observed });

const noSignIn = { verdict: 'not exercised', ...told(observed('the client does not sign in')) } as const;

/** A client that does not even sign in with a right answer refuses wrong ones too, which is no pass. */
function isRefusalOfAll({ verdict }: Result, { must, needs }: Scenario, before: readonly Result[]): boolean {
  const ownWay = needs === 'resource' || needs === 'device';
  const signIn = before.find(({ id }) => id === 'sign-in');
  return verdict === 'pass' && must === 'refuse' && !ownWay && signIn !== undefined && signIn.verdict !== 'pass';
}

const isOf = (name: string, id: string) => id === name || id.startsWith(`${name}.`);

interface SeenOfAll {
  readonly ok: boolean;
  readonly detail: Observed;
  readonly severity: Severity;
  readonly notExercised: Observed;
}

async function play(
  mock: MockServer,
  target: TortureOptions,
  scenario: Scenario,
  patience: number,
  pace: number,
): Promise<Result> {
  const { id, family, title, must, severity, section } = scenario;
  mock.reset(scenario.options?.(mock));
  mock.setSignIn('auto');
  const began = mock.requestsSince(0).next;
  // Requests to the mock's https address are handled in process, because the visitor does not trust its certificate.
  const { origin, protocol } = new URL(mock.issuer);
  const inProcess = (url: URL) =>
    protocol === 'https:' && url.origin === origin ? mock.issuers.find(each => each.serves(url.pathname)) : undefined;
  const browser = createBrowser(patience, async (url, init) => {
    if (target.allows?.(url) === false) throw new Error(`the client sent the visitor to ${url.host}`);
    return inProcess(url)?.fetch(url, { ...init, redirect: 'manual' }) ?? send(url, init);
  });
  const second = 1_000 / pace;
  const { start, signedIn, driver } = target;
  const isIn = async () => {
    const { status } = await browser.look(signedIn ?? start);
    return status >= 200 && status < 300;
  };
  const bench: ScenarioParts = {
    mock,
    target,
    browser,
    isSignedIn: () => (driver === undefined ? isIn() : inTime(driver.isSignedIn(), patience)),
    async signIn() {
      if (driver !== undefined) return inTime(driver.signIn(start), patience);
      browser.forget();
      const page = await browser.visit(start);
      return signedIn === undefined ? page.status < 400 : isIn();
    },
    async signOut() {
      if (driver === undefined) await browser.visit(target.logout ?? '');
      else await inTime(driver.signOut(), patience);
    },
    pass: (seconds = 1) => new Promise(resolve => setTimeout(resolve, (seconds + 0.1) * second)),
    second,
    patience,
    requests: () => mock.requestsSince(began).requests,
  };
  const since = performance.now();
  const row = { id, family, title, must, severity, section };
  const seen = await scenario.run(bench).catch((error: unknown) => error);
  const milliseconds = Math.round(performance.now() - since);
  if (seen instanceof Error) {
    if (seen.name === 'TimeoutError')
      return { ...row, verdict: 'hung', ...told(observed('no response within {0} ms', patience)), milliseconds };
    // The client closed the connection to its visitor. It did not sign in, but gave no reason either.
    return { ...row, verdict: severity === 'must' ? 'fail' : 'warning', detail: reasonOf(seen), milliseconds };
  }
  const { ok, detail, notExercised, severity: ofThis = severity } = Object(seen) as Partial<SeenOfAll>;
  if (notExercised !== undefined) return { ...row, verdict: 'not exercised', ...told(notExercised), milliseconds };
  if (ok) return { ...row, verdict: 'pass', milliseconds };
  return {
    ...row,
    verdict: ofThis === 'must' ? 'fail' : 'warning',
    ...(detail !== undefined && told(detail)),
    milliseconds,
  };
}

async function inTime<T>(work: Promise<T>, patience: number): Promise<T> {
  return Promise.race([work, aborted(AbortSignal.timeout(patience))]);
}

/** A result that differs from an accepted report. */
export interface Change {
  readonly id: string;
  readonly verdict: Verdict;
  /** Its verdict in the accepted report; undefined if the scenario is not in it. */
  readonly accepted: string | undefined;
}

export interface Comparison {
  readonly worse: readonly Change[];
  readonly better: readonly Change[];
}

/**
 * Compares with the verdicts of an accepted report. A change that is no improvement counts as worse, also one from one
 * failure to another or to `not exercised`, because nobody has accepted it.
 */
export function compareWith(accepted: Readonly<Record<string, string>>, report: TortureReport): Comparison {
  const changes = report.results
    .map(({ id, verdict }) => ({ id, verdict, accepted: accepted[id] }))
    .filter(({ verdict, accepted }) => verdict !== accepted);
  return {
    worse: changes.filter(change => !isBetter(change)),
    better: changes.filter(isBetter),
  };
}

function isBetter({ verdict, accepted }: Change): boolean {
  return verdict === 'pass' || (verdict === 'warning' && (accepted === 'fail' || accepted === 'hung'));
}
