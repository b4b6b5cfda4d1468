/**
 * The checks of a token, one row each: to add a check, add a row. Rows are pure and independent. All of them run, so
 * that one result names every fault. No cryptography is loaded here: the result of the signature is passed in (see
 * verifier.ts). Without it, the rows serve a token that is only shown.
 */

import { explains, skewData } from '../records/clockSkew.ts';
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { isObject, type JsonObject, own, textOf } from '../tokens/json.ts';
import type { DecodedToken } from '../tokens/jwt.ts';
import { type NumericDate, numericDate } from '../tokens/tokenParts.ts';
import { entraV2Issuer, isSameIssuer } from '../tokens/tokenUse.ts';
import { rulesOfType, varietyOf } from '../tokens/varieties.ts';
import {
  type Check,
  type CheckInput,
  type Finding,
  failed,
  limitedText,
  passed,
  shownMember,
  skipped,
  warning,
  withDetails,
} from './finding.ts';
import { disclosures, keyBinding, proof } from './possession.ts';
import { alg, b64, crit, embeddedKeys, encoding, members, numbers, typ } from './signatures.ts';

interface CheckRow {
  readonly id: string;
  /**
   * The part of the token that the row is about. Rows of the payload also apply to claims that are not from a signed
   * token.
   */
  readonly part: 'header' | 'payload' | 'signature';
  readonly section: string;
  readonly run: (input: CheckInput) => Finding;
}

export const checkTable = [
  { id: 'signature', part: 'signature', section: 'RFC 7515 section 5.2', run: signature },
  { id: 'key', part: 'signature', section: 'RFC 7518 sections 3.2 and 3.3', run: key },
  { id: 'alg', part: 'header', section: 'RFC 8725 section 3.1', run: alg },
  { id: 'typ', part: 'header', section: 'RFC 8725 section 3.11, RFC 9068 section 4', run: typ },
  { id: 'crit', part: 'header', section: 'RFC 7515 section 4.1.11', run: crit },
  { id: 'b64', part: 'header', section: 'RFC 7797 section 7', run: b64 },
  { id: 'header_key', part: 'header', section: 'RFC 8725 section 3.10', run: embeddedKeys },
  { id: 'members', part: 'payload', section: 'RFC 7515 section 4, RFC 7519 section 4', run: members },
  { id: 'encoding', part: 'signature', section: 'RFC 4648 section 3.5', run: encoding },
  { id: 'numbers', part: 'payload', section: 'RFC 8259 section 6, RFC 7493 section 2.2', run: numbers },
  { id: 'claims', part: 'payload', section: 'RFC 8725 section 3.12, and the specification of the type', run: claims },
  { id: 'iss', part: 'payload', section: 'RFC 7519 section 4.1.1, OpenID Connect Core section 3.1.3.7 (2)', run: iss },
  { id: 'aud', part: 'payload', section: 'RFC 7519 section 4.1.3, OpenID Connect Core section 3.1.3.7 (3)', run: aud },
  { id: 'azp', part: 'payload', section: 'OpenID Connect Core section 3.1.3.7 (4, 5)', run: azp },
  { id: 'sub', part: 'payload', section: 'OpenID Connect Core sections 2 and 12.2, RFC 9068 section 2.2', run: sub },
  { id: 'exp', part: 'payload', section: 'RFC 7519 section 4.1.4', run: exp },
  { id: 'nbf', part: 'payload', section: 'RFC 7519 section 4.1.5', run: nbf },
  { id: 'iat', part: 'payload', section: 'RFC 7519 section 4.1.6', run: iat },
  { id: 'nonce', part: 'payload', section: 'OpenID Connect Core section 3.1.3.7 (11)', run: nonce },
  { id: 'at_hash', part: 'payload', section: 'OpenID Connect Core section 3.1.3.6', run: tokenHash },
  { id: 'cnf', part: 'payload', section: 'RFC 9449 section 6, RFC 8705 section 3', run: cnf },
  { id: 'disclosures', part: 'payload', section: 'RFC 9901 section 7.1', run: disclosures },
  { id: 'key_binding', part: 'payload', section: 'RFC 9901 section 7.3', run: keyBinding },
  { id: 'proof', part: 'payload', section: 'RFC 9449 section 4.3', run: proof },
] as const satisfies readonly CheckRow[];

