/**
 * Everything that a report says about a client, with `{0}` for a counted or measured value. The extension shows it in
 * the user's language. To add an observation, add a row here.
 */
export const observations = [
  'no answer within {0} ms',
  // Sign-in.
  'the client signed the visitor in',
  'the client did not sign the visitor in',
  'the client does not sign in',
  'the client did not start a sign-in',
  'the client answered with status {0}',
  'the client has no use for an ID token',
  'no ID token comes beside the code of this client',
  'the client is not the first of the issuer',
  'the client sends no nonce',
  'the client sends no state',
  'the client sends no DPoP proofs',
  'the client did not ask the endpoint: {0}',
  'the client did not ask for the metadata',
  'the client did not ask for tokens',
  'the request came in the address of the browser',
  'the answer does not come in the query',
  'no callback with a code in the query was seen',
  'the code was sent again, which ended the session',
  'the second sign-in does not lead to the second issuer',
  'the client sent the code to the other issuer',
  'the client sent the code and its credentials to the new address',
  // Sessions.
  'the session ended',
  'the session ended at refresh {0}',
  'the visitor is still signed in',
  'the client accepted the response',
  'the client sent no refresh request',
  'a spent refresh token was sent',
  'no second refresh request was sent',
  '{0} refresh requests, {1} of 5 visitors signed out',
  'the next request came after {0} ms',
  'the client did not call the issuer',
  'the client did not ask the issuer to end the session',
  'no id_token_hint',
  // Devices.
  'the client did not ask for the tokens of a device code',
  'the client keeps polling',
  'the client asked again after {0} ms',
  // APIs and their clients.
  'the API answered with status {0}',
  'the API does not take a good token',
  'the keys were asked for {0} times',
  'the client did not ask the API',
  'the client did not ask for the metadata of the API',
  'the client did not ask for it',
  'the client did not ask for the scope',
  '{0} requests without the resource of the API',
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
