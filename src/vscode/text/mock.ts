import { l10n } from 'vscode';
import type { MockClockView, MockRequest, MockView, Sender } from '../../core/view/mockView.ts';
import type { Observed } from '../../mock/torture/outcome.ts';
import type { Verdict } from '../../mock/torture/torture.ts';
import { clockText, durationText, listText } from './time.ts';

/** A text of the mock's own tables, such as the title of a fault or scenario. The mock cannot use l10n itself. */
export function mockText(text: string, ...values: Observed['values']): string {
  return l10n.t(text, ...values);
}

/** The sender of a request, for use inside a sentence; empty if it is unknown. */
export function senderText({ connection, client, automatic }: Sender): string {
  if (connection !== undefined && automatic) return l10n.t('automatic refresh of {0}', connection);
  if (connection !== undefined) return connection;
  return client === undefined ? '' : l10n.t('client {0}', client);
}

/** How often a fault will still strike. */
export function limitText(left: number | undefined): string {
  if (left === undefined) return l10n.t('until cleared');
  return left === 1 ? l10n.t('next request') : l10n.t('next {0} requests', left);
}

export function mockClockText({ ahead, frozenAt }: MockClockView, now: number): string {
  if (frozenAt !== undefined) return l10n.t('stopped at {0}', clockText(frozenAt, now));
  // Differences below a second come from reading the two clocks one after the other.
  if (Math.abs(ahead) < 1000) return l10n.t('as on this computer');
  return ahead > 0
    ? l10n.t('{0} ahead of this computer', durationText(ahead))
    : l10n.t('{0} behind this computer', durationText(ahead));
}

/** The response and the sender of the request: `400 invalid_grant, Demo`. */
export function answerText({ status, error, dropped, from }: MockRequest): string {
  const answer = dropped
    ? l10n.t('connection dropped')
    : status === undefined
      ? l10n.t('waiting for the answer')
      : error === undefined
        ? `${status}`
        : `${status} ${error}`;
  const who = senderText(from);
  return who === '' ? answer : listText([answer, who]);
}

export function struckText({ faults }: MockRequest): string[] {
  return faults.map(title => l10n.t('fault: {0}', mockText(title)));
}

/** What the mock is doing, in a few words. */
export function mockStateText({ faults, testing }: MockView): string {
  if (testing) return l10n.t('testing a client, {0} of {1}', testing.done, testing.count);
  if (faults.length === 0) return l10n.t('no faults');
  return faults.length === 1 ? l10n.t('1 fault set') : l10n.t('{0} faults set', faults.length);
}

/** The verdict of a scenario. Every place that shows its icon shows this text as well. */
export function verdictText(verdict: Verdict | undefined): string {
  switch (verdict) {
    case 'pass':
      return l10n.t('pass');
    case 'fail':
      return l10n.t('fail');
    case 'warning':
      return l10n.t('warning');
    case 'not exercised':
      return l10n.t('not exercised');
    case 'not judged':
      return l10n.t('not judged');
    case 'hung':
      return l10n.t('hung');
    case undefined:
      return l10n.t('waiting');
  }
}

/** Numbers of scenarios by verdict, worst first: "2 fail, 1 warning, 40 pass". */
export function scoreText(results: readonly { readonly verdict: Verdict }[]): string {
  const order = ['fail', 'hung', 'warning', 'not judged', 'not exercised', 'pass'] as const;
  const parts = order.flatMap(verdict => {
    const count = results.filter(each => each.verdict === verdict).length;
    return count > 0 ? [`${count} ${verdictText(verdict)}`] : [];
  });
  return listText(parts) || l10n.t('no scenario applies');
}
