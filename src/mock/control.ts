import { createHash, timingSafeEqual } from 'node:crypto';
import { type FaultSetting, faultShape } from './faults.ts';
import { asGet, bodyLimit, type Handler, jsonReply, type MockReply, type MockRequest } from './http.ts';
import type { MockIssuer } from './issuer.ts';
import { mockAlgs } from './keys.ts';
import { lifetimeFields, rotationShape, signInShape } from './options.ts';
import { type MockUser, usersShape } from './registry.ts';
import {
  anyText,
  anything,
  type Fields,
  type Input,
  type JsonSchema,
  list,
  MockOptionError,
  members,
  needed,
  numeric,
  object,
  oneOf,
  optional,
  type Problem,
  parseJson,
  read,
  refuse,
  type Shape,
  seconds,
  wholeNumber,
  yesOrNo,
} from './shape.ts';
import { randomText } from './shelf.ts';
import { firstTokenFields } from './tokenEndpoint.ts';

/*
 * Control of the mock over HTTP, for tests in any language. Each operation is a row, and the OpenAPI document is
 * generated from the rows. Every request needs a bearer token that only the process that started the mock knows.
 */

interface Operation {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  /** Members of the body of PUT and POST, or parameters in the query of GET. */
  readonly fields?: Fields;
  /** The whole body, if it is not an object. */
  readonly body?: Shape<unknown>;
  run(mock: MockIssuer, given: never): unknown;
}

const operation = <F extends Fields>(
  method: Operation['method'],
  path: string,
  summary: string,
  fields: F,
  run: (mock: MockIssuer, given: Input<F>) => unknown,
): Operation => ({ method, path, summary, fields, run });

const milliseconds = numeric('a number of milliseconds');
const claims = members(anything);
const longestWait = 60_000;

