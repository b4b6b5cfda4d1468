import { l10n, type QuickPickItem, ThemeIcon } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { AskedToken, IssuerAnswer } from '../../core/issuer/askIssuer.ts';
import { audienceOf } from '../../core/records/connection.ts';
import { emptyRecord } from '../../core/records/record.ts';
import { endOf, isSignable, type Sessions, tokenOf } from '../../core/records/sessions.ts';
import { type JsonObject, own } from '../../core/tokens/json.ts';
import { expiresAt, tryDecode } from '../../core/tokens/jwt.ts';
import { inSameOrder } from '../../core/tokens/tokenUse.ts';
import { askToken, pickConnection, sessionOf } from '../prompts/pick.ts';
import { pick } from '../prompts/questions.ts';
import { showDiff } from '../screen.ts';
import { tokenTitle } from '../text/states.ts';
import { momentText } from '../text/time.ts';
import { activityText, answerOriginText, audienceText, differenceText } from '../text/warnings.ts';
import { jsonWithComments } from '../tokenDocuments.ts';
import { defineCommand, isConfirmed, labelIn, type Services } from './command.ts';
import { choice, connectionId, optional, text, type Values, withDefault } from './fields.ts';

const tokens: readonly AskedToken[] = ['access_token', 'refresh_token'];

const fields = {
  connection: connectionId,
  token: withDefault(choice(...tokens), 'access_token'),
  /** A token given by the caller, which is then sent to the connection's issuer. */
  text: optional(text),
};

type Argument = Values<typeof fields>;

/** Introspects a token (RFC 7662) and shows the response beside the token's own claims. */
export const introspect = defineCommand(
  {
    name: 'introspect',
    needsTrust: true,
    fields,
    returns:
      '`{ active, claims, differences: [{ name, change, before?, after? }] }`. `text`: another token to introspect instead',
  },
  services => {
    const { sessions, clock } = services;
    const label = labelIn(services);
    const textOf = ({ connection, token, text }: Argument) => text ?? tokenOf(sessionOf(sessions, connection), token);
    return {
      async confirm(argument: Argument) {
        const { connection } = sessionOf(sessions, argument.connection);
        if (argument.text === undefined) return argument;
        const { issuer, introspectionEndpoint, tokenEndpoint } = connection;
        const to = introspectionEndpoint ?? issuer ?? tokenEndpoint ?? connection.id;
        const question = l10n.t('Send this token to {0}?', to);
        const detail = l10n.t('A token can be used by anyone who has it. Send it only to the issuer that issued it.');
        return (await isConfirmed(question, detail, l10n.t('Send'))) ? argument : undefined;
      },
      async ask(node): Promise<Argument | undefined> {
        const title = l10n.t('Ask the issuer of which connection?');
        const picked = await pickConnection(sessions, node, title, isSignable);
        if (picked === undefined) return undefined;
        if (node?.kind === 'token' && node.name !== 'id_token') return { ...picked, token: node.name };
        return pickToken(sessions, picked.connection);
      },
      async run(argument, signal) {
        const { connection, record } = sessionOf(sessions, argument.connection);
        const { token } = argument;
        const text = textOf(argument);
        if (text === undefined) throw new WorkbenchError('no_such_token', { connection: connection.id, token });
        const hint = argument.text === undefined ? token : undefined;
        const client = await services.issuerClient();
        return client.introspect(connection, record ?? emptyRecord(connection.id), text, hint, signal);
      },
      answer: ({ claims, differences }) => ({ active: claims.active, claims, differences }),
      progress: argument => l10n.t('Asking the issuer of {0}', label(argument)),
      labelOf: label,
      async report(answer, argument) {
        const decoded = tryDecode(textOf(argument) ?? '');
        const isReadable = !('error' in decoded) && decoded.kind === 'jws';
        const end = isReadable
          ? expiresAt(decoded)
          : argument.text === undefined
            ? endOf(sessionOf(sessions, argument.connection), argument.token)
            : undefined;
        const title = l10n.t('{0}: {1}', label(argument), tokenTitle(argument.token));
        const payload = isReadable ? decoded.payload : undefined;
        const expected = audienceOf(sessionOf(sessions, argument.connection).connection);
        const ofRefresh = argument.text === undefined && argument.token === 'refresh_token';
        const note = ofRefresh ? undefined : audienceText(expected, own(answer.claims, 'aud') ?? payload?.aud);
        const verdict = [activityText(answer, end, clock.now(), argument.token), note];
        await showBeside(
          services,
          title,
          payload,
          answer,
          verdict.filter(each => each !== undefined),
        );
      },
    };
  },
);

