import { l10n } from 'vscode';
import type { Variety, Verifiers } from '../../core/tokens/variety.ts';

/** What a variety is and what to do with it, in one sentence each. The ids are those of core/tokens/varieties.ts. */
const sentences: Readonly<Record<string, () => string>> = {
  sd_jwt_kb: () =>
    l10n.t(
      'Selected claims are disclosed after "~", and the holder signed this presentation: check its audience and nonce.',
    ),
  sd_jwt: () => l10n.t('Claims are hidden behind digests; those that are disclosed follow after "~".'),
  health_card: () =>
    l10n.t(
      "The payload is compressed. Verify it with the keys at the issuer's URL, and trust only issuers that you know.",
    ),
  github_installation: () => l10n.t('Treat it as opaque: only GitHub can verify it, and its format may change.'),
  vapid: () => l10n.t('It identifies the sender to a push service. The public key that verifies it follows in k.'),
  jws_json: () => l10n.t('Signed content in JSON, not a JWT: reject it where a JWT is expected.'),
  cut: () => l10n.t('Copy the whole token: without its signature, nothing in it can be trusted.'),
  alb: () =>
    l10n.t(
      'Its parts are base64 with padding: verify them unchanged, with the public key that AWS publishes for its region and kid.',
    ),
  dpop_proof: () => l10n.t('It proves possession of the key in its header, for one request only.'),
  logout_token: () =>
    l10n.t('It tells a client to end a session (OpenID Connect Back-Channel Logout). It must have no nonce.'),
  security_event: () => l10n.t('It reports an event and grants nothing: never accept it as an access token.'),
  key_binding: () =>
    l10n.t('The last part of an SD-JWT presentation. Verify it together with the token that it belongs to.'),
  status_list: () => l10n.t('It holds the status of many tokens as one compressed list.'),
  entity_statement: () =>
    l10n.t('One link of an OpenID Federation trust chain: verify the chain up to a trust anchor.'),
  verifiable_credential: () => l10n.t('A W3C credential as a JWT. Check separately whether it is revoked.'),
  client_attestation: () =>
    l10n.t('It identifies the client instance to the issuer. The client must also prove possession of the key in cnf.'),
  attestation_pop: () => l10n.t('It proves possession of the key in a client attestation.'),
  introspection: () =>
    l10n.t(
      "An issuer's signed introspection response about another token (RFC 9701): never accept it as an access token.",
    ),
  request_object: () =>
    l10n.t('A signed authorization request (RFC 9101). The client issues it: verify it with the keys of the client.'),
  id_jag: () => l10n.t('Not an access token: exchange it for one at the issuer named in aud.'),
  vci_proof: () => l10n.t('It proves possession of the key to which a credential will be bound.'),
  mcp: () =>
    l10n.t(
      'Only for the MCP server named in aud. That server must reject tokens for other audiences and must not forward this one to another API.',
    ),
  graph: () => l10n.t('Only Microsoft Graph can verify it. To verify tokens yourself, get one for your own API.'),
  entra_v1: () =>
    l10n.t(
      'The API is registered for v1.0 tokens, whose issuer is sts.windows.net. Set requestedAccessTokenVersion to 2 to get v2.0 tokens.',
    ),
  entra_v2: () => l10n.t('Compare iss with the tenant that you expect: the keys are the same for every tenant.'),
  okta_org: () =>
    l10n.t(
      'Treat it as opaque: only Okta accepts access tokens of the org authorization server. Use a custom authorization server for your API.',
    ),
  cognito_access: () => l10n.t('It has no aud: check client_id and token_use instead.'),
  firebase_session: () => l10n.t('Its keys are published as certificates, each under its kid.'),
  firebase_id: () =>
    l10n.t('Its keys are published as certificates, each under its kid. Compare aud with your project ID.'),
  google_iap: () =>
    l10n.t('Compare aud with the path of your backend service. Its keys are published at a separate URL.'),
  kubernetes_legacy: () => l10n.t('It never expires: delete the Secret that holds it, and use bound tokens.'),
  github_actions: () =>
    l10n.t('Compare sub or repository, not only iss: every GitHub workflow gets tokens from this issuer.'),
  gitlab_ci: () =>
    l10n.t('Compare project_path or sub, not only iss: every job of the instance gets tokens from this issuer.'),
  cloudflare_access: () => l10n.t('Compare aud with the tag of your application.'),
  supabase: () => l10n.t('The API key of a role. Keep the key of service_role on servers: it can read everything.'),
  clerk: () => l10n.t('It is valid for one minute and has no aud: compare azp with your origins.'),
  kinde: () => l10n.t('Request an audience; otherwise aud is empty.'),
  workos: () => l10n.t('It is signed with the keys of your WorkOS client.'),
  shopify: () =>
    l10n.t("It is signed with your app's client secret. Compare aud with your client ID and dest with the shop."),
  auth0: () => l10n.t("The claim aud names the API that it is for. The issuer's URL ends with a slash."),
  home_assistant: () => l10n.t('Treat it as opaque: only the instance has the key.'),
  keycloak_refresh: () =>
    l10n.t('Treat it as opaque: only the issuer can verify it, because it is signed with the secret of the issuer.'),
  keycloak_identity: () =>
    l10n.t('It keeps a browser signed in at the issuer, and APIs do not accept it. Only the issuer can verify it.'),
  kubernetes_bound: () =>
    l10n.t('Its keys are published by the cluster (/openid/v1/jwks), which may not be reachable from here.'),
  app_store: () =>
    l10n.t(
      "Verify it with Apple's root certificate as the key: the chain in x5c must lead to it. Times are in milliseconds.",
    ),
  apple_client_secret: () => l10n.t('You create it with your own key. It may be valid for at most six months.'),
  apns: () => l10n.t('You create it with your own key. Apple accepts it for one hour after iat.'),
  twilio: () => l10n.t('You create it with the secret of your API key. The claim grants lists what it allows.'),
  zoom: () => l10n.t('You create it with the secret of your SDK app.'),
  lti: () =>
    l10n.t(
      'It starts a learning tool: compare nonce with the one that you sent, and the deployment ID with those that you know.',
    ),
  smart_on_fhir: () => l10n.t('An access token for health records: its scopes name the resources.'),
  uma_rpt: () => l10n.t('Its permissions list the resources that it gives access to.'),
  jarm: () =>
    l10n.t(
      'An authorization response as a JWT. Before you exchange the code, compare state with the one that you sent and iss with your issuer.',
    ),
  auth0_opaque: () => l10n.t('Request an audience to get a JWT: without one, only Auth0 can read the token.'),
  authjs: () =>
    l10n.t(
      'A session cookie. Decrypt it with the secret in AUTH_SECRET or NEXTAUTH_SECRET: its key is derived from that.',
    ),
  paseto: () =>
    l10n.t(
      'Not a JOSE format. A public token is signed, and its claims are shown unverified. A local token is encrypted.',
    ),
  flask_cookie: () => l10n.t("A signed session cookie, not a JWT: anyone can read it, and the app's secret signs it."),
  express_cookie: () => l10n.t('A signed cookie, not a JWT: the value is before the dot.'),
  rails_cookie: () => l10n.t('A signed cookie, not a JWT: base64 of the value, then "--" and an HMAC.'),
  django_signed: () => l10n.t('A signed value, not a JWT: data, time and signature between colons.'),
  fernet: () => l10n.t('Encrypted with a shared key: without the key, only its creation time can be read.'),
  iron: () => l10n.t('Encrypted with a password of the app: it cannot be read without that password.'),
  aspnet_protected: () =>
    l10n.t('Only the app that created it can read it, with the keys of its data protection key ring.'),
  macaroon: () => l10n.t('A token that its holder can restrict with caveats. Only its issuer can verify it.'),
  biscuit: () =>
    l10n.t('A token that its holder can restrict with more blocks. Verify it with the public key of its issuer.'),
  branca: () => l10n.t('Encrypted with a shared key: without the key, only its creation time can be read.'),
  nextcloud: () => l10n.t('It gives access to the whole account, like a password. Revoke it under Settings, Security.'),
  github_token: () => l10n.t('An opaque GitHub token. Revoke it at GitHub if it was exposed.'),
  slack_token: () => l10n.t('An opaque Slack token. Tokens that start with xoxe expire.'),
  google_access: () => l10n.t('An opaque Google access token, valid for about one hour.'),
  salesforce: () => l10n.t('A Salesforce session: the part before "!" identifies the organization.'),
  matrix: () => l10n.t('An opaque access token of a Matrix homeserver.'),
  openshift: () => l10n.t('An opaque OpenShift token: the cluster stores it under its SHA-256 hash.'),
};

export const varietySentenceIds = Object.keys(sentences);

export function varietyAdvice({ id }: Variety): string {
  return sentences[id]?.() ?? '';
}

export function verifiersText(verifiers: Verifiers): string {
  switch (verifiers) {
    case 'published_keys':
      return l10n.t("anyone, with the issuer's published keys");
    case 'secret':
      return l10n.t('anyone who has the shared secret');
    case 'own_key':
      return l10n.t('anyone, with the key that it contains or that another token names');
    case 'certificate':
      return l10n.t('anyone who trusts the root of its certificates');
    case 'recipient':
      return l10n.t('only the service that it is for');
    case 'issuer':
      return l10n.t('only its issuer');
  }
}

/** "Firebase ID token: its keys are published as certificates … Who can verify it: …" */
export function varietyText(variety: Variety, keysAt: string | undefined): string {
  const lines = [`${variety.name}: ${varietyAdvice(variety)}`];
  lines.push(l10n.t('Who can verify it: {0}.', verifiersText(variety.verifiers)));
  if (keysAt !== undefined) lines.push(l10n.t('Keys: {0}', keysAt));
  return lines.join(' ');
}
