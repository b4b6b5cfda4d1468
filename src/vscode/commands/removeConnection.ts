import { l10n } from 'vscode';
import type { Clock, SharedNotes } from '../../core/ports.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import type { Vault } from '../../core/records/vault.ts';
import type { Histories } from '../../core/refresh/histories.ts';
import type { Refresher } from '../../core/refresh/refresher.ts';
import { signOut } from '../../core/signIn/signOut.ts';
import type { Connections } from '../connections.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { confirm } from '../screen.ts';
import { removeFromSettings } from '../settings.ts';
import { type Command, textField } from './command.ts';

export interface RemoveParts {
  readonly sessions: Sessions;
  readonly vault: Vault;
  readonly refresher: Refresher;
  readonly lock: Pick<SharedNotes, 'forget'>;
  readonly clock: Clock;
  readonly connections: Connections;
  readonly histories: Histories;
}

interface Argument {
  readonly connection: string;
}

/** Takes the connection out of the settings, and everything stored for it out of SecretStorage. */
export function removeConnectionCommand(parts: RemoveParts): Command<Argument, { id: string }> {
  const { sessions, vault, refresher, connections, histories, lock, clock } = parts;
  return {
    needsTrust: false,
    parse: fields => ({ connection: textField(fields, 'connection') }),
    async ask(node) {
      const picked = await pickConnection(sessions, node, l10n.t('Remove which connection?'));
      if (picked === undefined) return undefined;
      const { connection, record } = sessionOf(sessions, picked.connection);
      const remove = l10n.t('Remove');
      const detail = record?.tokens
        ? l10n.t(
            'Its entry in your settings and its stored tokens are deleted. A refresh token that is deleted cannot be brought back: you would have to sign in again.',
          )
        : l10n.t('Its entry in your settings is deleted.');
      const question = l10n.t('Remove the connection "{0}"?', connection.label);
      return (await confirm(question, detail, remove)) === remove ? picked : undefined;
    },
    async run({ connection: id }) {
      sessionOf(sessions, id);
      // Other windows still have what they know of it, and a refresh under way there would bring it back.
      await signOut({ vault, lock, sessions, clock, discard: refresher.discard }, id);
      // The secret goes first: an entry without tokens is harmless, tokens without an entry would be forgotten.
      await vault.delete(id);
      sessions.forget(id);
      await histories.remove(id);
      if (connections.isMemoryOnly(id)) connections.removeMemoryOnly(id);
      else await removeFromSettings(id);
      connections.reload();
      return { id };
    },
  };
}
