import { allowedAlgorithms, signatureAlgorithms } from '../tokens/algorithms.ts';
import { own, textOf } from '../tokens/json.ts';
import { embeddedKeyParameters, isNone } from '../tokens/jwt.ts';
import type { TokenWarningCode } from '../tokens/tokenParts.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import { type CheckInput, type Finding, failed, passed, shown, skipped, warning } from './finding.ts';
import { isProof } from './possession.ts';

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
export function crit({ token }: Pick<CheckInput, 'token'>): Finding {
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

export function b64({ token }: Pick<CheckInput, 'token'>): Finding {
  if (!Object.hasOwn(token.header, 'b64')) return skipped('absent');
  const { b64 } = token.header;
  const details = { expected: 'true', found: shown(b64) };
  if (b64 === true) return passed('b64_true', details);
  // A JWT may not have it (RFC 7797 section 7); content that is kept apart is what it was made for.
  const isContent = token.form?.kind === 'detached' && !/jwt$/i.test(textOf(token.header, 'typ') ?? '');
  if (b64 === false && isContent) return passed('b64_detached', details);
  return failed(b64 === false ? 'b64_false' : 'b64_invalid', details);
}

export function embeddedKeys({ token }: CheckInput): Finding {
  // A proof of possession has to bring the key that it proves (RFC 9449 section 4.2).
  const proves = isProof(token.header);
  const names = embeddedKeyParameters.filter(name => Object.hasOwn(token.header, name) && !(proves && name === 'jwk'));
  return names.length > 0 ? warning('embedded_key_ignored', { found: names.join(', ') }) : skipped('absent');
}

export function members({ token }: CheckInput): Finding {
  // Content never passes for a JWT; where somebody gave it to a detached signature, that was not meant.
  if (token.content) return (token.form?.kind === 'detached' ? warning : failed)('not_claims');
  const paths = token.warnings
    .filter(({ code }) => code === 'duplicate_member')
    .map(({ part, path }) => `${part}${path}`);
  return paths.length > 0 ? warning('members_duplicate', { found: shown(paths.join(', ')) }) : passed('members_unique');
}

export function encoding({ token, policy }: CheckInput): Finding {
  const parts = (code: TokenWarningCode) => {
    const found = token.warnings.filter(each => each.code === code).map(({ part }) => part);
    return found.length > 0 ? found.join(', ') : undefined;
  };
  // A JWT is never in this form (RFC 7519 section 1), and readers that take it for one have been fooled.
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
  const rounded = token.warnings.filter(({ code }) => code === 'number_rounded');
  if (rounded.length === 0) return passed('numbers_exact');
  return warning('number_rounded', { found: shown(rounded.map(({ path, found }) => `${path}: ${found}`).join(', ')) });
}
