import { effectOf, type Fault, type FaultSetting, type FaultType, faultRows } from '../faults.ts';
import type { MockServer } from '../nodeServer.ts';
import type { MockIssuerOptions } from '../options.ts';
import type { RequestLogEntry } from '../requestLog.ts';
import {
  failed,
  type Must,
  notExercised,
  type Observation,
  type Observed,
  observed,
  type ScenarioOutcome,
  type Severity,
  signed,
} from './outcome.ts';
import type { Browser, Sent } from './walk.ts';

const families = [
  'ID token',
  'authorization response',
  'UserInfo',
  'keys and metadata',
  'token endpoint',
  'refresh',
  'device',
  'logout',
  'resource server',
  'MCP',
] as const;
type Family = (typeof families)[number];

/** One client and one issuer in its initial state. */
export interface ScenarioParts {
  readonly mock: MockServer;
  readonly target: Target;
  /** Signs in to the client as a new visitor. Resolves with whether the client then treats the visitor as signed in. */
  signIn(): Promise<boolean>;
  /** Asks the client again whether the visitor is signed in. */
  isSignedIn(): Promise<boolean>;
  signOut(): Promise<void>;
  /**
   * Waits until a little more than this many seconds (1 by default) have passed for the client, whose clock the test
   * cannot move.
   */
  pass(seconds?: number): Promise<void>;
  /** Milliseconds of real time in one second of the client's clock. */
  readonly second: number;
  /**
   * Sends the client one request, over a connection of its own: a client may close an idle connection at the moment in
   * which it is used again. Resolves with the status. @throws NoResponse after the patience and `longer` milliseconds
   */
  send(url: string, request: Partial<Sent>, longer?: number): Promise<number>;
  /** Milliseconds in which this process stood still since the start of the scenario, at most. */
  lost(): number;
  /** The visitor's browser, if no driver replaces it. */
  readonly browser: Browser;
  /** The client's requests to the issuer since the start of the scenario. */
  requests(): readonly RequestLogEntry[];
}

export interface Target {
  /** URL that starts a sign-in. */
  readonly start: string;
  /** URL that answers 200 if the visitor is signed in, and 401, 403 or a redirect if not. */
  readonly signedIn?: string | undefined;
  readonly logout?: string | undefined;
  /** URL of an API that verifies access tokens of the mock. */
  readonly resource?: string | undefined;
  /** URL that starts a sign-in with the second of the `issuers`, for a client that uses both. */
  readonly secondStart?: string | undefined;
  /** URL that starts a sign-in by device code and responds when it has ended: 200 if a user is signed in. */
  readonly device?: string | undefined;
  /** The client is an MCP (Model Context Protocol) client, whose server is the mock's API. */
  readonly mcp?: boolean | undefined;
  /** Replaces the built-in browser. */
  readonly driver?: Driver | undefined;
}

/** Exported by a module for `--driver`: operates a client that needs a browser with scripts. */
export interface Driver {
  /** Signs in as a new visitor. Resolves with whether the client then treats the visitor as signed in. */
  signIn(start: string): Promise<boolean>;
  /** Makes the client use its access token, and refresh it if it has expired. */
  isSignedIn(): Promise<boolean>;
  signOut(): Promise<void>;
  /** Called once, at the end of the run. */
  close?(): Promise<void>;
}

/**
 * Scenarios with a valid response, each with the observation for a client that does not accept it. A client that refuses
 * everything refuses what is wrong too, which is no pass.
 */
export const controls = {
  'sign-in': 'the client does not sign in',
  'resource.good': 'the API does not accept a valid token',
  'device.good': 'the client does not sign in by device code',
  'logout.back-channel': 'a valid logout notification does not sign the user out',
} as const satisfies Readonly<Record<string, Observation>>;

export type Control = keyof typeof controls;

export interface ScenarioOf<M extends Must> {
  readonly id: string;
  readonly family: Family;
  readonly title: string;
  readonly must: M;
  readonly severity: Severity;
  /** The section of the specification that says so. */
  readonly section: string;
  readonly needs?: Requirement;
  /** This scenario passes only if that one does. */
  readonly control?: Control;
  /** Options of the issuer that differ from its initial state. */
  readonly options?: (mock: MockServer) => MockIssuerOptions;
  run(bench: ScenarioParts): Promise<ScenarioOutcome<M>>;
}

interface Controlled {
  readonly control: Control;
}

export type Scenario = {
  [M in Must]: M extends 'refuse' ? ScenarioOf<M> & Controlled : ScenarioOf<M>;
}[Must];

/**
 * What a scenario needs of the target. `browser`: the built-in browser, no driver. The two logout needs: a client that
 * receives that kind of logout notification.
 */
export type Requirement =
  | 'signedIn'
  | 'logout'
  | 'resource'
  | 'secondStart'
  | 'device'
  | 'mcp'
  | 'browser'
  | 'backchannel_logout_uri'
  | 'frontchannel_logout_uri';

