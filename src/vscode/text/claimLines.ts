/**
 * Every name of the IANA "JSON Web Token Claims" registry (https://www.iana.org/assignments/jwt), and its meaning. `# `
 * starts a group and names its source; each other line is a name and its meaning. To add a name, add a line.
 */
export const registeredLines = `
# RFC 7519 section 4.1.1
iss Who issued the token.
# RFC 7519 section 4.1.2
sub The subject: who the token identifies.
# RFC 7519 section 4.1.3
aud The intended recipient: all others must reject the token.
# RFC 7519 section 4.1.4
exp When the token expires.
# RFC 7519 section 4.1.5
nbf When the token becomes valid.
# RFC 7519 section 4.1.6
iat When the token was issued.
# RFC 7519 section 4.1.7
jti Unique token ID.
# OpenID Connect Core section 2
auth_time When the user last signed in.
nonce Ties the token to the sign-in that asked for it.
acr How strictly the user was authenticated.
amr By which methods the user was authenticated.
azp The client that the token was issued to.
# OpenID Connect Core section 3.1.3.6
at_hash Hash of the access token that was issued together with it.
# OpenID Connect Core section 3.3.2.11
c_hash Hash of the authorization code that was issued together with it.
# OpenID Connect Core section 7.4
sub_jwk The key of a self-issued identity.
# OpenID Connect Core section 5.1
name Full name of the user.
given_name First name of the user.
family_name Last name of the user.
middle_name Middle name of the user.
nickname Nickname of the user.
preferred_username The user name to display. It can change: do not use it as an identifier.
profile URL of the user's profile page.
picture URL of a picture of the user.
website URL of a website of the user.
email Email address of the user.
email_verified Whether the issuer has checked the email address.
gender Gender of the user.
birthdate Date of birth of the user.
zoneinfo Time zone of the user.
locale Language and region of the user.
phone_number Phone number of the user.
phone_number_verified Whether the issuer has checked the phone number.
address Postal address of the user.
updated_at When the facts about the user last changed.
# OpenID Connect Core section 5.6.2
_claim_names Claims that must be fetched elsewhere.
_claim_sources Where those claims can be fetched.
# OpenID Connect Front-Channel Logout section 3
sid The session at the issuer.
# RFC 8693 section 4.1
act Who acts on behalf of the subject.
# RFC 8693 section 4.2
scope What the token allows, as words separated by spaces.
# RFC 8693 section 4.3
client_id The client that asked for the token.
# RFC 8693 section 4.4
may_act Who may act on behalf of the subject.
# RFC 7800 section 3.1
cnf The key whose possession the bearer must prove.
# RFC 9068 section 2.2.3.1
roles Roles that the subject has.
groups Groups that the subject belongs to.
entitlements Rights that the subject has.
# RFC 9396 section 9.1
authorization_details What the token allows, in detail.
# RFC 9449 section 4.2
htm HTTP method of the request that the proof is for.
htu URL of the request that the proof is for.
ath Hash of the access token that the proof goes with.
# RFC 9701 section 5
token_introspection What the issuer says about another token.
# RFC 8417 section 2.2
events Security events that the token reports.
toe When the reported event happened.
txn The id of the transaction that the token belongs to.
# RFC 9493 section 4.1
sub_id The subject, with the kind of identifier.
# RFC 9901 section 4.2.4.1
_sd Hashes of members that the holder can choose to disclose.
# RFC 9901 section 4.2.4.2
... Hash of a list item that the holder can choose to disclose.
# RFC 9901 section 4.1.1
_sd_alg Hash algorithm of the disclosures.
# RFC 9901 section 4.3
sd_hash Hash of the disclosed token that this proof belongs to.
# Token Status List (draft-ietf-oauth-status-list)
status Where the revocation status of the token can be found.
status_list Revocation states of many tokens in one list.
ttl For how many seconds the status list may be kept.
# RFC 8485
vot How far the identity can be trusted, as a vector.
vtm URL that explains the vector of trust.
# RFC 9200 section 5.10
ace_profile The ACE profile that the token is used with.
cnonce Nonce of the resource server that shows that the token is fresh.
exi For how many seconds the token is valid from its first use.
# Verifiable Credentials Data Model section 6.3.1
vc A verifiable credential.
vp A verifiable presentation.
# OpenID Identity Assurance Schema Definition section 5
verified_claims Claims that were checked, with the evidence.
# OpenID Connect for Identity Assurance Claims section 4
place_of_birth Where the user was born.
nationalities Nationalities of the user.
birth_family_name Last name of the user at birth.
birth_given_name First name of the user at birth.
birth_middle_name Middle name of the user at birth.
salutation How the user is addressed, such as Mr.
title Title of the user, such as Dr.
msisdn Mobile number of the user in international form.
also_known_as Another name that the user is known by.
# OpenID Federation section 13
jwks Keys of the entity.
metadata What the entity says about itself.
constraints Limits on the chains of trust that lead through the entity.
crit Claims that every recipient must understand.
ref Where to find more information about it.
delegation Right to issue a trust mark for its owner.
logo_uri URL of a logo.
# OpenID Federation section 3
authority_hints The entities above this one.
trust_anchor_hints Trust anchors that this entity belongs to.
trust_marks Trust marks that this entity has.
trust_mark_issuers Who may issue which trust mark.
trust_mark_owners Who owns which trust mark.
metadata_policy Rules for the metadata of the entities below.
metadata_policy_crit Rules that every recipient must understand.
source_endpoint Where the statement was fetched.
# OpenID Federation sections 5 to 8
keys Keys of the entity, old ones included.
trust_mark_type Kind of trust mark.
trust_chain Statements that lead to a trust anchor.
trust_anchor The trust anchor of the chain.
# RFC 9711 section 4
eat_nonce Nonce that shows that the attestation is fresh.
ueid Id of the device.
sueids Ids of the device that can change with its owner.
oemid Maker of the hardware.
hwmodel Model of the hardware.
hwversion Version of the hardware.
oemboot Whether the maker approved the software that was started.
dbgstat Whether debugging is disabled.
location Where the device is.
eat_profile Profile of the attestation.
submods Claims of the parts of the device.
uptime For how many seconds the device has been running.
bootcount How often the device has booted.
bootseed Random value of the device's current boot.
dloas Certifications of the device.
swname Name of the software.
swversion Version of the software.
manifests Lists of the software on the device.
measurements Measurements of the software.
measres Result of comparing the measurements.
intuse What the attestation is for.
# RFC 9999
cmw Wrapped message of an attestation.
# RFC 9246 section 2.1
cdniv Version of the claims for content delivery.
cdnicrit Claims for content delivery that must be understood.
cdniip Address of the client, encrypted.
cdniuc Addresses that the token allows.
cdniets For how many seconds a renewed token is valid.
cdnistt How a renewed token is delivered.
cdnistd How many path segments the renewed token covers.
# RFC 9321 section 3.2.3
sig_val_claims Result of validating a signature.
# RFC 9560 section 3.1.5
rdap_allowed_purposes Purposes for which registration data may be asked.
rdap_dnt_allowed Whether the user may ask not to be tracked.
# CTA-5009
geohash Area as a geohash.
# RFC 8055
sip_from_tag From tag of the SIP request.
sip_date Date of the SIP request.
sip_callid Call id of the SIP request.
sip_cseq_num Sequence number of the SIP request.
sip_via_branch Via branch of the SIP request.
# RFC 8225 section 5.2
orig The caller.
dest The party that is called.
mky Fingerprints of the media keys.
# RFC 8443
rph Priority of the call that is allowed.
# RFC 8588
attest How sure the provider is of the caller's number.
origid Id of the origin of the call.
# RFC 8688
jcard Contact data of the party that rejected the call.
# RFC 8946
div Number from which the call was diverted.
opt The original token of a diverted call.
# RFC 9027
sph Priority of the emergency call.
# RFC 9447
atc Proof of authority over an identifier, for ACME.
# RFC 9475
msgi Hash of the message.
# RFC 9795
rcd Name, logo and more of the caller.
rcdi Hashes of the data about the caller.
crn Reason of the call.
# STIR OCSP staple (draft-ietf-stir-certificates-ocsp)
stpl State of the certificate of the caller's provider.
# ETSI GS NFV-SEC 022
at_use_nbr How many requests the token is valid for.
# 3GPP TS 29.510 section 6.3.5.2.4
consumerPlmnId Mobile network of the consumer.
consumerSnpnId Private network of the consumer.
producerPlmnId Mobile network of the producer.
producerSnpnId Private network of the producer.
producerSnssaiList Network slices of the producer.
producerNsiList Instances of network slices of the producer.
producerNfSetId Set of network functions of the producer.
producerNfServiceSetId Set of services of the producer.
sourceNfInstanceId Network function that the data comes from.
analyticsIdList Analytics that the token allows.
# 3GPP TS 29.222 section 8.5.4.2.8
resOwnerId Owner of the resource.
`;

