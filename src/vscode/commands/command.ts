import { l10n, commands as registry, Uri, workspace } from 'vscode';
import { type CommandName, commands, type StepName, settings } from '../../contributions.ts';
import type { Broker, Consents } from '../../core/broker/broker.ts';
import type { RememberedKeys } from '../../core/checks/rememberedKeys.ts';
import type { Verifier } from '../../core/checks/verifier.ts';
import { classify, type DataOf, type ErrorCode, WorkbenchError } from '../../core/errors.ts';
import { errorTable, isTransient, type Remedy } from '../../core/errorTable.ts';
import type { Discovery } from '../../core/issuer/discovery.ts';
import type { Clock, FileSearch, Log, SharedLock, UnlockKey } from '../../core/ports.ts';
import type { Histories } from '../../core/records/histories.ts';
import type { Handover } from '../../core/records/journalKeys.ts';
import type { KnownSecrets } from '../../core/records/knownSecrets.ts';
import type { Asker, Sessions } from '../../core/records/sessions.ts';
import type { Vault } from '../../core/records/vault.ts';
import type { Refresher } from '../../core/refresh/refresher.ts';
import type { IssuerClient } from '../../core/signIn/signIn.ts';
import type { RevokingParts, SignIns } from '../../core/signIn/signOut.ts';
import { isObject, roundedNumbers, textFrom } from '../../core/tokens/json.ts';
import type { PreviousTokens } from '../../core/view/sessionView.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import type { Connections } from '../connections.ts';
import { stepDone } from '../contextKeys.ts';
import type { LeakList } from '../leaks/search.ts';
import type { MockService } from '../mockIssuer.ts';
import type { KeyChooser } from '../prompts/keys.ts';
import { confirm, notify, progress, type Tell, toClipboard } from '../screen.ts';
import type { StatusBar } from '../statusBar.ts';
import { describeError } from '../text/errors.ts';
import { redirectComplaintText } from '../text/signIn.ts';
import type { TokenDocuments } from '../tokenDocuments.ts';
import { type Fields, object, readFields, type Values } from './fields.ts';

/** The services built by src/extension.ts, by name. */
export interface Services {
  readonly own: <T extends { dispose(): unknown }>(disposable: T) => T;
  readonly log: Log;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly connections: Connections;
  readonly vault: Vault;
  readonly lock: SharedLock;
  readonly files: FileSearch;
  readonly unlockKey: UnlockKey;
  readonly handover: Handover;
  readonly histories: Histories;
  readonly previous: PreviousTokens;
  readonly secrets: KnownSecrets;
  readonly refresher: Refresher;
  readonly signIns: SignIns;
  readonly discovery: () => Promise<Discovery>;
  readonly issuerClient: () => Promise<IssuerClient>;
  /** Creates a DPoP proof for a GET of this URL with this access token (RFC 9449). */
  readonly proof: (id: string, accessToken: string, url: string) => Promise<string>;
  readonly revoke: RevokingParts['revoke'];
  readonly broker: () => Broker;
  readonly consents: () => Consents;
  /** The asker for tasks and launch configurations of this workspace. */
  readonly workspaceAsker: () => Asker;
  readonly openBrowser: (url: string) => unknown;
  readonly verifier: () => Promise<Verifier>;
  readonly keys: KeyChooser;
  readonly remembered: RememberedKeys;
  readonly mock: MockService;
  readonly statusBar: StatusBar;
  readonly documents: TokenDocuments;
  /** The results of Find Tokens in the Problems panel. */
  readonly leakList: LeakList;
  /** Reveals a connection in the sidebar. */
  readonly show: (id: string) => unknown;
  readonly extensionUri: Uri;
  /** Resolves when the stored data was read. Commands wait for it, so that none works on partial data. */
  readonly ready: () => Promise<void>;
  /** A test runs the extension, so there is no user to answer questions. */
  readonly unattended: boolean;
}

/** Properties of a command that are known without running it. */
export interface Declared<F extends Fields> {
  readonly name: CommandName;
  /** True if the command sends, stores or returns tokens. It then requires a trusted workspace. */
  readonly needsTrust: boolean;
  readonly fields: F;
  /** Describes an argument that is passed as a whole to its own reader, for docs/commands.md. */
  readonly whole?: string;
  /** The result for callers, for docs/commands.md. */
  readonly returns: string;
  /** The result is a token or was inside one, so its values are not masked. */
  readonly returnsToken?: true;
  /** The walkthrough step that is completed when this command succeeds. */
  readonly completes?: StepName;
}

