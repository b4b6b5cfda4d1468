/**
 * Tokens whose holder proves possession of a key: DPoP proofs (RFC 9449) and the key binding of an SD-JWT (RFC 9901).
 * They contain or name the key themselves, so a valid signature proves possession of the key but not an identity.
 */
import { digestOf, disclose, type Form } from '../tokens/forms.ts';
import { isObject, type JsonObject, own, textOf } from '../tokens/json.ts';
import { type DecodedJws, tryDecode } from '../tokens/jwt.ts';
import { numericDate, typeOf } from '../tokens/tokenParts.ts';
import type { Presentation } from './finding.ts';
import {
  type CheckInput,
  type Finding,
  failed,
  limitedText,
  passed,
  skipped,
  type VerificationPolicy,
  warning,
} from './finding.ts';
import type { KeySet } from './keys.ts';

type SdJwt = Extract<Form, { kind: 'sd_jwt' }>;

/** Checks the signature of a JWT with the given keys. */
export type CheckWith = (token: DecodedJws, keys: KeySet) => Promise<Finding>;

export async function readPresentation(
  token: DecodedJws,
  { disclosures, keyBinding }: SdJwt,
  policy: VerificationPolicy,
  readKey: (jwk: JsonObject) => KeySet | undefined,
  check: CheckWith,
): Promise<Presentation> {
  const disclosed = await disclose(token.payload, disclosures);
  const names = disclosures.map(({ name }) => name ?? '...');
  // The hash covers everything before the key binding, including the last "~".
  const bound = `${[token.compact, ...disclosures.map(({ encoded }) => encoded)].join('~')}~`;
  const binding = await bindingOf(
    bound,
    textOf(token.payload, '_sd_alg') ?? 'sha-256',
    disclosed.payload,
    keyBinding,
    policy,
    readKey,
    check,
  );
  return { disclosed, names, binding };
}

async function bindingOf(
  bound: string,
  hash: string,
  payload: JsonObject,
  keyBinding: string | undefined,
  policy: VerificationPolicy,
  readKey: (jwk: JsonObject) => KeySet | undefined,
  check: CheckWith,
): Promise<Finding> {
  const cnf = own(payload, 'cnf');
  if (keyBinding === undefined) return cnf === undefined ? skipped('absent') : skipped('binding_absent');
  const jwk = isObject(cnf) ? own(cnf, 'jwk') : undefined;
  const keys = isObject(jwk) ? readKey(jwk) : undefined;
  if (!keys) return failed('binding_key_missing', { found: limitedText(cnf) });
  const decoded = tryDecode(keyBinding);
  if ('error' in decoded || decoded.kind !== 'jws') return failed('binding_malformed');
  const typ = textOf(decoded.header, 'typ') ?? '';
  if (typ.toLowerCase() !== 'kb+jwt') return failed('typ_wrong', { expected: 'kb+jwt', found: typ });
  const signature = await check(decoded, keys);
  if (signature.status !== 'passed') return failed('binding_signature', { found: limitedText(signature.found ?? '') });
  const expected = await digestOf(bound, hash.toUpperCase()).catch(() => undefined);
  const found = textOf(decoded.payload, 'sd_hash');
  if (expected === undefined || found !== expected)
    return failed('binding_hash', { found: limitedText(found ?? ''), ...(expected && { expected }) });
  for (const [name, wanted] of [
    ['nonce', policy.nonce],
    ['aud', policy.presentedTo],
  ] as const) {
    const value = own(decoded.payload, name);
    if (typeof value !== 'string') return failed('claims_missing', { found: name });
    if (wanted !== undefined && wanted !== value)
      return failed('mismatch', { expected: wanted, found: limitedText(value) });
  }
  if (!('at' in numericDate(own(decoded.payload, 'iat')))) return failed('claims_missing', { found: 'iat' });
  return passed('binding_valid', { found: limitedText(own(decoded.payload, 'aud')) });
}

export function disclosures({ presentation }: CheckInput): Finding {
  if (!presentation) return skipped('absent');
  const { disclosed, names } = presentation;
  const details = { found: limitedText(names.join(', ')), data: { hidden: disclosed.hidden } };
  return disclosed.problem
    ? failed('disclosure_invalid', { ...details, data: { reason: disclosed.problem } })
    : passed('disclosures_match', details);
}

export function keyBinding({ presentation }: CheckInput): Finding {
  return presentation?.binding ?? skipped('absent');
}

/** True for a DPoP proof (RFC 9449 section 4.2), which must contain the key that it proves. */
export function isProof(header: JsonObject): boolean {
  return typeOf(header) === 'dpop+jwt';
}

/** Milliseconds. Issuers accept a proof for a few seconds to a few minutes. */
const proofLife = 5 * 60_000;

/** RFC 9449 section 4.3, as far as it can be checked without the request. */
export function proof({ token, policy, now, accessTokenHash }: CheckInput): Finding {
  if (!isProof(token.header)) return skipped('absent');
  const { htm, htu, ath } = token.payload;
  if (!isObject(own(token.header, 'jwk'))) return failed('proof_key_missing');
  if (typeof htm !== 'string' || typeof htu !== 'string') return failed('claims_missing', { found: 'htm, htu' });
  if (/[?#]/.test(htu)) return failed('proof_address', { found: limitedText(htu) });
  if (policy.accessToken !== undefined && ath !== accessTokenHash)
    return failed('hash_mismatch', {
      found: limitedText(ath ?? ''),
      ...(accessTokenHash && { expected: accessTokenHash }),
    });
  const date = numericDate(own(token.payload, 'iat'));
  const details = { found: limitedText(`${htm} ${htu}`) };
  if ('at' in date && now > date.at + proofLife) return warning('proof_old', { ...details, at: date.at });
  return passed('proof_complete', details);
}
