import { sanitized } from '../http/foreignText.ts';
import { own } from '../tokens/json.ts';
import { type DecodedJws, decodeToken } from '../tokens/jwt.ts';
import type { Difference, HistoryChange, HistoryToken } from './history.ts';
import type { TokenSet } from './tokenSet.ts';

/** Names of each kind that one entry keeps. */
const mostNames = 20;

/** Seconds by which a lifetime may differ without being another one: an `exp` is counted from another moment. */
const sameLifetime = 2;

/** What a refresh changed beside the tokens' text. Names only: a claim's value can be a person's name. */
export function tokenChanges(before: TokenSet, after: TokenSet): HistoryChange[] {
  const changes: HistoryChange[] = [];
  if (before.refresh_token !== undefined && before.refresh_token !== after.refresh_token)
    changes.push({ what: 'refresh_token' });
  const scope = difference(words(before.scope), words(after.scope));
  if (scope) changes.push({ what: 'scope', ...scope });
  for (const token of ['access_token', 'id_token'] as const)
    changes.push(...changesOf(token, before[token], after[token]));
  const [from, to] = [lifetimeOf(before), lifetimeOf(after)];
  const isSame = from === undefined || to === undefined ? from === to : Math.abs(from - to) <= sameLifetime;
  // Without new tokens a lifetime that is gone is no news.
  if (!isSame && before.access_token !== after.access_token)
    changes.push({ what: 'lifetime', ...(from !== undefined && { from }), ...(to !== undefined && { to }) });
  return changes;
}

/** A name that an issuer chose, as it may be kept and shown. */
export function safeName(value: unknown): string {
  return sanitized(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''), 80);
}

function changesOf(token: HistoryToken, before: string | undefined, after: string | undefined) {
  if (before === undefined || after === undefined || before === after) return [];
  const [old, fresh] = [decoded(before), decoded(after)];
  if (old === undefined || fresh === undefined) return [];
  const changes: HistoryChange[] = [];
  const claims = difference(Object.keys(old.payload), Object.keys(fresh.payload));
  if (claims) changes.push({ what: 'claims', token, ...claims });
  for (const what of ['alg', 'kid'] as const) {
    const [from, to] = [own(old.header, what), own(fresh.header, what)];
    if (from === to) continue;
    changes.push({
      what,
      token,
      ...(from !== undefined && { from: safeName(from) }),
      ...(to !== undefined && { to: safeName(to) }),
    });
  }
  return changes;
}

function difference(before: readonly string[], after: readonly string[]): Difference | undefined {
  const [old, fresh] = [new Set(before), new Set(after)];
  const names = (list: Iterable<string>, without: ReadonlySet<string>) =>
    [...list]
      .filter(name => !without.has(name))
      .slice(0, mostNames)
      .map(safeName);
  const found = { gained: names(fresh, old), lost: names(old, fresh) };
  return found.gained.length + found.lost.length > 0 ? found : undefined;
}

function words(scope: string | undefined): string[] {
  return scope?.split(' ').filter(Boolean) ?? [];
}

function lifetimeOf({ expires_at, obtained_at }: TokenSet): number | undefined {
  return expires_at === undefined ? undefined : Math.round((expires_at - obtained_at) / 1000);
}

function decoded(token: string): DecodedJws | undefined {
  try {
    const read = decodeToken(token);
    return read.kind === 'jws' ? read : undefined;
  } catch {
    // An access token may be any text (RFC 6749 section 1.4).
    return undefined;
  }
}
