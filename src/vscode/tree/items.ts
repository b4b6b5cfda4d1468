import { l10n, type TreeItem } from 'vscode';
import { commands, itemWords } from '../../contributions.ts';
import type { Verifications } from '../../core/checks/verifications.ts';
import { addressMeant } from '../../core/http/http.ts';
import type { Clock } from '../../core/ports.ts';
import { badgeOf, endOf, isConfidential, isRefreshable, isSignable } from '../../core/records/session.ts';
import type { Session, Sessions } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import type { Plan } from '../../core/refresh/autoRefresh.ts';
import { groupMembers } from '../../core/view/sessionView.ts';
import { type ClaimNode, keyOf, type ViewNode } from '../../core/view/viewNode.ts';
import type { MockService } from '../mockIssuer.ts';
import { type Row, rowItem, withTooltip } from '../screen.ts';
import { stateDetails } from '../text/checks.ts';
import {
  badgeText,
  checkIcons,
  stateColors,
  stateIcons,
  stateText,
  tokenRowText,
  tokenStateLooks,
  tokenStateText,
  tokenTitle,
} from '../text/states.ts';
import { describeProblem } from '../text/storedErrors.ts';
import { clockText, durationText, momentText, relativeText } from '../text/time.ts';
import { describeTokenWarning } from '../text/warnings.ts';
import { mockRow } from './mockRows.ts';
import {
  checkItem,
  claimItem,
  clockItem,
  factItem,
  handOutItem,
  handOutsItem,
  historyItem,
  messageItem,
  nextItem,
  refreshItem,
} from './rows.ts';

export interface ItemContext {
  readonly sessions: Sessions;
  readonly verifications: Verifications;
  readonly clock: Clock;
  readonly plan: (session: Session) => Plan;
  readonly mock: Pick<MockService, 'view'>;
  /** Expanded rows do not count down: see provider.ts. */
  readonly isOpen: (node: ViewNode) => boolean;
}

export function treeItem(node: ViewNode, context: ItemContext): TreeItem {
  return rowItem(keyOf(node), rowOf(node, context));
}

/** Adds what VS Code requests only when the pointer rests on the row. */
export function resolveItem(item: TreeItem, node: ViewNode, context: ItemContext): TreeItem {
  return withTooltip(item, rowOf(node, context));
}

function rowOf(node: ViewNode, context: ItemContext): Row {
  const now = context.clock.now();
  const session = 'id' in node ? context.sessions.get(node.id) : undefined;
  switch (node.kind) {
    case 'problem': {
      const { label, id, index, severity } = node.problem;
      const isIssuer = node.problem.field === 'issuer' && id !== undefined;
      const meant = isIssuer ? addressMeant(node.problem.found ?? '') : undefined;
      return {
        label: label ?? id ?? (index < 0 ? 'jwtWorkbench.connections' : l10n.t('Entry {0} of the setting', index + 1)),
        description: describeProblem(node.problem),
        icon: severity === 'error' ? 'error' : 'warning',
        color: severity === 'error' ? 'list.errorForeground' : 'list.warningForeground',
        tooltip: meant
          ? l10n.t('{0} Select to set it to {1}.', describeProblem(node.problem), meant)
          : l10n.t('{0} Select to open the setting.', describeProblem(node.problem)),
        words: [itemWords.problem],
        command: meant
          ? { command: commands.setIssuer, title: l10n.t('Set Issuer...'), arguments: [node] }
          : { command: commands.openSettings, title: l10n.t('Open Connection Settings'), arguments: [node] },
      };
    }
    case 'group': {
      const members = groupMembers(context.sessions, node.group).length;
      return {
        label: printable(node.group, 80),
        description: members === 1 ? l10n.t('1 connection') : l10n.t('{0} connections', members),
        icon: 'folder',
        color: 'icon.foreground',
        open: 'expanded',
      };
    }
    case 'connection':
      return session ? connectionRow(session, now) : { label: node.id };
    case 'next':
      return session ? nextItem(context.plan(session), now, session.record) : { label: node.id };
    case 'clock':
      return session?.clockSkew ? clockItem(session.clockSkew) : { label: l10n.t('Clock') };
    case 'history':
      return historyItem(session?.history ?? [], now, context.isOpen(node));
    case 'refresh':
      return refreshItem(node.entry, now);
    case 'handOuts':
      return handOutsItem(session?.handOuts ?? [], now, context.isOpen(node));
    case 'handOut':
      return handOutItem(node.handOut, now);
    case 'token':
      return session ? tokenRow(node, session, context, now) : { label: node.name };
    case 'section':
      return sectionRow(node, context);
    case 'message':
      return messageItem(node, session, now);
    case 'warning':
      return {
        label: l10n.t('Note'),
        description: describeTokenWarning(node.warning),
        icon: 'warning',
        color: 'list.warningForeground',
      };
    case 'claim':
      return claimItem(node as ClaimNode, now);
    case 'check':
      return checkItem(node.check);
    case 'skipped':
      return {
        label: l10n.t('{0} more checks', node.checks.length),
        description: l10n.t('not needed for this token: {0}', node.checks.map(({ id }) => id).join(', ')),
        icon: checkIcons.skipped,
        open: 'collapsed',
      };
    case 'fact':
      return factItem(node, now);
    default: {
      const view = context.mock.view();
      return view ? mockRow(node, view, now) : { label: l10n.t('Mock issuer') };
    }
  }
}

