import type { ErrorData } from '../errors.ts';
import { type HistoryChange, type HistoryEntry, historyLength, safeName } from './history.ts';
import type { RefreshOutcome } from './refreshResult.ts';

/** What a history is stored as. */
export function historyText(entries: readonly HistoryEntry[]): string {
  return JSON.stringify({ version: 1, entries });
}

/**
 * What a stored text says, as far as it can be understood: an entry that is damaged or from a newer version is left
 * out, and spoils no other. Never throws.
 */
export function readHistory(text: string | undefined): readonly HistoryEntry[] {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? '');
  } catch {
    return [];
  }
  const list = member(stored, 'entries');
  if (!Array.isArray(list)) return [];
  return list
    .slice(-4 * historyLength)
    .flatMap((each: unknown) => readEntry(each) ?? [])
    .sort((one, other) => one.at - other.at)
    .slice(-historyLength);
}

const outcomes: readonly RefreshOutcome[] = ['refreshed', 'adopted', 'reauthRequired', 'retryable', 'unknown'];

function readEntry(value: unknown): HistoryEntry | undefined {
  const at = number(member(value, 'at'));
  const duration = number(member(value, 'duration'));
  const generation = number(member(value, 'generation'));
  const outcome = outcomes.find(each => each === member(value, 'outcome'));
  if (at === undefined || duration === undefined || generation === undefined || outcome === undefined) return undefined;
  const status = number(member(value, 'status'));
  const error = member(value, 'error');
  const code = member(error, 'code');
  const changes = member(value, 'changes');
  return {
    at,
    duration,
    outcome,
    generation,
    adopted: member(value, 'adopted') === true,
    ...(status !== undefined && { status }),
    ...(typeof code === 'string' && {
      error: { code: safeName(code), data: readData(member(error, 'data')) },
    }),
    changes: Array.isArray(changes) ? changes.flatMap((each: unknown) => readChange(each) ?? []) : [],
  };
}

function readData(value: unknown): ErrorData {
  if (typeof value !== 'object' || value === null) return {};
  const data: Record<string, string | number | boolean> = {};
  for (const [name, item] of Object.entries(value) as [string, unknown][]) {
    if (typeof item === 'string') data[name] = safeName(item);
    else if (typeof item === 'number' || typeof item === 'boolean') data[name] = item;
  }
  return data;
}

function readChange(value: unknown): HistoryChange | undefined {
  const what = member(value, 'what');
  const token = (['access_token', 'id_token'] as const).find(each => each === member(value, 'token'));
  const [from, to] = [member(value, 'from'), member(value, 'to')];
  switch (what) {
    case 'refresh_token':
      return { what };
    case 'scope':
    case 'claims':
      return {
        what,
        ...(token && { token }),
        gained: names(member(value, 'gained')),
        lost: names(member(value, 'lost')),
      };
    case 'lifetime': {
      const [before, after] = [number(from), number(to)];
      return {
        what,
        ...(before !== undefined && { from: before }),
        ...(after !== undefined && { to: after }),
      };
    }
    case 'kid':
    case 'alg':
      if (token === undefined) return undefined;
      return {
        what,
        token,
        ...(typeof from === 'string' && { from: safeName(from) }),
        ...(typeof to === 'string' && { to: safeName(to) }),
      };
    default:
      return undefined;
  }
}

function names(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string').map(safeName) : [];
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
