import { l10n } from 'vscode';
import type { ConnectionProblem } from '../../core/records/connection.ts';

/** What is wrong with an entry of the setting, and what to write instead. The place that shows it names the entry. */
export function describeProblem({ code, field = '', found }: ConnectionProblem): string {
  const now = found === undefined ? '' : l10n.t(' Now it is "{0}".', found);
  switch (code) {
    case 'not_an_array':
      return l10n.t('jwtWorkbench.connections must be a list. Write the connections in square brackets.');
    case 'not_an_object':
      return l10n.t('This entry must be an object. Write a connection in curly braces, with id, issuer and clientId.');
    case 'missing':
      return field === 'issuer'
        ? l10n.t('issuer is missing. Set it, or tokenEndpoint where the issuer has no metadata.')
        : l10n.t('{0} is missing.', field);
    case 'wrong_type':
      return l10n.t('{0} has a value of the wrong type ({1}).', field, found ?? '');
    case 'not_a_slug':
      return l10n.t('id may hold letters, digits, dots, dashes and underscores, at most 64 of them.') + now;
    case 'not_a_url':
      return l10n.t('{0} must be a full URL: https, no user name, nothing after #.', field) + now;
    case 'insecure_url':
      return l10n.t('{0} must be an https URL; http is allowed only for 127.0.0.1, [::1] and localhost.', field) + now;
    case 'unknown_value':
      return l10n.t('{0} has an unknown value.', field) + now;
    case 'unknown_field':
      return l10n.t('{0} is not a field of a connection and is ignored. Check its spelling.', field);
    case 'reserved_parameter':
      return l10n.t('{0} is set by the request itself and is ignored here.', field);
    case 'secret_in_settings':
      return l10n.t(
        '{0} looks like a secret, and settings are plain text. Remove it there and store it with JWT Workbench; if the settings were synced or shared, replace the secret.',
        field,
      );
    case 'duplicate_id':
      return l10n.t('Another entry has the id "{0}". Only the first one is used. Choose another id.', found ?? '');
  }
}
