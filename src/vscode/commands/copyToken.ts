import { env, l10n, ThemeIcon, window } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { Session, Sessions } from '../../core/sessions.ts';
import { endOf, tokenOf, type ViewNode } from '../../core/sessionView.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { tokenTitle } from '../text/states.ts';
import { relativeText } from '../text/time.ts';
import { type Command, choiceField, textField } from './command.ts';

const tokens = ['access_token', 'id_token'] as const;
const forms = ['token', 'bearer', 'curl'] as const;

interface Argument {
  readonly connection: string;
  readonly token: (typeof tokens)[number];
  readonly as: (typeof forms)[number];
}

export function copyTokenCommand(sessions: Sessions, clock: Clock): Command<Argument, { copied: true }> {
  return {
    needsTrust: true,
    parse: fields => ({
      connection: textField(fields, 'connection'),
      token: choiceField(fields, 'token', tokens, 'access_token'),
      as: choiceField(fields, 'as', forms, 'token'),
    }),
    async ask(node) {
      const picked = await pickConnection(sessions, node, l10n.t('Copy from which connection?'), session =>
        tokens.some(name => tokenOf(session, name)),
      );
      if (picked === undefined) return undefined;
      const choice = await pickForm(sessionOf(sessions, picked.connection), node, clock.now());
      return choice && { ...picked, ...choice };
    },
    async run({ connection, token, as }) {
      const session = sessionOf(sessions, connection);
      const text = tokenOf(session, token);
      if (text === undefined) throw new WorkbenchError('no_such_token', { connection, token });
      await env.clipboard.writeText(formatted(text, as, session));
      return { copied: true };
    },
    report(_, { connection, token }) {
      const end = endOf(sessionOf(sessions, connection), token);
      const now = clock.now();
      const ended = end !== undefined && end <= now;
      const text = ended
        ? `$(warning) ${l10n.t('{0} copied, but it expired {1}', tokenTitle(token), relativeText(end, now))}`
        : `$(check) ${l10n.t('{0} copied', tokenTitle(token))}`;
      window.setStatusBarMessage(text, 5000);
    },
  };
}

function formatted(token: string, as: Argument['as'], { connection }: Session): string {
  if (as === 'token') return token;
  const header = `Authorization: Bearer ${token}`;
  if (as === 'bearer') return header;
  const resource = [connection.resource, connection.audience].find(
    value => value && /^https?:\/\//.test(value),
  );
  return `curl --header ${quoted(header)} ${quoted(resource ?? 'https://api.example.com/')}`;
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
  const names = tokens.filter(
    name => tokenOf(session, name) && (node?.kind !== 'token' || node.name === name),
  );
  const items = names.flatMap(token => {
    const title = tokenTitle(token);
    const end = endOf(session, token);
    const description =
      end === undefined ? '' : l10n.t(end <= now ? 'expired {0}' : 'ends {0}', relativeText(end, now));
    const plain = { label: title, description, iconPath: new ThemeIcon('key'), token, as: 'token' as const };
    if (token === 'id_token') return [plain];
    return [
      plain,
      {
        label: l10n.t('Authorization header'),
        description: 'Authorization: Bearer ...',
        iconPath: new ThemeIcon('symbol-string'),
        token,
        as: 'bearer' as const,
      },
      {
        label: l10n.t('curl line'),
        description: "curl --header 'Authorization: Bearer ...'",
        iconPath: new ThemeIcon('terminal'),
        token,
        as: 'curl' as const,
      },
    ];
  });
  if (items.length === 0) throw new WorkbenchError('no_such_token', { connection: session.connection.id });
  if (items.length === 1) return items[0];
  return window.showQuickPick(items, { title: l10n.t('Copy what from {0}?', session.connection.label) });
}
