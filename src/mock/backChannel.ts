import type { MockClient } from './clientOptions.ts';
import { authenticateClient, type ClientDesk } from './clients.ts';
import type { Answer, Exchange } from './exchange.ts';
import { type Form, readForm } from './forms.ts';
import { type MockReply, oauthError } from './http.ts';

/** What clients ask with a form, having said who they are: RFC 6749 section 3.2, and the endpoints that follow it. */
export type BackChannel = (
  work: (client: MockClient, form: Form, exchange: Exchange) => MockReply | Promise<MockReply>,
) => Answer;

export function createBackChannel(desk: ClientDesk): BackChannel {
  return work => async exchange => {
    const read = await readForm(exchange);
    if ('refused' in read) return read.refused;
    const { form, duplicate } = read;
    if (duplicate !== undefined) return oauthError(400, 'invalid_request', `${named(duplicate)} is there twice`);
    const authentication = await authenticateClient(desk, form, exchange);
    if ('refused' in authentication) return authentication.refused;
    exchange.authenticated(authentication.client);
    return work(authentication.client, form, exchange);
  };
}

/** An error description takes no quotes and nothing outside ASCII, RFC 6749 section 5.2. */
export function named(parameter: string): string {
  return /^[\w.-]{1,64}$/.test(parameter) ? parameter : 'A parameter';
}
