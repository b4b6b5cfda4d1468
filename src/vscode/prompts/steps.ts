import { type QuickInputButton, QuickInputButtons, type QuickPickItem, ThemeIcon, version } from 'vscode';
import { openInput, openList, toClipboard } from '../screen.ts';

/** What a step of a flow came to: go on, go back, or the user cancelled. */
export type Turn = 'next' | 'back' | 'cancelled';
export type Answer<T> = { readonly turn: 'next'; readonly value: T } | { readonly turn: 'back' | 'cancelled' };
export interface Step {
  ask(place: Place): Promise<Turn | 'skip'>;
  /** False where the answers so far make the question superfluous. */
  applies?(): boolean;
}

export interface Place {
  readonly title: string;
  /** Counted by what was really asked: steps that do not apply leave no gap. 0 for a question that stands alone. */
  readonly step: number;
  /** How many there will be, as far as the answers so far tell. */
  readonly steps?: number;
}

/** Runs steps in order; "back" returns to the last step that asked something. True when all of them are through. */
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

export interface Question extends Place {
  readonly value?: string | undefined;
  readonly prompt: string;
  readonly placeholder?: string;
  readonly password?: boolean;
  /** Spaces around the text belong to it. */
  readonly exact?: boolean;
  /** What is wrong with the text, or `undefined`. */
  readonly validate?: (text: string) => string | undefined | Promise<string | undefined>;
  /** A button that fetches the text from elsewhere; `undefined` where nothing came of it. */
  readonly fetch?: { readonly button: QuickInputButton; readonly text: () => Promise<string | undefined> };
  /** A button that copies something that is needed elsewhere to answer. */
  readonly copy?: { readonly tooltip: string; readonly text: string };
}

/** An input box of a flow, with a back button after the first step. */
export function askText(question: Question): Promise<Answer<string>> {
  const { validate } = question;
  const { box, refuse } = openInput(question);
  return new Promise(resolve => {
    const end = (answer: Answer<string>) => {
      resolve(answer);
      box.dispose();
    };
    const accept = async (given: string) => {
      const text = question.exact ? given : given.trim();
      const flaw = await validate?.(text);
      if (flaw === undefined) end({ turn: 'next', value: text });
      else refuse(flaw);
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
      // Where the dialog takes the place of this box it hides it.
      away = true;
      const text = await fetch.text().finally(() => {
        away = false;
        box.show();
      });
      if (text !== undefined) await accept(text);
    });
    box.onDidChangeValue(() => refuse(undefined));
    box.onDidAccept(() => accept(box.value));
    box.onDidHide(() => {
      if (!away) end({ turn: 'cancelled' });
    });
    box.show();
  });
}

/** A placeholder is cut at the width of the list. Since 1.108 VS Code shows a prompt below it, in full. */
const hasPrompts = Number(version.split('.')[1]) >= 108;

/** A list of a flow, one or many to choose. */
export function askChoice<Item extends QuickPickItem>(
  place: Place,
  items: readonly Item[],
  options: {
    readonly placeholder: string;
    /** What has to be read to the end, however long it is. */
    readonly prompt?: string;
    readonly many?: boolean;
    readonly selected?: (item: Item) => boolean;
    /** A button of an item was pressed; the list stays. */
    readonly pressed?: (item: Item) => unknown;
  },
): Promise<Answer<readonly Item[]>> {
  const { placeholder, prompt } = options;
  const texts = hasPrompts ? { placeholder, prompt } : { placeholder: prompt ?? placeholder };
  const { list: pick, shown, original } = openList(items, { ...place, ...texts });
  pick.canSelectMany = options.many === true;
  const selected = shown.filter(item => options.selected?.(original(item)));
  if (options.many) pick.selectedItems = selected;
  else if (selected.length > 0) pick.activeItems = selected;
  return new Promise(resolve => {
    const end = (answer: Answer<readonly Item[]>) => {
      resolve(answer);
      pick.dispose();
    };
    pick.buttons = place.step > 1 ? [QuickInputButtons.Back] : [];
    pick.onDidTriggerButton(() => end({ turn: 'back' }));
    pick.onDidTriggerItemButton(({ item }) => void options.pressed?.(original(item)));
    pick.onDidAccept(() => end({ turn: 'next', value: pick.selectedItems.map(original) }));
    pick.onDidHide(() => end({ turn: 'cancelled' }));
    pick.show();
  });
}

/** Runs `work` behind a busy input that stands where the question stood; hiding it cancels the work. */
export async function busy<T>(
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
    box.dispose();
  }
}
