import { l10n, languages, Range, commands as registry, Uri, WorkspaceEdit, workspace } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { Leak } from '../../core/imports/leakScan.ts';
import { type ImportPlan, importedNames, planImport } from '../../core/imports/tokenOwner.ts';
import type { Connection } from '../../core/records/connection.ts';
import { endOf, type Session } from '../../core/records/sessions.ts';
import { pastedId } from '../connections.ts';
import { setMenuKey } from '../contextKeys.ts';
import { knownTokenAt, ownerOf, type Place, placeFields, placeIn, tokensIn } from '../editor/scan.ts';
import { gitApi, type LeakList, leaksIn, searchStaged, searchWorkspace, stagedFiles } from '../leaks/search.ts';
import { pickConnection } from '../prompts/pick.ts';
import { pick } from '../prompts/questions.ts';
import { confirm, flash, notify } from '../screen.ts';
import { type Behaviour, defineCommand, type Services } from './command.ts';
import { flag, type Values, withDefault } from './fields.ts';
import { importInto, keptInMemory, mayImport } from './importTokens.ts';

interface Found {
  readonly searched: number;
  readonly cut: boolean;
  readonly leaks: readonly { readonly uri: string; readonly line: number; readonly kind: Leak['kind'] }[];
}

interface Scope {
  /** Search only what Git would commit next. */
  readonly staged: boolean;
}

/** Lists tokens that still work, found in the files of the workspace, in the Problems panel. */
export const findLeaks = defineCommand(
  {
    name: 'findLeaks',
    needsTrust: false,
    fields: { staged: withDefault(flag, false) },
    returns: '`{ searched, cut, leaks: [{ uri, line, kind }] }`',
  },
  finding,
);

/** Removes the results of Find Tokens from the Problems panel. */
export const clearLeaks = defineCommand(
  { name: 'clearLeaks', needsTrust: false, fields: {}, returns: '`{}`' },
  ({ leakList }) => ({
    ask: async () => ({}),
    async run() {
      leakList.clear();
      return {};
    },
  }),
);

/** A file is searched again when it is edited. */
export function createLeakList({ own, sessions, clock }: Pick<Services, 'own' | 'sessions' | 'clock'>): LeakList {
  const listed = own(languages.createDiagnosticCollection('jwtWorkbench.leaks'));
  own(
    workspace.onDidChangeTextDocument(({ document }) => {
      if (!listed.has(document.uri)) return;
      listed.set(document.uri, leaksIn(document, sessions, clock.now()));
      tell();
    }),
  );
  const tell = () =>
    void setMenuKey(
      'hasLeaks',
      [...listed].some(([, diagnostics]) => diagnostics.length > 0),
    );
  return {
    show(found) {
      listed.clear();
      for (const { uri, diagnostics } of found) listed.set(uri, diagnostics);
      tell();
    },
    clear() {
      listed.clear();
      tell();
    },
  };
}

function finding(services: Services): Behaviour<Scope, Scope, Found> {
  const { leakList } = services;
  return {
    ask: pickScope,
    progress: () => l10n.t('Searching the workspace for tokens'),
    async run({ staged }, signal, tell) {
      const search = staged ? searchStaged : searchWorkspace;
      const { searched, cut, found } = await search(services, signal, tell);
      leakList.show(found);
      const leaks = found.flatMap(({ uri, diagnostics, leaks }) =>
        leaks.map(({ kind }, index) => ({
          uri: uri.toString(),
          line: (diagnostics[index]?.range.start.line ?? 0) + 1,
          kind,
        })),
      );
      return { searched, cut, leaks };
    },
    async report({ leaks, searched, cut }) {
      const files = new Set(leaks.map(({ uri }) => uri)).size;
      if (leaks.length === 0) {
        const text = cut
          ? l10n.t('No unexpired token was found in the first {0} files.', searched)
          : l10n.t('No unexpired token was found in {0} files.', searched);
        flash(text, 8000);
        return;
      }
      await registry.executeCommand('workbench.panel.markers.view.focus');
      const clear = l10n.t('Clear Results');
      const of = cut ? l10n.t('the first {0}', searched) : `${searched}`;
      const text = l10n.t('Tokens that may still work: {0}. Files with tokens: {1} of {2}.', leaks.length, files, of);
      void notify('warning', text, clear).then(chosen => {
        if (chosen === clear) leakList.clear();
      });
    },
  };
}

/** Asks only if something is staged. */
async function pickScope(): Promise<Scope | undefined> {
  const count = await gitApi().then(
    api => stagedFiles(api).length,
    // Without Git, only the workspace can be searched.
    () => 0,
  );
  if (count === 0) return { staged: false };
  const all = { label: l10n.t('All files of the workspace'), staged: false };
  const some = {
    label: l10n.t('Files staged for the next commit'),
    description: l10n.t('{0} files', count),
    staged: true,
  };
  return pick([all, some], { title: l10n.t('Find Tokens In') });
}

