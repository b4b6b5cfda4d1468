import { l10n } from 'vscode';
import {
  type Check,
  type KeyInfo,
  stateWithoutKey,
  type TokenState,
  tokenStateOf,
  type VerificationResult,
} from '../../core/checks/finding.ts';
import { type ReviewFinding, reviewToken } from '../../core/checks/review.ts';
import { printable } from '../../core/redact.ts';
import type { DecodedToken } from '../../core/tokens/jwt.ts';
import { keysAt, readableContent, varietyOf } from '../../core/tokens/varieties.ts';
import type { Moment, TimelineTexts } from '../../core/view/timeline.ts';
import type { TokenSummary } from '../../core/view/tokenSummary.ts';
import type {
  Action,
  CheckLine,
  Editing,
  Fact,
  InspectorModel,
  KeyLine,
  Mood,
  ReviewLine,
  Words,
} from '../../webview/protocol.ts';
import { checkText } from '../text/checks.ts';
import { reviewText, severityText } from '../text/review.ts';
import { kindText, statusText, timeName, tokenStateTitle } from '../text/states.ts';
import { dateText, durationText, listText, relativeText } from '../text/time.ts';
import { varietyText } from '../text/varieties.ts';
import { decodedSections, encodedParts, type OpenedToken, openedSections, openedVerdict } from './opened.ts';

/** What was done with the inspected token. */
export type InspectedState =
  /** Decoded and checked without keys. */
  | { readonly kind: 'looked' }
  | {
      readonly kind: 'verified';
      readonly keys: readonly KeyInfo[];
      /** Where the chosen keys come from. */
      readonly from?: string;
      /** The user gave the keys; they are not a published key set. */
      readonly given: boolean;
    }
  /** Edited here, and signed with nothing, the mock issuer's test key, or a key of the user's. */
  | { readonly kind: 'edited'; readonly signed: false | 'mock' | 'own' }
  /** The edited text is not a token; `editing` says why. */
  | { readonly kind: 'broken' };

/** Everything known about the token that an inspector shows. */
export interface Inspected {
  readonly token: string;
  readonly decoded: DecodedToken;
  readonly summary: TokenSummary;
  readonly result: VerificationResult;
  readonly source: string;
  /** Label of the connection that the token belongs to. */
  readonly connection?: string;
  readonly state: InspectedState;
  /** The decrypted content of an encrypted token. */
  readonly opened?: OpenedToken;
  /** The given key can be remembered. */
  readonly canRemember?: boolean;
  /** The mock issuer runs. */
  readonly canSignWithMock?: boolean;
  /** Where the key that signed the edited copy comes from. */
  readonly signedWith?: string;
  /** The connection holds a newer token. */
  readonly hasNewer?: boolean;
  readonly editing?: Omit<Editing, 'signings'>;
}

export function inspectorModel(inspected: Inspected, now: number): InspectorModel {
  const { token, decoded, summary, state, editing, result } = inspected;
  const signed = state.kind === 'edited' && state.signed;
  const isBroken = state.kind === 'broken';
  const isVerified = state.kind === 'verified';
  const order = { failed: 0, warning: 1, passed: 2, skipped: 3 } as const;
  const variety = varietyOf(token, decoded);
  const isQuiet = ({ status, id }: Check) => status === 'skipped' && id !== 'signature';
  // A single given key has its own section.
  const listed = !isVerified || (state.given && state.keys.length < 2) ? [] : state.keys;
  const loud = result.checks.filter(check => !isQuiet(check));
  return {
    title: kindText(summary.kind),
    subtitle: [inspected.source, ...(variety ? [varietyText(variety, keysAt(variety, token, decoded))] : [])].join(' '),
    verdict: verdict(inspected),
    encoded: isBroken || (state.kind === 'edited' && !signed) ? [] : encodedParts(token, decoded),
    encodedNote: encodedNote(state),
    // An edited token is left out when the whole page is copied.
    selectable: state.kind !== 'edited',
    decoded: isBroken
      ? []
      : [
          ...decodedSections(decoded, now, readableContent(token, decoded)),
          ...(inspected.opened ? openedSections(inspected.opened, now) : []),
        ],
    checks: (isBroken ? [] : loud)
      .toSorted((one, other) =>
        one.id === 'signature' ? -1 : other.id === 'signature' ? 1 : order[one.status] - order[other.status],
      )
      .map(check => checkLine(check)),
    reviewed: decoded.kind !== 'opaque' && !isBroken,
    review: reviewToken(token, decoded, result.checks).map(reviewLine),
    quiet: (isBroken ? [] : result.checks).filter(isQuiet).map(check => checkLine(check)),
    key: keyFacts(
      result.key ?? (decoded.kind === 'jwe' ? inspected.opened?.decrypted.key : undefined),
      signed
        ? signed === 'mock'
          ? l10n.t('the mock issuer: a test key')
          : inspected.signedWith
        : ((isVerified ? state.from : undefined) ?? inspected.opened?.picked?.from),
    ),
    keys: listed.map(key => keyLine(key, result.key)),
    actions: actions(inspected),
    ...(editing && { editing: { ...editing, signings: signings(inspected) } }),
    ...(inspected.hasNewer &&
      !editing && {
        newer: {
          text: l10n.t('The connection "{0}" now holds a newer token.', printable(inspected.connection ?? '', 80)),
          action: { id: 'newer', label: l10n.t('Show the Newer Token'), primary: false },
        },
      }),
    words: { ...words(), ...(isVerified && state.given && { keys: l10n.t('Keys you provided') }) },
  };
}

