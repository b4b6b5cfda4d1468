import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorData, errorOf, type FailedGrant, WorkbenchError } from '../../../src/core/errors.ts';
import { errorCodes } from '../../../src/core/errorTable.ts';
import type { ConnectionProblem } from '../../../src/core/records/connection.ts';
import { startingPoints } from '../../../src/core/signIn/startingPoints.ts';
import type * as Errors from '../../../src/vscode/text/errors.ts';
import type * as StartingPoints from '../../../src/vscode/text/signIn.ts';
import type * as Problems from '../../../src/vscode/text/storedErrors.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

/** By code: each reason, and other data that a sentence depends on. */
const variants: Partial<Record<string, readonly ErrorData[]>> = {
  argument_invalid: [{ field: 'a' }, { field: 'a', expected: 'string' }],
  connection_invalid: [
    { field: 'issuer', problem: 'insecure_url', found: 'http://a.example' },
    { problem: 'not_an_object' },
  ],
  url_invalid: ['userinfo', 'fragment', 'query', 'characters', 'scheme', 'not_absolute'].map(reason => ({
    field: 'issuer',
    found: 'ftp://a',
    reason,
  })),
  not_quotable: ['control', 'quote', 'length', 'url'].map(reason => ({ shell: 'cmd', reason })),
  timeout: [{ host: 'a.example', sent: true, after: 30_000 }, { sent: true, lostAt: 0 }, {}],
  answer_missing: [{ at: 0 }, {}],
  cancelled: [{ sent: true }, { sent: false }],
  redirect_refused: [{ host: 'a.example', status: 302, location: 'b.example' }, { host: 'a.example' }],
  metadata_invalid: ['html', 'not_json', 'not_an_object', 'issuer_missing', 'endpoint', 'status'].map(reason => ({
    issuer: 'https://a.example',
    reason,
    endpoint: 'token_endpoint',
  })),
  issuer_mismatch: ['slash', 'placeholder', 'scheme', undefined].map(difference => ({
    expected: 'https://a.example',
    found: 'https://a.example/',
    difference,
  })),
  endpoint_missing: [
    { endpoint: 'token_endpoint', setting: 'tokenEndpoint' },
    { endpoint: 'userinfo_endpoint' },
    { endpoint: 'revocation_endpoint', method: 'none', offered: 'client_secret_basic' },
    { endpoint: 'revocation_endpoint', method: 'private_key_jwt', offered: 'none', error: 'invalid_client' },
    { endpoint: 'pushed_authorization_request_endpoint', without: 'pushedAuthorizationRequests' },
  ],
  oauth_error: [
    'invalid_grant',
    'invalid_client',
    'unauthorized_client',
    'unsupported_grant_type',
    'invalid_request',
    'invalid_scope',
    'invalid_target',
    'access_denied',
    'interaction_required',
    'login_required',
    'consent_required',
    'use_dpop_nonce',
    'invalid_dpop_proof',
    'unsupported_token_type',
    'server_error',
    'invalid_token',
    'insufficient_scope',
    'temporarily_unavailable',
    'slow_down',
    'expired_token',
    'authorization_pending',
    'toString',
    'other',
  ].flatMap(error => [
    { error, status: 400 },
    { error, status: 503, error_description: 'Why it is so', retryAfter: 5000 },
  ]),
  http_error: [400, 401, 403, 404, 413, 429, 500, 503].flatMap(status => [
    { host: 'a.example', status, sent: true, empty: true },
    { host: 'a.example', status, sent: true, firstLine: 'Just a moment...', blocked: true },
    { host: 'a.example', status, sent: true, firstLine: 'Nothing here', retryAfter: 1000 },
    { host: 'a.example', status, sent: false },
    { host: 'a.example', status },
  ]),
  waiting_for_issuer: [{ host: 'a.example', retryAfter: 5000 }],
  response_invalid: [
    'html',
    'not_json',
    'not_an_object',
    'access_token_missing',
    'id_token_time',
    'id_token_claim',
    'id_token_changed',
    'id_token_algorithm',
    'id_token_critical',
    'id_token_malformed',
    'malformed',
    'subject',
    'answer_signature',
    'answer_key',
    'answer_secret',
    'answer_encrypted',
    'answer_malformed',
    'id_token_missing',
    'pushed_response',
    'device_response',
  ].flatMap(reason => {
    const data = { host: 'a.example', reason, claim: 'sub', firstLine: 'Welcome' };
    return [data, { ...data, ahead: 93_000 }, { ...data, ahead: -930_000 }];
  }),
  credential_invalid: [
    'empty',
    'public_key',
    'certificate',
    'certificate_missing',
    'certificate_mismatch',
    'encrypted',
    'ssh',
    'symmetric',
    'several',
    'kty',
    'broken',
    'secret_short',
    'algorithm',
    'no_tls',
    'unknown',
  ].map(reason => ({ reason, found: 'RS256', expected: 32 })),
  callback_invalid: [
    ...['issuer', 'code_missing', 'malformed'].map(reason => ({ reason })),
    { reason: 'issuer', expected: 'https://a.example', found: 'https://b.example' },
  ],
  sign_in_timeout: [{ after: 600_000 }, {}],
  refresh_token_refused: [{ at: 0, error: 'invalid_grant' }, {}],
  superseded: [{ signedOut: true }, {}],
  not_a_token: [{ reason: 'empty' }, { reason: 'json' }, { reason: 'character', position: 3 }, { reason: 'other' }],
  token_encoding: [{ part: 'payload', position: 3 }, { part: 'payload' }],
  nothing_to_import: [
    { reason: 'empty' },
    { reason: 'error_response', error: 'invalid_grant' },
    { reason: 'no_token' },
    { reason: 'compressed', variety: 'gzip' },
    { reason: 'other_kind', variety: 'DPoP proof' },
  ],
  key_invalid: [
    'empty',
    'private_key',
    'ssh_private',
    'encrypted',
    'public_key',
    'secret_for_key',
    'key_for_secret',
    'ssh',
    'json',
    'kty',
    'kind',
    'compressed',
    'not_in_form',
    'too_long',
    'public_as_secret',
    'length',
    'rsa_too_short',
    'unsuitable',
    'pem',
  ].map(reason => ({ reason, found: 'A128KW', form: 'hex' })),
  not_encrypted: [{ kind: 'jws' }, { kind: 'opaque' }],
  jwe_refused: [
    'rsa1_5',
    'alg',
    'enc',
    'crit',
    'zip',
    'zip_platform',
    'p2c',
    'p2c_invalid',
    'work',
    'inflated',
    'malformed',
  ].map(reason => ({ reason, found: 'RSA1_5', limit: 1000 })),
  decryption_failed: [{ tried: 1 }, { tried: 2 }],
  keys_unreadable: [{ reason: 'newer' }, { reason: 'json' }],
  keys_full: [{ limit: 50 }],
  jwks_invalid: ['html', 'not_json', 'not_an_object', 'no_keys_member', 'empty', 'no_usable_key'].flatMap(reason => [
    { reason },
    { reason, host: 'a.example' },
  ]),
  mock_running: [{ issuer: 'http://127.0.0.1:1' }, {}],
  mock_file_missing: [{ file: 'mock-issuer.json' }],
  mock_file_invalid: [{ file: 'mock-issuer.json', problems: 'rotation: one of none, strict.' }],
};

