import { l10n, type QuickPickItem, QuickPickItemKind, ThemeIcon } from 'vscode';
import { type TokenName, tokenOf } from '../../core/records/session.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { type DecodedToken, decodeToken } from '../../core/tokens/jwt.ts';
import type { PreviousTokens } from '../../core/view/previousTokens.ts';
import { pick } from '../screen.ts';
import { tokenTitle } from '../text/states.ts';

/** One of two tokens that are compared: what it says, and where it is from. */
export interface Side {
  readonly label: string;
  readonly decoded: DecodedToken;
  /** Where a connection has it, or had it before the last refresh. */
  readonly held?: { readonly name: TokenName; readonly before: boolean };
}

interface SideItem extends QuickPickItem {
  readonly side?: Side;
}

/**
 * The tokens that connections hold, what those before the last refresh said, or one from elsewhere.
 * @param other asks for that one @param first the other side, which is not offered again
 */
export async function pickSide(
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

export function pasted(token: string): Side {
  return { label: l10n.t('Token'), decoded: decodeToken(token) };
}

/** What a connection has to compare. */
export function sidesOf(id: string, sessions: Sessions, previous: PreviousTokens): Side[] {
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

/** An opaque token says nothing that could be compared. */
function readable(label: string, token: string, name: TokenName): Side[] {
  try {
    const decoded = decodeToken(token);
    return decoded.kind === 'opaque' ? [] : [{ label, decoded, held: { name, before: false } }];
  } catch {
    // What is wrong with it is told where it is shown.
    return [];
  }
}
