import { l10n } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { MockServerOptions } from '../../mock/nodeServer.ts';
import type { RunningMock } from '../mockIssuer.ts';
import { type ClockMove, pickClockMove, pickFault, pickSetFault } from '../prompts/pickFault.ts';
import { flash, notify, toClipboard } from '../screen.ts';
import { mockClockText } from '../text/mock.ts';
import { defineCommand } from './command.ts';
import { amount, anything, flag, optional, text, withDefault } from './fields.ts';

export const startMockIssuer = defineCommand(
  {
    name: 'startMockIssuer',
    needsTrust: true,
    // The mock itself checks its options and names the one that is wrong.
    fields: {},
    whole: '[options](mock-issuer.md#options)',
    returns: '`{ issuer, clientId, connection }`',
  },
  ({ mock, show }) => ({
    accept: (given: object) => given as MockServerOptions,
    ask: async () => ({}),
    run: (options: MockServerOptions): Promise<RunningMock> => mock.start(options),
    progress: () => l10n.t('Starting the mock issuer'),
    async report({ issuer, connection }) {
      await show(connection);
      const copy = l10n.t('Copy Address');
      const text = l10n.t(
        'The mock issuer runs at {0}. It stops when this window closes, and its tokens stop working.',
        issuer,
      );
      void notify('info', text, copy).then(answer => (answer === copy ? toClipboard(issuer) : undefined));
    },
  }),
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
  /** The caller's JSON: the mock reads it and names what is wrong. */
  readonly faults?: unknown;
  /** True: standing faults are cleared first. */
  readonly replace: boolean;
  /** What the user chose, in words. */
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
    returns: '`{ faults }`: the types that were set',
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
    // Without a member: the time of this machine again.
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
