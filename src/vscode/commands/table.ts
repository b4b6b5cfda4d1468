import type { CommandName } from '../../contributions.ts';
import { createRememberedKeys } from '../../core/checks/rememberedKeys.ts';
import type { SecretVault } from '../../core/ports.ts';
import { createKeyChooser } from '../prompts/keys.ts';
import type { Command, Handler } from './command.ts';
import * as compare from './compare.ts';
import * as connections from './connections.ts';
import * as copy from './copy.ts';
import * as decode from './decode.ts';
import * as exchangeToken from './exchangeToken.ts';
import * as importTokens from './importTokens.ts';
import * as introspect from './introspect.ts';
import * as leaks from './leaks.ts';
import * as mock from './mock.ts';
import * as refresh from './refresh.ts';
import type { Services } from './services.ts';
import * as setIssuer from './setIssuer.ts';
import * as signIn from './signIn.ts';
import * as signOut from './signOut.ts';
import * as torture from './torture.ts';
import * as useToken from './useToken.ts';
import * as verify from './verify.ts';

/**
 * The services that extension.ts provides. The others are created here, because they are loaded with their sentences.
 */
export interface ServiceParts extends Omit<Services, 'keys' | 'remembered' | 'leakList'> {
  readonly secretStore: SecretVault;
}

/** The modules that define commands. Every exported command definition counts; there is no other list. */
const files: readonly object[] = [
  ...[connections, setIssuer, importTokens, refresh, signIn, signOut, exchangeToken, introspect, copy],
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
