/**
 * Signatures: which key a token asks for, and whether the signature is valid. Web Crypto verifies it, with the key that
 * jose imported for the token's algorithm. Loaded when first needed.
 */
import { classify, WorkbenchError } from '../errors.ts';
import { allowedAlgorithms, isAllowed, lackingAlgorithms, signatureAlgorithms } from '../tokens/algorithms.ts';
import { decodeBase64 } from '../tokens/base64url.ts';
import { type ChainResult, followChain } from '../tokens/certificates.ts';
import { type JsonObject, own, textOf } from '../tokens/json.ts';
import { type DecodedJws, embeddedKeyParameters, isNone } from '../tokens/jwt.ts';
import { certificatesIn } from '../tokens/keyMaterial.ts';
import { type TokenWarningCode, typeOf } from '../tokens/tokenParts.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import { varietyOf } from '../tokens/varieties.ts';
import {
  type CheckInput,
  type Finding,
  failed,
  type KeyInfo,
  limitedText,
  passed,
  shownMember,
  skipped,
  type VerificationPolicy,
  warning,
} from './finding.ts';
import { type JwksClient, type KeyLookup, readKeySet } from './keySets.ts';
import { type KeySet, keyFinding, readJwk, type SelectedKeys, selectKeys, type VerificationKey } from './keys.ts';
import { isProof } from './possession.ts';
import { readKeyText, type SecretForm } from './secretText.ts';

export type KeySource =
  /** A key set that was read already (`readKeySet`), or one as JSON: its object or the array of its keys. */
  | { readonly kind: 'jwks'; readonly keys: KeySet | object }
  /** The issuer's key set. `jwksUri` comes from the issuer or the user, never from the token. */
  | { readonly kind: 'remote'; readonly jwks: JwksClient; readonly jwksUri: string }
  /** A PEM public key or certificate, a JWK or JWK Set, or a shared secret, as pasted by a user. */
  | { readonly kind: 'key'; readonly text: string; readonly form?: SecretForm | undefined }
  /** No key is available, with the error if that is a failure. Everything but the signature is still checked. */
  | { readonly kind: 'none'; readonly error?: WorkbenchError };

/** The result of checking a signature. */
export interface Outcome {
  readonly signature?: Finding;
  readonly key?: { readonly finding: Finding; readonly info: KeyInfo };
}

/**
 * Checks a signature (RFC 7515 section 5.2). If the keys or the header make that impossible, the result is a
 * finding instead of an exception.
 */
export async function checkSignature(
  token: DecodedJws,
  policy: VerificationPolicy,
  found: FoundKeys,
): Promise<Outcome> {
  const outcome = await outcomeOf(token, policy, found);
  return found.chain ? withChain(outcome, found.chain) : outcome;
}

function withChain(outcome: Outcome, chain: ChainResult): Outcome {
  if (!outcome.signature || outcome.signature.code === 'refused_by_header') return outcome;
  if ('flaw' in chain) {
    // The certificate may be the signer's own: then its chain does not matter.
    const { flaw, found: name } = chain;
    return outcome.signature.status === 'passed'
      ? outcome
      : { ...outcome, signature: failed('chain_invalid', { ...(name && { found: name }), data: { reason: flaw } }) };
  }
  const { key } = outcome;
  if (key?.finding.status !== 'passed') return outcome;
  return {
    ...outcome,
    key: { ...key, finding: passed('chain_valid', { found: chain.leaf.name, expected: chain.root.name }) },
  };
}

