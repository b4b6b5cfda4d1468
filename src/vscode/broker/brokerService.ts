import {
  type AuthenticationProvider,
  type AuthenticationProviderAuthenticationSessionsChangeEvent,
  type AuthenticationSession,
  authentication,
  Disposable,
  type EnvironmentVariableCollection,
  EventEmitter,
  ExtensionKind,
  env,
  l10n,
  commands as registry,
  tasks,
  window,
  workspace,
} from 'vscode';
import { authenticationProvider, commands, settings } from '../../contributions.ts';
import {
  type Broker,
  type BrokerParts,
  type Consent,
  type Consents,
  createBroker,
  createConsents,
} from '../../core/broker/broker.ts';
import type { BrokerAddress, BrokerAnswers, BrokerSocket, Refusal, TokenQuery } from '../../core/broker/protocol.ts';
import { WorkbenchError } from '../../core/errors.ts';
import type { Log, SecretVault } from '../../core/ports.ts';
import { failed } from '../../core/records/history.ts';
import { type Asker, isSignable, type Session, type Sessions, tokenOf } from '../../core/records/sessions.ts';
import { pickConnection } from '../prompts/pick.ts';
import { notify } from '../screen.ts';
import { describeError } from '../text/errors.ts';

/** Sockets and files, provided by the platform. */
export interface BrokerPlatform {
  /** Address of this window's broker. It is known before the broker listens. */
  readonly address: BrokerAddress;
  /** Text to put before PATH: the folder with `jwtw`, which `prepare` fills, and the separator. */
  readonly path: string;
  prepare(): Promise<unknown>;
  /** @param machine also listen at the address known to every program of this user, once no other window holds it */
  open(machine: boolean, answers: BrokerAnswers): Promise<BrokerSocket>;
}

export interface BrokerServiceParts extends Omit<BrokerParts, 'consents' | 'isTrusted'> {
  readonly secrets: SecretVault;
  readonly platform: BrokerPlatform;
  readonly environment: EnvironmentVariableCollection;
  readonly extensionKind: ExtensionKind;
}

export interface BrokerService extends Disposable {
  readonly broker: Broker;
  readonly consents: Consents;
  /** The asker that stands for this window's folder in remembered consents. */
  workspaceAsker(): Asker;
}

type Mode = 'off' | 'terminals' | 'machine';

/** Milliseconds after which an unanswered question is given up. */
const questionTimeout = 120_000;

/**
 * Lets programs in terminals and tasks ask for tokens. Terminals find the broker through their environment, which holds
 * an address and no token. The broker listens only once the first terminal or task is open.
 */
