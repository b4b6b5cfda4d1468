import { createHash, timingSafeEqual } from 'node:crypto';
import { type FaultSetting, faultShape } from './faults.ts';
import { bodyLimit, type Handler, jsonReply, type MockReply, type MockRequest } from './http.ts';
import type { MockIssuer } from './issuer.ts';
import { mockAlgs } from './keys.ts';
import { lifetimeFields, rotationShape, signInShape } from './options.ts';
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
  read,
  refuse,
  type Shape,
  seconds,
  whole,
  yesOrNo,
} from './shape.ts';
import { randomText } from './shelf.ts';
import { firstTokenFields } from './tokenEndpoint.ts';
import { type MockUser, usersShape } from './users.ts';

/*
 * The mock over HTTP, for tests in any language: each operation is a row, and the OpenAPI document is made of the rows.
 * Everything is behind a bearer token that only the process that started the mock knows.
 */

interface Operation {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  /** Of the body of PUT and POST, or of the query of GET. */
  readonly fields?: Fields;
  /** The whole body, where it is no object. */
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
  operation('GET', 'state', 'How the issuer stands: faults, clock, users, rotation, clients.', {}, stateOf),
  {
    method: 'PUT',
    path: 'faults',
    summary: 'These faults stand, and no others.',
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
    summary: 'Who can sign in from now on.',
    body: usersShape,
    run(mock, users: readonly MockUser[]) {
      mock.setUsers(users);
      return { users };
    },
  },
  operation(
    'PUT',
    'sign-in',
    'What the sign-in page does, and who signs in.',
    { signIn: needed(signInShape, 'See the option.'), subject: optional(anyText, 'Who signs in.', 'as before') },
    (mock, { signIn, subject }) => {
      mock.setSignIn(signIn, subject);
      return { signIn };
    },
  ),
  operation(
    'PUT',
    'clock',
    'Freezes, moves or sets the clock of the issuer. An empty object lets it run with the machine’s again.',
    {
      now: optional(milliseconds, 'Milliseconds since the epoch: the clock is set to it.'),
      advance: optional(milliseconds, 'Milliseconds: the clock is moved by them.'),
      frozen: optional(yesOrNo, 'Whether it stands.', 'as before'),
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
      alg: optional(oneOf(mockAlgs), 'Of the new key.', 'as before'),
      dropOld: optional(yesOrNo, 'The old public keys go.', 'false'),
    },
    async (mock, { alg, dropOld = false }) => {
      await mock.rotateKeys(alg, { dropOld });
      return mock.jwks();
    },
  ),
  operation(
    'PUT',
    'rotation',
    'What a refresh does to the refresh token from now on.',
    { rotation: needed(rotationShape, 'See the option.'), graceSeconds: optional(seconds, 'Seconds.', 'as before') },
    (mock, { rotation, graceSeconds }) => {
      mock.setRotation(rotation, graceSeconds);
      return { rotation };
    },
  ),
  operation('PUT', 'lifetimes', 'How long tokens are valid from now on.', lifetimeFields, (mock, lifetimes) => {
    mock.setTokenLifetime(lifetimes);
    return lifetimes;
  }),
  operation('POST', 'revoke-all', 'Revokes every refresh token, and what came of it.', {}, mock => {
    mock.revokeAll();
    return {};
  }),
  operation('POST', 'end-sessions', 'Signs every browser out. Tokens stay.', {}, mock => {
    mock.endSessions();
    return {};
  }),
  operation(
    'GET',
    'requests',
    'What clients asked: the journal. Secrets in it are fingerprints.',
    {
      since: optional(whole('a number from 0 on', 0), '`next` of the answer before.', '0'),
      wait: optional(
        whole(`milliseconds, at most ${longestWait}`, 0, longestWait),
        'How long to wait for a request where there is none yet.',
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
  operation('DELETE', 'requests', 'Empties the journal.', {}, mock => {
    mock.clearRequests();
    return {};
  }),
  operation('POST', 'tokens', 'A first token set, as if a user had signed in.', firstTokenFields, (mock, first) =>
    mock.issueTokens(first),
  ),
  operation(
    'POST',
    'sign',
    'A JWT of any claims, signed with the issuer’s key.',
    {
      payload: needed(claims, 'The claims.'),
      header: optional(claims, 'Members of the header; `alg` and `kid` become the key’s.', '{}'),
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
      subject: optional(anyText, 'Who it is.', 'the usual user'),
    },
    (mock, { userCode, ...visitor }) => {
      mock.decideDevice(userCode, visitor);
      return {};
    },
  ),
  operation('POST', 'reset', 'As it was at the start. Keys and client secrets stay.', {}, mock => {
    mock.reset();
    return {};
  }),
];

/** How the issuer stands, as plain JSON. */
export function stateOf(mock: MockIssuer): object {
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
  /** With the path `/control`. */
  readonly url: string;
  /** What requests need as `Authorization: Bearer …`. */
  readonly token: string;
}

export const controlPath = '/control/';

/** `issuers`: several by path; `?issuer=/path` says which one is meant, the first by default. */
export function createControl(origin: string, issuers: readonly MockIssuer[]): Control & { readonly handle: Handler } {
  const token = randomText(32);
  const url = origin + controlPath.slice(0, -1);
  return {
    url,
    token,
    async handle(request) {
      const { pathname, searchParams } = new URL(request.target, origin);
      // A page of a browser never needs it, and must not be a way in.
      if (request.header('origin') !== undefined) return jsonReply(403, { error: 'foreign_origin' });
      if (!isBearer(request.header('authorization'), token))
        return jsonReply(401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer realm="mock issuer control"' });
      const path = pathname.slice(controlPath.length);
      if (path === 'openapi.json') return jsonReply(200, openApi(url));
      const wanted = searchParams.get('issuer');
      searchParams.delete('issuer');
      const mock = wanted === null ? issuers[0] : issuers.find(each => new URL(each.issuer).pathname === wanted);
      if (mock === undefined)
        return problem(404, [{ field: 'issuer', expected: 'the path of an issuer of this server' }]);
      const found = operations.filter(each => each.path === path);
      const chosen = found.find(each => each.method === request.method);
      if (chosen === undefined) {
        const allow = found.map(each => each.method).join(', ');
        return allow === ''
          ? jsonReply(404, { error: 'not_found' })
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
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return refuse('body', 'JSON');
  }
}

function problem(status: number, problems: readonly Problem[]): MockReply {
  return jsonReply(status, { error: 'invalid_request', problems });
}

/** Compares hashes, so that how long it takes says nothing about the token. */
function isBearer(authorization: string | undefined, token: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(authorization ?? ''), hash(`Bearer ${token}`));
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, ms).unref();
  });
}

/** OpenAPI 3.1 of the operations above. */
export function openApi(url: string): JsonSchema {
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
        responses: { 200: answer, 400: refused, 401: { description: 'The bearer token is missing or wrong.' } },
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
