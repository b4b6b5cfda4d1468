import {
  type CodeAction,
  type Diagnostic,
  DiagnosticSeverity,
  l10n,
  Range,
  type TextDocument,
  WorkspaceEdit,
} from 'vscode';
import { commands } from '../../contributions.ts';
import { partOf } from '../../core/checks/checks.ts';
import type { ReviewFinding } from '../../core/checks/review.ts';
import { classify, type WorkbenchError } from '../../core/errors.ts';
import { isErrorCode } from '../../core/errorTable.ts';
import type { ConnectionProblem } from '../../core/records/connection.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { decodeBase64url } from '../../core/tokens/base64url.ts';
import { decodeToken } from '../../core/tokens/jwt.ts';
import { memberRanges } from '../../core/tokens/tokenParts.ts';
import { problemsOf, reviewFindingsOf } from '../../core/view/tokenSummary.ts';
import { problem, problemSource, quickFix } from '../screen.ts';
import { checkText } from '../text/checks.ts';
import { describeError } from '../text/errors.ts';
import { reviewText } from '../text/review.ts';
import { describeProblem } from '../text/storedErrors.ts';
import type { HoverParts } from './hover.ts';
import { ownerOf, type PlacedToken, placeOf, replacementOf, scanLimit, tokenAtPosition, tokensIn } from './scan.ts';

/** Maximum number of problems in one document. */
const maxProblems = 200;

/** Code of the problem for a working token in a file; see ../leaks. */
export const leakCode = 'leak';

/** Code of the problem for a wrapped token, which a quick fix can join into one line. */
const wrappedCode = 'wrapped';

const severities = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
} as const;

/** Results of the checks that need no keys, at the part of the token that they are about. */
export function diagnosticsOf(document: TextDocument, { sessions, clock }: HoverParts): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const found = tokensIn(document);
  for (const token of found) {
    if (diagnostics.length >= maxProblems) break;
    diagnostics.push(...ofToken(token, sessions, clock.now()));
  }
  if (diagnostics.length < maxProblems) diagnostics.push(...damaged(document, found));
  return diagnostics.slice(0, maxProblems);
}

function ofToken(token: PlacedToken, sessions: Sessions, now: number): Diagnostic[] {
  const list: Diagnostic[] = [];
  try {
    const decoded = decodeToken(token.token);
    for (const check of problemsOf(decoded, now, ownerOf(token, sessions))) {
      const { title, detail, advice } = checkText(check);
      const text = [`${title}: ${detail}`, advice].filter(Boolean).join(' ');
      const severity = check.status === 'failed' ? DiagnosticSeverity.Warning : DiagnosticSeverity.Information;
      list.push(problem(partRange(token, partOf(check.id) === 'header'), text, severity, check.code));
    }
    for (const finding of reviewFindingsOf(token.token, decoded, now, ownerOf(token, sessions))) {
      const { detail, advice } = reviewText(finding);
      const text = l10n.t('{0} {1} ({2})', detail, advice, finding.section);
      list.push(problem(memberRange(token, finding), text, severities[finding.severity], finding.id));
    }
  } catch (error) {
    list.push(broken(classify(error), token.range));
  }
  if (token.wrapped) {
    const text = l10n.t('The token is wrapped over {0} lines. Most programs require one line.', token.pieces.length);
    list.push(problem(token.range, text, DiagnosticSeverity.Information, wrappedCode));
  }
  return list;
}

const tokenLike = /(?<![\w.-])(?:ey[A-DI-L]|ew[k-r0-3])[\w-]{8,}\S*/g;

/** Text that starts like a token but is none, because a character was lost or added. */
function damaged(document: TextDocument, found: readonly PlacedToken[]): Diagnostic[] {
  if (document.languageId !== 'jwt') return [];
  const text = document.getText().slice(0, scanLimit);
  const list: Diagnostic[] = [];
  // Tokens and matches are both in text order, so one pass suffices.
  let next = 0;
  for (const match of text.matchAll(tokenLike)) {
    const range = new Range(document.positionAt(match.index), document.positionAt(match.index + match[0].length));
    while (found[next]?.range.end.isBefore(range.start)) next++;
    if (found[next]?.range.intersection(range)) continue;
    try {
      decodeToken(match[0]);
    } catch (error) {
      list.push(broken(classify(error), range, match[0].length));
    }
    if (list.length >= maxProblems) break;
  }
  return list;
}

function broken(error: WorkbenchError, range: Range, length = Number.POSITIVE_INFINITY): Diagnostic {
  const position = error.code === 'not_a_token' || error.code === 'token_encoding' ? error.data.position : undefined;
  const { line, character } = range.start;
  const at = range.isSingleLine && position !== undefined && position < length ? position : undefined;
  const place = at === undefined ? range : new Range(line, character + at, line, character + at + 1);
  return problem(place, describeError(error), DiagnosticSeverity.Error, error.code);
}

