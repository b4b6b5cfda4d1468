/** A sample of each variety of tokens in src/core/tokens/varieties.ts, by the id of its row. */
import type { JsonObject } from '../../src/core/tokens/json.ts';
import { encode } from '../support/signing.ts';

export interface Sample {
  /** Absent for a text without a signature; `text` returns the whole sample then. */
  readonly alg?: 'ES256' | 'RS256' | 'HS256' | 'EdDSA';
  readonly header?: JsonObject;
  readonly payload?: JsonObject;
  /** Its parts are base64 with padding, and are signed that way. */
  readonly padded?: true;
  /** Builds the sample from the compact JWS, or without one. */
  readonly text?: (compact: string) => string;
}

const issuedAt = 1893456000;
const base = { iss: 'https://issuer.example', sub: 'u-1', aud: 'client-1', iat: issuedAt, exp: issuedAt + 3600 };
const { aud: _, ...withoutAudience } = base;
/** The digest of the samples' disclosure, `["salt","name","Ada"]`. */
const digest = 'q_W4fXRb_RZtDAsUr9X9mDb6cv4HnJquz_QFs7vvNTo';
const uuid = '11111111-2222-3333-4444-555555555555';

function typed(typ: string, payload: JsonObject = base, header: JsonObject = {}): Sample {
  return { alg: 'ES256', header: { typ, ...header }, payload };
}

