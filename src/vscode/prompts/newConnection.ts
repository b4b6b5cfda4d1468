import { env, l10n, type QuickPickItem, ThemeIcon, Uri } from 'vscode';
import { withScheme } from '../../core/http/http.ts';
import type { TokenClaims } from '../../core/imports/tokenOwner.ts';
import type { Discovery, IssuerMetadata } from '../../core/issuer/discovery.ts';
import type { UnlockKey } from '../../core/ports.ts';
import {
  issuerOfAddress,
  type TokenEndpointAuthMethod,
  tokenEndpointAuthMethods,
} from '../../core/records/connection.ts';
import type { ClientCredentials } from '../../core/records/record.ts';
import { fillIn, type StartingPoint, startingPoints, trimmedPlaceholder } from '../../core/signIn/startingPoints.ts';
import { placeholderText, refreshTokenText, startingPointText } from '../text/signIn.ts';
import { listText } from '../text/time.ts';
import { askCredentials, askIssuer, urlFlaw } from './connectionQuestions.ts';
import { askChoice, askText, runSteps, type Step } from './questions.ts';

/** The new entry of the setting, and the secret, which is stored elsewhere. */
interface Draft {
  id: string;
  label: string;
  issuer?: string;
  tokenEndpoint?: string;
  authorizationEndpoint?: string;
  deviceAuthorizationEndpoint?: string;
  extraParameters?: Readonly<Record<string, string>>;
  clientId: string;
  scope?: string;
  tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  clientAssertionAudience?: 'endpoint';
}

export interface NewConnection {
  readonly connection: Draft;
  readonly credentials: ClientCredentials;
}

interface ConnectionQuestion {
  readonly discovery: () => Promise<Discovery>;
  readonly unlockKey: UnlockKey;
  /** The redirect URI that the user has to register at the issuer. */
  readonly redirectUri: () => Promise<string>;
  /** Ids of existing connections. */
  readonly taken: readonly string[];
  readonly proposal?: TokenClaims;
}

