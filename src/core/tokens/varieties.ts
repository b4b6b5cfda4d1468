/**
 * The varieties of tokens in practice, one row each: how it is recognized, its rules, and who can verify it. To add one,
 * add a row here, its sentence in src/vscode/text/varieties.ts and a sample in test/docs/samples.ts. docs/tokens.md is
 * generated from this table (`npm run docs`). A recognized token need not be genuine: anyone can write any of
 * these names into a token.
 */

import { decodeBase64 } from './base64url.ts';
import { foreignVarieties } from './foreignVarieties.ts';
import { issuerVarieties } from './issuerVarieties.ts';
import { isObject, type JsonObject, own, readJson, textOf } from './json.ts';
import type { DecodedToken } from './jwt.ts';
import { typeOf } from './tokenParts.ts';
import { type ExaminedToken, hasMembers, rfc, typed, type Variety } from './variety.ts';

/** The first matching row counts, so rows are ordered by form, type, issuer and claims. */
export const varieties: readonly Variety[] = [
  // --- By form ---
  {
    id: 'sd_jwt_kb',
    name: 'SD-JWT with key binding',
    source: rfc(9901, '4.3'),
    verifiers: 'published_keys',
    is: seen => seen.form === 'sd_jwt' && !seen.text.endsWith('~') && hasMembers(seen.payload, 'cnf'),
    endless: true,
  },
  {
    id: 'sd_jwt',
    name: 'SD-JWT',
    source: rfc(9901),
    verifiers: 'published_keys',
    is: seen => seen.form === 'sd_jwt',
    endless: true,
  },
  {
    id: 'health_card',
    name: 'SMART Health Card',
    source: 'https://spec.smarthealth.cards/#health-cards-are-encoded-as-compact-serialization-json-web-signatures-jws',
    verifiers: 'published_keys',
    is: seen => seen.form === 'digits' || (seen.kind === 'jws' && own(seen.header, 'zip') === 'DEF'),
    endless: true,
    keysAt: ({ iss }) => (iss.startsWith('https://') ? `${iss}/.well-known/jwks.json` : undefined),
  },
  {
    id: 'github_installation',
    name: 'GitHub installation token',
    source: 'https://github.com/Yelp/detect-secrets/issues/958',
    verifiers: 'issuer',
    is: ({ text }) => text.startsWith('ghs_') && text.includes('.'),
  },
  {
    id: 'vapid',
    name: 'VAPID header of a push request',
    source: rfc(8292, '3'),
    verifiers: 'own_key',
    is: ({ text }) => text.startsWith('vapid '),
  },
  {
    id: 'jws_json',
    name: 'JWS in JSON serialization',
    source: rfc(7515, '7.2'),
    verifiers: 'published_keys',
    is: seen => seen.form === 'json',
    endless: true,
  },
  {
    id: 'cut',
    name: 'JWT without its signature',
    source: 'https://github.com/DevToys-app/DevToys/issues/1032',
    verifiers: 'issuer',
    is: seen => seen.form === 'cut',
  },
  {
    id: 'alb',
    name: 'AWS load balancer token (x-amzn-oidc-data)',
    source: 'https://github.com/awsdocs/elb-application-load-balancers-user-guide/issues/42',
    verifiers: 'published_keys',
    is: seen =>
      seen.kind === 'jws' &&
      hasMembers(seen.header, 'signer', 'client') &&
      (textOf(seen.header, 'signer') ?? '').startsWith('arn:aws'),
    keysAt: ({ header }) => {
      const region = (textOf(header, 'signer') ?? '').split(':')[3] ?? '';
      const kid = textOf(header, 'kid') ?? '';
      return /^[a-z\d-]{5,25}$/.test(region) && /^[\w-]{1,80}$/.test(kid)
        ? `https://public-keys.auth.elb.${region}.amazonaws.com/${kid}`
        : undefined;
    },
    endless: true,
  },
  // --- Encrypted ---
  {
    id: 'auth0_opaque',
    name: 'Auth0 access token without an audience',
    source: 'https://github.com/mozilla/doorman/issues/101',
    verifiers: 'issuer',
    is: ({ kind, header }) => kind === 'jwe' && /^https:\/\/[^/]+\.auth0\.com\/$/.test(textOf(header, 'iss') ?? ''),
  },
  {
    id: 'authjs',
    name: 'Auth.js session',
    source: 'https://github.com/nextauthjs/next-auth/blob/main/packages/core/src/jwt.ts',
    verifiers: 'secret',
    is: ({ kind, header }) => {
      return (
        kind === 'jwe' && own(header, 'alg') === 'dir' && /^A256(?:CBC-HS512|GCM)$/.test(textOf(header, 'enc') ?? '')
      );
    },
  },
  // --- By type ---
  typed('dpop_proof', 'DPoP proof', 'dpop+jwt', rfc(9449, '4.2'), 'own_key', {
    required: ['jti', 'htm', 'htu', 'iat'],
    endless: true,
  }),
  typed(
    'logout_token',
    'Logout token',
    'logout+jwt',
    'https://openid.net/specs/openid-connect-backchannel-1_0.html',
    'published_keys',
    { required: ['iss', 'aud', 'iat', 'exp', 'jti', 'events'] },
  ),
  typed('security_event', 'Security event token', 'secevent+jwt', rfc(8417, '2.2'), 'published_keys', {
    required: ['iss', 'iat', 'jti', 'events'],
    endless: true,
  }),
  typed('key_binding', 'Key binding JWT', 'kb+jwt', rfc(9901, '4.3'), 'own_key', {
    required: ['iat', 'aud', 'nonce', 'sd_hash'],
    endless: true,
  }),
  typed(
    'status_list',
    'Status list token',
    'statuslist+jwt',
    'https://datatracker.ietf.org/doc/draft-ietf-oauth-status-list/',
    'published_keys',
    { required: ['sub', 'iat', 'status_list'], endless: true },
  ),
  typed(
    'entity_statement',
    'Entity statement',
    'entity-statement+jwt',
    'https://openid.net/specs/openid-federation-1_0.html',
    'own_key',
    { required: ['iss', 'sub', 'iat', 'exp', 'jwks'] },
  ),
  typed(
    'verifiable_credential',
    'W3C verifiable credential',
    ['vc+jwt', 'vp+jwt'],
    'https://www.w3.org/TR/vc-jose-cose/',
    'published_keys',
    { endless: true },
  ),
  typed(
    'client_attestation',
    'Client attestation',
    'oauth-client-attestation+jwt',
    'https://datatracker.ietf.org/doc/draft-ietf-oauth-attestation-based-client-auth/',
    'published_keys',
    { required: ['sub', 'exp', 'cnf'] },
  ),
  typed(
    'attestation_pop',
    'Client attestation proof',
    'oauth-client-attestation-pop+jwt',
    'https://datatracker.ietf.org/doc/draft-ietf-oauth-attestation-based-client-auth/',
    'own_key',
    { required: ['aud', 'jti', 'iat'], endless: true },
  ),
  typed('introspection', 'Introspection response', 'token-introspection+jwt', rfc(9701, '5'), 'published_keys', {
    required: ['iss', 'aud', 'iat', 'token_introspection'],
    endless: true,
  }),
  typed('request_object', 'Request object (JAR)', 'oauth-authz-req+jwt', rfc(9101, '10.8'), 'published_keys', {
    required: ['client_id'],
    endless: true,
  }),
  typed(
    'id_jag',
    'Identity assertion grant (ID-JAG)',
    'oauth-id-jag+jwt',
    'https://datatracker.ietf.org/doc/draft-ietf-oauth-identity-assertion-authz-grant/',
    'published_keys',
    { required: ['iss', 'sub', 'aud', 'client_id', 'jti', 'exp', 'iat'] },
  ),
  typed(
    'vci_proof',
    'OpenID4VCI key proof',
    'openid4vci-proof+jwt',
    'https://openid.net/specs/openid-4-verifiable-credential-issuance-1_0.html',
    'own_key',
    { required: ['aud', 'iat'], endless: true },
  ),
  ...issuerVarieties,
  ...foreignVarieties,
];

