import { endOf } from '../../core/records/session.ts';
import type { Session } from '../../core/records/sessions.ts';
import type { Plan } from '../../core/refresh/schedule.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';

/** The moment that a row counts down to or up from, in milliseconds since the epoch. */
export function countedFrom(
  node: ViewNode,
  session: Session | undefined,
  plan: (session: Session) => Plan,
): number | undefined {
  if (session === undefined) return undefined;
  switch (node.kind) {
    case 'connection':
      return session.record?.tokens?.expires_at;
    case 'next': {
      const next = plan(session);
      return 'at' in next ? next.at : undefined;
    }
    case 'history':
      return session.history?.at(-1)?.at;
    case 'refresh':
      return node.entry.at;
    case 'token':
      return endOf(session, node.name);
    case 'claim':
    case 'fact':
      return node.time;
    default:
      return undefined;
  }
}