/** Asks for issuer, client, scope and client authentication. What is known or discovered is not asked. */
export async function askConnection({
  discovery,
  unlockKey,
  redirectUri,
  taken,
  proposal = {},
}: ConnectionQuestion): Promise<NewConnection | undefined> {
  const draft: Partial<Draft> = { ...proposal };
  let metadata: IssuerMetadata | undefined;
  let found: string | undefined;
  let credentials: ClientCredentials = {};
  let start: StartingPoint | undefined;
  let givenIssuer: string | undefined;
  const values: Record<string, string> = {};

  const startingPoint: Step['ask'] = async place => {
    const link = [{ iconPath: new ThemeIcon('link-external'), tooltip: l10n.t("Open the issuer's documentation") }];
    const known = startingPoints.map(point => ({
      point,
      label: point.label,
      detail: refreshTokenText(point),
      buttons: link,
    }));
    const discovered = l10n.t('Its endpoints are discovered (OpenID Connect Discovery, RFC 8414).');
    const other: StartItem = { label: l10n.t('Any issuer, by its URL'), detail: discovered };
    const copied = issuerIn(await env.clipboard.readText());
    const items: readonly StartItem[] = [
      ...(copied === undefined ? [] : [{ ...useItem(copied), description: l10n.t('the URL on the clipboard') }]),
      other,
      ...known,
    ];
    const chosen = await askChoice<StartItem>(place, items, {
      placeholder: l10n.t('Enter the URL of the issuer, or choose what it runs on'),
      selected: ({ point }) => point !== undefined && point === start,
      pressed: ({ point }) => point && env.openExternal(Uri.parse(point.page)),
      typed(text) {
        const issuer = issuerIn(text);
        return issuer === undefined ? undefined : { ...useItem(issuer), detail: discovered, alwaysShow: true };
      },
    });
    if (chosen.turn !== 'next') return chosen.turn;
    const [item] = chosen.value;
    start = item?.point;
    givenIssuer = item?.issuer;
    metadata = undefined;
    found = undefined;
    return 'next';
  };

  const placeholder =
    (index: number): Step['ask'] =>
    async place => {
      const [name, example] = Object.entries(start?.placeholders ?? {})[index] ?? [];
      if (name === undefined) return 'skip';
      const text = await askText({
        ...place,
        value: values[name],
        prompt: placeholderText(name),
        ...(example !== undefined && { placeholder: example }),
        validate: text =>
          trimmedPlaceholder(text) === ''
            ? l10n.t("Required: it is a part of the issuer's URL.")
            : urlFlaw(`https://${trimmedPlaceholder(text)}`, name),
      });
      if (text.turn !== 'next') return text.turn;
      values[name] = trimmedPlaceholder(text.value);
      return 'next';
    };

  const issuer: Step['ask'] = async place => {
    const isKnown = start !== undefined;
    if (start) {
      for (const name of [
        ...(['issuer', 'tokenEndpoint', 'scope', 'extraParameters'] as const),
        'clientAssertionAudience' as const,
      ])
        delete draft[name];
      Object.assign(draft, fillIn(start, values));
      if (draft.issuer === undefined) return 'skip';
    }
    const known = isKnown ? draft.issuer : givenIssuer;
    const answer = await askIssuer(place, await discovery(), { known, before: draft.issuer, prompt: found });
    if (answer.turn !== 'next') return answer.turn;
    draft.issuer = answer.value.issuer;
    metadata = answer.value.metadata;
    found = metadata && summary(metadata);
    if (metadata === undefined) draft.tokenEndpoint = draft.tokenEndpoint ?? '';
    else delete draft.tokenEndpoint;
    return answer.value.asked ? 'next' : 'skip';
  };

  const endpoint: Step['ask'] = async place => {
    const text = await askText({
      ...place,
      value: draft.tokenEndpoint,
      prompt: l10n.t("The URL of the token endpoint, from the issuer's documentation"),
      placeholder: 'https://login.example.com/oauth2/token',
      validate: text => urlFlaw(withScheme(text), 'tokenEndpoint'),
    });
    if (text.turn !== 'next') return text.turn;
    draft.tokenEndpoint = withScheme(text.value);
    return 'next';
  };

  const client: Step['ask'] = async place => {
    const known = start && hasNoScopes(start) ? startingPointText(start) : found;
    const uri = await redirectUri();
    const register = l10n.t('Redirect URI to register there for signing in: {0}', uri);
    const text = await askText({
      ...place,
      value: draft.clientId,
      prompt:
        known === undefined
          ? l10n.t('The client ID of your application, as registered at the issuer. {0}', register)
          : l10n.t('{0} Next: the client ID of your application. {1}', known, register),
      copy: { tooltip: l10n.t('Copy Redirect URI'), text: uri },
      validate: text =>
        text === ''
          ? l10n.t('Enter the client ID. The issuer shows it where your application is registered.')
          : undefined,
    });
    if (text.turn !== 'next') return text.turn;
    draft.clientId = text.value;
    return 'next';
  };

  const scope: Step['ask'] = async place => {
    const text = await askText({
      ...place,
      value: draft.scope ?? (start ? '' : proposedScope(metadata)),
      prompt: start ? `${startingPointText(start)} ${scopePrompt(metadata, start)}` : scopePrompt(metadata),
    });
    if (text.turn !== 'next') return text.turn;
    if (text.value === '') delete draft.scope;
    else draft.scope = text.value;
    return 'next';
  };

  const method: Step['ask'] = async place => {
    const chosen = await askChoice(place, methodItems(metadata), {
      placeholder: l10n.t('How does your application authenticate at the token endpoint?'),
      selected: ({ method }) => method === draft.tokenEndpointAuthMethod,
    });
    if (chosen.turn !== 'next') return chosen.turn;
    draft.tokenEndpointAuthMethod = chosen.value[0]?.method ?? 'none';
    credentials = {};
    return 'next';
  };

  const secret: Step['ask'] = async place => {
    const { tokenEndpointAuthMethod: method = 'none' } = draft;
    const given = await askCredentials(place, method, unlockKey);
    if (given.turn !== 'next') return given.turn;
    credentials = given.value;
    return 'next';
  };

  const has = (index: number) => () => Object.keys(start?.placeholders ?? {}).length > index;
  const through = await runSteps(l10n.t('Add Connection'), [
    { ask: startingPoint, applies: () => proposal.issuer === undefined },
    { ask: placeholder(0), applies: has(0) },
    { ask: placeholder(1), applies: has(1) },
    { ask: issuer },
    { ask: endpoint, applies: () => draft.tokenEndpoint !== undefined && !(start && draft.issuer === undefined) },
    { ask: client },
    { ask: scope, applies: () => !(start && hasNoScopes(start)) },
    { ask: method },
    { ask: secret, applies: () => (draft.tokenEndpointAuthMethod ?? 'none') !== 'none' },
  ]);
  if (!through) return undefined;
  const { label = start?.label ?? hostOf(draft), clientId = '', tokenEndpointAuthMethod = 'none', ...others } = draft;
  const { clientAssertionAudience, ...rest } = others;
  const signs = tokenEndpointAuthMethod.endsWith('_jwt') && clientAssertionAudience;
  const connection: Draft = {
    id: freeId(label, taken),
    label,
    ...rest,
    clientId,
    tokenEndpointAuthMethod,
    ...(signs && { clientAssertionAudience }),
  };
  return { connection, credentials };
}

