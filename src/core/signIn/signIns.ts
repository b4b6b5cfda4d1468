import { WorkbenchError } from '../errors.ts';
import type { SignInRequest } from './grants.ts';
import type { IssuerClient } from './issuerClient.ts';
import type { SignInResult } from './signIn.ts';

/** The sign-ins under way in this window, one for each connection: a second one ends the first. */
export interface SignIns {
  /** @throws WorkbenchError what `signIn` throws; `cancelled` where `cancel` or another sign-in came in between */
  run(request: SignInRequest): Promise<SignInResult>;
  cancel(id: string): void;
  dispose(): void;
}

export function createSignIns(client: () => Promise<IssuerClient>): SignIns {
  const running = new Map<string, AbortController>();
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
        return await (await client()).signIn({ ...request, signal: own.signal });
      } finally {
        request.signal.removeEventListener('abort', cancel);
        if (running.get(id) === own) running.delete(id);
      }
    },
    cancel: id => running.get(id)?.abort(),
    dispose() {
      disposed = true;
      for (const each of running.values()) each.abort();
    },
  };
}
