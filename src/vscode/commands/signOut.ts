import { l10n, window, workspace } from 'vscode';
import { type EndSessionParts, endSession } from '../../core/endSession.ts';
import { classify, WorkbenchError } from '../../core/errors.ts';
import type { Refresher } from '../../core/refresher.ts';
import type { SignIns } from '../../core/signIns.ts';
import { signOut } from '../../core/signOut.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { describeError } from '../text/errors.ts';
import { type Command, textField } from './command.ts';

export interface SignOutParts extends Omit<EndSessionParts, 'discard'> {
  readonly refresher: Refresher;
  readonly signIns: SignIns;
}

interface Argument {
  readonly connection: string;
  /** Left out: where the issuer offers it. */
  readonly revoke?: boolean;
  /** Somebody is there to be asked what to do where the issuer cannot be reached. */
  readonly asked?: true;
}

interface SignedOut {
  readonly revoked: boolean;
  readonly failure?: WorkbenchError;
}

/** Revokes the tokens at the issuer and deletes them here. Where the issuer cannot be told, they stay until one says so. */
export function signOutCommand(parts: SignOutParts): Command<Argument, SignedOut> {
  const { sessions, refresher, signIns } = parts;
  const ending = { ...parts, discard: refresher.discard };
  const label = ({ connection }: Argument) => sessions.connection(connection)?.label ?? connection;
  return {
    needsTrust: false,
    parse(fields) {
      const { revoke } = fields;
      if (revoke !== undefined && typeof revoke !== 'boolean')
        throw new WorkbenchError('argument_invalid', { field: 'revoke', expected: 'boolean' });
      return { connection: textField(fields, 'connection'), ...(revoke !== undefined && { revoke }) };
    },
    async ask(node) {
      const hasTokens = ({ record }: { record?: unknown }) => record !== undefined;
      const title = l10n.t('Sign out of which connection?');
      const picked = await pickConnection(sessions, node, title, hasTokens);
      if (picked === undefined) return undefined;
      const both = l10n.t('Sign Out');
      const here = l10n.t('Only Delete Here');
      const question = l10n.t('Sign out of "{0}"?', label(picked));
      const detail = l10n.t(
        'The tokens are revoked at the issuer, where it offers that, and then deleted here. The connection stays. A refresh token cannot be brought back.',
      );
      // Nothing is sent before the workspace is trusted.
      const ways = workspace.isTrusted ? [both, here] : [here];
      const answer = await window.showWarningMessage(question, { modal: true, detail }, ...ways);
      if (answer === undefined) return undefined;
      return { ...picked, asked: true, ...(answer === here && { revoke: false }) };
    },
    async run({ connection: id, revoke, asked }, signal) {
      sessionOf(sessions, id);
      if (revoke === true && !workspace.isTrusted) throw new WorkbenchError('not_trusted');
      signIns.cancel(id);
      if (revoke === false || !workspace.isTrusted) {
        await signOut(ending, id);
        return { revoked: false };
      }
      try {
        return { revoked: await endSession(ending, id, revoke ? 'required' : 'offered', signal) };
      } catch (error) {
        const failure = classify(error);
        if (!asked || failure.code === 'cancelled') throw failure;
        return { revoked: false, failure };
      }
    },
    answer: ({ revoked }) => ({ revoked }),
    progress: argument => l10n.t('Signing out of {0}', label(argument)),
    labelOf: label,
    async report({ revoked, failure }, argument) {
      if (failure === undefined) {
        const text = revoked
          ? l10n.t('Signed out of {0}. The issuer has revoked the tokens.', label(argument))
          : l10n.t('The tokens of {0} are deleted here. The issuer was not told.', label(argument));
        window.setStatusBarMessage(`$(check) ${text}`, 5000);
        return;
      }
      const anyway = l10n.t('Delete Here Anyway');
      const text = l10n.t(
        'Not signed out, the tokens are still here: they could not be revoked. {0}',
        describeError(failure, { label: label(argument) }),
      );
      if ((await window.showWarningMessage(text, anyway)) === anyway)
        await signOut(ending, argument.connection);
    },
  };
}
