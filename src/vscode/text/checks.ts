import { l10n } from 'vscode';
import type { Check, CheckCode, TokenState } from '../../core/checks/finding.ts';
import { type DataOf, type ErrorCode, errorOf } from '../../core/errors.ts';
import { isErrorCode } from '../../core/errorTable.ts';
import { nameOf, plain, quoted, type Sentences, type SentencesOf, titleOf } from './checkWords.ts';
import { claimSentences } from './claimSentences.ts';
import { describeError } from './errors.ts';
import { keyFlaw, keySetSentences } from './inputErrors.ts';
import { headerSentences, signatureSentences } from './signatureSentences.ts';

export interface CheckText {
  /** The check's name in the terms of the specifications. */
  readonly title: string;
  /** The finding, and the expected value if it differs. */
  readonly detail: string;
  /** Advice, if there is any. */
  readonly advice?: string;
}

/** The sentences for one check. Text from the token is shown with its invisible characters. */
export function checkText(check: Check): CheckText {
  const [detail, advice] = sentencesFor(check);
  return { title: titleOf(check.id), detail, ...(advice !== undefined && { advice }) };
}

/** Why a token is in this state, one line per reason; empty if the state needs no explanation. */
export function stateDetails(state: TokenState): string[] {
  const reasons = state.kind === 'failed' ? state.failed : state.kind === 'unverifiable' ? [state.reason] : [];
  return reasons.map(check => {
    const { title, detail } = checkText(check);
    return `${title}: ${detail}`;
  });
}

function sentencesFor(check: Check): Sentences {
  if (check.code === 'jwks_invalid') return keySetSentences(check);
  if (check.code === 'key_invalid') return keyFlaw(check.data as DataOf<'key_invalid'>);
  if (check.code === 'response_too_large') {
    return [
      l10n.t('The response is larger than {0} bytes and was not read.', plain(check.data?.limit)),
      l10n.t('Check jwksUri: a key set is far smaller.'),
    ];
  }
  if (isErrorCode(check.code)) {
    // Keys are requested without any token, so the sentence must not mention one.
    return [describeError(errorOf(check.code, { ...check.data, sent: undefined }))];
  }
  return sentences[check.code](check);
}

type OwnCode = Exclude<CheckCode, ErrorCode>;

const sentences: Readonly<Record<OwnCode, SentencesOf>> = {
  encrypted: () => [
    l10n.t('The token is encrypted: only its recipient can read and check it.'),
    l10n.t('Run Decrypt Token where you have its key, or ask the issuer about it with introspection.'),
  ],
  opaque: () => [
    l10n.t('The token is opaque: it has no signature that could be checked here.'),
    l10n.t('Ask the issuer about it with token introspection.'),
  ],
  absent: ({ id }) => [l10n.t('The token has no {0}; none is required.', nameOf(id))],
  not_asked: ({ id, found }) =>
    found === undefined
      ? [l10n.t('No {0} was given to compare with.', nameOf(id))]
      : [l10n.t('The token says {0}. Nothing was given to compare it with.', quoted(found))],
  not_applicable: () => [l10n.t('This applies to ID tokens only.')],

  ...signatureSentences,
  ...headerSentences,
  ...claimSentences,
};
