/** Loaded at the first view or command: tree rows, commands, sentences, checks, and editor features for tokens. */
export { createVerifier } from '../core/checks/verifier.ts';
export { createHandlers } from './commands/table.ts';
export { createColors, followLink, hintsOf, lensesOf, linksIn, mockLens } from './editor/annotations.ts';
export { claimHoverAt, hoverAt } from './editor/hover.ts';
export { diagnosticsOf, fixesFor, settingsProblems } from './editor/problems.ts';
export { watchStaged } from './leaks/search.ts';
export { handledRedirectUri, reportArrival } from './signInPage.ts';
export { resolveItem, treeItem } from './tree/items.ts';
