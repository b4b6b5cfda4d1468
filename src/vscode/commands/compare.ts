import { l10n, type QuickPickItem, QuickPickItemKind, ThemeIcon } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import { type Sessions, type TokenName, tokenOf } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { own } from '../../core/tokens/json.ts';
import { type DecodedToken, decodeToken, membersOf } from '../../core/tokens/jwt.ts';
import { isTimeClaim, numericDate } from '../../core/tokens/tokenParts.ts';
import { compareTokens, type Difference, inSameOrder } from '../../core/tokens/tokenUse.ts';
import type { PreviousTokens } from '../../core/view/sessionView.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { tokenAtCursor } from '../editor/scan.ts';
import { askToken, sessionOf } from '../prompts/pick.ts';
import { pick } from '../prompts/questions.ts';
import { showDiff } from '../screen.ts';
import { tokenTitle } from '../text/states.ts';
import { dateText, durationText } from '../text/time.ts';
import { jsonWithComments } from '../tokenDocuments.ts';
import { defineCommand } from './command.ts';
import { anything, choice, connectionId, optional, withDefault } from './fields.ts';

type Compared = 'access_token' | 'id_token';

const fields = {
  tokens: optional(anything('[token, token]', { type: 'array', items: { type: 'string' }, minItems: 2, maxItems: 2 })),
  /** Instead of `tokens`: compares this connection's token with the one before the last refresh. */
  connection: optional(connectionId),
  token: withDefault(choice<Compared>('access_token', 'id_token'), 'access_token'),
};

interface Argument {
  readonly sides: readonly [Side, Side];
}

interface Result {
  readonly differences: readonly Difference[];
}

/** Shows the decoded contents of two tokens in VS Code's diff editor, never the tokens. */
export const compare = defineCommand(
  {
    name: 'compare',
    needsTrust: false,
    fields,
    returns: '`{ differences }`. Without `tokens`: the token of the connection and the one before the last refresh',
  },
  ({ sessions, previous, documents }) => {
    return {
      accept: ({ tokens, connection, token }): Argument => ({
        sides: connection === undefined ? givenSides(tokens) : refreshed(connection, token, sessions, previous),
      }),
      async ask(node): Promise<Argument | undefined> {
        const first = await firstSide(node);
        if (first === undefined) return undefined;
        const title = l10n.t('Compare {0} with', first.label);
        const second = await pickSide(title, sessions, previous, () => other(title), first);
        return second && { sides: oldFirst(first, second) };
      },
      async run({ sides: [one, other] }): Promise<Result> {
        return { differences: compareTokens(one.decoded, other.decoded) };
      },
      async report({ differences }, { sides: [one, other] }) {
        const later = (name: string) => laterText(differences.find(each => each.name === name)?.seconds);
        const note = (name: string) => [ageText(name, other.decoded), later(name)].filter(Boolean).join(' ');
        const left = documents.add(
          one.label,
          jsonWithComments(bodyOf(one.decoded), dateText, name => ageText(name, one.decoded)),
        );
        const right = documents.add(other.label, jsonWithComments(bodyOf(other.decoded, one.decoded), dateText, note));
        const names = `${one.label} ↔ ${other.label}`;
        const real = withoutShift(differences).length;
        const title =
          real > 0
            ? real === 1
              ? l10n.t('{0} (1 difference)', names)
              : l10n.t('{0} ({1} differences)', names, real)
            : differences.length === 0
              ? l10n.t('{0} (no difference)', names)
              : l10n.t('{0} (only the times differ)', names);
        await showDiff(left, right, title);
      },
    };

    async function other(title: string): Promise<string | undefined> {
      return (await askToken(sessions, undefined, title))?.token;
    }

    /** The token of the row, the token at the cursor, or one that the user picks. */
    async function firstSide(node: ViewNode | undefined): Promise<Side | undefined> {
      if (node?.kind === 'token' || node?.kind === 'section') {
        const sides = sidesOf(node.id, sessions, previous);
        const own = sides.find(({ held }) => held?.name === node.name && !held.before);
        if (own) return own;
      }
      const here = node === undefined ? tokenAtCursor(sessions) : undefined;
      if (here) return pasted(here.token);
      const title = l10n.t('Compare Tokens: First Token');
      return pickSide(title, sessions, previous, () => other(title));
    }
  },
);

/** @throws WorkbenchError `argument_invalid`, and the errors of decodeToken */
function givenSides(tokens: unknown): readonly [Side, Side] {
  const [one, other, ...more]: readonly unknown[] = Array.isArray(tokens) ? tokens : [];
  if (more.length > 0 || typeof one !== 'string' || typeof other !== 'string' || one === '' || other === '')
    throw new WorkbenchError('argument_invalid', { field: 'tokens', expected: 'two tokens' });
  return [pasted(one), pasted(other)];
}

/** Compares a connection's token with the one before the last refresh. @throws WorkbenchError `no_such_token` */
function refreshed(id: string, name: Compared, sessions: Sessions, previous: PreviousTokens): readonly [Side, Side] {
  const session = sessionOf(sessions, id);
  const sides = sidesOf(session.connection.id, sessions, previous);
  const [now, old] = [false, true].map(before =>
    sides.find(({ held }) => held?.name === name && held.before === before),
  );
  if (!old || !now) throw new WorkbenchError('no_such_token', { connection: id, token: name });
  return [old, now];
}

