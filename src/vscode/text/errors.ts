import { l10n } from 'vscode';
import { type DataOf, type ErrorCode, type ErrorData, type WorkbenchError, withData } from '../../core/errors.ts';
import type { ConnectionProblem } from '../../core/records/connection.ts';
import {
  blockedText,
  httpError,
  invalidMetadata,
  invalidResponse,
  issuerResponse,
  joined,
  networkSentences,
  show,
  unknownReason,
} from './answerErrors.ts';
import { decryptionSentences, invalidKey, invalidKeySet, tokenTextSentences } from './inputErrors.ts';
import { oauthErrorText } from './oauthErrors.ts';
import { signInSentences } from './signIn.ts';
import { aboutOtherText, credentialSentences, describeProblem, storedSentences } from './storedErrors.ts';
import { waitText } from './time.ts';

/**
 * What happened, why, and what to do next. Text from an issuer is in quotes.
 * @param connection the connection concerned, unless the place that shows the error already names it
 */
export function describeError(error: WorkbenchError, connection?: { readonly label: string }): string {
  const { code, data } = error;
  const said = (sentences as Sentences<ErrorData>)[code](data);
  const { lostAt, reusable } = data;
  const fate =
    lostAt !== undefined
      ? sentences.answer_missing({ at: lostAt })
      : reusable === true
        ? l10n.t('This issuer leaves a refresh token valid after its use, so it can be sent again.')
        : undefined;
  const all = joined(said, fate);
  const text = aboutOtherText(error, all);
  return connection === undefined ? text : l10n.t('{0}: {1}', connection.label, text);
}

/** @param failure why a sign-in could not give the earlier refresh token to the connection that it names */
export function notHandedOnText(label: string, failure: WorkbenchError): string {
  const { withheldFrom, otherLabel } = failure.data;
  const text = l10n.t(
    '{0} has its new tokens. The connection {1} shares its earlier refresh token and has not got the newest one yet, which is kept until {1} refreshes or signs in.',
    label,
    show(otherLabel, show(withheldFrom)),
  );
  return failure.code === 'cancelled'
    ? text
    : joined(text, describeError(withData(failure, { withheldFrom: undefined, otherLabel: undefined })));
}