export const samples: Readonly<Record<string, Sample>> = {
  sd_jwt_kb: {
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
  sd_jwt: {
    alg: 'ES256',
    header: { typ: 'dc+sd-jwt' },
    payload: { ...withoutAudience, _sd: [digest], _sd_alg: 'sha-256', vct: 'https://credentials.example/id' },
    text: compact => `${compact}~WyJzYWx0IiwibmFtZSIsIkFkYSJd~`,
  },
  health_card: {
    alg: 'ES256',
    header: { zip: 'DEF' },
    payload: {
      iss: 'https://issuer.example',
      nbf: issuedAt,
      vc: { type: ['https://smarthealth.cards#health-card'] },
    },
    text: compact => `shc:/${Array.from(compact, each => String(each.charCodeAt(0) - 45).padStart(2, '0')).join('')}`,
  },
  github_installation: {
    alg: 'RS256',
    payload: { ...base, iss: 'https://github.com' },
    text: compact => `ghs_1234567_${compact}`,
  },
  vapid: {
    alg: 'ES256',
    payload: { aud: 'https://push.example', exp: issuedAt + 3600, sub: 'mailto:push@example.com' },
    text: compact =>
      `vapid t=${compact}, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs`,
  },
  jws_json: {
    alg: 'ES256',
    payload: base,
    text: compact => {
      const [head, payload, signature] = compact.split('.');
      return JSON.stringify({ payload, protected: head, signature });
    },
  },
  cut: { alg: 'RS256', payload: base, text: compact => compact.slice(0, compact.lastIndexOf('.')) },
  alb: {
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
  auth0_opaque: {
    text: () => `${encode({ alg: 'dir', enc: 'A256GCM', iss: 'https://example.eu.auth0.com/' })}..aXY.Y2k.dGFn`,
  },
  authjs: { text: () => `${encode({ alg: 'dir', enc: 'A256CBC-HS512', kid: 'k-1' })}..aXY.Y2k.dGFn` },
  dpop_proof: typed(
    'dpop+jwt',
    { jti: 'j-1', htm: 'POST', htu: 'https://issuer.example/token', iat: issuedAt },
    { jwk: {} },
  ),
  logout_token: typed('logout+jwt', {
    ...base,
    jti: 'j-1',
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  }),
  security_event: typed('secevent+jwt', {
    iss: base.iss,
    aud: base.aud,
    iat: issuedAt,
    jti: 'j-1',
    events: { 'https://schemas.example/disabled': {} },
  }),
  key_binding: typed('kb+jwt', { iat: issuedAt, aud: 'https://verifier.example', nonce: 'n-1', sd_hash: 'AAAA' }),
  status_list: typed('statuslist+jwt', {
    sub: 'https://status.example/1',
    iat: issuedAt,
    status_list: { bits: 1, lst: 'eNrbuRgAAhcBXQ' },
  }),
  entity_statement: typed('entity-statement+jwt', { ...withoutAudience, sub: base.iss, jwks: { keys: [] } }),
  verifiable_credential: typed('vc+jwt', {
    iss: 'https://issuer.example',
    type: ['VerifiableCredential'],
    credentialSubject: { id: 'did:example:1' },
  }),
  client_attestation: typed('oauth-client-attestation+jwt', { ...withoutAudience, cnf: { jwk: {} } }),
  attestation_pop: typed('oauth-client-attestation-pop+jwt', { aud: base.iss, jti: 'j-1', iat: issuedAt }),
  introspection: typed('token-introspection+jwt', {
    iss: base.iss,
    aud: base.aud,
    iat: issuedAt,
    token_introspection: { active: true },
  }),
  request_object: typed('oauth-authz-req+jwt', {
    iss: 'client-1',
    aud: base.iss,
    client_id: 'client-1',
    response_type: 'code',
  }),
  id_jag: typed('oauth-id-jag+jwt', { ...base, client_id: 'client-1', jti: 'j-1' }),
  vci_proof: typed('openid4vci-proof+jwt', { aud: base.iss, iat: issuedAt, nonce: 'n-1' }),
  mcp: { alg: 'RS256', payload: { ...base, aud: 'https://tools.example/mcp', scope: 'tools:read' } },
  graph: {
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
  entra_v1: { alg: 'RS256', payload: { ...base, iss: `https://sts.windows.net/${uuid}/`, tid: uuid, ver: '1.0' } },
  entra_v2: {
    alg: 'RS256',
    payload: { ...base, iss: `https://login.microsoftonline.com/${uuid}/v2.0`, tid: uuid, ver: '2.0' },
  },
  okta_org: {
    alg: 'RS256',
    payload: { ...base, iss: 'https://example.okta.com', cid: 'client-1', scp: ['openid'], ver: 1 },
  },
  cognito_access: {
    alg: 'RS256',
    payload: {
      ...withoutAudience,
      iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a',
      token_use: 'access',
      client_id: 'client-1',
    },
  },
  firebase_session: {
    alg: 'RS256',
    payload: { ...base, iss: 'https://session.firebase.google.com/demo', aud: 'demo' },
  },
  firebase_id: { alg: 'RS256', payload: { ...base, iss: 'https://securetoken.google.com/demo', aud: 'demo' } },
  google_iap: {
    alg: 'ES256',
    payload: { ...base, iss: 'https://cloud.google.com/iap', aud: '/projects/1/global/backendServices/2' },
  },
  kubernetes_legacy: {
    alg: 'RS256',
    payload: {
      iss: 'kubernetes/serviceaccount',
      sub: 'system:serviceaccount:default:demo',
      'kubernetes.io/serviceaccount/namespace': 'default',
    },
  },
  github_actions: {
    alg: 'RS256',
    payload: {
      ...base,
      iss: 'https://token.actions.githubusercontent.com',
      repository: 'o/r',
      ref: 'refs/heads/main',
    },
  },
  gitlab_ci: {
    alg: 'RS256',
    payload: { ...base, iss: 'https://gitlab.example', project_path: 'g/p', pipeline_id: '1' },
  },
  cloudflare_access: {
    alg: 'RS256',
    payload: { ...base, iss: 'https://team.cloudflareaccess.com', aud: ['a'.repeat(64)] },
  },
  supabase: {
    alg: 'HS256',
    payload: { iss: 'supabase', ref: 'demo', role: 'anon', iat: issuedAt, exp: issuedAt + 3600 },
  },
  clerk: {
    alg: 'RS256',
    payload: { ...withoutAudience, iss: 'https://clerk.example.com', azp: 'https://example.com', sid: 'sess_1' },
  },
  kinde: { alg: 'RS256', payload: { ...base, iss: 'https://example.kinde.com', org_code: 'org_1', permissions: [] } },
  workos: {
    alg: 'RS256',
    payload: { ...withoutAudience, iss: 'https://api.workos.com', sid: 'session_1', org_id: 'org_1' },
  },
  shopify: {
    alg: 'HS256',
    payload: { ...base, iss: 'https://shop.myshopify.com/admin', dest: 'https://shop.myshopify.com' },
  },
  auth0: { alg: 'RS256', payload: { ...base, iss: 'https://example.eu.auth0.com/', azp: 'client-1' } },
  home_assistant: { alg: 'HS256', payload: { iss: 'a'.repeat(32), iat: issuedAt, exp: issuedAt + 1800 } },
  keycloak_identity: {
    alg: 'HS256',
    payload: { ...withoutAudience, iss: 'https://id.example/realms/demo', typ: 'Serialized-ID', session_state: 's' },
  },
  keycloak_refresh: {
    alg: 'HS256',
    payload: {
      ...base,
      iss: 'https://id.example/realms/demo',
      aud: 'https://id.example/realms/demo',
      typ: 'Refresh',
    },
  },
  kubernetes_bound: { alg: 'RS256', payload: { ...base, 'kubernetes.io': { namespace: 'default' } } },
  app_store: {
    alg: 'ES256',
    header: { x5c: [] },
    payload: { bundleId: 'com.example', transactionId: '1', signedDate: issuedAt * 1000 },
  },
  apple_client_secret: {
    alg: 'ES256',
    payload: { ...base, iss: 'TEAM123456', sub: 'com.example', aud: 'https://appleid.apple.com' },
  },
  apns: { alg: 'ES256', header: { kid: 'ABC123DEFG' }, payload: { iss: 'DEF123GHIJ', iat: issuedAt } },
  twilio: {
    alg: 'HS256',
    header: { cty: 'twilio-fpa;v=1' },
    payload: { ...base, iss: 'SK00', sub: 'AC00', grants: {} },
  },
  zoom: {
    alg: 'HS256',
    payload: { appKey: 'a', mn: '1', role: 0, iat: issuedAt, exp: issuedAt + 3600, tokenExp: issuedAt + 3600 },
  },
  lti: {
    alg: 'RS256',
    payload: {
      ...base,
      nonce: 'n-1',
      'https://purl.imsglobal.org/spec/lti/claim/message_type': 'LtiResourceLinkRequest',
    },
  },
  smart_on_fhir: {
    alg: 'RS256',
    payload: { ...base, scope: 'launch/patient patient/*.rs', fhirUser: 'Practitioner/1' },
  },
  uma_rpt: { alg: 'RS256', payload: { ...base, authorization: { permissions: [{ rsid: 'r-1' }] } } },
  paseto: { text: () => `v4.public.${btoa(`{"sub":"u-1"}${'\0'.repeat(64)}`).replace(/=+$/, '')}` },
  flask_cookie: { text: () => 'eyJ1c2VyIjoiYWRhIn0.aR1bWg.AAAAAAAAAAAAAAAAAAAAAAAAAAA' },
  express_cookie: { text: () => 's:abc.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' },
  rails_cookie: { text: () => `eyJfcmFpbHMiOnt9fQ==--${'a'.repeat(40)}` },
  django_signed: { text: () => 'eyJ1IjoxfQ:1tAbCd:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' },
  fernet: { text: () => 'gAAAAA'.padEnd(100, 'B') },
  iron: { text: () => 'Fe26.2**a*b*c**d*e' },
  aspnet_protected: { text: () => 'CfDJ8'.padEnd(60, 'A') },
  macaroon: { text: () => 'MDAxY2xvY2F0aW9u'.padEnd(80, 'A') },
  biscuit: { text: () => 'biscuit:'.padEnd(80, 'A') },
  // The first example of the specification.
  branca: { text: () => '870S4BYxgHw0KnP3W9fgVUHEhT5g86vJ17etaC5Kh5uIraWHCI1psNQGv298ZmjPwoYbjDQ9chy2z' },
  nextcloud: { text: () => 'aB3dE-fG5hJ-kL7mN-pQ9rS-tU2vW' },
  github_token: { text: () => 'gho_'.padEnd(40, 'a') },
  slack_token: { text: () => 'xoxb-'.padEnd(30, 'a') },
  google_access: { text: () => 'ya29.'.padEnd(60, 'a') },
  salesforce: { text: () => '00D000000000001!'.padEnd(90, 'a') },
  matrix: { text: () => 'syt_YWRh_abcdefghijklmnopqrst_abcdef' },
  openshift: { text: () => 'sha256~'.padEnd(50, 'a') },
  jarm: { alg: 'RS256', payload: { ...base, code: 'c-1', state: 's-1' } },
};