/** Claims that many tokens carry but no registry lists, by vendor. */
export const vendorLines = `
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

/**
 * Every name of the IANA "JSON Web Signature and Encryption Header Parameters" registry
 * (https://www.iana.org/assignments/jose), in the format above.
 */
export const headerLines = `
# RFC 7515 section 4.1.1, RFC 7516 section 4.1.1
alg The algorithm of the signature or of the key encryption.
# RFC 7515 section 4.1.2
jku URL of a key set that the token itself names. It is never fetched.
# RFC 7515 section 4.1.3
jwk A key that the token itself contains. It is never used.
# RFC 7515 section 4.1.4
kid Which key of the issuer was used.
# RFC 7515 section 4.1.5
x5u URL of certificates that the token itself names. It is never fetched.
# RFC 7515 section 4.1.6
x5c Certificates that the token itself contains. They are never used.
# RFC 7515 section 4.1.7
x5t SHA-1 thumbprint of the certificate of the key.
# RFC 7515 section 4.1.8
x5t#S256 SHA-256 thumbprint of the certificate of the key.
# RFC 7515 section 4.1.9
typ Kind of token.
# RFC 7515 section 4.1.10
cty Kind of content.
# RFC 7515 section 4.1.11
crit Extensions that every recipient must understand.
# RFC 7516 section 4.1.2
enc The algorithm of the content encryption.
# RFC 7516 section 4.1.3
zip How the content is compressed.
# RFC 7518 section 4.6.1
epk The sender's key for this token only.
apu Facts about the sender for the key agreement.
apv Facts about the recipient for the key agreement.
# RFC 7518 section 4.7.1
iv Start value of the key encryption.
tag Authentication tag of the key encryption.
# RFC 7518 section 4.8.1
p2s Salt of the password-based key.
p2c Rounds of the password-based key.
# RFC 7519 section 5.3
iss Who issued the token, readable before it is decrypted.
sub The subject, readable before it is decrypted.
aud The intended recipient, readable before it is decrypted.
# RFC 7797 section 3
b64 Whether the payload is base64url encoded.
# RFC 8225 section 8.1
ppt Kind of telephone identity token.
# RFC 8555 section 6.4
url URL of the request that the token is for.
# RFC 8555 section 6.5.2
nonce Keeps the request from being repeated.
# RFC 9321 section 3.3
svt Result of validating a signature.
# IHE ITI Document Digital Signature
iheSSId Id of the set of documents.
# OpenID for Verifiable Presentations section 5.11
jwt Statement of a verifier about itself, as a JWT.
client_id The client that the signature is for.
# OpenID Federation section 4.3
trust_chain Statements that lead to a trust anchor.
peer_trust_chain Statements that lead from the other party to the same trust anchor.
`;
