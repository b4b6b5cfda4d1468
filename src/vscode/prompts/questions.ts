import {
  type QuickInput,
  type QuickInputButton,
  QuickInputButtons,
  type QuickPickItem,
  ThemeIcon,
  version,
} from 'vscode';
import { classify } from '../../core/errors.ts';
import { giveWay, openInput, openList, toClipboard } from '../screen.ts';
import { describeError } from '../text/errors.ts';

/** The outcome of a step: continue, go back, or cancelled. */
type Turn = 'next' | 'back' | 'cancelled';
export type Answer<T> = { readonly turn: 'next'; readonly value: T } | { readonly turn: 'back' | 'cancelled' };
export interface Step {
  ask(place: Place): Promise<Turn | 'skip'>;
  /** False if earlier answers make the question unnecessary. */
  applies?(): boolean;
}

export interface Place {
  readonly title: string;
  /**
   * Number of this question among those actually asked, so that skipped steps leave no gap. 0 for a single question.
   */
  readonly step: number;
  /** Expected number of questions, as far as the answers so far tell. */
  readonly steps?: number;
}

/**
 * Runs steps in order. "Back" returns to the last question that was asked. Resolves with true when all steps are done.
 */
export async function runSteps(title: string, steps: readonly Step[]): Promise<boolean> {
  const asked: number[] = [];
  const isAsked = (step: Step) => step.applies?.() ?? true;
  for (let index = 0; index < steps.length; ) {
    const [now, ...later] = steps.slice(index);
    const count = { step: asked.length + 1, steps: asked.length + 1 + later.filter(isAsked).length };
    const turn = now && isAsked(now) ? await now.ask({ title, ...count }) : 'skip';
    if (turn === 'cancelled') return false;
    if (turn === 'back') {
      index = asked.pop() ?? 0;
      continue;
    }
    if (turn === 'next') asked.push(index);
    index++;
  }
  return true;
}

/** Shows a list or box until `listen` ends it with an answer. */
function shown<T>(question: QuickInput, listen: (end: (answer: T) => void) => void): Promise<T> {
  return new Promise(resolve => {
    let isOver = false;
    listen(answer => {
      if (isOver) return;
      isOver = true;
      resolve(answer);
      giveWay(question);
    });
    question.show();
  });
}

export interface Question extends Place {
  readonly value?: string | undefined;
  readonly prompt: string;
  readonly placeholder?: string;
  readonly password?: boolean;
  /** Spaces around the text are kept. */
  readonly exact?: boolean;
  /** What is wrong with the text, or `undefined`. */
  readonly validate?: (text: string) => string | undefined | Promise<string | undefined>;
  /** Whether it is validated while it is typed. */
  readonly live?: boolean;
  /** A button that fetches the text from elsewhere; `undefined` if the user cancelled. */
  readonly fetch?: { readonly button: QuickInputButton; readonly text: () => Promise<string | undefined> };
  /** A button that copies a text that the user needs elsewhere to answer. */
  readonly copy?: { readonly tooltip: string; readonly text: string };
}

/** An input box of a flow, with a back button after the first step. */
export function askText(question: Question): Promise<Answer<string>> {
  const { validate, exact, live } = question;
  const { box, refuse } = openInput(question);
  return shown<Answer<string>>(box, end => {
    const textOf = (given: string) => (exact ? given : given.trim());
    const accept = async (given: string) => {
      const text = textOf(given);
      const flaw = await validate?.(text);
      if (flaw === undefined) end({ turn: 'next', value: text });
      else refuse(flaw);
    };
    const check = async (given: string) => {
      const flaw = await validate?.(textOf(given));
      // The text may have changed meanwhile.
      if (box.value === given) refuse(flaw);
    };
    const { fetch } = question;
    const copy = question.copy && { ...question.copy, iconPath: new ThemeIcon('copy') };
    let away = false;
    box.buttons = [
      ...(question.step > 1 ? [QuickInputButtons.Back] : []),
      ...(fetch ? [fetch.button] : []),
      ...(copy ? [copy] : []),
    ];
    box.onDidTriggerButton(async button => {
      if (copy && button === copy) return toClipboard(copy.text);
      if (button !== fetch?.button) return end({ turn: 'back' });
      // The dialog takes the place of this box and hides it.
      away = true;
      const fetched = await fetch
        .text()
        .then(
          text => ({ text }),
          error => ({ flaw: describeError(classify(error)) }),
        )
        .finally(() => {
          away = false;
          box.show();
        });
      if ('flaw' in fetched) refuse(fetched.flaw);
      else if (fetched.text !== undefined) await accept(fetched.text);
    });
    box.onDidChangeValue(given => (live ? check(given) : refuse(undefined)));
    box.onDidAccept(() => accept(box.value));
    box.onDidHide(() => {
      if (!away) end({ turn: 'cancelled' });
    });
    if (live) void check(box.value);
  });
}

