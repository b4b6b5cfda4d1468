import type { MockClient } from './clientOptions.ts';
import type { Effect } from './effects.ts';
import type { MockReply, MockRequest } from './http.ts';

/** Who sits in front of the browser, where that is not for the settings to say. */
export interface Visitor {
  readonly deny?: boolean;
  readonly subject?: string;
}

/** One request as an endpoint sees it. */
export interface Exchange {
  readonly request: MockRequest;
  /** The address that was asked, with no query. */
  readonly url: string;
  readonly effects: readonly Effect[];
  readonly visitor?: Visitor | undefined;
  /** Milliseconds since the epoch. Asked once the body is there. */
  now(): number;
  /** Told what was sent, for the log. */
  saw(form: ReadonlyMap<string, string>): void;
  /** Told who it was, once that is known. */
  authenticated(client: MockClient): void;
}

export type Answer = (exchange: Exchange) => MockReply | Promise<MockReply>;