export const operations: readonly Operation[] = [
  operation('GET', 'state', 'The state of the issuer: faults, clock, users, rotation, clients.', {}, stateOf),
  {
    method: 'PUT',
    path: 'faults',
    summary: 'Replaces all faults that are set.',
    body: list(faultShape, 'an array of faults'),
    run(mock, faults: readonly FaultSetting[]) {
      mock.faults.clear();
      for (const fault of faults) mock.faults.set(fault);
      return { faults: mock.faults.active };
    },
  },
  {
    method: 'POST',
    path: 'faults/once',
    summary: 'The next request at the fault’s endpoints gets this fault, or the next `times` requests.',
    body: faultShape,
    run(mock, { times = 1, ...fault }: FaultSetting) {
      mock.faults.next(times, fault);
      return { faults: mock.faults.active };
    },
  },
  {
    method: 'PUT',
    path: 'users',
    summary: 'Replaces the users that can sign in.',
    body: usersShape,
    run(mock, users: readonly MockUser[]) {
      mock.setUsers(users);
      return { users };
    },
  },
  operation(
    'PUT',
    'sign-in',
    'Sets what the sign-in page does and which user signs in.',
    {
      signIn: needed(signInShape, 'See the option.'),
      subject: optional(anyText, 'Subject of the user who signs in.', 'as before'),
    },
    (mock, { signIn, subject }) => {
      mock.setSignIn(signIn, subject);
      return { signIn };
    },
  ),
  operation(
    'PUT',
    'clock',
    'Freezes, moves or sets the clock of the issuer. An empty object returns it to the machine’s time.',
    {
      now: optional(milliseconds, 'Milliseconds since the epoch to set the clock to.'),
      advance: optional(milliseconds, 'Milliseconds to move the clock by.'),
      frozen: optional(yesOrNo, 'Whether the clock is stopped.', 'as before'),
    },
    (mock, { now, advance, frozen }) => {
      const { clock } = mock;
      if (now === undefined && advance === undefined && frozen === undefined) clock.reset();
      if (frozen === true) clock.freeze();
      if (now !== undefined) clock.advance(now - clock.now());
      if (advance !== undefined) clock.advance(advance);
      if (frozen === false) clock.resume();
      return { now: clock.now(), frozen: clock.frozen };
    },
  ),
  operation(
    'POST',
    'keys/rotate',
    'Signs with a new key from now on.',
    {
      alg: optional(oneOf(mockAlgs), 'Algorithm of the new key.', 'as before'),
      dropOld: optional(yesOrNo, 'Removes the old public keys from the JWKS.', 'false'),
    },
    async (mock, { alg, dropOld = false }) => {
      await mock.rotateKeys(alg, { dropOld });
      return mock.jwks();
    },
  ),
  operation(
    'PUT',
    'rotation',
    'Sets how a refresh changes the refresh token.',
    { rotation: needed(rotationShape, 'See the option.'), graceSeconds: optional(seconds, 'Seconds.', 'as before') },
    (mock, { rotation, graceSeconds }) => {
      mock.setRotation(rotation, graceSeconds);
      return { rotation };
    },
  ),
  operation('PUT', 'lifetimes', 'Sets how long new tokens are valid.', lifetimeFields, (mock, lifetimes) => {
    mock.setTokenLifetime(lifetimes);
    return lifetimes;
  }),
  operation('POST', 'revoke-all', 'Revokes every refresh token and the tokens that came from it.', {}, mock => {
    mock.revokeAll();
    return {};
  }),
  operation('POST', 'end-sessions', 'Signs every browser out. Tokens stay valid.', {}, mock => {
    mock.endSessions();
    return {};
  }),
  operation(
    'GET',
    'requests',
    'The request log. Secrets are replaced by fingerprints.',
    {
      since: optional(wholeNumber('a number from 0 on', 0), '`next` of the previous response.', '0'),
      wait: optional(
        wholeNumber(`milliseconds, at most ${longestWait}`, 0, longestWait),
        'How long to wait if there is no new request yet.',
        '0',
      ),
    },
    async (mock, { since = 0, wait = 0 }) => {
      const found = mock.requestsSince(since);
      if (found.requests.length > 0 || wait === 0) return found;
      await Promise.race([mock.nextRequest(), pause(wait)]);
      return mock.requestsSince(since);
    },
  ),
  operation('DELETE', 'requests', 'Empties the request log.', {}, mock => {
    mock.clearRequests();
    return {};
  }),
  operation(
    'POST',
    'tokens',
    'Issues a first token set, as if a user had signed in.',
    firstTokenFields,
    (mock, first) => mock.issueTokens(first),
  ),
  operation(
    'POST',
    'sign',
    'Signs a JWT with any claims with the issuer’s key.',
    {
      payload: needed(claims, 'The claims.'),
      header: optional(claims, 'Members of the header; `alg` and `kid` are set to those of the key.', '{}'),
    },
    async (mock, { payload, header }) => ({ token: await mock.sign(payload, header) }),
  ),
  operation(
    'POST',
    'devices/decide',
    'Plays the user of a device.',
    {
      userCode: needed(anyText, 'The code that the device shows.'),
      deny: optional(yesOrNo, 'The user declines.', 'false'),
      subject: optional(anyText, 'Subject of the user.', 'the default user'),
    },
    (mock, { userCode, ...visitor }) => {
      mock.decideDevice(userCode, visitor);
      return {};
    },
  ),
  operation('POST', 'reset', 'Restores the state at the start. Keys and client secrets stay.', {}, mock => {
    mock.reset();
    return {};
  }),
];

/** The state of the issuer as plain JSON. */
function stateOf(mock: MockIssuer): object {
  return {
    issuer: mock.issuer,
    ...mock.status,
    clock: { now: mock.clock.now(), frozen: mock.clock.frozen },
    faults: mock.faults.active,
    requests: mock.requestsSince(0).next,
    clients: mock.clients.map(({ client_id, token_endpoint_auth_method, redirect_uris }) => {
      return { client_id, token_endpoint_auth_method, redirect_uris };
    }),
  };
}

export interface Control {
  /** Ends with the path `/control`. */
  readonly url: string;
  /** The token for `Authorization: Bearer …`. */
  readonly token: string;
}

export const controlPath = '/control/';