/** A placeholder is cut off at the width of the list. VS Code 1.108 and later show a prompt below it in full. */
const hasPrompts = Number(version.split('.')[1]) >= 108;

/** A list of a flow, with one or several choices. */
export function askChoice<Item extends QuickPickItem>(
  place: Place,
  items: readonly Item[],
  options: {
    readonly placeholder: string;
    /** A text that must be readable in full. */
    readonly prompt?: string;
    readonly many?: boolean;
    readonly selected?: (item: Item) => boolean;
    /** Called when a button of an item is pressed; the list stays open. */
    readonly pressed?: (item: Item) => unknown;
    /** An item for what the user types, in front of the others. */
    readonly typed?: (text: string) => Item | undefined;
    readonly settings?: ListSettings;
  },
): Promise<Answer<readonly Item[]>> {
  const { placeholder, prompt } = options;
  const texts = hasPrompts ? { placeholder, prompt } : { placeholder: prompt ?? placeholder };
  const { list: pick, shown: all, original, add } = openList(items, { ...place, ...texts });
  pick.canSelectMany = options.many === true;
  const selected = all.filter(item => options.selected?.(original(item)));
  if (options.many) pick.selectedItems = selected;
  else if (selected.length > 0) pick.activeItems = selected;
  Object.assign(pick, options.settings);
  return shown<Answer<readonly Item[]>>(pick, end => {
    pick.buttons = place.step > 1 ? [QuickInputButtons.Back] : [];
    pick.onDidTriggerButton(() => end({ turn: 'back' }));
    pick.onDidTriggerItemButton(({ item }) => void options.pressed?.(original(item)));
    const { typed } = options;
    if (typed) pick.onDidChangeValue(text => add(typed(text)));
    pick.onDidAccept(() => {
      // Enter may come before the item for the typed text is shown.
      const item = typed?.(pick.value);
      const chosen = item ? [item] : pick.selectedItems.map(original);
      if (chosen.length > 0 || options.many) end({ turn: 'next', value: chosen });
    });
    pick.onDidHide(() => end({ turn: 'cancelled' }));
  });
}

interface ListSettings {
  readonly matchOnDescription?: boolean;
  readonly matchOnDetail?: boolean;
  /** Whether it stays open when another window comes to the front. */
  readonly ignoreFocusOut?: boolean;
}

interface ListOptions extends ListSettings {
  readonly title: string;
  readonly placeHolder?: string;
}

async function listed<Item extends QuickPickItem>(
  items: readonly Item[],
  { title, placeHolder = '', ignoreFocusOut = false, ...matching }: ListOptions,
  many: boolean,
): Promise<readonly Item[] | undefined> {
  const settings = { ignoreFocusOut, ...matching };
  const answer = await askChoice({ title, step: 0 }, items, { placeholder: placeHolder, many, settings });
  return answer.turn === 'next' ? answer.value : undefined;
}

/** Shows a list. Resolves with the chosen item. */
export async function pick<Item extends QuickPickItem>(
  items: readonly Item[],
  options: ListOptions,
): Promise<Item | undefined> {
  return (await listed(items, options, false))?.[0];
}

/** As `pick`, for several items. */
export function pickMany<Item extends QuickPickItem>(
  items: readonly Item[],
  options: ListOptions,
): Promise<readonly Item[] | undefined> {
  return listed(items, options, true);
}

/** Shows an input box, which says while the user types what is wrong. Resolves with the text as it was typed. */
export async function ask({
  placeHolder = '',
  flaw,
  ...texts
}: Pick<Question, 'title' | 'prompt' | 'value' | 'password'> & {
  readonly placeHolder?: string;
  readonly flaw?: NonNullable<Question['validate']>;
}): Promise<string | undefined> {
  const live = { exact: true, live: true, ...(flaw && { validate: flaw }) };
  const answer = await askText({ step: 0, placeholder: placeHolder, ...texts, ...live });
  return answer.turn === 'next' ? answer.value : undefined;
}

/** Runs `work` behind a busy input box; hiding the box cancels the work. */
export async function showBusyInput<T>(
  place: Place,
  { value, prompt }: { readonly value: string; readonly prompt: string },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const { box } = openInput({ ...place, value, prompt });
  Object.assign(box, { busy: true, enabled: false });
  box.onDidHide(() => abort.abort());
  box.show();
  try {
    return await work(abort.signal);
  } finally {
    giveWay(box);
  }
}
