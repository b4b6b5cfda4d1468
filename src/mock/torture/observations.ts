/**
 * Everything that a report says about a client, with `{0}` for a counted or measured value. The extension shows it in
 * the user's language. To add an observation, add a row here.
 */
export const observations = [
  'no response within {0} ms',
  // Sign-in.
  'the client signed the user in',
  'the client did not sign the user in',
  'the client does not sign in',
  'the client did not start a sign-in',
  'the client answered with status {0}',
  'the client does not use an ID token',
  'this client receives no ID token with its code',
  'the client is not the first client of the issuer',
  'the client sends no nonce',
  'the client sends no state',
  'the client sends no DPoP proofs',
  'the client did not call the endpoint of the fault: {0}',
  'the client did not request the metadata',
  'the client did not request tokens',
  'the browser’s URL contained the request parameters',
  'the response is not in the query string',
  'no callback had a code in the query string',
  'the client sent the code again, which ended the session',
  'the second sign-in does not lead to the second issuer',
  'the client sent the code to the other issuer',
  'the client sent the code and its credentials to the new address',
  // Sessions.
  'the session ended',
  'the session ended at refresh {0}',
  'the user is still signed in',
  'the client accepted the response',
  'the client sent no refresh request',
  'the client sent a refresh token that was already used',
  'the client sent no second refresh request',
  '{0} refresh requests, {1} of 5 requests lost the session',
  'the client sent the next request after {0} ms',
  'the client did not notify the issuer',
  'the client did not ask the issuer to end the session',
  'the client sent no id_token_hint',
  // Devices.
  'the client did not poll for the tokens of a device code',
  'the client keeps polling',
  'the client polled again after {0} ms',
  // APIs and their clients.
  'the API answered with status {0}',
  'the API does not accept a valid token',
  'the API requested the key set {0} times',
  'the client did not call the API',
  'the client did not request the metadata of the API',
  'the client did not request the scope',
  '{0} requests did not name the API as resource',
] as const;

export type Observation = (typeof observations)[number];

/** One observation with its values. */
export interface Observed {
  readonly text: Observation;
  readonly values: readonly (string | number)[];
}

export const observed = (text: Observation, ...values: Observed['values']): Observed => ({ text, values });

/** The English text, for reports of the command line. */
export function sentenceOf({ text, values }: Observed): string {
  return text.replace(/\{(\d)\}/g, (_, index) => String(values[Number(index)]));
}
