import { l10n } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { TokenClaims } from '../../core/imports/tokenOwner.ts';
import type { Discovery } from '../../core/issuer/discovery.ts';
import { readConnection } from '../../core/records/connection.ts';
import type { ClientCredentials } from '../../core/records/credentials.ts';
import { emptyRecord } from '../../core/records/record.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import type { Vault } from '../../core/records/vault.ts';
import type { Connections } from '../connections.ts';
import { askConnection } from '../prompts/newConnection.ts';
import { flash } from '../screen.ts';
import { addToSettings } from '../settings.ts';
import type { Command } from './command.ts';
import { assertCredentials, credentialFields } from './setClientSecret.ts';

export interface AddParts {
  readonly sessions: Sessions;
  readonly vault: Vault;
  readonly connections: Connections;
  readonly discovery: () => Promise<Discovery>;
  readonly show: (id: string) => unknown;
}

interface Argument {
  /** An entry of the setting, checked by the same reader. */
  readonly connection: unknown;
  readonly credentials: ClientCredentials;
}

export function addConnectionCommand(parts: AddParts): Command<Argument, { id: string }> {
  const { sessions, vault, connections } = parts;
  return {
    needsTrust: true,
    parse: fields => ({ connection: fields.connection, credentials: credentialFields(fields) }),
    ask: () => ask(parts),
    async run({ connection: entry, credentials }) {
      const { connection, problems } = readConnection(entry);
      const flaw = problems.find(({ severity }) => severity === 'error');
      if (connection === undefined) {
        throw new WorkbenchError('connection_invalid', {
          field: flaw?.field,
          problem: flaw?.code,
          found: flaw?.found,
        });
      }
      const { id } = connection;
      if (sessions.get(id)) throw new WorkbenchError('connection_exists', { connection: id });
      await assertCredentials(connection, credentials);
      // First: where settings.json cannot be written, no secret stays behind without a connection.
      await addToSettings(entry as object);
      if (Object.keys(credentials).length > 0)
        await vault.update(id, (record = emptyRecord(id)) => ({ ...record, ...credentials }));
      connections.reload();
      return { id };
    },
    async report({ id }) {
      await parts.show(id);
      const label = sessions.connection(id)?.label ?? id;
      flash(l10n.t('Connection {0} added. Sign in next, or import tokens that you have.', label));
    },
  };
}

/** Asks for a connection and adds it; its id, unless the user turned away. */
export async function addByAsking(parts: AddParts, proposal: TokenClaims): Promise<string | undefined> {
  const answer = await ask(parts, proposal);
  if (answer === undefined) return undefined;
  return (await addConnectionCommand(parts).run(answer, new AbortController().signal)).id;
}

function ask({ sessions, discovery }: AddParts, proposal: TokenClaims = {}): Promise<Argument | undefined> {
  const taken = sessions.list().map(({ connection }) => connection.id);
  return askConnection(discovery, taken, proposal);
}
