import { l10n, type QuickPickItem, QuickPickItemKind, Uri, window, workspace } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import { numberFrom, own } from '../../core/tokens/json.ts';
import { tryDecode } from '../../core/tokens/jwt.ts';
import type { MockClockView, MockFault } from '../../core/view/mockView.ts';
import type { AnyRow, FaultGroup } from '../../mock/effects.ts';
import type { MockServerOptions } from '../../mock/nodeServer.ts';
import type { RunningMock } from '../mockIssuer.ts';
import { pick } from '../prompts/questions.ts';
import { flash, notify, toClipboard } from '../screen.ts';
import { limitText, mockClockText, mockText } from '../text/mock.ts';
import { listText, momentText } from '../text/time.ts';
import { defineCommand, isConfirmed } from './command.ts';
import { amount, anything, flag, optional, text, withDefault } from './fields.ts';

/** The name used in the documentation of the command line. */
export const configName = 'mock-issuer.json';

/** Shows that the mock runs, and offers to copy its address, which clients need. */
async function reportStart({ issuer, connection }: RunningMock, show: (id: string) => unknown): Promise<void> {
  await show(connection);
  const copy = l10n.t('Copy URL');
  const text = l10n.t(
    'The mock issuer runs at {0}. It stops when this window closes, and its tokens stop working.',
    issuer,
  );
  void notify('info', text, copy).then(answer => (answer === copy ? toClipboard(issuer) : undefined));
}

export const startMockIssuer = defineCommand(
  {
    name: 'startMockIssuer',
    needsTrust: true,
    // The mock checks its options itself and names the invalid one.
    fields: {},
    whole: '[options](mock-issuer.md#options)',
    returns: '`{ issuer, clientId, connection }`',
  },
  ({ mock, show }) => ({
    accept: (given: object) => given as MockServerOptions,
    ask: async () => ({}),
    run: (options: MockServerOptions): Promise<RunningMock> => mock.start(options),
    progress: () => l10n.t('Starting the mock issuer'),
    report: result => reportStart(result, show),
  }),
);

interface FileArgument {
  /** The path within the workspace, for people. */
  readonly file: string;
  readonly options: () => Promise<MockServerOptions>;
}

export const startMockFromFile = defineCommand(
  {
    name: 'startMockFromFile',
    needsTrust: true,
    fields: { file: withDefault(text, configName) },
    returns: '`{ issuer, clientId, connection }`. `file`: path of a JSON file in the first folder of the workspace',
  },
  ({ mock, show }) => {
    /** The text in the editor is used, saved or not. */
    const argumentOf = (uri: Uri): FileArgument => {
      const file = workspace.asRelativePath(uri);
      const options = async () => {
        const edited = workspace.textDocuments.find(each => each.isDirty && each.uri.toString() === uri.toString());
        const bytes = await workspace.fs.readFile(uri).then(
          found => found,
          () => undefined,
        );
        if (bytes === undefined) throw new WorkbenchError('mock_file_missing', { file });
        return mock.readFile(edited?.getText() ?? new TextDecoder().decode(bytes), file);
      };
      return { file, options };
    };
    return {
      accept({ file }) {
        const [folder] = workspace.workspaceFolders ?? [];
        // A path with `..` could leave the folder.
        if (folder === undefined || file.split(/[\\/]/).includes('..'))
          throw new WorkbenchError('mock_file_missing', { file });
        return argumentOf(Uri.joinPath(folder.uri, file));
      },
      async ask(_, uri) {
        const active = uri ?? window.activeTextEditor?.document.uri;
        if (active?.path.endsWith(`/${configName}`)) return argumentOf(active);
        const found = await workspace.findFiles(`**/${configName}`, '**/node_modules/**', 50);
        const items = found.map(uri => ({ label: workspace.asRelativePath(uri), uri }));
        if (items.length === 0) throw new WorkbenchError('mock_file_missing', { file: configName });
        const title = l10n.t('Start Mock Issuer from File');
        const [only] = items;
        const picked = items.length === 1 ? only : await pick(items, { title });
        return picked && argumentOf(picked.uri);
      },
      async confirm(argument) {
        const { host = '127.0.0.1' } = await argument.options();
        if (['127.0.0.1', 'localhost', '::1'].includes(host)) return argument;
        const yes = await isConfirmed(
          l10n.t('Let other machines reach the mock issuer?'),
          l10n.t('{0} makes it listen on {1}. It issues tokens to anyone who asks.', argument.file, host),
          l10n.t('Start'),
        );
        return yes ? argument : undefined;
      },
      run: async ({ options }) => mock.start(await options()),
      progress: () => l10n.t('Starting the mock issuer'),
      report: result => reportStart(result, show),
    };
  },
);

