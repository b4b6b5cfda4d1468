/** A short summary of a token. It is decoded and checked without keys: nothing here is verified. */
import { runChecks } from '../checks/checks.ts';
import type { Check, VerificationPolicy } from '../checks/finding.ts';
import { type ReviewFinding, reviewToken } from '../checks/review.ts';
import { audienceOf, type Connection } from '../records/connection.ts';
import { type JsonObject, memberText, own } from '../tokens/json.ts';
import { type DecodedToken, isHmac } from '../tokens/jwt.ts';
import { numericDate } from '../tokens/tokenParts.ts';
import { type TokenUse, tokenUse } from '../tokens/tokenUse.ts';

export type SummaryKind = TokenUse | 'signed' | 'encrypted' | 'opaque';

export interface TokenTime {
  /** `auth_time`, `iat`, `nbf` or `exp`. */
  readonly claim: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface TokenSummary {
  readonly kind: SummaryKind;
  readonly issuer?: string;
  readonly subject?: string;
  readonly audience?: string;
  readonly times: readonly TokenTime[];
  /** Checks that failed or warn, the most important first. The signature is not checked. */
  readonly problems: readonly Check[];
}

/** In chronological order. */
const momentClaims = ['auth_time', 'iat', 'nbf', 'exp'] as const;

/**
 * @param now milliseconds since the epoch @param connection the connection with this token's issuer, if there is one
 */
export function summarize(decoded: DecodedToken, now: number, connection?: Connection, known?: TokenUse): TokenSummary {
  const kind = known ?? kindOf(decoded);
  if (decoded.kind !== 'jws') return { kind, times: [], problems: [] };
  const { payload } = decoded;
  const audience = own(payload, 'aud');
  const [issuer, subject] = [memberText(payload, 'iss'), memberText(payload, 'sub')];
  return {
    kind,
    ...(issuer !== undefined && { issuer }),
    ...(subject !== undefined && { subject }),
    ...(audience !== undefined && {
      audience:
        Array.isArray(audience) && audience.every(each => typeof each === 'string')
          ? audience.join(', ')
          : (memberText(payload, 'aud') ?? ''),
    }),
    times: timesOf(decoded),
    problems: problemsOf(decoded, now, connection),
  };
}

export function timesOf(decoded: DecodedToken): TokenTime[] {
  return decoded.kind === 'jws' ? timesIn(decoded.payload) : [];
}

/** The times among the claims, in chronological order. */
export function timesIn(payload: JsonObject): TokenTime[] {
  return momentClaims.flatMap(claim => {
    const date = numericDate(own(payload, claim));
    return 'at' in date ? [{ claim, at: date.at }] : [];
  });
}

/** All checks that need no key. */
export function checksOf(decoded: DecodedToken, now: number, connection?: Connection): Check[] {
  // Without a key, assume a shared secret: otherwise every HMAC token would fail for lack of one.
  return runChecks({ token: decoded, policy: policyFor(decoded, connection), now, secret: isHmac(decoded) });
}

/** The failed checks first. Without `typ` warnings, which are too common to count as problems here. */
export function problemsOf(decoded: DecodedToken, now: number, connection?: Connection): Check[] {
  return problemsAmong(checksOf(decoded, now, connection));
}

export function problemsAmong(checks: readonly Check[]): Check[] {
  const quiet = new Set(['typ_missing', 'typ_generic']);
  const of = (status: Check['status']) => checks.filter(check => check.status === status && !quiet.has(check.code));
  return [...of('failed'), ...of('warning')];
}

/** What the review finds in a token and `problemsOf` does not report. @param text the token itself */
export function reviewFindingsOf(
  text: string,
  decoded: DecodedToken,
  now: number,
  connection?: Connection,
): ReviewFinding[] {
  return reviewToken(text, decoded, checksOf(decoded, now, connection)).filter(({ check }) => !check);
}

/**
 * The policy of the checks. An uncertain kind must not fail a token, and without a connection no issuer is expected.
 */
function policyFor(decoded: DecodedToken, connection?: Connection): VerificationPolicy {
  const use = tokenUse(decoded);
  const kind = use?.certain && use.use !== 'refresh_token' ? use.use : 'any';
  const audience = kind === 'id_token' ? undefined : audienceOf(connection ?? {});
  return {
    kind,
    requireExp: false,
    ...(connection?.issuer !== undefined && { issuer: connection.issuer }),
    ...(audience !== undefined && { audience }),
    ...(connection && { clientId: connection.clientId }),
  };
}

function kindOf(decoded: DecodedToken): SummaryKind {
  if (decoded.kind === 'opaque') return 'opaque';
  if (decoded.kind === 'jwe') return 'encrypted';
  return tokenUse(decoded)?.use ?? 'signed';
}
