import { l10n } from 'vscode';
import { itemWords } from '../../contributions.ts';
import type { MockNode, MockPart, MockRequest, MockView } from '../../core/view/mockView.ts';
import type { Row } from '../screen.ts';
import { answerText, limitText, mockClockText, mockStateText, mockText, senderText, struckText } from '../text/mock.ts';
import { clockText, dateText } from '../text/time.ts';

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
        description: `${state}, ${address}`,
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
        description: faults.length === 0 ? l10n.t('none set') : faults.map(({ title }) => mockText(title)).join(', '),
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
    description: [answerText(request), clockText(at, now), ...struck].join(', '),
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
