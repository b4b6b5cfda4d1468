import { printable, redactText } from '../redact.ts';

const HIDDEN = '[hidden]';

/** Standing alone a GUID names an application, a tenant or a request. Those that are secrets were sent and are hidden before. */
const guid = '[\\da-f]{8}-(?:[\\da-f]{4}-){3}[\\da-f]{12}';

/**
 * Text that someone else wrote, safe to show: what looks like a token is hidden, and so is every one of
 * `secrets` wherever it stands; invisible characters show; it is one line of at most `max` characters.
 * @param known identifiers that are no secrets, and are shown although they may look like tokens
 */
export function sanitized(
  text: string,
  max: number,
  secrets: readonly string[] = [],
  known: readonly string[] = [],
): string {
  let hidden = text;
  for (const secret of secrets) {
    // Shorter ones would blot out plain words, and are no secrets.
    if (secret.length < 4) continue;
    // Half a surrogate pair has no encoding: what goes over the wire is the replacement character.
    const sent = secret.replace(/\p{Surrogate}/gu, '\ufffd');
    for (const each of [secret, sent, encodeURIComponent(sent)]) hidden = hidden.replaceAll(each, HIDDEN);
  }
  // Cut before the patterns run, with room for what they shorten: a page of any size must be cheap.
  const line = hidden
    .slice(0, max * 8)
    .replace(/\s+/g, ' ')
    .trim();
  const names = known
    .filter(name => name.length >= 4 && !secrets.includes(name))
    .map(name => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  // Inside a longer word it is a part of that, which may be a token.
  const identifier = new RegExp(`(?<![\\w~+/=%.-])(${[guid, ...names].join('|')})(?!\\.?[\\w~+/=%-])`, 'gi');
  const shown = line.split(identifier).map((part, index) => (index % 2 === 0 ? redactText(part) : part));
  return printable(shown.join(''), max);
}

/** What an HTML page or a plain text says first: its title, else its first line of text. */
export function firstLine(
  body: string,
  max: number,
  secrets: readonly string[] = [],
  known: readonly string[] = [],
): string | undefined {
  const head = body.slice(0, 20_000);
  const isMarkup = /^\s*(?:<!doctype|<html|<head|<body|<\?xml|<!--)/i.test(head);
  const title = isMarkup ? /<title[^>]{0,200}>([^<]{0,1000})/i.exec(head)?.[1]?.trim() : undefined;
  const text = title || (isMarkup ? withoutTags(head) : head);
  const line = decodeEntities(text)
    .split(/[\r\n]+/)
    .map(each => each.trim())
    .find(each => each !== '');
  return line === undefined ? undefined : sanitized(line, max, secrets, known);
}

function withoutTags(markup: string): string {
  return markup
    .replace(/<(script|style)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, ' ')
    .replace(/<!--[\s\S]*?(?:-->|$)/g, ' ')
    .replace(/<[^>]*(?:>|$)/g, '\n');
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
};

function decodeEntities(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos|nbsp);/g, (whole, name: string) => entities[name] ?? whole);
}
