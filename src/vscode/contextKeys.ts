import { commands as registry, type Tab, window } from 'vscode';
import { contextKeys, type StepName } from '../contributions.ts';

const menuKeys = new Map<string, boolean>();

/** Sets a context key for `when` clauses, so that menus list only commands that can work. */
export async function setMenuKey(name: keyof typeof contextKeys, holds: boolean): Promise<void> {
  if (menuKeys.get(name) === holds) return;
  menuKeys.set(name, holds);
  await registry.executeCommand('setContext', contextKeys[name], holds);
}

/**
 * Ticks the steps of the walkthrough. VS Code ticks a step at the moment when its context key becomes true, and never
 * one whose key was true before the walkthrough was first opened. So a key is true for a moment only: when its step is
 * done, and once more when a walkthrough is opened.
 */
const done = new Set<StepName>();

export function stepDone(name: StepName): void {
  if (done.has(name)) return;
  done.add(name);
  tick(name);
}

/** Watches until the result is disposed. */
export function tickWhenOpened(): { dispose(): unknown } {
  return window.tabGroups.onDidChangeTabs(({ opened }) => {
    if (opened.some(mayBeWalkthrough)) for (const name of done) tick(name);
  });
}

/** For the tab of a walkthrough, as for a few other tabs, VS Code gives extensions no `input`. */
function mayBeWalkthrough({ input }: Tab): boolean {
  return input === undefined;
}

function tick(name: StepName): void {
  for (const value of [true, false]) void registry.executeCommand('setContext', contextKeys[name], value);
}
