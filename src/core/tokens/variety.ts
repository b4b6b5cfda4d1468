/** The type of a row in the table of varieties (varieties.ts), and helpers to write rows. */
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

export interface Variety {
  readonly id: string;
  /** The name that its makers use. */
  readonly name: string;
  readonly source: string;
  readonly verifiers: Verifiers;
  readonly is: (seen: ExaminedToken) => boolean;
  /** The claims that its specification requires. */
  readonly required?: readonly string[];
  /** No client gets it to send it: a connection cannot use it. A row with types of its own needs no such mark. */
  readonly forOthers?: true;
  /** It need not have an `exp`, because its validity ends in another way. */
  readonly endless?: true;
  /** Object identifiers, in hex, of extensions that the signer's certificate and its issuer's must have. */
  readonly purposes?: readonly string[];
  /** The URL of its keys, if no metadata names it. */
  readonly keysAt?: (seen: ExaminedToken) => string | undefined;
  /** The base64 of JSON that can be read in a token that is no JOSE. Nothing of it is verified. */
  readonly says?: (text: string) => string | undefined;
  /** The values of `typ` that it is recognized by. */
  readonly types?: readonly string[];
}

/** What rows examine. Members are texts, and '' if the token does not have them as text. */
export interface ExaminedToken {
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

/** A row that is recognized by `typ` (RFC 8725 section 3.11). */
export function typed(
  id: string,
  name: string,
  typ: string | readonly string[],
  source: string,
  verifiers: Verifiers,
  rules: Pick<Variety, 'required' | 'endless'> = {},
): Variety {
  const types = [typ].flat();
  return { id, name, source, verifiers, is: seen => seen.kind === 'jws' && types.includes(seen.typ), types, ...rules };
}

/** A row that is recognized by the issuer. */
export function issuedBy(
  id: string,
  name: string,
  pattern: RegExp,
  source: string,
  more: Partial<Pick<Variety, 'verifiers' | 'keysAt' | 'endless' | 'required' | 'forOthers'>> & {
    readonly also?: (seen: ExaminedToken) => boolean;
  } = {},
): Variety {
  const { also = () => true, verifiers = 'published_keys', ...rules } = more;
  const is = (seen: ExaminedToken) => seen.kind === 'jws' && pattern.test(seen.iss) && also(seen);
  return { id, name, source, verifiers, is, ...rules };
}

/** A row for a text that is not a JOSE token. */
export function opaque(
  id: string,
  name: string,
  pattern: RegExp,
  source: string,
  verifiers: Verifiers,
  says?: Variety['says'],
): Variety {
  return {
    id,
    name,
    source,
    verifiers,
    is: ({ kind, text }) => kind === 'opaque' && pattern.test(text),
    ...(says && { says }),
  };
}

export const hasMembers = (object: JsonObject, ...names: readonly string[]) =>
  names.every(name => Object.hasOwn(object, name));