/** Returns synchronously if no key need be tried. */
function outcomeOf(
  token: DecodedJws,
  policy: VerificationPolicy,
  { keys, secret, given, lookup, error }: FoundKeys,
): Outcome | Promise<Outcome> {
  const { header } = token;
  if (keys === undefined) return error ? { signature: failed(error.code, { data: { ...error.data } }) } : {};
  const refused = refusal(token, policy, secret);
  if (refused) return { signature: refused };
  const alg = textOf(header, 'alg') ?? '';
  const selection = selectKeys(keys, header, given);
  if ('problem' in selection) {
    const kid = own(header, 'kid');
    // The name stands for two curves (RFC 8037 section 3.1), and Web Crypto has one of them.
    const isLacking = ({ crv, kid: id }: VerificationKey) => crv === 'Ed448' && (kid === undefined || id === kid);
    if (alg === 'EdDSA' && selection.problem === 'key_unsuitable' && keys.keys.some(isLacking))
      return { signature: failed('platform_lacks_alg', { found: 'Ed448' }) };
    const details = {
      ...(kid !== undefined && { found: limitedText(kid) }),
      data: { keys: keys.keys.length, ignored: keys.ignored, alg },
    };
    const reason = selection.problem === 'kid_unknown' ? notForOthers(token, alg) : undefined;
    return { signature: reason ?? failed(selection.problem, details) };
  }
  return tryKeys(token, alg, selection, lookup);
}

/** The keys of a source for a token, or why their absence is a failure. */
export interface FoundKeys {
  /** A certificate was given, and the token brings a chain: whether that leads to it. */
  readonly chain?: ChainResult;
  readonly keys?: KeySet;
  readonly error?: WorkbenchError;
  /** True if a shared secret is among them. Only then is HMAC allowed. */
  readonly secret: boolean;
  /** True if the user gave them. */
  readonly given: boolean;
  readonly lookup?: KeyLookup;
}

/** Returns synchronously if the keys are available without waiting. Never throws and never rejects. */
export function keysFrom(source: KeySource, token: DecodedJws, now: number): FoundKeys | Promise<FoundKeys> {
  const { header } = token;
  try {
    switch (source.kind) {
      case 'key':
        return keysGiven(source.text, source.form, token, now).catch(notFound);
      case 'jwks':
        return found(
          isKeySet(source.keys)
            ? source.keys
            : readKeySet(Array.isArray(source.keys) ? { keys: source.keys } : source.keys, 'jwks'),
          false,
        );
      case 'none':
        return { secret: false, given: false, ...(source.error && { error: source.error }) };
      case 'remote':
        return source.jwks
          .keysFor(source.jwksUri, header)
          .then(lookup => ({ ...found(lookup.keys, false), lookup }), notFound);
    }
  } catch (error) {
    return notFound(error);
  }
}

/** A certificate that was given is the signer's, or the one that a chain in `x5c` has to lead to (RFC 7515 section 4.1.6). */
async function keysGiven(
  text: string,
  form: SecretForm | undefined,
  token: DecodedJws,
  now: number,
): Promise<FoundKeys> {
  const keys = found(await readKeyText(text, form), true);
  const x5c = own(token.header, 'x5c');
  const trusted = Array.isArray(x5c) && form === undefined ? certificatesIn(text) : [];
  const given = Array.isArray(x5c) ? x5c.map(each => (typeof each === 'string' ? decodeBase64(each) : undefined)) : [];
  const bytes = given.map(each => each ?? new Uint8Array());
  if (trusted.length === 0 || trusted.some(each => isSame(each, bytes[0]))) return keys;
  const chain = await followChain(bytes, trusted, now, varietyOf(token.compact, token)?.purposes);
  const leaf = 'leaf' in chain ? readJwk(chain.leaf.key as JsonObject, 'header') : undefined;
  return leaf ? { ...found({ keys: [leaf], ignored: 0 }, true), chain } : { ...keys, chain };
}

function isSame(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return one.length === other?.length && one.every((byte, index) => byte === other[index]);
}

function found(keys: KeySet, given: boolean): FoundKeys {
  return { keys, given, secret: keys.keys.some(({ kty }) => kty === 'oct') };
}

function notFound(error: unknown): FoundKeys {
  return { error: classify(error), secret: false, given: false };
}

/** True for a set that was read already. */
export function isKeySet(keys: KeySet | object): keys is KeySet {
  return 'keys' in keys && 'ignored' in keys;
}

