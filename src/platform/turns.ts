/** Callers of one process in the order in which they came, one at a time per name. */
export interface Turns {
  /**
   * Runs `work` when everybody before has finished. `wait` is given that moment and may give up before it by
   * rejecting, in which case the place in the queue is passed on.
   */
  take<T>(name: string, wait: (turn: Promise<void>) => Promise<void>, work: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>();
  return {
    async take(name, wait, work) {
      const before = last.get(name) ?? Promise.resolve();
      let done: () => void = () => {};
      const mine = new Promise<void>(resolve => {
        done = resolve;
      });
      const turn = before.then(() => mine);
      last.set(name, turn);
      try {
        await wait(before);
        return await work();
      } finally {
        done();
        // Only once everybody before is through as well: who gives up must not let the next one past them.
        void turn.then(() => {
          if (last.get(name) === turn) last.delete(name);
        });
      }
    },
  };
}
