import { generateKeyPairSync, type KeyObject } from 'node:crypto';

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const made: Pair[] = [];

/**
 * An RSA key of 2048 bits. All tests of a process share it, because making one takes up to a third of a second.
 * @param which different numbers are different keys; a test that needs strangers counts up
 */
export function rsaPair(which = 0): Pair {
  made[which] ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
  return made[which];
}