/** A flaw of the header that no key can make up for. The rows of checks.ts report the details. */
function refusal(token: DecodedJws, policy: VerificationPolicy, secret: boolean): Finding | undefined {
  const { header, signature } = token;
  const alg = own(header, 'alg');
  if (signature === '' && !isNone(alg)) return failed('signature_missing');
  if (typeof alg !== 'string' || !isAllowed(alg, policy.algorithms, secret)) {
    if (typeof alg === 'string' && lackingAlgorithms.includes(alg) && (policy.algorithms?.includes(alg) ?? true))
      return failed('platform_lacks_alg', { found: alg });
    return typeof alg === 'string' && signatureAlgorithms.get(alg)?.kty === 'oct' && !secret
      ? failed('secret_needed')
      : failed('refused_by_header', { found: 'alg' });
  }
  if (crit({ token }).status === 'failed') return failed('refused_by_header', { found: 'crit' });
  if (b64({ token }).status === 'failed') return failed('refused_by_header', { found: 'b64' });
  return undefined;
}

/** Known reasons why a signature by the right key is invalid. */
function whyInvalid(token: DecodedJws, alg: string): Finding | undefined {
  const bytes = decodeBase64(token.signature);
  const known = signatureAlgorithms.get(alg);
  if (bytes && known && !known.varies && !known.bytes.includes(bytes.length)) {
    const details = { expected: String(known.bytes[0]), found: String(bytes.length) };
    // An ASN.1 sequence of two integers (X.690): the default of OpenSSL and Java for ECDSA.
    const isDer = alg.startsWith('ES') && bytes[0] === 0x30 && (bytes[2] === 0x02 || bytes[3] === 0x02);
    return failed(isDer ? 'signature_der' : 'signature_length', details);
  }
  return notForOthers(token, alg);
}

/** The finding for a token that only its recipient or its issuer can verify. */
function notForOthers(token: DecodedJws, alg: string): Finding | undefined {
  const variety = varietyOf(token.compact, token);
  if (variety?.verifiers !== 'recipient' && variety?.verifiers !== 'issuer') return undefined;
  return failed('signature_recipient', { found: alg, data: { variety: variety.id } });
}

/** Several keys may share a `kid` (RFC 7517 section 4.5), and a token may have none: tries each key that fits. */
async function tryKeys(
  token: DecodedJws,
  alg: string,
  { keys, kid }: SelectedKeys,
  lookup: KeyLookup | undefined,
): Promise<Outcome> {
  let first: Outcome = {};
  for (const key of keys) {
    const info = await key.info();
    const finding = judge(key, alg, info, kid, lookup);
    const outcome = { key: { info, finding }, signature: await tryKey(token, alg, key) };
    if (outcome.signature.status === 'passed') return outcome;
    if (!first.signature || first.signature.code === 'key_rejected') first = outcome;
  }
  if (!first.signature) throw new WorkbenchError('internal', { type: 'no key' });
  const reason = first.signature.code === 'signature_invalid' ? whyInvalid(token, alg) : undefined;
  if (reason) return { ...first, signature: reason };
  return keys.length === 1 ? first : { ...first, signature: { ...first.signature, data: { tried: keys.length } } };
}

async function tryKey(token: DecodedJws, alg: string, key: VerificationKey): Promise<Finding> {
  const details = { found: alg };
  // NIST SP 800-131A and RFC 7518 section 3.3: no signature by such a key counts.
  if (key.weakness?.code === 'rsa_too_short') return failed('key_rejected', details);
  let cryptoKey: CryptoKey;
  try {
    cryptoKey = await key.cryptoKey(alg);
  } catch (error) {
    // Web Crypto's error for a missing algorithm; most implementations have no ML-DSA yet.
    const lacking = error instanceof Error && error.name === 'NotSupportedError';
    return failed(lacking ? 'platform_lacks_alg' : 'key_rejected', details);
  }
  const hash = signatureAlgorithms.get(alg)?.hash ?? 'SHA-256';
  // RFC 7518 section 3.5: the salt is as long as the hash.
  const parameters = { name: cryptoKey.algorithm.name, hash, saltLength: Number(hash.slice(4)) / 8 };
  const signature = decodeBase64(token.signature) ?? new Uint8Array();
  try {
    const valid = await crypto.subtle.verify(parameters, cryptoKey, signature, signedBytes(token));
    return valid ? passed('signature_valid', details) : failed('signature_invalid', details);
  } catch (error) {
    // A key that is for something else. Any other error is about the signature: some platforms refuse a wrong length.
    const isUnfit = error instanceof Error && error.name === 'InvalidAccessError';
    return failed(isUnfit ? 'key_rejected' : 'signature_invalid', details);
  }
}

