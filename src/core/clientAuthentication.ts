import { type ClientAuth, ClientSecretPost, None } from 'oauth4webapi';
import type { Connection } from './connection.ts';
import { WorkbenchError } from './errors.ts';

/**
 * How the client says who it is, at every endpoint that asks.
 * @throws WorkbenchError `client_secret_missing`, `auth_method_unsupported`
 */
export function clientAuthentication(connection: Connection, clientSecret: string | undefined): ClientAuth {
  const method = connection.tokenEndpointAuthMethod;
  const secret = () => {
    if (clientSecret) return clientSecret;
    throw new WorkbenchError('client_secret_missing', { connection: connection.id, method, sent: false });
  };
  switch (method) {
    case 'none':
      return None();
    case 'client_secret_basic':
      return basic(secret());
    case 'client_secret_post':
      return ClientSecretPost(secret());
    case 'client_secret_jwt':
    case 'private_key_jwt':
      throw new WorkbenchError('auth_method_unsupported', { connection: connection.id, method, sent: false });
  }
}

/**
 * RFC 6749 §2.3.1. oauth4webapi's own percent-encodes `-`, `_` and `.` too, which the form encoding of Appendix B
 * leaves as they are, and which the many issuers that do not decode then take for a wrong secret.
 */
function basic(clientSecret: string): ClientAuth {
  return (_as, { client_id }, _body, headers) => {
    headers.set('authorization', `Basic ${btoa(`${formEncoded(client_id)}:${formEncoded(clientSecret)}`)}`);
  };
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}
