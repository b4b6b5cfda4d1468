import { l10n, QuickPickItemKind, commands as registry, ThemeIcon } from 'vscode';
import { commands } from '../../contributions.ts';
import { WorkbenchError } from '../../core/errors.ts';
import {
  foreignOrigin,
  type ImportPlan,
  importedNames,
  matchingConnections,
  planImport,
  type TokenClaims,
} from '../../core/imports/tokenOwner.ts';
import type { RecordParts } from '../../core/records/changeRecord.ts';
import type { Connection } from '../../core/records/connection.ts';
import { connectionsSharingGrant } from '../../core/records/families.ts';
import type { Session, Sessions } from '../../core/records/sessions.ts';
import { undoImport as putBack, replacesLive, storeTokens } from '../../core/records/storeTokens.ts';
import { type Connections, pastedId } from '../connections.ts';
import { connectionItem, pickConnection, pickText, sessionOf } from '../prompts/pick.ts';
import { pick } from '../prompts/questions.ts';
import { confirm, flash, notify } from '../screen.ts';
import { sharedTokenText, waitingForWindowText } from '../text/signIn.ts';
import { tokenTitle } from '../text/states.ts';
import { describeImportWarning, describeSource, foreignText } from '../text/warnings.ts';
import { type Behaviour, defineCommand, labelIn, type Services } from './command.ts';
import { addByAsking } from './connections.ts';
import { connectionId, flag, optional, text, type Values, withDefault } from './fields.ts';

const fields = {
  text,
  connection: optional(connectionId),
  /** Also accept tokens of another issuer than the connection's. */
  anyIssuer: withDefault(flag, false),
};

interface Argument {
  readonly plan: ImportPlan;
  readonly connection?: string | undefined;
  /** Also accept tokens of another issuer than the connection's. */
  readonly anyIssuer: boolean;
}

interface ImportResult {
  readonly connection: string;
  readonly imported: readonly string[];
  readonly warnings: readonly string[];
  /** The replaced refresh token can be restored. */
  readonly replaced: boolean;
}

export const importTokens = defineCommand(
  {
    name: 'importTokens',
    needsTrust: true,
    completes: 'imported',
    fields,
    returns:
      "`{ connection, imported, warnings }`. Tokens of another issuer than the connection's are rejected (`import_foreign`) unless `anyIssuer` is `true`",
  },
  importing,
);