/**
 * A command has two kinds of callers. Called by code with one argument object, it returns plain JSON and asks only what
 * `confirm` asks. Called by a user, it asks for what is missing and shows the outcome.
 */
interface Actions<Argument, Result> {
  /**
   * Asks the user for what is missing; `undefined` if the user cancelled. `node`: the tree row it was called on; `uri`:
   * the file of the editor or the explorer.
   */
  ask(node: ViewNode | undefined, uri: Uri | undefined): Promise<Argument | undefined>;
  /**
   * Asks before something is deleted or sent that cannot be undone, and returns the argument with the user's answer.
   * Code is asked too, because VS Code does not say who calls a command, and a link in any text can call it.
   */
  confirm?(argument: Argument, byCaller: boolean): Promise<Argument | undefined>;
  /** @param tell shows the progress of the work beside its title */
  run(argument: Argument, signal: AbortSignal, tell: Tell): Promise<Result>;
  /** Converts the result to plain JSON for callers. Not needed if the result already is plain JSON. */
  answer?(result: Result, argument: Argument): unknown;
  /** What a user may do all the same after `run` has failed and changed nothing; not asked after a cancel. */
  anyway?(failure: WorkbenchError, argument: Argument): Anyway<Result> | undefined;
  /** Shows the user the outcome, unobtrusively. */
  report?(result: Result, argument: Argument): unknown;
  /** Shows the user that code got a result. */
  handedOut?(result: Result, argument: Argument): unknown;
  /** Title of the progress, which is shown if the work takes a while. */
  progress?(argument: Argument): string;
  /** Names the connection in an error's sentence. */
  labelOf?(argument: Argument): string | undefined;
}

interface Anyway<Result> {
  /** Why it failed, and what that means. */
  readonly text: string;
  readonly button: string;
  run(): Promise<Result>;
}

/** `accept` converts the fields that a caller gave to the argument. It may be omitted if they already have its type. */
export type Behaviour<Given, Argument, Result> = Actions<Argument, Result> &
  (Given extends Argument ? { accept?(given: Given): Argument } : { accept(given: Given): Argument });

/** The handler that VS Code calls with code's argument, a tree row, or nothing. */
export type Handler = (given?: unknown) => Promise<unknown>;

export interface Command extends Declared<Fields> {
  handler(services: Services): Handler;
}

/** Defines a command. `make` receives the services. For an example, see refresh.ts. */
export function defineCommand<F extends Fields, Argument, Result>(
  declared: Declared<F>,
  make: (services: Services) => Behaviour<Values<F>, Argument, Result>,
): Command {
  return {
    ...declared,
    handler: services => {
      const behaviour: Actions<Argument, Result> & { accept?(given: Values<F>): Argument } = make(services);
      const accept = (given: Values<F>) => behaviour.accept?.(given) ?? (given as unknown as Argument);
      return async given => {
        await services.ready();
        if (given === undefined || given === null || given instanceof Uri || isNode(given))
          return interactive(
            declared,
            services,
            behaviour,
            isNode(given) ? given : undefined,
            given instanceof Uri ? given : undefined,
          );
        try {
          assertTrust(declared);
          let argument: Argument | undefined = accept(readArgument(declared, given));
          if (behaviour.confirm && confirmsCallers(services)) argument = await behaviour.confirm(argument, true);
          if (argument === undefined) throw new WorkbenchError('cancelled', { sent: false });
          const result = await behaviour.run(argument, new AbortController().signal, () => {});
          void behaviour.handedOut?.(result, argument);
          return answered(declared, services, behaviour.answer ? behaviour.answer(result, argument) : result);
        } catch (error) {
          throw asCommandError(error, declared.name, services);
        }
      };
    },
  };
}

function readArgument<F extends Fields>({ fields, whole }: Declared<F>, given: unknown): Values<F> {
  return whole === undefined ? readFields(fields, given) : (object.read(given, 'argument') as Values<F>);
}

/** A setting turns the questions for keybindings and other callers off. In tests there is no user to ask. */
function confirmsCallers({ unattended }: Services): boolean {
  const { section, confirmCommands } = settings;
  const asked = workspace.getConfiguration(section).inspect<boolean>(confirmCommands)?.globalValue ?? true;
  return asked && !unattended;
}

