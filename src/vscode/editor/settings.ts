import { type TextDocument, workspace } from 'vscode';
import { settings } from '../../contributions.ts';

type Where = 'off' | 'jwt' | 'all';

function read<T>(name: string, fallback: T): T {
  return workspace.getConfiguration(settings.section).get<T>(name) ?? fallback;
}

/** Whether tokens in terminals are links. */
export function wantsTerminalLinks(): boolean {
  return read(settings.terminalLinks, true);
}

/** Whether a staged token is warned of. */
export function wantsStagedWarning(): boolean {
  return read(settings.warnWhenStaged, false);
}

/** Whether a feature with the choice "off, in .jwt files, everywhere" is wanted in this document. */
export function isWanted(
  name: 'hover' | 'codeLens' | 'inlayHints' | 'colorTokens' | 'diagnostics',
  document: TextDocument,
): boolean {
  const value = read<boolean | Where>(settings[name], 'jwt');
  if (typeof value === 'boolean') return value;
  return value === 'all' || (value === 'jwt' && document.languageId === 'jwt');
}
