/** Rows of the table of varieties (varieties.ts) that are recognized by issuer or claims. */
import { isObject, own, textOf } from './json.ts';
import { base, has, issuedAt, issuedBy, uuid, type Variety, withoutAudience } from './variety.ts';

export const issuerVarieties: readonly Variety[] = [
  {
    id: 'mcp',
    name: 'MCP access token',
    source: 'https://modelcontextprotocol.io/specification/2025-06-18/basic/authorization',
    verifiers: 'published_keys',
    is: ({ kind, aud }) =>
      kind === 'jws' && aud.some(each => typeof each === 'string' && /^https?:\/\/[^?#]+\/(?:mcp|sse)\/?$/.test(each)),
    sample: { alg: 'RS256', payload: { ...base, aud: 'https://tools.example/mcp', scope: 'tools:read' } },
  },
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
    'Legacy Kubernetes service account token',
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
    // 1.2.840.113635.100.6.11.1 and 1.2.840.113635.100.6.2.1: others have certificates under Apple's root as well.
    purposes: ['2a864886f76364060b01', '2a864886f76364060201'],
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
];
