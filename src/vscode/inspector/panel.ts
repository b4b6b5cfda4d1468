import { l10n, commands as registry, type Uri } from 'vscode';
import { commands } from '../../contributions.ts';
import { classify } from '../../core/errors.ts';
import type { JsonObject } from '../../core/tokens/json.ts';
import { textFrom } from '../../core/tokens/json.ts';
import { layoutTimeline, timelineSvg } from '../../core/view/timeline.ts';
import type { FromPage, ToPage } from '../../webview/protocol.ts';
import { confirm, flash, nameTab, notify, openPage, toClipboard } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { nextChange } from '../text/time.ts';
import { createInspection, type InspectionParts, type Subject } from './inspection.ts';
import { type Inspected, inspectorModel, spokenTimeline, tabTitle, timelineTexts } from './model.ts';
import { openWithKey } from './opened.ts';

export interface PanelParts extends InspectionParts {
  readonly extensionUri: Uri;
}

export interface InspectOptions {
  /** Verify with keys at once. */
  readonly verify: boolean;
  /** The user can be asked. */
  readonly ask: boolean;
  /** Ask for the key of an encrypted token at once. */
  readonly decrypt?: boolean;
  /** Start with an edited copy that has these members. */
  readonly edit?: { readonly header?: JsonObject; readonly payload?: JsonObject; readonly sign: boolean };
}

/**
 * Opens a token in the editor area. The page stores nothing: it receives everything when it is shown, and forgets it
 * when it is hidden.
 */
export async function openInspector(
  subject: Subject,
  { verify, ask, edit, decrypt }: InspectOptions,
  parts: PanelParts,
): Promise<{ readonly verified: boolean; readonly edited: false | 'unsigned' | 'signed' }> {
  const { clock, extensionUri } = parts;
  let inspection = createInspection(subject, parts);
  // A page that has loaded takes the focus, and VS Code then closes the list of keys.
  const asks = ask && (decrypt === true || (verify && !inspection.connection));
  const panel = openPage('inspector', tabTitle(inspection.state()), extensionUri, asks);
  let stop: (() => void) | undefined;
  let closed = false;
  /** Time of the checks that are shown. */
  let checkedAt = clock.now();
  // VS Code closes the panel when the extension ends; nothing may keep the token longer.
  panel.onDidDispose(() => {
    closed = true;
    stop?.();
    unfollow();
  });
  let hadNewer = false;
  const unfollow = parts.sessions.onDidChange(() => {
    const hasNewer = inspection.newer() !== undefined;
    if (hasNewer !== hadNewer) show();
    hadNewer = hasNewer;
  });
  panel.webview.onDidReceiveMessage((message: FromPage) => void receive(message));
  panel.onDidChangeViewState(() => tick());
  // Sent without waiting for a request, so that the page has it when it has loaded. The results with keys follow.
  show();
  if (verify || inspection.connection) await inspection.verify(ask);
  if (edit) await inspection.editMembers(edit);
  if (ask && decrypt) await showingErrors(open);
  if (asks && !closed) panel.reveal();
  show();
  const { result, state } = inspection.state();
  const edited = state.kind === 'edited' && (state.signed ? 'signed' : 'unsigned');
  return { verified: result.verified, edited };

  async function receive(message: FromPage): Promise<void> {
    switch (message.type) {
      case 'ready':
        break;
      case 'edited':
        await inspection.edit(textFrom(message.header), textFrom(message.payload), Number(message.revision), show);
        break;
      case 'action':
        await showingErrors(() => act(message.id));
    }
    show();
  }

  /** Buttons have no caller that could handle errors, so errors are shown here. */
  async function showingErrors(work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      void notify('error', describeError(classify(error)));
    }
  }

  async function open(): Promise<void> {
    const { token, decoded } = inspection.state();
    const opened = await openWithKey(token, decoded, parts);
    if (!opened) return;
    inspection = createInspection({ ...subject, token, opened }, parts);
    if (inspection.connection) await inspection.verify(false);
  }

  async function act(id: Extract<FromPage, { type: 'action' }>['id']): Promise<void> {
    switch (id) {
      case 'verify':
        return inspection.verify(true);
      case 'verifyWith':
        return inspection.verify(true, true);
      case 'rememberKey':
        return inspection.remember();
      case 'decrypt':
        return open();
      case 'encrypted': {
        const { opened: _, ...closed } = subject;
        inspection = createInspection(closed, parts);
        return;
      }
      case 'edit':
        return inspection.beginEdit();
      case 'signNone':
        return inspection.signWith('none', show);
      case 'signMock':
        return inspection.signWith('mock', show);
      case 'signOwn':
        return inspection.signWith('own', show);
      case 'newer': {
        const newer = inspection.newer();
        if (newer === undefined) return;
        inspection = createInspection(newer, parts);
        return inspection.verify(false);
      }
      case 'original':
        inspection.original();
        return inspection.connection ? inspection.verify(false) : undefined;
      case 'copyPayload':
        await registry.executeCommand(commands.copyPayload, { token: inspection.state().token });
        return;
      case 'copyTest':
        return copyTestToken(inspection.state());
    }
  }

  function post(message: ToPage): void {
    void panel.webview.postMessage(message);
  }

  function show(): void {
    if (closed) return;
    checkedAt = clock.now();
    nameTab(panel, tabTitle(inspection.state()));
    post({ type: 'model', model: inspectorModel(inspection.state(), clock.now()) });
    tick();
  }

  /** Redraws the times: every second if something happens within the hour, and never while the panel is hidden. */
  function tick(): void {
    stop?.();
    if (!panel.visible) return;
    const now = clock.now();
    const moments = inspection.moments();
    // The token became valid or expired while it was shown, so the checks are repeated.
    if (moments.some(({ at }) => checkedAt < at && at <= now)) {
      checkedAt = now;
      void showingErrors(() => inspection.again()).then(show);
    }
    const timeline = layoutTimeline(moments, now);
    const svg = timeline ? timelineSvg(timeline, timelineTexts(moments, now)) : '';
    post({ type: 'time', svg, spoken: spokenTimeline(moments, now) });
    const next = Math.min(...moments.map(({ at }) => nextChange(at, now)), 3600_000);
    if (moments.length > 0) stop = clock.schedule(tick, Math.max(next, 1000));
  }
}

/** Asks before copying, because the copy can be mistaken for a real token. */
async function copyTestToken({ token, state }: Inspected): Promise<void> {
  if (state.kind !== 'edited' || !state.signed) return;
  const copy = l10n.t('Copy');
  const answer = await confirm(
    l10n.t('Copy this test token?'),
    state.signed === 'own'
      ? l10n.t('It was edited here and signed with your own key. Every verifier that trusts this key accepts it.')
      : l10n.t(
          "It was edited here and signed by the mock issuer's test key, so it is valid for testing only. Verifying it requires the mock issuer's keys, which exist while it runs.",
        ),
    copy,
  );
  if (answer !== copy) return;
  await toClipboard(token);
  flash(l10n.t('Test token copied'), 3000);
}
