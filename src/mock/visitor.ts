import type { Visitor } from './exchange.ts';
import type { MockReply, MockRequest } from './http.ts';

/** A browser with somebody in front of it who decides at once, for as long as one request takes. */
export async function actAsVisitor(
  serve: (request: MockRequest, visitor: Visitor) => Promise<MockReply>,
  url: string | URL,
  visitor: Visitor,
): Promise<URL> {
  const { host, pathname, search } = new URL(url);
  const request: MockRequest = {
    method: 'GET',
    target: pathname + search,
    host,
    header: () => undefined,
    text: async () => '',
  };
  const reply = await serve(request, visitor);
  const { location } = reply.headers;
  if (location === undefined) {
    const what = reply.error ?? `status ${reply.status}`;
    throw new Error(`The mock issuer sent nobody back, but answered with ${what}`);
  }
  return new URL(location);
}
