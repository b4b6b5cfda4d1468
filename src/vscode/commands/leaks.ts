import {
  type DiagnosticCollection,
  l10n,
  languages,
  Range,
  commands as registry,
  Uri,
  WorkspaceEdit,
  workspace,
} from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import { type ImportPlan, importedNames, planImport } from '../../core/imports/tokenOwner.ts';
import type { Clock } from '../../core/ports.ts';
import type { Connection } from '../../core/records/connection.ts';
import { endOf } from '../../core/records/session.ts';
import type { Session, Sessions } from '../../core/records/sessions.ts';
import type { Leak } from '../../core/tokens/leakScan.ts';
import { pastedId } from '../connections.ts';
import { ownerOf } from '../editor/owner.ts';
import { type Place, readPlace } from '../editor/place.ts';
import { knownTokenAt, tokensIn } from '../editor/scan.ts';
import { gitApi, stagedFiles } from '../leaks/git.ts';
import { leaksIn, searchStaged, searchWorkspace } from '../leaks/search.ts';
import { pickConnection } from '../prompts/pickConnection.ts';
import { confirm, flash, notify, pick } from '../screen.ts';
import type { Command } from './command.ts';
import { type ImportCommandParts, importInto, keptInMemory, mayImport } from './importTokens.ts';

/** What stands in a file where a token stood, before the connection and the name under which it is kept. */
const placeholder = 'JWT_WORKBENCH_TOKEN';

interface Found {
  readonly searched: number;
  readonly cut: boolean;
  readonly leaks: readonly { readonly uri: string; readonly line: number; readonly kind: Leak['kind'] }[];
}

interface Scope {
  /** Only what Git would commit next. */
  readonly staged: boolean;
}

export interface LeakParts {
  readonly own: <T extends { dispose(): unknown }>(disposable: T) => T;
  readonly sessions: Sessions;
  readonly clock: Clock;
}

/** Lists the working tokens in the files of the workspace in the Problems panel. */
export function findLeaksCommand({ own, sessions, clock }: LeakParts): Command<Scope, Found> {
  let problems: DiagnosticCollection | undefined;

  function collection(): DiagnosticCollection {
    if (problems) return problems;
    const made = own(languages.createDiagnosticCollection('jwtWorkbench.leaks'));
    problems = made;
    own(
      workspace.onDidChangeTextDocument(async ({ document }) => {
        if (!made.has(document.uri)) return;
        made.set(document.uri, leaksIn(document, sessions, clock.now()));
      }),
    );
    return made;
  }

  return {
    needsTrust: false,
    parse: ({ staged }) => ({ staged: staged === true }),
    ask: pickScope,
    progress: () => l10n.t('Searching the workspace for tokens'),
    async run({ staged }, signal) {
      const search = staged ? searchStaged : searchWorkspace;
      const { searched, cut, found } = await search(sessions, clock.now(), signal);
      const list = collection();
      list.clear();
      for (const { uri, diagnostics } of found) list.set(uri, diagnostics);
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
          ? l10n.t('No working token was found in the first {0} files.', searched)
          : l10n.t('No working token was found in {0} files.', searched);
        flash(text, 8000);
        return;
      }
      const show = l10n.t('Show Problems');
      const text = l10n.t('Found {0} working tokens in {1} files.', leaks.length, files);
      if ((await notify('warning', text, show)) === show)
        await registry.executeCommand('workbench.actions.view.problems');
    },
  };
}

/** Asked only where there is something staged. */
async function pickScope(): Promise<Scope | undefined> {
  const count = await gitApi().then(
    api => stagedFiles(api).length,
    // Without Git the workspace is what there is.
    () => 0,
  );
  if (count === 0) return { staged: false };
  const all = { label: l10n.t('All files of the workspace'), staged: false };
  const some = {
    label: l10n.t('What is staged for the next commit'),
    description: l10n.t('{0} files', count),
    staged: true,
  };
  return pick([all, some], { title: l10n.t('Find Tokens In') });
}

interface Moved {
  readonly moved: boolean;
  /** Where it went. */
  readonly connection?: string;
  readonly name?: string;
}

interface MoveArgument {
  readonly place: Place;
  /** Called by a person, who can be asked. */
  readonly ask: boolean;
}

/**
 * Takes a token out of a file: it is imported, and a placeholder that says where it went stands in its place. The file is
 * not saved. Nothing is replaced by it: beside another token of its kind it goes into memory, under a name of its own.
 */
export function moveTokenCommand(parts: ImportCommandParts): Command<MoveArgument, Moved> {
  const { sessions, connections, clock } = parts;

  /** `pasted`, or the first of `pasted-2` and so on in which nothing is replaced. */
  function freeMemory(plan: ImportPlan): string {
    for (let number = 1; ; number++) {
      const id = number === 1 ? pastedId : `${pastedId}-${number}`;
      const session = sessions.get(id);
      if (session === undefined || (session.memoryOnly && !holdsOther(session, plan, clock.now()))) return id;
    }
  }

  /** The connection of the token's issuer, one that is picked, or memory; `undefined` where the user turned away. */
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
    needsTrust: true,
    parse(fields) {
      const place = readPlace(fields);
      if (!place) throw new WorkbenchError('argument_invalid', { field: 'uri', expected: 'string' });
      return { place, ask: fields.show === true };
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

/** True where another token of the same kind, which has not ended, would be replaced. */
function holdsOther(session: Session | undefined, { tokens }: ImportPlan, now: number): boolean {
  return importedNames(tokens).some(name => {
    const held = session?.record?.tokens?.[name];
    const end = session && endOf(session, name);
    return held !== undefined && held !== tokens[name] && (end === undefined || end > now);
  });
}
