/** The type of a row in the table of varieties (varieties.ts), and helpers to write rows. */
import { encodeBase64url } from './base64url.ts';
import type { JsonObject } from './json.ts';
import type { DecodedToken } from './jwt.ts';

/** Who can verify the token. */
export type Verifiers =
  /** Anyone, with the keys that its issuer publishes. */
  | 'published_keys'
  /** All holders of the shared secret. */
  | 'secret'
  /** Anyone, with a key that the token itself or another token names. */
  | 'own_key'
  /** Anyone who trusts the certificate at the root of its chain. */
  | 'certificate'
  /** Only the service that it is intended for. */
  | 'recipient'
  /** Only its issuer. */
  | 'issuer';

export interface Sample {
  /** Absent for a text without a signature; `text` returns the whole sample then. */
  readonly alg?: 'ES256' | 'RS256' | 'HS256' | 'EdDSA';
  readonly header?: JsonObject;
  readonly payload?: JsonObject;
  /** Its parts are base64 with padding, and are signed that way. */
  readonly padded?: true;
  /** Builds the sample from the compact JWS, or without one. */
  readonly text?: (compact: string) => string;
}

export interface Variety {
  readonly id: string;
  /** The name that its makers use. */
  readonly name: string;
  readonly source: string;
  readonly verifiers: Verifiers;
  readonly is: (seen: Seen) => boolean;
  /** The claims that its specification requires. */
  readonly required?: readonly string[];
  /** It need not have an `exp`, because its validity ends in another way. */
  readonly endless?: true;
  /** Object identifiers, in hex, of extensions that the signer's certificate and its issuer's must have. */
  readonly purposes?: readonly string[];
  /** The URL of its keys, if no metadata names it. */
  readonly keysAt?: (seen: Seen) => string | undefined;
  /** The base64 of JSON that can be read in a token that is no JOSE. Nothing of it is verified. */
  readonly says?: (text: string) => string | undefined;
  readonly sample: Sample;
}

/** What rows examine. Members are texts, and '' if the token does not have them as text. */
export interface Seen {
  /** The token itself. */
  readonly text: string;
  readonly kind: DecodedToken['kind'];
  readonly form: string;
  readonly header: JsonObject;
  readonly payload: JsonObject;
  /** In lower case, without "application/". */
  readonly typ: string;
  readonly iss: string;
  readonly aud: readonly unknown[];
}

export const rfc = (number: number, section = '') =>
  `https://www.rfc-editor.org/rfc/rfc${number}${section && `#section-${section}`}`;
export const issuedAt = 1893456000;
export const base = { iss: 'https://issuer.example', sub: 'u-1', aud: 'client-1', iat: issuedAt, exp: issuedAt + 3600 };
export const { aud: _, ...withoutAudience } = base;
/** The digest of the samples' disclosure, `["salt","name","Ada"]`. */
export const digest = 'q_W4fXRb_RZtDAsUr9X9mDb6cv4HnJquz_QFs7vvNTo';
export const uuid = '11111111-2222-3333-4444-555555555555';

export function headerOf(header: JsonObject): string {
  return encodeBase64url(new TextEncoder().encode(JSON.stringify(header)));
}

/** A row that is recognized by `typ` (RFC 8725 section 3.11). */
export function typed(
  id: string,
  name: string,
  typ: string | readonly string[],
  source: string,
  verifiers: Verifiers,
  more: Pick<Variety, 'required' | 'endless'> & { readonly payload?: JsonObject; readonly header?: JsonObject },
): Variety {
  const types = [typ].flat();
  const { payload = base, header = {}, ...rules } = more;
  const sample: Sample = { alg: 'ES256', header: { typ: types[0], ...header }, payload };
  return { id, name, source, verifiers, is: seen => seen.kind === 'jws' && types.includes(seen.typ), sample, ...rules };
}

/** A row that is recognized by the issuer. */
export function issuedBy(
  id: string,
  name: string,
  pattern: RegExp,
  source: string,
  more: Partial<Pick<Variety, 'verifiers' | 'keysAt' | 'endless' | 'required'>> & {
    readonly also?: (seen: Seen) => boolean;
    readonly payload: JsonObject;
    readonly header?: JsonObject;
    readonly alg?: Sample['alg'];
  },
): Variety {
  const { also = () => true, payload, header, alg = 'RS256', verifiers = 'published_keys', ...rules } = more;
  const is = (seen: Seen) => seen.kind === 'jws' && pattern.test(seen.iss) && also(seen);
  return { id, name, source, verifiers, is, sample: { alg, payload, ...(header && { header }) }, ...rules };
}

/** A row for a text that is not a JOSE token. */
export function opaque(
  id: string,
  name: string,
  pattern: RegExp,
  source: string,
  verifiers: Verifiers,
  sample: string,
  says?: Variety['says'],
): Variety {
  return {
    id,
    name,
    source,
    verifiers,
    is: ({ kind, text }) => kind === 'opaque' && pattern.test(text),
    sample: { text: () => sample },
    ...(says && { says }),
  };
}

export const has = (object: JsonObject, ...names: readonly string[]) =>
  names.every(name => Object.hasOwn(object, name));