/**
 * `signature`, or the claim or parameter that a check is about. Its name on screen is in src/vscode/text/checkWords.ts.
 */
export type CheckId = (typeof checkTable)[number]['id'];

/** The part of the token that a check is about. */
export function partOf(id: string): CheckRow['part'] {
  return checkTable.find(row => row.id === id)?.part ?? 'payload';
}

/** Runs all rows. A token that cannot be read gets a single check, which says why. */
export function runChecks(input: Omit<CheckInput, 'token'> & { readonly token: DecodedToken }): Check[] {
  if (!isSigned(input)) {
    return [{ id: 'signature', status: 'skipped', code: input.token.kind === 'jwe' ? 'encrypted' : 'opaque' }];
  }
  return checkTable.map(({ id, run }) => {
    const finding = run(input);
    return withDetails<Check>({ id, status: finding.status, code: finding.code }, finding);
  });
}

function isSigned(input: Omit<CheckInput, 'token'> & { readonly token: DecodedToken }): input is CheckInput {
  return input.token.kind === 'jws';
}

function signature({ signature }: CheckInput): Finding {
  return signature ?? { status: 'skipped', code: 'signature_not_checked' };
}

function key({ key }: CheckInput): Finding {
  return key ?? { status: 'skipped', code: 'key_none' };
}

export function iss({ token, policy: { issuer, kind } }: CheckInput): Finding {
  const value = own(token.payload, 'iss');
  if (issuer !== undefined) {
    const alias = typeof value === 'string' && value !== issuer ? aliasOf(value, issuer, token.payload) : undefined;
    if (alias) return alias;
    const finding = same(token.payload, 'iss', issuer);
    // The most common mistake; RFC 8414 section 2 and OpenID Connect compare character by character.
    return finding.code === 'mismatch' && withoutSlash(textOf(token.payload, 'iss') ?? '') === withoutSlash(issuer)
      ? { ...finding, code: 'slash_differs' }
      : finding;
  }
  return unasked(token.payload, 'iss', kind === 'id_token');
}

/** Issuers with two names, or with a pattern. A looser comparison would let one issuer speak for another. */
function aliasOf(found: string, expected: string, payload: JsonObject): Finding | undefined {
  const details = { expected, found: limitedText(found) };
  const tid = textOf(payload, 'tid') ?? '';
  // Microsoft Entra's metadata for several tenants names no tenant; the token does.
  if (expected.includes('{tenantid}') && /^[\da-f-]{36}$/.test(tid))
    return found === expected.replace('{tenantid}', tid) ? passed('matches', details) : undefined;
  if (isSameIssuer(found, expected)) return warning('issuer_alias', details);
  return entraV2Issuer(found) === expected ? failed('issuer_v1', details) : undefined;
}

function withoutSlash(url: string): string {
  return url.endsWith('/') ? url.slice(0, -1) : url;
}

