import { l10n } from 'vscode';
import type { ImportSource, ImportWarning } from '../../core/imports/importText.ts';
import type { ForeignOrigin } from '../../core/imports/tokenOwner.ts';

export function describeSource(source: ImportSource): string {
  switch (source) {
    case 'token_response':
      return l10n.t('a token response');
    case 'pairs':
      return l10n.t('parts of a token response');
    case 'bearer_header':
      return l10n.t('an Authorization header');
    case 'jwt':
      return l10n.t('a JWT');
    case 'refresh_token':
      return l10n.t('a refresh token');
    case 'access_token':
      return l10n.t('an access token');
  }
}

/** What was done to the text, or guessed about it, while it was imported. */
export function describeImportWarning({ code, member = 'access_token' }: ImportWarning): string {
  switch (code) {
    case 'whitespace_removed':
      return l10n.t('Spaces or line breaks inside "{0}" were removed: the text was wrapped.', member);
    case 'number_as_text':
      return l10n.t('"{0}" is a number written as text and was read as a number.', member);
    case 'list_as_text':
      return l10n.t('"{0}" is a list and was read as one text with spaces.', member);
    case 'member_ignored':
      return l10n.t('"{0}" has no usable value and was ignored.', member);
    case 'duplicate_member':
      return l10n.t('"{0}" appears twice in the text. The last one was used.', member);
    case 'several_found':
      return l10n.t('The text contains several sets of tokens. One was used: check that it is the right one.');
    case 'token_damaged':
      return l10n.t('"{0}" looks like a JWT but cannot be decoded. It was imported unchanged.', member);
    case 'looks_like_other_token':
      return l10n.t('"{0}" has the claims of another kind of token. Check that it is the right one.', member);
    case 'base64_decoded':
      return l10n.t('"{0}" was encoded in base64 and was decoded.', member);
    case 'base64_kept':
      return l10n.t(
        '"{0}" is base64 of another text. It was imported unchanged: check whether it must be decoded.',
        member,
      );
    case 'percent_decoded':
      return l10n.t('"{0}" was percent-encoded and was decoded.', member);
    case 'use_assumed':
      return l10n.t('Nothing in the token says what it is. It was imported as "{0}".', member);
  }
}

export function foreignText({ member, expected, found }: ForeignOrigin): string {
  return member === 'issuer'
    ? l10n.t('The tokens are from the issuer {0}, and the connection has {1}.', found, expected)
    : l10n.t('The tokens were issued to the client {0}, and the connection has {1}.', found, expected);
}
