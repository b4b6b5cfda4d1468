import assert from 'node:assert/strict';
import { isWorkbenchError, type WorkbenchError } from '../../src/core/errors.ts';

/** The failure of `promise`. It must be one of ours, and must not carry anything that a test marked `canary`. */
export async function failureOf(promise: Promise<unknown>): Promise<WorkbenchError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isWorkbenchError(error), String(error));
    assert.doesNotMatch(`${error.message} ${JSON.stringify(error.data)}`, /canary/i);
    return error;
  }
  return assert.fail('nothing failed');
}
