import { reasonOf } from '../dpop.ts';
import { aborted } from '../http.ts';
import type { MockServer } from '../nodeServer.ts';
import type { RequestLogEntry } from '../requestLog.ts';
import { refuse } from '../shape.ts';
import { NoResponse, type Pulse, patienceOf, takePulse } from './lateness.ts';
import { type Observed, observed, type ScenarioOutcome, sentenceOf, stoodStill, surely } from './outcome.ts';
import { type Control, controls, fits, type Scenario, type ScenarioParts, type Target } from './rows.ts';
import { scenarios } from './scenarios.ts';
import { createBrowser, send, sendAsScript } from './walk.ts';
export const verdicts = ['pass', 'fail', 'warning', 'not exercised', 'not judged', 'hung'] as const;
export type Verdict = (typeof verdicts)[number];

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
  /** Starts to measure how long this process stands still; by timers by default. */
  readonly takePulse?: () => Pulse;
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
  /** Results of scenarios that others need and that were not chosen. */
  const unlisted = new Map<Control, Result>();
  const doubtOf = async ({ id, control }: Scenario, played: Result): Promise<Partial<Result> | undefined> => {
    if (control === undefined || control === id) return undefined;
    const isPass = played.verdict === 'pass';
    const isFailure = played.verdict === 'fail' || played.verdict === 'warning';
    if (!isPass && (!isFailure || surely(played.observed))) return undefined;
    const row = scenarios.find(each => each.id === control);
    let result = results.find(each => each.id === control) ?? unlisted.get(control);
    // Not played after a failure: the control could fail for the same reason, such as keys that the client still has.
    if (result === undefined && row !== undefined && isPass) {
      result = await judge(mock, options, row, patience, pace);
      unlisted.set(control, result);
    }
    if (result?.verdict === 'pass') return undefined;
    // A failure that the client had with a valid response too has another cause.
    if (!isPass && played.detail !== result?.detail) return undefined;
    // A control that could not be judged says nothing about the client either.
    if (result?.verdict === 'not judged')
      return { verdict: 'not judged', ...(result.observed && told(result.observed)) };
    return { verdict: 'not exercised', ...told(observed(controls[control])) };
  };
  options.onStart?.(chosen);
  for (const [index, scenario] of chosen.entries()) {
    signal?.throwIfAborted();
    const played = await judge(mock, options, scenario, patience, pace);
    const doubt = await doubtOf(scenario, played);
    const result = { ...played, ...doubt };
    results.push(result);
    onResult?.(result, index, chosen.length);
  }
  mock.reset();
  return { start: options.start, results, counts: countsOf(results) };
}

function countsOf(results: readonly Result[]): TortureReport['counts'] {
  const count = (verdict: Verdict) => results.filter(each => each.verdict === verdict).length;
  return Object.fromEntries(verdicts.map(verdict => [verdict, count(verdict)])) as Record<Verdict, number>;
}

const told = (observed: Observed) => ({ detail: sentenceOf(observed), observed });

const isOf = (name: string, id: string) => id === name || id.startsWith(`${name}.`);

/** Milliseconds lost within one second that can do harm: a client with a timeout of half a second gives up its request. */
const harmful = 400;
const maxPlays = 4;

/**
 * Plays a scenario, and again if the client did not pass although this process stood still meanwhile: what lateness may
 * have caused does not count, but only what the client did by itself. If only the client was late, which may be its own
 * way, it must fail twice.
 */
async function judge(...play: Parameters<typeof playOnce>): Promise<Result> {
  /** What was lost when a play spoke against the client. */
  let doubt: number | undefined;
  let ofLateClient: Result | undefined;
  for (let plays = 1; ; plays += 1) {
    const { worst, slowest, ...result } = await playOnce(...play);
    if (result.verdict === 'pass' || surely(result.observed)) return result;
    const isLate = worst >= harmful;
    const isAgainst = result.verdict !== 'not exercised' && result.verdict !== 'not judged';
    if (isAgainst && isLate) doubt ??= worst;
    if (isAgainst && !isLate) {
      if (slowest < harmful || ofLateClient !== undefined) return result;
      ofLateClient = result;
    }
    const isUnclear = isLate || result.verdict === 'not judged' || ofLateClient === result;
    if (plays < maxPlays && isUnclear) continue;
    // A play may change what the client knows, such as its keys, so that the next one does not reach what is tested. The
    // failure of the client that was late counts then.
    if (doubt === undefined) return ofLateClient ?? result;
    return { ...result, verdict: 'not judged', ...told(stoodStill(doubt).notJudged) };
  }
}

