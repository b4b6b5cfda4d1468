import { env, l10n, ThemeIcon } from 'vscode';
import { commands } from '../../contributions.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { endOf, isRefreshable, type Session, tokenOf } from '../../core/records/sessions.ts';
import { isBound } from '../../core/records/tokenSet.ts';
import { jsonText, textFrom } from '../../core/tokens/json.ts';
import { decodeToken } from '../../core/tokens/jwt.ts';
import { curlLine, type Shell, shells } from '../../core/view/curl.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { type TokenArgument, tokenArgument, tokenAtCursor, tokenFields, tokenFor } from '../editor/scan.ts';
import { askToken, pickConnection, sessionOf } from '../prompts/pick.ts';
import { ask, pick } from '../prompts/questions.ts';
import { flash, notify, toClipboard } from '../screen.ts';
import { tokenTitle } from '../text/states.ts';
import { relativeText } from '../text/time.ts';
import { type Behaviour, defineCommand, labelIn, type Services } from './command.ts';
import { choice, connectionId, optional, text, type Values, withDefault } from './fields.ts';

const tokens = ['access_token', 'id_token'] as const;

const fields = {
  connection: connectionId,
  token: withDefault(choice(...tokens), 'access_token'),
  as: withDefault(choice('token', 'bearer', 'curl'), 'token'),
  /** URL of the curl line. */
  url: optional(text),
  /** Shell that the curl line is for; the default is the shell of VS Code's terminals. */
  shell: optional(choice(...shells)),
};

interface Argument extends Values<typeof fields> {
  /** A user asked, so an expired token is refreshed first. */
  readonly fresh?: true;
}

/** Copies the token of the row, or else the access token, or else the ID token, without a question. */
export const copyToken = defineCommand(
  {
    name: 'copyToken',
    needsTrust: true,
    completes: 'used',
    fields,
    returns: '`{ copied: true }`. A notification shows the user what was copied',
  },
  services =>
    copying(services, async (session, node) => {
      const held = tokens.find(name => tokenOf(session, name));
      const token = node?.kind === 'token' && node.name !== 'refresh_token' ? node.name : held;
      if (token === undefined) throw new WorkbenchError('no_such_token', { connection: session.connection.id });
      return { token, as: 'token' };
    }),
);

/** As copyToken, but asks for the form: a header, a curl line, the ID token. */
export const copyAs = defineCommand(
  {
    name: 'copyAs',
    needsTrust: true,
    completes: 'used',
    fields,
    returns: 'as `copyToken`. Without an argument it asks what to copy',
  },
  services => copying(services, session => pickForm(session, services.clock.now())),
);

type Form = Omit<Argument, 'connection' | 'url'>;

function copying(
  services: Services,
  formOf: (session: Session, node: ViewNode | undefined) => Promise<Form | undefined>,
): Behaviour<Values<typeof fields>, Argument, { copied: boolean }> {
  const { sessions, clock, proof } = services;
  const label = labelIn(services);
  const isProven = ({ connection, token, as }: Argument) =>
    token === 'access_token' && as === 'curl' && needsProof(sessionOf(sessions, connection));
  return {
    async ask(node): Promise<Argument | undefined> {
      const picked = await pickConnection(sessions, node, l10n.t('Copy from which connection?'), session =>
        tokens.some(name => tokenOf(session, name)),
      );
      if (picked === undefined) return undefined;
      const session = sessionOf(sessions, picked.connection);
      const form = await formOf(session, node);
      const argument: Argument | undefined = form && { ...picked, ...form, fresh: true };
      if (argument === undefined || !isProven(argument)) return argument;
      const url = await ask({
        title: l10n.t('Copy a curl line for {0}', session.connection.label),
        prompt: l10n.t(
          'The URL of the request. The token is bound to a key (DPoP), and each proof is valid for one URL.',
        ),
        value: resourceOf(session) ?? '',
        placeHolder: 'https://api.example.com/orders',
      });
      return url ? { ...argument, url } : undefined;
    },
    async run(argument, signal) {
      const { connection, token, as, fresh } = argument;
      const before = sessionOf(sessions, connection);
      const end = endOf(before, token);
      if (fresh && end !== undefined && end <= clock.now() && isRefreshable(before))
        await services.broker().token({ kind: 'user' }, { connection, token, purpose: commands.copyToken }, signal);
      const session = sessionOf(sessions, connection);
      const text = tokenOf(session, token);
      if (text === undefined) throw new WorkbenchError('no_such_token', { connection, token });
      const header = `Authorization: ${schemeOf(session)} ${text}`;
      if (as !== 'curl') {
        await toClipboard(as === 'token' ? text : header);
        return { copied: true };
      }
      const { url = resourceOf(session), shell = shellOf(env.shell) } = argument;
      if (!isProven(argument)) {
        await toClipboard(curlLine(shell, [header], url ?? 'https://api.example.com/'));
        return { copied: true };
      }
      if (url === undefined) throw new WorkbenchError('argument_invalid', { field: 'url', expected: 'https://...' });
      // Throws if the shell cannot take the line, before a proof is created.
      curlLine(shell, [header], url);
      await toClipboard(curlLine(shell, [header, `DPoP: ${await proof(connection, text, url)}`], url));
      return { copied: true };
    },
    handedOut: (_, argument) =>
      notify(
        'info',
        l10n.t(
          '{0} of {1} copied to the clipboard by a keybinding, a task or another extension.',
          copiedText(argument),
          label(argument),
        ),
      ),
    labelOf: label,
    progress: argument => l10n.t('Copying a token of {0}', label(argument)),
    report(_, argument) {
      const { connection, token, url } = argument;
      const copied = copiedText(argument);
      const end = endOf(sessionOf(sessions, connection), token);
      const now = clock.now();
      if (end !== undefined && end <= now)
        flash(
          l10n.t('{0} of {1} copied, but it expired {2}', copied, label(argument), relativeText(end, now)),
          5000,
          'warning',
        );
      else if (isProven(argument))
        flash(
          l10n.t('curl line copied. Its proof works for one GET of {0} within the next minute.', url ?? ''),
          10_000,
        );
      else flash(l10n.t('{0} of {1} copied', copied, label(argument)));
    },
  };
}

