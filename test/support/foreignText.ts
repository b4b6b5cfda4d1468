/** Arbitrary texts as an attacker may write them, for the tests of every parser that reads foreign text. */
import fc from 'fast-check';
import { encode } from './signing.ts';

/** Members that readers interpret, and which may have a value of any type. */
export const telling = [
  ...['alg', 'typ', 'cty', 'kid', 'crit', 'b64', 'enc', 'zip', 'p2c', 'p2s', 'jwk', 'jku', 'x5c', 'x5t#S256', 'epk'],
  ...['iss', 'sub', 'aud', 'azp', 'exp', 'nbf', 'iat', 'jti', 'nonce', 'at_hash', 'c_hash', 'cnf', 'act', 'may_act'],
  ...['token_use', 'scope', 'scp', 'roles', 'events', 'auth_time', 'amr', 'acr', 'client_id', 'email', 'tid', 'ver'],
  ...['_sd', '_sd_alg', 'vct', 'vc', 'vp', 'htm', 'htu', 'ath', 'sd_hash', 'status', 'keys', 'kty', 'n', 'e', 'crv'],
  ...['x', 'y', 'k', 'd', 'use', 'key_ops', 'issuer', 'token_endpoint', 'jwks_uri', 'access_token', 'refresh_token'],
  ...['id_token', 'token_type', 'expires_in', 'error', 'error_description', 'message', 'version', 'tokens'],
  ...['__proto__', 'constructor', 'toString', 'payload', 'signatures', 'protected', 'signature', 'ciphertext'],
] as const;

/** Values of unexpected types. */
export const oddValues: readonly unknown[] = [
  ...[null, true, false, 0, -1, 2 ** 53, 1e308, '', ' ', '\ud800', '\u202e', '\0', '__proto__', [], {}, [[]], [null]],
  ...[{ toString: 1 }, { toString: null, valueOf: 1 }, { toJSON: 1 }, [{ toString: 1 }], { length: 3 }],
  ...[JSON.parse('{"__proto__":{"toString":1}}'), { constructor: { name: 1 } }, ['a', 1, {}], 'x'.repeat(300), '1e400'],
];

/**
 * Any character of Unicode but half a surrogate pair, as fast-check's unit `binary`, which first takes seconds to list all of
 * them so that it can shrink given examples.
 */
export const anyCharacter = fc
  .nat(0x10_ffff - 0x800)
  .map(code => String.fromCodePoint(code < 0xd800 ? code : code + 0x800));

/** What may stand in a segment of a path (RFC 3986 section 3.3). */
const pathCharacter = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@") },
  { weight: 1, arbitrary: anyCharacter.map(encodeURIComponent) },
);

/** The address of a page, as fast-check's `webUrl`, which first takes a second for the same reason. */
export const webAddress = fc
  .tuple(fc.constantFrom('http', 'https'), fc.webAuthority(), fc.array(fc.string({ unit: pathCharacter })))
  .map(([scheme, authority, path]) => `${scheme}://${authority}${path.map(segment => `/${segment}`).join('')}`);

const value = fc.oneof(fc.constantFrom(...oddValues), fc.jsonValue({ maxDepth: 3 }), fc.string({ unit: anyCharacter }));

/** An object of such members with values of any type. */
export const oddObject = fc
  .array(fc.tuple(fc.constantFrom(...telling), value), { maxLength: 6 })
  .map(entries => Object.fromEntries(entries) as Readonly<Record<string, unknown>>);

const oddJson = oddObject.map(object => JSON.stringify(object));

const part = fc.oneof(
  oddJson.map(encode),
  fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).toString('base64url')),
  fc.string({ maxLength: 20 }),
);

const token = fc.array(part, { minLength: 1, maxLength: 6 }).map(parts => parts.join('.'));

/** One of `samples` with a part removed, doubled or replaced. */
function changed(samples: readonly string[]) {
  return fc
    .tuple(
      fc.constantFrom(...samples),
      fc.nat(),
      fc.nat(40),
      fc.oneof(fc.constant(''), fc.string({ unit: anyCharacter })),
    )
    .map(([sample, at, length, text]) => {
      const start = at % (sample.length + 1);
      return sample.slice(0, start) + text + sample.slice(start + length);
    });
}

/** Any text, and texts that nearly equal one of `samples`. */
export function foreignText(samples: readonly string[] = ['{"a":1}']) {
  return fc.oneof(
    { arbitrary: changed(samples), weight: 3 },
    token,
    oddJson,
    fc.string({ unit: anyCharacter, maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.json(),
  );
}

const pieces = [
  ...' \n"\'\\/.,:;=+-_*%&|<>({}[@~',
  ...[
    'a',
    'f',
    '0',
    'é',
    '\u200b',
    '\ud800',
    'eyJ',
    'ew',
    '\\"',
    '%20',
    '<a',
    '-----BEGIN ',
    'Bearer ',
    'refresh_token',
    '-ey',
    'J$',
  ],
  ...[
    '"access_token":',
    'access_token=',
    '{"a":',
    'eyJhbGciOiJSUzI1NiJ9.',
    'eyJhbGciOiJSUzI1NiJ9',
    'https://',
    'shc:/56',
  ],
];

/** Texts that repeat one or two pieces, each made in about the requested length. Each makes some naive reader slow. */
export const nastyTexts: readonly (readonly [name: string, text: (length: number) => string])[] = pieces.flatMap(
  (one, index) => {
    const repeated = (text: string) => (length: number) =>
      text.repeat(Math.ceil(length / text.length)).slice(0, length);
    return [
      [one, repeated(one)] as const,
      ...pieces.slice(index + 1).map(other => [one + other, repeated(one + other)] as const),
      // A long run with another character at its start or end.
      ...['"', '.'].map(end => [`${one} and ${end}`, (length: number) => end + repeated(one)(length) + end] as const),
    ];
  },
);
