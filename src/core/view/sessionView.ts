import type { Check } from '../checks/finding.ts';
import { isRefused, unansweredRetry } from '../records/record.ts';
import {
  isRefreshable,
  isSignable,
  type Session,
  type Sessions,
  type TokenName,
  tokenOf,
} from '../records/sessions.ts';
import { isBound } from '../records/tokenSet.ts';
import { memberAsWritten, own } from '../tokens/json.ts';
import { type DecodedToken, decodeToken, membersOf, tryDecode } from '../tokens/jwt.ts';
import { isTimeClaim } from '../tokens/tokenParts.ts';
import { type ClaimNode, type FactNode, type Section, unique, type ViewNode } from './viewNode.ts';

/** Problems of the settings come first, to be seen. A group is at the place of the first of its connections. */
export function rootNodes(sessions: Sessions): ViewNode[] {
  const rows = sessions.list().map(({ connection: { id, group } }): ViewNode => {
    return group === undefined ? { kind: 'connection', id } : { kind: 'group', group };
  });
  return [...unique<ViewNode>(sessions.problems().map(problem => ({ kind: 'problem', problem }))), ...unique(rows)];
}

export function groupMembers(sessions: Sessions, group: string): ViewNode[] {
  return sessions
    .list()
    .filter(({ connection }) => connection.group === group)
    .map(({ connection: { id } }) => ({ kind: 'connection', id, group }));
}

/** The children of a node, except the checks: those need a request to the issuer and come from verifications.ts. */
export function childrenOf(node: ViewNode, session: Session | undefined): ViewNode[] {
  if (session === undefined) return [];
  switch (node.kind) {
    case 'connection':
      return connectionChildren(session);
    case 'token':
      return tokenChildren(session, node.name);
    case 'section':
      return node.section === 'verification' ? [] : sectionChildren(session, node.name, node.section);
    case 'claim':
      return nested(node);
    case 'history':
      return unique(
        (session.history ?? []).toReversed().map(entry => ({ kind: 'refresh', id: node.id, entry }) as const),
      );
    case 'handOuts':
      return (session.handOuts ?? []).map(handOut => ({ kind: 'handOut', id: node.id, handOut }));
    case 'skipped':
      return node.checks.map(check => ({ kind: 'check', id: node.id, name: node.name, check }));
    default:
      return [];
  }
}

/**
 * Failed checks first, then warnings and passed ones. A skipped signature check comes before all; other skipped checks
 * are left out.
 */
export function checksInOrder(checks: readonly Check[]): readonly Check[] {
  const unchecked = checks.filter(({ id, status }) => id === 'signature' && status === 'skipped');
  const order = ['failed', 'warning', 'passed'] as const;
  return [...unchecked, ...order.flatMap(status => checks.filter(check => check.status === status))];
}

/** The checks in order. The last row contains all checks that did not apply to this token. */
export function checkNodes(id: string, name: TokenName, checks: readonly Check[]): ViewNode[] {
  const shown = checksInOrder(checks);
  const rest = checks.filter(check => !shown.includes(check));
  return [
    ...shown.map(check => ({ kind: 'check', id, name, check }) as const),
    ...(rest.length > 0 ? [{ kind: 'skipped', id, name, checks: rest } as const] : []),
  ];
}

function connectionChildren(session: Session): ViewNode[] {
  const { id } = session.connection;
  const { problem, record, lastRefresh } = session;
  const messages: ViewNode[] = [];
  const failure = lastRefresh?.error;
  if (problem) {
    // Tokens that cannot be read now may still be known from before.
    const message = problem.code === 'secrets_not_kept' ? 'not_kept' : 'storage';
    messages.push({ kind: 'message', id, message, error: problem });
  } else if (failure && failure.code !== 'cancelled') {
    messages.push({ kind: 'message', id, message: 'last_refresh', error: failure });
  } else if (record && isRefused(record)) {
    messages.push({ kind: 'message', id, message: 'refused' });
  } else if (record && unansweredRetry(record)) {
    messages.push({ kind: 'message', id, message: 'unanswered' });
  }
  const names = (['access_token', 'id_token', 'refresh_token'] as const).filter(name => tokenOf(session, name));
  if (names.length === 0 && !problem) {
    if (isSignable(session)) messages.push({ kind: 'message', id, message: 'sign_in' });
    messages.push({ kind: 'message', id, message: 'no_tokens' });
  }
  const tokens = names.map(name => ({ kind: 'token', id, name }) as const);
  const next = isRefreshable(session) ? [{ kind: 'next', id } as const] : [];
  const history = session.history?.length ? [{ kind: 'history', id } as const] : [];
  const handOuts = session.handOuts?.length ? [{ kind: 'handOuts', id } as const] : [];
  const clock = session.clockSkew ? [{ kind: 'clock', id } as const] : [];
  return [...messages, ...clock, ...tokens, ...next, ...history, ...handOuts];
}

