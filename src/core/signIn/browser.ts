import { WorkbenchError } from '../errors.ts';
import type { Clock, ListenForRedirect, RedirectAnswer, RedirectListener } from '../ports.ts';

/** Milliseconds for whoever sits in front of the browser. */
export const patience = 10 * 60_000;

export interface Browser {
  readonly clock: Clock;
  readonly listen: ListenForRedirect;
  /** False where no browser was opened, because the user said no for instance. */
  readonly openBrowser: (url: string) => Promise<boolean>;
}

export function withQuery(endpoint: string, parameters: URLSearchParams): string {
  const url = new URL(endpoint);
  for (const [name, value] of parameters) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Whoever does not know `state` is not heard: a request of anybody else leaves the sign-in as it is. The wait begins
 * before the browser is opened, which can come back before it is known to be open.
 * @throws WorkbenchError `browser_not_opened`, `sign_in_timeout`, `cancelled`
 */
export async function waitForAnswer(
  { clock, openBrowser }: Pick<Browser, 'clock' | 'openBrowser'>,
  listener: RedirectListener,
  state: string,
  url: string,
  signal: AbortSignal,
): Promise<RedirectAnswer> {
  let leave = () => {};
  let stopTimer = () => {};
  try {
    return await Promise.race([
      listener.answer(state),
      new Promise<never>((_, reject) => {
        leave = () => reject(new WorkbenchError('cancelled', { sent: false }));
        stopTimer = clock.schedule(() => {
          reject(new WorkbenchError('sign_in_timeout', { after: patience }));
        }, patience);
        if (signal.aborted) leave();
        else signal.addEventListener('abort', leave, { once: true });
        openBrowser(url).then(isOpen => {
          if (!isOpen) reject(new WorkbenchError('browser_not_opened', { sent: false }));
        }, reject);
      }),
    ]);
  } finally {
    signal.removeEventListener('abort', leave);
    stopTimer();
  }
}
