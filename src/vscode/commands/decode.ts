import { l10n } from 'vscode';
import { reviewToken } from '../../core/checks/review.ts';
import type { SecretForm } from '../../core/checks/secretText.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { own } from '../../core/tokens/json.ts';
import { type DecodedJws, type DecodedToken, decodeToken, inflated } from '../../core/tokens/jwt.ts';
import { varietyOf } from '../../core/tokens/varieties.ts';
import { checksOf } from '../../core/view/tokenSummary.ts';
import { type TokenArgument, tokenArgument, tokenAtCursor, tokenFields, tokenFor } from '../editor/place.ts';
import type { PickedKey } from '../prompts/keys.ts';
import { askToken } from '../prompts/pickText.ts';
import { reviewAnswer } from '../text/review.ts';
import { varietyAdvice } from '../text/varieties.ts';
import { describeDiffering, describeTokenWarning } from '../text/warnings.ts';
import { decodedLines } from '../tokenDocuments.ts';
import { defineCommand } from './command.ts';
import { text } from './fields.ts';
import { showInInspector } from './inspect.ts';
import { keyFields, keyOf } from './verify.ts';

export const decode = defineCommand(
  {
    name: 'decode',
    needsTrust: false,
    fields: { token: text },
    returns:
      '`{ kind: "jws" \\| "jwe" \\| "opaque", header?, payload?, text?, base64url?, variety?: { id, name, advice }, disclosures?, warnings, review }`; `text` and `base64url` for signed content that is no JWT, `disclosures` for an SD-JWT',
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

/** Claims, or what else was signed. */
function payloadOf({ content, payload, payloadText }: DecodedJws): object {
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

/** Opens what the token in the selection, at the cursor or at a place says, as a read-only document. */
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
  /** The key that a person chose. */
  readonly picked?: PickedKey;
}

/** Opens an encrypted token with a key that is kept nowhere. */
export const decrypt = defineCommand(
  {
    name: 'decrypt',
    needsTrust: false,
    returnsToken: true,
    fields: { token: text, ...keyFields },
    returns:
      '`{ header, payload?, text?, base64url?, token?, nested?, warnings }`. `key` is a private key as PEM or JWK, or a shared secret, and is needed',
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