export const stopMockIssuer = defineCommand(
  { name: 'stopMockIssuer', needsTrust: false, fields: {}, returns: '`{}`' },
  ({ mock }) => ({
    ask: async () => ({}),
    async run() {
      await mock.stop();
      return {};
    },
    report: () => flash(l10n.t('The mock issuer has stopped')),
  }),
);

export const copyMockAddress = defineCommand(
  { name: 'copyMockAddress', needsTrust: false, fields: {}, returns: '`{ issuer }`' },
  ({ mock }) => ({
    ask: async () => ({}),
    async run() {
      const running = mock.running();
      if (running === undefined) throw new WorkbenchError('mock_not_running');
      await toClipboard(running.issuer);
      return { issuer: running.issuer };
    },
    report: ({ issuer }) => flash(l10n.t('Copied {0}', issuer)),
  }),
);

interface FaultsArgument {
  /** The caller's JSON. The mock validates it. */
  readonly faults?: unknown;
  /** Clear the faults that are set first. */
  readonly replace: boolean;
  /** What the user chose, as a text. */
  readonly words?: string;
}

export const setMockFaults = defineCommand(
  {
    name: 'setMockFaults',
    needsTrust: false,
    fields: {
      faults: anything('[faults](mock-issuer.md#faults)', { type: 'array' }),
      replace: withDefault(flag, false),
    },
    returns: '`{ faults }`: the types of the given faults',
  },
  ({ mock }) => ({
    async ask(): Promise<FaultsArgument | undefined> {
      if (mock.running() === undefined) throw new WorkbenchError('mock_not_running');
      const picked = await pickFault(await mock.faultRows());
      return picked && { faults: [picked.fault], replace: false, words: picked.words };
    },
    async run({ faults, replace }: FaultsArgument) {
      return { faults: await mock.setFaults(faults, replace) };
    },
    report: (_, { words = '' }) => flash(l10n.t('Mock issuer: {0}', words), 5000, 'bug'),
  }),
);

export const clearMockFaults = defineCommand(
  { name: 'clearMockFaults', needsTrust: false, fields: {}, returns: '`{}`' },
  ({ mock }) => ({
    ask: async () => ({}),
    async run() {
      mock.clearFaults();
      return {};
    },
    report: () => flash(l10n.t('All mock issuer faults are cleared')),
  }),
);

export const removeMockFault = defineCommand(
  { name: 'removeMockFault', needsTrust: false, fields: { type: text }, returns: '`{}`' },
  ({ mock }) => ({
    async ask(node) {
      if (node?.kind === 'mockFault') return { type: node.fault.type };
      const view = mock.view();
      if (view === undefined) throw new WorkbenchError('mock_not_running');
      return pickSetFault(view.faults);
    },
    async run({ type }) {
      mock.clearFaults(type);
      return {};
    },
    report: () => flash(l10n.t('Fault removed')),
  }),
);

export const moveMockClock = defineCommand(
  {
    name: 'moveMockClock',
    needsTrust: false,
    // Without a member, the mock returns to this machine's time.
    fields: { advance: optional(amount), frozen: optional(flag) },
    returns: '`{ ahead, frozen }`: seconds ahead of this machine',
  },
  ({ mock, sessions }) => ({
    async ask(): Promise<ClockMove | undefined> {
      const view = mock.view();
      if (view === undefined) throw new WorkbenchError('mock_not_running');
      const token = sessions.get(mock.running()?.connection ?? '')?.record?.tokens?.access_token;
      return pickClockMove(view.clock, token);
    },
    async run({ advance, frozen }: ClockMove) {
      const { ahead, frozenAt } = mock.moveClock(clock => {
        if (advance === undefined && frozen === undefined) clock.reset();
        if (frozen === true) clock.freeze();
        if (advance !== undefined) clock.advance(advance * 1000);
        if (frozen === false) clock.resume();
      });
      return { ahead: Math.round(ahead / 1000), frozen: frozenAt !== undefined };
    },
    report: () =>
      flash(l10n.t('Clock of the mock issuer: {0}', mockClockText(mock.view()?.clock ?? { ahead: 0 }, Date.now()))),
  }),
);