export function aud({ token, policy }: CheckInput): Finding {
  const { kind, clientId } = policy;
  const asked = policy.audience ?? (kind === 'id_token' ? clientId : undefined);
  const value = own(token.payload, 'aud');
  if (asked === undefined || asked.length === 0) return unasked(token.payload, 'aud', kind === 'id_token');
  if (typeof asked === 'string' && value === asked)
    return passed('matches', { expected: asked, found: limitedText(value) });
  const expected = typeof asked === 'string' ? asked : asked.join(', ');
  // Amazon Cognito names the client of an access token in `client_id` and sets no audience.
  const client = own(token.payload, 'token_use') === 'access' ? textOf(token.payload, 'client_id') : undefined;
  if (value === undefined && client !== undefined) {
    const isClient = [asked].flat().includes(client);
    return (isClient ? passed : failed)('aud_client_id', { expected, found: limitedText(client) });
  }
  if (value === undefined) return failed('missing', { expected });
  const audiences: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!audiences.every(audience => typeof audience === 'string'))
    return failed('wrong_type', { expected, found: shownMember(token.payload, 'aud') });
  const found = limitedText(audiences.join(', '));
  const accepted = typeof asked === 'string' ? [asked] : asked;
  const matches = accepted.some(audience => audiences.includes(audience));
  if (matches) return passed('matches', { expected, found });
  const isAlmost = (same: (text: string) => string) =>
    accepted.some(each => audiences.some(audience => same(audience) === same(each)));
  if (isAlmost(withoutSlash)) return failed('aud_slash', { expected, found });
  // Microsoft Entra ID: v1.0 tokens have the identifier URI of the API, v2.0 tokens its client ID.
  const isEntra = isAlmost(text => text.replace(/^api:\/\/(?=[\da-f-]{36}$)/i, ''));
  return failed(isEntra ? 'aud_api' : 'mismatch', { expected, found });
}

/** Only an ID token is bound to the client that requested it. */
export function azp({ token, policy: { kind, clientId } }: CheckInput): Finding {
  if (kind !== 'id_token') return skipped('not_applicable');
  const value = own(token.payload, 'azp');
  const audiences = own(token.payload, 'aud');
  if (value === undefined) {
    const several = Array.isArray(audiences) && audiences.length > 1;
    return several ? warning('azp_missing', { found: limitedText(audiences) }) : skipped('absent');
  }
  return clientId === undefined ? unasked(token.payload, 'azp', false) : same(token.payload, 'azp', clientId);
}

export function sub({ token, policy: { subject, kind } }: CheckInput): Finding {
  return subject === undefined
    ? unasked(token.payload, 'sub', kind === 'id_token')
    : same(token.payload, 'sub', subject);
}

/** A token expires at `exp`, not after it. */
export function exp(input: CheckInput): Finding {
  const { token, policy, now } = input;
  if (!Object.hasOwn(token.payload, 'exp')) {
    // Signed content is not a JWT, and proofs, events and statements need no `exp` (RFC 9449, RFC 8417, RFC 9901).
    if (token.content) return skipped('not_applicable');
    const endless = rulesOfType(token.header)?.endless ?? varietyOf(token.compact, token)?.endless;
    return (policy.requireExp ?? !endless) ? failed('missing') : warning('missing');
  }
  const date = numericDate(token.payload.exp);
  if ('flaw' in date) return malformed(date, token.payload, 'exp');
  const { at } = date;
  if (now < at) return passed('exp_ahead', { at });
  return now < at + tolerance(input)
    ? warning('exp_tolerated', { at })
    : failed('exp_past', { at, ...explained(input, theirs => theirs < at) });
}

export function nbf(input: CheckInput): Finding {
  const { token, now } = input;
  if (!Object.hasOwn(token.payload, 'nbf')) return skipped('absent');
  const date = numericDate(token.payload.nbf);
  if ('flaw' in date) return malformed(date, token.payload, 'nbf');
  const { at } = date;
  if (now >= at) return passed('nbf_past', { at });
  return now + tolerance(input) >= at
    ? warning('nbf_tolerated', { at })
    : failed('nbf_ahead', { at, ...explained(input, theirs => theirs >= at) });
}

/** The claims that the type of the token requires. */
export function claims({ token }: CheckInput): Finding {
  const required = rulesOfType(token.header)?.required;
  if (!required) return skipped('absent');
  const missing = required.filter(name => !Object.hasOwn(token.payload, name));
  const details = { expected: required.join(', ') };
  return missing.length > 0
    ? failed('claims_missing', { ...details, found: missing.join(', ') })
    : passed('claims_present', details);
}

