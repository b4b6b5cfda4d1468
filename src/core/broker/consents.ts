import { WorkbenchError } from '../errors.ts';
import type { Log, SecretVault } from '../ports.ts';
import type { Asker } from '../records/sessions.ts';
import { isObject } from '../tokens/json.ts';

/** `session`: until VS Code closes. */
export type Consent = 'session' | 'always' | 'denied';

export interface StoredConsent {
  readonly asker: Asker;
  readonly connection: string;
  readonly consent: Consent;
}

export interface Consents {
  /**
   * True where the user allows it. Asks once for each pair of asker and connection, however many ask at that moment.
   * @throws WorkbenchError `consent_denied`, `consent_unanswered`
   */
  allowed(asker: Asker, connection: string, purpose: string): Promise<void>;
  list(): Promise<readonly StoredConsent[]>;
  /** Forgets an answer: the next request asks again. */
  revoke(entry: StoredConsent): Promise<void>;
  /** All answers about a connection that is removed. */
  forget(connection: string): Promise<void>;
}

export interface ConsentParts {
  readonly secrets: SecretVault;
  readonly log: Log;
  /** Asks the user; `undefined` where nothing was chosen. */
  readonly ask: (asker: Asker, connection: string, purpose: string) => Promise<Consent | undefined>;
}

/** Answers that outlast the window are kept in SecretStorage: no workspace and no settings sync can write them there. */
const storageKey = 'jwtWorkbench.consents';
const most = 500;

export function createConsents({ secrets, log, ask }: ConsentParts): Consents {
  /** Answers for this window; `denied` as well, so that a loop in a terminal asks once. */
  const inMemory = new Map<string, StoredConsent>();
  const asking = new Map<string, Promise<Consent | undefined>>();
  let writing: Promise<unknown> = Promise.resolve();

  async function stored(): Promise<readonly StoredConsent[]> {
    const text = await secrets.get(storageKey);
    if (text === undefined) return [];
    try {
      const value: unknown = JSON.parse(text);
      return Array.isArray(value) ? value.filter(isStored).slice(-most) : [];
    } catch {
      // Unreadable answers do not count: the user is asked again.
      log('warn', 'consents unreadable');
      return [];
    }
  }

  /** One write after the other, each on what is stored then. */
  function change(changed: (list: readonly StoredConsent[]) => readonly StoredConsent[]): Promise<void> {
    const work = writing.then(async () => {
      const before = await stored();
      const after = changed(before).slice(-most);
      if (after.length === before.length && after.every((each, index) => each === before[index])) return;
      await secrets.store(storageKey, JSON.stringify(after));
    });
    writing = work.catch(error => log('warn', 'consents not stored', { error }));
    return work;
  }

  /** Allowed by other means than an answer here. */
  const isAsked = ({ kind }: Asker) => kind === 'workspace' || kind === 'machine';

  async function decide(asker: Asker, connection: string, purpose: string): Promise<Consent | undefined> {
    const consent = await ask(asker, connection, purpose);
    if (consent === undefined) return undefined;
    const entry = { asker, connection, consent };
    inMemory.set(keyOf(entry), entry);
    if (consent === 'always')
      await change(list => [...list.filter(each => keyOf(each) !== keyOf(entry)), entry]).catch(() => undefined);
    return consent;
  }

  return {
    async allowed(asker, connection, purpose) {
      if (!isAsked(asker)) return;
      const key = keyOf({ asker, connection });
      const known =
        inMemory.get(key)?.consent ?? (await stored()).find(each => keyOf(each) === key)?.consent ?? asking.get(key);
      let consent = await known;
      if (consent === undefined && known === undefined) {
        const question = asking.get(key) ?? decide(asker, connection, purpose).finally(() => asking.delete(key));
        asking.set(key, question);
        consent = await question;
      }
      if (consent === 'denied') throw new WorkbenchError('consent_denied', { connection });
      if (consent === undefined) throw new WorkbenchError('consent_unanswered', { connection });
    },
    async list() {
      const all = new Map((await stored()).map(each => [keyOf(each), each]));
      for (const [key, each] of inMemory) if (!all.has(key)) all.set(key, each);
      return [...all.values()];
    },
    async revoke(entry) {
      inMemory.delete(keyOf(entry));
      await change(list => list.filter(each => keyOf(each) !== keyOf(entry)));
    },
    async forget(connection) {
      for (const [key, each] of inMemory) if (each.connection === connection) inMemory.delete(key);
      await change(list => list.filter(each => each.connection !== connection));
    },
  };
}

function keyOf({ asker, connection }: Pick<StoredConsent, 'asker' | 'connection'>): string {
  return JSON.stringify([asker.kind, asker.kind === 'workspace' ? asker.uri : '', connection]);
}

function isStored(value: unknown): value is StoredConsent {
  if (!isObject(value) || typeof value.connection !== 'string' || value.consent !== 'always') return false;
  const { asker } = value;
  if (!isObject(asker)) return false;
  return asker.kind === 'machine' || (asker.kind === 'workspace' && typeof asker.uri === 'string');
}
