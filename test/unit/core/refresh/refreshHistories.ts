import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import type { Discovery } from '../../../../src/core/issuer/discovery.ts';
import { createTokenClient } from '../../../../src/core/issuer/tokenEndpoint.ts';
import type { Fetch, HandedOver, Lease, LedgerEntry, SharedLock } from '../../../../src/core/ports.ts';
import { createLoading } from '../../../../src/core/records/changeRecord.ts';
import type { Connection } from '../../../../src/core/records/connection.ts';
import type { Handover } from '../../../../src/core/records/journalKeys.ts';
import { isRefused, type StoredRecord, unansweredRetry } from '../../../../src/core/records/record.ts';
import { createSessions, stateOf } from '../../../../src/core/records/sessions.ts';
import { storeTokens } from '../../../../src/core/records/storeTokens.ts';
import { createVault } from '../../../../src/core/records/vault.ts';
import { createRefresher } from '../../../../src/core/refresh/refresher.ts';
import type { AskedBy } from '../../../../src/core/refresh/refreshSteps.ts';
import { signOut } from '../../../../src/core/signIn/signOut.ts';
import type { Rotation } from '../../../../src/mock/families.ts';
import type { Fault } from '../../../../src/mock/faults.ts';
import { createMockIssuer } from '../../../../src/mock/issuer.ts';
import { describeKey, type MockCrypto } from '../../../../src/mock/keys.ts';
import { id, key, printOf, type TestStore, testStore, worldClock } from './refreshWorld.ts';

/*
 * Random histories of two windows, their issuer, and everything that can go wrong between them. The refresher, the
 * vault, loading, the token client and the mock issuer are real. Modelled are: the store and how late a window sees it,
 * the lock and who takes it over, the journal, the clock, and the moment at which a window dies or hangs.
 */

type By = 0 | 1;

/**
 * After how many calls of a port the window dies (`crash`) or hangs: so long that its lock is taken over (`stall`), or
 * so briefly that it notices nothing (`doze`) until it asks, or until its next heartbeat.
 */
export interface Cut {
  readonly by: By;
  readonly after: number;
  readonly how: 'crash' | 'stall' | 'doze';
  /** For a doze: how many calls come before the next heartbeat. */
  readonly wakes: number;
  /** Values that the store had accepted but not yet written to disk are lost. */
  readonly loses: boolean;
}

/** What fails in the folder that windows share: `write` is what follows a response, `all` includes the lock. */
export type FolderFault = 'read' | 'damaged' | 'mark' | 'write' | 'all';

export type Step =
  | { readonly do: 'folderFails'; readonly what: FolderFault; readonly times: number }
  | { readonly do: 'refresh'; readonly by: By; readonly askedBy: AskedBy }
  | { readonly do: 'import' | 'importAccessToken' | 'signOut' | 'cancelled' | 'restart'; readonly by: By }
  | { readonly do: 'together'; readonly cut?: Cut | undefined; readonly signsOut: boolean }
  | { readonly do: 'blind' | 'sync' }
  | { readonly do: 'jump'; readonly ms: number }
  | { readonly do: 'fault'; readonly fault: Fault; readonly times: number }
  | { readonly do: 'storeFails'; readonly after: number; readonly times: number }
  | { readonly do: 'journalFails'; readonly times: number };

const by = fc.constantFrom<By>(0, 1);
const just = <T extends string>(...names: T[]) => fc.constantFrom(...names);

const faults: Fault[] = [
  { type: 'dropAfterCommit' },
  { type: 'dropBeforeCommit' },
  { type: 'truncate' },
  { type: 'serverError', status: 500, commit: true },
  { type: 'serverError', status: 503 },
  { type: 'tooManyRequests', retryAfter: 2 },
  { type: 'invalidJson', commit: true },
  { type: 'htmlOk' },
  { type: 'wrongIss', token: 'id_token' },
  { type: 'refreshTokenMissing' },
  { type: 'idTokenMissing' },
  { type: 'expiresIn', literal: '0' },
  { type: 'oauthError', error: 'invalid_client', status: 401 },
  { type: 'oauthError', error: 'invalid_grant' },
  { type: 'redirect', location: 'https://elsewhere.example/token' },
];

