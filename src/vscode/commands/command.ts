import { Uri, workspace } from 'vscode';
import { type CommandName, commands } from '../../contributions.ts';
import { classify, WorkbenchError } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { own } from '../../core/tokens/json.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { progress } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { adviseRedirect, showError } from './showError.ts';

/**
 * A command in its two lives: called by code with one argument object, it asks nothing and returns plain JSON;
 * called by a person it asks for what is missing and says what came of it. Add one by copying refresh.ts.
 */
export interface Command<Argument, Result> {
  /** True where tokens are sent, stored or handed out: not before the workspace is trusted. */
  readonly needsTrust: boolean;
  /**
   * Checks what another extension, a keybinding or a task gave.
   * @throws WorkbenchError `argument_invalid` with `field`
   */
  parse(fields: Fields): Argument;
  /** Asks for what is missing; `undefined` where the user turned away. `node`: the tree row it was called on. */
  ask(node: ViewNode | undefined): Promise<Argument | undefined>;
  run(argument: Argument, signal: AbortSignal): Promise<Result>;
  /** The result as plain JSON for callers; the result itself where it is that already. */
  answer?(result: Result, argument: Argument): unknown;
  /** Tells a person, as quietly as it can, what came of it. */
  report?(result: Result, argument: Argument): unknown;
  /** Title of the progress, shown when the work takes longer than a moment. */
  progress?(argument: Argument): string;
  /** Names the connection in an error's sentence. */
  labelOf?(argument: Argument): string | undefined;
}

export type Fields = Readonly<Record<string, unknown>>;

/** Work that is over sooner than this, in milliseconds, shows no progress: a flash of it helps nobody. */
const quietFor = 700;

/** What VS Code calls, with the argument of code, the row of a tree, or nothing. */
export type Handler = (given?: unknown) => Promise<unknown>;

export function handlerOf<Argument, Result>(
  name: CommandName,
  log: Log,
  ready: () => Promise<void>,
  command: Command<Argument, Result>,
): Handler {
  return async given => {
    await ready();
    if (given === undefined || given === null || given instanceof Uri || isNode(given)) {
      return interactive(name, log, command, isNode(given) ? given : undefined);
    }
    try {
      assertTrust(command);
      const argument = parsed(command, asFields(given));
      const result = await command.run(argument, new AbortController().signal);
      return command.answer ? command.answer(result, argument) : result;
    } catch (error) {
      throw asCommandError(error, name, log);
    }
  };
}

async function interactive<Argument, Result>(
  name: CommandName,
  log: Log,
  command: Command<Argument, Result>,
  node: ViewNode | undefined,
): Promise<unknown> {
  let argument: Argument | undefined;
  const abort = new AbortController();
  try {
    assertTrust(command);
    argument = await command.ask(node);
    if (argument === undefined) return undefined;
    const result = await withProgress(command.progress?.(argument), command.run, argument, abort);
    await command.report?.(result, argument);
    return command.answer ? command.answer(result, argument) : result;
  } catch (error) {
    const failure = classify(error);
    log('warn', `command ${name} failed`, { error: failure });
    if (failure.code !== 'cancelled') {
      const label = argument === undefined ? undefined : command.labelOf?.(argument);
      await showError(failure, { label, id: connectionOf(argument), command: commands[name] });
    } else if (abort.signal.aborted && failure.data.redirectUri !== undefined) {
      void adviseRedirect(failure.data);
    }
    return undefined;
  }
}

/** Arguments that are about a connection name it so. */
function connectionOf(argument: unknown): string | undefined {
  const id = typeof argument === 'object' && argument !== null ? Reflect.get(argument, 'connection') : undefined;
  return typeof id === 'string' ? id : undefined;
}

/** Progress with a cancel button, from the moment on at which the work becomes noticeable. */
async function withProgress<Argument, Result>(
  title: string | undefined,
  run: (argument: Argument, signal: AbortSignal) => Promise<Result>,
  argument: Argument,
  abort: AbortController,
): Promise<Result> {
  const work = run(argument, abort.signal);
  if (title === undefined) return work;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const slow = new Promise<'slow'>(resolve => {
    timer = setTimeout(() => resolve('slow'), quietFor);
  });
  const first = await Promise.race([
    work.then(
      () => 'done',
      () => 'done',
    ),
    slow,
  ]);
  clearTimeout(timer);
  if (first === 'done') return work;
  return progress(title, work, () => abort.abort());
}

/** A hidden command can still be called: what the manifest hides is refused here. */
function assertTrust({ needsTrust }: { readonly needsTrust: boolean }): void {
  if (needsTrust && !workspace.isTrusted) throw new WorkbenchError('not_trusted');
}

/**
 * What callers get: `code` to branch on and a sentence to show. The host that carries errors from one extension to
 * another keeps only the message, so the code stands at its end as well.
 */
function asCommandError(error: unknown, name: CommandName, log: Log): Error {
  const failure = classify(error);
  log('warn', `command ${name} failed`, { error: failure });
  return Object.assign(new Error(`${describeError(failure)} [${failure.code}]`), {
    name: 'JwtWorkbenchError',
    code: failure.code,
  });
}

function isNode(given: unknown): given is ViewNode {
  return typeof given === 'object' && given !== null && 'kind' in given && ('id' in given || 'problem' in given);
}

/** A member that nobody reads is misspelt, and what was meant by it would silently not be done. */
function parsed<Argument>(command: Command<Argument, unknown>, given: Fields): Argument {
  const known = new Set<string>();
  const fields = new Proxy(given, { get: (_, name: string) => known.add(name) && own(given, name) });
  const argument: unknown = command.parse(fields);
  // What is handed on as a whole is checked by those who get it.
  if (argument === fields) return given as Argument;
  const field = Object.keys(given).find(name => !known.has(name));
  if (field === undefined) return argument as Argument;
  const expected = [...known].join(' | ');
  throw new WorkbenchError('argument_invalid', { field, ...(expected !== '' && { expected }) });
}

function asFields(given: unknown): Fields {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new WorkbenchError('argument_invalid', { field: 'argument', expected: 'object' });
  }
  return given as Fields;
}

export function textField(fields: Fields, field: string): string {
  const value = fields[field];
  if (typeof value !== 'string' || value === '') {
    throw new WorkbenchError('argument_invalid', { field, expected: 'string' });
  }
  return value;
}

export function optionalText(fields: Fields, field: string): string | undefined {
  return fields[field] === undefined ? undefined : textField(fields, field);
}

export function choiceField<T extends string>(fields: Fields, field: string, choices: readonly T[], fallback: T): T {
  const value = fields[field] ?? fallback;
  const choice = choices.find(each => each === value);
  if (choice === undefined) throw new WorkbenchError('argument_invalid', { field, expected: choices.join(' | ') });
  return choice;
}
