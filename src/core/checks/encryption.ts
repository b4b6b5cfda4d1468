import type { ErrorDataOf, JweRefusal } from '../errors.ts';
/** Algorithms of encrypted tokens (RFC 7518 sections 4.1 and 5.1, RFC 8037): what key each needs. No cryptography is loaded here. */
import { type JsonObject, own } from '../tokens/json.ts';
import { tokenLimit } from '../tokens/jwt.ts';

export interface KeyManagement {
  readonly kty: 'RSA' | 'EC' | 'oct';
  /** Bits of a shared secret, where they are fixed; those of `dir` are the content encryption's. */
  readonly bits?: number;
}

const names = (one: string, ...bits: readonly number[]) =>
  bits.map(each => [one.replace('*', `${each}`), each] as const);

/** The exact allow-list. RSA1_5 is known and not in it: its padding tells an attacker too much (RFC 8725 section 3.2). */
export const keyManagement: ReadonlyMap<string, KeyManagement> = new Map<string, KeyManagement>([
  ...['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512'].map(alg => [alg, { kty: 'RSA' }] as const),
  ...['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW'].map(alg => [alg, { kty: 'EC' }] as const),
  ...[...names('A*KW', 128, 192, 256), ...names('A*GCMKW', 128, 192, 256)].map(
    ([alg, bits]) => [alg, { kty: 'oct', bits }] as const,
  ),
  ...['dir', 'PBES2-HS256+A128KW', 'PBES2-HS384+A192KW', 'PBES2-HS512+A256KW'].map(
    alg => [alg, { kty: 'oct' }] as const,
  ),
]);

/** Bits of each content encryption key. */
export const contentEncryption: ReadonlyMap<string, number> = new Map([
  ...names('A*GCM', 128, 192, 256),
  ['A128CBC-HS256', 256],
  ['A192CBC-HS384', 384],
  ['A256CBC-HS512', 512],
]);

/** Rounds of PBKDF2 that are waited for, as rfc8725bis section 3.13 advises: a second. A token that asks for more could ask for hours. */
export const mostRounds = 1_200_000;

/**
 * Work that is done for one decryption, over all keys that are tried, counted in rounds of PBKDF2: about a second.
 * A set of keys must not multiply what one key may cost.
 */
export const mostWork = mostRounds;

/** What trying one key costs, in the same unit: an RSA operation takes eight times as long for twice the bits. */
export function workOf(alg: string, rounds: unknown, bits: number): number {
  if (alg.startsWith('PBES2')) return typeof rounds === 'number' ? rounds : mostRounds;
  return alg.startsWith('RSA') ? 600 * (bits / 2048) ** 3 : 600;
}

/** Bytes that a compressed content may come to: no token that is read is longer. */
export const mostInflated = tokenLimit;

export type Refusal = ErrorDataOf['jwe_refused'];

export interface Needed extends KeyManagement {
  readonly alg: string;
  readonly enc: string;
}

/**
 * What it takes to decrypt a token with this header, or why nobody should try. `jwk`, `jku`, `x5u` and `x5c` in it are
 * no keys to decrypt with and are not looked at; `epk` is half of an agreement and proves nothing.
 */
export function neededFor(header: JsonObject): Needed | { readonly refusal: Refusal } {
  const alg = own(header, 'alg');
  const enc = own(header, 'enc');
  const known = typeof alg === 'string' ? keyManagement.get(alg) : undefined;
  const refused = (reason: JweRefusal, found?: string | number) => ({
    refusal: { reason, ...(found !== undefined && { found }) },
  });
  if (alg === 'RSA1_5') return refused('rsa1_5', alg);
  if (typeof alg !== 'string' || !known) return refused('alg', shown(alg));
  const bits = typeof enc === 'string' ? contentEncryption.get(enc) : undefined;
  if (typeof enc !== 'string' || bits === undefined) return refused('enc', shown(enc));
  if (Object.hasOwn(header, 'crit')) return refused('crit', shown(own(header, 'crit')));
  const zip = own(header, 'zip');
  if (zip !== undefined && zip !== 'DEF') return refused('zip', shown(zip));
  if (zip !== undefined && typeof DecompressionStream === 'undefined') return refused('zip_platform');
  if (alg.startsWith('PBES2')) {
    const rounds = own(header, 'p2c');
    if (typeof rounds !== 'number' || !Number.isSafeInteger(rounds) || rounds < 1)
      return refused('p2c_invalid', shown(rounds));
    if (rounds > mostRounds) return { refusal: { reason: 'p2c', found: rounds, limit: mostRounds } };
  }
  return { alg, enc, ...known, ...(alg === 'dir' && { bits }) };
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.slice(0, 100);
}
