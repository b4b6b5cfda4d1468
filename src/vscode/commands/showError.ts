import { l10n, commands as registry } from 'vscode';
import { commands } from '../../contributions.ts';
import type { DataOf, ErrorCode, WorkbenchError } from '../../core/errors.ts';
import { errorTable, isTransient, type Remedy } from '../../core/errorTable.ts';
import { valueText } from '../../core/redact.ts';
import { notify, toClipboard } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { complaintText } from '../text/signIn.ts';

/** What failed, for whom. */
export interface Failed {
  /** Names the connection in the error's sentence. */
  readonly label?: string | undefined;
  /** The connection. */
  readonly id?: string | undefined;
  /** The command, to run it once more. */
  readonly command?: string;
  /** Only a new sign-in brings it on. */
  readonly signIn?: boolean;
}

/** A button: its title, and the command that it runs. */
export type Way = readonly [title: string, command: string, argument?: object];

/** The error's sentence, with what a person would do next at hand. */
export async function showError(error: WorkbenchError, failed: Failed = {}): Promise<void> {
  const { label } = failed;
  const text = describeError(error, label === undefined ? undefined : { label });
  // Whoever declined knows it, and there is nothing to mend.
  if (error.data.error === 'access_denied' && error.data.grant !== undefined) return void notify('info', text);
  const ways = waysOn(error, failed);
  const chosen = await notify('error', text, ...ways.map(([title]) => title));
  const [, command, argument] = ways.find(([title]) => title === chosen) ?? [];
  if (command !== undefined) await registry.executeCommand(command, argument);
}

export function waysOn(error: WorkbenchError, { id, command, signIn }: Failed): readonly Way[] {
  const { remedies = ['settings', 'log'] } = errorTable[error.code];
  const row = { kind: 'connection', id: id ?? error.data.connection };
  const ways: Readonly<Record<Remedy, Way | undefined>> = {
    trust: [l10n.t('Manage Workspace Trust'), 'workbench.trust.manage'],
    log: [l10n.t('Show Log'), commands.showLog],
    // A name without a scheme is no address that a setting could hold.
    issuer:
      row.id === undefined || (error.code === 'issuer_mismatch' && error.data.difference === 'scheme')
        ? undefined
        : [l10n.t('Set Issuer...'), commands.setIssuer, row],
    settings: [l10n.t('Open Settings'), commands.openSettings, id === undefined ? {} : { connection: id }],
    credentials: row.id === undefined ? undefined : [l10n.t('Set Client Secret or Key'), commands.setClientSecret, row],
  };
  const offered = remedies.flatMap(remedy => (ways[remedy] ? [ways[remedy]] : []));
  if (id === undefined || !remedies.includes('log')) return offered.slice(0, 2);
  const first: Way | undefined = signIn
    ? [l10n.t('Sign In'), commands.signIn, row]
    : command !== undefined && isTransient(error)
      ? [l10n.t('Try Again'), command, row]
      : undefined;
  return (first ? [first, ...offered.slice(-1)] : offered).slice(0, 2);
}

/** Whoever cancels a sign-in may have done so for what the page in the browser says. */
export async function adviseRedirect(data: Pick<DataOf<ErrorCode>, 'redirectUri'>): Promise<void> {
  const copy = l10n.t('Copy Redirect URI');
  if ((await notify('info', complaintText(data), copy)) === copy) await toClipboard(valueText(data.redirectUri));
}
