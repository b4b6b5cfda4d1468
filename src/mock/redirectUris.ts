/** An address that a browser may be sent back to: no fragment (RFC 6749 section 3.1.2), and no script of the browser's. */
export function isRedirectUri(uri: string): boolean {
  // In a Location header there is room for ASCII only, and none for blanks.
  if (!URL.canParse(uri) || !/^[\x21\x22\x24-\x7e]+$/.test(uri)) return false;
  return !/^(javascript|data|vbscript|blob|file|about):/i.test(uri);
}

/** Exact but for the port of a loopback address, which a client learns only when it listens (RFC 8252 section 7.3). */
export function isRegistered(uri: string, registered: readonly string[]): boolean {
  const wanted = withoutLoopbackPort(uri);
  return isRedirectUri(uri) && registered.some(each => withoutLoopbackPort(each) === wanted);
}

export function withParameters(uri: string, parameters: URLSearchParams): string {
  const text = parameters.toString();
  return text === '' ? uri : `${uri}${uri.includes('?') ? '&' : '?'}${text}`;
}

function withoutLoopbackPort(uri: string): string {
  return uri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\])):\d{1,5}(?=[/?]|$)/, '$1');
}
