/** What is loaded when somebody first looks or asks: rows, commands, and what they say. */
export { createHandlers } from './commands/register.ts';
export { texts } from './editor/texts.ts';
export { handledRedirectUri, reportArrival } from './redirects.ts';
export { treeItem } from './tree/items.ts';

/** Evaluated when a document first holds a token. */
export const loadFeatures = () => import('./editor/features.ts');