describe('texts', function () {
  this.timeout(60_000);
  let errors: typeof Errors;
  let problems: typeof Problems;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'texts-'));
    errors = await withoutVscode<typeof Errors>('text/errors', folder);
    problems = await withoutVscode<typeof Problems>('text/storedErrors', folder);
  });
  after(() => rm(folder, { recursive: true }));

  for (const code of errorCodes) {
    it(`say what ${code} is, in plain sentences`, () => {
      for (const data of [{}, ...(variants[code] ?? [])]) {
        const text = errors.describeError(errorOf(code, data));
        assertPlain(text);
        assert.equal(errors.describeError(errorOf(code, data), { label: 'Staging' }), `Staging: ${text}`);
      }
    });
  }

  it('name another connection as its user does, or by its id where it has no settings', () => {
    const shared = (more: ErrorData) =>
      errors.describeError(errorOf('refresh_token_shared', { other: 'b-1', ...more }));
    const withheld = (more: ErrorData) =>
      errors.describeError(errorOf('lock_timeout', { withheldFrom: 'b-1', ...more }));
    for (const text of [shared, withheld]) {
      assert.match(text({ otherLabel: 'The Other' }), /connection The Other/);
      assert.doesNotMatch(text({ otherLabel: 'The Other' }), /b-1/);
      assert.match(text({}), /connection b-1/);
    }
    // What keeps the lock of another connection is not said of the one that was to be refreshed.
    const held = errors.describeError(errorOf('lock_timeout', { connection: 'b-1', otherLabel: 'Other', process: 7 }));
    assertPlain(held);
    assert.match(held, /^The connection Other shares .* Other: Another window \(process 7\) .* (close|reload|end)/);
    // Its own record cannot be read, so the other one must not be said to be damaged.
    const own = errorOf('record_unreadable', {
      ...{ connection: 'a-1', withheldFrom: 'b-1', otherLabel: 'Other', reason: 'json' },
    });
    assertPlain(errors.describeError(own));
    assert.match(errors.describeError(own, { label: 'Shop' }), /^Shop: This connection may hold .* of Other, /);
    assert.doesNotMatch(errors.describeError(own), /Other: /);
    const kept = errors.notHandedOnText('Shop', errorOf('lock_timeout', { withheldFrom: 'b-1', otherLabel: 'Other' }));
    assertPlain(kept);
    assert.match(
      kept,
      /^Shop has its new tokens\. The connection Other shares .* until Other refreshes or signs in\. Another/,
    );
    assert.doesNotMatch(kept, /nothing was changed/);
    assert.match(errors.notHandedOnText('Shop', errorOf('cancelled', { withheldFrom: 'b-1' })), /until b-1 .* in\.$/);
  });

  it('round a wait up, so that it is over after that time', () => {
    const text = (retryAfter: number) => errors.describeError(errorOf('waiting_for_issuer', { retryAfter }));
    for (const [ms, shown] of [
      [1, '1 s'],
      [1000, '1 s'],
      [58_001, '59 s'],
      [59_001, '1 min'],
      [60_001, '2 min'],
      [3_600_001, '1 h 1 min'],
    ] as const)
      assert.match(text(ms), new RegExp(`lasts ${shown} more`));
  });

  describe('of the errors that RFCs define', () => {
    const byRfc = {
      'RFC 6749': [
        'invalid_request',
        'invalid_client',
        'invalid_grant',
        'unauthorized_client',
        'invalid_scope',
        'unsupported_grant_type',
        'unsupported_response_type',
        'access_denied',
        'server_error',
        'temporarily_unavailable',
      ],
      'RFC 6750': ['invalid_token', 'insufficient_scope'],
      'RFC 7009': ['unsupported_token_type'],
      'RFC 8628': ['authorization_pending', 'slow_down', 'expired_token', 'access_denied'],
      'RFC 8693, RFC 8707': ['invalid_target'],
      'RFC 9101, RFC 9126': [
        'invalid_request_uri',
        'invalid_request_object',
        'request_not_supported',
        'request_uri_not_supported',
      ],
      'RFC 9396': ['invalid_authorization_details'],
      'RFC 9449': ['invalid_dpop_proof', 'use_dpop_nonce'],
      'RFC 9470': ['insufficient_user_authentication'],
      'OpenID Connect': [
        'interaction_required',
        'login_required',
        'account_selection_required',
        'consent_required',
        'registration_not_supported',
        'unmet_authentication_requirements',
      ],
    };
    /** The sentence without the issuer's own words. */
    const meaning = (error: string, grant?: FailedGrant) =>
      errors
        .describeError(new WorkbenchError('oauth_error', { error, status: 400, ...(grant && { grant }) }))
        .replace(/ Issuer response: .*$/, '');
    /** Errors that mean the same: the user must use the browser. */
    const oneMatter = /^(?:login|interaction|consent|account_selection)_required$/;

    for (const [rfc, codes] of Object.entries(byRfc)) {
      it(`each has its own, with what to do: ${rfc}`, () => {
        const unknown = meaning('no_such_error');
        const unknownSignIn = meaning('no_such_error', 'authorization_code');
        for (const code of codes) {
          const text = meaning(code);
          assertPlain(text);
          assert.notEqual(text, unknown, code);
          assert.ok(text.length > 40, text);
          for (const other of Object.values(byRfc).flat()) {
            if (other === code || (oneMatter.test(other) && oneMatter.test(code))) continue;
            assert.notEqual(text, meaning(other), `${code} and ${other}`);
          }
          // A device flow retries on this code and never shows it.
          if (code === 'authorization_pending') continue;
          for (const grant of ['authorization_code', 'device_code', 'client_credentials', 'token_exchange'] as const)
            assert.notEqual(meaning(code, grant), unknownSignIn, `${code} of ${grant}`);
        }
      });
    }
  });

  it('say what is wrong with an exchange, and to which endpoint other requests were sent', () => {
    const text = (error: string, data: ErrorData) =>
      errors.describeError(new WorkbenchError('oauth_error', { error, status: 400, ...data }));
    const exchange = { grant: 'token_exchange' };
    // For an invalid subject token, RFC 8693 section 2.2.2 prescribes invalid_request, but issuers send invalid_grant
    // too.
    assert.match(text('invalid_request', exchange), /rejected the token for exchange: it has expired/);
    assert.match(text('invalid_grant', exchange), /rejected the token for exchange/);
    assert.match(
      text('invalid_target', exchange),
      /no tokens for this audience to this client\. Request another audience/,
    );
    for (const error of ['unauthorized_client', 'unsupported_grant_type'])
      assert.match(text(error, exchange), /does not allow token exchange for this client\. Allow that grant/);
    for (const error of ['invalid_grant', 'unauthorized_client', 'invalid_request']) {
      const said = text(error, { setting: 'revocationEndpoint' });
      assert.match(said, /Check clientId and revocationEndpoint\./);
      assert.doesNotMatch(said, /refresh token/);
    }
    assert.match(text('invalid_grant', { grant: 'client_credentials' }), /client authentication failed/);
  });

  it('name the endpoint that answered, and a refresh token only where one was sent', () => {
    const text = (data: ErrorData) =>
      errors.describeError(new WorkbenchError('http_error', { host: 'a.example', sent: true, ...data }));
    assert.match(text({ status: 404 }), /Check that tokenEndpoint is right\. The refresh token is kept\.$/);
    for (const status of [400, 401, 404, 418, 503]) {
      for (const data of [{ grant: 'device_code', setting: 'deviceAuthorizationEndpoint' }, { setting: 'x' }])
        assert.doesNotMatch(text({ status, empty: true, ...data }), /refresh token|tokenEndpoint is/);
    }
    assert.match(text({ status: 503 }), /may have used the refresh token/);
    assert.doesNotMatch(text({ status: 503, retryAfter: 0 }), /may have used/);
    for (const status of [408, 425]) assert.match(text({ status }), /Try again soon\.$/);
    assert.match(text({ status: 404, setting: 'revocationEndpoint' }), /Check that revocationEndpoint is/);
    assert.match(
      text({ status: 403, blocked: true, sent: false }),
      /^A firewall.*network\. a\.example answered with status 403\.$/,
    );
    assert.match(text({ status: 503, blocked: true }), /^A firewall.*network\. The refresh token is kept\. /);
    assert.doesNotMatch(text({ status: 403, blocked: true, setting: 'revocationEndpoint' }), /refresh token/);
    assert.match(text({ status: 401, setting: 'userinfoEndpoint' }), /rejected the access token/);
    for (const reason of ['html', 'not_json', 'not_an_object'] as const) {
      const said = errors.describeError(new WorkbenchError('response_invalid', { reason, setting: 'jwksUri' }));
      assert.match(said, /heck jwksUri/);
      assert.doesNotMatch(said, /token/);
    }
    const denied = new WorkbenchError('oauth_error', { error: 'access_denied', setting: 'introspectionEndpoint' });
    assert.match(errors.describeError(denied), /Check clientId and introspectionEndpoint/);
    const blocked = new WorkbenchError('metadata_not_found', {
      issuer: 'https://a.example',
      status: 403,
      blocked: true,
    });
    assert.match(errors.describeError(blocked), /firewall/);
    assert.doesNotMatch(errors.describeError(blocked), /Check the issuer/);
  });

  it('say of each starting point what becomes of refresh tokens there', async () => {
    const texts = await withoutVscode<typeof StartingPoints>('text/signIn', folder);
    for (const point of startingPoints) assertPlain(texts.startingPointText(point));
    const text = (id: string) => {
      const point = startingPoints.find(each => each.id === id);
      return point && texts.startingPointText(point);
    };
    assert.match(text('authing') ?? '', /offline_access.*the same one, until it expires\.$/);
    assert.match(text('okta') ?? '', /offline_access.*replaces it.*30 s/);
    assert.match(text('entra') ?? '', /old one is not revoked\.$/);
    assert.match(text('google') ?? '', /access_type=offline.*not documented\.$/);
    assert.match(text('cognito') ?? '', /Every sign-in.*up to 60 s/);
  });

  it('quote the issuer as its own words', () => {
    const text = errors.describeError(
      new WorkbenchError('oauth_error', { error: 'invalid_grant', error_description: 'Token is not active' }),
    );
    assert.match(text, /^The issuer rejected the refresh token/);
    assert.match(text, /Issuer response: "Token is not active" \(invalid_grant\)\.$/);
    const page = errors.describeError(
      new WorkbenchError('http_error', {
        host: 'a.example',
        status: 502,
        sent: true,
        firstLine: 'Bad Gateway',
      }),
    );
    assert.match(page, /^a\.example answered with status 502\. Issuer response: "Bad Gateway"\./);
    for (const code of ['metadata_not_found', 'metadata_invalid'] as const) {
      const data = { issuer: 'https://a.example', reason: 'issuer_missing', firstLine: 'No *such* realm' } as const;
      const error = new WorkbenchError(code, data) as WorkbenchError;
      assert.match(errors.describeError(error), / Issuer response: "No \*such\* realm"\.$/);
    }
  });

  it('name exactly the redirect URI to register', () => {
    const text = (error: string, redirectUri?: string) =>
      errors.describeError(new WorkbenchError('oauth_error', { error, grant: 'authorization_code', redirectUri }));
    const own = 'vscode://jwt-workbench.jwt-workbench/callback';
    for (const error of ['redirect_uri_mismatch', 'invalid_redirect_uri', 'invalid_request', 'invalid_grant']) {
      assert.match(text(error), /http:\/\/127\.0\.0\.1\/callback/);
      assert.ok(text(error, own).includes(own), error);
    }
    const late = errors.describeError(new WorkbenchError('sign_in_timeout', { after: 60_000, redirectUri: own }));
    assert.ok(late.includes(own));
  });

  it('name both spellings where only a slash differs', () => {
    const text = errors.describeError(
      new WorkbenchError('issuer_mismatch', {
        expected: 'https://a.example',
        found: 'https://a.example/',
        difference: 'slash',
      }),
    );
    assert.match(text, /slash/);
    assert.match(text, /Set issuer to https:\/\/a\.example\/\.$/);
  });

  it('say whether anything was sent', () => {
    const text = (data: ErrorData) =>
      errors.describeError(new WorkbenchError('timeout', { host: 'a.example', ...data }));
    assert.match(text({ sent: false }), /No token was sent/);
    assert.match(text({ sent: true }), /may have received/);
  });

  for (const code of [
    ...(['not_an_array', 'not_an_object', 'missing', 'wrong_type', 'not_a_slug', 'not_a_url'] as const),
    ...(['insecure_url', 'unknown_value', 'unknown_field', 'reserved_parameter', 'secret_in_settings'] as const),
    'duplicate_id' as const,
  ]) {
    it(`say what is wrong with a setting: ${code}`, () => {
      const problem: ConnectionProblem = { index: 0, severity: 'error', code, field: 'issuer', found: 'a' };
      assertPlain(problems.describeProblem(problem));
    });
  }
});

function assertPlain(text: string): void {
  assert.match(text, /^[A-Za-z{0-9].*[.]$/s, text);
  assert.doesNotMatch(text, /undefined|NaN|\[object|\{\d|[\u2013\u2014]|\s\s/, text);
}
