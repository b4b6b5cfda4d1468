import { ConfigurationTarget, l10n, Uri, WorkspaceEdit, window, workspace } from 'vscode';
import { commands } from '../../contributions.ts';
import type { Broker, HandOut } from '../../core/broker/broker.ts';
import type { Asker, Consents, StoredConsent } from '../../core/broker/consents.ts';
import { WorkbenchError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { isRefreshable, tokenOf } from '../../core/records/session.ts';
import type { Session, Sessions } from '../../core/records/sessions.ts';
import { ownerOf } from '../editor/owner.ts';
import { type Place, readPlace, tokenAtCursor, tokenAtPlace } from '../editor/place.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { flash, notify, pick, toClipboard } from '../screen.ts';
import { durationText } from '../text/time.ts';
import { type Command, choiceField, textField } from './command.ts';

/** What brings a token to where it is used. Each goes through the broker, which refreshes first where it has to. */
export interface UseParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly broker: () => Broker;
  readonly consents: () => Consents;
  readonly workspaceAsker: () => Asker;
}

const hasToken = (session: Session) => tokenOf(session, 'access_token') !== undefined || isRefreshable(session);

interface GetArgument {
  readonly connection: string;
  readonly token: 'access_token' | 'id_token';
  readonly minTtl?: number;
  /** The user chose the connection just now. */
  readonly chosen?: boolean;
}

/** The token as a string, so that `${input:…}` of tasks.json and launch.json can be it. */
export function getTokenCommand({ sessions, broker, workspaceAsker }: UseParts): Command<GetArgument, string> {
  return {
    needsTrust: true,
    parse(fields) {
      const { minTtl } = fields;
      if (minTtl !== undefined && !(typeof minTtl === 'number' && minTtl >= 0))
        throw new WorkbenchError('argument_invalid', { field: 'minTtl', expected: 'number' });
      return {
        connection: textField(fields, 'connection'),
        token: choiceField(fields, 'token', ['access_token', 'id_token'], 'access_token'),
        ...(minTtl !== undefined && { minTtl }),
      };
    },
    async ask(node) {
      const picked = await pickConnection(sessions, node, l10n.t('Get the token of which connection?'), hasToken);
      return picked && { ...picked, token: 'access_token', chosen: true };
    },
    async run({ chosen, ...query }, signal) {
      const asker: Asker = chosen ? { kind: 'user' } : workspaceAsker();
      return (await broker().token(asker, { ...query, purpose: commands.getToken }, signal)).token;
    },
  };
}

interface InsertArgument {
  readonly connection: string;
}

export function insertTokenCommand({ sessions, broker }: UseParts): Command<InsertArgument, { inserted: boolean }> {
  return {
    needsTrust: true,
    parse: fields => ({ connection: textField(fields, 'connection') }),
    ask: async node => pickConnection(sessions, node, l10n.t('Insert the token of which connection?'), hasToken),
    async run({ connection }, signal) {
      const editor = window.activeTextEditor;
      if (editor === undefined) throw new WorkbenchError('no_editor');
      const { token } = await broker().token({ kind: 'user' }, { connection, purpose: commands.insertToken }, signal);
      const inserted = await editor.edit(edit => {
        for (const selection of editor.selections) edit.replace(selection, token);
      });
      return { inserted };
    },
    labelOf: ({ connection }) => sessions.connection(connection)?.label,
  };
}

interface ReplaceArgument {
  readonly place: Place;
}

/** Replaces a token in a document by the fresh one of the connection that it belongs to, in one undo step. */
export function replaceTokenCommand({
  sessions,
  broker,
}: UseParts): Command<ReplaceArgument, { connection: string; replaced: boolean }> {
  return {
    needsTrust: true,
    parse(fields) {
      const place = readPlace(fields);
      if (!place) throw new WorkbenchError('argument_invalid', { field: 'uri', expected: 'string' });
      return { place };
    },
    async ask() {
      const found = tokenAtCursor(sessions);
      if (!found) throw new WorkbenchError('not_a_token', { reason: 'empty' });
      return { place: found.place };
    },
    async run({ place }, signal) {
      const found = await tokenAtPlace(place, sessions);
      const owner = ownerOf(found, sessions);
      if (owner === undefined) throw new WorkbenchError('no_owner');
      const name = found.known?.name === 'id_token' ? 'id_token' : 'access_token';
      const { token } = await broker().token(
        { kind: 'user' },
        { connection: owner.id, token: name, purpose: commands.replaceToken },
        signal,
      );
      // The document may have changed while the issuer was asked: what is replaced is what stands there now.
      const now = await tokenAtPlace(place, sessions);
      const edit = new WorkspaceEdit();
      edit.replace(Uri.parse(place.uri, true), now.range, token);
      return { connection: owner.id, replaced: await workspace.applyEdit(edit) };
    },
    report: ({ connection }) =>
      flash(l10n.t('Replaced with a fresh token of {0}', sessions.connection(connection)?.label ?? connection)),
  };
}

