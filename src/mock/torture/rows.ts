import type { FaultSetting } from '../faults.ts';
import type { MockServer } from '../nodeServer.ts';
import type { RequestLogEntry } from '../requestLog.ts';
import type { Browser } from './walk.ts';
export const families = [
  'ID token',
  'authorization answer',
  'UserInfo',
  'keys and metadata',
  'token endpoint',
  'refresh',
  'logout',
  'resource server',
] as const;
export type Family = (typeof families)[number];

/** What was seen of the client. `notExercised`: it never came to the point, which is no pass. */
export type Seen =
  | { readonly ok: true }
  | { readonly ok: false; readonly detail: string }
  | { readonly notExercised: string };

/** One client in front of one issuer, as at the start. */
export interface Bench {
  readonly mock: MockServer;
  readonly target: Target;
  /** Walks the client's sign-in. Whether the client then takes the visitor for signed in. */
  signIn(): Promise<boolean>;
  /** Asks the client once more whether the visitor is signed in. */
  isSignedIn(): Promise<boolean>;
  /** Waits until tokens with `expires_in` 1 have expired for the client, whose clock nobody moves. */
  expire(): Promise<void>;
  readonly browser: Browser;
  /** What the client asked the issuer for since the start of the scenario. */
  requests(): readonly RequestLogEntry[];
}

export interface Target {
  /** Where sign-in starts. */
  readonly start: string;
  /** Answers 200 where the visitor is signed in, and 401, 403 or a redirect where not. */
  readonly signedIn?: string | undefined;
  readonly logout?: string | undefined;
  /** An API that verifies access tokens of the mock. */
  readonly resource?: string | undefined;
}

export interface Scenario {
  readonly id: string;
  readonly family: Family;
  readonly title: string;
  /** What the client has to do. */
  readonly must: 'refuse' | 'accept' | 'keep the session' | 'end the session' | 'one request' | 'sign out';
  /** `must`: a client that does not is broken; `should`: a warning, with the reason in `section`. */
  readonly severity: 'must' | 'should';
  /** Where it stands. */
  readonly section: string;
  readonly needs?: keyof Target;
  run(bench: Bench): Promise<Seen>;
}

export const signed = (wanted: boolean, is: boolean): Seen =>
  wanted === is
    ? { ok: true }
    : { ok: false, detail: is ? 'the client signed the visitor in' : 'the client did not sign the visitor in' };

/** A sign-in under faults. Where none of them struck, the client never came to the point. */
export const underFaults = (
  id: string,
  family: Family,
  title: string,
  must: 'refuse' | 'accept',
  severity: Scenario['severity'],
  section: string,
  ...faults: readonly FaultSetting[]
): Scenario => ({
  id,
  family,
  title,
  must,
  severity,
  section,
  async run({ mock, signIn, requests }) {
    for (const fault of faults) mock.setFault(fault);
    const is = await signIn();
    const struck = requests().some(entry => faults.some(({ type }) => entry.faults.includes(type)));
    if (!struck)
      return { notExercised: `the client did not ask the endpoint: ${faults.map(({ type }) => type).join(', ')}` };
    return signed(must === 'accept', is);
  },
});

export const core = 'OpenID Connect Core 1.0 section';
export const claim = (name: string, value?: unknown): FaultSetting => ({
  type: 'claim',
  token: 'id_token',
  name,
  ...(value !== undefined && { value }),
});

/** A refresh, with what stands in its way set between sign-in and expiry. */
export const refreshing = (
  id: string,
  title: string,
  must: Scenario['must'],
  severity: Scenario['severity'],
  section: string,
  run: (bench: Bench) => Promise<Seen>,
): Scenario => ({
  id,
  family: 'refresh',
  title,
  must,
  severity,
  section,
  needs: 'signedIn',
  async run(bench) {
    // Only said to be short: UserInfo still takes the token, however slow the machine is.
    bench.mock.setFault({ type: 'expiresIn', literal: '1' });
    await bench.signIn();
    await bench.expire();
    const before = bench.requests().length;
    const seen = await run(bench);
    // Where a fault answered in place of the issuer, the form was not read.
    const after = bench.requests().slice(before);
    const came = after.some(
      ({ grant_type, faults }) => grant_type === 'refresh_token' || faults.some(type => type !== 'expiresIn'),
    );
    if (!came) return { notExercised: 'the client sent no refresh request' };
    return seen;
  },
});

export const refreshesOf = ({ requests }: Bench) =>
  requests().filter(({ grant_type }) => grant_type === 'refresh_token');

/** An API asked with one token. */
export const asked = (
  id: string,
  title: string,
  must: 'refuse' | 'accept',
  severity: Scenario['severity'],
  section: string,
  token: (mock: MockServer) => Promise<string>,
): Scenario => ({
  id,
  family: 'resource server',
  title,
  must,
  severity,
  section,
  needs: 'resource',
  async run({ mock, target }) {
    const response = await fetch(target.resource ?? '', { headers: { authorization: `Bearer ${await token(mock)}` } });
    await response.text();
    const accepted = response.status < 400;
    if (accepted === (must === 'accept')) return { ok: true };
    return { ok: false, detail: `the API answered with status ${response.status}` };
  },
});

export const access = async (mock: MockServer) => (await mock.issueTokens()).access_token;
export const changed =
  (change: (claims: Record<string, unknown>) => void, header = { typ: 'at+jwt' }) =>
  async (mock: MockServer) => {
    const claims = JSON.parse(Buffer.from((await access(mock)).split('.')[1] ?? '', 'base64url').toString());
    change(claims);
    return mock.sign(claims, header);
  };
export const faulty = (fault: FaultSetting) => async (mock: MockServer) => {
  const { refresh_token } = await mock.issueTokens();
  mock.setFault({ ...fault, times: 1 });
  const [client] = mock.clients;
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refresh_token ?? '' });
  if (client?.client_secret === undefined) body.set('client_id', client?.client_id ?? '');
  const basic = Buffer.from(`${client?.client_id}:${client?.client_secret}`).toString('base64');
  const headers = client?.client_secret === undefined ? {} : { authorization: `Basic ${basic}` };
  const response = await fetch(`${mock.issuer}/token`, { method: 'POST', body, headers });
  return String(Object(await response.json()).access_token);
};

export const rfc9068 = 'RFC 9068 section 4';
