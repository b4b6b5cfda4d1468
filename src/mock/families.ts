import { randomText } from './random.ts';

/**
 * What a refresh answers with, and what becomes of the token that was sent:
 * `none` the same token again; `omit` no refresh_token, the old one goes on; `strict` a new one, and using a
 * spent one revokes the whole family (RFC 9700 section 4.14.2); `grace` as strict, but the immediate
 * predecessor stays usable for a while and yields the successor that was already issued.
 */
export type Rotation = 'none' | 'omit' | 'strict' | 'grace';

export interface RotationPolicy {
  rotation: Rotation;
  graceSeconds: number;
  /** Seconds; undefined: refresh tokens do not expire. */
  refreshTokenLifetime: number | undefined;
}

/** What was granted once and is carried from token to token. */
export interface Grant {
  readonly clientId: string;
  readonly subject: string;
  readonly scope: string;
  readonly audience: string | readonly string[];
  readonly sid: string;
  /** Seconds since the epoch. */
  readonly authTime: number;
}

/** The refresh tokens that descend from one grant: one current, at most one predecessor in its grace window. */
export interface Family {
  readonly grant: Grant;
  readonly handle: string;
  generation: number;
  current: string;
  /** Milliseconds since the epoch. */
  expiresAt: number | undefined;
  predecessor: { readonly token: string; readonly usableUntil: number } | undefined;
  revoked: boolean;
}

export type Lookup =
  | { readonly family: Family }
  | { readonly refused: 'unknown' | 'foreign' | 'expired' | 'revoked' | 'reused' };

export interface Families {
  readonly size: number;
  start(grant: Grant, now: number): Family;
  /** Finds the family that a presented token may refresh. A spent token revokes its family here. */
  find(token: string, clientId: string, now: number): Lookup;
  /** Rotates as the policy says and returns the refresh token for the response, if it carries one. */
  rotate(family: Family, presented: string, now: number): string | undefined;
  revokeAll(): void;
}

const handleLength = 22;
const sweepFrom = 256;
const sizeLimit = 10_000;
// Well below the limit, so that a full house does not sweep at every newcomer.
const sizeAfterEviction = 9_000;

/**
 * A token is its family's handle (128 random bits), 128 fresh random bits, and the generation in base 36. Whoever
 * has the handle has held a token of the family, so every spent token is recognised with no list of spent tokens,
 * and none of them helps to guess the next.
 */
export function createFamilies(policy: RotationPolicy): Families {
  const families = new Map<string, Family>();
  let sweepAt = sweepFrom;

  const mint = (family: Family, now: number) => {
    family.current = family.handle + randomText(16) + family.generation.toString(36);
    const lifetime = policy.refreshTokenLifetime;
    family.expiresAt = lifetime === undefined ? undefined : now + lifetime * 1000;
  };

  /** Each family is looked at once per doubling, so the cost per family does not grow with their number. */
  const sweep = (now: number) => {
    if (families.size < sweepAt) return;
    for (const [handle, family] of families)
      if (family.revoked || isExpired(family, now)) families.delete(handle);
    if (families.size >= sizeLimit) {
      // The map is in the order of last use.
      for (const handle of families.keys()) {
        if (families.size <= sizeAfterEviction) break;
        families.delete(handle);
      }
    }
    sweepAt = Math.min(Math.max(sweepFrom, families.size * 2), sizeLimit);
  };

  return {
    get size() {
      return families.size;
    },
    start(grant, now) {
      sweep(now);
      const family: Family = {
        grant,
        handle: randomText(16),
        generation: 0,
        current: '',
        expiresAt: undefined,
        predecessor: undefined,
        revoked: false,
      };
      mint(family, now);
      families.set(family.handle, family);
      return family;
    },
    find(token, clientId, now) {
      const family = families.get(token.slice(0, handleLength));
      if (family === undefined) return { refused: 'unknown' };
      if (family.grant.clientId !== clientId) return { refused: 'foreign' };
      if (family.revoked) return { refused: 'revoked' };
      if (isExpired(family, now)) return { refused: 'expired' };
      if (token === family.current) return { family };
      const { predecessor } = family;
      if (token === predecessor?.token && now < predecessor.usableUntil) return { family };
      family.revoked = true;
      return { refused: 'reused' };
    },
    rotate(family, presented, now) {
      families.delete(family.handle);
      families.set(family.handle, family);
      if (policy.rotation === 'omit') return undefined;
      if (policy.rotation === 'none' || presented !== family.current) return family.current;
      family.predecessor =
        policy.rotation === 'grace'
          ? { token: presented, usableUntil: now + policy.graceSeconds * 1000 }
          : undefined;
      family.generation += 1;
      mint(family, now);
      return family.current;
    },
    revokeAll() {
      for (const family of families.values()) family.revoked = true;
    },
  };
}

function isExpired(family: Family, now: number): boolean {
  return family.expiresAt !== undefined && now >= family.expiresAt;
}