/** One sentence per code, made from the data of that code. A missing code or reason does not compile. */
const sentences: { readonly [C in ErrorCode]: (data: DataOf<C>) => string } = {
  argument_invalid: ({ field, expected }) =>
    expected === undefined
      ? l10n.t('The argument "{0}" cannot be used. Change it and run the command again.', show(field))
      : l10n.t('The argument "{0}" cannot be used: {1} is expected.', show(field), show(expected)),
  connection_unknown: ({ connection }) =>
    l10n.t('There is no connection "{0}". Check the id, or add the connection to the settings.', show(connection)),
  connection_invalid: ({ problem, field, found }) =>
    joined(
      l10n.t('This connection is not valid.'),
      describeProblem({ code: problem, field, found } as ConnectionProblem),
    ),
  connection_exists: ({ connection }) =>
    l10n.t('A connection "{0}" exists already. Choose another id, or remove that connection first.', show(connection)),
  settings_unwritable: () => l10n.t('The user settings cannot be written. Fix and save settings.json, then try again.'),
  url_invalid: invalidUrl,
  url_insecure: ({ field, found }) =>
    l10n.t(
      '{0} uses http ({1}), so tokens could be intercepted. Use an https URL; http is allowed only for 127.0.0.1, [::1] and localhost.',
      show(field),
      show(found),
    ),
  ...credentialSentences,
  not_trusted: () => l10n.t("Tokens can't be used in Restricted Mode. Trust the workspace first."),
  nothing_to_pick: () =>
    l10n.t('No connection can be used for this. Add a connection, sign in or import tokens first.'),
  token_not_sendable: ({ token }) =>
    l10n.t(
      'The issuer has put characters into the {0} that no HTTP header can carry, for example a line break. It is not handed out. Report this to the issuer.',
      show(token),
    ),
  no_such_token: ({ token }) =>
    l10n.t('No {0} is stored for this connection. Refresh it, sign in, or import tokens.', show(token, 'token')),
  not_quotable: ({ shell, reason }) => unquotable(reason, show(shell)),

  cancelled: ({ sent }) =>
    sent === true
      ? l10n.t('Cancelled. The issuer may have received the request.')
      : l10n.t('Cancelled before anything was sent.'),
  ...networkSentences,

  redirect_refused: ({ host, location, status }) =>
    location === undefined
      ? l10n.t(
          "{0} answered with a redirect. It is not followed, because it would send tokens elsewhere. Set the URL to the issuer's real one.",
          show(host),
        )
      : l10n.t(
          '{0} redirects to {1} (status {2}). The redirect is not followed, because it would send tokens elsewhere. If {1} is right, set the URL to it.',
          show(host),
          show(location),
          show(status),
        ),
  metadata_not_found: ({ issuer, status, firstLine, error, blocked }) =>
    joined(
      blocked === true
        ? l10n.t('The metadata of {0} could not be read (status {1}).', show(issuer), show(status, '403'))
        : l10n.t(
            'No metadata was found for {0} (status {1}). Check the issuer, or set tokenEndpoint for an issuer without metadata.',
            show(issuer),
            show(status, '404'),
          ),
      blocked === true ? blockedText() : undefined,
      firstLine === undefined ? undefined : issuerResponse(firstLine, error),
    ),
  metadata_invalid: invalidMetadata,
  issuer_mismatch: otherIssuer,
  endpoint_missing: ({ endpoint, setting, without, method, offered, ...answer }) =>
    method !== undefined
      ? joined(
          method === 'none'
            ? l10n.t(
                'The issuer does not offer its {0} to this client, which is public: only clients that authenticate ({1}) may use it.',
                show(endpoint),
                show(offered),
              )
            : l10n.t(
                'The issuer does not offer its {0} to this client: it authenticates with {1}, and only {2} may use it.',
                show(endpoint),
                show(method),
                show(offered),
              ),
          answer.error === undefined
            ? undefined
            : issuerResponse(answer.error_description ?? answer.firstLine ?? answer.error),
        )
      : without !== undefined
        ? l10n.t('The issuer names no {0}. Set {1} to false for it.', show(endpoint), show(without))
        : setting === undefined
          ? l10n.t('The issuer has no {0}, so it does not offer this.', show(endpoint))
          : l10n.t('The issuer names no {0}. Set {1} if it has one.', show(endpoint), show(setting)),
  oauth_error: oauthErrorText,
  http_error: httpError,
  waiting_for_issuer: ({ host, retryAfter = 0 }) =>
    l10n.t(
      'Nothing was sent: {0} has asked for a pause, which lasts {1} more. Try again then.',
      show(host, l10n.t('the issuer')),
      waitText(retryAfter),
    ),
  response_invalid: invalidResponse,
  response_too_large: ({ host, limit }) =>
    l10n.t(
      'The response of {0} is larger than {1} bytes and was not read. Check that the URL is right.',
      show(host, l10n.t('the issuer')),
      show(limit),
    ),
  jwks_invalid: invalidKeySet,

  ...signInSentences,
  ...storedSentences,
  ...tokenTextSentences,
  connection_ambiguous: ({ connections }) =>
    connections === ''
      ? l10n.t('There is no connection yet. Add one in the JWT Workbench view.')
      : l10n.t('Several connections could be meant. Name one of them: {0}.', show(connections)),
  consent_denied: ({ connection }) =>
    l10n.t(
      'You denied tokens of "{0}" to this program. Run "Manage Token Access" in VS Code to change that.',
      show(connection),
    ),
  consent_unanswered: ({ connection }) =>
    l10n.t(
      'VS Code asked whether this program may have tokens of "{0}" and got no answer. Run the command again and answer the question in VS Code.',
      show(connection),
    ),
  scope_not_granted: ({ scope }) =>
    l10n.t(
      'The issuer did not grant the scope {0}. Add it to the scope of the connection, then sign in again.',
      show(scope),
    ),
  no_owner: () =>
    l10n.t('No connection has the issuer and the client of this token. Add a connection for it, or import the token.'),
  no_editor: () => l10n.t('There is no text editor to insert a token into. Open a file first.'),
  no_folder: () => l10n.t('launch.json and tasks.json belong to a folder, but no folder is open. Open a folder first.'),
  lifetime_too_short: ({ left, wanted }) =>
    l10n.t(
      'The token is valid for {0} s more, but {1} s are required. The issuer does not issue a longer one: ask for less.',
      show(left),
      show(wanted),
    ),
  key_invalid: invalidKey,
  ...decryptionSentences,

  mock_running: ({ issuer }) =>
    issuer === undefined
      ? l10n.t('The mock issuer is running already. Stop it first.')
      : l10n.t('The mock issuer is running already at {0}. Stop it first.', show(issuer)),
  git_unavailable: () =>
    l10n.t(
      'Staged files cannot be read: the Git extension of VS Code is off, or runs on another machine. Search the whole workspace instead.',
    ),
  staged_unreadable: ({ file }) =>
    l10n.t('Git could not read the staged content of {0}, so it may contain tokens. Try again.', show(file)),
  mock_not_running: () => l10n.t('The mock issuer is not running. Start it first.'),
  client_test_running: () => l10n.t('A client is being tested already. Wait until that is done, or cancel it.'),
  file_unreadable: ({ file, limit }) =>
    limit === undefined
      ? l10n.t(
          'The file {0} cannot be read: it is missing, is a folder, or access is denied. Choose another one.',
          show(file),
        )
      : l10n.t(
          'The file {0} is larger than {1} MB, so it was not read. Choose a smaller one.',
          show(file),
          limit / 2 ** 20,
        ),
  mock_file_missing: ({ file }) =>
    l10n.t('There is no {0} in this workspace. Create one, or start the mock issuer without a file.', show(file)),
  mock_file_invalid: ({ file, problems }) =>
    l10n.t('The file {0} cannot be used. {1} Change it and start the mock issuer again.', show(file), show(problems)),
  port_in_use: ({ port }) =>
    l10n.t(
      'Port {0} cannot be used: another program or the system uses it. Choose another port, or leave it out to get a free one.',
      show(port),
    ),

  internal: ({ type }) =>
    l10n.t(
      'Something went wrong inside JWT Workbench ({0}). The log has the details; please report it.',
      show(type, 'internal'),
    ),
};