function connectionRow(session: Session, now: number): Row {
  const { connection, memoryOnly, record, lastRefresh } = session;
  const badge = badgeOf(session, now);
  const state = stateText(badge.state);
  const ends = record?.tokens?.expires_at;
  const tooltip = () =>
    [
      connection.label,
      l10n.t('State: {0}', state),
      ...(ends === undefined ? [] : [l10n.t('Access token expires: {0}', momentText(ends, now))]),
      ...(lastRefresh ? [l10n.t('Last refresh: {0}', relativeText(lastRefresh.at, now))] : []),
      l10n.t('Issuer: {0}', printable(connection.issuer ?? connection.tokenEndpoint ?? l10n.t('none'), 200)),
      l10n.t('Client: {0}', printable(connection.clientId, 100)),
      ...(memoryOnly ? [l10n.t('Kept in memory only: removed when this window closes.')] : []),
    ].join('\n');
  const words = [
    itemWords.connection,
    memoryOnly ? itemWords.memoryOnly : itemWords.configured,
    ...(isRefreshable(session) ? [itemWords.refreshable] : []),
    ...(record?.tokens || (session.problem && badge.state === 'unavailable') ? [itemWords.signedIn] : []),
    ...(isSignable(session) ? [itemWords.signable] : []),
    ...(isConfidential(session) ? [itemWords.confidential] : []),
    ...(isSignable(session) && (badge.state === 'none' || badge.state === 'reauthRequired')
      ? [itemWords.signedOut]
      : []),
  ];
  const text = badgeText(badge, now);
  return {
    label: printable(connection.label, 80),
    description: memoryOnly ? l10n.t('{0}, in memory', text) : text,
    icon: stateIcons[badge.state],
    color: stateColors[badge.state],
    tooltip,
    spoken: l10n.t('Connection {0}, {1}', connection.label, text.startsWith(state) ? text : `${state}, ${text}`),
    words,
    open: 'collapsed',
  };
}

function tokenRow(node: ViewNode & { kind: 'token' }, session: Session, context: ItemContext, now: number): Row {
  const { name } = node;
  const title = tokenTitle(name);
  const signable = isSignable(session) ? [itemWords.signable] : [];
  if (name === 'refresh_token') {
    const { generation = 0 } = session.record ?? {};
    return {
      label: title,
      description: l10n.t('hidden, generation {0}', generation),
      icon: 'key',
      tooltip: l10n.t(
        'The refresh token is kept in VS Code SecretStorage and never shown. It is as valuable as a password.',
      ),
      words: [itemWords.refresh_token, ...signable],
      open: 'collapsed',
    };
  }
  const end = endOf(session, name);
  const ended = end !== undefined && end <= now;
  const state = context.verifications.stateOf(session.connection.id, name);
  const time =
    end === undefined
      ? l10n.t('no expiry known')
      : context.isOpen(node)
        ? ended
          ? l10n.t('expired at {0}', clockText(end, now))
          : l10n.t('until {0}', clockText(end, now))
        : ended
          ? l10n.t('expired {0}', relativeText(end, now))
          : l10n.t('{0} left', durationText(end - now));
  const { icon, color } = tokenStateLooks[state.kind];
  const lines = [
    `${title}: ${tokenStateText(state)}`,
    ...(end === undefined ? [] : [l10n.t('Expires: {0}', momentText(end, now))]),
    ...stateDetails(state),
  ];
  return {
    label: title,
    description: tokenRowText(state, ended, time),
    icon,
    color: color ?? (ended ? 'list.warningForeground' : undefined),
    words: [itemWords[name], ...signable],
    open: 'collapsed',
    tooltip: lines.join('\n'),
  };
}

function sectionRow(node: ViewNode & { kind: 'section' }, { verifications }: ItemContext): Row {
  if (node.section === 'claims') {
    return {
      label: l10n.t('Claims'),
      description: l10n.t('decoded'),
      icon: 'symbol-object',
      open: 'collapsed',
    };
  }
  if (node.section === 'header') {
    return {
      label: l10n.t('Header'),
      description: l10n.t('decoded'),
      icon: 'tag',
      open: 'collapsed',
    };
  }
  const state = verifications.stateOf(node.id, node.name);
  return {
    label: l10n.t('Verification'),
    description:
      state.kind === 'verified'
        ? l10n.t('all checks passed')
        : state.kind === 'failed'
          ? l10n.t('failed: {0}', state.failed.map(({ id }) => id).join(', '))
          : state.kind === 'not_checked'
            ? l10n.t('not checked, open to check')
            : tokenStateText(state),
    ...tokenStateLooks[state.kind],
    words: [itemWords.verification],
    open: 'collapsed',
  };
}
