/** Rows of the table of varieties (varieties.ts) that are recognized by issuer or claims. */
import { isObject, own, textOf } from './json.ts';
import { hasMembers, issuedBy, type Variety } from './variety.ts';

export const issuerVarieties: readonly Variety[] = [
  {
    id: 'mcp',
    name: 'MCP access token',
    source: 'https://modelcontextprotocol.io/specification/2025-06-18/basic/authorization',
    verifiers: 'published_keys',
    is: ({ kind, aud }) =>
      kind === 'jws' && aud.some(each => typeof each === 'string' && /^https?:\/\/[^?#]+\/(?:mcp|sse)\/?$/.test(each)),
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
      hasMembers(header, 'nonce') &&
      /^https:\/\/(?:sts\.windows\.net|login\.microsoftonline\.com)\//.test(iss),
  },
  issuedBy(
    'entra_v1',
    'Microsoft Entra v1.0 token',
    /^https:\/\/sts\.windows\.net\//,
    'https://learn.microsoft.com/entra/identity-platform/access-tokens',
  ),
  issuedBy(
    'entra_v2',
    'Microsoft Entra v2.0 token',
    /^https:\/\/login\.microsoftonline\.com\/.*\/v2\.0$/,
    'https://learn.microsoft.com/entra/identity-platform/access-tokens',
  ),
  issuedBy(
    'okta_org',
    'Okta org access token',
    /^https:\/\/[^/]+\.okta(?:preview|-emea)?\.com$/,
    'https://developer.okta.com/docs/guides/validate-access-tokens/',
    { also: ({ payload }) => hasMembers(payload, 'cid', 'scp'), verifiers: 'recipient' },
  ),
  issuedBy(
    'cognito_access',
    'Cognito access token',
    /^https:\/\/cognito-idp\.[a-z\d-]+\.amazonaws\.com\//,
    'https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html',
    { also: ({ payload }) => own(payload, 'token_use') === 'access', required: ['client_id', 'token_use'] },
  ),
  issuedBy(
    'firebase_session',
    'Firebase session cookie',
    /^https:\/\/session\.firebase\.google\.com\//,
    'https://firebase.google.com/docs/auth/admin/manage-cookies',
    { keysAt: () => 'https://www.googleapis.com/identitytoolkit/v3/relyingparty/publicKeys' },
  ),
  issuedBy(
    'firebase_id',
    'Firebase ID token',
    /^https:\/\/securetoken\.google\.com\//,
    'https://firebase.google.com/docs/auth/admin/verify-id-tokens',
    { keysAt: () => 'https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com' },
  ),
  issuedBy(
    'google_iap',
    'Google IAP assertion',
    /^https:\/\/cloud\.google\.com\/iap$/,
    'https://cloud.google.com/iap/docs/signed-headers-howto',
    { keysAt: () => 'https://www.gstatic.com/iap/verify/public_key-jwk' },
  ),
  issuedBy(
    'kubernetes_legacy',
    'Legacy Kubernetes service account token',
    /^kubernetes\/serviceaccount$/,
    'https://github.com/kubernetes/enhancements/tree/master/keps/sig-auth/1205-bound-service-account-tokens',
    { endless: true },
  ),
  issuedBy(
    'github_actions',
    'GitHub Actions ID token',
    /^https:\/\/token\.actions\.githubusercontent\.com/,
    'https://docs.github.com/actions/concepts/security/openid-connect',
  ),
  issuedBy(
    'gitlab_ci',
    'GitLab CI ID token',
    /^https:\/\//,
    'https://docs.gitlab.com/ci/secrets/id_token_authentication/',
    { also: ({ payload }) => hasMembers(payload, 'project_path', 'pipeline_id') },
  ),
  issuedBy(
    'cloudflare_access',
    'Cloudflare Access token',
    /^https:\/\/[^/]+\.cloudflareaccess\.com$/,
    'https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/',
    { keysAt: ({ iss }) => `${iss}/cdn-cgi/access/certs` },
  ),
  issuedBy(
    'supabase',
    'Supabase token',
    /^(?:supabase|https:\/\/[^/]+\/auth\/v1)$/,
    'https://supabase.com/docs/guides/auth/jwts',
    { also: ({ payload }) => hasMembers(payload, 'role'), verifiers: 'secret' },
  ),
  issuedBy(
    'clerk',
    'Clerk session token',
    /^https:\/\/(?:clerk\.|[^/]+\.clerk\.accounts\.dev$)/,
    'https://clerk.com/docs/guides/sessions/session-tokens',
  ),
  issuedBy(
    'kinde',
    'Kinde access token',
    /^https:\/\/[^/]+\.kinde\.com$/,
    'https://docs.kinde.com/build/tokens/about-access-tokens/',
  ),
  issuedBy(
    'workos',
    'WorkOS session token',
    /^https:\/\/api\.workos\.com/,
    'https://workos.com/docs/reference/authkit/session-tokens',
    { keysAt: () => 'https://api.workos.com/sso/jwks/<client id>' },
  ),
  issuedBy(
    'shopify',
    'Shopify session token',
    /^https:\/\/[^/]+\.myshopify\.com\/admin$/,
    'https://shopify.dev/docs/apps/build/authentication-authorization/session-tokens',
    { verifiers: 'secret' },
  ),
  issuedBy(
    'auth0',
    'Auth0 token',
    /^https:\/\/[^/]+\.auth0\.com\/$/,
    'https://auth0.com/docs/secure/tokens/access-tokens',
  ),
  issuedBy(
    'home_assistant',
    'Home Assistant token',
    /^[\da-f]{32}$/,
    'https://developers.home-assistant.io/docs/auth_api/',
    { also: ({ header }) => own(header, 'alg') === 'HS256', verifiers: 'issuer' },
  ),
  issuedBy(
    'keycloak_refresh',
    'Keycloak refresh token',
    /\/realms\//,
    'https://www.keycloak.org/docs/latest/server_admin/',
    {
      also: ({ payload }) => /^(?:refresh|offline)$/i.test(textOf(payload, 'typ') ?? ''),
      verifiers: 'issuer',
      endless: true,
    },
  ),
  issuedBy(
    'keycloak_identity',
    'Keycloak identity cookie',
    /\/realms\//,
    'https://github.com/keycloak/keycloak/pull/6013',
    {
      also: ({ payload }) => textOf(payload, 'typ') === 'Serialized-ID',
      verifiers: 'issuer',
      endless: true,
      forOthers: true,
    },
  ),
  // --- By claims and parameters ---
  {
    id: 'kubernetes_bound',
    name: 'Kubernetes service account token',
    source: 'https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/',
    verifiers: 'published_keys',
    is: ({ payload }) => isObject(own(payload, 'kubernetes.io')),
  },
  {
    id: 'app_store',
    name: 'App Store signed data',
    source: 'https://developer.apple.com/documentation/appstoreserverapi/jwsdecodedheader',
    verifiers: 'certificate',
    is: ({ header, payload }) =>
      hasMembers(header, 'x5c') &&
      (hasMembers(payload, 'bundleId') ||
        hasMembers(payload, 'notificationUUID') ||
        hasMembers(payload, 'originalTransactionId')),
    endless: true,
    // 1.2.840.113635.100.6.11.1 and 1.2.840.113635.100.6.2.1: others have certificates under Apple's root as well.
    purposes: ['2a864886f76364060b01', '2a864886f76364060201'],
  },
  {
    id: 'apple_client_secret',
    name: 'Apple client secret',
    source: 'https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret',
    verifiers: 'recipient',
    is: ({ aud, payload }) =>
      aud.includes('https://appleid.apple.com') && hasMembers(payload, 'sub') && !hasMembers(payload, 'nonce'),
  },
  {
    id: 'apns',
    name: 'APNs provider token',
    source: 'https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns',
    verifiers: 'recipient',
    is: ({ header, payload, iss }) =>
      own(header, 'alg') === 'ES256' &&
      /^[A-Z\d]{10}$/.test(iss) &&
      !hasMembers(payload, 'exp') &&
      !hasMembers(payload, 'aud'),
    endless: true,
  },
  {
    id: 'twilio',
    name: 'Twilio access token',
    source: 'https://www.twilio.com/docs/iam/access-tokens',
    verifiers: 'recipient',
    is: ({ header }) => (textOf(header, 'cty') ?? '').startsWith('twilio-fpa'),
  },
  {
    id: 'zoom',
    name: 'Zoom SDK token',
    source: 'https://developers.zoom.us/docs/meeting-sdk/auth/',
    verifiers: 'recipient',
    is: ({ payload }) => hasMembers(payload, 'tokenExp') || hasMembers(payload, 'app_key', 'tpc'),
  },
  {
    id: 'lti',
    name: 'LTI 1.3 launch',
    source: 'https://www.imsglobal.org/spec/lti/v1p3',
    verifiers: 'published_keys',
    is: ({ payload }) => hasMembers(payload, 'https://purl.imsglobal.org/spec/lti/claim/message_type'),
    required: ['iss', 'aud', 'exp', 'iat', 'nonce'],
  },
  {
    id: 'smart_on_fhir',
    name: 'SMART on FHIR token',
    source: 'https://hl7.org/fhir/smart-app-launch/',
    verifiers: 'published_keys',
    is: ({ payload }) =>
      hasMembers(payload, 'fhirUser') ||
      /(?:^|\s)(?:launch|(?:patient|user|system)\/)/.test(textOf(payload, 'scope') ?? ''),
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
  },
  {
    id: 'jarm',
    name: 'Authorization response (JARM)',
    source: 'https://openid.net/specs/oauth-v2-jarm.html',
    verifiers: 'published_keys',
    is: ({ payload }) =>
      hasMembers(payload, 'state', 'iss', 'aud') && (hasMembers(payload, 'code') || hasMembers(payload, 'error')),
  },
];