export function createBrokerService(parts: BrokerServiceParts): BrokerService {
  const { sessions, secrets, log, clock, platform, environment, extensionKind } = parts;
  const consents = createConsents({ secrets, log, ask: askConsent });
  const broker = createBroker({ ...parts, consents, isTrusted: () => workspace.isTrusted });
  const open = new Map<Mode, Promise<BrokerSocket>>();
  // In a remote window with the extension on the user's side, its socket is on another machine than the terminal.
  const isReachable = extensionKind === ExtensionKind.Workspace || env.remoteName === undefined;

  async function askConsent(asker: Asker, id: string, purpose: string): Promise<Consent | undefined> {
    const label = sessions.connection(id)?.label ?? id;
    const use = purpose === '' ? l10n.t('a program') : purpose.slice(0, 100);
    const question =
      asker.kind === 'machine'
        ? l10n.t('Allow every program of this user to get access tokens of "{0}"? Asked by: {1}.', label, use)
        : l10n.t(
            'Allow terminals, tasks and launch configurations of this workspace to get access tokens of "{0}"? Asked by: {1}.',
            label,
            use,
          );
    const answers = new Map<string, Consent>([
      [l10n.t('Allow Until VS Code Closes'), 'session'],
      [l10n.t('Always Allow'), 'always'],
      [l10n.t('Deny'), 'denied'],
    ]);
    const late = new Promise<undefined>(resolve => void clock.schedule(() => resolve(undefined), questionTimeout));
    const chosen = await Promise.race([notify('info', question, ...answers.keys()), late]);
    return chosen === undefined ? undefined : answers.get(chosen);
  }

  function workspaceAsker(): Asker {
    const uri = workspace.workspaceFile ?? workspace.workspaceFolders?.[0]?.uri;
    return { kind: 'workspace', uri: uri?.toString() ?? '' };
  }

  const answers: Omit<BrokerAnswers, 'asker'> = {
    answer: async (route, body, asker, signal) =>
      route === 'connections' ? broker.connections() : broker.token(asker, queryOf(body), signal),
    // The reason in the terms of the command line, and the sentence for people.
    refusal: error => ({ reason: reasonOf(error), code: error.code, message: describeError(error) }),
  };

  function mode(): Mode {
    // Reads the user's value only: a repository must not be able to open access to tokens.
    const value = workspace.getConfiguration(settings.section).inspect<string>(settings.broker)?.globalValue;
    return value === 'off' || value === 'machine' ? value : 'terminals';
  }

  function listen(which: 'terminals' | 'machine'): void {
    if (open.has(which)) return;
    const machine = which === 'machine';
    const opening = platform
      .prepare()
      .then(() =>
        platform.open(machine, { ...answers, asker: machine ? () => ({ kind: 'machine' }) : workspaceAsker }),
      );
    open.set(which, opening);
    opening.catch(error => {
      open.delete(which);
      log('warn', 'broker not opened', { error, machine });
    });
  }

  function close(which: Mode): void {
    const opened = open.get(which);
    open.delete(which);
    // If it never opened, there is nothing to close, and the failure was logged.
    void opened?.then(
      socket => socket.close(),
      () => undefined,
    );
  }

  /** Applies the setting. */
  function apply(): void {
    const now = mode();
    environment.persistent = false;
    if (now === 'off' || !isReachable) {
      environment.clear();
      close('terminals');
    } else {
      environment.description = l10n.t(
        'Lets jwtw get fresh tokens from JWT Workbench. No token is in the environment.',
      );
      environment.replace('JWTW_SOCKET', platform.address.socket);
      environment.replace('JWTW_CAPABILITY', platform.address.capability);
      environment.prepend('PATH', platform.path);
      if (window.terminals.length > 0) listen('terminals');
    }
    if (now === 'machine') listen('machine');
    else close('machine');
  }

  const onUse = () => mode() !== 'off' && isReachable && listen('terminals');
  const subscriptions = [
    window.onDidOpenTerminal(onUse),
    tasks.onDidStartTask(onUse),
    workspace.onDidChangeConfiguration(
      event => event.affectsConfiguration(`${settings.section}.${settings.broker}`) && apply(),
    ),
  ];
  apply();
  return {
    broker,
    consents,
    workspaceAsker,
    dispose() {
      for (const each of subscriptions) each.dispose();
      for (const which of [...open.keys()]) close(which);
    },
  };
}

/** @throws WorkbenchError `argument_invalid` */
function queryOf(body: Readonly<Record<string, unknown>>): TokenQuery {
  const wrong = (field: string, expected: string) => new WorkbenchError('argument_invalid', { field, expected });
  for (const field of ['connection', 'purpose', 'method', 'url'])
    if (body[field] !== undefined && typeof body[field] !== 'string') throw wrong(field, 'string');
  const { token, minTtl } = body;
  if (token !== undefined && token !== 'access_token' && token !== 'id_token')
    throw wrong('token', 'access_token | id_token');
  if (minTtl !== undefined && !(typeof minTtl === 'number' && minTtl >= 0)) throw wrong('minTtl', 'seconds');
  return body as TokenQuery;
}

const reasons: Partial<Record<WorkbenchError['code'], Refusal>> = {
  argument_invalid: 'usage',
  connection_unknown: 'connection',
  connection_ambiguous: 'connection',
  consent_denied: 'denied',
  consent_unanswered: 'unanswered',
  not_trusted: 'untrusted',
  no_such_token: 'sign_in',
  internal: 'internal',
};

function reasonOf(error: WorkbenchError): Refusal {
  return reasons[error.code] ?? (failed(0, error).outcome === 'reauthRequired' ? 'sign_in' : 'issuer');
}

interface AuthenticationParts {
  readonly sessions: Sessions;
  readonly broker: () => Broker;
  readonly log: Log;
}

