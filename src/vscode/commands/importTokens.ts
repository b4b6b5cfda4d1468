import { l10n } from 'vscode';
import { type ImportedTokens, importText } from '../../core/imports/importText.ts';
import { type ImportParts, storeTokens } from '../../core/imports/importTokens.ts';
import { matchingConnections, type TokenClaims, tokenClaims } from '../../core/imports/tokenOwner.ts';
import type { Clock } from '../../core/ports.ts';
import type { Connection } from '../../core/records/connection.ts';
import { type Connections, pastedId } from '../connections.ts';
import { sessionOf } from '../prompts/pickConnection.ts';
import { pickTarget } from '../prompts/pickTarget.ts';
import { pickText } from '../prompts/pickText.ts';
import { flash, notify } from '../screen.ts';
import { describeImportWarning, describeSource } from '../text/imports.ts';
import { tokenTitle } from '../text/states.ts';
import { type Command, optionalText, textField } from './command.ts';

export interface ImportCommandParts extends ImportParts {
  readonly connections: Connections;
  readonly clock: Clock;
  /** Shows a connection in the sidebar. */
  readonly show: (id: string) => unknown;
  /** Asks for a new connection, starting from what the tokens say; its id, unless the user turned away. */
  readonly addConnection: (proposal: TokenClaims) => Promise<string | undefined>;
}

interface Argument {
  readonly connection?: string;
  readonly text: string;
}

interface ImportResult {
  readonly connection: string;
  readonly imported: readonly string[];
  readonly warnings: readonly string[];
}

export function importTokensCommand(parts: ImportCommandParts): Command<Argument, ImportResult> {
  const { sessions, connections, clock } = parts;

  function target({ connection }: Argument, found: ImportedTokens): Connection {
    if (connection !== undefined && connection !== pastedId) return sessionOf(sessions, connection).connection;
    const matching = connection === undefined ? matchingConnections(sessions.list(), found.tokens) : [];
    const [only] = matching;
    if (only && matching.length === 1) return only;
    return keepInMemory(connections);
  }

  return {
    needsTrust: true,
    parse: fields => {
      const connection = optionalText(fields, 'connection');
      return { text: textField(fields, 'text'), ...(connection !== undefined && { connection }) };
    },
    async ask(node) {
      const text = await pickText(l10n.t('Import Tokens'), text => describeSource(importText(text).source));
      if (text === undefined) return undefined;
      const { tokens } = importText(text);
      if (node !== undefined && 'id' in node) return { text, connection: node.id };
      const matching = matchingConnections(sessions.list(), tokens);
      const connection = await pickTarget(sessions, matching, tokenClaims(tokens), parts.addConnection);
      return connection === undefined ? undefined : { text, connection };
    },
    async run(argument, signal) {
      const found = importText(argument.text);
      const connection = target(argument, found);
      await storeTokens(parts, connection, found.tokens, clock.now(), signal);
      const imported = (['access_token', 'id_token', 'refresh_token'] as const).filter(name => found.tokens[name]);
      const warnings = found.warnings.map(describeImportWarning);
      const { issuer } = tokenClaims(found.tokens);
      if (connection.id === pastedId) {
        warnings.push(l10n.t('The tokens belong to no connection. They are kept in memory until this window closes.'));
      } else if (issuer !== undefined && connection.issuer !== undefined && issuer !== connection.issuer) {
        warnings.push(l10n.t('The token names the issuer {0}, the connection has {1}.', issuer, connection.issuer));
      }
      return { connection: connection.id, imported, warnings };
    },
    async report({ connection, imported, warnings }) {
      const names = imported.map(name => tokenTitle(name as 'access_token')).join(', ');
      const { label } = sessionOf(sessions, connection).connection;
      if (warnings.length === 0) {
        flash(l10n.t('Imported into {0}: {1}', label, names));
      } else {
        void notify('warning', l10n.t('Imported into {0}: {1}. {2}', label, names, warnings.join(' ')));
      }
      await parts.show(connection);
    },
  };
}

function keepInMemory(connections: Connections): Connection {
  const connection: Connection = {
    id: pastedId,
    label: l10n.t('Pasted tokens'),
    clientId: '-',
    tokenEndpointAuthMethod: 'none',
    autoRefresh: false,
    dpop: false,
    pushedAuthorizationRequests: false,
  };
  connections.addMemoryOnly(connection);
  return connection;
}