/** Name of what was copied. */
function copiedText({ token, as, shell = shellOf(env.shell) }: Argument): string {
  if (as === 'token') return tokenTitle(token);
  return as === 'bearer' ? l10n.t('Authorization header') : l10n.t('curl line for {0}', shellNames[shell]);
}

/** A token bound to a key cannot be used without a proof. */
function needsProof({ record }: Session): boolean {
  return record?.tokens !== undefined && isBound(record.tokens);
}

function schemeOf(session: Session): 'DPoP' | 'Bearer' {
  return needsProof(session) ? 'DPoP' : 'Bearer';
}

function resourceOf({ connection }: Session): string | undefined {
  return [connection.resource, connection.audience].find(value => value && /^https?:\/\//.test(value));
}

/** @param path of the shell in VS Code's terminals */
export function shellOf(path: string): Shell {
  if (/(?:^|[\\/])cmd(?:\.exe)?$/i.test(path)) return 'cmd';
  return /(?:^|[\\/])(?:pwsh|powershell)(?:\.exe|-preview)?$/i.test(path) ? 'powershell' : 'sh';
}

async function pickForm(session: Session, now: number): Promise<Form | undefined> {
  const names = tokens.filter(name => tokenOf(session, name));
  const scheme = schemeOf(session);
  const own = shellOf(env.shell);
  const items = names.flatMap(token => {
    const plain = {
      label: tokenTitle(token),
      description: endText(endOf(session, token), now),
      iconPath: new ThemeIcon('key'),
      token,
      as: 'token' as const,
    };
    if (token === 'id_token') return [plain];
    const header = {
      label: l10n.t('Authorization header'),
      description: `Authorization: ${scheme} ...`,
      iconPath: new ThemeIcon('symbol-string'),
      token,
      as: 'bearer' as const,
    };
    const line = (shell: Shell) => ({
      label: shell === own ? l10n.t('curl line') : l10n.t('curl line for {0}', shellNames[shell]),
      description: `${shellNames[shell]}: curl ... "Authorization: ${scheme} ..."`,
      iconPath: new ThemeIcon('terminal'),
      token,
      shell,
      as: 'curl' as const,
    });
    return [plain, header, line(own), ...shells.filter(shell => shell !== own).map(line)];
  });
  if (items.length === 0) throw new WorkbenchError('no_such_token', { connection: session.connection.id });
  if (items.length === 1) return items[0];
  return pick(items, { title: l10n.t('What do you want to copy from {0}?', session.connection.label) });
}

const shellNames: Readonly<Record<Shell, string>> = { sh: 'sh, bash, zsh', powershell: 'PowerShell', cmd: 'cmd' };

function endText(end: number | undefined, now: number): string {
  if (end === undefined) return '';
  return end <= now ? l10n.t('expired {0}', relativeText(end, now)) : l10n.t('expires {0}', relativeText(end, now));
}

/** Copies the value of a claim or header row. */
export const copyValue = defineCommand(
  { name: 'copyValue', needsTrust: false, fields: { text }, returns: '`{ copied: true }`' },
  () => ({
    ask: async node => (node?.kind === 'claim' ? { text: claimText(node.value) } : undefined),
    async run({ text }) {
      if (text === '') throw new WorkbenchError('argument_invalid', { field: 'text', expected: 'string' });
      await toClipboard(text);
      return { copied: true };
    },
    report: () => flash(l10n.t('Value copied'), 3000),
  }),
);

function claimText(value: unknown): string {
  return typeof value === 'object' ? jsonText(value, 2) : textFrom(value);
}

/** Copies the payload as JSON, which cannot be used as a token. */
export const copyPayload = defineCommand(
  { name: 'copyPayload', needsTrust: false, fields: tokenFields, returns: '`{ copied: true }`' },
  ({ sessions }) => ({
    accept: tokenArgument,
    ask: async (node): Promise<TokenArgument | undefined> =>
      tokenAtCursor(sessions) ?? (await askToken(sessions, node, l10n.t('Copy Decoded Payload'))),
    async run(argument) {
      const decoded = decodeToken(await tokenFor(argument, sessions));
      if (decoded.kind !== 'jws') throw new WorkbenchError('not_a_token', { reason: 'empty' });
      await toClipboard(decoded.content ? decoded.payloadText : jsonText(decoded.payload, 2));
      flash(l10n.t('Payload copied'), 3000);
      return { copied: true };
    },
  }),
);
