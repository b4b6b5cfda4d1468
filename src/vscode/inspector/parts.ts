import { l10n } from 'vscode';
import { printable, valueText } from '../../core/redact.ts';
import { jsonText, pointerTo, type RoundedNumber, roundedNumbers } from '../../core/tokens/json.ts';
import type { DecodedToken } from '../../core/tokens/jwt.ts';
import { type MemberRange, memberRanges } from '../../core/tokens/memberRanges.ts';
import { isTimeClaim, numericDate } from '../../core/tokens/tokenParts.ts';
import type { InspectorModel, Member, Section } from '../../webview/protocol.ts';
import { claimText, headerText, type NameText } from '../text/claims.ts';
import { momentText } from '../text/time.ts';

/** Characters of one part and members of one object that the page gets: more is no help to the eye. */
const mostCharacters = 20_000;
const mostMembers = 300;

/** The token as it is sent, part by part. */
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
    text: text.slice(0, mostCharacters),
    cut: text.length > mostCharacters,
  }));
}

/** The header and the payload member by member, with what each says and where its characters are. */
export function decodedSections(decoded: DecodedToken, now: number): Section[] {
  if (decoded.kind === 'opaque') return [];
  const header = section('header', l10n.t('Header'), decoded.headerText, headerText, now);
  if (decoded.kind === 'jwe') return [header];
  const title = l10n.t('Payload');
  const { content, payloadText } = decoded;
  return [header, content ? plainSection(title, payloadText) : section('payload', title, payloadText, claimText, now)];
}

type Explain = (name: string) => NameText | undefined;

/** A text that has no members. */
export function plainSection(title: string, text: string): Section {
  const value = printable(text.slice(0, mostCharacters), mostCharacters);
  return { part: 'inside', title, members: [{ name: '', value, note: '', source: '', start: 0, end: 0 }] };
}

export function section(part: string, title: string, json: string, explain: Explain, now: number): Section {
  const values = new Map(Object.entries(JSON.parse(json) as object));
  const rounded = roundedNumbers(json);
  const members = memberRanges(json).slice(0, mostMembers);
  return { part, title, members: members.map(range => member(range, values, rounded, part, explain, now)) };
}

function member(
  { name: quoted, start, end }: MemberRange,
  values: ReadonlyMap<string, unknown>,
  rounded: readonly RoundedNumber[],
  part: string,
  explain: Explain,
  now: number,
): Member {
  const name = valueText(JSON.parse(quoted));
  const value = values.get(name);
  const date = (part === 'payload' || part === 'inside') && isTimeClaim(name) ? numericDate(value) : undefined;
  const moment = date && 'at' in date ? momentText(date.at, now) : undefined;
  const known = explain(name);
  const text = jsonText(value, rounded, 2, pointerTo(name));
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
