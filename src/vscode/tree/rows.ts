import { l10n } from 'vscode';
import { commands, itemWords } from '../../contributions.ts';
import type { Check } from '../../core/checks/finding.ts';
import { WorkbenchError } from '../../core/errors.ts';
import type { ClockSkew } from '../../core/records/clockSkew.ts';
import type { HistoryEntry, RefreshOutcome } from '../../core/records/history.ts';
import { isRefused, isRenewable, type StoredRecord } from '../../core/records/record.ts';
import type { HandOut, Session } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import type { Plan } from '../../core/refresh/autoRefresh.ts';
import { refusal } from '../../core/refresh/refreshSteps.ts';
import { textFrom } from '../../core/tokens/json.ts';
import type { ClaimNode, FactNode, ViewNode } from '../../core/view/viewNode.ts';
import type { Row } from '../screen.ts';
import { checkText } from '../text/checks.ts';
import { claimText, headerText } from '../text/claims.ts';
import { describeError } from '../text/errors.ts';
import {
  changeText,
  handOutText,
  notableChanges,
  outcomeText,
  pastErrorText,
  planRow,
  planText,
} from '../text/history.ts';
import { checkIcons, statusText } from '../text/states.ts';
import {
  calmStep,
  clockText,
  dateText,
  lengthText,
  listText,
  momentText,
  relativeText,
  skewAdvice,
} from '../text/time.ts';

/** The next event of the connection and its time. */
export function nextItem(plan: Plan, now: number, record?: StoredRecord): Row {
  const { label, description } = planRow(plan, now, calmStep);
  // The client credentials grant has no refresh token, so the row mentions a new token request.
  const text = record && isRenewable(record) ? l10n.t('{0}, by a new token request', description) : description;
  return {
    label,
    description: text,
    icon: 'never' in plan ? 'sync-ignored' : 'sync',
    color: 'icon.foreground',
    tooltip: 'at' in plan ? l10n.t('Next refresh {0}', momentText(plan.at, now)) : planText(plan, now),
  };
}

/** Shows that the clocks of this machine and the issuer differ. */
export function clockItem({ ahead, uncertainty }: ClockSkew): Row {
  return {
    label: l10n.t('Clock'),
    description:
      ahead > 0
        ? l10n.t('{0} ahead of the issuer', lengthText(ahead))
        : l10n.t('{0} behind the issuer', lengthText(ahead)),
    icon: 'watch',
    color: 'list.warningForeground',
    tooltip: `${skewAdvice(ahead)}\n${l10n.t('Accurate to {0} s.', (uncertainty / 1000).toFixed(1))}`,
  };
}

/** A fact about a token beyond its claims. */
export function factItem({ fact, time, value }: FactNode, now: number): Row {
  const moment = time === undefined ? undefined : momentText(time, now, calmStep);
  switch (fact) {
    case 'generation':
      return {
        label: l10n.t('Generation'),
        description: textFrom(value),
        icon: 'layers',
        tooltip: l10n.t('Generation {0}: counts up with every new set of tokens.', textFrom(value)),
      };
    case 'stored':
      return { label: l10n.t('Stored'), description: moment, icon: 'save' };
    case 'last_used':
      return {
        label: l10n.t('Last used'),
        description: moment ?? l10n.t('never'),
        icon: 'history',
        ...(moment === undefined && {
          tooltip: l10n.t('This refresh token has not been sent yet.'),
        }),
      };
    case 'expires':
      return { label: l10n.t('Expires'), description: moment, icon: 'calendar' };
    case 'expiry_unknown':
      return {
        label: l10n.t('Expires'),
        description: l10n.t('unknown'),
        icon: 'calendar',
        tooltip: l10n.t('The issuer states no expiry of the refresh token.'),
      };
    case 'scope':
      return { label: l10n.t('Scope'), description: printable(textFrom(value), 200), icon: 'checklist' };
    case 'bound':
      return { label: l10n.t('Bound to a key'), description: 'DPoP', icon: 'lock' };
    case 'obtained':
      return { label: l10n.t('Received'), description: moment, icon: 'history' };
  }
}

const icons = {
  refreshed: ['pass', 'testing.iconPassed'],
  adopted: ['arrow-swap', undefined],
  reauthRequired: ['account', 'list.warningForeground'],
  retryable: ['warning', 'list.warningForeground'],
  unknown: ['question', 'list.warningForeground'],
} as const satisfies Record<RefreshOutcome, readonly [string, string | undefined]>;