/** The same table for a code known only at run time, whose data matches the code by construction. */
type Sentences<Data> = Readonly<Record<ErrorCode, (data: Data) => string>>;

/** The metadata names another issuer: explains the difference and what to set. */
function otherIssuer({ expected, found, difference }: DataOf<'issuer_mismatch'>): string {
  switch (difference) {
    case 'slash':
      return l10n.t(
        'The issuer is {0}, the setting says {1}: they differ only in the trailing slash. Set issuer to {0}.',
        show(found),
        show(expected),
      );
    case 'placeholder':
      return l10n.t(
        'The metadata of {0} is shared by all tenants and names none: {1}. Set issuer to the URL of your own tenant, with the tenant ID in place of the placeholder.',
        show(expected),
        show(found),
      );
    case 'scheme':
      return l10n.t(
        'The issuer calls itself {0}, without https://. Its metadata cannot be matched to {1}. Set the endpoints and jwksUri in the settings.',
        show(found),
        show(expected),
      );
    default:
      return l10n.t(
        'The metadata of {0} belongs to the issuer {1}. Set issuer to the right one, exactly as its metadata spells it.',
        show(expected),
        show(found),
      );
  }
}

function invalidUrl({ field, found, reason }: DataOf<'url_invalid'>): string {
  const name = show(field);
  switch (reason) {
    case 'userinfo':
      return l10n.t('{0} contains a user name or a password. Remove everything before the @.', name);
    case 'fragment':
      return l10n.t('{0} has a part after #, which an issuer URL must not have. Remove it.', name);
    case 'query':
      return l10n.t('{0} has a part after ?, which an issuer URL must not have. Remove it.', name);
    case 'characters':
      return l10n.t(
        '{0} contains a space, a backslash or an invisible character: {1}. Type it again.',
        name,
        show(found),
      );
    case 'scheme':
      return l10n.t('{0} starts with {1}. Use an https URL.', name, show(found));
    case 'not_absolute':
      return l10n.t(
        '{0} is not a full URL: {1}. Enter the full URL, for example https://login.example.com.',
        name,
        show(found),
      );
    default:
      return unknownReason(reason);
  }
}

function unquotable(reason: DataOf<'not_quotable'>['reason'], shell: string): string {
  switch (reason) {
    case 'control':
      return l10n.t(
        'No curl line was copied: the token or the URL contains a control character, and {0} could run what comes after it. Copy the token alone.',
        shell,
      );
    case 'quote':
      return l10n.t(
        'No curl line was copied: {0} passes a double quote or a backslash at the end to curl in a way that splits the argument. Copy the line for another shell, or the token alone.',
        shell,
      );
    case 'length':
      return l10n.t(
        'No curl line was copied: {0} accepts at most 8191 characters. Copy the line for PowerShell, or the token alone.',
        shell,
      );
    default:
      return l10n.t('No curl line was copied: the URL of the request must be a full http or https URL.');
  }
}
