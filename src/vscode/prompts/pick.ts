import { l10n, type QuickPickItem, ThemeIcon } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { Discovery } from '../../core/issuer/discovery.ts';
import type { Connection } from '../../core/records/connection.ts';
import { badgeOf } from '../../core/records/session.ts';
import type { Session, Sessions } from '../../core/records/sessions.ts';
import { type Grant, offeredGrants } from '../../core/signIn/grants.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { pick } from '../screen.ts';
import { grantWords } from '../text/signIn.ts';
import { badgeText, stateIcons } from '../text/states.ts';

/**
 * The connection of the row, the only one there is, or the one that the user picks; `undefined` where they turn away.
 * @throws WorkbenchError `nothing_to_pick`
 */
export async function pickConnection(
  sessions: Sessions,
  node: ViewNode | undefined,
  title: string,
  fits: (session: Session) => boolean = () => true,
): Promise<{ connection: string } | undefined> {
  if (node !== undefined && 'id' in node) return { connection: node.id };
  const candidates = sessions.list().filter(fits);
  const [only] = candidates;
  if (only === undefined) throw new WorkbenchError('nothing_to_pick');
  if (candidates.length === 1) return { connection: only.connection.id };
  const picked = await pick(candidates.map(connectionItem), {
    title,
    matchOnDescription: true,
  });
  return picked && { connection: picked.id };
}

/** @throws WorkbenchError `connection_unknown` */
export function sessionOf(sessions: Sessions, id: string): Session {
  const session = sessions.get(id);
  if (session === undefined) throw new WorkbenchError('connection_unknown', { connection: id });
  return session;
}

export interface ConnectionItem extends QuickPickItem {
  readonly id: string;
}

export function connectionItem(session: Session): ConnectionItem {
  const badge = badgeOf(session, Date.now());
  const { id, label, issuer, tokenEndpoint } = session.connection;
  return {
    id,
    label,
    iconPath: new ThemeIcon(stateIcons[badge.state]),
    description: badgeText(badge),
    detail: issuer ?? tokenEndpoint ?? l10n.t('no issuer'),
  };
}

/**
 * The way to sign in: the only one that there is for this issuer and client, or the one that the user picks.
 * @throws WorkbenchError `endpoint_missing`, and what Discovery throws
 */
export async function pickGrant(connection: Connection, discovery: Discovery): Promise<Grant | undefined> {
  const { issuer } = connection;
  const metadata = issuer === undefined ? undefined : await discovery.metadata(issuer);
  const items = offeredGrants(connection, metadata).map(grant => {
    const { icon, label, detail } = grantWords[grant];
    return { grant, iconPath: new ThemeIcon(icon), label: label(), detail: detail() };
  });
  const [only] = items;
  if (only === undefined)
    throw new WorkbenchError('endpoint_missing', {
      endpoint: 'authorization_endpoint',
      setting: 'authorizationEndpoint',
    });
  if (items.length === 1) return only.grant;
  return (await pick(items, { title: l10n.t('Sign in to {0}', connection.label) }))?.grant;
}
