import { l10n, type QuickPickItem, commands as registry } from 'vscode';
import { commands } from '../../contributions.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { isLoopback } from '../../core/http/http.ts';
import type { TortureOptions, TortureReport } from '../../mock/torture/torture.ts';
import { loadMock } from '../mockIssuer.ts';
import { askChoice, askText, type Place, runSteps, type Step } from '../prompts/questions.ts';
import { confirm, flash } from '../screen.ts';
import { mockText, scoreText } from '../text/mock.ts';
import { openTortureReport, type TorturePage } from '../torture/report.ts';
import { defineCommand, isConfirmed } from './command.ts';
import { amount, flag, optional, text, texts } from './fields.ts';

/** Addresses of the client, in the order of the questions. */
const addresses = ['start', 'signedIn', 'logout', 'resource', 'device', 'secondStart'] as const;
type Addresses = Pick<TortureOptions, (typeof addresses)[number]>;
type Part = (typeof addresses)[number] | 'mcp';

interface TortureArgument extends Addresses {
  readonly scenarios?: readonly string[] | undefined;
  /** Milliseconds. */
  readonly patience?: number | undefined;
  readonly mcp?: boolean | undefined;
  /** Set if a user watches. */
  readonly page?: TorturePage;
}

export const tortureClient = defineCommand(
  {
    name: 'tortureClient',
    needsTrust: true,
    fields: {
      start: text,
      signedIn: optional(text),
      logout: optional(text),
      resource: optional(text),
      device: optional(text),
      secondStart: optional(text),
      mcp: optional(flag),
      scenarios: optional(texts),
      patience: optional(amount),
    },
    returns:
      '`{ start, results: [{ id, family, title, must, severity, section, verdict, detail?, milliseconds }], counts }`. ' +
      '`verdict`: `pass`, `fail`, `warning`, `not exercised`, `not judged` or `hung`',
  },
  ({ mock, openBrowser, extensionUri }) => {
    /** The last answers, as defaults for the next time. */
    let last: Partial<Record<keyof Addresses, string>> = {};
    let lastParts: readonly Part[] = ['start', 'signedIn'];

    function play(argument: TortureArgument, signal: AbortSignal, tell = (_: string) => {}): Promise<TortureReport> {
      const { page, scenarios, patience, ...target } = argument;
      const hosts = new Set(
        [...urlsOf(target), new URL(mock.running()?.issuer ?? target.start)].map(({ host }) => host),
      );
      return mock.torture({
        ...target,
        ...(scenarios && { scenarios }),
        ...(patience !== undefined && { patience }),
        ...(page && { onStart: page.begin }),
        allows: url => isLoopback(url) || hosts.has(url.host),
        signal,
        onResult(result, index, count) {
          tell(l10n.t('{0} of {1}: {2}', index + 1, count, mockText(result.title)));
          page?.show(result);
        },
      });
    }

    /** Asks for the addresses of the client. */
    async function askTarget(issuer: string, clientId: string): Promise<TortureArgument | undefined> {
      const answers = { ...last };
      let parts = lastParts;
      let scenarios: readonly string[] = [];
      const texts = questions(issuer, clientId);
      const copy = { tooltip: l10n.t('Copy Issuer'), text: issuer };
      const question = (field: keyof Addresses): Step => ({
        applies: () => parts.includes(field),
        async ask(place) {
          const answer = await askText({
            ...place,
            value: answers[field] ?? '',
            prompt: texts[field],
            placeholder: 'http://127.0.0.1:3000/...',
            validate: url => (isHttp(url) ? undefined : l10n.t('Enter the full URL, with http:// or https://.')),
            ...(field === 'start' && { copy }),
          });
          if (answer.turn === 'next') answers[field] = answer.value;
          return answer.turn;
        },
      });
      const [start, ...others] = addresses.map(question);
      const what: Step = {
        async ask(place) {
          const chosen = await askParts(place, parts);
          if (chosen.turn === 'next') parts = ['start', ...chosen.value.map(({ part }) => part)];
          return chosen.turn;
        },
      };
      const which: Step = {
        async ask(place) {
          const chosen = await askFamilies(place);
          if (chosen.turn === 'next') scenarios = chosen.value.flatMap(({ ids }) => ids);
          return chosen.turn;
        },
      };
      const steps = start ? [start, what, ...others, which] : [];
      if (!(await runSteps(l10n.t('Torture a Client'), steps))) return undefined;
      last = answers;
      lastParts = parts;
      const given = addresses.flatMap(field => (parts.includes(field) ? [[field, answers[field]]] : []));
      return { start: '', ...Object.fromEntries(given), ...(parts.includes('mcp') && { mcp: true }), scenarios };
    }

    return {
      accept(given: TortureArgument): TortureArgument {
        for (const field of addresses)
          if (given[field] !== undefined && !isHttp(given[field]))
            throw new WorkbenchError('argument_invalid', { field, expected: 'http(s)://...' });
        return given;
      },
      async ask(): Promise<TortureArgument | undefined> {
        if (mock.running() === undefined && !(await startedForTest())) return undefined;
        const { issuer = '', clientId = '' } = mock.running() ?? {};
        const argument = await askTarget(issuer, clientId);
        if (argument === undefined) return undefined;
        const page = openTortureReport(argument.start, issuer, {
          extensionUri,
          openBrowser,
          again: (signal, own) => play({ ...argument, page: own }, signal),
        });
        return { ...argument, page };
      },
      async confirm(argument: TortureArgument) {
        const away = [
          ...new Set(
            urlsOf(argument)
              .filter(url => !isLoopback(url))
              .map(({ host }) => host),
          ),
        ];
        if (away.length === 0) return argument;
        const yes = await isConfirmed(
          l10n.t('Test a client on another machine?'),
          l10n.t('Hundreds of requests are sent to {0}. Test only what you run yourself.', away.join(', ')),
          l10n.t('Test'),
        );
        if (!yes) argument.page?.dispose();
        return yes ? argument : undefined;
      },
      progress: ({ start }: TortureArgument) => l10n.t('Testing the client at {0}', start),
      async run(argument: TortureArgument, signal: AbortSignal, tell: (text: string) => void): Promise<TortureReport> {
        const { page } = argument;
        if (page === undefined) return play(argument, signal, tell);
        return page.play(both => play(argument, both, tell), signal);
      },
      report: ({ results }: TortureReport) => flash(scoreText(results), 8000, 'beaker'),
    };
  },
);

