/** The state of this window's mock issuer as the sidebar shows it: plain data without secrets. */
export interface MockView {
  /** Its URL. */
  readonly issuer: string;
  readonly clock: MockClockView;
  /** Active faults, in the order in which they apply. */
  readonly faults: readonly MockFault[];
  /** Faults that have applied as often as they should, the latest first. */
  readonly spent: readonly SpentFault[];
  /** The latest requests, newest first. */
  readonly requests: readonly MockRequest[];
  /** Empty if any name can sign in. */
  readonly users: readonly MockUserView[];
  /** Set while a client is tested: how many scenarios are done, and how many there are. */
  readonly testing?: { readonly done: number; readonly count: number } | undefined;
}

export interface MockClockView {
  /** Milliseconds ahead of this machine's clock; negative if it is behind. */
  readonly ahead: number;
  /** Milliseconds since the epoch at which the clock was stopped, if it was. */
  readonly frozenAt?: number;
}

export interface MockFault {
  readonly type: string;
  /** What a client sees of it, in English as in the mock's table. */
  readonly title: string;
  /** How many more times it applies; absent if it is permanent. */
  readonly left?: number;
  /** Its parameters and where it applies, as JSON; empty if it has none. */
  readonly details: string;
}

/** The sender of a request: a connection by its label, or the client id in the request. */
export interface Sender {
  readonly connection?: string;
  readonly client?: string;
  /** True for an automatic refresh. */
  readonly automatic: boolean;
}

export interface SpentFault {
  readonly type: string;
  readonly title: string;
  readonly by: Sender;
  /** Milliseconds since the epoch, on this machine's clock. */
  readonly at: number;
}

export interface MockRequest {
  /** Counts up from the start of the mock. */
  readonly number: number;
  readonly method: string;
  readonly path: string;
  readonly grantType?: string;
  readonly from: Sender;
  /** Milliseconds since the epoch, on this machine's clock. */
  readonly at: number;
  /** Absent until the request is answered, and if the connection was dropped. */
  readonly status?: number;
  readonly error?: string;
  readonly dropped: boolean;
  /** Titles of the faults that applied to it. */
  readonly faults: readonly string[];
}

interface MockUserView {
  readonly sub: string;
  readonly claims: readonly string[];
  readonly groups: readonly string[];
}

/** Rows of the mock issuer. Each window has one mock, so its rows name no connection. */
export type MockNode =
  | { readonly kind: 'mock'; readonly part: MockPart }
  | { readonly kind: 'mockFault'; readonly fault: MockFault }
  | { readonly kind: 'mockSpent'; readonly spent: SpentFault }
  | { readonly kind: 'mockRequest'; readonly request: MockRequest }
  | { readonly kind: 'mockUser'; readonly user: MockUserView };

/** The row of the mock itself, and the rows directly below it. */
export type MockPart = 'issuer' | 'faults' | 'requests' | 'clock' | 'users';

export function mockChildren(node: MockNode, view: MockView): MockNode[] {
  if (node.kind !== 'mock') return [];
  switch (node.part) {
    case 'issuer':
      return (['faults', 'requests', 'clock', 'users'] as const).map(part => ({ kind: 'mock', part }));
    case 'faults':
      return [
        ...view.faults.map(fault => ({ kind: 'mockFault', fault }) as const),
        ...view.spent.map(spent => ({ kind: 'mockSpent', spent }) as const),
      ];
    case 'requests':
      return view.requests.map(request => ({ kind: 'mockRequest', request }));
    case 'users':
      return view.users.map(user => ({ kind: 'mockUser', user }));
    case 'clock':
      return [];
  }
}

/** The key begins with `~`. Ids of connections begin with a letter or a digit, so they cannot collide. */
export function mockKey(node: MockNode): string {
  switch (node.kind) {
    case 'mock':
      return node.part === 'issuer' ? '~mock' : `~mock/${node.part}`;
    case 'mockFault':
      return `~mock/faults/${node.fault.type}/${node.fault.details}`;
    case 'mockSpent':
      return `~mock/faults/-/${node.spent.type}/${node.spent.at}`;
    case 'mockRequest':
      return `~mock/requests/${node.request.number}`;
    case 'mockUser':
      return `~mock/users/${node.user.sub}`;
  }
}

export function mockParent(node: MockNode): MockNode | undefined {
  switch (node.kind) {
    case 'mock':
      return node.part === 'issuer' ? undefined : { kind: 'mock', part: 'issuer' };
    case 'mockFault':
    case 'mockSpent':
      return { kind: 'mock', part: 'faults' };
    case 'mockRequest':
      return { kind: 'mock', part: 'requests' };
    case 'mockUser':
      return { kind: 'mock', part: 'users' };
  }
}
