import { l10n } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { MockService } from '../mockIssuer.ts';
import { pickFault } from '../prompts/pickFault.ts';
import { flash } from '../screen.ts';
import type { Command } from './command.ts';

interface Argument {
  /** The caller's JSON: the mock reads it and names what is wrong. */
  readonly faults: unknown;
  /** True: standing faults are cleared first. */
  readonly replace: boolean;
  /** What the user chose, in words. */
  readonly words?: string;
}

interface Answer {
  /** Types of the faults that were set. */
  readonly faults: readonly string[];
}

export function setMockFaultsCommand(mock: MockService): Command<Argument, Answer> {
  return {
    needsTrust: false,
    parse: ({ faults, replace = false }) => {
      if (typeof replace !== 'boolean')
        throw new WorkbenchError('argument_invalid', { field: 'replace', expected: 'boolean' });
      return { faults, replace };
    },
    async ask() {
      if (mock.running() === undefined) throw new WorkbenchError('mock_not_running');
      const picked = await pickFault(await mock.faultRows());
      return picked && { faults: [picked.fault], replace: false, words: picked.words };
    },
    async run({ faults, replace }) {
      const set = await mock.setFaults(faults, replace);
      return { faults: set };
    },
    report: (_, { words = '' }) => flash(l10n.t('Mock issuer: {0}', words), 5000, 'bug'),
  };
}

export function clearMockFaultsCommand(mock: MockService): Command<object, object> {
  return {
    needsTrust: false,
    parse: () => ({}),
    ask: async () => ({}),
    async run() {
      mock.clearFaults();
      return {};
    },
    report: () => flash(l10n.t('The mock issuer answers as it should again')),
  };
}