function importing(parts: Services): Behaviour<Values<typeof fields>, Argument, ImportResult> {
  const { sessions, connections } = parts;

  function target({ connection, plan }: Argument): Connection {
    if (connection !== undefined && connection !== pastedId) return sessionOf(sessions, connection).connection;
    const matching = connection === undefined ? matchingConnections(sessions.list(), plan) : [];
    const [only] = matching;
    return only && matching.length === 1 ? only : keptInMemory(connections, pastedId);
  }

  const labelOf = ({ connection = pastedId }: Argument) => sessions.connection(connection)?.label ?? connection;

  return {
    accept: ({ text, ...rest }) => ({ plan: planImport(text), ...rest }),
    async ask(node) {
      const plan = await pickText(l10n.t('Import Tokens'), text => {
        const value = planImport(text);
        return { label: describeSource(value.source), value };
      });
      if (plan === undefined) return undefined;
      const isOfRow = node !== undefined && 'id' in node;
      const connection = isOfRow ? node.id : await pickTarget(sessions, plan, proposal => addByAsking(parts, proposal));
      if (connection === undefined || !(await mayImport(parts, plan, connection))) return undefined;
      return { plan, connection, anyIssuer: true };
    },
    async confirm(argument, byCaller) {
      const { plan, connection, anyIssuer } = argument;
      if (!byCaller) return argument;
      const [only, ...more] = connection === undefined ? matchingConnections(sessions.list(), plan) : [];
      const id = connection ?? (more.length === 0 ? only?.id : undefined);
      const known = id === undefined ? undefined : sessions.connection(id);
      // Tokens of another issuer are rejected below unless `anyIssuer` is set.
      if (known === undefined || (!anyIssuer && foreignOrigin(known, plan))) return argument;
      return (await mayImport(parts, plan, known.id)) ? argument : undefined;
    },
    async run(argument, signal) {
      const { plan, anyIssuer } = argument;
      const connection = target(argument);
      const foreign = connection.id === pastedId ? undefined : foreignOrigin(connection, plan);
      if (foreign?.member === 'issuer' && !anyIssuer)
        throw new WorkbenchError('import_foreign', { connection: connection.id, ...foreign });
      return importInto(parts, plan, connection, signal);
    },
    answer: ({ replaced: _, ...result }) => result,
    progress: argument => waitingForWindowText(labelOf(argument)),
    labelOf,
    async report({ connection, imported, warnings, replaced }) {
      const names = imported.map(name => tokenTitle(name as 'access_token')).join(', ');
      const { label } = sessionOf(sessions, connection).connection;
      await parts.show(connection);
      if (warnings.length === 0) return flash(l10n.t('Imported into {0}: {1}', label, names));
      const undo = l10n.t('Undo');
      const text = l10n.t('Imported into {0}: {1}. {2}', label, names, warnings.join(' '));
      // Not awaited, because a notification may stay for long.
      void notify('warning', text, ...(replaced ? [undo] : [])).then(pressed => {
        if (pressed !== undo) return undefined;
        // The user has called the command meanwhile. A second undo would bring the imported tokens back.
        if (sessions.get(connection)?.record?.replaced?.undone) return flash(undoneText(label));
        return registry.executeCommand(commands.undoImport, { kind: 'connection', id: connection });
      });
    },
  };
}

/** Stores the tokens of a text, and returns warnings about the text and the connection. */
export async function importInto(
  parts: RecordParts & Pick<Services, 'clock'>,
  plan: ImportPlan,
  connection: Connection,
  signal: AbortSignal,
): Promise<ImportResult> {
  const { sessions, clock } = parts;
  const { id } = connection;
  const before = sessions.get(id)?.record;
  const stored = await storeTokens(parts, connection, plan.tokens, clock.now(), signal);
  const warnings = plan.warnings.map(describeImportWarning);
  const isPasted = id.startsWith(pastedId) && sessions.get(id)?.memoryOnly === true;
  const foreign = isPasted ? undefined : foreignOrigin(connection, plan);
  if (isPasted)
    warnings.push(l10n.t('The tokens belong to no connection. They are kept in memory until this window closes.'));
  if (foreign) warnings.push(foreignText(foreign));
  const sharing = connectionsSharingGrant(stored).map(other => sessions.connection(other)?.label ?? other);
  if (sharing.length > 0) warnings.push(sharedTokenText(connection.label, sharing));
  const replaced = stored.replaced !== undefined && replacesLive(before, plan.tokens, clock.now());
  if (replaced)
    warnings.push(
      l10n.t('It replaced another refresh token. Undo Import restores that one until the tokens are refreshed twice.'),
    );
  return { connection: id, imported: importedNames(plan.tokens), warnings, replaced };
}

/** Asks before tokens of another issuer or client go into a connection, and before a refresh token is replaced. */
export async function mayImport(
  { sessions, clock }: Pick<Services, 'sessions' | 'clock'>,
  plan: ImportPlan,
  id: string,
): Promise<boolean> {
  const session = sessions.get(id);
  if (session === undefined) return true;
  const { connection, record, memoryOnly } = session;
  const foreign = memoryOnly ? undefined : foreignOrigin(connection, plan);
  const replaces = replacesLive(record, plan.tokens, clock.now());
  if (!foreign && !replaces) return true;
  const loss = l10n.t(
    'It has another refresh token, which may still work. Undo Import restores it until the tokens are refreshed twice.',
  );
  const details = [...(foreign ? [foreignText(foreign)] : []), ...(replaces ? [loss] : [])].join('\n\n');
  const button = foreign ? l10n.t('Import Anyway') : l10n.t('Replace');
  const question = foreign
    ? l10n.t('Import the tokens of another issuer or client into {0}?', connection.label)
    : l10n.t('Replace the refresh token of {0}?', connection.label);
  return (await confirm(question, details, button)) === button;
}

