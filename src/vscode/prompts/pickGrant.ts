import { l10n, ThemeIcon } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { Discovery } from '../../core/issuer/discovery.ts';
import type { Connection } from '../../core/records/connection.ts';
import type { Grant } from '../../core/signIn/signIn.ts';
import { pick } from '../screen.ts';

/**
 * The way to sign in: the only one that there is for this issuer and client, or the one that the user picks.
 * @throws WorkbenchError `endpoint_missing`, and what Discovery throws
 */
export async function pickGrant(connection: Connection, discovery: Discovery): Promise<Grant | undefined> {
  const { issuer } = connection;
  const metadata = issuer === undefined ? undefined : await discovery.metadata(issuer);
  const device = connection.deviceAuthorizationEndpoint ?? metadata?.device_authorization_endpoint;
  const items: { grant: Grant; label: string; detail: string; iconPath: ThemeIcon }[] = [];
  if ((connection.authorizationEndpoint ?? metadata?.authorization_endpoint) !== undefined)
    items.push({
      grant: 'authorization_code',
      iconPath: new ThemeIcon('globe'),
      label: l10n.t('In the browser'),
      detail: l10n.t('Opens the page of the issuer on this machine and comes back by itself.'),
    });
  if (device !== undefined)
    items.push({
      grant: 'device_code',
      iconPath: new ThemeIcon('device-mobile'),
      label: l10n.t('With a code, on any device'),
      detail: l10n.t('For remote machines: shows a code that you confirm in a browser anywhere.'),
    });
  const supported = metadata?.grant_types_supported;
  if (
    connection.tokenEndpointAuthMethod !== 'none' &&
    (supported === undefined || supported.includes('client_credentials'))
  )
    items.push({
      grant: 'client_credentials',
      iconPath: new ThemeIcon('server'),
      label: l10n.t('As the client itself'),
      detail: l10n.t('For service accounts: no user, no browser and no refresh token (client credentials).'),
    });
  const [only] = items;
  if (only === undefined)
    throw new WorkbenchError('endpoint_missing', {
      endpoint: 'authorization_endpoint',
      setting: 'authorizationEndpoint',
    });
  if (items.length === 1) return only.grant;
  const title = l10n.t('Sign in to {0}', connection.label);
  return (await pick(items, { title }))?.grant;
}
