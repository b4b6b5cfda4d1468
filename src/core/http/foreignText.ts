import { printable, redactText } from '../redact.ts';

const HIDDEN = '[hidden]';

/**
 * Text that someone else wrote, safe to show: what looks like a token is hidden, and so is every one of
 * `secrets` wherever it stands; invisible characters show; it is one line of at most `max` characters.
 */
export function sanitized(text: string, max: number, secrets: readonly string[] = []): string {
  let hidden = text;
  for (const secret of secrets) {
    // Shorter ones would blot out plain words, and are no secrets.
    if (secret.length < 4) continue;
    hidden = hidden.replaceAll(secret, HIDDEN).replaceAll(encodeURIComponent(secret), HIDDEN);
  }
  // Cut before the patterns run, with room for what they shorten: a page of any size must be cheap.
  return printable(
    redactText(
      hidden
        .slice(0, max * 8)
        .replace(/\s+/g, ' ')
        .trim(),
    ),
    max,
  );
}

/** What an HTML page or a plain text says first: its title, else its first line of text. */
export function firstLine(body: string, max: number, secrets: readonly string[] = []): string | undefined {
  const head = body.slice(0, 20_000);
  const isMarkup = /^\s*(?:<!doctype|<html|<head|<body|<\?xml|<!--)/i.test(head);
  const title = isMarkup ? /<title[^>]{0,200}>([^<]{0,1000})/i.exec(head)?.[1]?.trim() : undefined;
  const text = title || (isMarkup ? withoutTags(head) : head);
  const line = decodeEntities(text)
    .split(/[\r\n]+/)
    .map(each => each.trim())
    .find(each => each !== '');
  return line === undefined ? undefined : sanitized(line, max, secrets);
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
