import { type AuthorizationRequest, type Examined, examine } from './authorizationRequest.ts';
import type { BackChannel } from './backChannel.ts';
import type { MockClient } from './clientOptions.ts';
import type { ProofDesk } from './dpop.ts';
import type { Answer } from './exchange.ts';
import type { ParsedForm } from './forms.ts';
import { jsonReply, oauthError } from './http.ts';
import type { Settings } from './options.ts';
import { randomText } from './random.ts';
import { createShelf } from './shelf.ts';

export interface PushedRequest {
  readonly request: AuthorizationRequest;
  /** It was answered, which happens once; until then the page may be loaded again. */
  spent: boolean;
}

export interface PushedRequests {
  /** RFC 9126 section 2. */
  readonly push: Answer;
  /** The request of an authorization URL, pushed or there in full. */
  find(parsed: ParsedForm, now: number): Examined & { readonly pushed?: PushedRequest };
}

const prefix = 'urn:ietf:params:oauth:request_uri:';
// Seconds.
const lifetime = 60;

export function createPushedRequests(
  settings: Settings,
  clients: ReadonlyMap<string, MockClient>,
  backChannel: BackChannel,
  proofs: ProofDesk,
): PushedRequests {
  const requests = createShelf<PushedRequest>(1_000);

  return {
    push: backChannel(async (client, form, exchange) => {
      if (form.has('request_uri')) return oauthError(400, 'invalid_request', 'A request_uri cannot be pushed itself');
      const proof = await proofs.check(exchange);
      const headers = exchange.request.header('dpop') ? proofs.headers : {};
      if ('refused' in proof) return oauthError(400, proof.refused, proof.description, headers);
      const known = new Map([...form, ['client_id', client.client_id]]);
      const examined = examine({ form: known, duplicate: undefined }, clients, settings, true);
      if (!('request' in examined)) {
        const { error, description } = 'shown' in examined ? examined.shown : examined.redirected;
        return oauthError(400, error, description, headers);
      }
      const { request } = examined;
      // RFC 9449 section 10.1: the proof says as much as dpop_jkt, and both have to say the same.
      const jkt = request.jkt ?? proof.jkt;
      if (proof.jkt !== undefined && jkt !== proof.jkt)
        return oauthError(400, 'invalid_request', 'dpop_jkt is not the key of the DPoP proof', headers);
      const requestUri = prefix + randomText(32);
      const now = exchange.now();
      requests.put(requestUri, { request: { ...request, jkt }, spent: false }, now + lifetime * 1000, now);
      return jsonReply(201, { request_uri: requestUri, expires_in: lifetime }, headers);
    }),

    find(parsed, now) {
      const { form } = parsed;
      const requestUri = form.get('request_uri');
      if (requestUri === undefined) return examine(parsed, clients, settings, false);
      if (!requestUri.startsWith(prefix))
        return shown('request_uri_not_supported', 'Only a request_uri that was pushed here is taken');
      const pushed = requests.get(requestUri, now);
      if (pushed === undefined || pushed.spent)
        return shown('invalid_request_uri', 'This request_uri is unknown, used or expired');
      // Whatever else is in the URL counts for nothing, RFC 9126 section 4.
      if (pushed.request.client.client_id !== form.get('client_id'))
        return shown('invalid_request', 'This request_uri belongs to another client_id');
      return { request: pushed.request, pushed };
    },
  };
}

function shown(error: string, description: string): Examined {
  return { shown: { error, description } };
}
