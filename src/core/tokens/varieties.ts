/**
 * The varieties of tokens that people really hold, a row for each: how it is recognised, which rules it has, who can
 * verify it, and a sample. To add one, add a row here and its sentence in src/vscode/text/varieties.ts. A test makes
 * each sample with keys of its own, and docs/tokens.md is written from this table (`npm run zoo -- --write`).
 * Being recognised says nothing about being genuine: anyone can write any of these names into a token.
 */
import { encodeBase64url } from './base64url.ts';
import { isObject, type JsonObject, own, textOf } from './json.ts';
import type { DecodedToken } from './jwt.ts';

/** Who is able to verify it. */
export type Verifiers =
  /** Anyone, with the keys that its issuer publishes. */
  | 'published_keys'
  /** Whoever shares the secret. */
  | 'secret'
  /** Anyone, with a key that the token itself or another token names. */
  | 'own_key'
  /** Anyone who trusts the certificate at the root of its chain. */
  | 'certificate'
  /** Only the service that it is meant for. */
  | 'recipient'
  /** Only its issuer. */
  | 'issuer';

export interface Sample {
  /** `none` stands for text without a signature: then `text` is the sample. */
  readonly alg?: 'ES256' | 'RS256' | 'HS256' | 'EdDSA';
  readonly header?: JsonObject;
  readonly payload?: JsonObject;
  /** Its parts are base64 with padding, and are signed so. */
  readonly padded?: true;
  /** Made around the compact JWS, or instead of one. */
  readonly text?: (compact: string) => string;
}

export interface Variety {
  readonly id: string;
  /** What its makers call it. */
  readonly name: string;
  readonly source: string;
  readonly verifiers: Verifiers;
  readonly is: (seen: Seen) => boolean;
  /** Its specification demands these claims. */
  readonly required?: readonly string[];
  /** It need not have an `exp`: something else ends it. */
  readonly endless?: true;
  /** Where its keys are, where no metadata says it. */
  readonly keysAt?: (seen: Seen) => string | undefined;
  readonly sample: Sample;
}

/** What rows look at: all members as the texts that they are, and '' where they are none. */
export interface Seen {
  /** The token itself. */
  readonly text: string;
  readonly kind: DecodedToken['kind'];
  readonly form: string;
  readonly header: JsonObject;
  readonly payload: JsonObject;
  /** In lower case, without "application/". */
  readonly typ: string;
  readonly iss: string;
  readonly aud: readonly unknown[];
}

const rfc = (number: number, section = '') =>
  `https://www.rfc-editor.org/rfc/rfc${number}${section && `#section-${section}`}`;
const issuedAt = 1893456000;
const base = { iss: 'https://issuer.example', sub: 'u-1', aud: 'client-1', iat: issuedAt, exp: issuedAt + 3600 };
const { aud: _, ...withoutAudience } = base;
/** Of the disclosure that samples have, `["salt","name","Ada"]`. */
const digest = 'q_W4fXRb_RZtDAsUr9X9mDb6cv4HnJquz_QFs7vvNTo';
const uuid = '11111111-2222-3333-4444-555555555555';

function headerOf(header: JsonObject): string {
  return encodeBase64url(new TextEncoder().encode(JSON.stringify(header)));
}

/** A row that `typ` decides (RFC 8725 section 3.11). */
function typed(
  id: string,
  name: string,
  typ: string | readonly string[],
  source: string,
  verifiers: Verifiers,
  more: Pick<Variety, 'required' | 'endless'> & { readonly payload?: JsonObject; readonly header?: JsonObject },
): Variety {
  const types = [typ].flat();
  const { payload = base, header = {}, ...rules } = more;
  const sample: Sample = { alg: 'ES256', header: { typ: types[0], ...header }, payload };
  return { id, name, source, verifiers, is: seen => seen.kind === 'jws' && types.includes(seen.typ), sample, ...rules };
}

