import { type Hover, l10n, type Position, Range, type TextDocument } from 'vscode';
import { commands } from '../../contributions.ts';
import { type Check, stateWithoutKey } from '../../core/checks/finding.ts';
import type { ReviewFinding } from '../../core/checks/review.ts';
import type { Verifications } from '../../core/checks/verifications.ts';
import { classify } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { own, textFrom } from '../../core/tokens/json.ts';
import { type DecodedToken, decodeToken } from '../../core/tokens/jwt.ts';
import { varietyOf } from '../../core/tokens/varieties.ts';
import { checksOf, problemsAmong, reviewFindingsOf, summarize } from '../../core/view/tokenSummary.ts';
import { type HoverLink, HoverText } from '../screen.ts';
import { checkText } from '../text/checks.ts';
import { claimText, headerText } from '../text/claims.ts';
import { describeError } from '../text/errors.ts';
import { reviewText } from '../text/review.ts';
import { kindText, timeName, tokenStateLooks, tokenStateText } from '../text/states.ts';
import { momentText } from '../text/time.ts';
import { ownerOf, type PlacedToken, placeOf, replacementOf, tokenAtPosition } from './scan.ts';

/** Maximum number of problems in a hover; the inspector shows all. */
const maxProblems = 4;

export interface HoverParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
}

interface CheckedParts extends HoverParts {
  readonly verifications: Pick<Verifications, 'stateOf' | 'known'>;
}

export function hoverAt(document: TextDocument, position: Position, parts: CheckedParts): Hover | undefined {
  const found = tokenAtPosition(document, position, parts.sessions);
  return found && hoverText(document, found, parts).at(found.range);
}

function hoverText(document: TextDocument, found: PlacedToken, parts: CheckedParts): HoverText {
  const { sessions, clock, verifications } = parts;
  const now = clock.now();
  const text = new HoverText();
  let decoded: DecodedToken;
  try {
    decoded = decodeToken(found.token);
  } catch (error) {
    return text.icon('error').add(describeError(classify(error)));
  }
  const connection = ownerOf(found, sessions);
  const summary = summarize(decoded, now, connection, found.known?.name);
  // A hover sends no request, so only results that are already known are shown.
  const { known } = found;
  const told = known && verifications.stateOf(known.connection, known.name);
  const isTold = told !== undefined && told.kind !== 'not_checked';
  const state = isTold ? told : stateWithoutKey({ checks: decoded.kind === 'jws' ? [] : checksOf(decoded, now) });
  const held = known && verifications.known(known.connection, known.name);
  text.add(kindText(summary.kind), true).gap().icon(tokenStateLooks[state.kind].icon).add(tokenStateText(state));
  if (connection) {
    const of = found.known ? l10n.t('Held by the connection') : l10n.t('Issuer of the connection');
    row(text, of, connection.label);
  }
  const variety = varietyOf(found.token, decoded)?.name;
  for (const [name, value] of [
    [l10n.t('Variety'), variety],
    [l10n.t('Issuer'), summary.issuer],
    [l10n.t('Subject'), summary.subject],
    [l10n.t('Audience'), summary.audience],
  ] as const) {
    if (value !== undefined) row(text, name, value);
  }
  for (const time of summary.times) row(text, timeName(time), momentText(time.at, now));
  if (decoded.kind === 'jwe') {
    const { header } = decoded;
    row(text, l10n.t('Encryption'), `${textFrom(own(header, 'alg'))}, ${textFrom(own(header, 'enc'))}`);
  }
  problems(
    text,
    held ? problemsAmong(held.checks) : summary.problems,
    reviewFindingsOf(found.token, decoded, now, connection),
  );
  if (found.wrapped) text.paragraph().icon('info').add(l10n.t('Wrapped over {0} lines.', found.pieces.length));
  return text.links(actions(document, found, decoded, sessions));
}

function row(text: HoverText, name: string, value: string): void {
  text.paragraph().add(`${name}: `).add(printable(value, 120), true);
}

/**
 * The failures that a verifier would report, then the findings of the best-practice review. Notes appear only in the
 * inspector.
 */
function problems(text: HoverText, checks: readonly Check[], review: readonly ReviewFinding[]): void {
  const lines = checks.map(check => {
    const { title, detail } = checkText(check);
    return { isError: check.status === 'failed', line: `${title}: ${detail}` };
  });
  for (const finding of review) {
    const isError = finding.severity === 'error';
    if (finding.severity !== 'info') lines.push({ isError, line: reviewText(finding).detail });
  }
  for (const { isError, line } of lines.slice(0, maxProblems))
    text
      .paragraph()
      .icon(isError ? 'error' : 'warning')
      .add(line);
  const more = lines.length - maxProblems;
  if (more > 0) text.paragraph().add(l10n.t('{0} more in the inspector.', more));
}

/** The arguments of the links are places, never tokens. */
function actions(document: TextDocument, found: PlacedToken, { kind }: DecodedToken, sessions: Sessions): HoverLink[] {
  const place = placeOf(document, found.range);
  const inspect = (title: string, more: object = {}): HoverLink => ({
    title,
    command: commands.inspect,
    argument: { ...place, show: true, ...more },
  });
  return [
    inspect(l10n.t('Open in the inspector')),
    ...(kind === 'jws'
      ? [
          inspect(l10n.t('Verify'), { verify: true }),
          { title: l10n.t('Copy payload'), command: commands.copyPayload, argument: place },
        ]
      : []),
    ...(kind === 'jwe' ? [inspect(l10n.t('Decrypt'), { decrypt: true })] : []),
    ...(kind === 'opaque' ? [] : [{ title: l10n.t('Decode'), command: commands.decodeSelection, argument: place }]),
    ...(replacementOf(found, sessions)
      ? [{ title: l10n.t('Replace with a fresh token'), command: commands.replaceToken, argument: place }]
      : []),
  ];
}

/**
 * Meaning and source of a claim name, in a document that this extension generated from a token (see tokenDocuments.ts).
 */
export function claimHoverAt(document: TextDocument, { line, character }: Position): Hover | undefined {
  const [start, name = ''] = /^ {4}"([^"\\]{1,60})":/.exec(document.lineAt(line).text) ?? [];
  if (start === undefined || character < 4 || character >= start.length) return undefined;
  let at = line;
  while (at > 0 && !/^ {2}"/.test(document.lineAt(at).text)) at--;
  const known = (document.lineAt(at).text.startsWith('  "header"') ? headerText : claimText)(name);
  if (!known) return undefined;
  const text = new HoverText().add(known.meaning).paragraph().add(l10n.t('Source: {0}', known.source));
  return text.at(new Range(line, 4, line, start.length - 1));
}
