import { l10n } from 'vscode';
import { commands } from '../contributions.ts';
import type { Verifications } from '../core/checks/verifications.ts';
import type { Clock } from '../core/ports.ts';
import { isRefused } from '../core/records/record.ts';
import { badgeOf, isRefreshable, isSignable, type Session, type Sessions } from '../core/records/sessions.ts';
import type { Plan } from '../core/refresh/autoRefresh.ts';
import { statusItem } from './screen.ts';
import { planText } from './text/history.ts';
import { badgeText, stateIcons, tokenStateLooks, tokenStateText } from './text/states.ts';
import { durationText, listText, nextChange } from './text/time.ts';

export interface StatusBar {
  /** Shows this connection from now on. */
  setActive(id: string): void;
  active(): Session | undefined;
  /** Redraws if the text has changed by now. */
  tick(): void;
  dispose(): void;
}

/** The status bar item: the active connection and the time left of its access token. A click refreshes it. */
export function createStatusBar(
  sessions: Sessions,
  clock: Clock,
  plan: (session: Session) => Plan,
  due: (at: number) => void,
  verifications: Pick<Verifications, 'stateOf' | 'onDidChange'>,
): StatusBar {
  const item = statusItem('jwtWorkbench.active', 'JWT Workbench');
  let chosen: string | undefined;
  let shown: string | undefined;

  /**
   * The chosen connection, otherwise the first one with tokens and an issuer, because connections without an issuer are
   * only viewed.
   */
  function active(): Session | undefined {
    return (
      (chosen === undefined ? undefined : sessions.get(chosen)) ??
      sessions.list().find(session => session.record?.tokens && isSignable(session))
    );
  }

  function tick(): void {
    const session = active();
    if (session === undefined) {
      item.hide();
      shown = undefined;
      return;
    }
    const badge = badgeOf(session, clock.now());
    const { label, id } = session.connection;
    const next = plan(session);
    const retry = badge.state === 'expired' && 'at' in next && next.because !== 'ending' ? next : undefined;
    const counted = retry ? retry.at : session.record?.tokens?.expires_at;
    if (counted !== undefined) due(clock.now() + nextChange(counted, clock.now()));
    const token = verifications.stateOf(id, 'access_token');
    const isActive = badge.state === 'active';
    const isForged = isActive && token.kind === 'failed';
    const left = retry
      ? planText(retry, clock.now())
      : isForged
        ? tokenStateText(token)
        : isActive && badge.remaining !== undefined
          ? durationText(badge.remaining)
          : badgeText(badge);
    const icon = isActive ? tokenStateLooks[token.kind].icon : stateIcons[badge.state];
    const text = `${label}: ${left}`;
    if (`${icon} ${text}` === shown) return;
    shown = `${icon} ${text}`;
    const refreshable = isRefreshable(session);
    // A token that the issuer rejected is never sent again.
    const signIn = session.record !== undefined && isRefused(session.record) && isSignable(session);
    const action = signIn
      ? l10n.t('Select to sign in.')
      : refreshable
        ? l10n.t('Select to refresh.')
        : l10n.t('Select to show it in the sidebar.');
    const verified = isActive ? [tokenStateText(token)] : [];
    const what = listText([badgeText(badge), ...verified, planText(next, clock.now())]);
    const row = [{ kind: 'connection', id }];
    const command = signIn
      ? { command: commands.signIn, title: l10n.t('Sign In'), arguments: row }
      : refreshable
        ? { command: commands.refresh, title: l10n.t('Refresh'), arguments: row }
        : { command: commands.status, title: l10n.t('Show Connection Status') };
    const warn =
      isForged || badge.state === 'expired' || badge.state === 'reauthRequired' || badge.state === 'unavailable';
    const told = l10n.t('{0}: {1}. {2}', label, what, action);
    item.show({ icon, text, tooltip: told, spoken: told, command, isWarning: warn });
  }

  const stops = [sessions.onDidChange(tick), verifications.onDidChange(tick)];
  return {
    setActive(id) {
      chosen = id;
      tick();
    },
    active,
    tick,
    dispose() {
      for (const stop of stops) stop();
      item.dispose();
    },
  };
}

export interface Ticker {
  /** Announces that a text on screen changes at this moment (milliseconds since the epoch). */
  due(at: number): void;
  /** `redraw` runs when anything is due. It updates what changed, and calls `due` again for what continues to count. */
  onTick(redraw: () => void): void;
  dispose(): void;
}

/** Longest timeout in milliseconds, because setTimeout cannot wait for weeks. After it the texts are checked again. */
const longestTimeout = 24 * 3600_000;

/** The only timer of all countdowns. It sleeps until the next text changes, and stops if nothing counts down. */
export function createTicker(clock: Clock): Ticker {
  const redraws: (() => void)[] = [];
  let next = Number.POSITIVE_INFINITY;
  let cancel: (() => void) | undefined;

  function run(): void {
    next = Number.POSITIVE_INFINITY;
    for (const redraw of redraws) redraw();
  }

  return {
    due(at) {
      if (at >= next) return;
      next = at;
      cancel?.();
      cancel = clock.schedule(run, Math.min(Math.max(0, at - clock.now()), longestTimeout));
    },
    onTick: redraw => void redraws.push(redraw),
    dispose: () => cancel?.(),
  };
}