export function fits(needs: Requirement | undefined, target: Target, { clients }: MockServer): boolean {
  const { driver, signedIn } = target;
  if (needs === undefined) return true;
  if (needs === 'browser') return driver === undefined && signedIn !== undefined;
  if (needs === 'backchannel_logout_uri' || needs === 'frontchannel_logout_uri')
    return fits('browser', target, { clients } as MockServer) && clients.some(client => client[needs] !== undefined);
  if (driver !== undefined && (needs === 'signedIn' || needs === 'logout')) return true;
  return target[needs] !== undefined && target[needs] !== false;
}

export type AuthorizationParameters = Readonly<Record<string, string>>;

/** The parameters of the client's authorization request, pushed or not. */
export const askedFor = (requests: readonly RequestLogEntry[]): AuthorizationParameters =>
  requests.find(({ form }) => form?.response_type !== undefined)?.form ?? {};

/** Why there is no ID token to check: MCP clients request all scopes of an API but use no ID token. */
export const noIdToken = ({ scope = '' }: AuthorizationParameters, { target }: ScenarioParts) =>
  target.mcp || !scope.split(' ').includes('openid') ? observed('the client does not use an ID token') : undefined;

/** Whether the ID token comes through the browser, where TLS does not authenticate the issuer. */
export const isFrontChannel = ({ response_type = '' }: AuthorizationParameters) => response_type.includes('id_token');

/** The request whose response signed the visitor in, as far as the issuer is concerned. */
export const signInOf = (requests: readonly RequestLogEntry[]) => requests.find(isSignIn);

const isSignIn = ({ endpoint, status = 500, error }: RequestLogEntry) =>
  (endpoint === 'authorization' || endpoint === 'sign_in') && status < 400 && error === undefined;

/** The request whose response contained the ID token of a sign-in. */
export const idTokenOf = (requests: readonly RequestLogEntry[], asked: AuthorizationParameters) =>
  requests.find(entry =>
    entry.endpoint === 'token'
      ? entry.grant_type === 'authorization_code' && entry.status === 200
      : isFrontChannel(asked) && isSignIn(entry),
  );

export interface FaultyRow<M extends 'refuse' | 'accept'> extends Omit<ScenarioOf<M>, 'run' | 'control'>, Controlled {
  readonly faults: readonly FaultSetting[] | ((mock: MockServer) => readonly FaultSetting[]);
  /** Why this client cannot reach the tested step. */
  readonly unless?: (asked: AuthorizationParameters, bench: ScenarioParts) => Observed | undefined;
  /** The severity of a failure for this kind of client. */
  readonly judge?: (asked: AuthorizationParameters, bench: ScenarioParts) => Severity | Promise<Severity>;
}

const endpointsOf = (set: readonly FaultSetting[]) => [
  ...new Set(set.flatMap(({ type, at = faultRows[type].at }) => at)),
];

/** A sign-in with faults set. If none of them struck, the scenario was not exercised. */
export const underFaults = <M extends 'refuse' | 'accept'>({
  faults,
  unless,
  judge,
  ...row
}: FaultyRow<M>): ScenarioOf<M> & Controlled => ({
  ...row,
  async run(bench) {
    const { mock, signIn, requests } = bench;
    const set = typeof faults === 'function' ? faults(mock) : faults;
    for (const fault of set) mock.setFault(fault);
    const is = await signIn();
    const types: readonly FaultType[] = set.map(({ type }) => type);
    const struck = requests().filter(entry => entry.faults.some(type => types.includes(type)));
    if (struck.length === 0)
      return notExercised('the client called none of these endpoints: {0}', endpointsOf(set).join(', '));
    const asked = askedFor(requests());
    const notReached = unless?.(asked, bench);
    if (notReached !== undefined) return { notExercised: notReached };
    // A fault of ID tokens also strikes authorization requests, whose response need not contain one.
    const isOfIdToken = set.some(fault => 'token' in fault && fault.token === 'id_token');
    const met = isOfIdToken ? idTokenOf(struck, asked) : struck[0];
    if (met === undefined) return notExercised('the client did not receive the ID token');
    const seen = signed(row.must === 'accept', is, met, 'the client did not request tokens');
    return 'ok' in seen && !seen.ok && judge ? { ...seen, severity: await judge(asked, bench) } : seen;
  },
});

export const oidcCore = 'OpenID Connect Core 1.0 section';
export const rfc9068 = 'RFC 9068 section 4';

/** Endpoints that issue ID tokens: the token endpoint, and the authorization endpoint beside the code. */
export const idTokens = ['token', 'authorization', 'sign_in'] as const;
export const claim = (name: string, value?: unknown): FaultSetting => ({
  type: 'claim',
  token: 'id_token',
  at: idTokens,
  name,
  ...(value !== undefined && { value }),
});