const cut: fc.Arbitrary<Cut> = fc.record({
  by,
  after: fc.integer({ min: 1, max: 14 }),
  how: just('crash', 'crash', 'stall', 'doze'),
  wakes: fc.integer({ min: 1, max: 5 }),
  loses: fc.boolean(),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: just('refresh'),
      by,
      askedBy: just<AskedBy>('timer', 'timer', 'timer', 'user'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: just('together'),
      cut: fc.option(cut, { nil: undefined, freq: 3 }),
      signsOut: fc.nat({ max: 19 }).map(one => one === 0),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: just('import', 'import', 'importAccessToken', 'cancelled', 'restart', 'restart', 'signOut'),
      by,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: just('blind', 'sync') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: just('jump'),
      ms: fc.constantFrom(3000, 65_000, 9 * 3600_000, -1000, -3600_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: just('fault'),
      fault: fc.constantFrom(...faults),
      times: fc.constantFrom(1, 1, 2, 3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: just('storeFails'),
      after: fc.integer({ min: 0, max: 2 }),
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: just('journalFails'), times: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: just('folderFails'),
      what: just<FolderFault>('read', 'damaged', 'mark', 'write', 'all'),
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
);

export const histories = fc.array(step, { minLength: 1, maxLength: 12 });

/** How often each outcome, cut and state occurred. What never occurs was not tested. */
export type Seen = Record<string, number>;

let publicKey: ReturnType<typeof describeKey> | undefined;

/** A refresh does not check signatures, so none are made (OpenID Connect Core §3.1.3.7: the response came over TLS). */
const unsigned: MockCrypto = {
  async generateKey(alg) {
    publicKey ??= describeKey({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }, alg);
    return { alg, publicJwk: await publicKey, sign: () => 'AA' };
  },
  encode: text => Buffer.from(text).toString('base64url'),
  atHash: accessToken => createHash('sha256').update(accessToken).digest().toString('base64url', 0, 16),
};

const none: Discovery = {
  metadata: () => Promise.reject(new Error('not asked for')),
} as unknown as Discovery;
const never = new AbortController().signal;
const stuck = () => new Promise<never>(() => {});

/** @throws Error with every rule that was broken */
export async function runHistory(
  rotation: Rotation,
  steps: readonly Step[],
  scheduler: fc.Scheduler,
  seen: Seen,
): Promise<void> {
  const mock = await createMockIssuer({ alg: 'ES256', rotation, graceSeconds: 36_000 }, unsigned);
  const start = Date.now();
  mock.clock.freeze(start);
  const clock = worldClock(start);
  const store = testStore();
  const connection: Connection = {
    ...{ id, label: 'Main', issuer: mock.issuer, tokenEndpoint: `${mock.issuer}/token` },
    clientId: mock.clients[0]?.client_id ?? '',
    ...{
      tokenEndpointAuthMethod: 'none',
      autoRefresh: true,
      dpop: false,
      pushedAuthorizationRequests: false,
    },
  };
  const count = (what: string) => {
    seen[what] = (seen[what] ?? 0) + 1;
  };

  // What an observer knows who sees every request, every response, the store, the journal and all windows.
  const broken: string[] = [];
  /** Refresh tokens in the order in which windows received them; a sign-out starts a new list. */
  let received: string[] = [];
  /** Received tokens that were stored, or are held by a window that survived. */
  let kept = new Set<string>();
  /** Tokens that the issuer rejected, and those whose rejection was recorded. */
  const refused = new Set<string>();
  const onRecord = new Set<string>();
  let posts = 0;
  let isFaultless = true;
  let storeFailures = 0;
  let journalFailures = 0;
  /** For each token, how many responses to it may be lost. */
  const lost = new Map<string, number>();
  /** Tokens that the issuer has left as they were in an answer, so that a use does not use them up. */
  const unspent = new Set<string>();
  /** For each token, the generation up to which that was counted. */
  const counted = new Map<string, number>();
  /** How often a window with this token died or hung: it may have announced a request without sending it. */
  const cuts = new Map<string, number>();
  const stalls = new Map<string, number>();
  let stalled = false;
  let leaving = false;

  const folder = { what: undefined as FolderFault | undefined, left: 0, failures: 0 };
  const failFolder = (call: 'read' | 'mark' | 'write' | 'lock') => {
    const { what } = folder;
    const fits = what === 'all' || what === call || (what === 'damaged' && call === 'read');
    if (!fits || --folder.left < 0) return;
    folder.failures++;
    count(`the folder fails: ${what}`);
    throw new WorkbenchError('lock_unavailable', { reason: what === 'damaged' ? what : 'EIO', sent: false });
  };
  const lock = modelLock(text => keep(parse(text)), failFolder);
  let working = Number.POSITIVE_INFINITY;
  let failing = 0;
  let journalFailing = 0;
  const heal = () => {
    working = Number.POSITIVE_INFINITY;
    journalFailing = 0;
    folder.left = 0;
  };
  const parse = (text: string | undefined): StoredRecord | undefined =>
    text === undefined ? undefined : JSON.parse(text);
  const tokenOf = (record: StoredRecord | undefined) => record?.tokens?.refresh_token;
  const inPlaces = () => [
    parse(store.entries.get(key)),
    parse(lock.journal.get(id)?.sealed),
    ...windows.filter(({ host }) => host.alive).map(({ record }) => record()),
  ];
  const keep = (record: StoredRecord | undefined) => {
    const token = tokenOf(record);
    if (token === undefined || !received.includes(token)) return;
    kept.add(token);
    if (!record || record.intent || record.generation <= (counted.get(token) ?? -1)) return;
    // A new token set was stored, so the response has arrived.
    counted.set(token, record.generation);
    lost.delete(token);
  };

  interface Host {
    alive: boolean;
    /** Whether its next request is recorded for the others. */
    marked: boolean;
    /** Whether it is between two waits of the scheduler. */
    interleaved: boolean;
    cut: Cut | undefined;
    calls: number;
    askedBy: AskedBy;
    /** The refresh token in the response to its last request. */
    got: string | undefined;
    readonly died: Promise<'died'>;
    pass(call: string): Promise<void>;
  }

  function createHost(which: By): Host {
    let die: (value: 'died') => void = () => {};
    const host: Host = {
      alive: true,
      marked: false,
      interleaved: false,
      cut: undefined,
      calls: 0,
      askedBy: 'timer',
      got: undefined,
      died: new Promise(resolve => {
        die = resolve;
      }),
      async pass(call) {
        if (!host.alive) return stuck();
        if (host.interleaved) await scheduler.schedule(Promise.resolve(), `${which} ${call}`);
        if (!host.alive) return stuck();
        if (host.cut === undefined) return;
        if (++host.calls === host.cut.after + host.cut.wakes) lock.wake(host);
        if (host.calls !== host.cut.after) return;
        count(`${host.cut.how} at ${call}`);
        // A store that returns nothing hides which token is in use; a window that has the token continues with it.
        const holders = inPlaces().filter(each => tokenOf(each) !== undefined);
        const token = tokenOf(holders.sort((one, other) => (other?.generation ?? 0) - (one?.generation ?? 0))[0]);
        if (token !== undefined) cuts.set(token, (cuts.get(token) ?? 0) + 1);
        if (host.cut.how === 'doze') return lock.doze(host);
        lock.evict(host);
        if (host.cut.how === 'stall') {
          stalled = true;
          if (token !== undefined) stalls.set(token, (stalls.get(token) ?? 0) + 1);
          return;
        }
        host.alive = false;
        die('died');
        return stuck();
      },
    };
    return host;
  }

  function fetchFor(host: Host): Fetch {
    return async (input, init) => {
      const body = String(init.body);
      const sent = new URLSearchParams(body).get('refresh_token') ?? '';
      await host.pass('post');
      posts++;
      if (!host.marked) broken.push('a token was sent without a mark');
      host.marked = false;
      const places = inPlaces().map(tokenOf);
      const newest = received.findLast(token => kept.has(token) && places.includes(token));
      const isPredecessor = received.at(-2) === sent || received.indexOf(sent) === received.length - 2;
      // A window that hung may come back with a response while another window already uses the successor.
      if (newest !== undefined && newest !== sent && !(stalled && isPredecessor))
        broken.push('an older token was sent');
      // A window that hung cannot record its rejection for the others, because it no longer holds the lock.
      if (onRecord.has(sent) && !cuts.has(sent) && folder.failures === 0) broken.push('a refused token was sent again');
      const times = lost.get(sent) ?? 0;
      // A window that hung between its last check of the lock and the request has sent in parallel with the window that
      // took over.
      if (times >= 2 + (stalls.get(sent) ?? 0) && host.askedBy !== 'user' && !unspent.has(sent))
        broken.push(`a token was sent though ${times} answers are missing`);
      lost.set(sent, times + 1);
      const { pathname, host: name } = new URL(input);
      const headers = new Headers(init.headers);
      const reply = await mock.handle({
        method: 'POST',
        target: pathname,
        host: name,
        text: async () => body,
        header: header => headers.get(header) ?? undefined,
      });
      if (reply.broken === 'drop') throw new TypeError('fetch failed');
      const { status } = reply;
      let json: { error?: string; refresh_token?: string; access_token?: string } = {};
      try {
        if (reply.broken === undefined) json = JSON.parse(reply.body);
      } catch {
        // The response cannot be read.
      }
      await host.pass('answer');
      const cutBody = reply.body.slice(0, reply.body.length / 2);
      // Whoever reads a truncated refusal as far as its code knows of it, too.
      if (json.error === 'invalid_grant' || (reply.broken === 'truncate' && cutBody.includes('"invalid_grant"')))
        refused.add(sent);
      const promised = reply.headers['retry-after'] !== undefined;
      const isAnswer = json.access_token !== undefined || (status < 500 && status !== 200) || promised;
      if (isAnswer && times === 0) lost.delete(sent);
      else if (isAnswer) lost.set(sent, times);
      if (status === 200 && json.access_token !== undefined) {
        host.got = json.refresh_token ?? sent;
        if (host.got === sent) unspent.add(sent);
        // Receiving the same token again counts as new, because its response has arrived.
        received = [...received.filter(token => token !== (json.refresh_token ?? sent)), json.refresh_token ?? sent];
      }
      return new Response(reply.broken === 'truncate' ? cutBody : reply.body, {
        status,
        headers: reply.headers,
      });
    };
  }

  /** A window's own view of the store: it sees its own writes at once, those of others after `catchUp`. */
  function viewFor(host: () => Host, isLate: boolean): TestStore & { catchUp(): void } {
    const view = testStore();
    const own = isLate ? view.entries : store.entries;
    return Object.assign(view, {
      async get(name: string) {
        await host().pass('get');
        return own.get(name);
      },
      async store(name: string, value: string) {
        await host().pass('store');
        if (--working < 0) {
          if (--failing >= 0) {
            storeFailures++;
            throw new Error('the store fails');
          }
          heal();
        }
        const [now, next] = [parse(store.entries.get(name)), parse(value)];
        // A sign-out does not wait for the lock. What is written over it is deleted again, and is void in any case. The
        // holder of the lock cannot see what another window, which has lost the lock, stores at this moment, nor what one
        // that died could not leave in the folder.
        const isUnknown = folder.failures > 0 && windows.some(each => !each.host.alive);
        const isFree = leaving || isUnknown || (stalled && lock.isHeldBy(host()));
        if (name === key && !isFree && now && next && next.generation < now.generation) broken.push('a loser wrote');
        store.entries.set(name, value);
        own.set(name, value);
        keep(next);
        const token = tokenOf(next);
        if (next && token !== undefined && isRefused(next)) onRecord.add(token);
        await host().pass('stored');
      },
      catchUp() {
        if (!isLate) return;
        own.clear();
        for (const [name, value] of store.entries) own.set(name, value);
      },
    });
  }

  const handover: Handover = {
    ready: async () => {},
    async give(lease, { generation }, text) {
      if (--journalFailing >= 0) {
        journalFailures++;
        throw new WorkbenchError('lock_unavailable', { reason: 'ENOSPC' });
      }
      await lease.handOver(generation, text);
    },
    take: async (from, _, generation) =>
      from && from.generation > generation ? { generation: from.generation, text: from.sealed } : undefined,
  };

  function createWindow(which: By) {
    const host = createHost(which);
    const view = viewFor(() => host, which === 1);
    view.catchUp();
    const own = lock.for(host);
    const sessions = createSessions();
    sessions.setConnections([{ connection, memoryOnly: false }], []);
    const vault = createVault(() => view, view);
    const log = () => {};
    const parts = { vault, lock: own, sessions, clock, handover, log };
    const client = createTokenClient({ fetch: fetchFor(host), discovery: none, clock });
    const refresher = createRefresher({
      ...parts,
      tokenClient: async () => client,
      endpointsOf: async each => ({ token_endpoint: each.tokenEndpoint ?? '' }),
    });
    const loading = createLoading({ vault, sessions, lock: own, handover });
    return {
      host,
      view,
      sessions,
      refresher,
      loading,
      record: () => sessions.get(id)?.record,
      async refresh(askedBy: AskedBy = 'timer', signal?: AbortSignal) {
        Object.assign(host, { askedBy, got: undefined });
        const { outcome, error } = await refresher.refresh(id, signal, askedBy);
        host.askedBy = 'timer';
        const found = sessions.get(id)?.record;
        if (host.alive) keep(found);
        const { got } = host;
        // A sign-out takes precedence, and so does a window that took over a lost lock. A cancelled caller has only
        // stopped waiting.
        const isDue = host.alive && !stalled && !leaving && error?.code !== 'cancelled';
        if (isDue && got !== undefined && received.includes(got) && !kept.has(got))
          broken.push('a refresh token that came was dropped');
        const token = tokenOf(found);
        if (host.alive && found && token !== undefined && isRefused(found)) onRecord.add(token);
        const detail = error?.code === 'oauth_error' ? error.data.error : '';
        count([outcome, error?.code, detail].filter(Boolean).join(' '));
        return outcome;
      },
      import: async (raw: object) => storeTokens(parts, connection, raw, clock.now(), never),
      async signOut() {
        await signOut({ ...parts, discard: refresher.discard }, id);
        count('signed out');
      },
    };
  }
  type Window = ReturnType<typeof createWindow>;

  const windows: Window[] = [];
  async function open(which: By): Promise<void> {
    const window = createWindow(which);
    windows[which] = window;
    await window.loading.loadNew();
  }
  const window = (which: By): Window => windows[which] as Window;
  const forget = () => {
    received = [];
    kept = new Set();
    lost.clear();
  };
  const generationOf = (record: StoredRecord | undefined) => record?.generation ?? 0;

  async function leave(which: By): Promise<void> {
    try {
      await window(which).signOut();
    } catch {
      // The store fails, so the user tries to sign out again.
      heal();
      await window(which).signOut();
    }
    forget();
  }

  async function together(cut: Cut | undefined, signsOut: boolean): Promise<void> {
    const before = store.entries.get(key);
    const postsBefore = posts;
    stalled = false;
    for (const [which, { host }] of windows.entries()) {
      // If the journal and the window failed together, nobody could know the token.
      const isCut = cut?.by === which && journalFailing <= 0;
      Object.assign(host, { interleaved: true, calls: 0, cut: isCut ? cut : undefined });
    }
    const works = windows.map(each => Promise.race([each.refresh(), each.host.died]));
    if (signsOut) works.push(leave(0).then(() => 'died' as const));
    leaving = signsOut;
    await scheduler.waitFor(Promise.all(works));
    leaving = false;
    if (isFaultless && !cut && !signsOut && posts - postsBefore > 1) broken.push('two windows sent a request each');
    if (signsOut) {
      forget();
      const left = [parse(store.entries.get(key)), parse(lock.journal.get(id)?.sealed)].filter(tokenOf);
      // A store or a folder that fails keeps it until it is read again, and the ledger marks it as void.
      const { signedOutAt, generation = 0 } = lock.ledger.get(id) ?? {};
      const isVoid = (record: StoredRecord | undefined) =>
        storeFailures + folder.failures > 0 && signedOutAt !== undefined && generationOf(record) <= generation;
      if (!left.every(isVoid)) broken.push('a refresh token outlived the sign-out');
    }
    const dead = windows.findIndex(({ host }) => !host.alive);
    for (const { host } of windows) Object.assign(host, { interleaved: false, cut: undefined });
    if (dead < 0) return;
    const last = parse(store.entries.get(key));
    // Its last write had not reached the disk yet, and nobody has written since.
    if (
      cut?.loses &&
      journalFailures === 0 &&
      before !== undefined &&
      generationOf(last) > generationOf(parse(before)) &&
      !signsOut
    ) {
      const others = windows.some(each => each.host.alive && generationOf(each.record()) >= generationOf(last));
      if (!others) {
        count('a store that was not on disk');
        const [token, journal] = [tokenOf(last), tokenOf(parse(lock.journal.get(id)?.sealed))];
        if (token !== undefined && journal !== token) kept.delete(token);
        store.entries.set(key, before);
      }
    }
    await open(dead as By);
  }

  await open(0);
  await open(1);
  const first = await mock.issueTokens();
  if (first.refresh_token !== undefined) received.push(first.refresh_token);
  keep(await window(0).import(first));
  for (const each of steps) {
    switch (each.do) {
      case 'refresh':
        await window(each.by).refresh(each.askedBy);
        break;
      case 'together':
        // A user who signs out while a window dies does it again.
        await together(each.signsOut ? undefined : each.cut, each.signsOut);
        break;
      case 'cancelled': {
        const abort = new AbortController();
        const result = window(each.by).refresh('timer', abort.signal);
        await Promise.resolve();
        abort.abort();
        await result;
        while (window(each.by).sessions.get(id)?.refreshing !== false) await new Promise(setImmediate);
        break;
      }
      case 'import':
      case 'importAccessToken': {
        const { refresh_token, ...others } = await mock.issueTokens();
        const isFull = each.do === 'import';
        try {
          if (isFull && refresh_token !== undefined) received.push(refresh_token);
          keep(await window(each.by).import(isFull ? { ...others, refresh_token } : others));
        } catch {
          // The store failed: nothing was imported, and nobody was told otherwise.
          if (isFull) received = received.filter(token => token !== refresh_token || kept.has(token));
        }
        break;
      }
      case 'signOut':
        await leave(each.by);
        break;
      case 'blind':
        // The store loses its value, as it does with values that it cannot decrypt. Not while it is the only copy.
        if (
          journalFailures + folder.failures === 0 &&
          windows.some(({ record }) => generationOf(record()) === generationOf(parse(store.entries.get(key))))
        )
          for (const { entries } of [store, window(1).view]) entries.delete(key);
        break;
      case 'sync':
        window(1).view.catchUp();
        break;
      case 'jump':
        mock.clock.advance(each.ms);
        clock.advance(each.ms);
        break;
      case 'fault':
        isFaultless = false;
        mock.faults.next(each.times, { at: 'token', ...each.fault } as Fault);
        break;
      case 'journalFails':
        isFaultless = false;
        // A full disk. Only one thing fails at a time, because what is only in memory is lost with the window.
        if (storeFailures === 0 && working === Number.POSITIVE_INFINITY) journalFailing = each.times;
        break;
      case 'folderFails':
        isFaultless = false;
        // Here too, only one thing fails at a time.
        if (storeFailures > 0 || working !== Number.POSITIVE_INFINITY || journalFailing > 0) break;
        Object.assign(folder, { what: each.what, left: each.times });
        break;
      case 'storeFails':
        isFaultless = false;
        if (folder.failures > 0 || folder.left > 0) break;
        if (journalFailures > 0 || journalFailing > 0) break;
        working = each.after;
        failing = each.times;
        break;
      case 'restart':
        // Not while this window's memory is the only copy.
        if (generationOf(window(each.by).record()) <= generationOf(parse(store.entries.get(key)))) await open(each.by);
        break;
    }
    if (broken.length > 0) throw new Error(broken.join('; '));
  }

  // The newest refresh token that was received must be there.
  const newest = received.findLast(token => kept.has(token));
  const held = inPlaces().sort((a, b) => generationOf(b) - generationOf(a))[0];
  if (tokenOf(held) !== newest) throw new Error('the newest refresh token is lost');

  // After the faults stop, every connection must end active, or truthfully say that a sign-in is needed.
  mock.faults.clear();
  heal();
  window(1).view.catchUp();
  // Longer than any wait that an issuer may request, whichever way the clocks have jumped.
  mock.clock.advance(14 * 3600_000);
  clock.advance(14 * 3600_000);
  for (const which of [0, 1] as const) {
    const { refresh, sessions, record } = window(which);
    let outcome = await refresh();
    // Tokens from another window are shown, whatever has happened to them since.
    if (outcome === 'adopted') outcome = await refresh();
    const found = record();
    const token = tokenOf(found);
    const session = sessions.get(id);
    if (broken.length > 0) throw new Error(broken.join('; '));
    if (session === undefined || found === undefined || token === undefined) {
      count('ends signed out');
      continue;
    }
    const state = stateOf(session, clock.now());
    if (outcome === 'refreshed' || outcome === 'adopted') {
      count(`ends ${state}`);
      if (state !== 'active') throw new Error(`${outcome}, and yet ${state}`);
    } else if (outcome === 'reauthRequired') {
      count('ends reauthRequired');
      if (!isRefused(found) || !refused.has(token)) throw new Error('sign in again, and nobody has refused it');
      if (state !== 'reauthRequired') throw new Error(`sign in again, and yet ${state}`);
    } else if (unansweredRetry(found)) {
      count('ends with two answers lost');
      // A mark that could not be removed is trusted as well: too few requests are better than too many.
      const missing = (lost.get(token) ?? 0) + (cuts.get(token) ?? 0) + storeFailures + folder.failures;
      // Its access token expired long ago.
      if (state !== 'reauthRequired') throw new Error(`two answers are lost, and yet ${state}`);
      if (missing < 2) throw new Error(`two answers are lost, it says, and ${missing} are`);
      const again = await refresh('user');
      if (again !== 'refreshed' && again !== 'reauthRequired') throw new Error(`asked for again: ${again}`);
    } else {
      throw new Error(`ends ${outcome}: ${session.lastRefresh?.error?.code}`);
    }
  }
  if (broken.length > 0) throw new Error(broken.join('; '));
}

/** One lock for all windows, with its ledger and journal. A holder that dies or hangs loses it. */
function modelLock(left: (sealed: string) => void, fail: (call: 'read' | 'mark' | 'write' | 'lock') => void) {
  const ledger = new Map<string, LedgerEntry>();
  const journal = new Map<string, HandedOver>();
  interface Holding {
    readonly host: object;
    lost: boolean;
    readonly release: () => void;
  }
  let holder: Holding | undefined;
  let queue: Promise<void> = Promise.resolve();

  function covered(name: string, generation: number): void {
    const { signedOutAt, generation: last = 0 } = ledger.get(name) ?? {};
    if (signedOutAt !== undefined && generation <= last)
      throw new WorkbenchError('superseded', { connection: name, signedOut: true });
  }

  return {
    ledger,
    journal,
    isHeldBy: (host: object) => holder?.host === host,
    doze(host: object): void {
      if (holder?.host === host) holder.lost = true;
    },
    wake(host: object): void {
      if (holder?.host === host) holder.lost = false;
    },
    evict(host: object): void {
      if (holder?.host !== host) return;
      holder.lost = true;
      holder.release();
      holder = undefined;
    },
    for(host: { marked: boolean; pass(call: string): Promise<void> }): SharedLock {
      return {
        async withLock(name, signal, work) {
          fail('lock');
          const before = queue;
          let release = () => {};
          queue = new Promise(resolve => {
            release = resolve;
          });
          await before;
          const mine: Holding = { host, lost: false, release };
          holder = mine;
          const assertHeld = () => {
            if (mine.lost) throw new WorkbenchError('lock_lost');
          };
          const write = async (call: string, entry: LedgerEntry) => {
            await host.pass(call);
            assertHeld();
            fail(call === 'mark' ? 'mark' : 'write');
            covered(name, entry.generation);
            ledger.set(name, entry);
            host.marked = call === 'mark';
            await host.pass('ledger');
          };
          const lease: Lease = {
            get lost() {
              return mine.lost;
            },
            shared: true,
            async renew() {
              await host.pass('renew');
              if (holder === mine) mine.lost = false;
              assertHeld();
            },
            fingerprint: printOf,
            async readLedger() {
              await host.pass('readLedger');
              fail('read');
              return ledger.get(name);
            },
            writeLedger: entry => write('writeLedger', entry),
            mark: entry => write('mark', entry),
            voidBelow: async () => {},
            async handOver(generation, sealed) {
              await host.pass('handOver');
              assertHeld();
              fail('write');
              covered(name, generation);
              journal.set(name, { generation, sealed });
              left(sealed);
              await host.pass('journal');
            },
            takeOver: async () => journal.get(name),
          };
          try {
            if (signal.aborted) throw new WorkbenchError('cancelled', { sent: false });
            return await work(lease);
          } finally {
            release();
            if (holder === mine) holder = undefined;
          }
        },
        async peek(name) {
          const [entry, handedOver] = [ledger.get(name), journal.get(name)];
          return { ...(entry && { ledger: entry }), ...(handedOver && { handedOver }) };
        },
        async forget(name, known, at) {
          const generation = Math.max(known, ledger.get(name)?.generation ?? 0) + 1;
          ledger.set(name, { generation, signedOutAt: at });
          journal.delete(name);
          return generation;
        },
        onDidChange: () => () => {},
      };
    },
  };
}
