/** What is shown of tokens where they stand: in documents, terminals and output. */
export { watchStaged } from '../leaks/stagedWarning.ts';
export { claimHoverAt } from './claimHover.ts';
export { createColors } from './colors.ts';
export { hintsOf } from './hints.ts';
export { hoverAt } from './hover.ts';
export { lensesOf } from './lens.ts';
export { diagnosticsOf, fixesFor } from './problems.ts';
export { followLink, linksIn } from './terminalLinks.ts';
