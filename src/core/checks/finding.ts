import type { ErrorCode, ErrorData } from '../errors.ts';
import { isErrorCode } from '../errorTable.ts';
import type { ClockSkew } from '../records/clockSkew.ts';
import type { Disclosed } from '../tokens/forms.ts';
import { type JsonObject, memberText, textFrom } from '../tokens/json.ts';
import type { DecodedJws } from '../tokens/jwt.ts';
import type { TimeFlaw } from '../tokens/tokenParts.ts';
import type { TokenUse } from '../tokens/tokenUse.ts';

/** What a token must satisfy. Omitted members are not checked, unless their comment says otherwise. */
export interface VerificationPolicy {
  readonly issuer?: string;
  /** `aud` must contain one of these. For an ID token, `clientId` is the default. */
  readonly audience?: string | readonly string[];
  /** The only accepted algorithms. Default: every asymmetric algorithm, or every HMAC if the key is a shared secret. */
  readonly algorithms?: readonly string[];
  readonly kind?: TokenKind;
  readonly clientId?: string;
  /** Seconds by which the clocks may differ; 0 if omitted. */
  readonly clockTolerance?: number;
  /** The access token that was issued with the ID token, for `at_hash`. */
  readonly accessToken?: string;
  readonly nonce?: string;
  /** What the holder of the token can prove: the thumbprints of its DPoP key and of its mTLS certificate. */
  readonly holder?: {
    readonly jkt?: string | undefined;
    readonly 'x5t#S256'?: string | undefined;
    /** True if the token must be bound to the DPoP key. */
    readonly required: boolean;
  };
  /** The expected `aud` of an SD-JWT's key binding: the verifier that requested the presentation. */
  readonly presentedTo?: string;
  /** The expected subject, for example when an ID token is refreshed (OpenID Connect Core section 12.2). */
  readonly subject?: string;
  /** Whether a token without `exp` fails. Default: yes, unless tokens of its type or variety do not expire. */
  readonly requireExp?: boolean;
}

type TokenKind = 'access_token' | 'id_token' | 'any';

export type CheckStatus = 'passed' | 'failed' | 'warning' | 'skipped';

/** The reason, stable; src/vscode/text/checks.ts has a sentence for each. */
export type CheckCode =
  // Why nothing was checked
  | 'encrypted'
  | 'opaque'
  | 'absent'
  | 'not_asked'
  | 'not_applicable'
  // signature
  | 'signature_valid'
  | 'signature_invalid'
  | 'signature_missing'
  | 'signature_der'
  | 'signature_length'
  | 'signature_recipient'
  | 'signature_malformed'
  | 'chain_invalid'
  | 'signature_not_checked'
  | 'refused_by_header'
  | 'kid_unknown'
  | 'kid_invalid'
  | 'key_unsuitable'
  | 'key_rejected'
  | 'platform_lacks_alg'
  | 'secret_needed'
  | ErrorCode
  // key
  | 'key_ok'
  | 'key_none'
  | 'kid_differs'
  | 'kid_absent'
  | 'key_base64'
  | 'key_respelled'
  | 'chain_valid'
  | 'keys_outdated'
  | 'rsa_too_short'
  | 'rsa_exponent'
  | 'rsa_roca'
  | 'hmac_too_short'
  | 'private_key_published'
  | 'private_key_given'
  // alg
  | 'alg_allowed'
  | 'alg_none'
  | 'alg_missing'
  | 'alg_not_allowed'
  | 'alg_unsupported'
  | 'alg_symmetric'
  | 'alg_asymmetric'
  // typ
  | 'typ_right'
  | 'typ_any'
  | 'typ_missing'
  | 'typ_generic'
  | 'typ_wrong'
  | 'used_as_other'
  // crit, b64, and the form of the token
  | 'crit_unknown'
  | 'crit_invalid'
  | 'crit_understood'
  | 'b64_false'
  | 'b64_invalid'
  | 'b64_not_critical'
  | 'b64_true'
  | 'b64_detached'
  | 'embedded_key_ignored'
  | 'members_unique'
  | 'members_duplicate'
  | 'not_claims'
  | 'encoding_canonical'
  | 'encoding_ambiguous'
  | 'encoding_base64'
  | 'encoding_latin1'
  | 'form_json'
  | 'form_cut'
  | 'numbers_exact'
  | 'number_rounded'
  // iss, aud, azp, sub, nonce
  | 'matches'
  | 'mismatch'
  | 'missing'
  | 'wrong_type'
  | 'slash_differs'
  | 'azp_missing'
  // times
  | TimeFlaw
  | 'exp_ahead'
  | 'exp_past'
  | 'exp_tolerated'
  | 'nbf_past'
  | 'nbf_ahead'
  | 'nbf_tolerated'
  | 'iat_past'
  | 'iat_ahead'
  // at_hash
  | 'hash_matches'
  | 'hash_mismatch'
  | 'hash_unknown_alg'
  // cnf
  | 'bound'
  | 'bound_elsewhere'
  | 'not_bound'
  // Rules of particular types and issuers
  | 'claims_present'
  | 'claims_missing'
  | 'aud_client_id'
  | 'aud_slash'
  | 'aud_api'
  | 'issuer_alias'
  | 'issuer_v1'
  // SD-JWT
  | 'disclosures_match'
  | 'disclosure_invalid'
  | 'binding_absent'
  | 'binding_valid'
  | 'binding_key_missing'
  | 'binding_malformed'
  | 'binding_signature'
  | 'binding_hash'
  // DPoP proofs
  | 'proof_complete'
  | 'proof_key_missing'
  | 'proof_address'
  | 'proof_old'
  | 'proof_key';

