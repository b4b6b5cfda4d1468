import type { Clock } from '../core/ports.ts';
import type { Sessions } from '../core/records/sessions.ts';
import type { Refresher } from '../core/refresh/refresher.ts';
import type { MockFault, MockRequest, MockView, Sender, SpentFault } from '../core/view/mockView.ts';
import { type FaultSetting, type FaultType, faultRows } from '../mock/faults.ts';
import type { MockServer } from '../mock/nodeServer.ts';
import type { RequestLogEntry } from '../mock/requestLog.ts';
import { fingerprint } from '../mock/shelf.ts';

export { faultRows, readFaults } from '../mock/faults.ts';
export { readConfig, startMockServer } from '../mock/nodeServer.ts';
export { formats } from '../mock/torture/report.ts';
export { scenarios } from '../mock/torture/scenarios.ts';
export { torture } from '../mock/torture/torture.ts';

/** Collects what is shown of the running mock. Loaded with the mock. */
export interface MockWatch {
  view(): MockView;
  /** Called when a user or a command changed something. */
  changed(): void;
  /** Drops the faults that were used up. */
  forgetSpent(): void;
  testing(progress: MockView['testing']): void;
  dispose(): void;
}

export interface MockWatchParts {
  readonly server: MockServer;
  readonly sessions: Sessions;
  readonly refresher: Pick<Refresher, 'askedBy'>;
  readonly clock: Clock;
  readonly onChange: () => void;
}

/** Number of requests and used-up faults that are kept. */
const maxRequests = 20;
const maxSpent = 5;

/** Milliseconds. Requests within this time cause one update, because redrawing a row closes its context menu. */
const batchDelay = 250;

export function watchMock({ server, sessions, refresher, clock, onChange }: MockWatchParts): MockWatch {
  let requests: readonly MockRequest[] = [];
  let spent: readonly SpentFault[] = [];
  let testing: MockView['testing'];
  let count = 0;
  const numbers = new WeakMap<RequestLogEntry, number>();
  let cancel: (() => void) | undefined;

  function scheduleChange(): void {
    cancel ??= clock.schedule(() => {
      cancel = undefined;
      onChange();
    }, batchDelay);
  }

  /**
   * Called before the tokens of the response are stored, so the session still holds the refresh token that was sent.
   */
  function senderOf({ refresh_token, client_id }: RequestLogEntry): Sender {
    const session =
      refresh_token === undefined
        ? undefined
        : sessions.list().find(({ record }) => {
            const held = record?.tokens?.refresh_token;
            return held !== undefined && fingerprint(held) === refresh_token;
          });
    return {
      ...(session && { connection: session.connection.label }),
      ...(client_id !== undefined && { client: client_id }),
      automatic: session !== undefined && refresher.askedBy(session.connection.id) === 'timer',
    };
  }

  function note(issuer: MockServer['issuers'][number], entry: RequestLogEntry): void {
    const known = numbers.get(entry);
    const number = known ?? ++count;
    numbers.set(entry, number);
    const at = requests.find(each => each.number === number)?.at ?? clock.now();
    const { method, path, grant_type, status, error, faults } = entry;
    const from = senderOf(entry);
    const request: MockRequest = {
      number,
      method,
      path,
      from,
      at,
      faults: faults.map(titleOf),
      dropped: known !== undefined && status === undefined,
      ...(grant_type !== undefined && { grantType: grant_type }),
      ...(status !== undefined && { status }),
      ...(error !== undefined && { error }),
    };
    requests = [request, ...requests.filter(each => each.number !== number)]
      .toSorted((one, other) => other.number - one.number)
      .slice(0, maxRequests);
    // A client under test meets hundreds of faults, which its report lists.
    if (known !== undefined && testing === undefined) {
      const gone = new Set(faults.filter(type => !issuer.faults.active.some(fault => fault.type === type)));
      const used = [...gone].map(type => ({ type, title: titleOf(type), by: from, at: clock.now() }));
      spent = [...used, ...spent].slice(0, maxSpent);
    }
    scheduleChange();
  }

  const stops = server.issuers.map(issuer => issuer.watchRequests(entry => note(issuer, entry)));

  return {
    view() {
      const now = server.clock.now();
      const { frozen } = server.clock;
      return {
        issuer: server.issuer,
        // The two clocks are read one after the other; rounding removes that difference.
        clock: { ahead: Math.round((now - Date.now()) / 100) * 100, ...(frozen && { frozenAt: now }) },
        faults: server.faults.active.map(faultView),
        spent,
        requests,
        testing,
        users: server.status.users.map(({ sub, claims = {}, groups = [] }) => ({
          sub,
          groups,
          claims: Object.keys(claims),
        })),
      };
    },
    changed: onChange,
    forgetSpent() {
      spent = [];
    },
    testing(progress) {
      testing = progress;
      scheduleChange();
    },
    dispose() {
      cancel?.();
      for (const stop of stops) stop();
    },
  };
}

function titleOf(type: FaultType): string {
  return faultRows[type].title;
}

function faultView({ type, times, probability, seed: _, ...rest }: FaultSetting): MockFault {
  const details = { ...rest, ...(probability !== undefined && { probability }) };
  return {
    type,
    title: titleOf(type),
    ...(times !== undefined && { left: times }),
    details: Object.keys(details).length > 0 ? JSON.stringify(details) : '',
  };
}
