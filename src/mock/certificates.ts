import type { ClientAuthMethod, MockClient } from './clientOptions.ts';

/** What a client has shown in the handshake, its private key proven there. */
export interface ClientCertificate {
  /** base64 of the DER form, as in `x5c`. */
  readonly der: string;
  /** base64url of the SHA-256 of the DER form, RFC 8705 section 3.1. */
  readonly thumbprint: string;
  /** Distinguished name, RFC 4514. */
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
  /** Of one of the server's `ca`, or there is none to ask for. */
  readonly trusted: boolean;
}

/** The `cnf` of tokens: RFC 9449 section 6.1, RFC 8705 section 3.1. */
export interface Confirmation {
  readonly jkt?: string;
  readonly 'x5t#S256'?: string;
}

export const byCertificate = (method: ClientAuthMethod) => method.endsWith('tls_client_auth');

/** RFC 8705 section 2: undefined where the certificate is the client's, else why it is not. */
export function certificateRefusal(
  { token_endpoint_auth_method: method, tls_client_auth_subject_dn: subject = '', jwks }: MockClient,
  certificate: ClientCertificate | undefined,
  now: number,
): string | undefined {
  if (certificate === undefined) return 'The client has shown no certificate';
  const { der, thumbprint, from, until, trusted } = certificate;
  if (now < from || now > until) return 'The certificate is not valid at this time';
  if (method === 'tls_client_auth') {
    if (plain(subject) !== plain(certificate.subject)) return 'The certificate is for another subject';
    return trusted ? undefined : 'The certificate is of no authority that is known here';
  }
  const known = jwks?.keys.some(key => key['x5t#S256'] === thumbprint || key.x5c?.[0] === der);
  return known ? undefined : 'The certificate is not one of this client';
}

/** What tokens get bound to. `jkt`: of the DPoP proof. */
export function confirmation(
  client: MockClient,
  jkt: string | undefined,
  certificate: ClientCertificate | undefined,
): Confirmation | undefined {
  const wanted = client.tls_client_certificate_bound_access_tokens || byCertificate(client.token_endpoint_auth_method);
  const x5t = wanted ? certificate?.thumbprint : undefined;
  if (jkt === undefined && x5t === undefined) return undefined;
  return { ...(jkt !== undefined && { jkt }), ...(x5t !== undefined && { 'x5t#S256': x5t }) };
}

/** As names are compared: people put spaces after commas, and types of attributes in small letters. */
function plain(subject: string): string {
  return subject.replace(/(?<!\\) *, */g, ',').toLowerCase();
}