function urlsOf(target: Addresses): URL[] {
  return addresses.flatMap(field => (target[field] === undefined ? [] : [new URL(target[field])]));
}

function questions(issuer: string, clientId: string): Readonly<Record<keyof Addresses, string>> {
  return {
    start: l10n.t(
      'Where does sign-in start? The client must be configured with the issuer {0} and one of its client IDs, for example {1}.',
      issuer,
      clientId,
    ),
    signedIn: l10n.t(
      'Which URL responds with 200 if the visitor is signed in, and with 401, 403 or a redirect if not?',
    ),
    logout: l10n.t('Where does sign-out start?'),
    resource: l10n.t('Which URL is an API that verifies access tokens of the mock issuer?'),
    device: l10n.t('Which URL starts a device code sign-in and responds when it has ended?'),
    secondStart: l10n.t('Where does sign-in with the second issuer start?'),
  };
}

/** Asks which features the client has besides sign-in; each item names the tests it enables. */
async function askParts(place: Place, selected: readonly Part[]) {
  const items: (QuickPickItem & { readonly part: Part })[] = [
    { part: 'signedIn', label: l10n.t('A page for signed-in visitors'), description: l10n.t('refreshes, sessions') },
    { part: 'logout', label: l10n.t('Sign-out'), description: l10n.t('logout') },
    { part: 'resource', label: l10n.t('An API that verifies access tokens'), description: l10n.t('resource server') },
    { part: 'device', label: l10n.t('Device code sign-in'), description: 'RFC 8628' },
    { part: 'secondStart', label: l10n.t('Two issuers'), description: l10n.t('mix-up') },
    { part: 'mcp', label: l10n.t('Model Context Protocol client'), description: 'MCP' },
  ];
  return askChoice(place, items, {
    placeholder: l10n.t('What else does the client have?'),
    many: true,
    selected: ({ part }) => selected.includes(part),
  });
}

const isHttp = (url: string) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);

/** Asks to start the mock if it is not running. */
async function startedForTest(): Promise<boolean> {
  const start = l10n.t('Start Mock Issuer');
  const answer = await confirm(
    l10n.t('Start the mock issuer?'),
    l10n.t('The client is tested against it and must be configured with its URL.'),
    start,
  );
  return answer === start && (await registry.executeCommand(commands.startMockIssuer)) !== undefined;
}

async function askFamilies(place: Place) {
  const { scenarios } = await loadMock();
  const families = [...new Set(scenarios.map(({ family }) => family))];
  const items: (QuickPickItem & { readonly ids: readonly string[] })[] = families.map(family => {
    const ids = scenarios.filter(each => each.family === family).map(({ id }) => id);
    const name = mockText(family);
    return {
      label: name.charAt(0).toUpperCase() + name.slice(1),
      description: ids.map(id => id.slice(id.indexOf('.') + 1)).join(', '),
      ids,
    };
  });
  return askChoice(place, items, {
    placeholder: l10n.t('Which scenarios? Those that do not fit the client are skipped.'),
    many: true,
    selected: () => true,
  });
}
