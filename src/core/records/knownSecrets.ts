import { isObject } from '../tokens/json.ts';
import type { StoredRecord } from './record.ts';
import type { Sessions } from './sessions.ts';

/** The tokens, secrets and keys that this window has seen, to be removed from what leaves it. */
export interface KnownSecrets {
  /**
   * A copy of plain JSON in which each known secret is replaced by `[hidden]`, in every encoding that a request uses.
   */
  mask<T>(value: T): T;
  dispose(): void;
}

const HIDDEN = '[hidden]';

/** Shorter ones are not masked: that would hide plain words. */
const shortest = 8;

/** How many superseded secrets are remembered: an issuer may repeat the refresh token that it was sent. */
const most = 300;

export function createKnownSecrets(sessions: Sessions): KnownSecrets {
  /** In lower case, because a host name made from a token is in lower case. */
  const known = new Set<string>();

  function learn(id: string): void {
    const session = sessions.get(id);
    if (session?.record === undefined) return;
    for (const secret of secretsOf(session.record, session.connection.clientId)) {
      known.delete(secret);
      known.add(secret);
    }
    for (const oldest of known) {
      if (known.size <= most + sessions.list().length * 8) break;
      known.delete(oldest);
    }
  }
  const learnAll = () => sessions.list().forEach(({ connection }) => void learn(connection.id));
  const stop = sessions.onDidChange(id => (id === undefined ? learnAll() : learn(id)));

  function maskText(text: string): string {
    let shown = text;
    let lower = text.toLowerCase();
    for (const secret of known) {
      if (secret.length > lower.length) continue;
      for (let at = lower.indexOf(secret); at >= 0; at = lower.indexOf(secret, at + HIDDEN.length)) {
        shown = shown.slice(0, at) + HIDDEN + shown.slice(at + secret.length);
        lower = lower.slice(0, at) + HIDDEN + lower.slice(at + secret.length);
      }
    }
    return shown;
  }

  function mask(value: unknown): unknown {
    if (typeof value === 'string') return maskText(value);
    if (Array.isArray(value)) return value.map(mask);
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [maskText(name), mask(each)]));
  }

  learnAll();
  return { mask: <T>(value: T) => mask(value) as T, dispose: stop };
}

/** Each secret as it is, form-encoded, and as HTTP Basic sends it, with and without the encoding of RFC 6749 §2.3.1. */
function secretsOf(record: StoredRecord, clientId: string): string[] {
  const { client_secret, private_key, replaced, owed = [] } = record;
  const held = [record, ...(replaced ? [replaced] : []), ...owed].flatMap(({ tokens, dpop_key }) => [
    ...[tokens?.access_token, tokens?.refresh_token, tokens?.id_token, dpop_key],
  ]);
  const plain = [...held, client_secret, private_key];
  const basic =
    client_secret === undefined
      ? []
      : [
          [clientId, client_secret],
          [encodeURIComponent(clientId), encodeURIComponent(client_secret)],
        ].map(pair => base64(pair.join(':')));
  return [...plain, ...basic]
    .flatMap(secret => (secret === undefined ? [] : [secret, encoded(secret)]))
    .filter(secret => secret.length >= shortest)
    .map(secret => secret.toLowerCase());
}

function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), byte => String.fromCharCode(byte)).join(''));
}

/** `encodeURIComponent` throws for a lone surrogate. */
function encoded(text: string): string {
  return /\p{Cs}/u.test(text) ? '' : encodeURIComponent(text);
}
