import { Hover, l10n, MarkdownString, type Position, type TextDocument } from 'vscode';
import { commands } from '../../contributions.ts';
import type { Check } from '../../core/checks/checks.ts';
import type { ReviewFinding } from '../../core/checks/review.ts';
import { classify } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { own } from '../../core/tokens/json.ts';
import { type DecodedToken, decodeToken } from '../../core/tokens/jwt.ts';
import { remarksOn, summarize } from '../../core/view/tokenSummary.ts';
import { reviewText } from '../text/review.ts';
import { kindText, timeName } from '../text/summary.ts';
import { momentText } from '../text/time.ts';
import { ownerOf } from './owner.ts';
import { placeOf } from './place.ts';
import { type PlacedToken, tokenAtPosition } from './scan.ts';
import type { Texts } from './texts.ts';

/** The only commands that a link in a hover can run. Their arguments are a place and never a token. */
export const hoverCommands = [commands.inspect, commands.copyPayload, commands.decodeSelection] as const;

/** Problems that are named; the inspector has them all. */
const mostProblems = 4;

export interface HoverParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly texts: Texts;
}

export function hoverAt(
  document: TextDocument,
  position: Position,
  { sessions, clock, texts }: HoverParts,
): Hover | undefined {
  const found = tokenAtPosition(document, position, sessions);
  return found && new Hover(hoverText(document, found, sessions, clock.now(), texts), found.range);
}

function hoverText(
  document: TextDocument,
  found: PlacedToken,
  sessions: Sessions,
  now: number,
  texts: Texts,
): MarkdownString {
  const text = new MarkdownString('', true);
  // Only these commands; no HTML. Whatever the token says goes through appendText.
  text.isTrusted = { enabledCommands: [...hoverCommands] };
  let decoded: DecodedToken;
  try {
    decoded = decodeToken(found.token);
  } catch (error) {
    text.appendMarkdown('$(error) ');
    return appendForeign(text, texts.describeError(classify(error)));
  }
  const connection = ownerOf(found, sessions);
  const summary = summarize(decoded, now, connection, found.known?.name);
  text.appendMarkdown('**').appendText(kindText(summary.kind)).appendMarkdown('** &nbsp;');
  text.appendText(statement(decoded));
  if (connection) {
    const of = found.known ? l10n.t('Held by the connection') : l10n.t('Issuer of the connection');
    row(text, of, connection.label);
  }
  for (const [name, value] of [
    [l10n.t('Issuer'), summary.issuer],
    [l10n.t('Subject'), summary.subject],
    [l10n.t('Audience'), summary.audience],
  ] as const) {
    if (value !== undefined) row(text, name, value);
  }
  for (const time of summary.times) row(text, timeName(time), momentText(time.at, now));
  if (decoded.kind === 'jwe') {
    row(text, l10n.t('Encryption'), `${String(own(decoded.header, 'alg'))}, ${String(own(decoded.header, 'enc'))}`);
  }
  problems(text, summary.problems, remarksOn(found.token, decoded, now, connection), texts);
  if (found.wrapped) {
    text.appendMarkdown('\n\n$(info) ');
    text.appendText(l10n.t('Wrapped over {0} lines.', found.pieces.length));
  }
  return actions(text, document, found, decoded);
}

/** Decoded is never shown as verified. */
function statement({ kind }: DecodedToken): string {
  switch (kind) {
    case 'jws':
      return l10n.t('decoded, not verified');
    case 'jwe':
      return l10n.t('only its recipient can read it');
    case 'opaque':
      return l10n.t('only its issuer can read it');
  }
}

function row(text: MarkdownString, name: string, value: string): void {
  text.appendMarkdown('\n\n').appendText(`${name}: `).appendMarkdown('**');
  appendForeign(text, printable(value, 120)).appendMarkdown('**');
}

/** A text that holds words of the token. Addresses in it stay text: nobody is one click away from where it points. */
function appendForeign(text: MarkdownString, foreign: string): MarkdownString {
  const plain = new MarkdownString().appendText(foreign).value;
  return text.appendMarkdown(
    plain
      .replaceAll(':', '&#58;')
      .replaceAll('@', '&#64;')
      .replace(/(www)\./gi, '$1&#46;'),
  );
}

/** What a verifier would say, and then what the best practices have against it. Notes are for the inspector. */
function problems(
  text: MarkdownString,
  checks: readonly Check[],
  review: readonly ReviewFinding[],
  { checkText }: Texts,
): void {
  const lines = checks.map(check => {
    const { title, detail } = checkText(check);
    return { isError: check.status === 'failed', line: `${title}: ${detail}` };
  });
  for (const finding of review) {
    const isError = finding.severity === 'error';
    if (finding.severity !== 'info') lines.push({ isError, line: reviewText(finding).detail });
  }
  for (const { isError, line } of lines.slice(0, mostProblems)) {
    text.appendMarkdown(isError ? '\n\n$(error) ' : '\n\n$(warning) ');
    appendForeign(text, line);
  }
  const more = lines.length - mostProblems;
  if (more > 0) text.appendMarkdown('\n\n').appendText(l10n.t('{0} more in the inspector.', more));
}

function actions(
  text: MarkdownString,
  document: TextDocument,
  { range }: PlacedToken,
  { kind }: DecodedToken,
): MarkdownString {
  const place = placeOf(document, range);
  const link = (title: string, command: string, argument: object) =>
    `[${title}](command:${command}?${encodeURIComponent(JSON.stringify([argument]))})`;
  const links = [link(l10n.t('Open in the inspector'), commands.inspect, { ...place, show: true })];
  if (kind === 'jws') {
    links.push(
      link(l10n.t('Verify'), commands.inspect, { ...place, show: true, verify: true }),
      link(l10n.t('Copy payload'), commands.copyPayload, place),
    );
  }
  if (kind === 'jwe') links.push(link(l10n.t('Decrypt'), commands.inspect, { ...place, show: true, decrypt: true }));
  if (kind !== 'opaque') links.push(link(l10n.t('Decode'), commands.decodeSelection, place));
  return text.appendMarkdown(`\n\n---\n\n${links.join(' &nbsp;|&nbsp; ')}`);
}