async function interactive<Argument, Result>(
  declared: Declared<Fields>,
  services: Services,
  behaviour: Actions<Argument, Result>,
  node: ViewNode | undefined,
  uri: Uri | undefined,
): Promise<unknown> {
  const { name } = declared;
  let argument: Argument | undefined;
  const abort = new AbortController();
  try {
    assertTrust(declared);
    argument = await behaviour.ask(node, uri);
    if (argument !== undefined && behaviour.confirm) argument = await behaviour.confirm(argument, false);
    if (argument === undefined) return undefined;
    const given = argument;
    const run = (tell: Tell) => behaviour.run(given, abort.signal, tell);
    const work = withProgress(behaviour.progress?.(argument), run, abort).then(result => ({ result }));
    const done = await work.catch(error => insist(behaviour, classify(error), given, services));
    if (done === undefined) return undefined;
    const { result } = done;
    if (declared.completes) stepDone(declared.completes);
    await behaviour.report?.(result, argument);
    return answered(declared, services, behaviour.answer ? behaviour.answer(result, argument) : result);
  } catch (error) {
    const failure = classify(error);
    services.log('warn', `command ${name} failed`, { error: failure });
    if (failure.code !== 'cancelled') {
      const label = argument === undefined ? undefined : behaviour.labelOf?.(argument);
      // The questions may have failed, before there is an argument.
      const id = connectionOf(argument) ?? (node && 'id' in node ? node.id : undefined);
      await showError(failure, { label, id, command: commands[name] });
    } else if (abort.signal.aborted && failure.data.redirectUri !== undefined) {
      void adviseRedirect(failure.data);
    }
    return undefined;
  }
}

/** Asks whether to do it all the same. Resolves with `undefined` if the user does not want that. */
async function insist<Argument, Result>(
  behaviour: Actions<Argument, Result>,
  failure: WorkbenchError,
  argument: Argument,
  { log }: Services,
): Promise<{ readonly result: Result } | undefined> {
  const offer = failure.code === 'cancelled' ? undefined : behaviour.anyway?.(failure, argument);
  if (offer === undefined) throw failure;
  log('warn', 'not done, and offered anyway', { error: failure });
  if ((await notify('warning', offer.text, offer.button)) !== offer.button) return undefined;
  return { result: await offer.run() };
}

/** Arguments name their connection in the member `connection`. */
function connectionOf(argument: unknown): string | undefined {
  const id = typeof argument === 'object' && argument !== null ? Reflect.get(argument, 'connection') : undefined;
  return typeof id === 'string' ? id : undefined;
}

/** Milliseconds. Work that ends sooner shows no progress, because it would only flash. */
const progressDelay = 700;

/** Shows progress with a cancel button once the work takes noticeably long. */
export async function withProgress<T>(
  title: string | undefined,
  run: (tell: Tell) => Promise<T>,
  abort: AbortController,
): Promise<T> {
  let told: Parameters<Tell> | undefined;
  let show: Tell | undefined;
  const work = run((...said) => {
    told = said;
    show?.(...said);
  });
  if (title === undefined) return work;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const slow = new Promise<'slow'>(resolve => {
    timer = setTimeout(() => resolve('slow'), progressDelay);
  });
  const done = () => 'done' as const;
  const first = await Promise.race([work.then(done, done), slow]);
  clearTimeout(timer);
  if (first === 'done') return work;
  const cancel = () => abort.abort();
  return progress(title, work, cancel, tell => {
    show = tell;
    if (told) tell(...told);
  });
}

/** Code can call commands that the manifest hides in untrusted workspaces, so they are refused here. */
function assertTrust({ needsTrust }: { readonly needsTrust: boolean }): void {
  if (needsTrust && !workspace.isTrusted) throw new WorkbenchError('not_trusted');
}

/** The result for callers. Secrets that an issuer echoed are masked, as in the log. */
function answered({ returnsToken }: Declared<Fields>, { secrets }: Services, answer: unknown): unknown {
  const whole = withExact(answer);
  return returnsToken ? whole : secrets.mask(whole);
}

/** Adds `exact`: the numbers that JavaScript rounds, as they were written, keyed by JSON Pointers into the result. */
function withExact(answer: unknown): unknown {
  const rounded = isObject(answer) ? roundedNumbers(answer) : [];
  return isObject(answer) && rounded.length > 0
    ? { ...answer, exact: Object.fromEntries(rounded.map(({ path, written }) => [path, written])) }
    : answer;
}

