import { l10n, type QuickPickItem, commands as registry } from 'vscode';
import { commands } from '../../contributions.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { isLoopback } from '../../core/http/http.ts';
import type { TortureOptions, TortureReport } from '../../mock/torture/torture.ts';
import { askChoice, askText, type Place, runSteps, type Step } from '../prompts/steps.ts';
import { confirm, flash } from '../screen.ts';
import { mockText, scoreText } from '../text/mock.ts';
import { openTortureReport, type TorturePage } from '../torture/report.ts';
import { defineCommand, isConfirmed } from './command.ts';
import { amount, optional, text, texts } from './fields.ts';

/** Where the client is asked, in the order of the questions. */
type Addresses = Pick<TortureOptions, 'start' | 'signedIn' | 'logout' | 'resource'>;

interface TortureArgument extends Addresses {
  readonly scenarios?: readonly string[] | undefined;
  /** Milliseconds. */
  readonly patience?: number | undefined;
  /** Where a person looks on. */
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
      scenarios: optional(texts),
      patience: optional(amount),
    },
    returns:
      '`{ start, results: [{ id, family, title, must, severity, section, verdict, detail?, milliseconds }], counts }`. ' +
      '`verdict`: `pass`, `fail`, `warning`, `not exercised` or `hung`',
  },
  ({ mock, openBrowser, extensionUri }) => {
    /** What was answered last, for the next time. */
    let last: Partial<Record<keyof Addresses, string>> = {};

    function play(
      { page, scenarios, patience, ...addresses }: TortureArgument,
      signal: AbortSignal,
      tell = (_: string) => {},
    ) {
      return mock.torture({
        ...addresses,
        ...(scenarios && { scenarios }),
        ...(patience !== undefined && { patience }),
        signal,
        ...(page && { onStart: page.begin }),
        onResult(result, index, count) {
          tell(l10n.t('{0} of {1}: {2}', index + 1, count, mockText(result.title)));
          page?.show(result);
        },
      });
    }

    return {
      accept(given: TortureArgument): TortureArgument {
        const { start, signedIn, logout, resource } = given;
        for (const [field, url] of Object.entries({ start, signedIn, logout, resource }))
          if (url !== undefined && !isHttp(url))
            throw new WorkbenchError('argument_invalid', { field, expected: 'http(s)://...' });
        return given;
      },
      async ask(): Promise<TortureArgument | undefined> {
        if (mock.running() === undefined && !(await startedForTest())) return undefined;
        const { issuer = '', clientId = '' } = mock.running() ?? {};
        const answers = { ...last };
        const copy = { tooltip: l10n.t('Copy Issuer'), text: issuer };
        const question = (field: keyof Addresses, prompt: string): Step => ({
          async ask(place) {
            const needed = field === 'start';
            const answer = await askText({
              ...place,
              value: answers[field] ?? '',
              prompt,
              placeholder: 'http://127.0.0.1:3000/...',
              validate: url =>
                (url === '' && !needed) || isHttp(url)
                  ? undefined
                  : l10n.t('Enter the full URL, with http:// or https://.'),
              ...(needed && { copy }),
            });
            if (answer.turn === 'next') answers[field] = answer.value;
            return answer.turn;
          },
        });
        let scenarios: readonly string[] | undefined;
        const through = await runSteps(l10n.t('Torture a Client'), [
          question(
            'start',
            l10n.t(
              'Where does sign-in start? The client has to be configured with the issuer {0} and a client ID of it, {1} for example.',
              issuer,
              clientId,
            ),
          ),
          question(
            'signedIn',
            l10n.t(
              'Which URL answers 200 where the visitor is signed in, and 401, 403 or a redirect where not? Optional: refreshes are tested with it.',
            ),
          ),
          question('logout', l10n.t('Where does sign-out start? Optional.')),
          question('resource', l10n.t('Which URL is an API that verifies access tokens? Optional.')),
          {
            async ask(place) {
              const chosen = await askFamilies(place);
              if (chosen.turn === 'next') scenarios = chosen.value.flatMap(({ ids }) => ids);
              return chosen.turn;
            },
          },
        ]);
        if (!through || answers.start === undefined) return undefined;
        last = answers;
        const given = Object.fromEntries(Object.entries(answers).filter(([, url]) => url !== ''));
        const argument = { start: answers.start, ...given, scenarios };
        const page = openTortureReport(argument.start, issuer, {
          extensionUri,
          openBrowser,
          again: (signal, own) => play({ ...argument, page: own }, signal),
        });
        return { ...argument, page };
      },
      async confirm(argument: TortureArgument) {
        const { start, signedIn, logout, resource } = argument;
        const urls = [start, signedIn, logout, resource].flatMap(url => (url === undefined ? [] : [new URL(url)]));
        const away = [...new Set(urls.filter(url => !isLoopback(url)).map(({ host }) => host))];
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
      report: ({ counts }: TortureReport) => flash(scoreText(counts), 8000, 'beaker'),
    };
  },
);

const isHttp = (url: string) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);

/** Nobody has to know that the mock comes first. */
async function startedForTest(): Promise<boolean> {
  const start = l10n.t('Start Mock Issuer');
  const answer = await confirm(
    l10n.t('Start the mock issuer?'),
    l10n.t('The client is tested against it, and has to be configured with its address.'),
    start,
  );
  return answer === start && (await registry.executeCommand(commands.startMockIssuer)) !== undefined;
}

async function askFamilies(place: Place) {
  const { scenarios } = await import('../../mock/torture/scenarios.ts');
  const families = [...new Set(scenarios.map(({ family }) => family))];
  const items: (QuickPickItem & { readonly ids: readonly string[] })[] = families.map(family => {
    const ids = scenarios.filter(each => each.family === family).map(({ id }) => id);
    return { label: mockText(family), description: ids.map(id => id.slice(id.indexOf('.') + 1)).join(', '), ids };
  });
  return askChoice(place, items, {
    placeholder: l10n.t('Which scenarios? Those that need a URL you left out are skipped.'),
    many: true,
    selected: () => true,
  });
}
