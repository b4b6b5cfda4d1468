import { l10n, QuickPickItemKind, ThemeIcon } from 'vscode';
import { type ImportPlan, matchingConnections, type TokenClaims } from '../../core/imports/tokenOwner.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { pastedId } from '../connections.ts';
import { pick } from '../screen.ts';
import { connectionItem } from './pick.ts';

/** Which connection imported tokens are for: one that they match comes first, else a new one. */
export async function pickTarget(
  sessions: Sessions,
  plan: ImportPlan,
  addConnection: (proposal: TokenClaims) => Promise<string | undefined>,
): Promise<string | undefined> {
  const fits = new Set(matchingConnections(sessions.list(), plan).map(({ id }) => id));
  const listed = sessions.list().filter(({ memoryOnly }) => !memoryOnly);
  const matching = listed.filter(({ connection }) => fits.has(connection.id)).map(connectionItem);
  const others = listed.filter(({ connection }) => !fits.has(connection.id)).map(connectionItem);
  const create = {
    id: '+',
    label: l10n.t('New connection'),
    description: plan.claims.issuer ?? '',
    iconPath: new ThemeIcon('add'),
  };
  const look = {
    id: pastedId,
    label: l10n.t('Keep in Memory Only'),
    description: l10n.t('until this window closes'),
    iconPath: new ThemeIcon('eye'),
  };
  const separator = (label: string) => ({ label, kind: QuickPickItemKind.Separator, id: '' });
  const picked = await pick(
    [
      ...(matching.length > 0 ? [separator(l10n.t('matching connections')), ...matching, separator(l10n.t('or'))] : []),
      create,
      look,
      ...(others.length > 0 ? [separator(l10n.t('other connections')), ...others] : []),
    ],
    { title: l10n.t('Import into which connection?') },
  );
  return picked?.id === create.id ? addConnection(plan.claims) : picked?.id;
}