/**
 * Offers every connection as an account to other extensions: `authentication.getSession('jwtWorkbench', scopes)`. VS
 * Code asks the user before an extension gets access. Tokens are refreshed before they are returned.
 */
export function registerAuthenticationProvider({ sessions, broker, log }: AuthenticationParts): Disposable {
  const changed = new EventEmitter<AuthenticationProviderAuthenticationSessionsChangeEvent>();
  /** The generation of each connection's tokens that VS Code was last told about. */
  const told = new Map<string, number>();

  const account = ({ connection: { id, label } }: Session) => ({ id, label });
  const scopesOf = ({ connection, record }: Session) =>
    (record?.tokens?.scope ?? connection.scope ?? '').split(' ').filter(each => each !== '');

  function shown(session: Session, accessToken: string): AuthenticationSession {
    return { id: session.connection.id, accessToken, account: account(session), scopes: scopesOf(session) };
  }

  /** Uses the stored token, which is enough to list accounts and to detect changes. */
  function stored(session: Session): AuthenticationSession | undefined {
    const token = tokenOf(session, 'access_token');
    return token === undefined ? undefined : shown(session, token);
  }

  /** @param others accounts that are offered too: VS Code does not say which of them it uses */
  async function fresh(id: string, others = 0): Promise<AuthenticationSession> {
    const purpose = others === 0 ? 'authentication' : l10n.t('authentication, offered with {0} other accounts', others);
    const { token } = await broker().token({ kind: 'extension' }, { connection: id, purpose });
    const session = sessions.get(id);
    if (session === undefined) throw new WorkbenchError('connection_unknown', { connection: id });
    return shown(session, token);
  }

  const provider: AuthenticationProvider = {
    onDidChangeSessions: changed.event,
    async getSessions(scopes, { account: wanted }) {
      const candidates = sessions
        .list()
        .filter(session => tokenOf(session, 'access_token') !== undefined)
        .filter(({ connection }) => wanted === undefined || connection.id === wanted.id)
        .filter(session => (scopes ?? []).every(scope => scopesOf(session).includes(scope)));
      // Without scopes and account, VS Code only builds a list, so nothing is refreshed.
      if (scopes === undefined && wanted === undefined) return candidates.flatMap(each => stored(each) ?? []);
      const all = await Promise.all(
        candidates.map(({ connection: { id } }) =>
          fresh(id, candidates.length - 1).catch(error =>
            log('warn', 'no session for another extension', { connection: id, error }),
          ),
        ),
      );
      return all.filter(each => each !== undefined);
    },
    async createSession(scopes, { account: wanted }) {
      const fits = (session: Session) =>
        isSignable(session) && (wanted === undefined || session.connection.id === wanted.id);
      const title = l10n.t('Sign in to which connection?');
      const picked = await pickConnection(sessions, undefined, title, fits);
      if (picked === undefined) throw new WorkbenchError('cancelled', { sent: false });
      await registry.executeCommand(commands.signIn, { connection: picked.connection });
      const session = await fresh(picked.connection);
      const missing = scopes.filter(scope => !session.scopes.includes(scope));
      if (missing.length > 0)
        throw new WorkbenchError('scope_not_granted', { connection: picked.connection, scope: missing.join(' ') });
      return session;
    },
    async removeSession(id) {
      await registry.executeCommand(commands.signOut, { kind: 'connection', id });
    },
  };

  function tell(id: string | undefined): void {
    for (const session of id === undefined ? sessions.list() : [sessions.get(id)]) {
      if (session === undefined) continue;
      const { connection, record } = session;
      const before = told.get(connection.id);
      const now = stored(session);
      if (now === undefined) {
        if (before === undefined) continue;
        told.delete(connection.id);
        changed.fire({ added: undefined, changed: undefined, removed: [{ ...shown(session, '') }] });
      } else if (before !== record?.generation) {
        told.set(connection.id, record?.generation ?? 0);
        changed.fire(
          before === undefined
            ? { added: [now], changed: undefined, removed: undefined }
            : { added: undefined, changed: [now], removed: undefined },
        );
      }
    }
  }

  return Disposable.from(
    changed,
    new Disposable(sessions.onDidChange(tell)),
    authentication.registerAuthenticationProvider(authenticationProvider, 'JWT Workbench', provider, {
      supportsMultipleAccounts: true,
    }),
  );
}