/** Replaces a token in a file; the connection and the token's name follow. */
const placeholder = 'JWT_WORKBENCH_TOKEN';

/** `show`: a user called the command and can be asked. */
const fields = { ...placeFields, show: withDefault(flag, false) };

interface Moved {
  readonly moved: boolean;
  /** The connection it was moved to. */
  readonly connection?: string;
  readonly name?: string;
}

interface MoveArgument {
  readonly place: Place;
  /** A user called the command and can be asked. */
  readonly ask: boolean;
}

/**
 * Moves a token out of a file: imports it and puts a placeholder in its place that says where it is. The file is not
 * saved. The import replaces no other token: if the connection already holds one of this kind, the token goes into a
 * new connection in memory.
 */
export const moveToken = defineCommand(
  {
    name: 'moveToken',
    needsTrust: true,
    fields,
    returns: '`{ moved, connection?, name? }`. The document must be open; line and character start at 0',
  },
  moving,
);

function moving(parts: Services): Behaviour<Values<typeof fields>, MoveArgument, Moved> {
  const { sessions, connections, clock } = parts;

  /** `pasted`, or the first of `pasted-2`, `pasted-3` and so on in which the import replaces nothing. */
  function freeMemory(plan: ImportPlan): string {
    for (let number = 1; ; number++) {
      const id = number === 1 ? pastedId : `${pastedId}-${number}`;
      const session = sessions.get(id);
      if (session === undefined || (session.memoryOnly && !holdsOther(session, plan, clock.now()))) return id;
    }
  }

  /** The connection of the token's issuer, one that the user picks, or memory; `undefined` if the user cancelled. */
  async function target(plan: ImportPlan, token: string, ask: boolean): Promise<Connection | undefined> {
    const owner = ownerOf({ token }, sessions);
    if (owner && !holdsOther(sessions.get(owner.id), plan, clock.now())) return owner;
    const id = freeMemory(plan);
    if (owner && ask)
      void notify(
        'info',
        l10n.t('{0} has another token of this kind. This one is kept in memory until this window closes.', owner.label),
      );
    if (owner || !ask) return keptInMemory(connections, id);
    const move = l10n.t('Move');
    const pick = l10n.t('Choose a Connection');
    const answer = await confirm(
      l10n.t('Move this token into memory?'),
      l10n.t('No connection has its issuer. In memory it stays until this window closes.'),
      ...(sessions.list().length > 0 ? [move, pick] : [move]),
    );
    if (answer === move) return keptInMemory(connections, id);
    if (answer !== pick) return undefined;
    const picked = await pickConnection(sessions, undefined, l10n.t('Move into which connection?'));
    return picked && (await mayImport(parts, plan, picked.connection))
      ? sessions.connection(picked.connection)
      : undefined;
  }

  return {
    accept({ show, ...given }) {
      const place = placeIn(given);
      if (!place) throw new WorkbenchError('argument_invalid', { field: 'uri', expected: 'string' });
      return { place, ask: show };
    },
    ask: async () => undefined,
    async run({ place, ask }, signal) {
      const document = await workspace.openTextDocument(Uri.parse(place.uri, true));
      const range = document.validateRange(new Range(...place.range));
      const known = knownTokenAt(document, range.start, sessions);
      let went = known?.known;
      if (!known) {
        const token = tokensIn(document, range)[0]?.token ?? document.getText(range);
        if (!/^[\x21-\x7e]{16,}$/.test(token)) throw new WorkbenchError('not_a_token', { reason: 'empty' });
        const before = document.lineAt(range.start.line).text.slice(0, range.start.character);
        const isNamed = /refresh[-_ ]?token["'`]?\s*[:=]\s*["'`]?$/i.test(before);
        const plan = planImport(isNamed ? `refresh_token=${token}` : token);
        const connection = await target(plan, token, ask);
        if (connection === undefined) return { moved: false };
        await importInto(parts, plan, connection, signal);
        const [name = 'access_token'] = importedNames(plan.tokens);
        went = { connection: connection.id, name };
      }
      const edit = new WorkspaceEdit();
      edit.replace(document.uri, known?.range ?? range, [placeholder, went?.connection, went?.name].join(':'));
      return { moved: await workspace.applyEdit(edit), ...went };
    },
  };
}

/** True if the import would replace another token of the same kind that has not expired. */
function holdsOther(session: Session | undefined, { tokens }: ImportPlan, now: number): boolean {
  return importedNames(tokens).some(name => {
    const held = session?.record?.tokens?.[name];
    const end = session && endOf(session, name);
    return held !== undefined && held !== tokens[name] && (end === undefined || end > now);
  });
}
