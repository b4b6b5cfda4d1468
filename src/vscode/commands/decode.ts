import { l10n } from 'vscode';
import { reviewToken } from '../../core/checks/review.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { importText } from '../../core/imports/importText.ts';
import type { Clock } from '../../core/ports.ts';
import { tokenOf } from '../../core/records/session.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { type DecodedJws, type DecodedToken, decodeToken, inflated, tryDecode } from '../../core/tokens/jwt.ts';
import { varietyOf } from '../../core/tokens/varieties.ts';
import { checksOf } from '../../core/view/tokenSummary.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { sessionOf } from '../prompts/pickConnection.ts';
import { pickText } from '../prompts/pickText.ts';
import { reviewAnswer } from '../text/review.ts';
import { varietyAdvice } from '../text/varieties.ts';
import { describeTokenWarning } from '../text/warnings.ts';
import type { TokenDocuments } from '../tokenDocuments.ts';
import { decodedLines } from '../tokenText.ts';
import { type Command, textField } from './command.ts';

interface Argument {
  readonly token: string;
}

export interface DecodeParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly documents: TokenDocuments;
}

export function decodeCommand({ sessions, clock, documents }: DecodeParts): Command<Argument, DecodedToken> {
  return {
    needsTrust: false,
    parse: fields => ({ token: textField(fields, 'token') }),
    ask: node => askToken(sessions, node, l10n.t('Decode Token')),
    async run({ token }) {
      const decoded = decodeToken(token);
      return decoded.kind === 'jws' ? inflated(decoded) : decoded;
    },
    answer: (decoded, { token }) => ({
      kind: decoded.kind,
      ...(decoded.kind !== 'opaque' && { header: decoded.header }),
      ...(decoded.kind === 'jws' && payloadOf(decoded)),
      ...varietyAnswer(token, decoded),
      warnings: decoded.warnings.map(describeTokenWarning),
      review: reviewAnswer(reviewToken(token, decoded, checksOf(decoded, clock.now()))),
    }),
    report: (decoded, { token }) => documents.show(l10n.t('Decoded token'), decodedLines(decoded, clock.now(), token)),
  };
}

/** Claims, or what else was signed. */
export function payloadOf({ content, payload, payloadText }: DecodedJws): object {
  if (content === undefined) return { payload };
  return content === 'text' ? { text: payloadText } : { base64url: payloadText };
}

/** What is known of tokens of this kind, and what an SD-JWT discloses. */
function varietyAnswer(token: string, decoded: DecodedToken): object {
  const variety = varietyOf(token, decoded);
  const form = decoded.kind === 'jws' ? decoded.form : undefined;
  return {
    ...(variety && { variety: { id: variety.id, name: variety.name, advice: varietyAdvice(variety) } }),
    ...(form?.kind === 'sd_jwt' && { disclosures: form.disclosures.map(({ name, value }) => ({ name, value })) }),
  };
}

/** The token of the row, or one from the selection, the clipboard or an input box. */
export async function askToken(
  sessions: Sessions,
  node: ViewNode | undefined,
  title: string,
): Promise<Argument | undefined> {
  if (node?.kind === 'token' || node?.kind === 'section') {
    const token = tokenOf(sessionOf(sessions, node.id), node.name);
    if (token === undefined) throw new WorkbenchError('no_such_token', { connection: node.id, token: node.name });
    return { token };
  }
  return pickText(title, text => {
    const token = firstToken(text);
    decodeToken(token);
    return { label: l10n.t('a token'), value: { token } };
  });
}

/** The token in what was picked: a header line or a response holds one as well. */
function firstToken(text: string): string {
  // What stands around a JWT can be a part of the token.
  const whole = tryDecode(text.trim());
  if (!('error' in whole) && whole.kind === 'jws' && whole.form) return text.trim();
  const { tokens } = importText(text, false);
  return tokens.access_token ?? tokens.id_token ?? tokens.refresh_token ?? text.trim();
}
