import { l10n, window } from 'vscode';
import type { Clock, SharedNotes } from '../../core/ports.ts';
import type { Refresher } from '../../core/refresher.ts';
import type { Sessions } from '../../core/sessions.ts';
import type { SignIns } from '../../core/signIns.ts';
import { signOut } from '../../core/signOut.ts';
import type { Vault } from '../../core/vault.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { type Command, textField } from './command.ts';

export interface SignOutParts {
  readonly sessions: Sessions;
  readonly vault: Vault;
  readonly refresher: Refresher;
  readonly signIns: SignIns;
  readonly lock: Pick<SharedNotes, 'forget'>;
  readonly clock: Clock;
}

interface Argument {
  readonly connection: string;
}

/** Deletes the stored tokens and keeps the connection. The issuer is not told: the answer says `revoked: false`. */
export function signOutCommand({
  sessions,
  vault,
  refresher,
  signIns,
  lock,
  clock,
}: SignOutParts): Command<Argument, { revoked: boolean }> {
  return {
    needsTrust: false,
    parse: fields => ({ connection: textField(fields, 'connection') }),
    async ask(node) {
      const hasTokens = ({ record }: { record?: unknown }) => record !== undefined;
      const picked = await pickConnection(
        sessions,
        node,
        l10n.t('Delete the tokens of which connection?'),
        hasTokens,
      );
      if (picked === undefined) return undefined;
      const { label } = sessionOf(sessions, picked.connection).connection;
      const remove = l10n.t('Delete');
      const question = l10n.t('Delete the stored tokens of "{0}"?', label);
      const detail = l10n.t(
        'The connection stays. The refresh token is deleted here but not revoked at the issuer, and it cannot be brought back.',
      );
      return (await window.showWarningMessage(question, { modal: true, detail }, remove)) === remove
        ? picked
        : undefined;
    },
    async run({ connection: id }) {
      sessionOf(sessions, id);
      signIns.cancel(id);
      await signOut({ vault, lock, sessions, clock, discard: refresher.discard }, id);
      return { revoked: false };
    },
  };
}
