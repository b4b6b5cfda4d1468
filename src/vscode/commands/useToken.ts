import { ConfigurationTarget, l10n, Uri, WorkspaceEdit, window, workspace } from 'vscode';
import { commands } from '../../contributions.ts';
import type { StoredConsent } from '../../core/broker/broker.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { type Asker, isRefreshable, type Session, tokenOf } from '../../core/records/sessions.ts';
import { type Place, placeFields, placeIn, replacementOf, tokenAtCursor, tokenAtPlace } from '../editor/scan.ts';
import { pickConnection, sessionOf } from '../prompts/pick.ts';
import { pick } from '../prompts/questions.ts';
import { flash, notify, toClipboard } from '../screen.ts';
import { askerText, handOutText } from '../text/history.ts';
import { listText, relativeText } from '../text/time.ts';
import { type Behaviour, defineCommand, type Services } from './command.ts';
import { choice, connectionId, optional, seconds, type Values, withDefault } from './fields.ts';

/** Commands that bring a token to where it is used. Each uses the broker, which refreshes first if needed. */
const hasToken = (session: Session) => tokenOf(session, 'access_token') !== undefined || isRefreshable(session);

const getFields = {
  connection: connectionId,
  token: withDefault(choice('access_token', 'id_token'), 'access_token'),
  minTtl: optional(seconds),
};

interface GetArgument extends Values<typeof getFields> {
  /** The user has just chosen the connection. */
  readonly chosen?: boolean;
}

/** Returns the token as a string, for `${input:…}` in tasks.json and launch.json. */
export const getToken = defineCommand(
  {
    name: 'getToken',
    needsTrust: true,
    fields: getFields,
    returns:
      'the token as a string, for the inputs of tasks.json and launch.json. `minTtl`: seconds for which it must still be valid',
    returnsToken: true,
  },
  getting,
);

function getting({ sessions, broker, workspaceAsker }: Services): Behaviour<GetArgument, GetArgument, string> {
  return {
    async ask(node) {
      const picked = await pickConnection(sessions, node, l10n.t('Use the token of which connection?'), hasToken);
      return picked && { ...picked, token: 'access_token', chosen: true };
    },
    async run({ chosen, minTtl, ...asked }, signal) {
      const query = { ...asked, ...(minTtl !== undefined && { minTtl }) };
      const asker: Asker = chosen ? { kind: 'user' } : workspaceAsker();
      return (await broker().token(asker, { ...query, purpose: commands.getToken }, signal)).token;
    },
  };
}

interface InsertArgument {
  readonly connection: string;
}

export const insertToken = defineCommand(
  {
    name: 'insertToken',
    needsTrust: true,
    completes: 'used',
    fields: { connection: connectionId },
    returns: '`{ inserted }`',
  },
  inserting,
);

function inserting({ sessions, broker }: Services): Behaviour<InsertArgument, InsertArgument, { inserted: boolean }> {
  return {
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

/** Replaces a token in a document with the fresh one of its connection, in one undo step. */
export const replaceToken = defineCommand(
  {
    name: 'replaceToken',
    needsTrust: true,
    fields: placeFields,
    returns: '`{ connection, replaced }`. The document must be open; line and character start at 0',
  },
  replacing,
);

function replacing({
  sessions,
  broker,
}: Services): Behaviour<Values<typeof placeFields>, ReplaceArgument, { connection: string; replaced: boolean }> {
  return {
    accept(given) {
      const place = placeIn(given);
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
      const replacement = replacementOf(found, sessions);
      if (replacement === undefined) throw new WorkbenchError('no_owner');
      const { connection, name } = replacement;
      const { token } = await broker().token(
        { kind: 'user' },
        { connection: connection.id, token: name, purpose: commands.replaceToken },
        signal,
      );
      // The document may have changed during the request, so the token's place is determined again.
      const now = await tokenAtPlace(place, sessions);
      const edit = new WorkspaceEdit();
      edit.replace(Uri.parse(place.uri, true), now.range, token);
      return { connection: connection.id, replaced: await workspace.applyEdit(edit) };
    },
    report: ({ connection }) =>
      flash(l10n.t('Replaced with a fresh token of {0}', sessions.connection(connection)?.label ?? connection)),
  };
}

const configurationFields = { connection: connectionId, file: withDefault(choice('launch', 'tasks'), 'launch') };

/** Writes the `inputs` entry for a connection and copies the reference to it. */
export const useInConfiguration = defineCommand(
  {
    name: 'useInConfiguration',
    needsTrust: true,
    completes: 'used',
    fields: configurationFields,
    returns: '`{ reference, file }`; the reference is on the clipboard',
  },
  configuring,
);

function configuring({
  sessions,
}: Services): Behaviour<
  Values<typeof configurationFields>,
  Values<typeof configurationFields>,
  { reference: string; file: string }
> {
  return {
    async ask(node) {
      const picked = await pickConnection(sessions, node, l10n.t('Use the token of which connection?'), hasToken);
      if (picked === undefined) return undefined;
      const chosen = await pick(
        [
          { label: 'launch.json', file: 'launch' as const, description: l10n.t('for launch configurations') },
          { label: 'tasks.json', file: 'tasks' as const, description: l10n.t('for tasks') },
        ],
        { title: l10n.t('Where do you want to use the token?') },
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
          '{0} now has an input for this token, and {1} is on the clipboard: paste it where the token is needed, for example as a value of "env". For the integrated terminal, use jwtw exec instead: there, VS Code types the values of "env" onto the command line.',
          file,
          reference,
        ),
      );
    },
  };
}

/** Lists programs that may get tokens, and programs that got one. */
export const manageAccess = defineCommand(
  {
    name: 'manageAccess',
    needsTrust: false,
    fields: {},
    returns: '`[{ asker, connection, consent }]`',
  },
  managing,
);

function managing({ sessions, clock, consents }: Services): Behaviour<object, object, readonly StoredConsent[]> {
  const label = (id: string) => sessions.connection(id)?.label ?? id;
  return {
    ask: async () => ({}),
    run: () => consents().list(),
    answer: list => list.map(({ asker, connection, consent }) => ({ asker: asker.kind, connection, consent })),
    async report(list) {
      const items = [
        ...list.map(consent => ({
          label: label(consent.connection),
          description: listText([askerText(consent.asker), consentText(consent)]),
          detail: l10n.t('Select to revoke'),
          consent,
        })),
        ...sessions
          .list()
          .flatMap(({ handOuts = [] }) => handOuts)
          .sort((one, other) => other.at - one.at)
          .map(handOut => ({
            label: label(handOut.connection),
            description: listText([relativeText(handOut.at, clock.now()), handOutText(handOut, true)]),
          })),
      ];
      if (items.length === 0)
        return void notify('info', l10n.t('No program outside VS Code has asked for a token yet.'));
      const chosen = await pick<{ label: string; description: string; consent?: StoredConsent }>(items, {
        title: l10n.t('Token Access'),
        placeHolder: l10n.t('Programs that may get tokens, and the tokens they got in this window'),
      });
      if (chosen?.consent === undefined) return;
      await consents().revoke(chosen.consent);
      flash(l10n.t('Revoked: the next request asks again'));
    },
  };
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
