import { l10n, ThemeIcon, window } from 'vscode';
import type { VerificationResult } from '../../core/checks.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { decodeToken } from '../../core/jwt.ts';
import { reviewToken } from '../../core/review.ts';
import type { Session, Sessions } from '../../core/sessions.ts';
import { inOrder } from '../../core/sessionView.ts';
import { matchingConnections } from '../../core/tokenOwner.ts';
import type { Verifier, VerifyRequest } from '../../core/verifier.ts';
import { sessionOf } from '../prompts/pickConnection.ts';
import { checkText } from '../text/checks.ts';
import { reviewAnswer } from '../text/review.ts';
import { checkIcons, statusText } from '../text/states.ts';
import { type Command, type Fields, optionalText, textField } from './command.ts';
import { askToken } from './decode.ts';

export function verifyCommand(
  sessions: Sessions,
  verifier: () => Promise<Verifier>,
): Command<VerifyRequest, VerificationResult> {
  return {
    needsTrust: false,
    parse: fields => parse(fields, sessions),
    async ask(node) {
      const argument = await askToken(sessions, node, l10n.t('Verify Token'));
      if (argument === undefined) return undefined;
      const session =
        node !== undefined && 'id' in node ? sessionOf(sessions, node.id) : ownerOf(argument.token, sessions);
      return { ...argument, ...(session && { connection: session.connection }) };
    },
    run: async request => (await verifier()).verify(request),
    answer: ({ verified, checks }, { token }) => ({
      verified,
      review: reviewAnswer(reviewToken(token, decodeToken(token), checks)),
      checks: checks.map(check => {
        const { advice } = checkText(check);
        const { id, status, expected, found } = check;
        return {
          ...{ id, status },
          ...(expected !== undefined && { expected }),
          ...(found !== undefined && { found }),
          ...(advice !== undefined && { advice }),
        };
      }),
    }),
    progress: () => l10n.t('Verifying'),
    async report({ verified, checks }) {
      const items = inOrder(checks).map(check => {
        const { title, detail } = checkText(check);
        const iconPath = new ThemeIcon(checkIcons[check.status]);
        return { label: title, description: statusText(check.status), detail, iconPath };
      });
      const title = verified
        ? l10n.t('Verified: the signature and all checks passed')
        : l10n.t('Not verified');
      await window.showQuickPick(items, { title, matchOnDetail: true });
    },
  };
}

function parse(fields: Fields, sessions: Sessions): VerifyRequest {
  const token = textField(fields, 'token');
  const id = optionalText(fields, 'connection');
  const named = { issuer: optionalText(fields, 'issuer'), jwksUri: optionalText(fields, 'jwksUri') };
  const key = keyText(fields.key);
  const keysGiven =
    key !== undefined ||
    fields.jwks !== undefined ||
    named.jwksUri !== undefined ||
    named.issuer !== undefined;
  // A connection whose issuer the token names has its keys; no other issuer is asked for a pasted token.
  const session =
    id !== undefined ? sessionOf(sessions, id) : keysGiven ? undefined : ownerOf(token, sessions);
  const audience = texts(fields, 'audience');
  const algorithms = texts(fields, 'algorithms');
  const { clockTolerance, jwks } = fields;
  if (clockTolerance !== undefined && !(typeof clockTolerance === 'number' && clockTolerance >= 0)) {
    throw new WorkbenchError('argument_invalid', { field: 'clockTolerance', expected: 'number' });
  }
  if (jwks !== undefined && (typeof jwks !== 'object' || jwks === null)) {
    throw new WorkbenchError('argument_invalid', { field: 'jwks', expected: 'object' });
  }
  return {
    token,
    ...(session && { connection: session.connection }),
    ...(named.issuer !== undefined && { issuer: named.issuer }),
    ...(named.jwksUri !== undefined && { jwksUri: named.jwksUri }),
    ...(typeof jwks === 'object' && jwks !== null && { jwks }),
    ...(key !== undefined && { key }),
    ...(audience && { audience }),
    ...(algorithms && { algorithms }),
    ...(clockTolerance !== undefined && { clockTolerance }),
  };
}

function ownerOf(token: string, sessions: Sessions): Session | undefined {
  const [owner] = matchingConnections(sessions.list(), { access_token: token });
  return owner && sessions.get(owner.id);
}

/** A JWK may come as an object: callers have it so. */
function keyText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  if (typeof value !== 'string' || value === '')
    throw new WorkbenchError('argument_invalid', { field: 'key', expected: 'string' });
  return value;
}

function texts(fields: Fields, field: string): readonly string[] | undefined {
  const value = fields[field];
  if (value === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const valid = list.filter((item): item is string => typeof item === 'string');
  if (valid.length !== list.length)
    throw new WorkbenchError('argument_invalid', { field, expected: 'string | string[]' });
  return valid;
}
