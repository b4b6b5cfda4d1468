import { WorkbenchError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';

/** Resolves after `delay` milliseconds. @throws WorkbenchError `cancelled` */
export function pause(clock: Clock, delay: number, signal: AbortSignal): Promise<void> {
  return until(new Promise<void>(resolve => clock.schedule(resolve, delay)), signal);
}

/** Waits for `promise`, but no longer than `signal` allows. @throws WorkbenchError `cancelled` */
export function until<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(cancelled());
  return new Promise((resolve, reject) => {
    const stop = () => reject(cancelled());
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

export function cancelled(): WorkbenchError {
  return new WorkbenchError('cancelled', { sent: false });
}
