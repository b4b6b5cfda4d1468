/**
 * Everything that looks at tokens in documents, in the inspector and in files, as one bundle that is loaded when the
 * first token is in sight. In one, because all of it reads and checks tokens, and each bundle has its own copy.
 */
export { openInspector } from '../inspector/panel.ts';
export { gitApi, stagedFiles } from '../leaks/git.ts';
export { leaksIn, searchStaged, searchWorkspace } from '../leaks/search.ts';
export { watchStaged } from '../leaks/stagedWarning.ts';
export { claimHoverAt } from './claimHover.ts';
export { createColors } from './colors.ts';
export { hintsOf } from './hints.ts';
export { hoverAt } from './hover.ts';
export { lensesOf } from './lens.ts';
export { diagnosticsOf, fixesFor } from './problems.ts';
export { followLink, linksIn } from './terminalLinks.ts';
