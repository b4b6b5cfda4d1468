import type { CommandName } from '../../contributions.ts';
import { createRememberedKeys } from '../../core/checks/rememberedKeys.ts';
import type { Verifier } from '../../core/checks/verifier.ts';
import type { TokenClaims } from '../../core/imports/tokenOwner.ts';
import type { Log, SecretVault, SharedLock } from '../../core/ports.ts';
import type { RecordParts } from '../../core/records/changeRecord.ts';
import type { MockService } from '../mockIssuer.ts';
import { createKeyChooser } from '../prompts/pickKey.ts';
import type { StatusBar } from '../statusBar.ts';
import type { TokenDocuments } from '../tokenDocuments.ts';
import { type AddParts, addByAsking, addConnectionCommand } from './addConnection.ts';
import { type Command, type Handler, handlerOf } from './command.ts';
import { type CompareParts, compareCommand } from './compare.ts';
import { type CopyParts, copyTokenCommand } from './copyToken.ts';
import { decodeCommand } from './decode.ts';
import { decryptCommand } from './decrypt.ts';
import { type ExchangeParts, exchangeTokenCommand } from './exchangeToken.ts';
import { forgetKeysCommand } from './forgetKeys.ts';
import { importTokensCommand, undoImportCommand } from './importTokens.ts';
import { type InspectParts, inspectCommand } from './inspect.ts';
import { type AskIssuerParts, introspectCommand, userInfoCommand } from './introspect.ts';
import { findLeaksCommand, moveTokenCommand } from './leaks.ts';
import { copyPayloadCommand, decodeSelectionCommand } from './looking.ts';
import { clearMockFaultsCommand, setMockFaultsCommand } from './mockFaults.ts';
import { copyMockAddressCommand, startMockIssuerCommand, stopMockIssuerCommand } from './mockIssuer.ts';
import { openSettingsCommand } from './openSettings.ts';
import { type RefreshParts, refreshCommand } from './refresh.ts';
import { refreshAllCommand } from './refreshAll.ts';
import { type RemoveParts, removeConnectionCommand } from './removeConnection.ts';
import { setClientSecretCommand } from './setClientSecret.ts';
import { type HistoryParts, showHistoryCommand } from './showHistory.ts';
import { type SignInCommandParts, signInCommand } from './signIn.ts';
import { type SignOutParts, signOutCommand } from './signOut.ts';
import { copyValueCommand, setActiveCommand } from './small.ts';
import { statusCommand } from './status.ts';
import {
  getTokenCommand,
  insertTokenCommand,
  manageAccessCommand,
  replaceTokenCommand,
  type UseParts,
  useInConfigurationCommand,
} from './useToken.ts';
import { verifyCommand } from './verify.ts';

export interface CommandParts
  extends RefreshParts,
    RemoveParts,
    AddParts,
    RecordParts,
    CompareParts,
    HistoryParts,
    Omit<InspectParts, 'keys'>,
    SignInCommandParts,
    CopyParts,
    SignOutParts,
    ExchangeParts,
    AskIssuerParts,
    UseParts {
  readonly show: (id: string) => unknown;
  readonly log: Log;
  readonly lock: SharedLock;
  readonly mock: MockService;
  readonly statusBar: StatusBar;
  readonly documents: TokenDocuments;
  readonly verifier: () => Promise<Verifier>;
  readonly secrets: SecretVault;
  /** Resolves when what is stored has been read: no command answers from half a picture. */
  readonly ready: () => Promise<void>;
}

/** What each command does, each from a file of its own. They are registered in frontDoor.ts before this is loaded. */
export function createHandlers(parts: CommandParts): ReadonlyMap<CommandName, Handler> {
  const { sessions, clock, mock, statusBar, show } = parts;
  const handlers = new Map<CommandName, Handler>();
  const register = <Argument, Result>(name: CommandName, command: Command<Argument, Result>) =>
    handlers.set(name, handlerOf(name, parts.log, parts.ready, command));

  const remembered = createRememberedKeys(parts.secrets, clock);
  const keys = createKeyChooser({ ...parts, remembered });
  register('addConnection', addConnectionCommand(parts));
  register('removeConnection', removeConnectionCommand(parts));
  register('setClientSecret', setClientSecretCommand(parts));
  const importParts = { ...parts, addConnection: (proposal: TokenClaims) => addByAsking(parts, proposal) };
  register('importTokens', importTokensCommand(importParts));
  register('undoImport', undoImportCommand(parts));
  register('refresh', refreshCommand(parts));
  register('refreshAll', refreshAllCommand(parts));
  register('signIn', signInCommand(parts));
  register('signOut', signOutCommand(parts));
  register('exchangeToken', exchangeTokenCommand(parts));
  register('introspect', introspectCommand(parts));
  register('userInfo', userInfoCommand(parts));
  register('copyToken', copyTokenCommand(parts));
  register('status', statusCommand(sessions, clock, show));
  register('decode', decodeCommand(parts));
  register('verify', verifyCommand({ ...parts, keys }));
  register('decrypt', decryptCommand({ ...parts, keys }));
  register('forgetKeys', forgetKeysCommand(remembered));
  register('startMockIssuer', startMockIssuerCommand(mock, show));
  register('stopMockIssuer', stopMockIssuerCommand(mock));
  register('copyMockAddress', copyMockAddressCommand(mock));
  register('setMockFaults', setMockFaultsCommand(mock));
  register('clearMockFaults', clearMockFaultsCommand(mock));
  register('copyValue', copyValueCommand());
  register('setActive', setActiveCommand(sessions, statusBar));
  register('showHistory', showHistoryCommand(parts));
  register('inspect', inspectCommand({ ...parts, keys }));
  register('compare', compareCommand(parts));
  register('findLeaks', findLeaksCommand(parts));
  register('moveToken', moveTokenCommand(importParts));
  register('copyPayload', copyPayloadCommand(sessions));
  register('decodeSelection', decodeSelectionCommand(parts));
  register('openSettings', openSettingsCommand(sessions));
  register('getToken', getTokenCommand(parts));
  register('insertToken', insertTokenCommand(parts));
  register('replaceToken', replaceTokenCommand(parts));
  register('useInConfiguration', useInConfigurationCommand(parts));
  register('manageAccess', manageAccessCommand(parts));
  return handlers;
}