const byType = new Map(
  varieties.flatMap(each => (each.required && each.types ? each.types.map(typ => [typ, each] as const) : [])),
);

/** The variety of a type of its own in the header, with its rules. No token of these is issued to a client for its use. */
export function rulesOfType(header: JsonObject): Pick<Variety, 'name' | 'required' | 'endless'> | undefined {
  return byType.get(typeOf(header));
}

/** @returns the first row that matches; nothing is verified */
export function varietyOf(text: string, decoded: DecodedToken): Variety | undefined {
  const seen = seenIn(text, decoded);
  return varieties.find(({ is }) => is(seen));
}

/** The variety of a token that no client gets to send it; `undefined` if a connection can use the token. */
export function varietyForOthers(text: string, decoded: DecodedToken): Pick<Variety, 'name'> | undefined {
  if (decoded.kind === 'opaque') return undefined;
  const variety = varietyOf(text, decoded);
  return rulesOfType(decoded.header) ?? (variety?.forOthers ? variety : undefined);
}

/** The URL of the token's keys, as its variety defines it. It is shown and never fetched automatically. */
export function keysAt(variety: Variety, text: string, decoded: DecodedToken): string | undefined {
  return variety.keysAt?.(seenIn(text, decoded));
}

/** What a token that is no JOSE says all the same, as some signed cookies do. Nothing of it is verified. */
export function readableContent(text: string, decoded: DecodedToken): JsonObject | undefined {
  const encoded = decoded.kind === 'opaque' ? varietyOf(text, decoded)?.says?.(text) : undefined;
  const bytes = encoded === undefined ? undefined : decodeBase64(encoded);
  const reading = bytes && readJson(new TextDecoder().decode(bytes));
  return reading?.ok && isObject(reading.value) ? reading.value : undefined;
}

function seenIn(text: string, decoded: DecodedToken): ExaminedToken {
  const header = decoded.kind === 'opaque' ? {} : decoded.header;
  const payload = decoded.kind === 'jws' ? decoded.payload : {};
  const aud = own(payload, 'aud');
  return {
    text,
    kind: decoded.kind,
    form: (decoded.kind === 'jws' && decoded.form?.kind) || '',
    header,
    payload,
    typ: typeOf(header),
    iss: textOf(payload, 'iss') ?? '',
    aud: Array.isArray(aud) ? aud : [aud],
  };
}
