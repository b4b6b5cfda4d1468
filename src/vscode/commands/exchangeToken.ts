import { l10n, type QuickPickItem, ThemeIcon } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { Exchangeable } from '../../core/issuer/tokenEndpoint.ts';
import type { Connection } from '../../core/records/connection.ts';
import { emptyRecord } from '../../core/records/record.ts';
import { isSignable, type Sessions, tokenOf } from '../../core/records/sessions.ts';
import { storeTokens } from '../../core/records/storeTokens.ts';
import { freeId } from '../prompts/newConnection.ts';
import { pickConnection, sessionOf } from '../prompts/pick.ts';
import { ask, pick } from '../prompts/questions.ts';
import { flash, notify } from '../screen.ts';
import { notHandedOnText } from '../text/errors.ts';
import { defineCommand, labelIn, type Services } from './command.ts';
import { choice, connectionId, optional, text, type Values, withDefault } from './fields.ts';

const subjects: readonly Exchangeable[] = ['access_token', 'id_token', 'refresh_token'];

const fields = {
  connection: connectionId,
  audience: optional(text),
  resource: optional(text),
  scope: optional(text),
  subjectToken: withDefault(choice(...subjects), 'access_token'),
  requestedTokenType: optional(text),
  /** The connection to store the result in; the default is a new connection in memory. */
  to: optional(connectionId),
};

type Argument = Values<typeof fields>;

/** RFC 8693: exchanges a connection's token for one with another audience. */
export const exchangeToken = defineCommand(
  {
    name: 'exchangeToken',
    needsTrust: true,
    fields,
    returns: '`{ connection: id, issuedTokenType, expiresAt?, scope? }`, without the token',
  },
  services => {
    const { sessions } = services;
    const label = labelIn(services);
    return {
      async ask(node): Promise<Argument | undefined> {
        const title = l10n.t('Exchange the token of which connection?');
        const picked = await pickConnection(
          sessions,
          node,
          title,
          session => isSignable(session) && subjects.some(name => tokenOf(session, name) !== undefined),
        );
        if (picked === undefined) return undefined;
        const subjectToken = node?.kind === 'token' ? node.name : ('access_token' as const);
        const audience = await ask({
          title: l10n.t('Exchange a token of {0}', label(picked)),
          prompt: l10n.t(
            'The intended recipient: the name of an audience or the URL of a resource. Empty: the issuer decides.',
          ),
        });
        const keep = audience === undefined ? undefined : await pickPlace(sessions, picked.connection);
        if (audience === undefined || keep === undefined) return undefined;
        const target = audience.trim();
        // Issuers differ in which of the two parameters they read; either names the same target.
        const wanted = target === '' ? {} : isUri(target) ? { resource: target } : { audience: target };
        return { ...picked, subjectToken, ...wanted, to: keep.to };
      },
      async run({ connection: id, to, ...asked }, signal) {
        const { connection, record = emptyRecord(id) } = sessionOf(sessions, id);
        const target = to === undefined ? undefined : placeFor(sessions, connection, to);
        const client = await services.issuerClient();
        const { raw, issuedTokenType, tokenEndpoint, receivedAt, dpopKey } = await client.tokenClient.exchange({
          connection,
          record,
          signal,
          ...asked,
        });
        const store = async (kept: Connection) => {
          const notHandedOn = (failure: WorkbenchError) => void notify('warning', notHandedOnText(kept.label, failure));
          const keeps = sessions.get(kept.id)?.record?.tokens?.refresh_token !== undefined;
          const { tokens } = await storeTokens(
            services,
            kept,
            raw,
            receivedAt,
            new AbortController().signal,
            // A refresh token that the connection already holds is kept, unless the response has a new one.
            keeps && raw.refresh_token === undefined && dpopKey === undefined
              ? undefined
              : { tokenEndpoint, ...(dpopKey !== undefined && { dpopKey }), notHandedOn },
          );
          return { kept, tokens };
        };
        const memory = () => store(inMemory(services, connection, asked.audience ?? asked.resource));
        // If storing fails, the tokens are kept in memory, so that they are not lost.
        const { kept, tokens } = await (target ? store(target).catch(memory) : memory());
        return {
          connection: kept.id,
          issuedTokenType,
          expiresAt: tokens?.expires_at,
          scope: tokens?.scope,
        };
      },
      answer: result => JSON.parse(JSON.stringify(result)),
      progress: argument => l10n.t('Exchanging a token of {0}', label(argument)),
      labelOf: label,
      async report(result) {
        await services.show(result.connection);
        const text = l10n.t('The new token is in {0}.', label(result));
        flash(text);
      },
    };
  },
);

function inMemory({ sessions, connections }: Services, source: Connection, audience: string | undefined): Connection {
  const taken = sessions.list().map(({ connection }) => connection.id);
  const { resource: _, audience: __, ...rest } = source;
  const connection: Connection = {
    ...rest,
    id: freeId(`${source.id}-exchanged`, taken),
    label: l10n.t('{0}: {1}', source.label, audience ?? l10n.t('exchanged')),
    ...(audience !== undefined && { audience }),
    autoRefresh: false,
  };
  connections.addMemoryOnly(connection);
  return connection;
}

/**
 * @throws WorkbenchError `connection_unknown`; `argument_invalid` if the connection has another issuer or client, for
 * which these tokens are useless
 */
function placeFor(sessions: Sessions, source: Connection, to: string): Connection {
  const { connection } = sessionOf(sessions, to);
  if (to === source.id || !isSameClient(connection, source))
    throw new WorkbenchError('argument_invalid', {
      field: 'to',
      expected: 'another connection of this client',
    });
  return connection;
}

function isSameClient(one: Connection, other: Connection): boolean {
  return one.issuer === other.issuer && one.clientId === other.clientId && one.tokenEndpoint === other.tokenEndpoint;
}

function isUri(text: string): boolean {
  return URL.canParse(text);
}

async function pickPlace(sessions: Sessions, id: string): Promise<{ to?: string } | undefined> {
  const { connection: source } = sessionOf(sessions, id);
  const others = sessions
    .list()
    .filter(({ connection }) => connection.id !== id && isSameClient(connection, source))
    .filter(isSignable);
  if (others.length === 0) return {};
  const memory: QuickPickItem & { to?: string } = {
    label: l10n.t('In memory'),
    description: l10n.t('as a connection that is removed when this window closes'),
    iconPath: new ThemeIcon('circuit-board'),
  };
  const items = others.map(({ connection: { label, id: to }, record }) => ({
    label,
    to,
    iconPath: new ThemeIcon('key'),
    ...(record?.tokens && { description: l10n.t('replaces its access token') }),
  }));
  return pick([memory, ...items], { title: l10n.t('Where do you want to keep the new token?') });
}