export interface Finding {
  readonly status: CheckStatus;
  readonly code: CheckCode;
  readonly expected?: string;
  /** The token's value, cut to a length that can be shown. */
  readonly found?: string;
  /** A time that the check is about, in milliseconds since the epoch. */
  readonly at?: number;
  readonly data?: ErrorData;
}

export interface Check extends Finding {
  /** The claim's or parameter's own name, or `signature`, `key`, `header_key`, `members`, `encoding`. */
  readonly id: string;
}

export interface KeyInfo {
  readonly kid?: string;
  readonly kty: string;
  readonly alg?: string;
  /** Bits of an RSA modulus or of a secret. */
  readonly size?: number;
  readonly crv?: string;
  /** RFC 7638, SHA-256, base64url. Absent for a secret, which could be guessed from its hash. */
  readonly thumbprint?: string;
  /** The source of the key: the issuer's key set, a given key set, a given key, or the header of a proof. */
  readonly source: 'jwks_uri' | 'jwks' | 'given' | 'header';
}

export interface VerificationResult {
  /** True only if the signature is valid and no check failed. */
  readonly verified: boolean;
  readonly checks: readonly Check[];
  /** The key that the signature was checked with, or would have been. */
  readonly key?: KeyInfo;
  /** The claims of an SD-JWT including all disclosures. */
  readonly disclosed?: JsonObject;
}

export interface CheckInput {
  readonly token: DecodedJws;
  readonly policy: VerificationPolicy;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The known skew between `now` and the issuer's clock. Reported if it explains a failure. */
  readonly skew?: ClockSkew | undefined;
  /** The results of checking the signature and its key; absent if a token is only shown. */
  readonly signature?: Finding | undefined;
  readonly key?: Finding | undefined;
  /** The key is a shared secret from the user. Only then is HMAC allowed. */
  readonly secret?: boolean;
  /** The left half of the access token's hash, base64url, with the hash of the ID token's algorithm. */
  readonly accessTokenHash?: string | undefined;
  /** The certificates in its header lead to one that was given. */
  readonly chained?: boolean;
  /** For an SD-JWT. */
  readonly presentation?: Presentation | undefined;
}

type Details = Omit<Finding, 'status' | 'code'>;

function finding(status: CheckStatus) {
  return (code: CheckCode, details?: Details): Finding => withDetails({ status, code }, details);
}

/**
 * Adds the details member by member: a spread takes several times as long, and each token has about twenty findings.
 */
export function withDetails<Target extends Finding>(
  target: { -readonly [Member in keyof Target]: Target[Member] },
  details: Details | undefined,
): Target {
  if (details === undefined) return target;
  const { expected, found, at, data } = details;
  if (expected !== undefined) target.expected = expected;
  if (found !== undefined) target.found = found;
  if (at !== undefined) target.at = at;
  if (data !== undefined) target.data = data;
  return target;
}

export const passed = finding('passed');
export const failed = finding('failed');
export const warning = finding('warning');
export const skipped = finding('skipped');

/** The longest value that a finding repeats, in characters. */
const shownLimit = 200;

/**
 * A value of a token as text of limited length. Its characters are unchanged: the code that shows it must escape them.
 */
export function limitedText(value: unknown): string {
  const text = textFrom(value);
  return text.length > shownLimit ? `${text.slice(0, shownLimit)}...` : text;
}

/** The same for a member; a number is shown as it is written in the token. */
export function shownMember(object: JsonObject, name: string): string {
  return limitedText(memberText(object, name) ?? '');
}

