import { l10n } from 'vscode';
import type { DataOf, ErrorCode } from '../../core/errors.ts';
import { show } from './answerErrors.ts';

/** A text that is no token, or holds none. */
export const tokenTextSentences = {
  not_a_token: ({ reason, position }) =>
    reason === 'empty'
      ? l10n.t('The text is empty. Paste a token.')
      : reason === 'json'
        ? l10n.t(
            'This is the JSON form of a JWS or JWE, and a JWT requires the compact form (RFC 7519). Copy the form with dots between its parts.',
          )
        : typeof position === 'number'
          ? l10n.t('Not a token: the character at position {0} is not allowed. Copy the token again.', position + 1)
          : l10n.t('Not a token. Copy the token again, without the text around it.'),
  token_too_large: ({ size, limit }) =>
    l10n.t(
      'This token has {0} characters, and at most {1} are read. Check that it is one token only.',
      show(size),
      show(limit),
    ),
  token_too_deep: ({ part, limit }) =>
    l10n.t('The {0} of this token is nested more than {1} levels deep and was not read.', show(part), show(limit)),
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
      ? l10n.t('The {0} of this token is empty. Where it is kept apart (RFC 7515 appendix F), put it in.', show(part))
      : l10n.t('The {0} of this token is not JSON. Check that the whole token was copied.', show(part)),
  token_not_an_object: ({ part }) =>
    l10n.t('The {0} of this token is JSON but not an object, so this is not a JWT.', show(part)),
  import_foreign: ({ expected, found }) =>
    l10n.t(
      'These tokens are from the issuer {0}, and the connection has {1}. Import them into a connection of their issuer, or pass "anyIssuer": true.',
      show(found),
      show(expected),
    ),
  nothing_to_undo: () =>
    l10n.t('No import can be undone here: nothing was replaced, or the tokens have been refreshed since.'),
  nothing_to_import: ({ reason, error }) =>
    reason === 'empty'
      ? l10n.t('The text is empty. Paste a token response, a token or a command line with one.')
      : reason === 'error_response'
        ? l10n.t('This is an error response ({0}) without tokens. Paste a successful response.', show(error))
        : reason === 'masked'
          ? l10n.t('The tokens in this text are masked. Copy them from a place that shows them whole.')
          : reason === 'base64'
            ? l10n.t(
                'This is base64 of another text, which may be the token. Decode it and paste the result. Where the token itself reads like this, paste it as refresh_token=TOKEN.',
              )
            : l10n.t('No token was found in this text. Paste a token response, a token or a command line with one.'),
} satisfies { readonly [C in ErrorCode]?: (data: DataOf<C>) => string };
