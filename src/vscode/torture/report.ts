import { l10n, type QuickPickItem, type Uri } from 'vscode';
import { classify } from '../../core/errors.ts';
import { printable } from '../../core/redact.ts';
import type { Scenario } from '../../mock/torture/rows.ts';
import type { Result, TortureReport, Verdict } from '../../mock/torture/torture.ts';
import type { FromTorturePage, Mood, TortureAction, TortureCell, TortureModel } from '../../webview/protocol.ts';
import { loadMock } from '../mockIssuer.ts';
import { pick } from '../prompts/questions.ts';
import { flash, notify, openPage, saveFile } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { mockText, scoreText, verdictText } from '../text/mock.ts';

/** The page of one client test. It stores nothing: it receives everything again when it is shown. */
export interface TorturePage {
  /** Called with the scenarios that will run. */
  readonly begin: (chosen: readonly Scenario[]) => void;
  readonly show: (result: Result) => void;
  /** Shows the start and the end of `work`; the page's own button cancels it as well. */
  play(work: (signal: AbortSignal) => Promise<TortureReport>, signal?: AbortSignal): Promise<TortureReport>;
  dispose(): void;
}

export interface TorturePageParts {
  readonly extensionUri: Uri;
  readonly openBrowser: (url: string) => unknown;
  readonly again: (signal: AbortSignal, page: TorturePage) => Promise<TortureReport>;
}

export type PlayedScenario = Pick<Scenario, 'id' | 'family' | 'title' | 'must' | 'severity' | 'section'>;

/** Progress of a test. */
export interface TortureState {
  readonly start: string;
  readonly issuer: string;
  readonly chosen: readonly PlayedScenario[];
  readonly results: readonly Result[];
  readonly running: boolean;
  /** The test was cancelled before its end. */
  readonly cancelled: boolean;
}

export function openTortureReport(start: string, issuer: string, parts: TorturePageParts): TorturePage {
  const panel = openPage('torture', l10n.t('Client Test: {0}', printable(new URL(start).host, 60)), parts.extensionUri);
  let state: TortureState = { start, issuer, chosen: [], results: [], running: true, cancelled: false };
  let report: TortureReport | undefined;
  let abort = new AbortController();
  let closed = false;
  panel.onDidDispose(() => {
    closed = true;
  });
  panel.webview.onDidReceiveMessage((message: FromTorturePage) => void showingErrors(() => receive(message)));

  function change(next: Partial<TortureState>): void {
    state = { ...state, ...next };
    if (!closed) void panel.webview.postMessage(tortureModel(state));
  }

  /** Buttons have no caller that could handle errors, so errors are shown here. */
  async function showingErrors(work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      const failure = classify(error);
      if (failure.code !== 'cancelled') void notify('error', describeError(failure));
    }
  }

  async function receive(message: FromTorturePage): Promise<void> {
    if (message === 'ready') return change({});
    if ('link' in message) {
      const section = state.chosen.find(({ id }) => id === message.of)?.section ?? '';
      const link = linksOf(section)[message.link];
      if (link) await parts.openBrowser(link.url);
      return;
    }
    const acts: Readonly<Record<TortureAction, () => unknown>> = {
      cancel: () => abort.abort(),
      again: () => page.play(signal => parts.again(signal, page)),
      export: () => report && exportReport(report),
    };
    await acts[message.does]();
  }

  const page: TorturePage = {
    begin: chosen => change({ chosen, results: [] }),
    show: result => change({ results: [...state.results, result] }),
    async play(work, signal) {
      abort = new AbortController();
      report = undefined;
      change({ running: true, cancelled: false, results: [] });
      let cancelled = true;
      try {
        report = await work(signal ? AbortSignal.any([signal, abort.signal]) : abort.signal);
        cancelled = false;
        return report;
      } finally {
        change({ running: false, cancelled });
      }
    },
    dispose: () => panel.dispose(),
  };
  return page;
}

const moods: Readonly<Record<Verdict, Mood>> = {
  pass: 'passed',
  fail: 'failed',
  hung: 'failed',
  warning: 'warning',
  'not exercised': 'skipped',
  'not judged': 'skipped',
};

export function tortureModel({ start, issuer, chosen, results, running, cancelled }: TortureState): TortureModel {
  const byId = new Map(results.map(result => [result.id, result]));
  const families = [...new Set(chosen.map(({ family }) => family))];
  const actions: TortureModel['actions'] = running
    ? [{ id: 'cancel', label: l10n.t('Cancel'), primary: false }]
    : [
        { id: 'again', label: l10n.t('Run Again'), primary: true },
        ...(cancelled ? [] : [{ id: 'export', label: l10n.t('Export...'), primary: false } as const]),
      ];
  return {
    title: l10n.t('Client test'),
    subtitle: l10n.t('{0} against {1}', printable(start, 200), issuer),
    verdict: verdictOf({ start, issuer, chosen, results, running, cancelled }),
    ...(running && chosen.length > 0 && { progress: { done: results.length, count: chosen.length } }),
    families: families.map(family => ({
      name: mockText(family),
      cells: chosen.filter(each => each.family === family).map(each => cellOf(each, byId.get(each.id))),
    })),
    actions,
    words: {
      matrix: l10n.t('Scenarios'),
      family: l10n.t('Family'),
      details: l10n.t('Details'),
      must: l10n.t('The client must'),
      seen: l10n.t('Observed'),
      where: l10n.t('Defined in'),
      none: l10n.t('Select a scenario to see what the client must do and what was observed.'),
    },
  };
}

