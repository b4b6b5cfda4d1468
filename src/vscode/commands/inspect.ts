import { l10n, type Uri } from 'vscode';
import type { Clock } from '../../core/ports.ts';
import type { Sessions } from '../../core/sessions.ts';
import type { TokenName } from '../../core/sessionView.ts';
import type { Verifier } from '../../core/verifier.ts';
import { tokenAtCursor, tokenAtPlace } from '../editor/place.ts';
import { texts } from '../editor/texts.ts';
import { type Command, optionalText } from './command.ts';
import { askToken } from './decode.ts';
import { readToken, type TokenArgument } from './looking.ts';

export interface InspectParts {
  readonly own: <T extends { dispose(): unknown }>(disposable: T) => T;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly verifier: () => Promise<Verifier>;
  readonly extensionUri: Uri;
}

interface Argument extends TokenArgument {
  readonly known?: { readonly connection: string; readonly name: TokenName };
  readonly verify?: boolean;
  /** Called by a person, who can be asked. */
  readonly ask?: boolean;
}

/** Shows a token, its lifetime and its checks in the editor area. */
export function inspectCommand(parts: InspectParts): Command<Argument, { opened: true; verified: boolean }> {
  const { sessions } = parts;
  return {
    needsTrust: false,
    parse: fields => {
      const connection = optionalText(fields, 'connection');
      const known = connection === undefined ? {} : { known: { connection, name: 'access_token' as const } };
      return { ...readToken(fields), ...known, verify: fields.verify === true, ask: fields.show === true };
    },
    async ask(node) {
      if (node?.kind === 'token' || node?.kind === 'section') {
        const known = { connection: node.id, name: node.name };
        return { ...(await askToken(sessions, node, '')), known, ask: true };
      }
      const found = tokenAtCursor(sessions) ?? (await askToken(sessions, node, l10n.t('Inspect Token')));
      return found && { ...found, ask: true };
    },
    async run({ token, place, known, verify = false, ask = false }) {
      const found = place ? await tokenAtPlace(place, sessions) : { token: token ?? '' };
      const subject = { token: found.token, ...('known' in found && found.known && { known: found.known }) };
      const { openInspector } = await import('../editor/features.ts');
      const { verified } = await openInspector(
        { ...subject, ...(known && { known }) },
        { verify, ask },
        { ...parts, texts },
      );
      return { opened: true, verified };
    },
  };
}
