import { checkText } from '../text/checks.ts';
import { claimText, headerText } from '../text/claims.ts';
import { describeError } from '../text/errors.ts';

/**
 * The sentences that the sidebar needs as well. They are handed to what is loaded later, which would else bring a
 * copy of its own: each bundle has one of whatever it imports.
 */
export const texts = { checkText, describeError, claimText, headerText } as const;

export type Texts = typeof texts;