interface ConfigurationArgument {
  readonly connection: string;
  readonly file: 'launch' | 'tasks';
}

/** Writes the `inputs` entry for a connection and copies the reference to it. */
export function useInConfigurationCommand({
  sessions,
}: UseParts): Command<ConfigurationArgument, { reference: string; file: string }> {
  return {
    needsTrust: true,
    parse: fields => ({
      connection: textField(fields, 'connection'),
      file: choiceField(fields, 'file', ['launch', 'tasks'], 'launch'),
    }),
    async ask(node) {
      const picked = await pickConnection(sessions, node, l10n.t('Use the token of which connection?'), hasToken);
      if (picked === undefined) return undefined;
      const chosen = await pick(
        [
          { label: 'launch.json', file: 'launch' as const, description: l10n.t('for launch configurations') },
          { label: 'tasks.json', file: 'tasks' as const, description: l10n.t('for tasks') },
        ],
        { title: l10n.t('Use the token where?') },
      );
      return chosen && { ...picked, file: chosen.file };
    },
    async run({ connection, file }) {
      sessionOf(sessions, connection);
      const [folder] = workspace.workspaceFolders ?? [];
      if (folder === undefined) throw new WorkbenchError('no_folder');
      const id = `jwtWorkbench.${connection}`;
      const configuration = workspace.getConfiguration(file, folder.uri);
      const stored = configuration.inspect<unknown>('inputs')?.workspaceFolderValue;
      const inputs: readonly unknown[] = Array.isArray(stored) ? stored : [];
      const entry = { id, type: 'command', command: commands.getToken, args: { connection } };
      const others = inputs.filter(
        each => !(typeof each === 'object' && each !== null && 'id' in each && each.id === id),
      );
      await configuration.update('inputs', [...others, entry], ConfigurationTarget.WorkspaceFolder);
      const reference = `\${input:${id}}`;
      await toClipboard(reference);
      return { reference, file: `${file}.json` };
    },
    report({ reference, file }) {
      void notify(
        'info',
        l10n.t(
          '{0} has an input for this token, and {1} was copied: paste it where the token is needed, for example as a value of "env". For the integrated terminal use jwtw exec instead: VS Code types the values of "env" onto the command line there.',
          file,
          reference,
        ),
      );
    },
  };
}

/** Who may have tokens, and who had one. */
export function manageAccessCommand({
  sessions,
  clock,
  broker,
  consents,
}: UseParts): Command<object, readonly StoredConsent[]> {
  const label = (id: string) => sessions.connection(id)?.label ?? id;
  return {
    needsTrust: false,
    parse: () => ({}),
    ask: async () => ({}),
    run: () => consents().list(),
    answer: list => list.map(({ asker, connection, consent }) => ({ asker: asker.kind, connection, consent })),
    async report(list) {
      const items = [
        ...list.map(consent => ({
          label: label(consent.connection),
          description: `${askerText(consent.asker)}, ${consentText(consent)}`,
          detail: l10n.t('Select to revoke'),
          consent,
        })),
        ...broker()
          .handOuts()
          .map(handOut => ({
            label: label(handOut.connection),
            description: handOutText(handOut, clock.now()),
          })),
      ];
      if (items.length === 0)
        return void notify('info', l10n.t('No program outside VS Code has asked for a token yet.'));
      const chosen = await pick<{ label: string; description: string; consent?: StoredConsent }>(items, {
        title: l10n.t('Token Access'),
        placeHolder: l10n.t('Programs that may have tokens, and what was handed out in this window'),
      });
      if (chosen?.consent === undefined) return;
      await consents().revoke(chosen.consent);
      flash(l10n.t('Revoked: the next request asks again'));
    },
  };
}

function askerText(asker: Asker): string {
  switch (asker.kind) {
    case 'workspace':
      return asker.uri === '' ? l10n.t('terminals and tasks') : l10n.t('terminals and tasks of {0}', asker.uri);
    case 'machine':
      return l10n.t('every program of this user');
    case 'extension':
      return l10n.t('another extension');
    case 'user':
      return l10n.t('you');
  }
}

function consentText({ consent }: StoredConsent): string {
  switch (consent) {
    case 'always':
      return l10n.t('always allowed');
    case 'session':
      return l10n.t('allowed until VS Code closes');
    case 'denied':
      return l10n.t('denied until VS Code closes');
  }
}

export function handOutText({ at, asker, purpose }: HandOut, now: number): string {
  const ago = l10n.t('{0} ago', durationText(now - at));
  return [ago, askerText(asker), ...(purpose === '' ? [] : [purpose])].join(', ');
}
