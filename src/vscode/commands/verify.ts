import { l10n, type QuickPickItem, ThemeIcon } from 'vscode';
import type { VerificationResult } from '../../core/checks/checks.ts';
import { reviewToken } from '../../core/checks/review.ts';
import { type SecretForm, secretForms } from '../../core/checks/secretText.ts';
import type { Verifier, VerifyRequest } from '../../core/checks/verifier.ts';
import { defined } from '../../core/defined.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { matchingConnections, tokenClaims } from '../../core/imports/tokenOwner.ts';
import type { Session, Sessions } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { decodeToken } from '../../core/tokens/jwt.ts';
import { inOrder } from '../../core/view/sessionView.ts';
import type { PickedKey } from '../prompts/keyItems.ts';
import { sessionOf } from '../prompts/pickConnection.ts';
import type { KeyChooser } from '../prompts/pickKey.ts';
import { pick } from '../screen.ts';
import { checkText } from '../text/checks.ts';
import { reviewAnswer } from '../text/review.ts';
import { checkIcons, statusText } from '../text/states.ts';
import { type Command, choiceField, type Fields, optionalText, textField } from './command.ts';
import { askToken } from './decode.ts';

interface Argument extends VerifyRequest {
  /** The keys that a person chose. */
  readonly picked?: PickedKey;
}

export interface VerifyParts {
  readonly sessions: Sessions;
  readonly verifier: () => Promise<Verifier>;
  readonly keys: KeyChooser;
}

export function verifyCommand({ sessions, verifier, keys }: VerifyParts): Command<Argument, VerificationResult> {
  return {
    needsTrust: false,
    parse: fields => parse(fields, sessions),
    async ask(node) {
      const title = l10n.t('Verify Token');
      const argument = await askToken(sessions, node, title);
      if (argument === undefined) return undefined;
      if (node !== undefined && 'id' in node)
        return { ...argument, connection: sessionOf(sessions, node.id).connection };
      // What is encrypted or opaque says so, whichever keys there are.
      if (decodeToken(argument.token).kind !== 'jws') return argument;
      const { issuer } = tokenClaims({ access_token: argument.token });
      const picked = await keys.pick({ title, use: 'verify', ...(issuer !== undefined && { issuer }) });
      return picked && { ...argument, ...picked.origin, picked };
    },
    run: async request => (await verifier()).verify(request),
    answer: ({ verified, checks, key, disclosed }, { token }) => ({
      verified,
      ...(key && { key }),
      ...(disclosed && { disclosed }),
      review: reviewAnswer(reviewToken(token, decodeToken(token), checks)),
      checks: checks.map(check => {
        const { advice } = checkText(check);
        const { id, status, expected, found } = check;
        return {
          id,
          status,
          ...(expected !== undefined && { expected }),
          ...(found !== undefined && { found }),
          ...(advice !== undefined && { advice }),
        };
      }),
    }),
    progress: () => l10n.t('Verifying'),
    async report(result, { token, picked }) {
      const { verified, checks, key } = result;
      const items: (QuickPickItem & { remember?: true })[] = inOrder(checks).map(check => {
        const { title, detail } = checkText(check);
        const iconPath = new ThemeIcon(checkIcons[check.status]);
        return { label: title, description: statusText(check.status), detail, iconPath };
      });
      const title = verified ? l10n.t('Verified: the signature and all checks passed') : l10n.t('Not verified');
      const { issuer } = tokenClaims({ access_token: token });
      if (picked && keys.canRemember(picked) && signedBy(result)) {
        const label =
          issuer === undefined
            ? l10n.t('Remember this key')
            : l10n.t('Remember this key for {0}', printable(issuer, 80));
        const detail = l10n.t(
          'In VS Code SecretStorage, until you run Forget Remembered Keys. It is offered first next time.',
        );
        items.push({ label, detail, iconPath: new ThemeIcon('bookmark'), remember: true });
      }
      const chosen = await pick(items, { title, matchOnDetail: true });
      if (picked && chosen?.remember)
        await keys.remember(picked, { use: 'verify', ...(issuer !== undefined && { issuer }) }, key);
    },
  };
}

function signedBy({ checks }: VerificationResult): boolean {
  return checks.some(({ id, status }) => id === 'signature' && status === 'passed');
}

function parse(fields: Fields, sessions: Sessions): VerifyRequest {
  const token = textField(fields, 'token');
  const id = optionalText(fields, 'connection');
  const named = { issuer: optionalText(fields, 'issuer'), jwksUri: optionalText(fields, 'jwksUri') };
  const key = keyText(fields.key);
  const keysGiven =
    key !== undefined || fields.jwks !== undefined || named.jwksUri !== undefined || named.issuer !== undefined;
  // A connection whose issuer the token names has its keys; no other issuer is asked for a pasted token.
  const session = id !== undefined ? sessionOf(sessions, id) : keysGiven ? undefined : ownerOf(token, sessions);
  const keyFormat = secretForm(fields);
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
    ...(keyFormat && { keyFormat }),
    ...(audience && { audience }),
    ...(algorithms && { algorithms }),
    ...(clockTolerance !== undefined && { clockTolerance }),
    ...defined<Pick<VerifyRequest, 'nonce' | 'accessToken' | 'payload'>>({
      nonce: optionalText(fields, 'nonce'),
      accessToken: optionalText(fields, 'accessToken'),
      payload: optionalText(fields, 'payload'),
    }),
  };
}

function ownerOf(token: string, sessions: Sessions): Session | undefined {
  const [owner] = matchingConnections(sessions.list(), { access_token: token });
  return owner && sessions.get(owner.id);
}

/** How a shared secret is written; left out, it is guessed. */
export function secretForm(fields: Fields): SecretForm | undefined {
  return fields.keyFormat === undefined ? undefined : choiceField(fields, 'keyFormat', secretForms, 'text');
}

/** A JWK may come as an object: callers have it so. */
export function keyText(value: unknown): string | undefined {
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
