import { WorkbenchError } from '../errors.ts';
import type { SignInRequest, SignInStep } from './grants.ts';
import type { IssuerClient, SignInResult } from './signIn.ts';

/** The sign-ins under way in this window, one for each connection: a second one ends the first. */
export interface SignIns {
  /** @throws WorkbenchError what `signIn` throws; `cancelled` where `cancel` or another sign-in came in between */
  run(request: SignInRequest): Promise<SignInResult>;
  cancel(id: string): void;
  /** What the sign-in of a connection waits for in the browser. */
  waiting(id: string): BrowserStep | undefined;
  dispose(): void;
}

type BrowserStep = Extract<SignInStep, { waitingFor: 'browser' }>;

export function createSignIns(client: () => Promise<IssuerClient>): SignIns {
  const running = new Map<string, AbortController>();
  const waiting = new Map<string, BrowserStep>();
  let disposed = false;
  return {
    async run(request) {
      if (disposed) throw new WorkbenchError('cancelled', { sent: false });
      const { id } = request.connection;
      running.get(id)?.abort();
      const own = new AbortController();
      running.set(id, own);
      const cancel = () => own.abort();
      request.signal.addEventListener('abort', cancel, { once: true });
      if (request.signal.aborted) cancel();
      try {
        const tell = (step: SignInStep) => {
          if (step.waitingFor === 'browser' && running.get(id) === own) waiting.set(id, step);
          request.tell?.(step);
        };
        return await (await client()).signIn({ ...request, tell, signal: own.signal });
      } finally {
        request.signal.removeEventListener('abort', cancel);
        if (running.get(id) === own) {
          running.delete(id);
          waiting.delete(id);
        }
      }
    },
    cancel: id => running.get(id)?.abort(),
    waiting: id => waiting.get(id),
    dispose() {
      disposed = true;
      for (const each of running.values()) each.abort();
    },
  };
}
