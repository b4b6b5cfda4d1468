/**
 * The varieties of tokens in practice, one row each: how it is recognized, its rules, who can verify it, and a sample.
 * To add one, add a row here and its sentence in src/vscode/text/varieties.ts. A test makes each sample with its own
 * keys, and docs/tokens.md is generated from this table (`npm run zoo -- --write`). A recognized token need not be
 * genuine: anyone can write any of these names into a token.
 */

import { decodeBase64 } from './base64url.ts';
import { foreignVarieties } from './foreignVarieties.ts';
import { issuerVarieties } from './issuerVarieties.ts';
import { isObject, type JsonObject, own, readJson, textOf } from './json.ts';
import type { DecodedToken } from './jwt.ts';
import {
  base,
  digest,
  has,
  headerOf,
  issuedAt,
  rfc,
  type Seen,
  typed,
  uuid,
  type Variety,
  withoutAudience,
} from './variety.ts';

/** The first matching row counts, so rows are ordered by form, type, issuer and claims. */
export const varieties: readonly Variety[] = [
  // --- By form ---
  {
    id: 'sd_jwt_kb',
    name: 'SD-JWT with key binding',
    source: rfc(9901, '4.3'),
    verifiers: 'published_keys',
    is: seen => seen.form === 'sd_jwt' && !seen.text.endsWith('~') && has(seen.payload, 'cnf'),
    endless: true,
    sample: {
      alg: 'ES256',
      header: { typ: 'dc+sd-jwt' },
      payload: {
        ...withoutAudience,
        _sd: [digest],
        _sd_alg: 'sha-256',
        cnf: { jwk: {} },
        vct: 'https://credentials.example/id',
      },
      text: compact => `${compact}~WyJzYWx0IiwibmFtZSIsIkFkYSJd~eyJ0eXAiOiJrYitqd3QiLCJhbGciOiJFUzI1NiJ9.e30.AAAA`,
    },
  },
  {
    id: 'sd_jwt',
    name: 'SD-JWT',
    source: rfc(9901),
    verifiers: 'published_keys',
    is: seen => seen.form === 'sd_jwt',
    endless: true,
    sample: {
      alg: 'ES256',
      header: { typ: 'dc+sd-jwt' },
      payload: { ...withoutAudience, _sd: [digest], _sd_alg: 'sha-256', vct: 'https://credentials.example/id' },
      text: compact => `${compact}~WyJzYWx0IiwibmFtZSIsIkFkYSJd~`,
    },
  },
  {
    id: 'health_card',
    name: 'SMART Health Card',
    source: 'https://spec.smarthealth.cards/#health-cards-are-encoded-as-compact-serialization-json-web-signatures-jws',
    verifiers: 'published_keys',
    is: seen => seen.form === 'digits' || (seen.kind === 'jws' && own(seen.header, 'zip') === 'DEF'),
    endless: true,
    keysAt: ({ iss }) => (iss.startsWith('https://') ? `${iss}/.well-known/jwks.json` : undefined),
    sample: {
      alg: 'ES256',
      header: { zip: 'DEF' },
      payload: {
        iss: 'https://issuer.example',
        nbf: issuedAt,
        vc: { type: ['https://smarthealth.cards#health-card'] },
      },
      text: compact => `shc:/${Array.from(compact, each => String(each.charCodeAt(0) - 45).padStart(2, '0')).join('')}`,
    },
  },
  {
    id: 'github_installation',
    name: 'GitHub installation token',
    source: 'https://github.com/Yelp/detect-secrets/issues/958',
    verifiers: 'issuer',
    is: ({ text }) => text.startsWith('ghs_') && text.includes('.'),
    sample: {
      alg: 'RS256',
      payload: { ...base, iss: 'https://github.com' },
      text: compact => `ghs_1234567_${compact}`,
    },
  },
  {
    id: 'vapid',
    name: 'VAPID header of a push request',
    source: rfc(8292, '3'),
    verifiers: 'own_key',
    is: ({ text }) => text.startsWith('vapid '),
    sample: {
      alg: 'ES256',
      payload: { aud: 'https://push.example', exp: issuedAt + 3600, sub: 'mailto:push@example.com' },
      text: compact =>
        `vapid t=${compact}, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs`,
    },
  },
  {
    id: 'jws_json',
    name: 'JWS in JSON serialization',
    source: rfc(7515, '7.2'),
    verifiers: 'published_keys',
    is: seen => seen.form === 'json',
    endless: true,
    sample: {
      alg: 'ES256',
      payload: base,
      text: compact => {
        const [head, payload, signature] = compact.split('.');
        return JSON.stringify({ payload, protected: head, signature });
      },
    },
  },
  {
    id: 'cut',
    name: 'JWT without its signature',
    source: 'https://github.com/DevToys-app/DevToys/issues/1032',
    verifiers: 'issuer',
    is: seen => seen.form === 'cut',
    sample: { alg: 'RS256', payload: base, text: compact => compact.slice(0, compact.lastIndexOf('.')) },
  },
  {
    id: 'alb',
    name: 'AWS load balancer token (x-amzn-oidc-data)',
    source: 'https://github.com/awsdocs/elb-application-load-balancers-user-guide/issues/42',
    verifiers: 'published_keys',
    is: seen =>
      seen.kind === 'jws' &&
      has(seen.header, 'signer', 'client') &&
      (textOf(seen.header, 'signer') ?? '').startsWith('arn:aws'),
    keysAt: ({ header }) => {
      const region = (textOf(header, 'signer') ?? '').split(':')[3] ?? '';
      const kid = textOf(header, 'kid') ?? '';
      return /^[a-z\d-]{5,25}$/.test(region) && /^[\w-]{1,80}$/.test(kid)
        ? `https://public-keys.auth.elb.${region}.amazonaws.com/${kid}`
        : undefined;
    },
    endless: true,
    sample: {
      alg: 'ES256',
      header: {
        kid: uuid,
        signer: 'arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/a/b',
        client: 'client-1',
        exp: issuedAt,
      },
      payload: { sub: 'u-1', exp: issuedAt + 120, iss: 'https://issuer.example' },
      padded: true,
    },
  },
  // --- Encrypted ---
  {
    id: 'auth0_opaque',
    name: 'Auth0 access token without an audience',
    source: 'https://github.com/mozilla/doorman/issues/101',
    verifiers: 'issuer',
    is: ({ kind, header }) => kind === 'jwe' && /^https:\/\/[^/]+\.auth0\.com\/$/.test(textOf(header, 'iss') ?? ''),
    sample: {
      text: () => `${headerOf({ alg: 'dir', enc: 'A256GCM', iss: 'https://example.eu.auth0.com/' })}..aXY.Y2k.dGFn`,
    },
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
    sample: { text: () => `${headerOf({ alg: 'dir', enc: 'A256CBC-HS512', kid: 'k-1' })}..aXY.Y2k.dGFn` },
  },
  // --- By type ---
  typed('dpop_proof', 'DPoP proof', 'dpop+jwt', rfc(9449, '4.2'), 'own_key', {
    required: ['jti', 'htm', 'htu', 'iat'],
    endless: true,
    header: { jwk: {} },
    payload: { jti: 'j-1', htm: 'POST', htu: 'https://issuer.example/token', iat: issuedAt },
  }),
  typed(
    'logout_token',
    'Logout token',
    'logout+jwt',
    'https://openid.net/specs/openid-connect-backchannel-1_0.html',
    'published_keys',
    {
      required: ['iss', 'aud', 'iat', 'exp', 'jti', 'events'],
      payload: { ...base, jti: 'j-1', events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    },
  ),
  typed('security_event', 'Security event token', 'secevent+jwt', rfc(8417, '2.2'), 'published_keys', {
    required: ['iss', 'iat', 'jti', 'events'],
    endless: true,
    payload: {
      iss: base.iss,
      aud: base.aud,
      iat: issuedAt,
      jti: 'j-1',
      events: { 'https://schemas.example/disabled': {} },
    },
  }),
  typed('key_binding', 'Key binding JWT', 'kb+jwt', rfc(9901, '4.3'), 'own_key', {
    required: ['iat', 'aud', 'nonce', 'sd_hash'],
    endless: true,
    payload: { iat: issuedAt, aud: 'https://verifier.example', nonce: 'n-1', sd_hash: 'AAAA' },
  }),
  typed(
    'status_list',
    'Status list token',
    'statuslist+jwt',
    'https://datatracker.ietf.org/doc/draft-ietf-oauth-status-list/',
    'published_keys',
    {
      required: ['sub', 'iat', 'status_list'],
      endless: true,
      payload: { sub: 'https://status.example/1', iat: issuedAt, status_list: { bits: 1, lst: 'eNrbuRgAAhcBXQ' } },
    },
  ),
  typed(
    'entity_statement',
    'Entity statement',
    'entity-statement+jwt',
    'https://openid.net/specs/openid-federation-1_0.html',
    'own_key',
    {
      required: ['iss', 'sub', 'iat', 'exp', 'jwks'],
      payload: { ...withoutAudience, sub: base.iss, jwks: { keys: [] } },
    },
  ),
  typed(
    'verifiable_credential',
    'W3C verifiable credential',
    ['vc+jwt', 'vp+jwt'],
    'https://www.w3.org/TR/vc-jose-cose/',
    'published_keys',
    {
      endless: true,
      payload: {
        iss: 'https://issuer.example',
        type: ['VerifiableCredential'],
        credentialSubject: { id: 'did:example:1' },
      },
    },
  ),
  typed(
    'client_attestation',
    'Client attestation',
    'oauth-client-attestation+jwt',
    'https://datatracker.ietf.org/doc/draft-ietf-oauth-attestation-based-client-auth/',
    'published_keys',
    {
      required: ['sub', 'exp', 'cnf'],
      payload: { ...withoutAudience, cnf: { jwk: {} } },
    },
  ),
  typed(
    'attestation_pop',
    'Client attestation proof',
    'oauth-client-attestation-pop+jwt',
    'https://datatracker.ietf.org/doc/draft-ietf-oauth-attestation-based-client-auth/',
    'own_key',
    {
      required: ['aud', 'jti', 'iat'],
      endless: true,
      payload: { aud: base.iss, jti: 'j-1', iat: issuedAt },
    },
  ),
  typed('introspection', 'Introspection response', 'token-introspection+jwt', rfc(9701, '5'), 'published_keys', {
    required: ['iss', 'aud', 'iat', 'token_introspection'],
    endless: true,
    payload: { iss: base.iss, aud: base.aud, iat: issuedAt, token_introspection: { active: true } },
  }),
  typed('request_object', 'Request object (JAR)', 'oauth-authz-req+jwt', rfc(9101, '10.8'), 'published_keys', {
    required: ['client_id'],
    endless: true,
    payload: { iss: 'client-1', aud: base.iss, client_id: 'client-1', response_type: 'code' },
  }),
  typed(
    'id_jag',
    'Identity assertion grant (ID-JAG)',
    'oauth-id-jag+jwt',
    'https://datatracker.ietf.org/doc/draft-ietf-oauth-identity-assertion-authz-grant/',
    'published_keys',
    {
      required: ['iss', 'sub', 'aud', 'client_id', 'jti', 'exp', 'iat'],
      payload: { ...base, client_id: 'client-1', jti: 'j-1' },
    },
  ),
  typed(
    'vci_proof',
    'OpenID4VCI key proof',
    'openid4vci-proof+jwt',
    'https://openid.net/specs/openid-4-verifiable-credential-issuance-1_0.html',
    'own_key',
    {
      required: ['aud', 'iat'],
      endless: true,
      payload: { aud: base.iss, iat: issuedAt, nonce: 'n-1' },
    },
  ),
  ...issuerVarieties,
  ...foreignVarieties,
];

const byType = new Map(
  varieties.flatMap(each => {
    const typ = each.sample.header?.typ;
    return each.required && typeof typ === 'string' ? [[typ, each] as const] : [];
  }),
);

/** The rules of the type in the header. */
export function rulesOf(header: JsonObject): Pick<Variety, 'required' | 'endless'> | undefined {
  const typ = textOf(header, 'typ');
  return typ === undefined ? undefined : byType.get(typ.toLowerCase().replace(/^application\//, ''));
}

/** @returns the first row that matches; nothing is verified */
export function varietyOf(text: string, decoded: DecodedToken): Variety | undefined {
  const seen = seenIn(text, decoded);
  return varieties.find(({ is }) => is(seen));
}

/** The URL of the token's keys, as its variety defines it. It is shown and never fetched automatically. */
export function keysAt(variety: Variety, text: string, decoded: DecodedToken): string | undefined {
  return variety.keysAt?.(seenIn(text, decoded));
}

/** What a token that is no JOSE says all the same, as some signed cookies do. Nothing of it is verified. */
export function saidIn(text: string, decoded: DecodedToken): JsonObject | undefined {
  const encoded = decoded.kind === 'opaque' ? varietyOf(text, decoded)?.says?.(text) : undefined;
  const bytes = encoded === undefined ? undefined : decodeBase64(encoded);
  const reading = bytes && readJson(new TextDecoder().decode(bytes));
  return reading?.ok && isObject(reading.value) ? reading.value : undefined;
}

function seenIn(text: string, decoded: DecodedToken): Seen {
  const header = decoded.kind === 'opaque' ? {} : decoded.header;
  const payload = decoded.kind === 'jws' ? decoded.payload : {};
  const aud = own(payload, 'aud');
  return {
    text,
    kind: decoded.kind,
    form: (decoded.kind === 'jws' && decoded.form?.kind) || '',
    header,
    payload,
    typ: (textOf(header, 'typ') ?? '').toLowerCase().replace(/^application\//, ''),
    iss: textOf(payload, 'iss') ?? '',
    aud: Array.isArray(aud) ? aud : [aud],
  };
}