type Words<M extends Must> = Pick<ScenarioOf<M>, 'id' | 'title' | 'must' | 'severity' | 'section'>;

/**
 * A refresh scenario: `run` sets the obstacles between sign-in and expiry. It is called again if the client sent no
 * refresh request until then.
 */
export const refreshing = <M extends Must>(
  words: Words<M>,
  run: (bench: ScenarioParts) => Promise<ScenarioOutcome<M>>,
): ScenarioOf<M> & Controlled => ({
  ...words,
  family: 'refresh',
  needs: 'signedIn',
  control: 'sign-in',
  async run(bench) {
    // Only `expires_in` is short. UserInfo still accepts the token, however slow the machine is.
    bench.mock.setFault({ type: 'expiresIn', literal: '1' });
    await bench.signIn();
    await bench.pass();
    const before = bench.requests().length;
    const came = () => bench.requests().slice(before).some(isOfSession);
    let seen = await run(bench);
    const isMissed = () => ('notExercised' in seen ? seen.notExercised.text === noRefresh.notExercised.text : !came());
    // A client that counts whole seconds uses its token a little longer. One that renews on its own schedule may have
    // done so just before, and may do so once more.
    for (let i = 0; i < 3 && isMissed() && (i === 0 || came()); i += 1) {
      await bench.pass(1.5);
      seen = await run(bench);
    }
    return isMissed() ? noRefresh : seen;
  },
});

export const noRefresh = notExercised('the client sent no refresh request');

/** What a visitor's session sends to renew itself: a page that renews in a frame sends a code. */
const grantsOfSession = ['refresh_token', 'authorization_code'];

/**
 * Other token requests of a client are polls for a device, for example, or get tokens of its own. A refresh token that
 * the issuer does not know is of a session from before the scenario, which the client still renews.
 */
export const isOfSession = ({ grant_type = '', sid }: RequestLogEntry): boolean =>
  grantsOfSession.includes(grant_type) && (grant_type !== 'refresh_token' || sid !== undefined);

/** Sets a fault unless it has struck already, and makes the client use its token. Resolves with the request that was struck. */
export async function strikeRefresh(bench: ScenarioParts, fault: FaultSetting): Promise<RequestLogEntry | undefined> {
  const struck = () => bench.requests().find(entry => entry.faults.includes(fault.type) && isOfSession(entry));
  if (struck() === undefined) bench.mock.setFault({ ...fault, grant_type: grantsOfSession });
  await bench.isSignedIn();
  return struck();
}

/** The next request of the visitor's session after this one. */
export function nextOf({ requests }: ScenarioParts, entry: RequestLogEntry): RequestLogEntry | undefined {
  const all = requests();
  return all.slice(all.indexOf(entry) + 1).find(isOfSession);
}

export const refreshesOf = ({ requests }: ScenarioParts) =>
  requests().filter(entry => entry.grant_type === 'refresh_token' && isOfSession(entry));

/** Sends one token to an API; undefined if the persona of the issuer has no such token. */
export const asked = <M extends 'refuse' | 'accept'>(
  words: Words<M>,
  token: (mock: MockServer) => Promise<string | undefined>,
): ScenarioOf<M> & Controlled => ({
  ...words,
  family: 'resource server',
  needs: 'resource',
  control: 'resource.good',
  async run(bench) {
    const sent = await token(bench.mock);
    if (sent === undefined) return notExercised('access tokens of this issuer have no audience');
    const status = await askApi(bench, sent);
    const seen = status < 400 ? 'accept' : status < 500 ? 'refuse' : undefined;
    return seen === words.must ? { ok: true, by: { status } } : failed('the API answered with status {0}', status);
  },
});

export const askApi = ({ send, target: { resource = '' } }: ScenarioParts, token: string): Promise<number> =>
  send(resource, { headers: { authorization: `Bearer ${token}` } });

export const access = async (mock: MockServer) => (await mock.issueTokens()).access_token;
export const changed = (change: (claims: Record<string, unknown>) => void) => async (mock: MockServer) => {
  const claims = claimsOf(await access(mock));
  change(claims);
  return mock.sign(claims, { typ: 'at+jwt' });
};
export const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

/** An access token with this fault. It is made without a request, which would depend on how the client authenticates. */
export const faulty = (fault: Fault) => async (mock: MockServer) => {
  const { header: ofHeader, claims: ofClaims, signature: ofSignature } = effectOf(fault);
  const [head = '', body = '', right = ''] = (await access(mock)).split('.');
  const [header, claims] = [head, body].map(part => JSON.parse(Buffer.from(part, 'base64url').toString()));
  ofHeader?.(header, 'access_token');
  ofClaims?.(claims, 'access_token');
  const input = [header, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const key = mock.jwks().keys.at(-1) ?? {};
  return `${input}.${ofSignature?.(right, input, key, 'access_token') ?? right}`;
};
