import { l10n } from 'vscode';
import type { Moment, TimelineTexts } from '../../core/tokens/timeline.ts';
import type { Words } from '../../webview/protocol.ts';
import { timeName } from '../text/summary.ts';
import { dateText, durationText, relativeText } from '../text/time.ts';

/** The words of the page that are the same for every token. */
export function words(): Words {
  return {
    encoded: l10n.t('Encoded'),
    decoded: l10n.t('Decoded'),
    timeline: l10n.t('Lifetime'),
    verification: l10n.t('Verification'),
    expected: l10n.t('Expected'),
    found: l10n.t('Found'),
    advice: l10n.t('What to do'),
    key: l10n.t('Key that was used'),
    keys: l10n.t('Keys of the issuer'),
    used: l10n.t('used for this token'),
    notNeeded: l10n.t('Not needed for this token'),
    header: l10n.t('Header as JSON'),
    payload: l10n.t('Payload as JSON'),
    check: l10n.t('See What a Verifier Would Say'),
    sign: l10n.t("Sign with the Mock Issuer's Test Key"),
    review: l10n.t('Review'),
    nothing: l10n.t('Nothing to say against how this token is made.'),
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

/** The picture in a sentence, for those who cannot see it. */
export function spokenTimeline(moments: readonly Moment[], now: number): string {
  if (moments.length === 0) return l10n.t('The token says nothing about its lifetime.');
  return moments.map(({ id, at }) => `${timeName({ claim: id })} ${relativeText(at, now)}.`).join(' ');
}
