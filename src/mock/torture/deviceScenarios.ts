import type { MockIssuerOptions } from '../options.ts';
import { deviceCodeGrant } from '../registry.ts';
import { NoResponse } from './lateness.ts';
import { failed, type Must, notExercised, passed, type ScenarioOutcome, stoodStill } from './outcome.ts';
import type { Scenario, ScenarioOf, ScenarioParts } from './rows.ts';

const pollsOf = ({ requests }: ScenarioParts) => requests().filter(({ form }) => form?.grant_type === deviceCodeGrant);

/**
 * Signs in by device code. Once the client has got this error, the user approves. Resolves with the status of the
 * client's response, or that none came within these seconds.
 */
async function byDevice(bench: ScenarioParts, error?: string, seconds = 10): Promise<number | NoResponse> {
  const { mock, target, send, second } = bench;
  mock.setFault({ type: 'member', name: 'interval', value: 1, at: 'device_authorization' });
  const ended = send(target.device ?? '', {}, seconds * second).catch((reason: unknown) => {
    if (reason instanceof NoResponse) return reason;
    throw reason;
  });
  if (error === undefined) return ended;
  mock.setSignIn('page');
  const stop = mock.watchRequests(entry => {
    if (entry.grant_type === deviceCodeGrant && entry.error === error) mock.setSignIn('auto');
  });
  return ended.finally(stop);
}

const device = <M extends Must>(
  words: Pick<ScenarioOf<M>, 'id' | 'title' | 'must' | 'section'>,
  run: (bench: ScenarioParts) => Promise<ScenarioOutcome<M>>,
  // The mock accepts polls at any rate. The request log shows whether the client kept the interval.
  options: MockIssuerOptions = { deviceInterval: 0 },
) => ({
  ...words,
  family: 'device' as const,
  severity: 'must' as const,
  needs: 'device' as const,
  control: 'device.good' as const,
  options: () => options,
  async run(bench: ScenarioParts): Promise<ScenarioOutcome<M>> {
    const seen = await run(bench);
    return pollsOf(bench).length === 0 ? notExercised('the client did not poll for the tokens of a device code') : seen;
  },
});

/** Milliseconds from each poll to the next one for the same device: a client may wait for several devices at once. */
const gaps = (bench: ScenarioParts) => {
  const polls = pollsOf(bench);
  return polls.flatMap((poll, i) => {
    const next = polls.slice(i + 1).find(({ form }) => form?.device_code === poll.form?.device_code);
    return next === undefined ? [] : [{ after: poll.error, gap: next.time - poll.time }];
  });
};

/** The client may poll again only this many seconds after this error. Also resolves with the status of its response. */
async function keepsInterval(
  bench: ScenarioParts,
  error: string,
  seconds: number,
): Promise<{ readonly status: number | NoResponse; readonly seen: ScenarioOutcome<'wait'> }> {
  const { second, pass, lost } = bench;
  const status = await byDevice(bench, error, 2 * seconds + 8);
  const shortest = () => Math.min(...gaps(bench).flatMap(({ after, gap }) => (after === error ? [gap] : [])));
  // If another device of the client got the error, it polls again in its own time.
  for (let i = 0; status === 200 && shortest() === Number.POSITIVE_INFINITY && i <= seconds; i += 1) await pass();
  const measured = shortest();
  if (measured === Number.POSITIVE_INFINITY) return { status, seen: notExercised('the client did not poll again') };
  const least = (seconds - 0.1) * second;
  if (measured >= least) return { status, seen: { ok: true, by: { measured } } };
  // If this process stood still and read the first poll late, the interval seems shorter than it was.
  const isSure = measured + lost() < least;
  return { status, seen: isSure ? failed('the client polled again after {0} ms', measured) : stoodStill(lost()) };
}

const refusedDevice =
  (error: string, answer: (bench: ScenarioParts) => void) =>
  async (bench: ScenarioParts): Promise<ScenarioOutcome<'refuse'>> => {
    answer(bench);
    const status = await byDevice(bench);
    if (status instanceof NoResponse) {
      // A client that does not respond may only be slow. A poll after the error shows that it goes on.
      if (gaps(bench).some(({ after }) => after === error)) return failed('the client keeps polling');
      throw status;
    }
    if (status < 400) return failed('the client signed the user in');
    const refused = pollsOf(bench).find(poll => poll.error === error);
    return passed(refused, 'the client did not receive the error {0}', error);
  };

/** Scenarios of the sign-in by device code. */
export const deviceScenarios: readonly Scenario[] = [
  device(
    {
      id: 'device.good',
      title: 'The user approves: the client signs the user in',
      must: 'accept',
      section: 'RFC 8628 section 3.5',
    },
    async bench => {
      const status = await byDevice(bench);
      if (status instanceof NoResponse) throw status;
      const approved = pollsOf(bench).find(poll => poll.status === 200);
      return status === 200
        ? passed(approved, 'the client did not request tokens')
        : failed('the client did not sign the user in');
    },
  ),
  device(
    {
      id: 'device.interval',
      title: 'Authorization pending: the client polls again after the interval',
      must: 'wait',
      section: 'RFC 8628 section 3.5',
    },
    async bench => {
      const { status, seen } = await keepsInterval(bench, 'authorization_pending', 1);
      if (!('by' in seen)) return seen;
      if (status instanceof NoResponse) throw status;
      return status === 200 ? seen : failed('the client did not sign the user in');
    },
  ),
  device(
    {
      id: 'device.slow-down',
      title: 'slow_down: the client adds 5 seconds to its polling interval',
      must: 'wait',
      section: 'RFC 8628 section 3.5',
    },
    async bench => (await keepsInterval(bench, 'slow_down', 6)).seen,
    // Every second poll is too early for the mock. A fault would also strike a poll for a device code from before the
    // scenario, which the client would not repeat in time.
    { deviceInterval: 3_600 },
  ),
  device(
    { id: 'device.denied', title: 'The user declines', must: 'refuse', section: 'RFC 8628 section 3.5' },
    refusedDevice('access_denied', ({ mock }) => mock.setSignIn('deny')),
  ),
  device(
    { id: 'device.expired', title: 'The device code expires', must: 'refuse', section: 'RFC 8628 section 3.5' },
    refusedDevice('expired_token', ({ mock }) =>
      mock.setFault({ type: 'oauthError', at: 'token', grant_type: deviceCodeGrant, error: 'expired_token' }),
    ),
  ),
];