/** Title of the tab: the token, and whether an edited copy is shown. */
export function tabTitle({ summary, connection, state }: Inspected): string {
  const { issuer, subject } = summary;
  const host = issuer !== undefined && URL.canParse(issuer) ? new URL(issuer).host : issuer;
  const where = connection ?? host ?? subject;
  const kind = kindText(summary.kind);
  const name = where === undefined ? kind : l10n.t('{0} of {1}', kind, printable(where, 60));
  return state.kind === 'edited' || state.kind === 'broken' ? l10n.t('Edited: {0}', name) : name;
}

/** The ways to sign an edited copy. */
function signings({ canSignWithMock, editing }: Inspected): Editing['signings'] {
  const one = (id: Action['id'], label: string, kind: string) => ({ id, label, on: editing?.signing === kind });
  return [
    one('signNone', l10n.t('Not Signed'), 'none'),
    ...(canSignWithMock ? [one('signMock', l10n.t("Sign with the Mock Issuer's Test Key"), 'mock')] : []),
    one('signOwn', l10n.t('Sign with a Key or Secret...'), 'own'),
  ];
}

function verdict({ result, state, decoded, opened, editing }: Inspected): InspectorModel['verdict'] {
  const failed = result.checks.filter(({ status }) => status === 'failed');
  const namesOf = (checks: readonly Check[]) => listText(checks.map(check => checkText(check).title));
  const names = namesOf(failed);
  const others = namesOf(failed.filter(({ id }) => id !== 'signature'));
  if (state.kind === 'broken') {
    const { header, payload } = editing?.errors ?? {};
    return {
      mood: 'failed',
      text: l10n.t('Edited, not a token'),
      detail: [
        ...(header === undefined ? [] : [l10n.t('Header: {0}', header)]),
        ...(payload === undefined ? [] : [l10n.t('Payload: {0}', payload)]),
      ].join(' '),
    };
  }
  if (state.kind === 'edited' && state.signed === 'own') {
    return {
      mood: 'warning',
      text: l10n.t('Edited, signed with your own key'),
      detail: result.verified
        ? l10n.t('A verifier that trusts this key accepts this token.')
        : l10n.t('A verifier that trusts this key would still reject it: {0}.', names),
    };
  }
  if (state.kind === 'edited' && state.signed) {
    return {
      mood: 'warning',
      text: l10n.t("Signed by the mock issuer's test key: valid for testing only"),
      detail: result.verified
        ? l10n.t('A verifier that trusts the mock issuer accepts this token.')
        : l10n.t('A verifier that trusts the mock issuer would still reject it: {0}.', names),
    };
  }
  if (state.kind === 'edited') {
    return {
      mood: 'warning',
      text: l10n.t('Edited, not signed'),
      detail: others
        ? l10n.t('No verifier accepts a token without a signature. These checks would fail as well: {0}.', others)
        : l10n.t('No verifier accepts a token without a signature.'),
    };
  }
  if (decoded.kind === 'jwe' && opened && opened.decrypted.content.kind !== 'token') return openedVerdict(opened);
  const known = state.kind === 'verified' ? tokenStateOf(result) : stateWithoutKey(result);
  const isUnsure = known.kind === 'not_checked' && failed.length > 0;
  return {
    mood: isUnsure ? 'failed' : moods[known.kind],
    text: tokenStateTitle(known),
    detail: isUnsure
      ? l10n.t('The signature was not checked, and these checks fail without it: {0}.', names)
      : verdictDetail(known),
  };
}

const moods = {
  not_checked: 'warning',
  verified: 'passed',
  expired_valid_signature: 'warning',
  failed: 'failed',
  unverifiable: 'skipped',
} as const satisfies Record<TokenState['kind'], Mood>;

function verdictDetail(known: TokenState): string {
  switch (known.kind) {
    case 'not_checked':
      return l10n.t('The signature was not checked: anyone could have written this token.');
    case 'verified':
      return l10n.t('The signature is valid and all checks passed.');
    case 'expired_valid_signature':
      return l10n.t('The issuer signed this token. It has expired, and all other checks passed.');
    case 'failed':
      return l10n.t('Failed: {0}.', listText(known.failed.map(check => checkText(check).title)));
    case 'unverifiable':
      return checkText(known.reason).detail;
  }
}

