import { createPrivateKey, type KeyObject } from 'node:crypto';
import { request } from 'node:https';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { createSecureContext } from 'node:tls';
import { type CredentialFlaw, WorkbenchError } from '../core/errors.ts';
import type { MutualTls, UnlockKey } from '../core/ports.ts';
import { largestNumber } from '../core/tokens/der.ts';
import { derOf, readKeyMaterial } from '../core/tokens/keyMaterial.ts';

/**
 * RFC 8705 with Node's own https, because fetch cannot present a certificate. The server's certificate is verified as
 * usual. Redirects are not followed. VS Code's proxy settings do not apply here.
 * @param ca certificate authorities to trust for the server; the system's if omitted
 */
export function createMutualTls(ca?: string): MutualTls {
  return async ({ key, certificate: cert }) => {
    const identity = { key, cert, ...(ca !== undefined && { ca }) };
    try {
      createSecureContext(identity);
    } catch {
      // OpenSSL's message may contain parts of its input, so it is dropped.
      throw new WorkbenchError('credential_invalid', { reason: 'certificate_mismatch', sent: false });
    }
    return (input, init) => send(new URL(input), init, identity);
  };
}

function send(
  url: URL,
  { method = 'GET', headers, body, signal }: RequestInit,
  identity: { readonly key: string; readonly cert: string; readonly ca?: string },
): Promise<Response> {
  const { host } = url;
  if (url.protocol !== 'https:')
    throw new WorkbenchError('credential_invalid', { reason: 'no_tls', found: url.origin, sent: false });
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      method,
      ...identity,
      headers: Object.fromEntries(new Headers(headers)),
      // A new connection: one that belongs to another client must not be reused.
      agent: false,
      ...(signal && { signal }),
    });
    asked.on('error', error => reject(refusal(error, host) ?? error));
    asked.on('response', answer => {
      const { statusCode: status = 0, headersDistinct } = answer;
      const pairs = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
        values.map((value): [string, string] => [name, value]),
      );
      try {
        const hasNoBody = [204, 205, 304].includes(status);
        const stream = Readable.toWeb(answer) as ReadableStream<Uint8Array> & globalThis.ReadableStream;
        resolve(new Response(hasNoBody ? null : stream, { status, headers: pairs }));
      } catch {
        // `Response` accepts only status codes from 200 to 599.
        answer.destroy();
        reject(new WorkbenchError('http_error', { host, status, sent: true }));
      }
    });
    asked.end(body === null || body === undefined ? undefined : String(body));
  });
}

/**
 * In TLS 1.3 the server rejects a client certificate only after the handshake; what was sent by then is not read. The
 * name of the alert (RFC 8446 §6.2) is in the code, or in OpenSSL's constant message.
 */
function refusal({ code, message }: NodeJS.ErrnoException, host: string): WorkbenchError | undefined {
  const alert = /\balert ([a-z ]+)/.exec(`${code}\n${message}`.toLowerCase().replaceAll('_', ' '))?.[1]?.trim();
  return alert && /certificate|unknown ca|access denied|handshake failure/.test(alert)
    ? new WorkbenchError('client_certificate_refused', { host, detail: alert, sent: false })
    : undefined;
}

/** The most hash rounds for a passphrase: the work blocks this process, and a file can request any number. */
const mostRounds = 20_000_000;

/**
 * Decrypts PKCS #8 and OpenSSL's older PEM encryption with Node's OpenSSL. Web Crypto lacks MD5 and DES, which the
 * older form needs.
 */
export const unlockKey: UnlockKey = async (pem, passphrase) => {
  const opened = openedBy(pem, passphrase);
  if (opened !== 'unsupported' && opened !== 'failed')
    return opened.export({ type: 'pkcs8', format: 'pem' }).toString();
  // One of 256 wrong passphrases decrypts to something that OpenSSL does not support. A cipher fails with every one.
  const others = [`${passphrase}1`, `${passphrase}2`];
  const isCipher = opened === 'unsupported' && others.every(other => openedBy(pem, other) === 'unsupported');
  throw refused(isCipher ? 'cipher' : 'passphrase');
};

function openedBy(pem: string, passphrase: string): KeyObject | 'unsupported' | 'failed' {
  try {
    if (roundsOf(pem) > mostRounds) return 'unsupported';
    return createPrivateKey({ key: pem, format: 'pem', passphrase });
  } catch (error) {
    // OpenSSL's message may contain parts of its input. The codes differ between VS Code's BoringSSL and Node's
    // OpenSSL.
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return /UNSUPPORT|UNKNOWN|INVALID_SCRYPT|MEMORY_LIMIT/.test(code) ? 'unsupported' : 'failed';
  }
}

/** The rounds of the key derivation in PKCS #8. OpenSSL's older form hashes once. */
function roundsOf(pem: string): number {
  const material = readKeyMaterial(pem);
  const [block] = material.kind === 'pem' ? material.blocks : [];
  if (block?.label !== 'ENCRYPTED PRIVATE KEY') return 0;
  return largestNumber(derOf({ ...block, label: 'PRIVATE KEY' }));
}

function refused(reason: CredentialFlaw): WorkbenchError {
  return new WorkbenchError('credential_invalid', { reason, sent: false });
}
