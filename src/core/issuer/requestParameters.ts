import type { Connection } from '../records/connection.ts';
import { isReservedParameter } from '../records/entryReader.ts';

/** The settings' extra parameters, which replace none of a request's `own`; what is undefined is not sent. */
export function requestParameters(
  { extraParameters = {} }: Connection,
  own: Readonly<Record<string, string | undefined>>,
): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(extraParameters)) {
    if (!isReservedParameter(name)) parameters.set(name, value);
  }
  for (const [name, value] of Object.entries(own)) if (value !== undefined) parameters.set(name, value);
  return parameters;
}