function tokenChildren(session: Session, name: TokenName): ViewNode[] {
  const token = tokenOf(session, name);
  const { id } = session.connection;
  if (token === undefined) return [];
  if (name === 'refresh_token') return refreshTokenFacts(session);
  const decoded = tryDecode(token);
  const facts: ViewNode[] = name === 'access_token' ? accessTokenFacts(session) : [];
  const message = { kind: 'message', id, name } as const;
  const isOlder = name === 'id_token' && session.record?.tokens?.id_token_left_out === true;
  if (isOlder) facts.push({ ...message, message: 'left_out' });
  if ('error' in decoded) return [{ ...message, message: 'undecodable', error: decoded.error }, ...facts];
  if (decoded.kind === 'opaque') return [...facts, { ...message, message: 'opaque' }];
  const warnings = unique(decoded.warnings.map(warning => ({ kind: 'warning', id, name, warning }) as const));
  const sections: readonly Section[] = decoded.kind === 'jwe' ? ['header'] : ['claims', 'header', 'verification'];
  return [
    ...sections.map(section => ({ kind: 'section', id, name, section }) as const),
    ...(decoded.kind === 'jwe' ? [{ ...message, message: 'encrypted' } as const] : []),
    ...warnings,
    ...facts,
  ];
}

function accessTokenFacts({ connection: { id }, record }: Session): FactNode[] {
  const { scope, obtained_at } = record?.tokens ?? {};
  const base = { kind: 'fact', id, name: 'access_token' } as const;
  return [
    ...(scope ? [{ ...base, fact: 'scope', value: scope } as const] : []),
    ...(record?.tokens && isBound(record.tokens) ? [{ ...base, fact: 'bound' } as const] : []),
    ...(obtained_at === undefined ? [] : [{ ...base, fact: 'obtained', time: obtained_at } as const]),
  ];
}

function refreshTokenFacts({ connection: { id }, record }: Session): FactNode[] {
  if (record?.tokens === undefined) return [];
  const { refresh_token_stored_at: stored, refresh_token_last_used_at: used, refresh_expires_at: ends } = record.tokens;
  const base = { kind: 'fact', id, name: 'refresh_token' } as const;
  return [
    { ...base, fact: 'generation', value: record.generation },
    ...(stored === undefined ? [] : [{ ...base, fact: 'stored', time: stored } as const]),
    { ...base, fact: 'last_used', ...(used !== undefined && { time: used }) },
    ends === undefined ? { ...base, fact: 'expiry_unknown' } : { ...base, fact: 'expires', time: ends },
  ];
}

function sectionChildren(session: Session, name: TokenName, section: 'header' | 'claims'): ClaimNode[] {
  const token = tokenOf(session, name);
  const decoded = token === undefined ? undefined : tryDecode(token);
  if (decoded === undefined || 'error' in decoded || decoded.kind === 'opaque') return [];
  const members = membersOf(decoded, section === 'header' ? 'header' : 'payload');
  return shown(members).map(([member, value]) => {
    const time = section === 'claims' && isTimeClaim(member) ? timeOf(own(members, member)) : undefined;
    return {
      kind: 'claim',
      id: session.connection.id,
      name,
      section,
      path: [member],
      value,
      ...(time !== undefined && { time }),
    };
  });
}

/** A NumericDate (RFC 7519 §2) in milliseconds, if a calendar can show it: years 1 to 9999. */
function timeOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > -62_135_596_800 && value < 253_402_300_800 ? value * 1000 : undefined;
}

/** The most members of one object or array that are shown: more lines would be of no use. */
const mostMembers = 200;

/** The members of an object or array. Numbers that JavaScript would round are shown as written. */
function shown(members: object): [string, unknown][] {
  const names = Object.keys(members).slice(0, mostMembers);
  return names.map(name => {
    const value: unknown = Reflect.get(members, name);
    return [name, typeof value === 'number' ? memberAsWritten(members, name) : value];
  });
}

function nested(parent: ClaimNode): ClaimNode[] {
  const { kind, id, name, section, path, value } = parent;
  if (typeof value !== 'object' || value === null) return [];
  return shown(value).map(([member, item]) => ({
    kind,
    id,
    name,
    section,
    parent,
    path: [...path, member],
    value: item,
  }));
}

/** The previous tokens, for comparing a refresh with the one before. Kept in this window's memory only. */
export interface PreviousTokens {
  /** Without its signature, so that it cannot be used as a token. */
  of(id: string, name: TokenName): DecodedToken | undefined;
  dispose(): void;
}

const names = ['access_token', 'id_token'] as const;

interface Kept {
  readonly token?: string | undefined;
  readonly before?: DecodedToken | undefined;
}

export function createPreviousTokens(sessions: Pick<Sessions, 'list' | 'get' | 'onDidChange'>): PreviousTokens {
  const kept = new Map<string, Kept>();

  function note(id: string): void {
    const session = sessions.get(id);
    for (const name of names) {
      const key = `${name} ${id}`;
      const token = session && tokenOf(session, name);
      const { token: last, before } = kept.get(key) ?? {};
      if (token === undefined) kept.delete(key);
      else if (token !== last)
        kept.set(key, { token, before: last === undefined ? undefined : (said(last) ?? before) });
    }
  }

  const stop = sessions.onDidChange(id => {
    if (id !== undefined) return note(id);
    for (const key of kept.keys()) if (!sessions.get(key.slice(key.indexOf(' ') + 1))) kept.delete(key);
    for (const { connection } of sessions.list()) note(connection.id);
  });
  return {
    of: (id, name) => kept.get(`${name} ${id}`)?.before,
    dispose() {
      stop();
      kept.clear();
    },
  };
}

function said(token: string): DecodedToken | undefined {
  try {
    const decoded = decodeToken(token);
    if (decoded.kind === 'opaque') return undefined;
    return decoded.kind === 'jws' ? { ...decoded, signature: '', compact: '' } : decoded;
  } catch {
    // A token that cannot be read cannot be compared.
    return undefined;
  }
}