/** Fetches UserInfo (OpenID Connect Core §5.3) and shows it beside the claims of the ID token. */
export const userInfo = defineCommand(
  { name: 'userInfo', needsTrust: true, fields: { connection: connectionId }, returns: '`{ claims, differences }`' },
  services => {
    const { sessions } = services;
    const label = labelIn(services);
    return {
      ask: node =>
        pickConnection(
          sessions,
          node,
          l10n.t('Ask the issuer of which connection?'),
          session => tokenOf(session, 'access_token') !== undefined,
        ),
      async run({ connection: id }, signal) {
        const { connection, record } = sessionOf(sessions, id);
        return (await services.issuerClient()).userInfo(connection, record ?? emptyRecord(id), signal);
      },
      answer: ({ claims, differences }) => ({ claims, differences }),
      progress: argument => l10n.t('Asking the issuer of {0}', label(argument)),
      labelOf: label,
      async report(answer, argument) {
        const decoded = tryDecode(tokenOf(sessionOf(sessions, argument.connection), 'id_token') ?? '');
        const payload = 'error' in decoded || decoded.kind !== 'jws' ? undefined : decoded.payload;
        await showBeside(services, l10n.t('{0}: UserInfo', label(argument)), payload, answer, []);
      },
    };
  },
);

/**
 * Shows VS Code's diff editor: the token's claims on the left, the issuer's response on the right, each difference with
 * an explanation.
 */
async function showBeside(
  { clock, documents }: Services,
  title: string,
  payload: JsonObject | undefined,
  answer: IssuerAnswer,
  verdict: readonly string[],
): Promise<void> {
  const { claims, differences } = answer;
  const note = (change: readonly string[]) => (name: string) => {
    const found = payload && differences.find(each => each.name === name && change.includes(each.change));
    return found && differenceText(found);
  };
  const comment = (text: string) => `// ${text}`;
  const now = clock.now();
  const moment = (time: number) => momentText(time, now);
  const token =
    payload === undefined
      ? [comment(l10n.t('This token is opaque: only the issuer can read it.'))]
      : [comment(l10n.t('The token says:')), ...jsonWithComments({ payload }, moment, note(['removed']))];
  const issuer = [
    ...[...verdict, answerOriginText(answer)].map(comment),
    ...jsonWithComments({ payload: ownFirst(payload ?? {}, claims) }, moment, note(['added', 'changed'])),
  ];
  const sides = [documents.add(l10n.t('Token'), token), documents.add(l10n.t('Issuer'), issuer)] as const;
  await showDiff(...sides, [title, ...verdict].join(' - '));
}

/**
 * Puts the members that only the issuer's response has first, so that the others align line by line with those of the
 * token.
 */
function ownFirst(payload: JsonObject, claims: JsonObject): JsonObject {
  const own = Object.keys(claims).filter(name => !Object.hasOwn(payload, name));
  return inSameOrder(Object.fromEntries([...own, ...Object.keys(payload)].map(name => [name, true])), claims);
}

/** A token of the connection, or one that the user enters. */
async function pickToken(sessions: Sessions, id: string): Promise<Argument | undefined> {
  const session = sessionOf(sessions, id);
  const items: (QuickPickItem & { token?: AskedToken })[] = tokens
    .filter(token => tokenOf(session, token) !== undefined)
    .map(token => ({ label: tokenTitle(token), token, iconPath: new ThemeIcon('key') }));
  const other = { label: l10n.t('Another token'), iconPath: new ThemeIcon('edit') };
  const title = l10n.t('Introspect which token?');
  const picked = items.length === 0 ? other : await pick([...items, other], { title });
  if (picked === undefined) return undefined;
  if ('token' in picked && picked.token) return { connection: id, token: picked.token };
  const text = (await askToken(sessions, undefined, title))?.token;
  if (text === undefined) return undefined;
  return { connection: id, token: 'access_token', text };
}