/** The recent refreshes, collapsed, with the outcome of the last one. */
export function historyItem(entries: readonly HistoryEntry[], now: number, isOpen: boolean): Row {
  const last = entries.at(-1);
  const text = (spoken: boolean) => {
    if (last === undefined) return l10n.t('empty');
    const time = isOpen ? clockText(last.at, now) : relativeText(last.at, now, calmStep, spoken);
    return l10n.t('{0} ({1})', outcomeText(last), time);
  };
  return {
    label: l10n.t('History'),
    description: text(false),
    icon: 'history',
    tooltip: l10n.t('The last {0} refreshes of this connection, without any token.', entries.length),
    spoken: l10n.t('History, last refresh: {0}', text(true)),
    words: [itemWords.history],
    open: 'collapsed',
  };
}

/** One refresh: its time, its outcome, and what it changed. */
export function refreshItem(entry: HistoryEntry, now: number): Row {
  const { at, duration, generation, status, error, changes, outcome } = entry;
  const [icon, color] = icons[outcome];
  const lines = [
    l10n.t('{0}, took {1} ms', dateText(at), duration),
    outcomeText(entry),
    ...(error ? [pastErrorText(error), l10n.t('Error code: {0}', error.code)] : []),
    ...(status === undefined ? [] : [l10n.t('HTTP status: {0}', status)]),
    l10n.t('Generation: {0}', generation),
    ...changes.map(changeText),
  ];
  return {
    label: relativeText(at, now, calmStep),
    description: listText([
      outcomeText(entry),
      ...(error && status !== undefined ? [l10n.t('HTTP status {0}', status)] : []),
      ...notableChanges(changes).map(changeText),
    ]),
    icon,
    color,
    tooltip: lines.join('\n'),
  };
}

/** The programs that got a token in this window, collapsed, with the last one. */
export function handOutsItem(handOuts: readonly HandOut[], now: number, isOpen: boolean): Row {
  const [last] = handOuts;
  const time = last && (isOpen ? clockText(last.at, now) : relativeText(last.at, now, calmStep));
  return {
    label: l10n.t('Used by'),
    description: last ? l10n.t('{0} ({1})', handOutText(last), time ?? '') : l10n.t('empty'),
    icon: 'export',
    tooltip: l10n.t(
      'The last {0} programs and commands that got a token of this connection, without any token.',
      handOuts.length,
    ),
    open: 'collapsed',
  };
}

const askerIcons = {
  workspace: 'terminal',
  machine: 'vm',
  extension: 'extensions',
  user: 'account',
} as const satisfies Record<HandOut['asker']['kind'], string>;

/** One token that was given to a program: when, to which, and for what purpose. */
export function handOutItem(handOut: HandOut, now: number): Row {
  const { at, asker, generation } = handOut;
  return {
    label: relativeText(at, now, calmStep),
    description: handOutText(handOut),
    icon: askerIcons[asker.kind],
    tooltip: [dateText(at), handOutText(handOut, true), l10n.t('Generation: {0}', generation)].join('\n'),
  };
}

const colors = {
  passed: 'testing.iconPassed',
  failed: 'testing.iconFailed',
  warning: 'list.warningForeground',
  skipped: undefined,
} as const;

/** One check: its result, the expected and found values, and advice. */
export function checkItem(check: Check): Row {
  const { title, detail, advice } = checkText(check);
  const text = advice ? `${detail} ${advice}` : detail;
  return {
    label: title,
    description: `${statusText(check.status)}: ${text}`,
    icon: checkIcons[check.status],
    color: colors[check.status],
    tooltip: [title, detail, advice].filter(Boolean).join('\n'),
  };
}

