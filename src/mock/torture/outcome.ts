import type { RequestLogEntry } from '../requestLog.ts';

/**
 * Everything that a report says about a client, with `{0}` for a counted or measured value. The extension shows it in
 * the user's language. To add an observation, add a row here.
 */
export const observations = [
  'no response within {0} ms',
  'this machine was too busy to judge: the test stood still for {0} ms',
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
  'the client called none of these endpoints: {0}',
  'the client did not request the metadata',
  'the client did not request tokens',
  'the client did not receive the ID token',
  'the client did not request the key set',
  'the issuer did not sign the user in',
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
  'the client also renewed its tokens by itself',
  'the client sent the next request after {0} ms',
  'the client did not notify the issuer',
  'the client received no logout notification',
  'a valid logout notification does not sign the user out',
  'the client did not ask the issuer to end the session',
  'the client sent no id_token_hint',
  // Devices.
  'the client did not poll for the tokens of a device code',
  'the client keeps polling',
  'the client did not poll again',
  'the client does not sign in by device code',
  'the client did not receive the error {0}',
  'the client polled again after {0} ms',
  // APIs and their clients.
  'the API answered with status {0}',
  'the API does not accept a valid token',
  'access tokens of this issuer have no audience',
  'the API does not look at the key ID',
  'the API requested the key set {0} times',
  'the client did not call the API',
  'the client did not request the metadata of the API',
  'the client did not register itself',
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

/** Something that the scenario saw and that a pass rests on. */
export type Evidence =
  /** The client's request whose response it is judged by. */
  | { readonly request: RequestLogEntry }
  /** The status with which the client answered the scenario's own request. */
  | { readonly status: number }
  /** A page of the client that the browser loaded. */
  | { readonly visited: string };

/** What each duty is judged by. */
export interface EvidenceOf {
  readonly refuse: Evidence;
  readonly accept: Evidence;
  readonly 'keep the session': Evidence;
  readonly 'end the session': Evidence;
  readonly 'sign out': Evidence;
  readonly 'one request': Evidence;
  /** Milliseconds, or how many requests came. */
  readonly wait: { readonly measured: number };
}

/** What the client must do. */
export type Must = keyof EvidenceOf;

/** `must`: a client that does not comply is broken. `should`: it gets a warning; `section` has the reason. */
export type Severity = 'must' | 'should';

/**
 * What was observed of the client. A pass names what it was judged by, so that no scenario passes without having seen
 * that. `notExercised`: the client never reached the tested step. `notJudged`: this machine was too busy.
 */
export type ScenarioOutcome<M extends Must = Must> =
  | { readonly ok: true; readonly by: EvidenceOf[M] }
  /** `severity`: set if it differs from the row's for this kind of client. */
  | { readonly ok: false; readonly detail: Observed; readonly severity?: Severity }
  | { readonly notExercised: Observed }
  | { readonly notJudged: Observed };

export const failed = (text: Observation, ...values: Observed['values']) =>
  ({ ok: false, detail: observed(text, ...values) }) as const;

export const notExercised = (text: Observation, ...values: Observed['values']) =>
  ({ notExercised: observed(text, ...values) }) as const;

/** What a client does by itself, however late its issuer answers or this machine is. */
const deeds: readonly Observation[] = [
  'the client signed the user in',
  'the client accepted the response',
  'the browser’s URL contained the request parameters',
  'the client sent the code to the other issuer',
  'the client sent the code and its credentials to the new address',
  'the client sent the next request after {0} ms',
  'the client polled again after {0} ms',
  'the client keeps polling',
  'the client sent no id_token_hint',
  '{0} requests did not name the API as resource',
];
export const surely = (seen: Observed | undefined): boolean => seen !== undefined && deeds.includes(seen.text);

/** What lateness of this machine may have caused says nothing about the client. */
export const stoodStill = (lost: number) => ({
  notJudged: observed('this machine was too busy to judge: the test stood still for {0} ms', Math.round(lost)),
});

/** A pass, if the request that it is judged by was made. */
export const passed = (request: RequestLogEntry | undefined, otherwise: Observation, ...values: Observed['values']) =>
  request === undefined ? notExercised(otherwise, ...values) : ({ ok: true, by: { request } } as const);

/** Judges a sign-in, by the request of the client whose response it had to accept or refuse. */
export function signed(
  wanted: boolean,
  is: boolean,
  request: RequestLogEntry | undefined,
  otherwise: Observation,
): ScenarioOutcome<'accept' | 'refuse'> {
  if (wanted === is) return passed(request, otherwise);
  return is ? failed('the client signed the user in') : failed('the client did not sign the user in');
}