/** `issuers`: those of this server. `?issuer=/path` selects one by its path; the default is the first. */
export function createControl(origin: string, issuers: readonly MockIssuer[]): Control & { readonly handle: Handler } {
  const token = randomText(32);
  const url = origin + controlPath.slice(0, -1);
  return {
    url,
    token,
    async handle(request) {
      const { pathname, searchParams } = new URL(request.target, origin);
      // No web page needs the control interface, so none gets access: a request with Origin is rejected.
      if (request.header('origin') !== undefined) return jsonReply(403, { error: 'foreign_origin' });
      if (!isBearer(request.header('authorization'), token))
        return jsonReply(
          401,
          { error: 'invalid_token', error_description: 'The header Authorization needs the token of the ready line' },
          { 'www-authenticate': 'Bearer realm="mock issuer control"' },
        );
      const path = pathname.slice(controlPath.length);
      if (path === 'openapi.json') return jsonReply(200, openApi(url));
      const wanted = searchParams.get('issuer');
      searchParams.delete('issuer');
      const mock = wanted === null ? issuers[0] : issuers.find(each => new URL(each.issuer).pathname === wanted);
      if (mock === undefined)
        return problem(404, [{ field: 'issuer', expected: 'the path of an issuer of this server' }]);
      const found = operations.filter(each => each.path === path);
      const chosen = found.find(each => each.method === asGet(request.method));
      if (chosen === undefined) {
        const allow = found.map(each => each.method).join(', ');
        return allow === ''
          ? jsonReply(404, { error: 'not_found', error_description: `${url}/openapi.json lists the operations` })
          : jsonReply(405, { error: 'method_not_allowed' }, { allow });
      }
      return run(chosen, mock, request, searchParams);
    },
  };
}

async function run(
  { method, fields = {}, body, run }: Operation,
  mock: MockIssuer,
  request: MockRequest,
  query: URLSearchParams,
): Promise<MockReply> {
  try {
    const inQuery = method === 'GET' || method === 'DELETE';
    const given = inQuery ? fromQuery(query) : await fromBody(request);
    const result = await run(mock, read(body ?? object(fields), given, body === undefined ? '' : 'body') as never);
    return jsonReply(200, result);
  } catch (error) {
    if (error instanceof MockOptionError) return problem(400, error.problems);
    return problem(400, [{ field: 'body', expected: error instanceof Error ? error.message : 'JSON' }]);
  }
}

function fromQuery(query: URLSearchParams): object {
  return Object.fromEntries([...query].map(([name, value]) => [name, /^\d+$/.test(value) ? Number(value) : value]));
}

async function fromBody(request: MockRequest): Promise<unknown> {
  const text = await request.text();
  if (text === undefined) return refuse('body', `at most ${bodyLimit} characters`);
  return text === '' ? {} : parseJson(text, 'body');
}

function problem(status: number, problems: readonly Problem[]): MockReply {
  return jsonReply(status, { error: 'invalid_request', problems });
}

/** Compares hashes in constant time, so that the duration reveals nothing about the token. */
function isBearer(authorization: string | undefined, token: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(authorization ?? ''), hash(`Bearer ${token}`));
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, ms).unref();
  });
}

/** OpenAPI 3.1 document of the operations above. */
function openApi(url: string): JsonSchema {
  const answer = { description: 'Done.', content: { 'application/json': { schema: { type: 'object' } } } };
  const refused = { description: 'What is wrong: `{ error, problems: [{ field, expected }] }`.' };
  const issuer = {
    name: 'issuer',
    in: 'query',
    schema: { type: 'string' },
    description: 'Path of the issuer that is meant.',
  };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, summary, fields = {}, body } of operations) {
    const inQuery = method === 'GET' || method === 'DELETE';
    const parameters = Object.entries(inQuery ? fields : {}).map(([name, { shape, about, needed }]) => {
      return { name, in: 'query', required: needed, description: about, schema: shape.schema };
    });
    const schema = (body ?? object(fields)).schema;
    const id = `${method.toLowerCase()}-${path.replaceAll('/', '-')}`;
    paths[`/${path}`] = {
      ...paths[`/${path}`],
      [method.toLowerCase()]: {
        operationId: id,
        summary,
        parameters: [issuer, ...parameters],
        ...(!inQuery && { requestBody: { required: body !== undefined, content: { 'application/json': { schema } } } }),
        responses: {
          200: answer,
          400: refused,
          401: { description: 'The bearer token is missing or wrong.' },
          403: { description: 'The request comes from a web page.' },
          404: { description: 'No issuer of this server has this path.' },
        },
      },
    };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Mock issuer control', version: '1.0.0', license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url }],
    security: [{ bearer: [] }],
    paths,
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  };
}
