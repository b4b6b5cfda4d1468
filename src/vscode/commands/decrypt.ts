import { l10n } from 'vscode';
import type { Decrypted } from '../../core/checks/decrypt.ts';
import type { SecretForm } from '../../core/checks/secretText.ts';
import { WorkbenchError } from '../../core/errors.ts';
import { own } from '../../core/tokens/json.ts';
import { decodeToken } from '../../core/tokens/jwt.ts';
import { tokenAtCursor } from '../editor/place.ts';
import type { PickedKey } from '../prompts/keyItems.ts';
import { describeDiffering, describeTokenWarning } from '../text/warnings.ts';
import { type Command, textField } from './command.ts';
import { askToken, payloadOf } from './decode.ts';
import { type InspectParts, showInInspector } from './inspect.ts';
import { keyText, secretForm } from './verify.ts';

interface Argument {
  readonly token: string;
  readonly key: string;
  readonly keyFormat?: SecretForm;
  /** The key that a person chose. */
  readonly picked?: PickedKey;
}

/** Opens an encrypted token with a key that is kept nowhere. */
export function decryptCommand(parts: InspectParts): Command<Argument, Decrypted> {
  const { sessions, verifier, keys } = parts;
  return {
    needsTrust: false,
    parse(fields) {
      const key = keyText(fields.key);
      const keyFormat = secretForm(fields);
      if (key === undefined) throw new WorkbenchError('argument_invalid', { field: 'key', expected: 'string' });
      return { token: textField(fields, 'token'), key, ...(keyFormat && { keyFormat }) };
    },
    async ask(node) {
      const title = l10n.t('Decrypt Token');
      const argument = tokenAtCursor(sessions) ?? (await askToken(sessions, node, title));
      if (argument === undefined) return undefined;
      const { token } = argument;
      const decoded = decodeToken(token);
      if (decoded.kind !== 'jwe') throw new WorkbenchError('not_encrypted', { kind: decoded.kind });
      const issuer = own(decoded.header, 'iss');
      const picked = await keys.pick({
        title,
        use: 'decrypt',
        ...(typeof issuer === 'string' && { issuer }),
      });
      const { key, keyFormat } = picked?.origin ?? {};
      return picked && key !== undefined ? { token, key, ...(keyFormat && { keyFormat }), picked } : undefined;
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
      showInInspector(parts, { token, opened: { decrypted, ...(picked && { picked }) } }, { verify: false, ask: true }),
  };
}
