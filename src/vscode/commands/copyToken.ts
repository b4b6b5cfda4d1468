import { l10n, ThemeIcon } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { isBound } from '../../core/records/credentials.ts';
import { endOf, tokenOf } from '../../core/records/session.ts';
import type { Session, Sessions } from '../../core/records/sessions.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { ask, flash, pick, toClipboard } from '../screen.ts';
import { tokenTitle } from '../text/states.ts';
import { relativeText } from '../text/time.ts';
import { type Command, choiceField, optionalText, textField } from './command.ts';

const tokens = ['access_token', 'id_token'] as const;
const forms = ['token', 'bearer', 'curl'] as const;

interface Argument {
  readonly connection: string;
  readonly token: (typeof tokens)[number];
  readonly as: (typeof forms)[number];
  /** Where the curl line goes. */
  readonly url?: string | undefined;
}

export interface CopyParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** A proof for one GET of the address with that access token (RFC 9449). */
  readonly proof: (id: string, accessToken: string, url: string) => Promise<string>;
}

export function copyTokenCommand({ sessions, clock, proof }: CopyParts): Command<Argument, { copied: true }> {
  const isProven = (id: string, { token, as }: Pick<Argument, 'token' | 'as'>) =>
    token === 'access_token' && as === 'curl' && needsProof(sessionOf(sessions, id));
  return {
    needsTrust: true,
    parse: fields => ({
      connection: textField(fields, 'connection'),
      token: choiceField(fields, 'token', tokens, 'access_token'),
      as: choiceField(fields, 'as', forms, 'token'),
      url: optionalText(fields, 'url'),
    }),
    async ask(node) {
      const picked = await pickConnection(sessions, node, l10n.t('Copy from which connection?'), session =>
        tokens.some(name => tokenOf(session, name)),
      );
      if (picked === undefined) return undefined;
      const session = sessionOf(sessions, picked.connection);
      const choice = await pickForm(session, node, clock.now());
      if (choice === undefined || !isProven(picked.connection, choice)) return choice && { ...picked, ...choice };
      const url = await ask({
        title: l10n.t('Copy a curl line for {0}', session.connection.label),
        prompt: l10n.t(
          'The address of the request: the token is bound to a key (DPoP), and each proof is for one address',
        ),
        value: resourceOf(session) ?? '',
        placeHolder: 'https://api.example.com/orders',
      });
      return url ? { ...picked, ...choice, url } : undefined;
    },
    async run({ connection, token, as, url = resourceOf(sessionOf(sessions, connection)) }) {
      const session = sessionOf(sessions, connection);
      const text = tokenOf(session, token);
      if (text === undefined) throw new WorkbenchError('no_such_token', { connection, token });
      if (!isProven(connection, { token, as })) {
        await toClipboard(formatted(text, as, session, url));
        return { copied: true };
      }
      if (url === undefined) throw new WorkbenchError('argument_invalid', { field: 'url', expected: 'https://...' });
      const header = `DPoP: ${await proof(connection, text, url)}`;
      await toClipboard(formatted(text, as, session, url, header));
      return { copied: true };
    },
    report(_, { connection, token, as, url }) {
      const end = endOf(sessionOf(sessions, connection), token);
      const now = clock.now();
      const ended = end !== undefined && end <= now;
      if (!ended && isProven(connection, { token, as })) {
        const proven = l10n.t('curl line copied. Its proof is for one GET of {0}, within the next minute.', url ?? '');
        flash(proven, 10_000);
        return;
      }
      if (ended)
        flash(l10n.t('{0} copied, but it expired {1}', tokenTitle(token), relativeText(end, now)), 5000, 'warning');
      else flash(l10n.t('{0} copied', tokenTitle(token)));
    },
  };
}

function formatted(
  token: string,
  as: Argument['as'],
  session: Session,
  url = 'https://api.example.com/',
  proof?: string,
): string {
  if (as === 'token') return token;
  const header = `Authorization: ${schemeOf(session)} ${token}`;
  if (as === 'bearer') return header;
  const headers = [header, ...(proof === undefined ? [] : [proof])].map(each => `--header ${quoted(each)}`);
  return `curl ${headers.join(' ')} ${quoted(url)}`;
}

/** Bound to a key: the bare token is of no use. */
function needsProof({ record }: Session): boolean {
  return record?.tokens !== undefined && isBound(record.tokens);
}

function schemeOf(session: Session): 'DPoP' | 'Bearer' {
  return needsProof(session) ? 'DPoP' : 'Bearer';
}

function resourceOf({ connection }: Session): string | undefined {
  return [connection.resource, connection.audience].find(value => value && /^https?:\/\//.test(value));
}

/** Single quotes, as every shell but cmd reads them; a token could hold anything. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function pickForm(
  session: Session,
  node: ViewNode | undefined,
  now: number,
): Promise<Omit<Argument, 'connection'> | undefined> {
  const names = tokens.filter(name => tokenOf(session, name) && (node?.kind !== 'token' || node.name === name));
  const items = names.flatMap(token => {
    const title = tokenTitle(token);
    const end = endOf(session, token);
    const description =
      end === undefined
        ? ''
        : end <= now
          ? l10n.t('expired {0}', relativeText(end, now))
          : l10n.t('ends {0}', relativeText(end, now));
    const plain = { label: title, description, iconPath: new ThemeIcon('key'), token, as: 'token' as const };
    if (token === 'id_token') return [plain];
    return [
      plain,
      {
        label: l10n.t('Authorization header'),
        description: `Authorization: ${schemeOf(session)} ...`,
        iconPath: new ThemeIcon('symbol-string'),
        token,
        as: 'bearer' as const,
      },
      {
        label: l10n.t('curl line'),
        description: `curl --header 'Authorization: ${schemeOf(session)} ...'`,
        iconPath: new ThemeIcon('terminal'),
        token,
        as: 'curl' as const,
      },
    ];
  });
  if (items.length === 0) throw new WorkbenchError('no_such_token', { connection: session.connection.id });
  if (items.length === 1) return items[0];
  return pick(items, { title: l10n.t('Copy what from {0}?', session.connection.label) });
}