function encodedNote(state: InspectedState): string {
  if (state.kind === 'broken') return l10n.t('Not shown while the edited text is not a token.');
  if (state.kind !== 'edited') return l10n.t('The token as it is sent');
  if (state.signed === 'own') return l10n.t('The edited token, signed with your own key');
  return state.signed
    ? l10n.t("Signed by the mock issuer's test key: valid for testing only")
    : l10n.t('Not shown: this token was edited here and is not signed.');
}

function checkLine(check: Check): CheckLine {
  const { title, detail, advice = '' } = checkText(check);
  const { status: mood, expected = '', found = '' } = check;
  return {
    mood,
    title,
    detail,
    advice,
    status: statusText(mood),
    expected: printable(expected, 300),
    found: printable(found, 300),
  };
}

function reviewLine(finding: ReviewFinding): ReviewLine {
  const { severity, section } = finding;
  const severities = { error: 'failed', warning: 'warning', info: 'info' } as const;
  return { mood: severities[severity], status: severityText(severity), section, ...reviewText(finding) };
}

function keyFacts(key: KeyInfo | undefined, from: string | undefined): Fact[] {
  if (!key) return [];
  const sources = {
    jwks_uri: l10n.t('the key set of the issuer'),
    jwks: l10n.t('a key set you provided'),
    given: l10n.t('a key you provided'),
    header: l10n.t('the header of the token itself'),
  };
  const size = key.size === undefined ? undefined : l10n.t('{0} bits', key.size);
  return [
    [l10n.t('Kind'), [key.kty, key.crv, size].filter(Boolean).join(', ')],
    [l10n.t('Key id'), key.kid],
    [l10n.t('Algorithm'), key.alg],
    [l10n.t('Thumbprint'), key.thumbprint],
    [l10n.t('Came from'), from ?? sources[key.source]],
  ].flatMap(([name, value]) => (name && value ? [{ name, value: printable(value, 200) }] : []));
}

function keyLine(key: KeyInfo, used: KeyInfo | undefined): KeyLine {
  const { kid, kty, crv, size, alg, thumbprint } = key;
  const text = [kid, kty, crv ?? size, alg].filter(each => each !== undefined).join('  ');
  return { text: printable(text, 200), used: thumbprint !== undefined && thumbprint === used?.thumbprint };
}

function actions({ decoded, state, editing, opened, canRemember }: Inspected): Action[] {
  const action = (id: Action['id'], label: string, primary = false): Action => ({ id, label, primary });
  if (state.kind === 'edited' || state.kind === 'broken' || editing) {
    const copy = action('copyTest', l10n.t('Copy Test Token...'));
    return [
      ...(state.kind === 'edited' && state.signed ? [copy] : []),
      action('original', l10n.t('Back to the Token')),
    ];
  }
  const more = [
    ...(canRemember ? [action('rememberKey', l10n.t('Remember the Key'))] : []),
    ...(opened ? [action('encrypted', l10n.t('Back to the Encrypted Token'))] : []),
  ];
  if (decoded.kind === 'opaque') return more;
  if (decoded.kind === 'jwe') {
    const isOpen = opened && opened.decrypted.content.kind !== 'token';
    return [...(isOpen ? [] : [action('decrypt', l10n.t('Decrypt...'), true)]), ...more];
  }
  return [
    state.kind === 'verified' ? action('verify', l10n.t('Verify Again')) : action('verify', l10n.t('Verify'), true),
    action('verifyWith', l10n.t('Verify with...')),
    ...(decoded.content ? [] : [action('edit', l10n.t('Edit a Copy'))]),
    action('copyPayload', l10n.t('Copy Payload')),
    ...more,
  ];
}

/** Texts of the page that are the same for every token. */
function words(): Words {
  return {
    encoded: l10n.t('Encoded'),
    decoded: l10n.t('Decoded'),
    timeline: l10n.t('Lifetime'),
    verification: l10n.t('Verification'),
    expected: l10n.t('Expected'),
    found: l10n.t('Found'),
    advice: l10n.t('What to do'),
    key: l10n.t('Key used'),
    keys: l10n.t('Keys of the issuer'),
    used: l10n.t('used for this token'),
    notNeeded: l10n.t('Not needed for this token'),
    header: l10n.t('Header as JSON'),
    payload: l10n.t('Payload as JSON'),
    signature: l10n.t('Signature of the edited token'),
    edited: l10n.t('Edited'),
    checking: l10n.t('Checking the edited text...'),
    review: l10n.t('Review'),
    nothing: l10n.t('No problems found in how this token is made.'),
  };
}

export function timelineTexts(moments: readonly Moment[], now: number): TimelineTexts {
  return {
    title: spokenTimeline(moments, now),
    now: l10n.t('now'),
    name: id => (id === 'refresh' ? timeName({ claim: id }) : id),
    lines: at => dateText(at).split(' '),
    length: ms => durationText(ms),
  };
}

/** The timeline as a sentence, for screen readers. */
export function spokenTimeline(moments: readonly Moment[], now: number): string {
  if (moments.length === 0) return l10n.t('The token does not state its lifetime.');
  return moments.map(({ id, at }) => `${timeName({ claim: id })} ${relativeText(at, now)}.`).join(' ');
}