/**
 * The error for callers: `code` to branch on, and a sentence to show. VS Code keeps only the message when it passes an
 * error to another extension, so the code is at the end of the message too.
 */
function asCommandError(error: unknown, name: CommandName, { log, secrets }: Services): Error {
  const failure = classify(error);
  log('warn', `command ${name} failed`, { error: failure });
  return Object.assign(new Error(`${secrets.mask(describeError(failure))} [${failure.code}]`), {
    name: 'JwtWorkbenchError',
    code: failure.code,
  });
}

function isNode(given: unknown): given is ViewNode {
  if (typeof given !== 'object' || given === null || !('kind' in given)) return false;
  return 'id' in given || 'problem' in given || (typeof given.kind === 'string' && given.kind.startsWith('mock'));
}

/** A modal question with one button besides Cancel. */
export async function isConfirmed(question: string, detail: string, yes: string): Promise<boolean> {
  return (await confirm(question, detail, yes)) === yes;
}

/** The connection's label for sentences, or its id if it no longer exists. */
export const labelIn =
  ({ sessions }: Pick<Services, 'sessions'>) =>
  ({ connection }: { readonly connection: string }): string =>
    sessions.connection(connection)?.label ?? connection;

export interface Failed {
  /** The label for the error's sentence. */
  readonly label?: string | undefined;
  /** Id of the connection. */
  readonly id?: string | undefined;
  /** The command to offer again. */
  readonly command?: string;
  /** Only a new sign-in helps. */
  readonly signIn?: boolean;
}

/** A button: its title, and the command that it runs. */
export type Way = readonly [title: string, command: string, argument?: object];

/** Shows the error with buttons for the next steps. */
export async function showError(error: WorkbenchError, failed: Failed = {}): Promise<void> {
  const { label } = failed;
  const text = describeError(error, label === undefined ? undefined : { label });
  // The user declined, so there is nothing to fix.
  if (error.data.error === 'access_denied' && error.data.grant !== undefined) return void notify('info', text);
  const ways = buttonsFor(error, failed);
  const chosen = await notify('error', text, ...ways.map(([title]) => title));
  const [, command, argument] = ways.find(([title]) => title === chosen) ?? [];
  if (command !== undefined) await registry.executeCommand(command, argument);
}

export function buttonsFor(error: WorkbenchError, { id, command, signIn }: Failed): readonly Way[] {
  const { remedies = ['settings', 'log'] } = errorTable[error.code];
  const row = { kind: 'connection', id: id ?? error.data.connection };
  const ways: Readonly<Record<Remedy, Way | undefined>> = {
    trust: [l10n.t('Manage Workspace Trust'), 'workbench.trust.manage'],
    log: [l10n.t('Show Log'), commands.showLog],
    // If the difference is the scheme, the issuer's name has none, and the setting cannot hold it.
    issuer:
      row.id === undefined || (error.code === 'issuer_mismatch' && error.data.difference === 'scheme')
        ? undefined
        : [l10n.t('Set Issuer...'), commands.setIssuer, row],
    settings: [l10n.t('Open Settings'), commands.openSettings, id === undefined ? {} : { connection: id }],
    credentials: row.id === undefined ? undefined : [l10n.t('Set Client Secret or Key'), commands.setClientSecret, row],
  };
  const offered = remedies.flatMap(remedy => (ways[remedy] ? [ways[remedy]] : []));
  if (id === undefined || !remedies.includes('log')) return offered.slice(0, 2);
  const first: Way | undefined = signIn
    ? [l10n.t('Sign In'), commands.signIn, row]
    : command !== undefined && isTransient(error)
      ? [l10n.t('Try Again'), command, row]
      : undefined;
  return (first ? [first, ...offered.slice(-1)] : offered).slice(0, 2);
}

/** A user may cancel a sign-in because the issuer's page rejected the redirect URI. */
async function adviseRedirect(data: Pick<DataOf<ErrorCode>, 'redirectUri'>): Promise<void> {
  const copy = l10n.t('Copy Redirect URI');
  if ((await notify('info', redirectComplaintText(data), copy)) === copy) await toClipboard(textFrom(data.redirectUri));
}
