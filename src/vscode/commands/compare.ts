import { l10n, type QuickPickItem, commands as registry, ThemeIcon, window } from 'vscode';
import { compareTokens, type Difference, inOrderOf } from '../../core/compareTokens.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { type DecodedToken, decodeToken } from '../../core/jwt.ts';
import type { Clock } from '../../core/ports.ts';
import { printable } from '../../core/redact.ts';
import type { Sessions } from '../../core/sessions.ts';
import { tokenOf } from '../../core/sessionView.ts';
import { tokenAtCursor } from '../editor/place.ts';
import { tokenTitle } from '../text/states.ts';
import { durationText } from '../text/time.ts';
import type { TokenDocuments } from '../tokenDocuments.ts';
import { commented } from '../tokenText.ts';
import { type Command, textField } from './command.ts';
import { askToken } from './decode.ts';

interface Argument {
  readonly tokens: readonly [string, string];
}

interface Result {
  readonly differences: readonly Difference[];
}

/** Two tokens side by side in VS Code's own comparison: what they say, never the tokens. */
export function compareCommand(parts: {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly documents: TokenDocuments;
}): Command<Argument, Result> {
  const { sessions, clock, documents } = parts;
  return {
    needsTrust: false,
    parse: ({ tokens }) => {
      const [one, other, ...more]: readonly unknown[] = Array.isArray(tokens) ? tokens : [];
      if (more.length > 0 || !isObject({ one, other }))
        throw new WorkbenchError('argument_invalid', { field: 'tokens', expected: 'two tokens' });
      return { tokens: [textField({ tokens: one }, 'tokens'), textField({ tokens: other }, 'tokens')] };
    },
    async ask(node) {
      const first =
        tokenAtCursor(sessions) && node === undefined
          ? tokenAtCursor(sessions)
          : await askToken(sessions, node, l10n.t('Compare Tokens: the First'));
      if (first === undefined) return undefined;
      const second = await pickOther(sessions, first.token);
      return second === undefined ? undefined : { tokens: [first.token, second] };
    },
    async run({ tokens: [one, other] }) {
      return { differences: compareTokens(decodeToken(one), decodeToken(other)) };
    },
    async report({ differences }, { tokens: [one, other] }) {
      const [before, after] = [decodeToken(one), decodeToken(other)];
      const now = clock.now();
      const note = (name: string) => laterText(differences.find(each => each.name === name)?.seconds);
      const left = documents.add(l10n.t('First token'), commented(bodyOf(before), now));
      const right = documents.add(l10n.t('Second token'), commented(bodyOf(after, before), now, note));
      const title =
        differences.length === 0
          ? l10n.t('Two tokens that say the same')
          : l10n.t('Two tokens: {0} differences', differences.length);
      await registry.executeCommand('vscode.diff', left, right, title, { preview: true });
    },
  };
}

function laterText(seconds: number | undefined): string | undefined {
  if (seconds === undefined) return undefined;
  const length = durationText(Math.abs(seconds) * 1000);
  return seconds > 0
    ? l10n.t('{0} later than in the first token.', length)
    : l10n.t('{0} earlier than in the first token.', length);
}

function bodyOf(token: DecodedToken, first?: DecodedToken): Parameters<typeof commented>[0] {
  if (token.kind === 'opaque') return {};
  const header = first && first.kind !== 'opaque' ? inOrderOf(first.header, token.header) : token.header;
  if (token.kind === 'jwe') return { header };
  return { header, payload: first?.kind === 'jws' ? inOrderOf(first.payload, token.payload) : token.payload };
}

/** A token of a connection, or another one from the clipboard, the selection or an input box. */
async function pickOther(sessions: Sessions, first: string): Promise<string | undefined> {
  const items: (QuickPickItem & { token?: string })[] = sessions.list().flatMap(session =>
    (['access_token', 'id_token'] as const).flatMap(name => {
      const token = tokenOf(session, name);
      if (token === undefined || token === first) return [];
      const label = `${printable(session.connection.label, 60)}: ${tokenTitle(name)}`;
      return [{ label, token, iconPath: new ThemeIcon('key') }];
    }),
  );
  const other = { label: l10n.t('Another token'), iconPath: new ThemeIcon('edit') };
  const picked =
    items.length === 0
      ? other
      : await window.showQuickPick([...items, other], { title: l10n.t('Compare Tokens: the Second') });
  if (picked === undefined) return undefined;
  if ('token' in picked && picked.token !== undefined) return picked.token;
  return (await askToken(sessions, undefined, l10n.t('Compare Tokens: the Second')))?.token;
}
