import { l10n, type QuickPickItem, commands as registry, ThemeIcon, Uri } from 'vscode';
import { commands } from '../../contributions.ts';
import { issuerSigned, tokenStateOf, type VerificationResult } from '../../core/checks/finding.ts';
import type { RememberedKey } from '../../core/checks/rememberedKeys.ts';
import { reviewToken } from '../../core/checks/review.ts';
import { secretForms } from '../../core/checks/secretText.ts';
import type { VerifyRequest } from '../../core/checks/verifier.ts';
import { isWorkbenchError, WorkbenchError } from '../../core/errors.ts';
import { matchingConnections, tokenClaims } from '../../core/imports/tokenOwner.ts';
import type { Session, Sessions } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { defined } from '../../core/tokens/json.ts';
import { type DecodedToken, decodeDetached, decodeToken, isDetached, isHmac } from '../../core/tokens/jwt.ts';
import { checksInOrder } from '../../core/view/sessionView.ts';
import { tokenAtCursor } from '../editor/scan.ts';
import type { PickedKey } from '../prompts/keys.ts';
import { askContent, askToken, contentOf, sessionOf } from '../prompts/pick.ts';
import { pick, pickMany } from '../prompts/questions.ts';
import { confirm, flash, notify } from '../screen.ts';
import { checkText } from '../text/checks.ts';
import { describeError } from '../text/errors.ts';
import { rememberedText } from '../text/inputErrors.ts';
import { reviewAnswer } from '../text/review.ts';
import { checkIcons, statusText, tokenStateTitle } from '../text/states.ts';
import { dateText } from '../text/time.ts';
import { defineCommand, isConfirmed } from './command.ts';
import {
  anything,
  choice,
  connectionId,
  object,
  optional,
  seconds,
  text,
  texts,
  tokenText,
  type Values,
} from './fields.ts';

/**
 * A key given by the caller: PEM, JWK or shared secret as text, or a JWK as an object. `keyFormat`: encoding of a
 * shared secret.
 */
export const keyFields = {
  key: optional(anything('string | JWK', { type: ['string', 'object'] })),
  keyFormat: optional(choice(...secretForms)),
};

/** @throws WorkbenchError `argument_invalid` */
export function keyOf({ key, keyFormat }: Values<typeof keyFields>) {
  const text = typeof key === 'object' && key !== null ? JSON.stringify(key) : key;
  if (text !== undefined && (typeof text !== 'string' || text === ''))
    throw new WorkbenchError('argument_invalid', { field: 'key', expected: 'string' });
  return { key: text, keyFormat };
}

const fields = {
  token: tokenText,
  connection: optional(connectionId),
  issuer: optional(text),
  jwksUri: optional(text),
  jwks: optional(object),
  ...keyFields,
  audience: optional(texts),
  algorithms: optional(texts),
  clockTolerance: optional(seconds),
  nonce: optional(text),
  accessToken: optional(text),
  payload: optional(text),
  /** URI of a file with the detached content. */
  payloadFile: optional(text),
};

interface Argument extends VerifyRequest {
  /** The keys that the user chose. */
  readonly picked?: PickedKey;
  readonly payloadFile?: string;
}

interface Verified extends VerificationResult {
  readonly decoded: DecodedToken;
}