export type Severity = 'error' | 'warning' | 'info';

export interface ReviewInput {
  readonly header: JsonObject;
  /** Empty if the token is encrypted. */
  readonly payload: JsonObject;
  /** True if the claims can be read and belong to a token for access or sign-in, rather than to a proof or an event. */
  readonly readable: boolean;
  /** base64url, as in the token; `undefined` if the token is encrypted. */
  readonly signature: string | undefined;
  /** Characters of the whole token. */
  readonly size: number;
  readonly use: TokenUse | undefined;
  /** True if the use was determined rather than guessed. */
  readonly certain: boolean;
  /** The results of the verification, or of the checks without keys. */
  readonly checks: readonly Check[];
}

/** The result of a row. Never contains the value of a secret. */
export interface Observation {
  /** The member that it is about. */
  readonly member?: string;
  /** Limited in length; its characters are unchanged. */
  readonly found?: string;
  /** Seconds, characters or rounds. */
  readonly amount?: number;
  readonly check?: Check;
}

export interface ReviewRow {
  readonly id: string;
  readonly severity: Severity;
  readonly section: string;
  readonly part: 'header' | 'payload' | 'signature';
  readonly run: (input: ReviewInput) => Observation | boolean | undefined;
}

/** The disclosures of an SD-JWT, and the check of the holder's signature for this presentation. */
export interface Presentation {
  readonly disclosed: Disclosed;
  readonly names: readonly string[];
  readonly binding: Finding;
}

/** The state of a token's signature and claims. Every view that shows a token shows one of these. */
export type TokenState =
  /** The signature has not been checked yet. */
  | { readonly kind: 'not_checked' }
  | { readonly kind: 'verified' }
  /** The signature is valid, and the only failure is that the token has expired. */
  | { readonly kind: 'expired_valid_signature' }
  | { readonly kind: 'failed'; readonly failed: readonly Check[] }
  /** The token may be genuine, but the key or secret to check it is missing. `reason` is the check of the signature. */
  | { readonly kind: 'unverifiable'; readonly reason: Check };

export type TokenStateKind = TokenState['kind'];

/** @param result of checks with keys; omitted if there were none */
export function tokenStateOf(result: VerificationResult | undefined): TokenState {
  const signature = result?.checks.find(({ id }) => id === 'signature');
  if (result?.verified) return { kind: 'verified' };
  if (result === undefined || signature === undefined) return { kind: 'not_checked' };
  const failed = result.checks.filter(({ status }) => status === 'failed');
  const others = failed.filter(check => check !== signature && check.code !== 'exp_past');
  if (signature.status === 'passed' && others.length === 0) return { kind: 'expired_valid_signature' };
  const repeated = repeatedByAlg[signature.code] ?? 'alg_symmetric';
  const isMissing = lacksKey(signature) && others.every(({ code }) => code === repeated);
  return isMissing ? { kind: 'unverifiable', reason: signature } : { kind: 'failed', failed };
}

/** The state of a token that was checked without a key. An encrypted or opaque token gets the reason. */
export function stateWithoutKey({ checks }: Pick<VerificationResult, 'checks'>): TokenState {
  const reason = checks.find(({ code }) => code === 'encrypted' || code === 'opaque');
  return reason ? { kind: 'unverifiable', reason } : { kind: 'not_checked' };
}

/** True if the signature could not be checked, as opposed to a check that failed. */
function lacksKey({ status, code }: Check): boolean {
  return status === 'skipped' || isErrorCode(code) || lacking.has(code);
}

/** How the check of `alg` repeats that the signature cannot be checked: the secret or the algorithm is missing. */
const repeatedByAlg: Readonly<Record<string, string>> = { platform_lacks_alg: 'alg_unsupported' };

const lacking: ReadonlySet<string> = new Set(['secret_needed', 'platform_lacks_alg', 'signature_recipient']);

/**
 * The issuer that the token names, where it is another than the connection's and all else that was checked is right. Without a
 * valid signature, anyone could have written that name.
 */
export function issuerSigned({ checks }: Pick<VerificationResult, 'checks'>): string | undefined {
  const iss = checks.find(({ id }) => id === 'iss');
  const others = checks.filter(({ id, status }) => status === 'failed' && id !== 'iss' && id !== 'exp');
  const differs = iss?.status === 'failed' && iss.expected !== undefined && iss.found?.startsWith('https://');
  const isSigned = checks.some(({ id, status }) => id === 'signature' && status === 'passed');
  return differs && isSigned && others.length === 0 ? iss.found : undefined;
}
