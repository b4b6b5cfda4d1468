import assert from 'node:assert/strict';
import { type ErrorData, isWorkbenchError, type WorkbenchError } from '../../src/core/errors.ts';

/** The failure of `promise`. Asserts that it is a WorkbenchError and contains nothing that a test marked `canary`. */
export async function failureOf(promise: Promise<unknown>): Promise<WorkbenchError & { readonly data: ErrorData }> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isWorkbenchError(error), String(error));
    assert.doesNotMatch(`${error.message} ${JSON.stringify(error.data)}`, /canary/i);
    return error as WorkbenchError & { readonly data: ErrorData };
  }
  return assert.fail('nothing failed');
}

/** The data of an error, for tests that have checked its code. */
export const dataOf = (error: unknown): ErrorData => (isWorkbenchError(error) ? error.data : {});
