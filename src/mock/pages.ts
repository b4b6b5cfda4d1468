import { type MockReply, textReply } from './http.ts';
import type { MockUser } from './registry.ts';
import { randomText } from './shelf.ts';

/** HTML that is already escaped. */
export interface Markup {
  readonly markup: string;
}

type Content = string | Markup | readonly Markup[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes every inserted text. This is safe in attributes too, as long as they are quoted. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  const parts = strings.map((part, i) => part + (i < contents.length ? escaped(contents[i] ?? '') : ''));
  return { markup: parts.join('') };
}

function escaped(content: Content): string {
  if (typeof content === 'string') return content.replace(/[&<>"']/g, sign => entities[sign] ?? '');
  return 'markup' in content ? content.markup : content.map(each => each.markup).join('');
}

// System colours follow the browser's light or dark theme.
const style = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{max-width:30rem;margin:8vh auto;padding:0 1.25rem;background:Canvas;color:CanvasText}
h1{font-size:1.5rem;line-height:1.25}
.mock{border-left:.25rem solid currentcolor;padding-left:.75rem}

.big{display:block;font-size:3rem;line-height:1.1;letter-spacing:.1em}
.sent{overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}
label{display:block;margin:1rem 0 .25rem}
input,select{box-sizing:border-box;width:100%}
input,select,button{font:inherit;padding:.5rem .75rem}
button[value=allow]{background:CanvasText;color:Canvas}
.code{font:1.75rem/1.5 ui-monospace,monospace;letter-spacing:.1em}
.choice{display:flex;gap:.75rem;margin-top:1.25rem}`;

interface PageParts {
  /** The redirect target of its forms, outside the issuer. Browsers apply `form-action` to redirects too. */
  readonly leadsTo?: string;
  /** The only script of the page; it runs at the end. */
  readonly script?: string;
  /** Addresses that its frames load. */
  readonly frames?: readonly string[];
}

export function page(
  status: number,
  title: string,
  body: Markup,
  { leadsTo, script, frames = [] }: PageParts = {},
): MockReply {
  const nonce = randomText(16);
  const run = script === undefined ? '' : html`<script nonce="${nonce}">${{ markup: script }}</script>`;
  const text = html`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title} - Mock issuer</title>
<style nonce="${nonce}">${{ markup: style }}</style>
<main>
<h1>${title}</h1>
<p class="mock"><strong class="big">MOCK</strong> This is a mock issuer, made for trying things out. There are no accounts here and no password is asked for: it believes whatever name it is given.</p>
${body}
</main>${run}
</html>
`;
  return textReply(status, text.markup, 'text/html; charset=utf-8', {
    'content-security-policy': [
      "default-src 'none'",
      `style-src 'nonce-${nonce}'`,
      ...(script === undefined ? [] : [`script-src 'nonce-${nonce}'`]),
      ...(frames.length === 0 ? [] : [`frame-src ${frames.map(sourceOf).join(' ')}`]),
      `form-action 'self'${leadsTo === undefined ? '' : ` ${sourceOf(leadsTo)}`}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    // With no-referrer, browsers would send the page's own forms with `Origin: null`.
    'referrer-policy': 'same-origin',
  });
}

/** `sent`: the offending value as it was sent. */
export function errorPage(status: number, error: string, description: string, sent?: string): MockReply {
  const value = sent === undefined ? '' : html`<p class="sent"><code>${sent}</code></p>\n`;
  const body = html`<p>${description}.</p>\n${value}<p>Error code: <code>${error}</code></p>`;
  return { ...page(status, 'This does not work', body), error };
}

export function scopeList(scope: string): Markup {
  return html`<dt>Asks for</dt><dd>${scope === '' ? 'no scope' : scope}</dd>`;
}

/** The two buttons, and the choice of user: a list if the options name users, otherwise a text field. */
export function choice(subject: string, users: readonly MockUser[]): Markup {
  const options = users.map(({ sub, claims = {} }) => {
    const words = typeof claims.name === 'string' ? `${claims.name} (${sub})` : sub;
    const selected = { markup: sub === subject ? ' selected' : '' };
    return html`<option value="${sub}"${selected}>${words}</option>`;
  });
  const field =
    users.length === 0
      ? html`<input id="subject" name="subject" value="${subject}" autocomplete="off" spellcheck="false" maxlength="255" required>`
      : html`<select id="subject" name="subject">${options}</select>`;
  return html`<label for="subject">Who are you?</label>
${field}
<div class="choice"><button name="decision" value="allow">Sign in and allow</button>
<button name="decision" value="deny" formnovalidate>Deny</button></div>`;
}

/**
 * A CSP source for an address. CSP has no syntax for IPv6 addresses, and other schemes have no origin; for those it is
 * the scheme.
 */
function sourceOf(uri: string): string {
  const { protocol, origin, hostname } = new URL(uri);
  const isPlain = /^https?:$/.test(protocol) && !hostname.startsWith('[');
  return isPlain ? origin : protocol;
}
