import { allowedAlgorithms, signatureAlgorithms } from '../tokens/algorithms.ts';
import { type JsonObject, own } from '../tokens/json.ts';
import { embeddedKeyParameters, isNone } from '../tokens/jwt.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import type { CheckInput, Finding } from './checks.ts';
import { failed, passed, shown, skipped, warning } from './finding.ts';

export function alg({ token, policy, secret = false }: CheckInput): Finding {
  const alg = own(token.header, 'alg');
  if (typeof alg !== 'string') return failed('alg_missing');
  const allowed = allowedAlgorithms(policy.algorithms, secret);
  const details = { expected: allowed.join(', '), found: shown(alg) };
  if (isNone(alg)) return failed('alg_none', details);
  if (allowed.includes(alg)) return passed('alg_allowed', details);
  const known = signatureAlgorithms.get(alg);
  if (known === undefined) return failed('alg_unsupported', details);
  if (known.kty === 'oct' && !secret) return failed('alg_symmetric', details);
  if (known.kty !== 'oct' && secret) return failed('alg_asymmetric', details);
  return failed('alg_not_allowed', details);
}

/**
 * Whether the token is of the kind that it is used as. `typ` decides where it says something. Many issuers
 * give access tokens no type of their own: then its claims speak, and silence is a warning.
 */
export function typ({ token, policy }: CheckInput): Finding {
  const typ = own(token.header, 'typ');
  const found = typ === undefined ? {} : { found: shown(typ) };
  const kind = policy.kind ?? 'any';
  if (kind === 'any') return typ === undefined ? skipped('absent') : passed('typ_any', found);
  const expected = kind === 'access_token' ? 'at+jwt' : 'JWT';
  const hint = tokenUse(token);
  if (hint !== undefined && hint.use !== kind) {
    return (hint.certain ? failed : warning)('used_as_other', { expected: kind, found: hint.use });
  }
  if (typ === undefined) return kind === 'id_token' ? skipped('absent') : warning('typ_missing', { expected });
  // RFC 7515 section 4.1.9: media types, case-insensitive, whose "application/" may be left out.
  const name = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined;
  if (name === expected.toLowerCase()) return passed('typ_right', { expected, ...found });
  if (name === 'jwt') return warning('typ_generic', { expected, ...found });
  return failed('typ_wrong', { expected, ...found });
}

/** The only extension that is understood is `b64`, and only to refuse it where it is false. */
export function crit({ token }: { token: { readonly header: JsonObject } }): Finding {
  if (!Object.hasOwn(token.header, 'crit')) return skipped('absent');
  const { crit } = token.header;
  const found = shown(crit);
  if (!Array.isArray(crit) || crit.length === 0) return failed('crit_invalid', { found });
  if (!crit.every(name => typeof name === 'string' && Object.hasOwn(token.header, name))) {
    return failed('crit_invalid', { found });
  }
  const unknown = crit.filter(name => name !== 'b64');
  return unknown.length > 0
    ? failed('crit_unknown', { found: shown(unknown.join(', ')) })
    : passed('crit_understood', { found });
}

export function b64({ token }: { token: { readonly header: JsonObject } }): Finding {
  if (!Object.hasOwn(token.header, 'b64')) return skipped('absent');
  const { b64 } = token.header;
  const details = { expected: 'true', found: shown(b64) };
  if (b64 === true) return passed('b64_true', details);
  return failed(b64 === false ? 'b64_false' : 'b64_invalid', details);
}

export function embeddedKeys({ token }: CheckInput): Finding {
  // A proof of possession has to bring the key that it proves (RFC 9449 section 4.2).
  const isProof = /(?:^|\/)dpop\+jwt$/i.test(String(own(token.header, 'typ')));
  const names = embeddedKeyParameters.filter(name => Object.hasOwn(token.header, name) && !(isProof && name === 'jwk'));
  return names.length > 0 ? warning('embedded_key_ignored', { found: names.join(', ') }) : skipped('absent');
}

export function members({ token }: CheckInput): Finding {
  if (token.content) return failed('not_claims');
  const paths = token.warnings
    .filter(({ code }) => code === 'duplicate_member')
    .map(({ part, path }) => `${part}${path}`);
  return paths.length > 0 ? warning('members_duplicate', { found: shown(paths.join(', ')) }) : passed('members_unique');
}

export function encoding({ token }: CheckInput): Finding {
  const parts = token.warnings.filter(({ code }) => code === 'non_canonical').map(({ part }) => part);
  return parts.length > 0 ? warning('encoding_ambiguous', { found: parts.join(', ') }) : passed('encoding_canonical');
}
