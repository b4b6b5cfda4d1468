/** What is loaded when somebody first looks or asks: rows, commands, and what they say. */
export { createHandlers } from './commands/register.ts';
export * as features from './editor/features.ts';
export { texts } from './editor/texts.ts';
export { handledRedirectUri, reportArrival } from './redirects.ts';
export { treeItem } from './tree/items.ts';
