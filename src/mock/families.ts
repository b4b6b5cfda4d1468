import type { Confirmation } from './clients.ts';
import { randomText } from './shelf.ts';
import type { ClaimsRequest } from './users.ts';

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
  /** `sid` of ID tokens and the beginning of the `jti` of access tokens, which leads back to the family. */
  readonly sid: string;
  /** Seconds since the epoch. */
  readonly authTime: number;
  readonly acr?: string | undefined;
  readonly amr?: readonly string[] | undefined;
  /** What the `claims` parameter asked for. */
  readonly claims?: ClaimsRequest | undefined;
  /** What the authorization named as `resource` or `audience`; tokens for anything else are refused. */
  readonly targets?: readonly string[] | undefined;
  /** What the refresh tokens are bound to. */
  readonly cnf?: Confirmation | undefined;
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
  /** Milliseconds since the epoch: when its last access token expires. Until then it may be introspected. */
  accessUntil: number;
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
  /** The family that a refresh token belongs to, current or spent; nothing is revoked by asking. */
  holderOf(token: string): Family | undefined;
  /** The family of an access token by its `jti`, or of an ID token by its `sid`. */
  ofSession(jtiOrSid: string): Family | undefined;
  /** Whether a refresh token would be taken. */
  isUsable(family: Family, token: string, now: number): boolean;
  revoke(family: Family): void;
  revokeAll(): void;
}

const handleLength = 22;
const sidLength = 18;
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
  const bySid = new Map<string, Family>();
  let sweepAt = sweepFrom;

  const mint = (family: Family, now: number) => {
    family.current = family.handle + randomText(16) + family.generation.toString(36);
    const lifetime = policy.refreshTokenLifetime;
    family.expiresAt = lifetime === undefined ? undefined : now + lifetime * 1000;
  };

  const forget = (family: Family) => {
    families.delete(family.handle);
    const { sid } = family.grant;
    if (bySid.get(sid) === family) bySid.delete(sid);
  };

  const isUsable = (family: Family, token: string, now: number) => {
    if (family.revoked || isExpired(family, now)) return false;
    if (token === family.current) return true;
    const { predecessor } = family;
    return token === predecessor?.token && now < predecessor.usableUntil;
  };

  /** Each family is looked at once per doubling, so the cost per family does not grow with their number. */
  const sweep = (now: number) => {
    if (families.size < sweepAt) return;
    for (const family of families.values())
      if ((family.revoked || isExpired(family, now)) && now >= family.accessUntil) forget(family);
    if (families.size >= sizeLimit) {
      // The map is in the order of last use.
      for (const family of families.values()) {
        if (families.size <= sizeAfterEviction) break;
        forget(family);
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
        accessUntil: 0,
      };
      mint(family, now);
      families.set(family.handle, family);
      bySid.set(grant.sid, family);
      return family;
    },
    find(token, clientId, now) {
      const family = families.get(token.slice(0, handleLength));
      if (family === undefined) return { refused: 'unknown' };
      if (family.grant.clientId !== clientId) return { refused: 'foreign' };
      if (family.revoked) return { refused: 'revoked' };
      if (isExpired(family, now)) return { refused: 'expired' };
      if (isUsable(family, token, now)) return { family };
      family.revoked = true;
      return { refused: 'reused' };
    },
    rotate(family, presented, now) {
      families.delete(family.handle);
      families.set(family.handle, family);
      if (policy.rotation === 'omit') return undefined;
      if (policy.rotation === 'none' || presented !== family.current) return family.current;
      family.predecessor =
        policy.rotation === 'grace' ? { token: presented, usableUntil: now + policy.graceSeconds * 1000 } : undefined;
      family.generation += 1;
      mint(family, now);
      return family.current;
    },
    holderOf: token => families.get(token.slice(0, handleLength)),
    ofSession: jtiOrSid => bySid.get(jtiOrSid.slice(0, sidLength)),
    isUsable,
    revoke(family) {
      family.revoked = true;
    },
    revokeAll() {
      for (const family of families.values()) family.revoked = true;
    },
  };
}

/** Half a UUID: `jti` has the other half from elsewhere. */
export function newSid(): string {
  return crypto.randomUUID().slice(0, sidLength);
}

function isExpired(family: Family, now: number): boolean {
  return family.expiresAt !== undefined && now >= family.expiresAt;
}
