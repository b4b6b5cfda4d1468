import { l10n } from 'vscode';
import { partOf } from '../../core/checks/checks.ts';
import type { Decrypted } from '../../core/checks/decrypt.ts';
import type { Check } from '../../core/checks/finding.ts';
import type { Verifier } from '../../core/checks/verifier.ts';
import type { Connection } from '../../core/records/connection.ts';
import { printable } from '../../core/redact.ts';
import { isObject, type JsonObject, jsonText, memberJson, own, readJson, textFrom } from '../../core/tokens/json.ts';
import type { DecodedToken } from '../../core/tokens/jwt.ts';
import { isTimeClaim, type MemberRange, memberRanges, numericDate } from '../../core/tokens/tokenParts.ts';
import { type TokenTime, timesIn } from '../../core/view/tokenSummary.ts';
import type { InspectorModel, Member, Section } from '../../webview/protocol.ts';
import type { KeyChooser, PickedKey } from '../prompts/keys.ts';
import { claimText, headerText, type NameText } from '../text/claims.ts';
import { keyText } from '../text/inputErrors.ts';
import { momentText } from '../text/time.ts';
import { describeDiffering } from '../text/warnings.ts';

/** The content of an encrypted token and the key that decrypted it. Both are dropped when the tab closes. */
export interface OpenedToken {
  readonly decrypted: Decrypted;
  readonly picked?: PickedKey;
}

/** Asks for a key and decrypts the token. @throws WorkbenchError as `decrypt` */
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

/** The nested token, if there is one. */
export function innerToken(opened: OpenedToken | undefined) {
  return opened?.decrypted.content.kind === 'token' ? opened.decrypted.content : undefined;
}

export function innerTimes(opened: OpenedToken | undefined): TokenTime[] {
  return opened?.decrypted.content.kind === 'claims' ? timesIn(opened.decrypted.content.payload) : [];
}

/** Checks of claims that were encrypted but not signed: their content can be checked, not their origin. */
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
    headerText: jsonText(header),
    signature: '',
    compact: '',
    warnings: [],
  };
  return checksOf(asToken, connection).filter(({ id }) => partOf(id) === 'payload');
}

export function openedText({ decrypted: { header, key } }: OpenedToken): string {
  return l10n.t(
    'Decrypted here ({0}, {1}) with the key: {2}. The key is not stored unless you choose to remember it.',
    textFrom(own(header, 'alg')),
    textFrom(own(header, 'enc')),
    keyText(key),
  );
}

/** The verdict on a decrypted token that contains no signed token. */
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

/** The header of the encrypted token, and its content unless that is a nested token, which has its own sections. */
export function openedSections({ decrypted: { header, content } }: OpenedToken, now: number): Section[] {
  switch (content.kind) {
    case 'token': {
      const title = l10n.t('Header of the encrypted token');
      return [section('envelope', title, jsonText(header), headerText, now)];
    }
    case 'claims':
      return [section('inside', l10n.t('Decrypted claims'), content.text, claimText, now)];
    case 'text':
      return [plainSection(l10n.t('Decrypted text'), content.text)];
    case 'bytes':
      return [plainSection(l10n.t('Decrypted bytes, as base64url'), content.base64url)];
  }
}

/** Limits of the page: characters of one part and members of one object. */
const maxCharacters = 20_000;
const maxMembers = 300;

/** The encoded token, part by part. */
export function encodedParts(token: string, { kind }: DecodedToken): InspectorModel['encoded'] {
  const names =
    kind === 'jws'
      ? ['header', 'payload', 'signature']
      : kind === 'jwe'
        ? ['header', 'encrypted_key', 'iv', 'payload', 'signature']
        : ['opaque'];
  const parts = kind === 'opaque' ? [printable(token, 200)] : token.split('.');
  return parts.map((text, index) => ({
    part: names[index] ?? 'signature',
    text: text.slice(0, maxCharacters),
    cut: text.length > maxCharacters,
  }));
}

/**
 * Header and payload, member by member, with meanings and the position of their characters.
 * @param said the content of a token that is not JOSE
 */
export function decodedSections(decoded: DecodedToken, now: number, said?: JsonObject): Section[] {
  if (decoded.kind === 'opaque')
    return said ? [section('inside', l10n.t('What it says'), jsonText(said), claimText, now)] : [];
  const header = section('header', l10n.t('Header'), decoded.headerText, headerText, now);
  if (decoded.kind === 'jwe') return [header];
  const title = l10n.t('Payload');
  const { content, payloadText } = decoded;
  return [header, content ? plainSection(title, payloadText) : section('payload', title, payloadText, claimText, now)];
}

type Explain = (name: string) => NameText | undefined;

/** A section for text without members. */
function plainSection(title: string, text: string): Section {
  const value = printable(text.slice(0, maxCharacters), maxCharacters);
  return { part: 'inside', title, members: [{ name: '', value, note: '', source: '', start: 0, end: 0 }] };
}

function section(part: string, title: string, json: string, explain: Explain, now: number): Section {
  const reading = readJson(json);
  const values = reading.ok && isObject(reading.value) ? reading.value : {};
  const members = memberRanges(json).slice(0, maxMembers);
  return { part, title, members: members.map(range => member(range, values, part, explain, now)) };
}

function member(
  { name: quoted, start, end }: MemberRange,
  values: JsonObject,
  part: string,
  explain: Explain,
  now: number,
): Member {
  const name = textFrom(JSON.parse(quoted));
  const value = own(values, name);
  const date = (part === 'payload' || part === 'inside') && isTimeClaim(name) ? numericDate(value) : undefined;
  const moment = date && 'at' in date ? momentText(date.at, now) : undefined;
  const known = explain(name);
  const text = memberJson(values, name, 2);
  return {
    name: printable(name, 80),
    value: text
      .split('\n', 200)
      .map(line => printable(line, 2000))
      .join('\n'),
    note: [moment, known?.meaning].filter(each => each !== undefined).join(' · '),
    source: known?.source ?? '',
    start,
    end,
  };
}
