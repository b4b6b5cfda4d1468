import { l10n, window } from 'vscode';
import { usesKey } from '../../core/connection.ts';
import type { Discovery } from '../../core/discovery.ts';
import type { ImportParts } from '../../core/importTokens.ts';
import type { RedirectWay } from '../../core/ports.ts';
import { isSignable } from '../../core/sessionView.ts';
import type { Grant, SignInResult } from '../../core/signIn.ts';
import type { SignIns } from '../../core/signIns.ts';
import { storeCredentials } from '../../core/storeCredentials.ts';
import { showDevicePanel } from '../devicePanel.ts';
import { pickConnection, sessionOf } from '../prompts/pickConnection.ts';
import { pickGrant } from '../prompts/pickGrant.ts';
import { noRefreshTokenText, signedInText, waitingText } from '../text/signIn.ts';
import { type Command, choiceField, textField } from './command.ts';
import { askForCredentials } from './setClientSecret.ts';

export interface SignInCommandParts extends ImportParts {
  readonly signIns: SignIns;
  readonly discovery: () => Promise<Discovery>;
  readonly openBrowser: (url: string) => unknown;
  /** Shows a connection in the sidebar. */
  readonly show: (id: string) => unknown;
}

interface Argument {
  readonly connection: string;
  readonly grant: Grant;
  readonly redirect?: RedirectWay | undefined;
}

/** As in src/core/signIn.ts, which is loaded only when somebody signs in. */
const grants: readonly Grant[] = ['authorization_code', 'device_code', 'client_credentials'];

const redirects: readonly RedirectWay[] = ['loopback', 'uri_handler'];

export function signInCommand(parts: SignInCommandParts): Command<Argument, SignInResult> {
  const { sessions, clock, signIns } = parts;
  const label = ({ connection }: Argument) => sessions.connection(connection)?.label ?? connection;
  return {
    needsTrust: true,
    parse: fields => ({
      connection: textField(fields, 'connection'),
      grant: choiceField(fields, 'grant', grants, 'authorization_code'),
      redirect:
        fields.redirect === undefined ? undefined : choiceField(fields, 'redirect', redirects, 'loopback'),
    }),
    async ask(node) {
      const picked = await pickConnection(sessions, node, l10n.t('Sign in to which connection?'), isSignable);
      if (picked === undefined) return undefined;
      const { connection } = sessionOf(sessions, picked.connection);
      const grant = await pickGrant(connection, await parts.discovery());
      if (grant === undefined || !(await askSecret(parts, picked.connection))) return undefined;
      return { ...picked, grant };
    },
    async run({ connection: id, grant, redirect }, signal) {
      const { connection } = sessionOf(sessions, id);
      const closed = new AbortController();
      let panel: { dispose(): void } | undefined;
      try {
        return await signIns.run({
          ...{ connection, grant, redirect },
          signal: AbortSignal.any([signal, closed.signal]),
          tell(step) {
            if (step.waitingFor !== 'device') return;
            const cancel = () => closed.abort();
            panel = showDevicePanel({ label: connection.label, step, open: parts.openBrowser, cancel });
          },
        });
      } finally {
        panel?.dispose();
      }
    },
    answer: ({ generation, expiresAt }) => ({
      outcome: 'signedIn',
      generation,
      ...(expiresAt !== undefined && { expiresAt }),
    }),
    progress: argument => waitingText(label(argument), argument.grant),
    labelOf: label,
    async report(result, argument) {
      if (result.hasRefreshToken || result.grant === 'client_credentials') {
        window.setStatusBarMessage(`$(check) ${signedInText(label(argument), result, clock.now())}`, 5000);
      } else {
        const { scope } = sessionOf(sessions, argument.connection).connection;
        void window.showInformationMessage(noRefreshTokenText(label(argument), scope));
      }
      await parts.show(argument.connection);
    },
  };
}

/** Asks for a secret or a key that is needed and not stored; false where the user turned away. */
async function askSecret(parts: SignInCommandParts, id: string): Promise<boolean> {
  const { connection } = sessionOf(parts.sessions, id);
  const method = connection.tokenEndpointAuthMethod;
  if (method === 'none') return true;
  const { client_secret, private_key } = (await parts.vault.read(id)) ?? {};
  if ((usesKey(method) ? private_key : client_secret) !== undefined) return true;
  const credentials = await askForCredentials(connection);
  if (credentials === undefined) return false;
  await storeCredentials(parts, connection, credentials, new AbortController().signal);
  return true;
}
