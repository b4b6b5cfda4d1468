import type { Endpoint } from './effects.ts';
import {
  anyNumber,
  certified,
  changeBody,
  changeKeys,
  none,
  redirectTwice,
  row,
  status,
  unrelatedKey,
  webPage,
} from './effects.ts';
import { textReply } from './http.ts';
import { anyText, needed, optional } from './shape.ts';

const jwksOnly: readonly Endpoint[] = ['jwks'];
const metadataOnly: readonly Endpoint[] = ['metadata'];
const redirects: readonly Endpoint[] = ['authorization', 'sign_in'];
const name = needed(anyText, 'Name of the claim, member or parameter.');

/** Part of the fault table: faults of responses through the browser, of the key set and of the metadata. */
export const browserAndKeyFaults = {
  responseParameter: row(
    'browser',
    redirects,
    'Any parameter of the authorization response, changed or removed',
    { name, value: optional(anyText, 'New value.', 'removed') },
    ({ name, value }) => ({
      parameters: parameters => {
        if (value === undefined) parameters.delete(name);
        else parameters.set(name, value);
      },
    }),
  ),
  /** RFC 6749 section 4.1.2.1. */
  authorizationError: row(
    'browser',
    redirects,
    'Sign-in ends with an error',
    { error: needed(anyText, 'The OAuth error code.'), description: optional(anyText, '`error_description`.') },
    ({ error, description }) => ({
      parameters: parameters => {
        parameters.delete('code');
        parameters.set('error', error);
        if (description !== undefined) parameters.set('error_description', description);
      },
    }),
    { error: 'server_error' },
  ),

  /** As after a double click, or with a browser that prefetches links. */
  doubleCallback: row(
    'browser',
    redirects,
    'The browser sends the callback twice at once',
    none,
    () => ({ finish: redirectTwice }),
    {},
  ),

  jwksDown: row(
    'keys',
    jwksOnly,
    'Key set unavailable (503)',
    { status: optional(status, 'Status code of the response.', '503') },
    ({ status = 503 }) => ({ reply: () => textReply(status, 'upstream error', 'text/plain') }),
    {},
  ),
  jwksSlow: row(
    'keys',
    jwksOnly,
    'Key set delayed by 5 s',
    { ms: needed(anyNumber, 'Milliseconds of the mock’s clock.') },
    ({ ms }) => ({ delay: ms }),
    { ms: 5000 },
  ),
  jwksStale: row(
    'keys',
    jwksOnly,
    'Key set without the newest key',
    none,
    () => changeKeys(keys => keys.slice(0, -1)),
    {},
  ),
  jwksHtml: row('keys', jwksOnly, 'HTML page instead of the key set', none, () => ({ reply: () => webPage(200) }), {}),
  jwksEmpty: row('keys', jwksOnly, 'Empty key set', none, () => changeKeys(() => []), {}),
  jwksNoKid: row(
    'keys',
    jwksOnly,
    'Keys without kid',
    none,
    () => changeKeys(keys => keys.map(({ kid: _, ...key }) => key)),
    {},
  ),
  jwksSameKid: row(
    'keys',
    jwksOnly,
    'Two keys with the same kid, the wrong one first',
    none,
    () => changeKeys(keys => keys.flatMap(key => [{ ...unrelatedKey, alg: key.alg, kid: key.kid, use: 'sig' }, key])),
    {},
  ),
  jwksWrongUse: row(
    'keys',
    jwksOnly,
    'Keys marked for encryption (use enc)',
    none,
    () => changeKeys(keys => keys.map(key => ({ ...key, use: 'enc' }))),
    {},
  ),
  jwksX5cOnly: row(
    'keys',
    jwksOnly,
    'Keys published only as certificates (x5c)',
    none,
    () => changeKeys(keys => keys.map(certified)),
    {},
  ),
  jwksMany: row(
    'keys',
    jwksOnly,
    'A hundred keys, the correct one last',
    none,
    () =>
      changeKeys(keys => [...Array.from({ length: 100 }, (_, i) => ({ ...unrelatedKey, kid: `other-${i}` })), ...keys]),
    {},
  ),
  metadataRedirect: row(
    'metadata',
    metadataOnly,
    'Metadata redirects to another URL',
    { location: needed(anyText, 'Target URL.') },
    ({ location }) => ({ reply: () => ({ status: 302, headers: { location }, body: '' }) }),
  ),
  otherIssuer: row(
    'metadata',
    metadataOnly,
    'Metadata names another issuer',
    { issuer: optional(anyText, 'The value.', '`https://other.example`') },
    ({ issuer = 'https://other.example' }) => changeBody(body => Object.assign(body, { issuer })),
    {},
  ),
} as const;
