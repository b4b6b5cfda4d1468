import { l10n } from 'vscode';
import type { ConnectionProblem } from '../../core/connection.ts';
import type { ErrorCode, ErrorData, WorkbenchError } from '../../core/errors.ts';
import { arrival, httpError, invalidMetadata, invalidResponse, joined, show } from './answerErrors.ts';
import { credentialSentences } from './credentialErrors.ts';
import { decryptionSentences } from './decryption.ts';
import { invalidKey, invalidKeySet } from './keyErrors.ts';
import { oauthErrorText } from './oauthErrors.ts';
import { describeProblem } from './problems.ts';
import { signInSentences } from './signIn.ts';
import { dateText, durationText } from './time.ts';

/**
 * What happened, why, and what to do next, in plain words. What an issuer wrote stands in quotes as its own words.
 * @param connection whose error it is, where the place that shows it does not say so already
 */
export function describeError(error: WorkbenchError, connection?: { readonly label: string }): string {
  const { code, data } = error;
  const said = sentences[code](data);
  const text = data.lostAt === undefined ? said : joined(said, sentences.answer_missing({ at: data.lostAt }));
  return connection === undefined ? text : l10n.t('{0}: {1}', connection.label, text);
}

type Sentence = (data: ErrorData) => string;

const sentences = {
  argument_invalid: ({ field, expected }) =>
    expected === undefined
      ? l10n.t('The argument "{0}" cannot be used. Change it and run the command again.', show(field))
      : l10n.t('The argument "{0}" cannot be used: {1} is expected.', show(field), show(expected)),
  connection_unknown: ({ connection }) =>
    l10n.t(
      'There is no connection "{0}". Check the id, or add the connection to the settings.',
      show(connection),
    ),
  connection_invalid: ({ problem, field, found }) =>
    joined(
      l10n.t('This connection cannot be used as it is described.'),
      describeProblem({ code: problem, field, found } as ConnectionProblem),
    ),
  connection_exists: ({ connection }) =>
    l10n.t(
      'There is a connection "{0}" already. Choose another id, or remove that connection first.',
      show(connection),
    ),
  settings_unwritable: () =>
    l10n.t('The user settings cannot be written. Mend and save settings.json, then try again.'),
  url_invalid: invalidUrl,
  url_insecure: ({ field, found }) =>
    l10n.t(
      '{0} is {1}, where tokens could be read on the way. Use an https address; http is allowed for 127.0.0.1, [::1] and localhost only.',
      show(field),
      show(found),
    ),
  ...credentialSentences,
  not_trusted: () =>
    l10n.t('This workspace is not trusted, so no token is touched. Trust the workspace first.'),
  nothing_to_pick: () =>
    l10n.t('No connection has what this needs. Add one, or sign in or import tokens first.'),
  no_such_token: ({ token }) =>
    l10n.t(
      'There is no {0} stored for this connection. Refresh it, sign in, or import tokens.',
      show(token, 'token'),
    ),

  cancelled: ({ sent }) =>
    sent === true
      ? l10n.t('Cancelled. The request may have arrived all the same.')
      : l10n.t('Cancelled before anything was sent.'),
  timeout: ({ host, after, sent }) =>
    joined(
      typeof after === 'number'
        ? l10n.t('{0} did not answer within {1}.', show(host, l10n.t('The issuer')), durationText(after))
        : l10n.t('{0} did not answer in time.', show(host, l10n.t('The issuer'))),
      arrival(sent),
      l10n.t('Check the network and try again.'),
    ),
  connection_refused: ({ host }) =>
    l10n.t(
      '{0} refuses connections, so nothing was sent. Check that the issuer is running and that the address and port are right.',
      show(host),
    ),
  host_unknown: ({ host }) =>
    l10n.t(
      'The host {0} was not found, so nothing was sent. Check the address, and whether a VPN or a proxy is needed.',
      show(host),
    ),
  connection_reset: ({ host, sent }) =>
    joined(
      l10n.t('{0} closed the connection before the answer was complete.', show(host, l10n.t('The issuer'))),
      arrival(sent),
      l10n.t('Try again.'),
    ),
  certificate_untrusted: ({ host, detail }) =>
    l10n.t(
      'The certificate of {0} is not trusted ({1}), so nothing was sent. For an issuer with its own certificate authority, add that to the system or to VS Code (http.systemCertificates).',
      show(host),
      show(detail, l10n.t('no reason given')),
    ),
  network_failed: ({ host, detail, sent }) =>
    joined(
      detail === undefined
        ? l10n.t('The request to {0} failed.', show(host, l10n.t('the issuer')))
        : l10n.t('The request to {0} failed ({1}).', show(host, l10n.t('the issuer')), show(detail)),
      arrival(sent),
      l10n.t('Check the network and the proxy settings, then try again.'),
    ),

  redirect_refused: ({ host, location, status }) =>
    location === undefined
      ? l10n.t(
          '{0} answered with a redirect, which is not followed: it would carry tokens elsewhere. Set the address to where the issuer really is.',
          show(host),
        )
      : l10n.t(
          '{0} redirects to {1} (status {2}). That is not followed: it would carry tokens elsewhere. If {1} is the right place, set the address to it.',
          show(host),
          show(location),
          show(status),
        ),
  metadata_not_found: ({ issuer, status }) =>
    l10n.t(
      'No metadata was found for {0} (status {1}). Check the issuer, or set tokenEndpoint for an issuer without metadata.',
      show(issuer),
      show(status, '404'),
    ),
  metadata_invalid: invalidMetadata,
  issuer_mismatch: ({ expected, found, trailingSlash }) =>
    trailingSlash === true
      ? l10n.t(
          'The issuer calls itself {0}, and the setting says {1}: they differ in the slash at the end only. Set issuer to {0}.',
          show(found),
          show(expected),
        )
      : l10n.t(
          'The metadata of {0} belongs to another issuer, {1}. Set issuer to the one that is meant, exactly as it calls itself.',
          show(expected),
          show(found),
        ),
  endpoint_missing: ({ endpoint, setting, without }) =>
    without !== undefined
      ? l10n.t('The issuer names no {0}. Set {1} to false for it.', show(endpoint), show(without))
      : setting === undefined
        ? l10n.t('The issuer has no {0}, so it does not offer this.', show(endpoint))
        : l10n.t('The issuer names no {0}. Set {1} if it has one.', show(endpoint), show(setting)),
  oauth_error: oauthErrorText,
  http_error: httpError,
  response_invalid: invalidResponse,
  response_too_large: ({ host, limit }) =>
    l10n.t(
      'The answer of {0} is larger than {1} bytes and was not read. Check that the address is a token endpoint.',
      show(host, l10n.t('the issuer')),
      show(limit),
    ),
  jwks_invalid: invalidKeySet,

  ...signInSentences,

  no_refresh_token: () =>
    l10n.t(
      'No refresh token is stored for this connection. Import one, or sign in; many issuers want the scope offline_access for it.',
    ),
  refresh_token_refused: ({ at, error }) =>
    typeof at === 'number'
      ? l10n.t(
          'The issuer refused this refresh token on {0} ({1}). It is not sent again. Sign in again or import a new one.',
          dateText(at),
          show(error),
        )
      : l10n.t(
          'The issuer refused this refresh token. It is not sent again. Sign in again or import a new one.',
        ),
  binding_mismatch: ({ member, expected, found }) =>
    l10n.t(
      'The stored tokens were issued for another {0} ({1}, and the settings now say {2}), so nothing was sent. Change the setting back, or sign in again.',
      show(member, 'issuer'),
      show(expected, l10n.t('none')),
      show(found, l10n.t('none')),
    ),
  record_unreadable: ({ reason }) =>
    l10n.t(
      'What is stored for this connection cannot be read ({0}). It is kept as it is. Delete the stored tokens of the connection, then import them again.',
      show(reason, l10n.t('no reason given')),
    ),
  record_newer_version: () =>
    l10n.t(
      'The stored tokens were written by a newer version of JWT Workbench and are kept as they are. Update the extension.',
    ),
  record_too_large: ({ size, limit }) =>
    l10n.t(
      'These tokens are too large to be stored: {0} characters, at most {1}. Ask the issuer for fewer scopes or claims.',
      show(size),
      show(limit),
    ),
  record_behind: ({ unopened }) =>
    unopened === true
      ? l10n.t(
          'There are newer tokens, stored by another window or before a restart, which this window cannot open. Nothing was sent. Reload this window; if that does not help, VS Code does not keep secrets here: sign in again or import the tokens.',
        )
      : l10n.t(
          'Another window has stored newer tokens, and they have not arrived here. Nothing was sent. Try again in a moment, or reload this window.',
        ),
  superseded: ({ signedOut }) =>
    signedOut === true
      ? l10n.t('You signed out while this was under way, so its result was dropped.')
      : l10n.t('Newer tokens were stored while this was under way, and they are used.'),
  secret_unavailable: () =>
    l10n.t(
      'VS Code SecretStorage did not answer, so the tokens cannot be read or stored. Check the keyring of the system, then reload the window.',
    ),
  lock_timeout: () =>
    l10n.t(
      'Another window is refreshing this connection and has not finished. Nothing was sent. Try again in a moment.',
    ),
  lock_unavailable: ({ reason }) =>
    l10n.t(
      'The folder that keeps windows from refreshing at the same time cannot be written to ({0}). Nothing was sent. Check that the disk is not full and that VS Code may write to its own folders, then try again.',
      show(reason, l10n.t('no reason given')),
    ),
  lock_lost: () =>
    l10n.t(
      'Another window took over this connection, most likely after this computer slept. Nothing was sent. Try again.',
    ),
  answer_lost: ({ at, error }) =>
    l10n.t(
      'The answer to the refresh on {0} was lost, and the issuer has refused the old refresh token since ({1}). The new one was most likely in that answer. Sign in again or import a new one.',
      typeof at === 'number' ? dateText(at) : l10n.t('an unknown date'),
      show(error, l10n.t('no reason given')),
    ),
  // It may be lost with the answer, and an issuer may take a further use for a theft.
  answer_missing: ({ at }) =>
    l10n.t(
      'The answer to the refresh on {0} was lost, and so was the one to its retry, so nobody knows whether the refresh token is used up. It is not sent again by itself. Refresh to try once more, or sign in again.',
      typeof at === 'number' ? dateText(at) : l10n.t('an unknown date'),
    ),

  not_a_token: ({ reason, position }) =>
    reason === 'empty'
      ? l10n.t('There is no text here. Paste a token.')
      : reason === 'json'
        ? l10n.t(
            'This is the JSON form of a JWS or JWE, which no JWT has (RFC 7519). Copy the form with dots between its parts.',
          )
        : typeof position === 'number'
          ? l10n.t(
              'This is no token: a character that no token has stands at position {0}. Copy the token again.',
              position + 1,
            )
          : l10n.t('This is no token. Copy the token again, without the text around it.'),
  token_too_large: ({ size, limit }) =>
    l10n.t(
      'This token has {0} characters, and at most {1} are read. Check that it is one token only.',
      show(size),
      show(limit),
    ),
  token_too_deep: ({ part, limit }) =>
    l10n.t(
      'The {0} of this token is nested more than {1} levels deep and was not read.',
      show(part),
      show(limit),
    ),
  token_part_count: ({ parts }) =>
    l10n.t(
      'This text has {0} parts between dots. A signed JWT has three and an encrypted one five. Check that the whole token was copied.',
      show(parts),
    ),
  token_encoding: ({ part, position }) =>
    typeof position === 'number'
      ? l10n.t(
          'The {0} of this token is not base64url from position {1} on. Copy the token again.',
          show(part),
          position + 1,
        )
      : l10n.t('The {0} of this token is not base64url. Copy the token again.', show(part)),
  token_json: ({ part, reason }) =>
    reason === 'empty'
      ? l10n.t(
          'The {0} of this token is empty. Where it is kept apart (RFC 7515 appendix F), put it in.',
          show(part),
        )
      : l10n.t('The {0} of this token is not JSON. Check that the whole token was copied.', show(part)),
  token_not_an_object: ({ part }) =>
    l10n.t('The {0} of this token is JSON, but no object, so this is no JWT.', show(part)),
  nothing_to_import: ({ reason, error }) =>
    reason === 'empty'
      ? l10n.t('There is no text here. Paste a token response, a token or a command line that holds one.')
      : reason === 'error_response'
        ? l10n.t(
            'This is an error of the issuer ({0}) and holds no tokens. Paste a response that succeeded.',
            show(error),
          )
        : l10n.t(
            'No token was found in this text. Paste a token response, a token or a command line that holds one.',
          ),
  key_invalid: invalidKey,
  ...decryptionSentences,

  mock_running: ({ issuer }) =>
    issuer === undefined
      ? l10n.t('The mock issuer is running already. Stop it first.')
      : l10n.t('The mock issuer is running already at {0}. Stop it first.', show(issuer)),
  git_unavailable: () =>
    l10n.t(
      'Git is not to be asked what is staged: the Git extension of VS Code is off, or runs on another machine. Search the whole workspace instead.',
    ),
  mock_not_running: () => l10n.t('The mock issuer is not running. Start it first.'),
  port_in_use: ({ port }) =>
    l10n.t(
      'Port {0} cannot be used: another program has it, or the system keeps it. Choose another port, or leave it out to have a free one.',
      show(port),
    ),

  internal: ({ type }) =>
    l10n.t(
      'Something went wrong inside JWT Workbench ({0}). The log has the details; please report it.',
      show(type, 'internal'),
    ),
} satisfies Record<ErrorCode, Sentence> as Record<ErrorCode, Sentence>;

function invalidUrl({ field, found, reason }: ErrorData): string {
  const name = show(field);
  switch (reason) {
    case 'userinfo':
      return l10n.t('{0} holds a user name or a password. Remove what stands before the @.', name);
    case 'fragment':
      return l10n.t('{0} has a part after #, which no address of an issuer has. Remove it.', name);
    case 'query':
      return l10n.t('{0} has a part after ?, which no issuer has. Remove it.', name);
    case 'characters':
      return l10n.t(
        '{0} holds a space, a backslash or an invisible character: {1}. Type it again.',
        name,
        show(found),
      );
    case 'scheme':
      return l10n.t('{0} starts with {1}. Use an https address.', name, show(found));
    default:
      return l10n.t('{0} is no complete address: {1}. It must start with https://.', name, show(found));
  }
}
