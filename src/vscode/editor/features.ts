/** Everything that looks at tokens in documents, as one bundle that is loaded when the first token is in sight. */
export { createColors } from './colors.ts';
export { hintsOf } from './hints.ts';
export { hoverAt } from './hover.ts';
export { lensesOf } from './lens.ts';
export { diagnosticsOf, fixesFor } from './problems.ts';