interface StartItem extends QuickPickItem {
  readonly point?: StartingPoint;
  readonly issuer?: string;
}

function useItem(issuer: string): StartItem {
  return { label: l10n.t('Use {0}', issuer), issuer, iconPath: new ThemeIcon('globe') };
}

/** The issuer that a text is the URL of, and nothing else; a name to search the list for is none. */
function issuerIn(text: string): string | undefined {
  const typed = text.trim();
  if (typed.length > 300 || !/[.:]/.test(typed)) return undefined;
  const url = withScheme(typed);
  return urlFlaw(url, 'issuer') === undefined ? issuerOfAddress(url) : undefined;
}

/** GitHub Apps have permissions instead of scopes. */
function hasNoScopes({ refreshToken }: StartingPoint): boolean {
  return refreshToken === 'expiring_tokens';
}

/** A slug of the name that no other connection uses. */
export function freeId(name: string, taken: readonly string[]): string {
  const slug =
    name
      .toLowerCase()
      .normalize('NFKD')
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 50) || 'connection';
  if (!taken.includes(slug)) return slug;
  for (let number = 2; ; number++) if (!taken.includes(`${slug}-${number}`)) return `${slug}-${number}`;
}

/** The result of discovery in one line. */
function summary(metadata: IssuerMetadata): string {
  const parts = [
    ...(metadata.token_endpoint ? [l10n.t('token endpoint')] : []),
    ...(metadata.jwks_uri ? [l10n.t('signing keys')] : []),
    ...(metadata.revocation_endpoint ? [l10n.t('revocation')] : []),
    ...(metadata.scopes_supported ? [l10n.t('{0} scopes', metadata.scopes_supported.length)] : []),
  ];
  return l10n.t('Found: {0}.', listText(parts));
}

function proposedScope(metadata: IssuerMetadata | undefined): string {
  const supported = metadata?.scopes_supported;
  const useful = ['openid', 'profile', 'email', 'offline_access'];
  return supported === undefined
    ? 'openid offline_access'
    : useful.filter(scope => supported.includes(scope)).join(' ');
}

function scopePrompt(metadata: IssuerMetadata | undefined, start?: StartingPoint): string {
  const supported = metadata?.scopes_supported;
  const what = start
    ? l10n.t('Scopes, separated by spaces.')
    : l10n.t('Scopes, separated by spaces. "offline_access" requests a refresh token.');
  return supported === undefined
    ? what
    : l10n.t('{0} This issuer supports: {1}', what, supported.slice(0, 20).join(' '));
}

function methodItems(metadata: IssuerMetadata | undefined) {
  // RFC 8414 §2: the default of metadata is client_secret_basic, yet public clients work nearly everywhere.
  const supported = metadata?.token_endpoint_auth_methods_supported;
  const details: Readonly<Record<TokenEndpointAuthMethod, string>> = {
    none: l10n.t('a public client, without a secret'),
    client_secret_basic: l10n.t('a client secret in the Authorization header'),
    client_secret_post: l10n.t('a client secret in the request body'),
    client_secret_jwt: l10n.t('a JWT signed with the client secret'),
    private_key_jwt: l10n.t('a JWT signed with a private key'),
    tls_client_auth: l10n.t('a TLS client certificate from an authority that the issuer trusts'),
    self_signed_tls_client_auth: l10n.t('a TLS client certificate that is registered at the issuer'),
  };
  const isListed = (method: string) => Number(supported?.includes(method) ?? false);
  const methods = [...tokenEndpointAuthMethods].sort((one, other) => isListed(other) - isListed(one));
  return methods.map(method => ({
    method,
    label: method,
    description: details[method],
    ...(supported && {
      detail: isListed(method) ? l10n.t('Supported by the issuer.') : l10n.t('Not listed by the issuer.'),
    }),
  }));
}

/** Its name in the sidebar, until the user gives it another in the settings. */
function hostOf({ issuer, tokenEndpoint }: Partial<Draft>): string {
  const url = issuer ?? tokenEndpoint;
  return url && URL.canParse(url) ? new URL(url).host : '';
}