async function playOnce(
  mock: MockServer,
  target: TortureOptions,
  scenario: Scenario,
  patience: number,
  pace: number,
): Promise<Result & Readonly<Record<'worst' | 'slowest', number>>> {
  const { id, family, title, must, severity, section } = scenario;
  mock.reset(scenario.options?.(mock));
  mock.setSignIn('auto');
  const pulse = (target.takePulse ?? takePulse)();
  // The log has a limit, which the other visitors of a busy client may reach.
  let { next } = mock.requestsSince(0);
  const requests: RequestLogEntry[] = [];
  const stop = mock.watchRequests(() => {
    const since = mock.requestsSince(next);
    next = since.next;
    requests.push(...since.requests);
  });
  // Requests to the mock's https address are handled in process, because the visitor does not trust its certificate.
  const { origin, protocol } = new URL(mock.issuer);
  const inProcess = (url: URL) =>
    protocol === 'https:' && url.origin === origin ? mock.issuers.find(each => each.serves(url.pathname)) : undefined;
  const browser = createBrowser(patience, async (url, init) => {
    if (target.allows?.(url) === false) throw new Error(`the client sent the visitor to ${url.host}`);
    return inProcess(url)?.fetch(url, { ...init, redirect: 'manual' }) ?? pulse.during(send(url, init));
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
    isSignedIn: () => (driver === undefined ? isIn() : pulse.during(inTime(driver.isSignedIn(), patience))),
    async signIn() {
      if (driver !== undefined) return pulse.during(inTime(driver.signIn(start), patience));
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
    send(url, init, longer = 0) {
      const sent = sendAsScript(url, init, patienceOf(patience + longer));
      // A device takes its time.
      return longer > 0 ? sent : pulse.during(sent);
    },
    lost: pulse.lost,
    requests: () => requests,
  };
  const since = performance.now();
  const row = { id, family, title, must, severity, section };
  const seen = await scenario.run(bench).catch((error: unknown) => Object(error) as Error);
  const milliseconds = Math.round(performance.now() - since);
  const [worst, slowest] = [pulse.worst(), pulse.slowest()];
  pulse.stop();
  stop();
  return { ...row, ...verdictOf(seen, scenario), milliseconds, worst, slowest };
}

function verdictOf(
  seen: ScenarioOutcome | Error,
  { severity }: Scenario,
): Pick<Result, 'verdict' | 'detail' | 'observed'> {
  const violation = (of = severity) => (of === 'must' ? 'fail' : 'warning');
  if ('notJudged' in seen) return { verdict: 'not judged', ...told(seen.notJudged) };
  if ('notExercised' in seen) return { verdict: 'not exercised', ...told(seen.notExercised) };
  if ('by' in seen) return { verdict: 'pass' };
  if ('ok' in seen) return { verdict: violation(seen.severity), ...told(seen.detail) };
  if (seen instanceof NoResponse)
    return { verdict: 'hung', ...told(observed('no response within {0} ms', seen.milliseconds)) };
  // The client closed the connection to its visitor. It did not sign in, but gave no reason either.
  return { verdict: violation(), detail: reasonOf(seen) };
}

/** A driver's work. What drives a browser has a timeout of its own, which may end before the patience. */
function inTime<T>(work: Promise<T>, patience: number): Promise<T> {
  const since = performance.now();
  const walked = work.catch((error: unknown) => {
    const tenths = Math.round((performance.now() - since) / 100);
    throw Object(error).name === 'TimeoutError' ? new NoResponse(tenths * 100) : error;
  });
  return Promise.race([walked, aborted(patienceOf(patience))]);
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
  readonly unjudged: readonly Change[];
}

/**
 * Compares with the verdicts of an accepted report. A change that is no improvement counts as worse, also one from one
 * failure to another or to `not exercised`, because nobody has accepted it. `not judged` counts as neither.
 */
export function compareWith(accepted: Readonly<Record<string, string>>, report: TortureReport): Comparison {
  const changes = report.results
    .map(({ id, verdict }) => ({ id, verdict, accepted: accepted[id] }))
    .filter(({ verdict, accepted }) => verdict !== accepted);
  const judged = changes.filter(({ verdict }) => verdict !== 'not judged');
  return {
    worse: judged.filter(change => !isBetter(change)),
    better: judged.filter(isBetter),
    unjudged: changes.filter(({ verdict }) => verdict === 'not judged'),
  };
}

function isBetter({ verdict, accepted }: Change): boolean {
  return verdict === 'pass' || (verdict === 'warning' && (accepted === 'fail' || accepted === 'hung'));
}
