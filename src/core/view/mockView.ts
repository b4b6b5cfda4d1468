/** How the mock issuer of this window stands, as the sidebar shows it: plain data, and nothing of it is a secret. */
export interface MockView {
  /** Its address. */
  readonly issuer: string;
  readonly clock: MockClockView;
  /** What is set, in the order in which it strikes. */
  readonly faults: readonly MockFault[];
  /** Faults that have struck as often as they were to, the last one first. */
  readonly spent: readonly SpentFault[];
  /** The last ones, the newest first. */
  readonly requests: readonly MockRequest[];
  /** Empty where any name can sign in. */
  readonly users: readonly MockUserView[];
  /** A client is being tested: how many scenarios are done, and of how many. */
  readonly testing?: { readonly done: number; readonly count: number } | undefined;
}

export interface MockClockView {
  /** Milliseconds ahead of this machine's clock; negative where it is behind. */
  readonly ahead: number;
  /** Where it stands still: milliseconds since the epoch. */
  readonly frozenAt?: number;
}

export interface MockFault {
  readonly type: string;
  /** What a client sees of it, in English as the mock's table has it. */
  readonly title: string;
  /** How often it strikes yet; left out where it stays. */
  readonly left?: number;
  /** Its parameters and where it strikes, as JSON; empty where it has none. */
  readonly details: string;
}

/** The sender of a request: a connection by its label, or the client that it names. */
export interface Sender {
  readonly connection?: string;
  readonly client?: string;
  /** An automatic refresh. */
  readonly automatic: boolean;
}

export interface SpentFault {
  readonly type: string;
  readonly title: string;
  readonly by: Sender;
  /** Milliseconds since the epoch, of this machine. */
  readonly at: number;
}

export interface MockRequest {
  /** Counts from the start. */
  readonly number: number;
  readonly method: string;
  readonly path: string;
  readonly grantType?: string;
  readonly from: Sender;
  /** Milliseconds since the epoch, of this machine. */
  readonly at: number;
  /** Left out until it is answered, and where the connection was dropped. */
  readonly status?: number;
  readonly error?: string;
  readonly dropped: boolean;
  /** Titles of the faults that struck it. */
  readonly faults: readonly string[];
}

export interface MockUserView {
  readonly sub: string;
  readonly claims: readonly string[];
  readonly groups: readonly string[];
}

/** Rows of the mock issuer. There is one mock for each window, so its rows name no connection. */
export type MockNode =
  | { readonly kind: 'mock'; readonly part: MockPart }
  | { readonly kind: 'mockFault'; readonly fault: MockFault }
  | { readonly kind: 'mockSpent'; readonly spent: SpentFault }
  | { readonly kind: 'mockRequest'; readonly request: MockRequest }
  | { readonly kind: 'mockUser'; readonly user: MockUserView };

/** The row of the mock itself, and those right below it. */
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

/** Ids of connections begin with a letter or a digit: none of theirs is like it. */
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
