import type { Check } from '../checks/finding.ts';
import type { WorkbenchError } from '../errors.ts';
import type { ConnectionProblem } from '../records/connection.ts';
import type { HistoryEntry } from '../records/history.ts';
import type { HandOut, TokenName } from '../records/sessions.ts';
import type { TokenWarning } from '../tokens/tokenParts.ts';
import { type MockNode, mockKey, mockParent } from './mockView.ts';

/** The rows of the sidebar as plain data: no sentences, no icons, and of a token only what may be shown. */
export type ViewNode =
  | {
      readonly kind: 'connection';
      readonly id: string;
      readonly group?: string | undefined;
      /** Added a moment ago: signing in offers to import tokens as well, and starts nothing without an answer. */
      readonly isNew?: true;
    }
  /** Contains the connections of one `group` of the settings. */
  | { readonly kind: 'group'; readonly group: string }
  | { readonly kind: 'problem'; readonly problem: ConnectionProblem }
  | {
      readonly kind: 'message';
      readonly id: string;
      /** The token that the message is about, if any. */
      readonly name?: TokenName;
      readonly message: Message;
      readonly error?: WorkbenchError;
    }
  | { readonly kind: 'token'; readonly id: string; readonly name: TokenName }
  | { readonly kind: 'section'; readonly id: string; readonly name: TokenName; readonly section: Section }
  | ClaimNode
  | { readonly kind: 'check'; readonly id: string; readonly name: TokenName; readonly check: Check }
  /** Contains the checks that did not apply. */
  | {
      readonly kind: 'skipped';
      readonly id: string;
      readonly name: TokenName;
      readonly checks: readonly Check[];
    }
  | {
      readonly kind: 'warning';
      readonly id: string;
      readonly name: TokenName;
      readonly warning: TokenWarning;
    }
  /** When the connection is refreshed next, or why it is not. */
  | { readonly kind: 'next'; readonly id: string }
  /** This machine's clock and the issuer's differ. */
  | { readonly kind: 'clock'; readonly id: string }
  /** Contains the refreshes, the latest first. */
  | { readonly kind: 'history'; readonly id: string }
  | { readonly kind: 'refresh'; readonly id: string; readonly entry: HistoryEntry }
  /** Contains the programs that got a token, the latest first. */
  | { readonly kind: 'handOuts'; readonly id: string }
  | { readonly kind: 'handOut'; readonly id: string; readonly handOut: HandOut }
  | FactNode
  | MockNode;

export type Section = 'header' | 'claims' | 'verification';
/** Messages that are shown in place of missing data. */
type Message =
  | 'sign_in'
  | 'no_tokens'
  | 'storage'
  | 'not_kept'
  | 'refused'
  | 'unanswered'
  | 'last_refresh'
  | 'undecodable'
  | 'opaque'
  | 'encrypted'
  | 'left_out'
  | 'verify_failed';

export interface ClaimNode {
  readonly kind: 'claim';
  readonly id: string;
  readonly name: TokenName;
  readonly section: 'header' | 'claims';
  /** From the top: `["realm_access", "roles", "0"]`. */
  readonly path: readonly string[];
  readonly value: unknown;
  /** Milliseconds since the epoch, if the claim is a NumericDate that a calendar can show. */
  readonly time?: number;
  /** The claim that contains this one. */
  readonly parent?: ClaimNode;
}

export interface FactNode {
  readonly kind: 'fact';
  readonly id: string;
  readonly name: TokenName;
  readonly fact: 'generation' | 'stored' | 'last_used' | 'expires' | 'expiry_unknown' | 'scope' | 'bound' | 'obtained';
  /** Milliseconds since the epoch. */
  readonly time?: number;
  readonly value?: string | number;
}

/** The key of a node. It stays the same after a refresh, so that selection and expansion survive. */
export function keyOf(node: ViewNode): string {
  switch (node.kind) {
    case 'connection':
      return node.id;
    case 'group':
      return `#${node.group}`;
    case 'problem':
      return `!${node.problem.index}/${node.problem.field ?? ''}/${node.problem.code}`;
    case 'message':
      return node.name === undefined ? `${node.id}/${node.message}` : `${node.id}/${node.name}/message/${node.message}`;
    case 'token':
      return `${node.id}/${node.name}`;
    case 'next':
    case 'clock':
    case 'history':
    case 'handOuts':
      return `${node.id}/${node.kind}`;
    case 'refresh':
      return `${node.id}/history/${node.entry.at}/${node.entry.generation}/${node.entry.duration}`;
    case 'handOut':
      return `${node.id}/handOuts/${node.handOut.number}`;
    case 'section':
      return `${node.id}/${node.name}/${node.section}`;
    case 'claim':
      return `${node.id}/${node.name}/${node.section}/${JSON.stringify(node.path)}`;
    case 'check':
      return `${node.id}/${node.name}/verification/${node.check.id}`;
    case 'skipped':
      return `${node.id}/${node.name}/verification/-`;
    case 'warning':
      return `${node.id}/${node.name}/warning/${JSON.stringify(node.warning)}`;
    case 'fact':
      return `${node.id}/${node.name}/${node.fact}`;
    default:
      return mockKey(node);
  }
}

export function parentOf(node: ViewNode): ViewNode | undefined {
  switch (node.kind) {
    case 'connection':
      return node.group === undefined ? undefined : { kind: 'group', group: node.group };
    case 'group':
    case 'problem':
      return undefined;
    case 'message':
      return node.name === undefined
        ? { kind: 'connection', id: node.id }
        : { kind: 'token', id: node.id, name: node.name };
    case 'token':
    case 'next':
    case 'clock':
    case 'history':
    case 'handOuts':
      return { kind: 'connection', id: node.id };
    case 'refresh':
      return { kind: 'history', id: node.id };
    case 'handOut':
      return { kind: 'handOuts', id: node.id };
    case 'section':
    case 'fact':
    case 'warning':
      return { kind: 'token', id: node.id, name: node.name };
    case 'check':
    case 'skipped':
      return { kind: 'section', id: node.id, name: node.name, section: 'verification' };
    case 'claim':
      return node.parent ?? { kind: 'section', id: node.id, name: node.name, section: node.section };
    default:
      return mockParent(node);
  }
}

/** Removes duplicates: a token can repeat a flaw, and a setting a mistake. */
export function unique<T extends ViewNode>(nodes: readonly T[]): T[] {
  return [...new Map(nodes.map(node => [keyOf(node), node])).values()];
}
