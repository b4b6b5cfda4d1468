import { l10n } from 'vscode';
import { reviewToken } from '../../core/checks/review.ts';
import type { SecretForm } from '../../core/checks/secretText.ts';
import { WorkbenchError } from '../../core/errors.ts';
import type { TokenName } from '../../core/records/sessions.ts';
import { isObject, type JsonObject, own, withMembers } from '../../core/tokens/json.ts';
import { type DecodedJws, type DecodedToken, decodeToken, inflated } from '../../core/tokens/jwt.ts';
import { readableContent, varietyOf } from '../../core/tokens/varieties.ts';
import { checksOf } from '../../core/view/tokenSummary.ts';
import {
  type TokenArgument,
  tokenArgument,
  tokenAtCursor,
  tokenAtPlace,
  tokenFields,
  tokenFor,
} from '../editor/scan.ts';
import type { Subject } from '../inspector/inspection.ts';
import { type InspectOptions, openInspector } from '../inspector/panel.ts';
import type { PickedKey } from '../prompts/keys.ts';
import { askToken } from '../prompts/pick.ts';
import { reviewAnswer } from '../text/review.ts';
import { varietyAdvice } from '../text/varieties.ts';
import { describeDiffering, describeTokenWarning } from '../text/warnings.ts';
import { decodedLines } from '../tokenDocuments.ts';
import { defineCommand, type Services } from './command.ts';
import { anything, connectionId, flag, optional, tokenText, withDefault } from './fields.ts';
import { keyFields, keyOf } from './verify.ts';

