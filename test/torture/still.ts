import type { Pulse } from '../../src/mock/torture/lateness.ts';

/** The pulse of a machine and of a client that are never late. */
export const still: Pulse = { lost: () => 0, worst: () => 0, during: work => work, slowest: () => 0, stop() {} };