/** The range of a top-level member within the token, if the token is on one line. */
function memberRange(token: PlacedToken, { part, member }: ReviewFinding): Range {
  const whole = partRange(token, part === 'header');
  const text = token.pieces.length === 1 ? token.token.split('.')[part === 'header' ? 0 : 1] : undefined;
  const bytes = text === undefined || member === undefined ? undefined : decodeBase64url(text);
  if (!bytes || 'reason' in bytes) return whole;
  const name = JSON.stringify(member);
  const at = memberRanges(new TextDecoder().decode(bytes)).find(each => each.name === name);
  if (!at) return whole;
  const { line, character } = whole.start;
  return new Range(line, character + at.start, line, character + at.end);
}

const duplicateId = 'duplicate_id' satisfies ConnectionProblem['code'];

/** Reports duplicate ids in the user's settings.json, which the schema of the setting cannot express. */
export function settingsProblems(document: TextDocument, sessions: Sessions): Diagnostic[] {
  const found = sessions.problems().filter(({ code }) => code === duplicateId);
  if (found.length === 0) return [];
  const places = [
    ...document
      .getText()
      .slice(0, scanLimit)
      .matchAll(/"id"\s*:\s*("[^"\n]*")/g),
  ];
  const ids = new Map(found.map(each => [JSON.stringify(each.found), each]));
  return [...ids].flatMap(([id, each]) =>
    places
      .filter(([, value]) => value === id)
      .slice(1)
      .map(({ 0: text, index }) => {
        const [start, end] = [document.positionAt(index), document.positionAt(index + text.length)];
        return problem(new Range(start, end), describeProblem(each), DiagnosticSeverity.Error, duplicateId);
      }),
  );
}

/** The range of the part that a check is about, if the token is on one line. */
function partRange({ token, pieces, range }: PlacedToken, ofHeader: boolean): Range {
  const [first] = pieces;
  if (!first || pieces.length > 1) return range;
  const dots = [token.indexOf('.'), token.lastIndexOf('.')];
  const [from = 0, to = token.length] = ofHeader ? [0, dots[0]] : [(dots[0] ?? 0) + 1, dots[1]];
  const { line, character } = first.start;
  return new Range(line, character + from, line, character + to);
}

/** Quick fixes: inspect the token, join a wrapped token into one line, replace it with a fresh one. */
export function fixesFor(document: TextDocument, diagnostics: readonly Diagnostic[], sessions: Sessions): CodeAction[] {
  const ours = diagnostics.filter(({ source }) => source === problemSource);
  return ours.flatMap(problem => {
    const place = placeOf(document, problem.range);
    const inspect = commandFix(l10n.t('Open in the inspector'), problem, commands.inspect, { ...place, show: true });
    if (problem.code === leakCode) return [moved(problem, place), inspect, decoded(problem, place)];
    if (problem.code === 'token_encoding') return cleaned(document, problem);
    // A token that cannot be decoded cannot be inspected.
    if (isErrorCode(problem.code) || problem.code === duplicateId) return [];
    if (problem.code !== wrappedCode)
      return [...replaced(document, problem, sessions), inspect, decoded(problem, place)];
    const join = quickFix(l10n.t('Join the token into one line'), problem);
    join.edit = joined(document, problem.range);
    join.isPreferred = true;
    return [join, inspect];
  });
}

/** Corrects padding, the other base64 alphabet and inserted characters, if the result is a valid token. */
function cleaned(document: TextDocument, problem: Diagnostic): CodeAction[] {
  const { line, character } = problem.range.start;
  for (const { 0: found, index } of document.lineAt(line).text.matchAll(tokenLike)) {
    const text = found.replace(/[^\w.=-]+$/, '');
    if (character < index || character >= index + text.length) continue;
    const token = text
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replace(/[^\w.-]+/g, '');
    try {
      decodeToken(token);
    } catch {
      // The token has further errors.
      return [];
    }
    const fix = quickFix(l10n.t('Convert to base64url'), problem);
    fix.edit = new WorkspaceEdit();
    fix.edit.replace(document.uri, new Range(line, index, line, index + text.length), token);
    fix.isPreferred = true;
    return [fix];
  }
  return [];
}

function replaced(document: TextDocument, problem: Diagnostic, sessions: Sessions): CodeAction[] {
  const found = tokenAtPosition(document, problem.range.start, sessions);
  if (!found || !replacementOf(found, sessions)) return [];
  const title = l10n.t('Replace with a fresh token');
  const fix = commandFix(title, problem, commands.replaceToken, placeOf(document, found.range));
  fix.isPreferred = problem.code === 'exp_past';
  return [fix];
}

function decoded(problem: Diagnostic, place: object): CodeAction {
  return commandFix(l10n.t('Decode into a read-only document'), problem, commands.decodeSelection, place);
}

function moved(problem: Diagnostic, place: object): CodeAction {
  const title = l10n.t('Move into JWT Workbench and leave a placeholder');
  const move = commandFix(title, problem, commands.moveToken, { ...place, show: true });
  move.isPreferred = true;
  return move;
}

function commandFix(title: string, problem: Diagnostic, command: string, argument: object): CodeAction {
  const fix = quickFix(title, problem);
  fix.command = { command, title, arguments: [argument] };
  return fix;
}

function joined(document: TextDocument, range: Range): WorkspaceEdit {
  const edit = new WorkspaceEdit();
  const token = tokensIn(document).find(each => each.range.isEqual(range));
  if (token) edit.replace(document.uri, range, token.token);
  return edit;
}