/** One claim or header parameter: its value, its meaning, and times as dates. */
export function claimItem({ path, value, time, section }: ClaimNode, now: number): Row {
  const name = path.at(-1) ?? '';
  const known = path.length === 1 ? (section === 'header' ? headerText : claimText)(name) : undefined;
  const meaning = known?.meaning;
  const nested = typeof value === 'object' && value !== null;
  const text = claimValue(value);
  const shown = (spoken: boolean) => (time === undefined ? text : momentText(time, now, calmStep, spoken));
  return {
    label: printable(name, 60),
    description: meaning ? `${shown(false)}  ·  ${meaning}` : shown(false),
    icon: nested ? 'list-tree' : time === undefined ? 'symbol-field' : 'calendar',
    // Colours are reserved for states that can be wrong.
    color: 'icon.foreground',
    tooltip: [
      `${printable(name, 200)}: ${text}`,
      ...(time === undefined ? [] : [momentText(time, now)]),
      ...(known ? [`${known.meaning} (${known.source})`] : []),
    ].join('\n'),
    spoken: l10n.t('{0}: {1}. {2}', printable(name, 60), shown(true), meaning ?? ''),
    words: [itemWords.value],
    open: nested && Object.keys(value).length > 0 ? 'collapsed' : undefined,
  };
}

/** A value as one line: text as it is, anything else as JSON; cut off, with invisible characters made visible. */
function claimValue(value: unknown): string {
  return printable(textFrom(value), 300);
}

/** A line that says why there is nothing to show, or what failed last. */
export function messageItem(
  { id, message, error }: ViewNode & { kind: 'message' },
  session: Session | undefined,
  now: number,
): Row {
  const reason = error ? describeError(error) : '';
  const warning = { icon: 'warning', color: 'list.warningForeground' };
  const row = [{ kind: 'connection', id }];
  const signIn = { command: commands.signIn, title: l10n.t('Sign In'), arguments: row };
  switch (message) {
    case 'sign_in':
      return {
        label: l10n.t('Sign in'),
        description: l10n.t('no tokens yet'),
        icon: 'sign-in',
        tooltip: l10n.t('Opens the browser, where you sign in at the issuer.'),
        command: signIn,
      };
    case 'no_tokens':
      return {
        label: l10n.t('Import tokens'),
        description: l10n.t('paste existing tokens'),
        icon: 'cloud-download',
        tooltip: l10n.t('Import a token response, a refresh token or a JWT into this connection.'),
        command: { command: commands.importTokens, title: l10n.t('Import Tokens'), arguments: row },
      };
    case 'storage':
      return {
        label: l10n.t('Stored data'),
        description: reason,
        icon: 'error',
        color: 'list.errorForeground',
        ...(error?.code === 'record_unreadable' && {
          tooltip: l10n.t('{0} Select to sign out.', reason),
          command: { command: commands.signOut, title: l10n.t('Sign Out'), arguments: row },
        }),
      };
    case 'not_kept':
      return {
        label: l10n.t('Sign in again'),
        description: l10n.t('VS Code kept the tokens in memory only'),
        tooltip: reason,
        command: signIn,
        ...warning,
      };
    case 'refused': {
      const refused = session?.record?.refused;
      return {
        label: l10n.t('Sign in again'),
        // Also after a restart: the error code alone would read as if the issuer had revoked the token.
        description: refused?.answer_lost_at
          ? describeError(refusal(refused, { error: refused.error }))
          : refused
            ? l10n.t('the issuer rejected the refresh token ({0}) on {1}', refused.error, momentText(refused.at, now))
            : '',
        command: signIn,
        ...warning,
      };
    }
    case 'unanswered':
      return {
        label: l10n.t('Refresh again'),
        description: describeError(new WorkbenchError('answer_missing', { at: session?.record?.intent?.at })),
        command: { command: commands.refresh, title: l10n.t('Refresh'), arguments: row },
        ...warning,
      };
    case 'last_refresh':
      return {
        label: l10n.t('Last refresh'),
        description: reason,
        ...warning,
        ...(session?.record && isRefused(session.record) && { command: signIn }),
      };
    case 'undecodable':
      return { label: l10n.t('Cannot be decoded'), description: reason, ...warning };
    case 'opaque':
      return {
        label: l10n.t('Opaque token'),
        description: l10n.t('only its issuer can read it'),
        icon: 'info',
      };
    case 'encrypted':
      return {
        label: l10n.t('Encrypted token'),
        description: l10n.t('only its recipient can read the claims'),
        icon: 'lock',
      };
    case 'left_out':
      return {
        label: l10n.t('Not renewed'),
        description: l10n.t(
          'what the last refresh brought as an ID token is no JWT or lacks a required claim, and was left out',
        ),
        ...warning,
      };
    case 'verify_failed':
      return { label: l10n.t('Not checked'), description: reason, ...warning };
  }
}
