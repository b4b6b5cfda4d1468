/** Who wants to be told of something. */
export interface Listeners<Told extends unknown[]> {
  /** Returns the unsubscribe function. */
  add(listener: (...told: Told) => void): () => void;
  /** Tells everybody. A listener that throws stops nobody else, least of all the caller: the host reports it. */
  tell(...told: Told): void;
}

export function createListeners<Told extends unknown[]>(): Listeners<Told> {
  const listeners = new Set<(...told: Told) => void>();
  return {
    add(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell(...told) {
      for (const listener of [...listeners]) {
        try {
          listener(...told);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
