import type { SharedLock } from '../core/ports.ts';

/** Connections that live in memory leave nothing on disk, not even a lock: no other window could share them anyway. */
export function routeLock(isMemoryOnly: (name: string) => boolean, shared: SharedLock, local: SharedLock): SharedLock {
  const of = (name: string) => (isMemoryOnly(name) ? local : shared);
  return {
    withLock: (name, signal, work) => of(name).withLock(name, signal, work),
    peek: name => of(name).peek(name),
    forget: (name, generation, at) => of(name).forget(name, generation, at),
    onDidChange: listener => shared.onDidChange(listener),
  };
}
