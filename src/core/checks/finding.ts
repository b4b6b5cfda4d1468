import type { ErrorCode, ErrorData } from '../errors.ts';
import { isErrorCode } from '../errorTable.ts';
import type { ClockSkew } from '../records/clockSkew.ts';
import type { Disclosed } from '../tokens/forms.ts';
import { type JsonObject, memberText, textFrom } from '../tokens/json.ts';
import type { DecodedJws } from '../tokens/jwt.ts';
import type { TimeFlaw } from '../tokens/tokenParts.ts';
import type { TokenUse } from '../tokens/tokenUse.ts';

/** What a token has to be. Members that are left out are not asked for, except where it says so. */
export interface VerificationPolicy {
  readonly issuer?: string;
  /** One of them has to be in `aud`. For an ID token `clientId` stands in where this is left out. */
  readonly audience?: string | readonly string[];
  /** Only these; without it every asymmetric algorithm, or every HMAC where the key is a shared secret. */
  readonly algorithms?: readonly string[];
  readonly kind?: TokenKind;
  readonly clientId?: string;
  /** Seconds by which clocks may differ; none where it is left out. */
  readonly clockTolerance?: number;
  /** The access token that came with the ID token, for `at_hash`. */
  readonly accessToken?: string;
  readonly nonce?: string;
  /** What the holder of the token can show: the thumbprints of a key (DPoP) and of a certificate (mutual TLS). */
  readonly holder?: {
    readonly jkt?: string | undefined;
    readonly 'x5t#S256'?: string | undefined;
    /** The token has to be bound to the key. */
    readonly required: boolean;
  };
  /** The `aud` of the key binding of an SD-JWT: the verifier that asked for the presentation. */
  readonly presentedTo?: string;
  /** Whose token it has to be, as when an ID token is refreshed (OpenID Connect Core section 12.2). */
  readonly subject?: string;
  /** True where it is left out: a token without an end is refused. */
  readonly requireExp?: boolean;
}

export type TokenKind = 'access_token' | 'id_token' | 'any';

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
  // What a type or an issuer has rules of its own for
  | 'claims_present'
  | 'claims_missing'
  | 'aud_client_id'
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
  /** What the token says, cut to a length that can be shown. */
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
  /** RFC 7638, SHA-256, base64url. None for a secret: a hash of it could be guessed back. */
  readonly thumbprint?: string;
  /** Where the key came from: the issuer's key set, a key set or a key that was given, or the header of a proof. */
  readonly source: 'jwks_uri' | 'jwks' | 'given' | 'header';
}

export interface VerificationResult {
  /** True only where the signature is valid and no check failed. */
  readonly verified: boolean;
  readonly checks: readonly Check[];
  /** The key that the signature was checked with, or would have been. */
  readonly key?: KeyInfo;
  /** The claims of an SD-JWT with all that was disclosed. */
  readonly disclosed?: JsonObject;
}

export interface CheckInput {
  readonly token: DecodedJws;
  readonly policy: VerificationPolicy;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How far that is from the issuer's clock, where it is known: named where it explains a failure. */
  readonly skew?: ClockSkew | undefined;
  /** What came of the signature and of a look at its key; left out where a token is only shown. */
  readonly signature?: Finding | undefined;
  readonly key?: Finding | undefined;
  /** The key is a shared secret that the user gave: the only case in which HMAC is allowed. */
  readonly secret?: boolean;
  /** The left half of the access token's hash, base64url, under the algorithm that the ID token names. */
  readonly accessTokenHash?: string | undefined;
  /** Of an SD-JWT. */
  readonly presentation?: Presentation | undefined;
}

type Details = Omit<Finding, 'status' | 'code'>;

function finding(status: CheckStatus) {
  return (code: CheckCode, details?: Details): Finding => withDetails({ status, code }, details);
}

/** Adds them member by member: a spread takes several times as long, and each token has a score of findings. */
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

/** The longest value that a finding repeats. */
const shownLimit = 200;

/** A value of a token as text of bounded length. Its characters are as they come: the place that shows it escapes them. */
export function shown(value: unknown): string {
  const text = textFrom(value);
  return text.length > shownLimit ? `${text.slice(0, shownLimit)}...` : text;
}

/** The same of a member, whose number is shown as it is written. */
export function shownMember(object: JsonObject, name: string): string {
  return shown(memberText(object, name) ?? '');
}

export type Severity = 'error' | 'warning' | 'info';

export interface ReviewInput {
  readonly header: JsonObject;
  /** Empty where the token is encrypted. */
  readonly payload: JsonObject;
  /** Its claims can be read, and are those of a token for access or sign-in, not of a proof or an event. */
  readonly readable: boolean;
  /** base64url, as it stands in the token; `undefined` where the token is encrypted. */
  readonly signature: string | undefined;
  /** Characters of the whole token. */
  readonly size: number;
  readonly use: TokenUse | undefined;
  /** The use was not guessed. */
  readonly certain: boolean;
  /** What the verification, or a look without keys, found. */
  readonly checks: readonly Check[];
}

/** What a row found. Never the value of a secret. */
export interface Observation {
  /** The member that it is about. */
  readonly member?: string;
  /** Bounded in length; its characters are as they come. */
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

/** What an SD-JWT discloses, and whether its holder signed for this presentation. */
export interface Presentation {
  readonly disclosed: Disclosed;
  readonly names: readonly string[];
  readonly binding: Finding;
}

/** What is known of a token's signature and claims, in one word: every place that shows a token shows one of these. */
export type TokenState =
  /** The signature was not checked yet. */
  | { readonly kind: 'not_checked' }
  | { readonly kind: 'verified' }
  /** The issuer signed it, and the only thing against it is that it has ended. */
  | { readonly kind: 'expired_valid_signature' }
  | { readonly kind: 'failed'; readonly failed: readonly Check[] }
  /** It may be genuine: what it takes to tell is missing. `reason` is the check of the signature. */
  | { readonly kind: 'unverifiable'; readonly reason: Check };

export type TokenStateKind = TokenState['kind'];

/** @param result of checks with keys; left out where none were made */
export function tokenStateOf(result: VerificationResult | undefined): TokenState {
  const signature = result?.checks.find(({ id }) => id === 'signature');
  if (result?.verified) return { kind: 'verified' };
  if (result === undefined || signature === undefined) return { kind: 'not_checked' };
  const failed = result.checks.filter(({ status }) => status === 'failed');
  const others = failed.filter(check => check !== signature && check.code !== 'exp_past');
  if (signature.status === 'passed' && others.length === 0) return { kind: 'expired_valid_signature' };
  // Without the secret no HMAC is allowed: that says the same once more.
  const isMissing = lacksKey(signature) && others.every(({ code }) => code === 'alg_symmetric');
  return isMissing ? { kind: 'unverifiable', reason: signature } : { kind: 'failed', failed };
}

/** What the checks of a token come to that only exist without a key: those that cannot be had say why. */
export function unkeyedState({ checks }: Pick<VerificationResult, 'checks'>): TokenState {
  const reason = checks.find(({ code }) => code === 'encrypted' || code === 'opaque');
  return reason ? { kind: 'unverifiable', reason } : { kind: 'not_checked' };
}

/** A check of the signature that could not be made, as against one that failed. */
function lacksKey({ status, code }: Check): boolean {
  return status === 'skipped' || isErrorCode(code) || lacking.has(code);
}

const lacking: ReadonlySet<string> = new Set(['secret_needed', 'platform_lacks_alg', 'signature_recipient']);
