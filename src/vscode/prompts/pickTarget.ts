import { l10n, QuickPickItemKind, ThemeIcon } from 'vscode';
import type { TokenClaims } from '../../core/imports/tokenOwner.ts';
import type { Connection } from '../../core/records/connection.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { pastedId } from '../connections.ts';
import { pick } from '../screen.ts';
import { connectionItem } from './pickConnection.ts';

/** Which connection imported tokens are for: a matching one first, a new one, or memory only. */
export async function pickTarget(
  sessions: Sessions,
  matching: readonly Connection[],
  claims: TokenClaims,
  addConnection: (proposal: TokenClaims) => Promise<string | undefined>,
): Promise<string | undefined> {
  const fits = new Set(matching.map(({ id }) => id));
  const listed = sessions.list().filter(({ memoryOnly }) => !memoryOnly);
  const first = listed.filter(({ connection }) => fits.has(connection.id)).map(connectionItem);
  const others = listed.filter(({ connection }) => !fits.has(connection.id)).map(connectionItem);
  const create = {
    id: '+',
    label: l10n.t('New connection'),
    description: claims.issuer ?? '',
    iconPath: new ThemeIcon('add'),
  };
  const look = {
    id: pastedId,
    label: l10n.t('Only look at them'),
    description: l10n.t('kept in memory until this window closes'),
    iconPath: new ThemeIcon('eye'),
  };
  const separator = (label: string) => ({ label, kind: QuickPickItemKind.Separator, id: '' });
  const picked = await pick(
    [
      ...(first.length > 0 ? [separator(l10n.t('of the same issuer')), ...first] : []),
      ...(others.length > 0 ? [separator(l10n.t('other connections')), ...others] : []),
      ...(listed.length > 0 ? [separator(l10n.t('or'))] : []),
      create,
      look,
    ],
    { title: l10n.t('Import into which connection?') },
  );
  return picked?.id === create.id ? addConnection(claims) : picked?.id;
}
