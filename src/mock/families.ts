import { randomText } from './shelf.ts';

/**
 * How a refresh answers, and what happens to the refresh token that was sent. `none`: the response repeats the same
 * token. `omit`: the response has no refresh_token and the old one stays valid. `strict`: the response has a new token,
 * and using a spent one revokes the whole family (RFC 9700 section 4.14.2). `grace`: as strict, but the immediate
 * predecessor stays usable for `graceSeconds` and returns the successor that was already issued.
 */
export type Rotation = 'none' | 'omit' | 'strict' | 'grace';

export interface RotationPolicy {
  rotation: Rotation;
  graceSeconds: number;
  /** Seconds. Undefined: refresh tokens do not expire. */
  refreshTokenLifetime: number | undefined;
}

/** The `cnf` claim of tokens: RFC 9449 section 6.1, RFC 8705 section 3.1. */
export interface Confirmation {
  readonly jkt?: string;
  readonly 'x5t#S256'?: string;
}

/** The supported part of the `claims` parameter (OpenID Connect Core section 5.5). */
export interface ClaimsRequest {
  readonly idToken: readonly string[];
  readonly userInfo: readonly string[];
  /** The values of an essential `acr`. Sign-in fails if the user has none of them. */
  readonly acr?: readonly string[];
  /** The required value of `sub`: only this user may sign in. */
  readonly sub?: string;
}

/** What was granted once and applies to every token of the family. */
export interface Grant {
  readonly clientId: string;
  readonly subject: string;
  readonly scope: string;
  readonly audience: string | readonly string[];
  /** `sid` of the ID tokens. The `jti` of the access tokens starts with it, so that both lead back to the family. */
  readonly sid: string;
  /** Seconds since the epoch. */
  readonly authTime: number;
  readonly acr?: string | undefined;
  readonly amr?: readonly string[] | undefined;
  /** The claims that the `claims` parameter requested. */
  readonly claims?: ClaimsRequest | undefined;
  /** The `resource` or `audience` values of the authorization request; tokens for other targets are refused. */
  readonly targets?: readonly string[] | undefined;
  /** The key that the refresh tokens are bound to. */
  readonly cnf?: Confirmation | undefined;
}

/** All refresh tokens of one grant: one is current, and at most one predecessor is in its grace period. */
export interface Family {
  readonly grant: Grant;
  readonly handle: string;
  generation: number;
  current: string;
  /** Milliseconds since the epoch. */
  expiresAt: number | undefined;
  predecessor: { readonly token: string; readonly usableUntil: number } | undefined;
  revoked: boolean;
  /**
   * Milliseconds since the epoch when the last access token of the family expires. It can be introspected until then.
   */
  accessUntil: number;
}

type Lookup =
  | { readonly family: Family }
  | { readonly refused: 'unknown' | 'foreign' | 'expired' | 'revoked' | 'reused' };

export interface Families {
  readonly size: number;
  start(grant: Grant, now: number): Family;
  /** The family that this token may refresh. A spent token revokes its family here. */
  find(token: string, clientId: string, now: number): Lookup;
  /**
   * Rotates according to the policy. Returns the refresh token for the response, or undefined if the response has none.
   */
  rotate(family: Family, presented: string, now: number): string | undefined;
  /** The family of a refresh token, current or spent. Looking it up revokes nothing. */
  holderOf(token: string): Family | undefined;
  /** The family of an access token, by its `jti`, or of an ID token, by its `sid`. */
  ofSession(jtiOrSid: string): Family | undefined;
  /** Whether a refresh with this token would succeed. */
  isUsable(family: Family, token: string, now: number): boolean;
  revoke(family: Family): void;
  revokeAll(): void;
}

const handleLength = 22;
const sidLength = 18;
const sweepFrom = 256;
const sizeLimit = 10_000;
// Well below the limit, so that a full map is not swept for every new family.
const sizeAfterEviction = 9_000;

/**
 * A refresh token consists of its family's handle (128 random bits), 128 fresh random bits and the generation in base
 * 36. Only a client that has held a token of the family knows the handle, so every spent token is recognised without a
 * list of spent tokens, and none of them helps to guess the next.
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

  /** Runs once per doubling of the map, so the cost per family does not grow with the number of families. */
  const sweep = (now: number) => {
    if (families.size < sweepAt) return;
    for (const family of families.values())
      if ((family.revoked || isExpired(family, now)) && now >= family.accessUntil) forget(family);
    if (families.size >= sizeLimit) {
      // The map is ordered by last use, oldest first.
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

/** Half of a UUID. `newJti` adds another random half. */
export function newSid(): string {
  return crypto.randomUUID().slice(0, sidLength);
}

/**
 * A UUID (RFC 9562) that starts with the `sid` of the grant, if it has one. It is put together here, because
 * `randomUUID` costs as much as encoding the claims.
 */
export function newJti(sid: string): string {
  if (sid === '') return crypto.randomUUID();
  const digits = randomText(8, 'hex');
  // The digit 8 tells the variant of the UUID.
  return `${sid}-8${digits.slice(1, 4)}-${digits.slice(4)}`;
}

function isExpired(family: Family, now: number): boolean {
  return family.expiresAt !== undefined && now >= family.expiresAt;
}

export function hasScope(scope: string, value: string): boolean {
  // Most scopes that are asked for are not in the text at all, which costs less to see than to split it.
  return scope.includes(value) && scope.split(' ').includes(value);
}

export function isWithin(scope: string, granted: string): boolean {
  if (scope === granted) return true;
  const allowed = granted.split(' ');
  return scope.split(' ').every(value => allowed.includes(value));
}