/** Restores the refresh token that the last import replaced. */
export const undoImport = defineCommand(
  {
    name: 'undoImport',
    needsTrust: true,
    fields: { connection: connectionId },
    returns:
      '`{ id, kept? }`. Restores the refresh token that the last import replaced. Possible until the tokens have been refreshed twice. `kept: true`: the imported tokens had been refreshed, so they may work nowhere else; another `undoImport` restores them',
  },
  services => {
    const { sessions } = services;
    return {
      async ask(node) {
        const canUndo = ({ record }: Session) => record?.replaced !== undefined;
        if (!sessions.list().some(canUndo)) throw new WorkbenchError('nothing_to_undo');
        return pickConnection(sessions, node, l10n.t('Undo the import into which connection?'), canUndo);
      },
      async run({ connection }, signal) {
        const { replaced } = await putBack(services, sessionOf(sessions, connection).connection.id, signal);
        return { id: connection, ...(replaced && { kept: true }) };
      },
      progress: argument => waitingForWindowText(labelIn(services)(argument)),
      labelOf: labelIn(services),
      report({ id, kept }) {
        const { label } = sessionOf(sessions, id).connection;
        if (!kept) return flash(undoneText(label));
        const text = l10n.t(
          '{0} has its earlier tokens again. The others had been refreshed, so their text may work nowhere else. Undo Import brings them back until the tokens are refreshed twice.',
          label,
        );
        void notify('info', text);
      },
    };
  },
);

function undoneText(label: string): string {
  return l10n.t('{0} has its earlier tokens again', label);
}

/** A connection in memory for tokens that belong to no other connection. */
export function keptInMemory(connections: Connections, id: string): Connection {
  const number = id.slice(pastedId.length + 1);
  const connection: Connection = {
    id,
    label: number === '' ? l10n.t('Pasted tokens') : l10n.t('Pasted tokens {0}', number),
    clientId: '-',
    tokenEndpointAuthMethod: 'none',
    autoRefresh: false,
    dpop: false,
    pushedAuthorizationRequests: false,
  };
  connections.addMemoryOnly(connection);
  return connection;
}

/** The connection for imported tokens: matching ones are offered first, then a new one. */
export async function pickTarget(
  sessions: Sessions,
  plan: ImportPlan,
  addConnection: (proposal: TokenClaims) => Promise<string | undefined>,
): Promise<string | undefined> {
  const fits = new Set(matchingConnections(sessions.list(), plan).map(({ id }) => id));
  const listed = sessions.list().filter(({ memoryOnly }) => !memoryOnly);
  const matching = listed.filter(({ connection }) => fits.has(connection.id)).map(connectionItem);
  const others = listed.filter(({ connection }) => !fits.has(connection.id)).map(connectionItem);
  const create = {
    id: '+',
    label: l10n.t('New connection'),
    description: plan.claims.issuer ?? '',
    iconPath: new ThemeIcon('add'),
  };
  const look = {
    id: pastedId,
    label: l10n.t('Keep in Memory Only'),
    description: l10n.t('until this window closes'),
    iconPath: new ThemeIcon('eye'),
  };
  const separator = (label: string) => ({ label, kind: QuickPickItemKind.Separator, id: '' });
  const picked = await pick(
    [
      ...(matching.length > 0 ? [separator(l10n.t('matching connections')), ...matching, separator(l10n.t('or'))] : []),
      create,
      look,
      ...(others.length > 0 ? [separator(l10n.t('other connections')), ...others] : []),
    ],
    { title: l10n.t('Import into which connection?') },
  );
  return picked?.id === create.id ? addConnection(plan.claims) : picked?.id;
}
