import { l10n, commands as registry } from 'vscode';
import { commands } from '../../contributions.ts';
import { type ErrorCode, type ErrorData, passing, type WorkbenchError } from '../../core/errors.ts';
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

/** A secret or a key that is missing can be given right here. */
const secrets: ReadonlySet<ErrorCode> = new Set(['client_secret_missing', 'private_key_missing']);

/** About the text that was given: neither a setting nor the log says more. */
const plain: ReadonlySet<ErrorCode> = new Set([
  'nothing_to_pick',
  'no_such_token',
  'not_a_token',
  'nothing_to_import',
  'key_invalid',
  'not_encrypted',
  'jwe_refused',
  'decryption_failed',
  'mock_running',
  'mock_not_running',
]);

export function waysOn({ code, data }: WorkbenchError, { id, command, signIn }: Failed): readonly Way[] {
  if (code === 'not_trusted') return [[l10n.t('Manage Workspace Trust'), 'workbench.trust.manage']];
  if (plain.has(code) || code.startsWith('token_')) return [];
  const log: Way = [l10n.t('Show Log'), commands.showLog];
  const settings: Way = [l10n.t('Open Settings'), commands.openSettings, id === undefined ? {} : { connection: id }];
  const row = { kind: 'connection', id: id ?? data.connection };
  if (secrets.has(code) && row.id !== undefined)
    return [[l10n.t('Set Client Secret or Key'), commands.setClientSecret, row], settings];
  if (id !== undefined && signIn) return [[l10n.t('Sign In'), commands.signIn, row], log];
  const isTheirs = code === 'http_error' && Number(data.status) >= 429;
  if (id !== undefined && command !== undefined && (isTheirs || passing.has(code)))
    return [[l10n.t('Try Again'), command, row], log];
  return [settings, log];
}

/** Whoever cancels a sign-in may have done so for what the page in the browser says. */
export async function adviseRedirect(data: ErrorData): Promise<void> {
  const copy = l10n.t('Copy Redirect URI');
  if ((await notify('info', complaintText(data), copy)) === copy) await toClipboard(valueText(data.redirectUri));
}
