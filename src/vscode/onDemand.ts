/** What is loaded when somebody first looks or asks: rows, commands, what they say, and what is shown of tokens in place. */
export { createHandlers } from './commands/table.ts';
export { createColors, hintsOf, lensesOf } from './editor/annotations.ts';
export { claimHoverAt, hoverAt } from './editor/hover.ts';
export { diagnosticsOf, fixesFor, settingsProblems } from './editor/problems.ts';
export { followLink, linksIn } from './editor/terminalLinks.ts';
export { watchStaged } from './leaks/stagedWarning.ts';
export { handledRedirectUri, reportArrival } from './redirects.ts';
export { treeItem } from './tree/items.ts';