/**
 * What the signature is computed over (RFC 7515 section 5.2): header and payload as they are written. Content that is
 * kept apart may be signed as it is (RFC 7797 section 3).
 */
function signedBytes({ compact, header, form }: DecodedJws): Uint8Array<ArrayBuffer> {
  if (form?.kind !== 'detached' || own(header, 'b64') !== false)
    return signed.encode(compact.slice(0, compact.lastIndexOf('.')));
  const head = signed.encode(compact.slice(0, compact.indexOf('.') + 1));
  const bytes = new Uint8Array(head.length + form.bytes.length);
  bytes.set(head);
  bytes.set(form.bytes, head.length);
  return bytes;
}

const signed = new TextEncoder();

function judge(
  key: VerificationKey,
  alg: string,
  info: KeyInfo,
  kid: 'differs' | 'absent' | undefined,
  lookup: KeyLookup | undefined,
): Finding {
  const finding = keyFinding(key, alg, info);
  if (finding.status !== 'passed') return finding;
  if (lookup?.outdated) {
    return warning('keys_outdated', {
      at: lookup.fetchedAt,
      data: { ...lookup.outdated.data, error: lookup.outdated.code },
    });
  }
  if (kid === 'differs') return warning('kid_differs', { ...(info.kid !== undefined && { found: info.kid }) });
  if (kid === 'absent') return warning('kid_absent');
  return finding;
}

export function alg({ token, policy, secret = false }: CheckInput): Finding {
  const alg = own(token.header, 'alg');
  if (typeof alg !== 'string') return failed('alg_missing');
  const allowed = allowedAlgorithms(policy.algorithms, secret);
  const details = { expected: allowed.join(', '), found: limitedText(alg) };
  if (isNone(alg)) return failed('alg_none', details);
  if (allowed.includes(alg)) return passed('alg_allowed', details);
  const known = signatureAlgorithms.get(alg);
  if (known === undefined) return failed('alg_unsupported', details);
  if (known.kty === 'oct' && !secret) return failed('alg_symmetric', details);
  if (known.kty !== 'oct' && secret) return failed('alg_asymmetric', details);
  return failed('alg_not_allowed', details);
}

/**
 * Whether the token is of the kind that it is used as. `typ` decides if it is specific. Many issuers give access tokens
 * no type of their own; then the claims decide, and if they do not tell, the result is a warning.
 */
export function typ({ token, policy }: CheckInput): Finding {
  const typ = own(token.header, 'typ');
  const found = typ === undefined ? {} : { found: shownMember(token.header, 'typ') };
  const kind = policy.kind ?? 'any';
  if (kind === 'any') return typ === undefined ? skipped('absent') : passed('typ_any', found);
  const expected = kind === 'access_token' ? 'at+jwt' : 'JWT';
  const hint = tokenUse(token);
  if (hint !== undefined && hint.use !== kind) {
    return (hint.certain ? failed : warning)('used_as_other', { expected: kind, found: hint.use });
  }
  if (typ === undefined) return kind === 'id_token' ? skipped('absent') : warning('typ_missing', { expected });
  // RFC 7515 section 4.1.9: `typ` is a media type, case-insensitive, whose "application/" may be omitted.
  const name = typeOf(token.header);
  if (name === expected.toLowerCase()) return passed('typ_right', { expected, ...found });
  if (name === 'jwt') return warning('typ_generic', { expected, ...found });
  return failed('typ_wrong', { expected, ...found });
}