function verdictOf({ results, chosen, running, cancelled }: TortureState): TortureModel['verdict'] {
  const count = (verdict: Verdict) => results.filter(each => each.verdict === verdict).length;
  const detail = scoreText(results);
  if (running) return { mood: 'info', text: l10n.t('Testing the client'), detail: results.length > 0 ? detail : '' };
  if (cancelled) return { mood: 'skipped', text: l10n.t('Stopped before the end'), detail };
  if (chosen.length === 0) return { mood: 'skipped', text: l10n.t('No scenario applies'), detail: '' };
  if (count('fail') > 0) return { mood: 'failed', text: l10n.t('The client violates requirements'), detail };
  // A client with a longer timeout of its own may still do what it must.
  if (count('hung') > 0) return { mood: 'failed', text: l10n.t('The client did not respond in time'), detail };
  // What was not judged may be a violation.
  if (count('not judged') > 0)
    return { mood: 'warning', text: l10n.t('This computer was too busy to judge every scenario'), detail };
  if (count('warning') > 0)
    return { mood: 'warning', text: l10n.t('The client meets all requirements, with warnings'), detail };
  // Scenarios that were not exercised do not count as passed.
  if (count('pass') === 0) return { mood: 'skipped', text: l10n.t('No scenario was exercised'), detail };
  return { mood: 'passed', text: l10n.t('The client meets all requirements'), detail };
}

function cellOf({ id, title, must, severity, section }: PlayedScenario, result: Result | undefined): TortureCell {
  const status = verdictText(result?.verdict);
  const asked = mockText(must);
  return {
    id,
    name: id.slice(id.indexOf('.') + 1),
    mood: result ? moods[result.verdict] : 'info',
    status,
    title: mockText(title),
    must: severity === 'must' ? l10n.t('{0} (required)', asked) : l10n.t('{0} (recommended)', asked),
    seen: result ? l10n.t('{0}, {1} ms', seenText(result), result.milliseconds) : status,
    section: mockText(section),
    links: linksOf(section).map(({ name }) => name),
  };
}

/** Messages of errors are not translated. */
function seenText({ verdict, detail, observed }: Result): string {
  if (observed !== undefined) return mockText(observed.text, ...observed.values);
  if (detail !== undefined) return printable(detail, 200);
  return verdict === 'pass' ? l10n.t('as required') : verdictText(verdict);
}

/** The only pages that a report links to: the RFCs by number, and these. */
const specifications: readonly (readonly [start: string, url: string])[] = [
  ['OpenID Connect Core 1.0', 'https://openid.net/specs/openid-connect-core-1_0.html'],
  ['OpenID Connect Discovery 1.0', 'https://openid.net/specs/openid-connect-discovery-1_0.html'],
  ['OpenID Connect RP-Initiated Logout 1.0', 'https://openid.net/specs/openid-connect-rpinitiated-1_0.html'],
  ['OpenID Connect Back-Channel Logout 1.0', 'https://openid.net/specs/openid-connect-backchannel-1_0.html'],
  ['OpenID Connect Front-Channel Logout 1.0', 'https://openid.net/specs/openid-connect-frontchannel-1_0.html'],
];

export function linksOf(section: string): readonly { readonly name: string; readonly url: string }[] {
  const rfcs = [...section.matchAll(/RFC (\d{3,5})(?: section (\d+(?:\.\d+)*))?/g)].map(([name, number, part]) => ({
    name,
    url: `https://www.rfc-editor.org/rfc/rfc${number}${part === undefined ? '' : `#section-${part}`}`,
  }));
  const others = specifications.filter(([start]) => section.includes(start)).map(([name, url]) => ({ name, url }));
  return [...rfcs, ...others];
}

async function exportReport(report: TortureReport): Promise<void> {
  const { formats } = await loadMock();
  const items: (QuickPickItem & { readonly format: keyof typeof formats; readonly file: string })[] = [
    { label: 'HTML', description: l10n.t('for people'), format: 'html', file: 'client-test.html' },
    { label: 'JUnit', description: l10n.t('for build servers'), format: 'junit', file: 'client-test.xml' },
    { label: 'SARIF', description: l10n.t('for code scanning'), format: 'sarif', file: 'client-test.sarif' },
    { label: 'JSON', description: l10n.t('for programs'), format: 'json', file: 'client-test.json' },
  ];
  const chosen = await pick(items, { title: l10n.t('Export the Report') });
  if (chosen === undefined) return;
  const { format, file, label } = chosen;
  const saved = await saveFile(l10n.t('Export the Report'), file, formats[format](report));
  if (saved) flash(l10n.t('Report written as {0}', label));
}
