import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import type { ClientCertificate } from './certificates.ts';

/** PEM. */
export interface MockTls {
  readonly key: string;
  readonly cert: string;
  /** Who has to have signed the certificates of `tls_client_auth`; anybody by default. */
  readonly ca?: string;
}

export function serverOf(tls: MockTls | undefined, listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener);
  const { key, cert, ca = '' } = Object(tls);
  try {
    if (![key, cert, ca].every(text => typeof text === 'string') || !key || !cert) throw new TypeError();
    // Whether there is a certificate, and whose it is, is for the issuer to say, with an error of OAuth.
    const asks = { requestCert: true, rejectUnauthorized: false };
    return createTlsServer({ key, cert, ...(ca && { ca }), ...asks }, listener);
  } catch {
    // OpenSSL's words could hold parts of what it was given.
    throw new TypeError('tls: a key and its certificate as PEM are needed');
  }
}

/** `byAuthority`: one that nobody known has signed is not to be trusted. */
export function certificateOf({ socket }: IncomingMessage, byAuthority: boolean): ClientCertificate | undefined {
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (shown === undefined) return undefined;
  return {
    der: shown.raw.toString('base64'),
    thumbprint: createHash('sha256').update(shown.raw).digest('base64url'),
    // Node has a line for each part, in the order of the certificate; RFC 4514 has it the other way round.
    subject: shown.subject.split('\n').reverse().join(',').replaceAll(' + ', '+'),
    from: Date.parse(shown.validFrom),
    until: Date.parse(shown.validTo),
    trusted: !byAuthority || (socket instanceof TLSSocket && socket.authorized),
  };
}