/** No specification rejects a token from the future, so this only warns; a wrong clock explains other failures. */
export function iat(input: CheckInput): Finding {
  const { token, policy, now } = input;
  if (!Object.hasOwn(token.payload, 'iat')) return policy.kind === 'id_token' ? failed('missing') : skipped('absent');
  const date = numericDate(token.payload.iat);
  if ('flaw' in date) return malformed(date, token.payload, 'iat');
  const { at } = date;
  return now + tolerance(input) >= at
    ? passed('iat_past', { at })
    : warning('iat_ahead', { at, ...explained(input, theirs => theirs >= at) });
}

export function nonce({ token, policy }: CheckInput): Finding {
  if (policy.kind !== 'id_token') return skipped('not_applicable');
  const value = own(token.payload, 'nonce');
  if (policy.nonce !== undefined) return same(token.payload, 'nonce', policy.nonce);
  return value === undefined ? skipped('absent') : skipped('not_asked');
}

export function tokenHash({ token, policy: { kind, accessToken }, accessTokenHash: expected }: CheckInput): Finding {
  const value = own(token.payload, 'at_hash');
  if (value === undefined) return skipped(kind === 'id_token' ? 'absent' : 'not_applicable');
  const found = shownMember(token.payload, 'at_hash');
  if (expected !== undefined)
    return value === expected
      ? passed('hash_matches', { expected, found })
      : failed('hash_mismatch', { expected, found });
  const hash = signatureAlgorithms.get(textOf(token.header, 'alg') ?? '')?.hash;
  return hash === undefined && accessToken !== undefined
    ? skipped('hash_unknown_alg', { found })
    : skipped('not_asked', { found });
}

/** RFC 9449 §6.1, RFC 8705 §3.1. Only the holder of the key can use a bound token, so another key is a failure. */
export function cnf({ token, policy: { holder } }: CheckInput): Finding {
  const cnf = own(token.payload, 'cnf');
  const method = (['jkt', 'x5t#S256'] as const).find(each => isObject(cnf) && Object.hasOwn(cnf, each));
  if (holder?.required && method !== 'jkt') return warning('not_bound');
  if (cnf === undefined) return skipped('absent');
  if (holder === undefined || method === undefined || !isObject(cnf))
    return skipped('not_asked', { found: limitedText(cnf) });
  const { [method]: expected } = holder;
  const found = shownMember(cnf, method);
  if (cnf[method] === expected) return passed('bound', { expected: found, found });
  return failed('bound_elsewhere', { ...(expected !== undefined && { expected }), found });
}

/** The skew of this machine's clock, if it alone makes the claim fail. */
function explained({ now, skew }: CheckInput, holds: (theirs: number) => boolean): Pick<Finding, 'data'> {
  return skew !== undefined && explains(skew, now, holds) ? { data: skewData(skew) } : {};
}

function tolerance({ policy: { clockTolerance = 0 } }: CheckInput): number {
  return Math.max(0, clockTolerance) * 1000;
}

function malformed(date: Extract<NumericDate, { flaw: unknown }>, payload: JsonObject, name: string): Finding {
  return failed(date.flaw, { found: shownMember(payload, name) });
}

/** Compares character by character (RFC 7519 section 2, StringOrURI). */
function same(payload: JsonObject, name: string, expected: string): Finding {
  const value = own(payload, name);
  if (value === undefined) return failed('missing', { expected });
  const details = { expected, found: shownMember(payload, name) };
  if (typeof value !== 'string') return failed('wrong_type', details);
  return value === expected ? passed('matches', details) : failed('mismatch', details);
}

/** No expected value was given, but the claim can still be required. */
function unasked(payload: JsonObject, name: string, required: boolean): Finding {
  const value = own(payload, name);
  if (value === undefined) return required ? failed('missing') : skipped('absent');
  const found = shownMember(payload, name);
  const texts: readonly unknown[] = name === 'aud' && Array.isArray(value) ? value : [value];
  // RFC 7519 section 2, StringOrURI. Many libraries let another type pass, so it fails only where the claim is needed.
  if (!texts.every(each => typeof each === 'string')) return (required ? failed : warning)('wrong_type', { found });
  return skipped('not_asked', { found });
}
