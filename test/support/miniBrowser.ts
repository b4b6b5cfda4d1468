/** A minimal browser with cookies, redirects and forms, for issuers whose pages a test has to go through. */
export function miniBrowser() {
  const cookies = new Map<string, string>();

  /**
   * Follows redirects to the first page, or to the first address that starts with `until`, which is not requested.
   * @returns the address, and the page if there is one
   */
  async function go(url: string, init: RequestInit = {}, until = 'never:'): Promise<{ url: string; html: string }> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1);
      const at = pair.indexOf('=');
      cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const location = response.headers.get('location');
    if (location === null) return { url, html: await response.text() };
    const next = new URL(location, url).href;
    return next.startsWith(until) ? { url: next, html: '' } : go(next, {}, until);
  }

  return {
    go,
    /** Submits a page's form with all its hidden fields and the added ones. */
    submit(page: { url: string; html: string }, added: Readonly<Record<string, string>> = {}) {
      const attribute = (tag: string, name: string) => new RegExp(`${name}="([^"]*)"`).exec(tag)?.[1] ?? '';
      const action = attribute(/<form[^>]*>/.exec(page.html)?.[0] ?? '', 'action');
      const hidden = (page.html.match(/<input[^>]*type="hidden"[^>]*>/g) ?? []).map(
        tag => [attribute(tag, 'name'), attribute(tag, 'value')] as const,
      );
      const body = new URLSearchParams({ ...Object.fromEntries(hidden), ...added });
      return go(new URL(action || page.url, page.url).href, { method: 'POST', body });
    },
  };
}
