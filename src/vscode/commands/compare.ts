import { l10n } from 'vscode';
import { WorkbenchError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { compareTokens, type Difference, inOrderOf } from '../../core/tokens/compareTokens.ts';
import { isObject } from '../../core/tokens/json.ts';
import { type DecodedToken, roundedIn } from '../../core/tokens/jwt.ts';
import type { PreviousTokens } from '../../core/view/previousTokens.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { tokenAtCursor } from '../editor/place.ts';
import { sessionOf } from '../prompts/pickConnection.ts';
import { pasted, pickSide, type Side, sidesOf } from '../prompts/pickSide.ts';
import { showDiff } from '../screen.ts';
import { durationText } from '../text/time.ts';
import type { TokenDocuments } from '../tokenDocuments.ts';
import { commented } from '../tokenText.ts';
import { type Command, choiceField, type Fields, textField } from './command.ts';
import { askToken } from './decode.ts';

interface Argument {
  readonly sides: readonly [Side, Side];
}

interface Result {
  readonly differences: readonly Difference[];
}

export interface CompareParts {
  readonly sessions: Sessions;
  readonly previous: PreviousTokens;
  readonly clock: Clock;
  readonly documents: TokenDocuments;
}

/** Two tokens side by side in VS Code's own comparison: what they say, never the tokens. */
export function compareCommand({ sessions, previous, clock, documents }: CompareParts): Command<Argument, Result> {
  return {
    needsTrust: false,
    parse: fields =>
      fields.connection === undefined
        ? { sides: givenSides(fields) }
        : { sides: refreshed(fields, sessions, previous) },
    async ask(node) {
      const first = await firstSide(node);
      if (first === undefined) return undefined;
      const title = l10n.t('Compare {0} With', first.label);
      const second = await pickSide(title, sessions, previous, () => other(title), first);
      return second && { sides: [first, second] };
    },
    async run({ sides: [one, other] }) {
      return { differences: compareTokens(one.decoded, other.decoded) };
    },
    async report({ differences }, { sides: [one, other] }) {
      const now = clock.now();
      const note = (name: string) => laterText(differences.find(each => each.name === name)?.seconds);
      const left = documents.add(one.label, commented(bodyOf(one.decoded), now, undefined, roundedIn(one.decoded)));
      const right = documents.add(
        other.label,
        commented(bodyOf(other.decoded, one.decoded), now, note, roundedIn(other.decoded)),
      );
      const names = `${one.label} ↔ ${other.label}`;
      const title =
        differences.length === 0
          ? l10n.t('{0} (no difference)', names)
          : l10n.t('{0} ({1} differences)', names, differences.length);
      await showDiff(left, right, title);
    },
  };

  async function other(title: string): Promise<string | undefined> {
    return (await askToken(sessions, undefined, title))?.token;
  }

  /** The row that it was called on, the token at the cursor, or one that is picked. */
  async function firstSide(node: ViewNode | undefined): Promise<Side | undefined> {
    if (node?.kind === 'token' || node?.kind === 'section') {
      const sides = sidesOf(node.id, sessions, previous);
      const own = sides.find(({ held }) => held?.name === node.name && !held.before);
      if (own) return own;
    }
    const here = node === undefined ? tokenAtCursor(sessions) : undefined;
    if (here) return pasted(here.token);
    const title = l10n.t('Compare Tokens: First Token');
    return pickSide(title, sessions, previous, () => other(title));
  }
}

/** @throws WorkbenchError `argument_invalid`, and what decodeToken throws */
function givenSides({ tokens }: Fields): readonly [Side, Side] {
  const [one, other, ...more]: readonly unknown[] = Array.isArray(tokens) ? tokens : [];
  if (more.length > 0 || !isObject({ one, other }))
    throw new WorkbenchError('argument_invalid', { field: 'tokens', expected: 'two tokens' });
  return [pasted(textField({ tokens: one }, 'tokens')), pasted(textField({ tokens: other }, 'tokens'))];
}

/** A token of a connection against the one before the last refresh. @throws WorkbenchError `no_such_token` */
function refreshed(fields: Fields, sessions: Sessions, previous: PreviousTokens): readonly [Side, Side] {
  const id = textField(fields, 'connection');
  const name = choiceField(fields, 'token', ['access_token', 'id_token'], 'access_token');
  const session = sessionOf(sessions, id);
  const sides = sidesOf(session.connection.id, sessions, previous);
  const [now, old] = [false, true].map(before =>
    sides.find(({ held }) => held?.name === name && held.before === before),
  );
  if (!old || !now) throw new WorkbenchError('no_such_token', { connection: id, token: name });
  return [old, now];
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
