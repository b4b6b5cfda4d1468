import { type Form, listOf } from './forms.ts';

/** Where tokens are asked for: `resource` of RFC 8707 and `audience` of RFC 8693, which issuers take elsewhere too. */
export type Targets =
  | { readonly targets: readonly string[] | undefined }
  | { readonly refused: 'invalid_target'; readonly description: string };

const none: Targets = { targets: undefined };

/** `allowed`: the only ones there are; undefined allows any. */
export function targetsOf(form: Form, allowed: readonly string[] | undefined): Targets {
  if (!form.has('resource') && !form.has('audience')) return none;
  const resources = listOf(form, 'resource');
  if (!resources.every(isAbsoluteUri)) return refused('A resource is an absolute URI with no fragment');
  const targets = [...new Set([...resources, ...listOf(form, 'audience')])];
  if (allowed !== undefined && !targets.every(target => allowed.includes(target)))
    return refused('No such resource or audience here, or more than was granted');
  return { targets };
}

/** `aud`: one is a string, several are an array. */
export function audienceOf(targets: readonly string[]): string | readonly string[] {
  const [only] = targets;
  return targets.length === 1 && only !== undefined ? only : targets;
}

function isAbsoluteUri(value: string): boolean {
  return URL.canParse(value) && !value.includes('#');
}

function refused(description: string): Targets {
  return { refused: 'invalid_target', description };
}