/** The only extension that is understood is `b64`, in order to reject a false one. */
export function crit({ token }: Pick<CheckInput, 'token'>): Finding {
  if (!Object.hasOwn(token.header, 'crit')) return skipped('absent');
  const { crit } = token.header;
  const found = limitedText(crit);
  if (!Array.isArray(crit) || crit.length === 0) return failed('crit_invalid', { found });
  if (!crit.every(name => typeof name === 'string' && Object.hasOwn(token.header, name))) {
    return failed('crit_invalid', { found });
  }
  const unknown = crit.filter(name => name !== 'b64');
  return unknown.length > 0
    ? failed('crit_unknown', { found: limitedText(unknown.join(', ')) })
    : passed('crit_understood', { found });
}

export function b64({ token }: Pick<CheckInput, 'token'>): Finding {
  if (!Object.hasOwn(token.header, 'b64')) return skipped('absent');
  const { b64, crit } = token.header;
  const details = { expected: 'true', found: limitedText(b64) };
  if (b64 === true) return passed('b64_true', details);
  // A JWT must not use it (RFC 7797 section 7); it is meant for detached content.
  const isContent = token.form?.kind === 'detached' && !/jwt$/i.test(textOf(token.header, 'typ') ?? '');
  // RFC 7797 section 6: a reader that does not know `b64` would check the signature of other bytes.
  const isCritical = Array.isArray(crit) && crit.includes('b64');
  if (b64 === false && isContent)
    return isCritical ? passed('b64_detached', details) : failed('b64_not_critical', details);
  return failed(b64 === false ? 'b64_false' : 'b64_invalid', details);
}

export function embeddedKeys({ token, chained }: CheckInput): Finding {
  if (token.warnings.length === 0) return skipped('absent');
  // A proof of possession must contain the key that it proves (RFC 9449 section 4.2).
  const proves = isProof(token.header);
  const names = embeddedKeyParameters.filter(
    name => Object.hasOwn(token.header, name) && !(proves && name === 'jwk') && !(chained && name === 'x5c'),
  );
  return names.length > 0 ? warning('embedded_key_ignored', { found: names.join(', ') }) : skipped('absent');
}

export function members({ token }: CheckInput): Finding {
  // Content must not pass as a JWT; with a detached signature it is only a warning.
  if (token.content) return (token.form?.kind === 'detached' ? warning : failed)('not_claims');
  if (token.warnings.length === 0) return passed('members_unique');
  const paths = token.warnings
    .filter(({ code }) => code === 'duplicate_member')
    .map(({ part, path }) => `${part}${path}`);
  return paths.length > 0
    ? warning('members_duplicate', { found: limitedText(paths.join(', ')) })
    : passed('members_unique');
}

export function encoding({ token, policy }: CheckInput): Finding {
  const parts = (code: TokenWarningCode) => {
    const found = token.warnings.filter(each => each.code === code).map(({ part }) => part);
    return found.length > 0 ? found.join(', ') : undefined;
  };
  // A JWT is never in this form (RFC 7519 section 1), and readers that accepted it have been exploited.
  if (token.form?.kind === 'json') {
    const isJwt = (policy.kind ?? 'any') !== 'any' || policy.issuer !== undefined;
    return (isJwt ? failed : warning)('form_json', { found: String(token.form.others.length + 1) });
  }
  if (token.form?.kind === 'cut') return failed('form_cut');
  if (token.warnings.length === 0) return passed('encoding_canonical');
  const [ambiguous, base64, latin1] = [parts('non_canonical'), parts('base64'), parts('not_utf8')];
  if (ambiguous !== undefined) return failed('encoding_ambiguous', { found: ambiguous });
  if (base64 !== undefined) return warning('encoding_base64', { found: base64 });
  return latin1 === undefined ? passed('encoding_canonical') : warning('encoding_latin1', { found: latin1 });
}

export function numbers({ token }: CheckInput): Finding {
  if (token.warnings.length === 0) return passed('numbers_exact');
  const rounded = token.warnings.filter(({ code }) => code === 'number_rounded');
  if (rounded.length === 0) return passed('numbers_exact');
  return warning('number_rounded', {
    found: limitedText(rounded.map(({ path, found }) => `${path}: ${found}`).join(', ')),
  });
}
