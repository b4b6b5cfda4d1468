/** Claims that many tokens carry but no registry lists, by vendor. The format is that of registered.ts. */
export default `
# RFC 7662 section 2.2
active Whether the issuer says that the token is active.
username Name of the user for people to read.
token_type How the token is to be used.
# Financial-grade API Part 2 section 5.1
s_hash Hash of the state of the sign-in.
# OpenID Connect Back-Channel Logout and Session Management
session_state The session at the issuer.
# Microsoft Entra ID, https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
oid The object id of the user or service in its directory.
tid The tenant that the user belongs to.
ver Version of the format of the token.
appid The application that asked for the token.
appidacr How the application authenticated: 0 not at all, 1 with a secret, 2 with a certificate.
azpacr How the client authenticated: 0 not at all, 1 with a secret, 2 with a certificate.
idtyp Kind of identity: app for an application without a user.
upn Sign-in name of the user. It can change: do not use it as an identifier.
unique_name A display name of the user. Do not use it as an identifier.
idp The identity provider that authenticated the user.
scp What the token allows (scope).
wids Directory roles of the user.
hasgroups The user has too many groups for this token: query the directory.
acrs Authentication contexts that the bearer has met.
aio Internal to the issuer.
rh Internal to the issuer.
uti Unique token ID.
xms_ftd Internal to the issuer.
xms_idrel How the user is related to the tenant: member, guest or neither.
xms_act_fct Kind of actor that asks.
xms_sub_fct Kind of subject.
xms_tcdt When the tenant was created.
xms_cc What the client can do, such as cp1 for claims challenges.
xms_mirid Azure resource of the managed identity.
xms_az_rid Azure resource that the token is for.
xms_st The subject as another audience knows it.
onprem_sid Id of the user in the directory on premises.
puid Internal to the issuer.
pwd_exp In how many seconds the password expires.
pwd_url URL where the password can be changed.
in_corp The request came from the company's own network.
ipaddr Network address from which the user signed in.
# Microsoft Entra ID, https://learn.microsoft.com/entra/identity-platform/optional-claims-reference
acct Kind of account in the tenant: 0 member, 1 guest.
ctry Country of the user.
fwd Network address of the first client of several.
login_hint Hint that names the user at the next sign-in.
tenant_ctry Country of the tenant.
tenant_region_scope Region of the tenant.
tenant_region_sub_scope Region of the tenant within its cloud.
verified_primary_email Confirmed email addresses of the user.
verified_secondary_email More confirmed email addresses of the user.
vnet Virtual network that the request came from.
xms_edov Whether the owner of the domain has confirmed the email address.
xms_pdl Preferred place for the data of the user.
xms_pl Preferred language of the user.
xms_tpl Preferred language of the tenant.
ztdid Device id of Windows Autopilot.
deviceid Device of the user.
signin_state Features of the sign-in, such as kmsi (keep me signed in).
# Azure AD B2C, https://learn.microsoft.com/azure/active-directory-b2c/tokens-overview
tfp The user flow that issued the token.
emails Email addresses of the user.
newUser Whether the account was just created.
idp_access_token Access token of the identity provider. It works by itself: protect it.
# Auth0, https://auth0.com/docs/secure/tokens/json-web-tokens/json-web-token-claims
permissions Rights that the token gives.
org_id The organization that the user signed in to.
org_name Name of the organization that the user signed in to.
gty The grant by which the token was issued.
# Amazon Cognito, https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-with-identity-providers.html
token_use Kind of token, as the issuer names it.
cognito:username User name in the user pool.
cognito:groups Groups of the user in the user pool.
cognito:roles AWS roles of the user's groups.
cognito:preferred_role AWS role that the user takes.
cognito:user_status State of the account in the user pool.
identities Accounts of the user at other identity providers.
origin_jti The sign-in from which this token descends.
event_id The id of the sign-in.
device_key The remembered device of the user.
# Keycloak, https://www.keycloak.org/docs/latest/server_admin/
typ Kind of token, as the issuer names it.
realm_access Roles of the user in the whole realm.
resource_access Roles of the user, client by client.
allowed-origins Origins from which browsers may use the token.
authorization Permissions that the authorization services gave.
trusted-certs Certificates that the client trusts.
clientHost Host of the client of a service account.
clientAddress Network address of the client of a service account.
client_session The session of this client.
reuse_id Id of the chain of refresh tokens.
organization Organizations that the user belongs to.
# Okta, https://developer.okta.com/docs/reference/api/oidc/
uid The id of the user at Okta.
cid The client that asked for the token.
# Google, https://developers.google.com/identity/openid-connect/openid-connect
hd The hosted domain that the user belongs to.
google The service account and the instance of Google Cloud.
# Firebase, https://firebase.google.com/docs/auth/admin/verify-id-tokens
firebase How the user signed in, and the accounts.
user_id The id of the user.
sign_in_provider How the user signed in.
# GenAuth and Authing, https://docs.authing.cn/v2/en/concepts/id-token.html
external_id The id of the user in the system before.
unionid The id of the user over all apps of a provider.
userpool_id The user pool that the user belongs to.
extended_fields Fields that the user pool added.
tenant_id The tenant that the user signed in to.
resources Resources that the user may use.
data Facts about the user in one object.
# GitHub Actions, https://docs.github.com/actions/reference/security/oidc
repository The repository that the workflow runs in.
repository_owner Owner of the repository.
job_workflow_ref The workflow that the job runs.
workflow Name of the workflow.
environment The environment of the job.
actor Who started the workflow.
# Kubernetes, https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
kubernetes.io Namespace, pod and service account of the token.
`;
