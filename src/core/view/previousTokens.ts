import { type TokenName, tokenOf } from '../records/session.ts';
import type { Sessions } from '../records/sessions.ts';
import { type DecodedToken, decodeToken } from '../tokens/jwt.ts';

/** What the tokens before the present ones said, to compare a refresh with the last. In this window's memory alone. */
export interface PreviousTokens {
  /** Without a signature: what is kept is no token. */
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
    // What cannot be read says nothing that could be compared.
    return undefined;
  }
}