export const decode = defineCommand(
  {
    name: 'decode',
    needsTrust: false,
    fields: { token: tokenText },
    returns:
      '`{ kind: "jws" \\| "jwe" \\| "opaque", header?, payload?, text?, base64url?, variety?: { id, name, advice }, disclosures?, warnings, review }`; `text` and `base64url` for signed content that is not a JWT, `disclosures` for an SD-JWT',
  },
  ({ sessions, clock, documents }) => ({
    ask: node => askToken(sessions, node, l10n.t('Decode Token')),
    async run({ token }): Promise<DecodedToken> {
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
  }),
);

/** The claims, or other signed content. */
function payloadOf({ content, payload, payloadText }: DecodedJws): object {
  if (content === undefined) return { payload };
  return content === 'text' ? { text: payloadText } : { base64url: payloadText };
}

/** The known kind of the token, and the disclosures of an SD-JWT. */
function varietyAnswer(token: string, decoded: DecodedToken): object {
  const variety = varietyOf(token, decoded);
  const said = readableContent(token, decoded);
  const form = decoded.kind === 'jws' ? decoded.form : undefined;
  return {
    ...(variety && { variety: { id: variety.id, name: variety.name, advice: varietyAdvice(variety) } }),
    ...(said && { payload: said }),
    ...(form?.kind === 'sd_jwt' && { disclosures: form.disclosures.map(each => withMembers(['name', 'value'], each)) }),
  };
}

/** Shows the decoded token in the selection, at the cursor or at a place, as a read-only document. */
export const decodeSelection = defineCommand(
  { name: 'decodeSelection', needsTrust: false, fields: tokenFields, returns: '`{ shown: true }`' },
  ({ sessions, clock, documents }) => ({
    accept: tokenArgument,
    ask: async (node): Promise<TokenArgument | undefined> =>
      tokenAtCursor(sessions) ?? (await askToken(sessions, node, l10n.t('Decode Token'))),
    async run(argument) {
      const decoded = decodeToken(await tokenFor(argument, sessions));
      await documents.show(l10n.t('Decoded token'), decodedLines(decoded, clock.now()));
      return { shown: true };
    },
  }),
);

interface DecryptArgument {
  readonly token: string;
  readonly key: string;
  readonly keyFormat?: SecretForm | undefined;
  /** The key that the user chose. */
  readonly picked?: PickedKey;
}

/** Decrypts a token with a key that is not stored. */
export const decrypt = defineCommand(
  {
    name: 'decrypt',
    needsTrust: false,
    returnsToken: true,
    fields: { token: tokenText, ...keyFields },
    returns:
      '`{ header, payload?, text?, base64url?, token?, nested?, warnings }`. `key` is required: a private key as PEM or JWK, or a shared secret',
  },
  services => {
    const { sessions, verifier, keys } = services;
    return {
      accept({ token, ...given }): DecryptArgument {
        const { key, keyFormat } = keyOf(given);
        if (key === undefined) throw new WorkbenchError('argument_invalid', { field: 'key', expected: 'string' });
        return { token, key, keyFormat };
      },
      async ask(node) {
        const title = l10n.t('Decrypt Token');
        const argument = tokenAtCursor(sessions) ?? (await askToken(sessions, node, title));
        if (argument === undefined) return undefined;
        const { token } = argument;
        const decoded = decodeToken(token);
        if (decoded.kind !== 'jwe') throw new WorkbenchError('not_encrypted', { kind: decoded.kind });
        const issuer = own(decoded.header, 'iss');
        const picked = await keys.pick({ title, use: 'decrypt', ...(typeof issuer === 'string' && { issuer }) });
        const { key, keyFormat } = picked?.origin ?? {};
        return picked && key !== undefined ? { token, key, keyFormat, picked } : undefined;
      },
      run: async ({ token, key, keyFormat }) =>
        (await verifier()).decrypt({ token, key, ...(keyFormat && { keyFormat }) }),
      answer: ({ header, content, differing }) => ({
        header,
        ...(content.kind === 'claims' && { payload: content.payload }),
        ...(content.kind === 'text' && { text: content.text }),
        ...(content.kind === 'bytes' && { base64url: content.base64url }),
        ...(content.kind === 'token' && {
          token: content.token,
          nested: {
            kind: content.decoded.kind,
            header: content.decoded.header,
            ...(content.decoded.kind === 'jws' && payloadOf(content.decoded)),
            warnings: content.decoded.warnings.map(describeTokenWarning),
          },
        }),
        warnings: differing.map(describeDiffering),
      }),
      progress: () => l10n.t('Decrypting'),
      report: (decrypted, { token, picked }) =>
        showInInspector(
          services,
          { token, opened: { decrypted, ...(picked && { picked }) } },
          { verify: false, ask: true },
        ),
    };
  },
);

interface Argument extends TokenArgument {
  readonly known?: { readonly connection: string; readonly name: TokenName };
  readonly verify?: boolean;
  /** Ask for the key of an encrypted token at once. */
  readonly decrypt?: boolean;
  /** A user called the command and can be asked. */
  readonly ask?: boolean;
  /** Replacements for members of the token, to see what a verifier would say. */
  readonly edit?: { readonly header?: JsonObject; readonly payload?: JsonObject };
  /** Sign the edited token with the mock issuer's test key. */
  readonly sign?: boolean;
}

interface Opened {
  readonly opened: true;
  readonly verified: boolean;
  readonly edited?: 'unsigned' | 'signed';
}

export function showInInspector(services: Services, subject: Subject, options: InspectOptions) {
  return openInspector(subject, options, { ...services, testKey: services.mock.testKey });
}

const fields = {
  ...tokenFields,
  connection: optional(connectionId),
  verify: withDefault(flag, false),
  /** Ask for the key of an encrypted token. */
  decrypt: withDefault(flag, false),
  /** A user is present and can be asked for keys. */
  show: withDefault(flag, false),
  edit: optional(anything('{ header?, payload? }', { type: 'object' })),
  sign: withDefault(flag, false),
};

/** Shows a token, its lifetime and its checks in the editor area. */
export const inspect = defineCommand(
  { name: 'inspect', needsTrust: false, fields, returns: '`{ opened: true, verified, edited? }`' },
  services => {
    const { sessions, mock } = services;
    return {
      accept: ({ connection, verify, decrypt, show, edit, sign, ...token }): Argument => ({
        ...tokenArgument(token),
        ...(connection !== undefined && { known: { connection, name: 'access_token' as const } }),
        verify,
        decrypt,
        ask: show,
        ...(edit !== undefined && { edit: readEdit(edit), sign }),
      }),
      async ask(node): Promise<Argument | undefined> {
        if (node?.kind === 'token' || node?.kind === 'section') {
          const known = { connection: node.id, name: node.name };
          return { ...(await askToken(sessions, node, '')), known, ask: true };
        }
        const found = tokenAtCursor(sessions) ?? (await askToken(sessions, node, l10n.t('Inspect Token')));
        return found && { ...found, ask: true };
      },
      async run({
        token,
        place,
        known,
        verify = false,
        decrypt = false,
        ask = false,
        edit,
        sign = false,
      }): Promise<Opened> {
        const found = place ? await tokenAtPlace(place, sessions) : { token: token ?? '' };
        const subject = { token: found.token, ...('known' in found && found.known && { known: found.known }) };
        if (sign && !mock.testKey()) throw new WorkbenchError('mock_not_running');
        const { verified, edited } = await showInInspector(
          services,
          { ...subject, ...(known && { known }) },
          { verify, decrypt, ask, ...(edit && { edit: { ...edit, sign } }) },
        );
        return { opened: true, verified, ...(edited && { edited }) };
      },
    };
  },
);

function readEdit(edit: unknown): NonNullable<Argument['edit']> {
  const { header, payload } = isObject(edit) ? edit : { header: edit, payload: edit };
  for (const part of [header, payload]) {
    if (part !== undefined && !isObject(part))
      throw new WorkbenchError('argument_invalid', { field: 'edit', expected: '{ header?, payload? }' });
  }
  return { ...(isObject(header) && { header }), ...(isObject(payload) && { payload }) };
}
