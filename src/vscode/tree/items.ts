import { l10n, type TreeItem } from 'vscode';
import { commands, itemWords } from '../../contributions.ts';
import type { Verifications } from '../../core/checks/verifications.ts';
import { likelyHttpsUrl } from '../../core/http/http.ts';
import type { Clock } from '../../core/ports.ts';
import {
  badgeOf,
  endOf,
  isConfidential,
  isRefreshable,
  isSignable,
  type Session,
  type Sessions,
} from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import type { Plan } from '../../core/refresh/autoRefresh.ts';
import type { MockNode, MockPart, MockRequest, MockView } from '../../core/view/mockView.ts';
import { groupMembers } from '../../core/view/sessionView.ts';
import { type ClaimNode, keyOf, type ViewNode } from '../../core/view/viewNode.ts';
import type { MockService } from '../mockIssuer.ts';
import { type Row, rowItem, withTooltip } from '../screen.ts';
import { stateDetails } from '../text/checks.ts';
import { answerText, limitText, mockClockText, mockStateText, mockText, senderText, struckText } from '../text/mock.ts';
import {
  badgeRowText,
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
import { calmStep, clockText, dateText, durationText, listText, momentText, relativeText } from '../text/time.ts';
import { describeTokenWarning } from '../text/warnings.ts';
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
      const meant = isIssuer ? likelyHttpsUrl(node.problem.found ?? '') : undefined;
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
    ...(record?.tokens ? [itemWords.signedIn] : badge.state === 'unavailable' ? [itemWords.unreadable] : []),
    ...(isSignable(session) ? [itemWords.signable] : []),
    ...(record?.replaced ? [itemWords.replaced] : []),
    ...(isConfidential(session) ? [itemWords.confidential] : []),
    ...(isSignable(session) && (badge.state === 'none' || badge.state === 'reauthRequired')
      ? [itemWords.signedOut]
      : []),
  ];
  const [text, spoken] = [badgeRowText(badge, now), badgeText(badge, now)];
  return {
    label: printable(connection.label, 80),
    description: memoryOnly ? l10n.t('{0}, in memory', text) : text,
    icon: stateIcons[badge.state],
    color: stateColors[badge.state],
    tooltip,
    spoken: l10n.t('Connection {0}, {1}', connection.label, spoken.startsWith(state) ? spoken : `${state}, ${spoken}`),
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
  const time = (spoken: boolean) =>
    end === undefined
      ? l10n.t('no expiry known')
      : context.isOpen(node)
        ? ended
          ? l10n.t('expired at {0}', clockText(end, now))
          : l10n.t('until {0}', clockText(end, now))
        : ended
          ? l10n.t('expired {0}', relativeText(end, now, calmStep, spoken))
          : l10n.t('{0} left', durationText(end - now, calmStep, spoken));
  const { icon, color } = tokenStateLooks[state.kind];
  const lines = [
    `${title}: ${tokenStateText(state)}`,
    ...(end === undefined ? [] : [l10n.t('Expires: {0}', momentText(end, now))]),
    ...stateDetails(state),
  ];
  return {
    label: title,
    description: tokenRowText(state, time(false)),
    spoken: `${title}, ${tokenRowText(state, time(true))}`,
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

/** A row of the mock issuer. It shows times instead of countdowns, so it is redrawn only when something happens. */
export function mockRow(node: MockNode, view: MockView, now: number): Row {
  switch (node.kind) {
    case 'mock':
      return partRow(node.part, view, now);
    case 'mockFault': {
      const { title, type, left, details } = node.fault;
      const limit = limitText(left);
      return {
        label: mockText(title),
        description: limit,
        icon: 'bug',
        color: 'list.warningForeground',
        tooltip: [mockText(title), l10n.t('Applies to: {0}', limit), `${type} ${details}`].join('\n'),
        spoken: l10n.t('Fault set: {0}, {1}', mockText(title), limit),
        words: [itemWords.mockFault],
      };
    }
    case 'mockSpent': {
      const { title, by, at } = node.spent;
      const who = senderText(by);
      const used =
        who === ''
          ? l10n.t('used up at {0}', clockText(at, now))
          : l10n.t('used up by {0} at {1}', who, clockText(at, now));
      return {
        label: mockText(title),
        description: used,
        icon: 'circle-slash',
        color: 'disabledForeground',
        spoken: l10n.t('Fault {0}, {1}', mockText(title), used),
      };
    }
    case 'mockRequest':
      return requestRow(node.request, now);
    case 'mockUser': {
      const { sub, claims, groups } = node.user;
      return {
        label: sub,
        description: groups.join(', '),
        icon: 'person',
        color: 'icon.foreground',
        tooltip: [
          sub,
          ...(groups.length > 0 ? [l10n.t('Groups: {0}', groups.join(', '))] : []),
          ...(claims.length > 0 ? [l10n.t('Claims: {0}', claims.join(', '))] : []),
        ].join('\n'),
      };
    }
  }
}

function partRow(part: MockPart, view: MockView, now: number): Row {
  const { issuer, faults, spent, requests, users, clock } = view;
  const color = 'icon.foreground';
  switch (part) {
    case 'issuer': {
      const { host, pathname } = new URL(issuer);
      const state = mockStateText(view);
      const address = pathname === '/' ? host : host + pathname;
      return {
        label: l10n.t('Mock issuer'),
        description: listText([state, address]),
        icon: 'beaker',
        color: faults.length > 0 ? 'list.warningForeground' : color,
        tooltip: [issuer, state, l10n.t('It stops when this window closes.')].join('\n'),
        spoken: l10n.t('Mock issuer at {0}, {1}', address, state),
        words: [itemWords.mock],
        open: 'collapsed',
      };
    }
    case 'faults':
      return {
        label: l10n.t('Faults'),
        description: faults.length === 0 ? l10n.t('none set') : listText(faults.map(({ title }) => mockText(title))),
        icon: 'bug',
        color: faults.length > 0 ? 'list.warningForeground' : color,
        words: [itemWords.mockFaults],
        open: faults.length + spent.length > 0 ? 'expanded' : undefined,
      };
    case 'requests': {
      const [last] = requests;
      return {
        label: l10n.t('Requests'),
        description: last ? l10n.t('last: {0}', `${last.method} ${last.path} ${answerText(last)}`) : l10n.t('none yet'),
        icon: 'list-unordered',
        color,
        tooltip: l10n.t('The last {0} requests, without any secret.', requests.length),
        open: last && 'collapsed',
      };
    }
    case 'clock':
      return {
        label: l10n.t('Clock'),
        description: mockClockText(clock, now),
        icon: 'watch',
        color: clock.frozenAt !== undefined || Math.abs(clock.ahead) >= 1000 ? 'list.warningForeground' : color,
        tooltip: l10n.t('The clock of the mock issuer. Move it to see what clients do with expired tokens.'),
        words: [itemWords.mockClock],
      };
    case 'users':
      return {
        label: l10n.t('Users'),
        description: users.length === 0 ? l10n.t('any name can sign in') : users.map(({ sub }) => sub).join(', '),
        icon: 'organization',
        color,
        open: users.length > 0 ? 'collapsed' : undefined,
      };
  }
}

function requestRow(request: MockRequest, now: number): Row {
  const { method, path, grantType, status, dropped, at, faults } = request;
  const struck = struckText(request);
  const failed = dropped || (status !== undefined && status >= 400);
  const isOdd = failed || faults.length > 0;
  return {
    label: `${method} ${path}`,
    description: listText([answerText(request), clockText(at, now), ...struck]),
    icon: failed ? 'error' : faults.length > 0 ? 'warning' : status === undefined ? 'circle-outline' : 'pass',
    color: isOdd ? 'list.warningForeground' : 'icon.foreground',
    tooltip: [
      `${method} ${path}`,
      answerText(request),
      ...(grantType === undefined ? [] : [`grant_type=${grantType}`]),
      ...struck,
      dateText(at),
    ].join('\n'),
  };
}
