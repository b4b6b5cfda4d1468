/**
 * Every name of the IANA "JSON Web Signature and Encryption Header Parameters" registry
 * (https://www.iana.org/assignments/jose). Written as registered.ts is.
 */
export default `
# RFC 7515 section 4.1.1, RFC 7516 section 4.1.1
alg The algorithm of the signature or of the key encryption.
# RFC 7515 section 4.1.2
jku Address of a key set that the token itself names. It is never fetched.
# RFC 7515 section 4.1.3
jwk A key that the token itself brings. It is never used.
# RFC 7515 section 4.1.4
kid Which key of the issuer was used.
# RFC 7515 section 4.1.5
x5u Address of certificates that the token itself names. It is never fetched.
# RFC 7515 section 4.1.6
x5c Certificates that the token itself brings. They are never used.
# RFC 7515 section 4.1.7
x5t SHA-1 thumbprint of the certificate of the key.
# RFC 7515 section 4.1.8
x5t#S256 SHA-256 thumbprint of the certificate of the key.
# RFC 7515 section 4.1.9
typ Kind of token.
# RFC 7515 section 4.1.10
cty Kind of content.
# RFC 7515 section 4.1.11
crit Extensions that every reader has to understand.
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
sub Whom the token is about, readable before it is decrypted.
aud Whom the token is for, readable before it is decrypted.
# RFC 7797 section 3
b64 Whether the payload is base64url encoded.
# RFC 8225 section 8.1
ppt Kind of telephone identity token.
# RFC 8555 section 6.4
url Address of the request that the token is for.
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