/** A row that the issuer decides. */
function issuedBy(
  id: string,
  name: string,
  pattern: RegExp,
  source: string,
  more: Partial<Pick<Variety, 'verifiers' | 'keysAt' | 'endless' | 'required'>> & {
    readonly also?: (seen: Seen) => boolean;
    readonly payload: JsonObject;
    readonly header?: JsonObject;
    readonly alg?: Sample['alg'];
  },
): Variety {
  const { also = () => true, payload, header, alg = 'RS256', verifiers = 'published_keys', ...rules } = more;
  const is = (seen: Seen) => seen.kind === 'jws' && pattern.test(seen.iss) && also(seen);
  return { id, name, source, verifiers, is, sample: { alg, payload, ...(header && { header }) }, ...rules };
}

/** A row about a text that is no JOSE token. */
function opaque(
  id: string,
  name: string,
  pattern: RegExp,
  source: string,
  verifiers: Verifiers,
  sample: string,
): Variety {
  return {
    id,
    name,
    source,
    verifiers,
    is: ({ kind, text }) => kind === 'opaque' && pattern.test(text),
    sample: { text: () => sample },
  };
}

const has = (object: JsonObject, ...names: readonly string[]) => names.every(name => Object.hasOwn(object, name));

/** The first row that fits counts: what is told by its form, then by its type, by its issuer, by its claims. */
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
    name: 'VAPID header of a push message',
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
    name: 'AWS load balancer x-amzn-oidc-data',
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
  typed('introspection', 'Introspection answer', 'token-introspection+jwt', rfc(9701, '5'), 'published_keys', {
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
  // --- By issuer ---
  {
    id: 'graph',
    name: 'Microsoft Graph access token',
    source:
      'https://learn.microsoft.com/troubleshoot/entra/entra-id/app-integration/troubleshooting-signature-validation-errors',
    verifiers: 'recipient',
    is: ({ kind, header, iss }) =>
      kind === 'jws' &&
      has(header, 'nonce') &&
      /^https:\/\/(?:sts\.windows\.net|login\.microsoftonline\.com)\//.test(iss),
    sample: {
      alg: 'RS256',
      header: { nonce: 'AQABAAAAAAq7x2Yk' },
      payload: {
        ...base,
        iss: `https://sts.windows.net/${uuid}/`,
        aud: '00000003-0000-0000-c000-000000000000',
        tid: uuid,
        ver: '1.0',
      },
    },
  },
  issuedBy(
    'entra_v1',
    'Microsoft Entra v1.0 token',
    /^https:\/\/sts\.windows\.net\//,
    'https://learn.microsoft.com/entra/identity-platform/access-tokens',
    {
      payload: { ...base, iss: `https://sts.windows.net/${uuid}/`, tid: uuid, ver: '1.0' },
    },
  ),
  issuedBy(
    'entra_v2',
    'Microsoft Entra v2.0 token',
    /^https:\/\/login\.microsoftonline\.com\/.*\/v2\.0$/,
    'https://learn.microsoft.com/entra/identity-platform/access-tokens',
    {
      payload: { ...base, iss: `https://login.microsoftonline.com/${uuid}/v2.0`, tid: uuid, ver: '2.0' },
    },
  ),
  issuedBy(
    'okta_org',
    'Okta org access token',
    /^https:\/\/[^/]+\.okta(?:preview|-emea)?\.com$/,
    'https://developer.okta.com/docs/guides/validate-access-tokens/',
    {
      also: ({ payload }) => has(payload, 'cid', 'scp'),
      verifiers: 'recipient',
      payload: { ...base, iss: 'https://example.okta.com', cid: 'client-1', scp: ['openid'], ver: 1 },
    },
  ),
  issuedBy(
    'cognito_access',
    'Cognito access token',
    /^https:\/\/cognito-idp\.[a-z\d-]+\.amazonaws\.com\//,
    'https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html',
    {
      also: ({ payload }) => own(payload, 'token_use') === 'access',
      required: ['client_id', 'token_use'],
      payload: {
        ...withoutAudience,
        iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a',
        token_use: 'access',
        client_id: 'client-1',
      },
    },
  ),
  issuedBy(
    'firebase_session',
    'Firebase session cookie',
    /^https:\/\/session\.firebase\.google\.com\//,
    'https://firebase.google.com/docs/auth/admin/manage-cookies',
    {
      keysAt: () => 'https://www.googleapis.com/identitytoolkit/v3/relyingparty/publicKeys',
      payload: { ...base, iss: 'https://session.firebase.google.com/demo', aud: 'demo' },
    },
  ),
  issuedBy(
    'firebase_id',
    'Firebase ID token',
    /^https:\/\/securetoken\.google\.com\//,
    'https://firebase.google.com/docs/auth/admin/verify-id-tokens',
    {
      keysAt: () => 'https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com',
      payload: { ...base, iss: 'https://securetoken.google.com/demo', aud: 'demo' },
    },
  ),
  issuedBy(
    'google_iap',
    'Google IAP assertion',
    /^https:\/\/cloud\.google\.com\/iap$/,
    'https://cloud.google.com/iap/docs/signed-headers-howto',
    {
      keysAt: () => 'https://www.gstatic.com/iap/verify/public_key-jwk',
      alg: 'ES256',
      payload: { ...base, iss: 'https://cloud.google.com/iap', aud: '/projects/1/global/backendServices/2' },
    },
  ),
  issuedBy(
    'kubernetes_legacy',
    'Kubernetes service account token, legacy',
    /^kubernetes\/serviceaccount$/,
    'https://github.com/kubernetes/enhancements/tree/master/keps/sig-auth/1205-bound-service-account-tokens',
    {
      endless: true,
      payload: {
        iss: 'kubernetes/serviceaccount',
        sub: 'system:serviceaccount:default:demo',
        'kubernetes.io/serviceaccount/namespace': 'default',
      },
    },
  ),
  issuedBy(
    'github_actions',
    'GitHub Actions ID token',
    /^https:\/\/token\.actions\.githubusercontent\.com/,
    'https://docs.github.com/actions/concepts/security/openid-connect',
    {
      payload: {
        ...base,
        iss: 'https://token.actions.githubusercontent.com',
        repository: 'o/r',
        ref: 'refs/heads/main',
      },
    },
  ),
  issuedBy(
    'gitlab_ci',
    'GitLab CI ID token',
    /^https:\/\//,
    'https://docs.gitlab.com/ci/secrets/id_token_authentication/',
    {
      also: ({ payload }) => has(payload, 'project_path', 'pipeline_id'),
      payload: { ...base, iss: 'https://gitlab.example', project_path: 'g/p', pipeline_id: '1' },
    },
  ),
  issuedBy(
    'cloudflare_access',
    'Cloudflare Access token',
    /^https:\/\/[^/]+\.cloudflareaccess\.com$/,
    'https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/',
    {
      keysAt: ({ iss }) => `${iss}/cdn-cgi/access/certs`,
      payload: { ...base, iss: 'https://team.cloudflareaccess.com', aud: ['a'.repeat(64)] },
    },
  ),
  issuedBy(
    'supabase',
    'Supabase token',
    /^(?:supabase|https:\/\/[^/]+\/auth\/v1)$/,
    'https://supabase.com/docs/guides/auth/jwts',
    {
      also: ({ payload }) => has(payload, 'role'),
      alg: 'HS256',
      verifiers: 'secret',
      payload: { iss: 'supabase', ref: 'demo', role: 'anon', iat: issuedAt, exp: issuedAt + 3600 },
    },
  ),
  issuedBy(
    'clerk',
    'Clerk session token',
    /^https:\/\/(?:clerk\.|[^/]+\.clerk\.accounts\.dev$)/,
    'https://clerk.com/docs/guides/sessions/session-tokens',
    {
      payload: { ...withoutAudience, iss: 'https://clerk.example.com', azp: 'https://example.com', sid: 'sess_1' },
    },
  ),
  issuedBy(
    'kinde',
    'Kinde access token',
    /^https:\/\/[^/]+\.kinde\.com$/,
    'https://docs.kinde.com/build/tokens/about-access-tokens/',
    {
      payload: { ...base, iss: 'https://example.kinde.com', org_code: 'org_1', permissions: [] },
    },
  ),
  issuedBy(
    'workos',
    'WorkOS session token',
    /^https:\/\/api\.workos\.com/,
    'https://workos.com/docs/reference/authkit/session-tokens',
    {
      keysAt: () => 'https://api.workos.com/sso/jwks/<client id>',
      payload: { ...withoutAudience, iss: 'https://api.workos.com', sid: 'session_1', org_id: 'org_1' },
    },
  ),
  issuedBy(
    'shopify',
    'Shopify session token',
    /^https:\/\/[^/]+\.myshopify\.com\/admin$/,
    'https://shopify.dev/docs/apps/build/authentication-authorization/session-tokens',
    {
      alg: 'HS256',
      verifiers: 'secret',
      payload: { ...base, iss: 'https://shop.myshopify.com/admin', dest: 'https://shop.myshopify.com' },
    },
  ),
  issuedBy(
    'auth0',
    'Auth0 token',
    /^https:\/\/[^/]+\.auth0\.com\/$/,
    'https://auth0.com/docs/secure/tokens/access-tokens',
    {
      payload: { ...base, iss: 'https://example.eu.auth0.com/', azp: 'client-1' },
    },
  ),
  issuedBy(
    'home_assistant',
    'Home Assistant token',
    /^[\da-f]{32}$/,
    'https://developers.home-assistant.io/docs/auth_api/',
    {
      also: ({ header }) => own(header, 'alg') === 'HS256',
      alg: 'HS256',
      verifiers: 'issuer',
      payload: { iss: 'a'.repeat(32), iat: issuedAt, exp: issuedAt + 1800 },
    },
  ),
  issuedBy(
    'keycloak_refresh',
    'Keycloak refresh token',
    /\/realms\//,
    'https://www.keycloak.org/docs/latest/server_admin/',
    {
      also: ({ payload }) => /^(?:refresh|offline)$/i.test(textOf(payload, 'typ') ?? ''),
      verifiers: 'issuer',
      alg: 'HS256',
      endless: true,
      payload: {
        ...base,
        iss: 'https://id.example/realms/demo',
        aud: 'https://id.example/realms/demo',
        typ: 'Refresh',
      },
    },
  ),
  // --- By claims and parameters ---
  {
    id: 'kubernetes_bound',
    name: 'Kubernetes service account token',
    source: 'https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/',
    verifiers: 'published_keys',
    is: ({ payload }) => isObject(own(payload, 'kubernetes.io')),
    sample: { alg: 'RS256', payload: { ...base, 'kubernetes.io': { namespace: 'default' } } },
  },
  {
    id: 'app_store',
    name: 'App Store signed data',
    source: 'https://developer.apple.com/documentation/appstoreserverapi/jwsdecodedheader',
    verifiers: 'certificate',
    is: ({ header, payload }) =>
      has(header, 'x5c') &&
      (has(payload, 'bundleId') || has(payload, 'notificationUUID') || has(payload, 'originalTransactionId')),
    endless: true,
    sample: {
      alg: 'ES256',
      header: { x5c: [] },
      payload: { bundleId: 'com.example', transactionId: '1', signedDate: issuedAt * 1000 },
    },
  },
  {
    id: 'apple_client_secret',
    name: 'Apple client secret',
    source: 'https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret',
    verifiers: 'recipient',
    is: ({ aud, payload }) =>
      aud.includes('https://appleid.apple.com') && has(payload, 'sub') && !has(payload, 'nonce'),
    sample: {
      alg: 'ES256',
      payload: { ...base, iss: 'TEAM123456', sub: 'com.example', aud: 'https://appleid.apple.com' },
    },
  },
  {
    id: 'apns',
    name: 'APNs provider token',
    source: 'https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns',
    verifiers: 'recipient',
    is: ({ header, payload, iss }) =>
      own(header, 'alg') === 'ES256' && /^[A-Z\d]{10}$/.test(iss) && !has(payload, 'exp') && !has(payload, 'aud'),
    endless: true,
    sample: { alg: 'ES256', header: { kid: 'ABC123DEFG' }, payload: { iss: 'DEF123GHIJ', iat: issuedAt } },
  },
  {
    id: 'twilio',
    name: 'Twilio access token',
    source: 'https://www.twilio.com/docs/iam/access-tokens',
    verifiers: 'recipient',
    is: ({ header }) => (textOf(header, 'cty') ?? '').startsWith('twilio-fpa'),
    sample: {
      alg: 'HS256',
      header: { cty: 'twilio-fpa;v=1' },
      payload: { ...base, iss: 'SK00', sub: 'AC00', grants: {} },
    },
  },
  {
    id: 'zoom',
    name: 'Zoom SDK token',
    source: 'https://developers.zoom.us/docs/meeting-sdk/auth/',
    verifiers: 'recipient',
    is: ({ payload }) => has(payload, 'tokenExp') || has(payload, 'app_key', 'tpc'),
    sample: {
      alg: 'HS256',
      payload: { appKey: 'a', mn: '1', role: 0, iat: issuedAt, exp: issuedAt + 3600, tokenExp: issuedAt + 3600 },
    },
  },
  {
    id: 'lti',
    name: 'LTI 1.3 launch',
    source: 'https://www.imsglobal.org/spec/lti/v1p3',
    verifiers: 'published_keys',
    is: ({ payload }) => has(payload, 'https://purl.imsglobal.org/spec/lti/claim/message_type'),
    required: ['iss', 'aud', 'exp', 'iat', 'nonce'],
    sample: {
      alg: 'RS256',
      payload: {
        ...base,
        nonce: 'n-1',
        'https://purl.imsglobal.org/spec/lti/claim/message_type': 'LtiResourceLinkRequest',
      },
    },
  },
  {
    id: 'smart_on_fhir',
    name: 'SMART on FHIR token',
    source: 'https://hl7.org/fhir/smart-app-launch/',
    verifiers: 'published_keys',
    is: ({ payload }) =>
      has(payload, 'fhirUser') || /(?:^|\s)(?:launch|(?:patient|user|system)\/)/.test(textOf(payload, 'scope') ?? ''),
    sample: { alg: 'RS256', payload: { ...base, scope: 'launch/patient patient/*.rs', fhirUser: 'Practitioner/1' } },
  },
  {
    id: 'uma_rpt',
    name: 'UMA requesting party token',
    source: 'https://docs.kantarainitiative.org/uma/wg/rec-oauth-uma-grant-2.0.html',
    verifiers: 'published_keys',
    is: ({ payload }) => {
      const authorization = own(payload, 'authorization');
      return isObject(authorization) && Array.isArray(own(authorization, 'permissions'));
    },
    sample: { alg: 'RS256', payload: { ...base, authorization: { permissions: [{ rsid: 'r-1' }] } } },
  },
  {
    id: 'jarm',
    name: 'Authorization response (JARM)',
    source: 'https://openid.net/specs/oauth-v2-jarm.html',
    verifiers: 'published_keys',
    is: ({ payload }) => has(payload, 'state', 'iss', 'aud') && (has(payload, 'code') || has(payload, 'error')),
    sample: { alg: 'RS256', payload: { ...base, code: 'c-1', state: 's-1' } },
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
  // --- No JOSE at all ---
  opaque(
    'paseto',
    'PASETO',
    /^v[1-4]\.(?:local|public)\.[\w-]+/,
    'https://paseto.io/',
    'published_keys',
    'v4.public.eyJzdWIiOiJ1LTEifQ'.padEnd(140, 'A'),
  ),
  opaque(
    'flask_cookie',
    'Flask session cookie',
    /^\.?e[yJ][\w-]+\.[\w-]{6,8}\.[\w-]{27,}$/,
    'https://itsdangerous.palletsprojects.com/',
    'issuer',
    'eyJ1c2VyIjoiYWRhIn0.aR1bWg.AAAAAAAAAAAAAAAAAAAAAAAAAAA',
  ),
  opaque(
    'express_cookie',
    'Express signed cookie',
    /^s(?::|%3A)[^.]+\.[\w+/%-]{27,}=*$/i,
    'https://github.com/tj/node-cookie-signature',
    'issuer',
    's:abc.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  ),
  opaque(
    'rails_cookie',
    'Rails signed cookie',
    /^[\w+/=%-]{8,}--[\da-f]{40,64}$/,
    'https://guides.rubyonrails.org/security.html#session-storage',
    'issuer',
    `eyJfcmFpbHMiOnt9fQ==--${'a'.repeat(40)}`,
  ),
  opaque(
    'django_signed',
    'Django signed value',
    /^\.?[\w-]+:[\w-]{6,}:[\w-]{27,}$/,
    'https://docs.djangoproject.com/en/stable/topics/signing/',
    'issuer',
    'eyJ1IjoxfQ:1tAbCd:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  ),
  opaque(
    'fernet',
    'Fernet token',
    /^gAAAAA[\w-]{60,}=*$/,
    'https://github.com/fernet/spec',
    'secret',
    'gAAAAA'.padEnd(100, 'B'),
  ),
  opaque('iron', 'Iron sealed value', /^Fe26\.2\*/, 'https://github.com/hapijs/iron', 'secret', 'Fe26.2**a*b*c**d*e'),
  opaque(
    'aspnet_protected',
    'ASP.NET protected data',
    /^CfDJ8[\w-]{20,}$/,
    'https://learn.microsoft.com/aspnet/core/security/data-protection/',
    'issuer',
    'CfDJ8'.padEnd(60, 'A'),
  ),
  opaque(
    'macaroon',
    'Macaroon',
    /^(?:MDA[\w+/=-]{40,}|AgE[\w+/=-]{40,})$/,
    'https://github.com/rescrv/libmacaroons',
    'issuer',
    'MDAxY2xvY2F0aW9u'.padEnd(80, 'A'),
  ),
  opaque(
    'biscuit',
    'Biscuit',
    /^(?:biscuit:|E[nop][\w-]{2}C)[\w-]{40,}=*$/,
    'https://www.biscuitsec.org/',
    'published_keys',
    'biscuit:'.padEnd(80, 'A'),
  ),
  opaque(
    'github_token',
    'GitHub token',
    /^(?:gh[opusr]_\w{20,}|github_pat_\w{20,})$/,
    'https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github',
    'issuer',
    'gho_'.padEnd(40, 'a'),
  ),
  opaque(
    'slack_token',
    'Slack token',
    /^xox[a-z](?:\.xox[a-z])?-[\w.-]{10,}$/,
    'https://docs.slack.dev/authentication/tokens',
    'issuer',
    'xoxb-1234567890-abcdefghij',
  ),
  opaque(
    'google_access',
    'Google access token',
    /^ya29\.[\w-]{20,}/,
    'https://cloud.google.com/docs/authentication/token-types',
    'issuer',
    'ya29.'.padEnd(60, 'a'),
  ),
  opaque(
    'salesforce',
    'Salesforce access token',
    /^00D[A-Za-z\d]{12,15}![\w.]{20,}$/,
    'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_access_tokens.htm',
    'issuer',
    '00D000000000001!'.padEnd(90, 'a'),
  ),
  opaque(
    'matrix',
    'Matrix access token',
    /^(?:syt_[\w+/=-]+_[\w-]{20}_\w{6}|mat_[\w-]{20,})$/,
    'https://spec.matrix.org/latest/client-server-api/',
    'issuer',
    'syt_YWRh_abcdefghijklmnopqrst_abcdef',
  ),
  opaque(
    'openshift',
    'OpenShift access token',
    /^sha256~[\w-]{40,}$/,
    'https://docs.openshift.com/container-platform/latest/authentication/managing-oauth-access-tokens.html',
    'issuer',
    'sha256~'.padEnd(50, 'a'),
  ),
];

const byType = new Map(
  varieties.flatMap(each => {
    const typ = each.sample.header?.typ;
    return each.required && typeof typ === 'string' ? [[typ, each] as const] : [];
  }),
);

/** The rules that a type brings with it. */
export function rulesOf(header: JsonObject): Pick<Variety, 'required' | 'endless'> | undefined {
  const typ = textOf(header, 'typ');
  return typ === undefined ? undefined : byType.get(typ.toLowerCase().replace(/^application\//, ''));
}

/** @returns the first row that fits; nothing of it is verified */
export function varietyOf(text: string, decoded: DecodedToken): Variety | undefined {
  const seen = seenIn(text, decoded);
  return varieties.find(({ is }) => is(seen));
}

/** Where the keys of a token are, as its variety says it: to be shown, and never fetched by itself. */
export function keysAt(variety: Variety, text: string, decoded: DecodedToken): string | undefined {
  return variety.keysAt?.(seenIn(text, decoded));
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