/** Puts the older token on the left. If a token does not say when it was issued, the order stays. */
function oldFirst(one: Side, other: Side): readonly [Side, Side] {
  const [first, second] = [issuedAt(one.decoded), issuedAt(other.decoded)];
  const isNewer = first !== undefined && second !== undefined && first > second;
  return isNewer ? [other, one] : [one, other];
}

function issuedAt(decoded: DecodedToken): number | undefined {
  const date = numericDate(own(membersOf(decoded, 'payload'), 'iat'));
  return 'at' in date ? date.at : undefined;
}

/** A time as its distance from `iat`, which makes the times of two tokens comparable. */
function ageText(name: string, decoded: DecodedToken): string | undefined {
  const issued = issuedAt(decoded);
  const date = numericDate(own(membersOf(decoded, 'payload'), name));
  if (name === 'iat' || !isTimeClaim(name) || issued === undefined || !('at' in date)) return undefined;
  const length = durationText(date.at - issued);
  return date.at >= issued ? l10n.t('{0} after iat.', length) : l10n.t('{0} before iat.', length);
}

/** Removes time claims that differ only because `iat` does: a token issued later also expires later. */
function withoutShift(differences: readonly Difference[]): Difference[] {
  const shift = differences.find(({ part, name }) => part === 'payload' && name === 'iat')?.seconds;
  return differences.filter(({ seconds }) => seconds === undefined || seconds !== shift);
}

function laterText(seconds: number | undefined): string | undefined {
  if (seconds === undefined) return undefined;
  const length = durationText(Math.abs(seconds) * 1000);
  return seconds > 0
    ? l10n.t('{0} later than in the first token.', length)
    : l10n.t('{0} earlier than in the first token.', length);
}

function bodyOf(token: DecodedToken, first?: DecodedToken): Parameters<typeof jsonWithComments>[0] {
  if (token.kind === 'opaque') return {};
  const header = first && first.kind !== 'opaque' ? inSameOrder(first.header, token.header) : token.header;
  if (token.kind === 'jwe') return { header };
  return { header, payload: first?.kind === 'jws' ? inSameOrder(first.payload, token.payload) : token.payload };
}

/** One of two tokens that are compared. */
interface Side {
  readonly label: string;
  readonly decoded: DecodedToken;
  /** Set if a connection holds this token, or held it before the last refresh. */
  readonly held?: { readonly name: TokenName; readonly before: boolean };
}

interface SideItem extends QuickPickItem {
  readonly side?: Side;
}

/**
 * Offers the tokens of the connections, those before the last refresh, and entering another one.
 * @param other asks for another one
 * @param first the other side, which is not offered again
 */
async function pickSide(
  title: string,
  sessions: Sessions,
  previous: PreviousTokens,
  other: () => Promise<string | undefined>,
  first?: Side,
): Promise<Side | undefined> {
  const items: SideItem[] = sessions.list().flatMap(({ connection: { id, label } }) => {
    const sides = sidesOf(id, sessions, previous).filter(side => side.label !== first?.label);
    if (sides.length === 0) return [];
    return [
      { label: printable(label, 60), kind: QuickPickItemKind.Separator },
      ...sides.map(side => ({ label: side.label, iconPath: new ThemeIcon('key'), side })),
    ];
  });
  const another = { label: l10n.t('Another token'), iconPath: new ThemeIcon('edit') };
  const end = { label: '', kind: QuickPickItemKind.Separator };
  const picked: SideItem | undefined = items.length === 0 ? another : await pick([...items, end, another], { title });
  if (picked?.side || picked === undefined) return picked?.side;
  const token = await other();
  return token === undefined ? undefined : pasted(token);
}

function pasted(token: string): Side {
  return { label: l10n.t('Token'), decoded: decodeToken(token) };
}

/** The tokens of a connection that can be compared. */
function sidesOf(id: string, sessions: Sessions, previous: PreviousTokens): Side[] {
  const session = sessions.get(id);
  if (!session) return [];
  const of = printable(session.connection.label, 60);
  return (['access_token', 'id_token'] as const).flatMap(name => {
    const token = tokenOf(session, name);
    const before = previous.of(id, name);
    const label = l10n.t('{0} of {1}', tokenTitle(name), of);
    const last = l10n.t('{0} of {1} before the last refresh', tokenTitle(name), of);
    return [
      ...(token === undefined ? [] : readable(label, token, name)),
      ...(before ? [{ label: last, decoded: before, held: { name, before: true } }] : []),
    ];
  });
}

/** Opaque tokens are left out, because they have no content to compare. */
function readable(label: string, token: string, name: TokenName): Side[] {
  try {
    const decoded = decodeToken(token);
    return decoded.kind === 'opaque' ? [] : [{ label, decoded, held: { name, before: false } }];
  } catch {
    // Errors are reported where the token is shown.
    return [];
  }
}
