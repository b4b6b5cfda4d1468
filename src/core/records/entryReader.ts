import { type DataOf, isWorkbenchError } from '../errors.ts';
import { sanitized } from '../http/foreignText.ts';
import { requireSecureUrl } from '../http/http.ts';
import { printable } from '../redact.ts';
import { isObject } from '../tokens/json.ts';
import type { Connection, ConnectionProblem } from './connection.ts';

/** What names a record, a key and, in a spelling of its own, files (src/platform/lockFiles.ts). */
export const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Names under which people keep secrets, in any spelling: `clientSecret`, `client_secret`, `refresh-token`, `apiKey`. */
const secretName =
  /secret|passw|passphrase|token(?:[-_]?hint)?$|private[-_]?key|api[-_]?key|assertion|credential|^jwk|^code(?:[-_]?verifier)?$/i;

/**
 * Parameters that the grant itself makes (RFC 6749 §4, §6; RFC 7521 §4.2): an extra one would contradict it. With another
 * `response_mode` the answer would be a form or a fragment, and nobody would hear it.
 */
const reservedParameters: ReadonlySet<string> = new Set([
  'grant_type',
  'client_id',
  'scope',
  'resource',
  'redirect_uri',
  'device_code',
  'client_assertion_type',
  'response_type',
  'response_mode',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'dpop_jkt',
]);

/** True for a parameter that settings can neither add nor replace. */
export function isReservedParameter(name: string): boolean {
  return reservedParameters.has(name) || secretName.test(name);
}

/** Reads one entry field by field and collects what is wrong with it. */
export function entryReader(raw: Readonly<Record<string, unknown>>, index: number) {
  const problems: ConnectionProblem[] = [];
  const name = {
    ...(typeof raw.id === 'string' && { id: idPattern.test(raw.id) ? raw.id : sanitized(raw.id, 64) }),
    ...(typeof raw.label === 'string' && { label: printable(raw.label, 100) }),
  };
  const problem = (
    field: string,
    code: ConnectionProblem['code'],
    found?: string,
    severity: ConnectionProblem['severity'] = 'error',
  ) => {
    problems.push({ index, ...name, severity, field, code, ...(found !== undefined && { found }) });
    return undefined;
  };

  /** Trimmed; an empty text is one that is not there. */
  function text(field: keyof Connection, required = false): string | undefined {
    const value = raw[field];
    if (value !== undefined && typeof value !== 'string') return problem(field, 'wrong_type', typeName(value));
    const trimmed = value?.trim();
    if (!trimmed) return required ? problem(field, 'missing') : undefined;
    return trimmed;
  }

  return {
    problems,
    problem,
    text,
    url(field: keyof Connection, required = false): string | undefined {
      const value = text(field, required);
      if (value === undefined) return undefined;
      try {
        const url = requireSecureUrl(value, field);
        // RFC 8414 §2: an issuer identifier has no query.
        return field === 'issuer' && url.search !== '' ? problem(field, 'not_a_url', url.origin) : value;
      } catch (error) {
        if (!isWorkbenchError(error)) throw error;
        const { found } = error.data as Partial<DataOf<'url_invalid'>>;
        return problem(field, error.code === 'url_insecure' ? 'insecure_url' : 'not_a_url', found);
      }
    },
    flag(field: keyof Connection): boolean | undefined {
      const value = raw[field];
      return value === undefined || typeof value === 'boolean' ? value : problem(field, 'wrong_type', typeName(value));
    },
    oneOf<T extends string>(field: keyof Connection, values: readonly T[]): T | undefined {
      const value = text(field);
      const match = values.find(each => each === value);
      return value === undefined || match !== undefined
        ? match
        : problem(field, 'unknown_value', sanitized(value, 100));
    },
    parameters(field: keyof Connection): Readonly<Record<string, string>> | undefined {
      const value = raw[field];
      if (value === undefined) return undefined;
      if (!isObject(value)) return problem(field, 'wrong_type', typeName(value));
      const parameters: [string, string][] = [];
      for (const [key, item] of Object.entries(value)) {
        const path = `${field}.${sanitized(key, 64)}`;
        if (secretName.test(key)) problem(path, 'secret_in_settings');
        else if (isReservedParameter(key)) problem(path, 'reserved_parameter', undefined, 'warning');
        else if (typeof item !== 'string') problem(path, 'wrong_type', typeName(item));
        else parameters.push([key, item]);
      }
      return parameters.length === 0 ? undefined : Object.fromEntries(parameters);
    },
    /** Its value is never looked at, and never shown: the field that we do not know may hold anything. */
    rejectOthers(known: readonly string[]): void {
      for (const key of Object.keys(raw)) {
        if (known.includes(key)) continue;
        const field = sanitized(key, 64);
        if (secretName.test(key)) problem(field, 'secret_in_settings');
        else problem(field, 'unknown_field', undefined, 'warning');
      }
    },
  };
}

/** For a value of the wrong type its type says enough, and cannot be a secret. */
function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