interface FaultItem extends QuickPickItem {
  readonly fault?: object;
}

interface LimitItem extends QuickPickItem {
  readonly times?: number;
}

/** Asks for a fault, described by its effect on clients, and for how long; `undefined` if the user cancelled. */
export async function pickFault(
  rows: Readonly<Record<string, AnyRow>>,
): Promise<{ fault: object; words: string } | undefined> {
  const picked = await pick(faultItems(rows), {
    title: l10n.t('Inject a Mock Issuer Fault'),
    placeHolder: l10n.t('What should go wrong?'),
    matchOnDescription: true,
  });
  if (picked?.fault === undefined) return undefined;
  const limit = await pick(limitItems(), { title: picked.label });
  if (limit === undefined) return undefined;
  const { times } = limit;
  return {
    fault: { ...picked.fault, ...(times !== undefined && { times }) },
    words: listText([picked.label, limit.label]),
  };
}

function limitItems(): LimitItem[] {
  return [
    { label: limitText(1), times: 1 },
    { label: limitText(3), times: 3 },
    { label: limitText(undefined), description: l10n.t('Clear Mock Issuer Faults ends it') },
  ];
}

/** All rows of the mock's table that have an example, grouped under headings. */
function faultItems(rows: Readonly<Record<string, AnyRow>>): FaultItem[] {
  const groups: Readonly<Record<FaultGroup, string>> = {
    network: l10n.t('the network'),
    trouble: l10n.t('an issuer in trouble'),
    tokens: l10n.t('wrong tokens'),
    answers: l10n.t('odd answers'),
    browser: l10n.t('sign-in'),
    keys: l10n.t('keys'),
    metadata: l10n.t('metadata'),
  };
  return Object.entries(groups).flatMap(([group, label]) => [
    { label, kind: QuickPickItemKind.Separator },
    ...Object.entries(rows)
      .filter(([, row]) => row.group === group && row.example !== undefined)
      .map(([type, row]) => ({ label: mockText(row.title), description: type, fault: { type, ...row.example } })),
  ]);
}

/** Asks for one of the faults that are set. */
export async function pickSetFault(faults: readonly MockFault[]): Promise<{ type: string } | undefined> {
  const items = faults.map(({ type, title, left, details }) => ({
    label: mockText(title),
    description: [limitText(left), details].filter(Boolean).join(' '),
    type,
  }));
  return pick(items, { title: l10n.t('Remove a Mock Issuer Fault'), matchOnDescription: true });
}

/** Seconds to advance, and whether the clock is stopped. With neither, the mock returns to this machine's time. */
export interface ClockMove {
  readonly advance?: number | undefined;
  readonly frozen?: boolean | undefined;
}

/** @param token an access token; moving to its expiry is offered */
export async function pickClockMove(clock: MockClockView, token: string | undefined): Promise<ClockMove | undefined> {
  const now = Date.now();
  const mockNow = clock.frozenAt ?? now + clock.ahead;
  const decoded = token === undefined ? undefined : tryDecode(token);
  const exp = decoded && 'payload' in decoded ? numberFrom(own(decoded.payload, 'exp')) * 1000 : Number.NaN;
  const past = exp > mockNow ? Math.ceil((exp - mockNow) / 1000) + 1 : undefined;
  const hour = 3600;
  const items: (QuickPickItem & { readonly move: ClockMove })[] = [
    ...(past === undefined
      ? []
      : [
          {
            label: l10n.t('Past the expiry of the access token'),
            description: momentText(exp, mockNow),
            move: { advance: past },
          },
        ]),
    { label: l10n.t('1 hour ahead'), move: { advance: hour } },
    { label: l10n.t('1 hour back'), move: { advance: -hour } },
    clock.frozenAt === undefined
      ? { label: l10n.t('Stop the clock'), move: { frozen: true } }
      : { label: l10n.t('Let the clock run'), move: { frozen: false } },
    { label: l10n.t('Back to the time of this computer'), move: {} },
  ];
  const title = l10n.t('Move the Clock of the Mock Issuer');
  return (await pick(items, { title, placeHolder: mockClockText(clock, now) }))?.move;
}
