import { l10n } from 'vscode';
import { partOf } from '../../core/checks/checks.ts';
import type { Decrypted } from '../../core/checks/decrypt.ts';
import type { Check } from '../../core/checks/finding.ts';
import type { Verifier } from '../../core/checks/verifier.ts';
import type { Connection } from '../../core/records/connection.ts';
import { valueText } from '../../core/redact.ts';
import { own } from '../../core/tokens/json.ts';
import type { DecodedToken } from '../../core/tokens/jwt.ts';
import { type TokenTime, timesIn } from '../../core/view/tokenSummary.ts';
import type { InspectorModel, Section } from '../../webview/protocol.ts';
import type { KeyChooser, PickedKey } from '../prompts/keys.ts';
import { claimText, headerText } from '../text/claims.ts';
import { keyText } from '../text/keyErrors.ts';
import { describeDiffering } from '../text/warnings.ts';
import { plainSection, section } from './parts.ts';

/** What an encrypted token turned out to hold, and the key that opened it. It ends with the tab. */
export interface OpenedToken {
  readonly decrypted: Decrypted;
  readonly picked?: PickedKey;
}

/** Asks for a key and opens the token with it. @throws WorkbenchError as `decrypt` */
export async function openWithKey(
  token: string,
  decoded: DecodedToken,
  { keys, verifier }: { readonly keys: KeyChooser; readonly verifier: () => Promise<Verifier> },
): Promise<OpenedToken | undefined> {
  const issuer = decoded.kind === 'jwe' ? own(decoded.header, 'iss') : undefined;
  const title = l10n.t('Decrypt Token');
  const picked = await keys.pick({ title, use: 'decrypt', ...(typeof issuer === 'string' && { issuer }) });
  const { key, keyFormat } = picked?.origin ?? {};
  if (!picked || key === undefined) return undefined;
  const decrypted = await (await verifier()).decrypt({ token, key, ...(keyFormat && { keyFormat }) });
  return { decrypted, picked };
}

/** The token that was inside, where there was one. */
export function innerToken(opened: OpenedToken | undefined) {
  return opened?.decrypted.content.kind === 'token' ? opened.decrypted.content : undefined;
}

export function innerTimes(opened: OpenedToken | undefined): TokenTime[] {
  return opened?.decrypted.content.kind === 'claims' ? timesIn(opened.decrypted.content.payload) : [];
}

/** What can be checked of claims that came in no signed token: what they say, and not who said it. */
export function innerChecks(
  { decrypted: { header, content } }: OpenedToken,
  checksOf: (decoded: DecodedToken, connection?: Connection) => Check[],
  connection?: Connection,
): Check[] {
  if (content.kind !== 'claims') return [];
  const { payload, text: payloadText } = content;
  const asToken = {
    kind: 'jws' as const,
    header,
    payload,
    payloadText,
    headerText: JSON.stringify(header),
    signature: '',
    compact: '',
    warnings: [],
  };
  return checksOf(asToken, connection).filter(({ id }) => partOf(id) === 'payload');
}

export function openedText({ decrypted: { header, key } }: OpenedToken): string {
  return l10n.t(
    'Decrypted here ({0}, {1}) with the key: {2}. The key is not stored unless you have it remembered.',
    valueText(own(header, 'alg')),
    valueText(own(header, 'enc')),
    keyText(key),
  );
}

/** The verdict on a token that was opened and held no signed one. */
export function openedVerdict({ decrypted }: OpenedToken): InspectorModel['verdict'] {
  const shared = decrypted.key.kty === 'oct';
  const who = shared
    ? l10n.t('Anyone who has the shared secret could have written it.')
    : l10n.t('It is not signed: anyone who has the public key could have written it.');
  return {
    mood: 'warning',
    text: l10n.t('Decrypted, not verified'),
    detail: [who, ...decrypted.differing.map(describeDiffering)].join(' '),
  };
}

/** The header of the encrypted token, and what was inside where that is no token with sections of its own. */
export function openedSections({ decrypted: { header, content } }: OpenedToken, now: number): Section[] {
  switch (content.kind) {
    case 'token': {
      const title = l10n.t('Header of the encrypted token');
      return [section('envelope', title, JSON.stringify(header), headerText, now)];
    }
    case 'claims':
      return [section('inside', l10n.t('Decrypted claims'), content.text, claimText, now)];
    case 'text':
      return [plainSection(l10n.t('Decrypted text'), content.text)];
    case 'bytes':
      return [plainSection(l10n.t('Decrypted bytes, as base64url'), content.base64url)];
  }
}
