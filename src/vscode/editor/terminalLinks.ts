import { commands as registry } from 'vscode';
import { commands } from '../../contributions.ts';
import { classify } from '../../core/errors.ts';
import { decodeToken, expiresAt } from '../../core/tokens/jwt.ts';
import { findTokens } from '../../core/tokens/tokenRanges.ts';
import { summarize } from '../../core/view/tokenSummary.ts';
import { type TokenLink, terminalLink } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { expiryText, kindText } from '../text/summary.ts';
import type { HoverParts } from './hover.ts';
import { ownerOf } from './place.ts';
import { type KnownToken, knownTokenIn } from './scan.ts';

/** The tokens of one line of a terminal, with what each is and when it ends. VS Code puts wrapped lines together. */
export function linksIn(line: string, { sessions, clock }: HoverParts): TokenLink[] {
  const now = clock.now();
  const known = knownTokenIn(line, sessions);
  const found: { start: number; end: number; token: string; known?: KnownToken }[] = findTokens(line, mostLinks);
  if (known && !found.some(({ start }) => start === known.start)) found.push(known);
  return found.map(({ start, end, token, known }) => {
    const length = end - start;
    try {
      const decoded = decodeToken(token);
      const { kind } = summarize(decoded, now, ownerOf({ token, ...(known && { known }) }, sessions), known?.name);
      const expiry = decoded.kind === 'jws' ? `, ${expiryText(expiresAt(decoded), now)}` : '';
      return terminalLink(start, token, length, `${kindText(kind)}${expiry}`);
    } catch (error) {
      return terminalLink(start, token, length, describeError(classify(error)));
    }
  });
}

export async function followLink({ token }: TokenLink): Promise<void> {
  await registry.executeCommand(commands.inspect, { token, show: true });
}

/** Links of one line; more are no help to anybody. */
const mostLinks = 20;
