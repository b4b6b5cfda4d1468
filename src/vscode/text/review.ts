import { l10n } from 'vscode';
import type { Severity } from '../../core/checks/finding.ts';
import type { ReviewFinding } from '../../core/checks/review.ts';
import { printable } from '../../core/redact.ts';
import { checkText } from './checks.ts';
import { durationText } from './time.ts';

export interface ReviewText {
  /** The finding, in one sentence. */
  readonly detail: string;
  readonly advice: string;
}

/** The sentences for one finding of the review. Text from the token is shown with its invisible characters. */
export function reviewText(finding: ReviewFinding): ReviewText {
  if (finding.check) {
    const { title, detail, advice = '' } = checkText(finding.check);
    return { detail: `${title}: ${detail}`, advice };
  }
  const [detail, advice] = sentences[finding.id]?.(finding) ?? [finding.id, ''];
  return { detail, advice };
}

export function severityText(severity: Severity): string {
  switch (severity) {
    case 'error':
      return l10n.t('Error');
    case 'warning':
      return l10n.t('Warning');
    case 'info':
      return l10n.t('Note');
  }
}

type Sentences = (finding: ReviewFinding) => readonly [detail: string, advice: string];

/** Keyed by the ids of the rows; a test checks that both match. */
const sentences: Readonly<Record<string, Sentences>> = {
  secret_and_public: ({ member }) => [
    l10n.t('A shared secret signs this token, and its header names a public key ("{0}").', plain(member)),
    l10n.t('A verifier that uses the public key as the secret accepts forgeries. Allow only one kind of algorithm.'),
  ],
  unsigned: () => [
    l10n.t('The signature is empty: anyone could have written this token.'),
    l10n.t('Copy the whole token. If it is whole, do not trust it.'),
  ],
  signature_zero: () => [
    l10n.t('Half of the signature is zero, which faulty verifiers accept for any token.'),
    l10n.t('Do not trust this token, and update the software that accepted it.'),
  ],
  key_private: () => [
    l10n.t('The header holds the private half of a key: anyone who has the token can sign with it.'),
    l10n.t('Replace the key. The issuer may put the public half there at most.'),
  ],
  key_address: ({ member, found }) => [
    l10n.t('"{0}" names keys at a URL that is not https: {1}.', plain(member), plain(found)),
    l10n.t("Remove it, and publish the keys in the issuer's metadata."),
  ],
  kid_path: ({ found }) => [
    l10n.t('The key id (kid) looks like a path: {0}.', plain(found)),
    l10n.t('Look keys up in a list. A kid that reaches a file system can name any file as the key.'),
  ],
  kid_injection: ({ found }) => [
    l10n.t('The key id (kid) has characters of SQL or of a shell: {0}.', plain(found)),
    l10n.t('Look keys up in a list. A kid must never reach a query or a command.'),
  ],
  kid_unusual: ({ found }) => [
    l10n.t('The key id (kid) is very long, an address or has invisible characters: {0}.', plain(found)),
    l10n.t('Use a short id, such as the thumbprint of the key. Nothing may be fetched from it.'),
  ],
  kid_type: ({ found }) => [
    l10n.t('The key id (kid) is not a string: {0}.', plain(found)),
    l10n.t('RFC 7515 requires a string. The issuer has to correct this.'),
  ],
  header_claim: ({ member }) => [
    l10n.t('"{0}" has another value in the header than in the claims.', plain(member)),
    l10n.t('Rely on the claim alone. The issuer has to make both the same.'),
  ],
  alg_outdated: ({ found }) => [
    l10n.t('{0} is outdated: attacks on it are known.', plain(found)),
    l10n.t('Use RSA-OAEP-256 or ECDH-ES to encrypt, and SHA-256 or better to sign.'),
  ],
  compressed: () => [
    l10n.t('The content is compressed before it is encrypted: its length tells about what is in it.'),
    l10n.t('Omit "zip" where someone else can choose a part of the content.'),
  ],
  rounds_few: ({ amount = 0 }) => [
    l10n.t('The password is stretched in {0} rounds only and can be guessed quickly.', amount),
    l10n.t('Use a random key. Where it must be a password, use 310000 rounds or more.'),
  ],
  rounds_many: ({ amount = 0 }) => [
    l10n.t('The token asks its reader for {0} rounds of work before anything is checked.', amount),
    l10n.t('Reject the token, and limit "p2c" in the software that reads it.'),
  ],
  size_most: ({ amount = 0 }) => [
    l10n.t('The token has {0} characters: common servers and proxies refuse a header over 8192.', amount),
    l10n.t('Remove claims, or issue a reference token.'),
  ],
  size_some: ({ amount = 0 }) => [
    l10n.t('The token has {0} characters: a cookie holds 4096, and some proxies no more in a header.', amount),
    l10n.t('Remove claims that no recipient needs, starting with long lists of groups.'),
  ],
  exp_before_iat: ({ member }) => [
    l10n.t('The token expires before it is valid: "exp" is not after "{0}".', plain(member)),
    l10n.t('The issuer has to correct the times. No verifier should accept this token.'),
  ],
  exp_far: ({ amount = 0 }) => [
    l10n.t('The token is valid for {0}: a thief can use it that long.', durationText(amount * 1000)),
    l10n.t('Let access tokens live for an hour or less, and refresh them.'),
  ],
  aud_missing: () => [
    l10n.t('The token names no audience (aud): a token issued for one API works at every other.'),
    l10n.t('Ask for an audience or a resource, and let each API check it.'),
  ],
  aud_any: ({ found }) => [
    l10n.t('The audience (aud) matches everyone: {0}.', plain(found)),
    l10n.t('Give each API a URL of its own as its audience.'),
  ],
  iss_missing: () => [
    l10n.t('The token does not say who issued it (iss), so no verifier can know whose keys to trust.'),
    l10n.t('The issuer has to add iss.'),
  ],
  iss_insecure: ({ found }) => [
    l10n.t('The issuer (iss) uses http, so keys could be replaced in transit: {0}.', plain(found)),
    l10n.t('Use an https URL.'),
  ],
  sub_long: ({ amount = 0 }) => [
    l10n.t('The subject (sub) has {0} characters, and 255 are allowed.', amount),
    l10n.t('Use a shorter id.'),
  ],
  sub_email: () => [
    l10n.t('The subject (sub) is an email address, which can change hands.'),
    l10n.t('Use an id that is never reassigned.'),
  ],
  access_incomplete: ({ found }) => [
    l10n.t('The type says at+jwt, and claims that it requires are missing: {0}.', plain(found)),
    l10n.t('The issuer has to add them, or remove the type.'),
  ],
  nonce_missing: () => [
    l10n.t('The ID token has no nonce: nothing ties it to the sign-in that asked for it.'),
    l10n.t('Send a nonce with the authorization request, and compare it.'),
  ],
  azp_foreign: ({ found }) => [
    l10n.t('The ID token was issued to {0} (azp), which is not among its audiences.', plain(found)),
    l10n.t('A client must reject ID tokens of other clients.'),
  ],
  hash_length: ({ member, found }) => [
    l10n.t('"{0}" has a length that no hash of this algorithm has: {1}.', plain(member), plain(found)),
    l10n.t('It is the left half of the hash in base64url. The issuer has to correct this.'),
  ],
  secret: ({ found }) => [
    l10n.t('These claims look like secrets, and anyone who has the token can read them: {0}.', plain(found)),
    l10n.t('Remove them and replace the secrets: treat them as published.'),
  ],
  token_inside: ({ found }) => [
    l10n.t('These claims contain other tokens, which work for anyone who reads them: {0}.', plain(found)),
    l10n.t('Remove them. A recipient can request such a token from the issuer.'),
  ],
  sensitive: ({ found }) => [
    l10n.t('These claims look like numbers or facts that need protection: {0}.', plain(found)),
    l10n.t('Remove them or encrypt the token. A signature hides nothing.'),
  ],
  personal: ({ found }) => [
    l10n.t('The token carries personal data that logs and APIs will see: {0}.', plain(found)),
    l10n.t('Remove what the API does not need. It can query the UserInfo endpoint.'),
  ],
};

export const reviewSentenceIds = Object.keys(sentences);

function plain(value: string | undefined): string {
  return printable(value ?? '', 200);
}

/** The findings as returned by commands. */
export function reviewAnswer(findings: readonly ReviewFinding[]) {
  return findings.map(finding => {
    const { id, severity, section, member } = finding;
    return { id, severity, section, ...(member !== undefined && { member }), ...reviewText(finding) };
  });
}