export const verify = defineCommand(
  {
    name: 'verify',
    needsTrust: false,
    fields,
    returns:
      '`{ verified, state, key?, disclosed?, checks: [{ id, status, detail, expected?, found?, advice? }], review }`',
  },
  ({ sessions, verifier, keys }) => ({
    accept: (given): Argument => requestOf(given, sessions),
    async ask(node): Promise<Argument | undefined> {
      const title = l10n.t('Verify Token');
      const here = node === undefined ? tokenAtCursor(sessions) : undefined;
      const asked = here ? { token: here.token } : await askToken(sessions, node, title, true);
      const payload = asked && isDetached(asked.token) ? await askContent(title, asked.token) : undefined;
      if (asked === undefined || (isDetached(asked.token) && payload === undefined)) return undefined;
      const argument = { ...asked, ...(payload !== undefined && { payload }) };
      if (node !== undefined && 'id' in node)
        return { ...argument, connection: sessionOf(sessions, node.id).connection };
      // Encrypted and opaque tokens are reported without asking for keys.
      const decoded = payload === undefined ? decodeToken(argument.token) : decodeDetached(argument.token, payload);
      if (decoded.kind !== 'jws') return argument;
      const { issuer } = tokenClaims({ access_token: argument.token });
      const shared = isHmac(decoded);
      const picked = await keys.pick({ title, use: 'verify', shared, ...(issuer !== undefined && { issuer }) });
      return picked && { ...argument, ...picked.origin, picked };
    },
    async run({ payloadFile, ...request }): Promise<Verified> {
      const payload = payloadFile === undefined ? request.payload : await contentOf(Uri.parse(payloadFile));
      const result = await (await verifier()).verify({ ...request, ...(payload !== undefined && { payload }) });
      const { token } = request;
      return { ...result, decoded: payload === undefined ? decodeToken(token) : decodeDetached(token, payload) };
    },
    answer: ({ verified, checks, key, disclosed, decoded }, { token }) => ({
      verified,
      state: tokenStateOf({ verified, checks }).kind,
      ...(key && { key }),
      ...(disclosed && { disclosed }),
      review: reviewAnswer(reviewToken(token, decoded, checks)),
      checks: checks.map(check => {
        const { detail, advice } = checkText(check);
        const { id, status, expected, found } = check;
        return {
          id,
          status,
          detail,
          ...(expected !== undefined && { expected }),
          ...(found !== undefined && { found }),
          ...(advice !== undefined && { advice }),
        };
      }),
    }),
    progress: () => l10n.t('Verifying'),
    async report(result, { token, picked, connection }) {
      const { checks, key } = result;
      const state = tokenStateOf(result);
      const items: (QuickPickItem & { remember?: true; issuer?: string })[] = checksInOrder(checks).map(check => {
        const { title, detail } = checkText(check);
        const iconPath = new ThemeIcon(checkIcons[check.status]);
        return { label: title, description: statusText(check.status), detail, iconPath };
      });
      const title =
        state.kind === 'verified' ? l10n.t('Verified: the signature and all checks passed') : tokenStateTitle(state);
      const { issuer } = tokenClaims({ access_token: token });
      if (picked && keys.canRemember(picked) && signedBy(result)) {
        const label =
          issuer === undefined
            ? l10n.t('Remember this key')
            : l10n.t('Remember this key for {0}', printable(issuer, 80));
        const detail = l10n.t(
          'Stored in VS Code SecretStorage until you run Forget Remembered Keys. It is offered first next time.',
        );
        items.push({ label, detail, iconPath: new ThemeIcon('bookmark'), remember: true });
      }
      const meant = connection && issuerSigned(result);
      if (connection && meant !== undefined)
        items.push({
          label: l10n.t('Set Issuer...'),
          detail: l10n.t(
            'Set the issuer of "{0}" to {1}, as this token names it.',
            printable(connection.label, 60),
            printable(meant, 200),
          ),
          iconPath: new ThemeIcon('edit'),
          issuer: meant,
        });
      const chosen = await pick(items, { title, matchOnDetail: true });
      if (connection && chosen?.issuer !== undefined)
        await registry.executeCommand(commands.setIssuer, { connection: connection.id, issuer: chosen.issuer });
      if (picked && chosen?.remember)
        await keys.remember(picked, { use: 'verify', ...(issuer !== undefined && { issuer }) }, key);
    },
  }),
);

function signedBy({ checks }: VerificationResult): boolean {
  return checks.some(({ id, status }) => id === 'signature' && status === 'passed');
}

/**
 * Uses the keys of the connection with the token's issuer, if there is one. No other issuer is contacted for a pasted
 * token.
 */
