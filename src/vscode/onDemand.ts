/** Loaded at the first view or command: tree rows, commands, sentences, checks, and editor features for tokens. */
import type { CommandName } from '../contributions.ts';
import { createRememberedKeys } from '../core/checks/rememberedKeys.ts';
import type { SecretVault } from '../core/ports.ts';
import type { Command, Handler, Services } from './commands/command.ts';
import * as compare from './commands/compare.ts';
import * as connections from './commands/connections.ts';
import * as copy from './commands/copy.ts';
import * as decode from './commands/decode.ts';
import * as exchangeToken from './commands/exchangeToken.ts';
import * as importTokens from './commands/importTokens.ts';
import * as introspect from './commands/introspect.ts';
import * as leaks from './commands/leaks.ts';
import * as mock from './commands/mock.ts';
import * as refresh from './commands/refresh.ts';
import * as signIn from './commands/signIn.ts';
import * as signOut from './commands/signOut.ts';
import * as torture from './commands/torture.ts';
import * as useToken from './commands/useToken.ts';
import * as verify from './commands/verify.ts';
import { createKeyChooser } from './prompts/keys.ts';

export { createVerifier } from '../core/checks/verifier.ts';
export { createColors, followLink, hintsOf, lensesOf, linksIn, mockLens } from './editor/annotations.ts';
export { claimHoverAt, hoverAt } from './editor/hover.ts';
export { diagnosticsOf, fixesFor, settingsProblems } from './editor/problems.ts';
export { watchStaged } from './leaks/search.ts';
export { handledRedirectUri, reportArrival } from './signInPage.ts';
export { resolveItem, treeItem } from './tree/items.ts';

/**
 * The services that extension.ts provides. The others are created here, because they are loaded with their sentences.
 */
export interface ServiceParts extends Omit<Services, 'keys' | 'remembered' | 'leakList'> {
  readonly secretStore: SecretVault;
}

/** The modules that define commands. Every exported command definition counts; there is no other list. */
const files: readonly object[] = [
  ...[connections, importTokens, refresh, signIn, signOut, exchangeToken, introspect, copy],
  ...[decode, verify, compare, leaks, useToken, mock, torture],
];

export const definitions: readonly Command[] = files.flatMap(file => Object.values(file).filter(isCommand));

function isCommand(value: unknown): value is Command {
  return typeof value === 'object' && value !== null && 'handler' in value && 'fields' in value;
}

/** The handlers of all commands. frontDoor.ts registers the commands before this module is loaded. */
export function createHandlers({ secretStore, ...built }: ServiceParts): ReadonlyMap<CommandName, Handler> {
  const remembered = createRememberedKeys(secretStore, built.clock);
  const leakList = leaks.createLeakList(built);
  const services: Services = { ...built, remembered, leakList, keys: createKeyChooser({ ...built, remembered }) };
  return new Map(definitions.map(({ name, handler }) => [name, handler(services)]));
}
