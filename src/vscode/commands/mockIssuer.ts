import { l10n } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { MockServerOptions } from '../../mock/nodeServer.ts';
import type { MockService, RunningMock } from '../mockIssuer.ts';
import { flash, notify, toClipboard } from '../screen.ts';
import type { Command } from './command.ts';

export function startMockIssuerCommand(
  mock: MockService,
  show: (id: string) => unknown,
): Command<MockServerOptions, RunningMock> {
  return {
    needsTrust: true,
    // The mock itself checks its options and names the one that is wrong.
    parse: fields => fields as MockServerOptions,
    ask: async () => ({}),
    run: options => mock.start(options),
    progress: () => l10n.t('Starting the mock issuer'),
    async report({ issuer, connection }) {
      await show(connection);
      const copy = l10n.t('Copy Address');
      const text = l10n.t('The mock issuer runs at {0}. It ends with this window, and so do its tokens.', issuer);
      void notify('info', text, copy).then(answer => (answer === copy ? toClipboard(issuer) : undefined));
    },
  };
}

export function stopMockIssuerCommand(mock: MockService): Command<object, object> {
  return {
    needsTrust: false,
    parse: () => ({}),
    ask: async () => ({}),
    async run() {
      await mock.stop();
      return {};
    },
    report: () => flash(l10n.t('The mock issuer has stopped')),
  };
}

export function copyMockAddressCommand(mock: MockService): Command<object, { issuer: string }> {
  return {
    needsTrust: false,
    parse: () => ({}),
    ask: async () => ({}),
    async run() {
      const running = mock.running();
      if (running === undefined) throw new WorkbenchError('mock_not_running');
      await toClipboard(running.issuer);
      return { issuer: running.issuer };
    },
    report: ({ issuer }) => flash(l10n.t('Copied {0}', issuer)),
  };
}
