import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import type { RedirectAnswer } from '../../../../src/core/ports.ts';
import { type Browser, patience, waitForAnswer } from '../../../../src/core/signIn/authorizationCode.ts';
import type { SignInRequest } from '../../../../src/core/signIn/grants.ts';
import type { IssuerClient, SignInResult } from '../../../../src/core/signIn/signIn.ts';
import { createSignIns } from '../../../../src/core/signIn/signOut.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { manualClock } from '../../../support/manualClock.ts';

const result: SignInResult = {
  grant: 'authorization_code',
  generation: 1,
  hasRefreshToken: true,
  warnings: [],
  sharedWith: [],
};
const request = (id: string, signal = new AbortController().signal) =>
  ({ connection: { id }, grant: 'authorization_code', signal }) as unknown as SignInRequest;

/** Sign-ins that end when the test says so, or when they are cancelled. */
function held() {
  const begun: { readonly id: string; readonly end: () => void }[] = [];
  const signIn = ({ connection: { id }, signal }: SignInRequest) =>
    new Promise<SignInResult>((resolve, reject) => {
      begun.push({ id, end: () => resolve(result) });
      const cancelled = () => reject(new WorkbenchError('cancelled', { sent: false }));
      if (signal.aborted) cancelled();
      else signal.addEventListener('abort', cancelled);
    });
  const signIns = createSignIns(async () => ({ signIn }) as unknown as IssuerClient);
  return { signIns, begun };
}
const turn = () => new Promise(resolve => setImmediate(resolve));

describe('the sign-ins of a window', () => {
  it('are one for each connection: the second ends the first', async () => {
    const { signIns, begun } = held();
    const [first, other] = [failureOf(signIns.run(request('a'))), signIns.run(request('b'))];
    await turn();
    const second = signIns.run(request('a'));
    assert.equal((await first).code, 'cancelled');
    await turn();
    for (const { end } of begun) end();
    assert.deepEqual(await Promise.all([second, other]), [result, result]);
  });

  it('are ended by their caller, by a sign-out, and with the window', async () => {
    const { signIns } = held();
    const abort = new AbortController();
    const cancelled = failureOf(signIns.run(request('a', abort.signal)));
    const signedOut = failureOf(signIns.run(request('b')));
    const left = failureOf(signIns.run(request('c')));
    await turn();
    abort.abort();
    signIns.cancel('b');
    signIns.cancel('unknown');
    signIns.dispose();
    for (const each of [cancelled, signedOut, left]) assert.equal((await each).code, 'cancelled');
    assert.equal((await failureOf(signIns.run(request('d')))).code, 'cancelled');
    assert.equal((await failureOf(held().signIns.run(request('e', abort.signal)))).code, 'cancelled');
  });

  it('that are over cannot be cancelled', async () => {
    const { signIns, begun } = held();
    const first = signIns.run(request('a'));
    await turn();
    begun[0]?.end();
    await first;
    signIns.cancel('a');
    const next = signIns.run(request('a'));
    await turn();
    begun[1]?.end();
    assert.equal(await next, result);
  });
});

describe('waiting for the browser', () => {
  const answer: RedirectAnswer = { parameters: new URLSearchParams(), respond() {} };
  const wait = (how: { answers?: boolean; opens?: boolean; signal?: AbortSignal }) => {
    const clock = manualClock();
    const browser: Pick<Browser, 'clock' | 'openBrowser'> = {
      clock,
      openBrowser: async () => how.opens ?? true,
    };
    const listener = {
      ...{ redirectUri: 'http://127.0.0.1:1/callback', close() {} },
      answer: () => (how.answers ? Promise.resolve(answer) : new Promise<never>(() => {})),
    };
    const signal = how.signal ?? new AbortController().signal;
    return { clock, over: waitForAnswer(browser, listener, 'state', 'https://a.example', signal) };
  };

  it('leaves no timer behind, however it ends', async () => {
    const done = wait({ answers: true });
    assert.equal(await done.over, answer);
    const unopened = wait({ opens: false });
    assert.equal((await failureOf(unopened.over)).code, 'browser_not_opened');
    const cancelled = wait({ signal: AbortSignal.abort() });
    assert.equal((await failureOf(cancelled.over)).code, 'cancelled');
    const late = wait({});
    assert.equal(late.clock.pending, 1);
    late.clock.advance(patience);
    assert.equal((await failureOf(late.over)).code, 'sign_in_timeout');
    for (const { clock } of [done, unopened, cancelled, late]) assert.equal(clock.pending, 0);
  });
});
