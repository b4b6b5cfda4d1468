/** Where the metadata of an issuer is: the end of its address (OpenID Connect Discovery §4), or the middle (RFC 8414 §3). */
const wellKnown = /\/\.well-known\/(openid-configuration|oauth-authorization-server)(?=\/|$)/;

/** The issuer that somebody means who pastes the address of its metadata; any other address as it is. */
export function issuerOfAddress(text: string): string {
  const address = text.trim();
  if (!URL.canParse(address) || !wellKnown.test(new URL(address).pathname)) return address;
  const url = new URL(address);
  return url.origin + url.pathname.replace(wellKnown, '');
}