function requestOf({ connection: id, ...given }: Values<typeof fields>, sessions: Sessions): Argument {
  const { key, keyFormat } = keyOf(given);
  const {
    token,
    issuer,
    jwksUri,
    jwks,
    audience,
    algorithms,
    clockTolerance,
    nonce,
    accessToken,
    payload,
    payloadFile,
  } = given;
  const keysGiven = [key, jwks, jwksUri, issuer].some(each => each !== undefined);
  const session = id !== undefined ? sessionOf(sessions, id) : keysGiven ? undefined : ownerOf(token, sessions);
  return {
    token,
    ...(session && { connection: session.connection }),
    ...(issuer !== undefined && { issuer }),
    ...(jwksUri !== undefined && { jwksUri }),
    ...(jwks && { jwks }),
    ...(key !== undefined && { key }),
    ...(keyFormat && { keyFormat }),
    ...(audience && { audience }),
    ...(algorithms && { algorithms }),
    ...(clockTolerance !== undefined && { clockTolerance }),
    ...defined<Pick<Argument, 'nonce' | 'accessToken' | 'payload' | 'payloadFile'>>({
      nonce,
      accessToken,
      payload,
      payloadFile,
    }),
  };
}

function ownerOf(token: string, sessions: Sessions): Session | undefined {
  const [owner] = matchingConnections(sessions.list(), { access_token: token });
  return owner && sessions.get(owner.id);
}

interface ForgetArgument {
  /** Ids from the command's result. Without them nothing is forgotten, and all are listed. */
  readonly keys: readonly string[] | 'all';
}

/** Lists remembered keys, never the key material, and forgets the chosen ones. */
export const forgetKeys = defineCommand(
  {
    name: 'forgetKeys',
    needsTrust: true,
    fields: { keys: optional(anything('ids | "all"', { type: ['array', 'string'], items: { type: 'string' } })) },
    returns: '`{ remembered: [{ id, use, issuer?, about? }] }`: the remaining keys',
  },
  ({ remembered }) => ({
    accept({ keys = [] }): ForgetArgument {
      const list: readonly unknown[] | undefined = Array.isArray(keys) ? keys : undefined;
      const ids = list?.filter(id => typeof id === 'string');
      if (keys === 'all') return { keys };
      if (ids === undefined || ids.length !== list?.length)
        throw new WorkbenchError('argument_invalid', { field: 'keys', expected: 'string[] | "all"' });
      return { keys: ids };
    },
    async ask(): Promise<ForgetArgument | undefined> {
      let keys: readonly RememberedKey[];
      try {
        keys = await remembered.list();
      } catch (error) {
        if (!isWorkbenchError(error) || error.code !== 'keys_unreadable') throw error;
        const forget = l10n.t('Forget All');
        return (await confirm(describeError(error), undefined, forget)) === forget ? { keys: 'all' } : undefined;
      }
      if (keys.length === 0) {
        void notify('info', l10n.t('No keys are remembered.'));
        return undefined;
      }
      const items = keys.map(key => ({
        id: key.id,
        label: rememberedText(key),
        description: key.issuer === undefined ? '' : l10n.t('for {0}', printable(key.issuer, 80)),
        detail: [
          key.use === 'verify' ? l10n.t('to verify') : l10n.t('to decrypt'),
          l10n.t('remembered on {0}', dateText(key.addedAt)),
          key.about?.thumbprint,
        ]
          .filter(Boolean)
          .join(' · '),
        iconPath: new ThemeIcon('bookmark'),
      }));
      const picked = await pickMany(items, {
        title: l10n.t('Forget Remembered Keys'),
        placeHolder: l10n.t('Which keys?'),
      });
      return picked && { keys: picked.map(({ id }) => id) };
    },
    async confirm(argument, byCaller) {
      if (!byCaller || argument.keys.length === 0) return argument;
      const detail = l10n.t('They are deleted and cannot be restored.');
      const yes = await isConfirmed(l10n.t('Forget remembered keys?'), detail, l10n.t('Forget'));
      return yes ? argument : undefined;
    },
    async run({ keys }) {
      if (keys !== 'all') return remembered.forget(keys);
      await remembered.forgetAll();
      return [];
    },
    answer: left => ({
      remembered: left.map(({ id, use, issuer, about, addedAt, source }) => ({
        id,
        use,
        addedAt,
        ...(issuer !== undefined && { issuer }),
        ...('jwksUri' in source && { jwksUri: source.jwksUri }),
        ...(about && { about }),
      })),
    }),
    report: left =>
      flash(
        left.length === 0
          ? l10n.t('All remembered keys are deleted')
          : l10n.t('{0} keys are still remembered', left.length),
        3000,
      ),
  }),
);
