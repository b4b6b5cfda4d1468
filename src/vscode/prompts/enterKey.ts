import { env, l10n, workspace } from 'vscode';
import { type SecretForm, secretForms } from '../../core/checks/secretText.ts';
import type { Verifier } from '../../core/checks/verifier.ts';
import { classify, WorkbenchError } from '../../core/errors.ts';
import { requireSecureUrl } from '../../core/http/http.ts';
import { ask, pick, pickFiles } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { formText } from '../text/keys.ts';

export interface EnteredKey {
  readonly key: string;
  readonly keyFormat?: SecretForm;
}

/** What is wrong with a text as a key, or `undefined`. */
export type KeyFlaw = (key: EnteredKey) => Promise<string | undefined>;

/** Bytes of a file with a key or a key set. */
const largestFile = 512 * 1024;

export interface KeyTextQuestion {
  readonly title: string;
  readonly prompt: string;
  readonly flawOf: KeyFlaw;
  readonly keyFormat?: SecretForm;
}

/** Hidden as it is typed: whoever pastes the wrong half, or a secret, shows it to nobody. */
export async function askKeyText({
  title,
  prompt,
  flawOf,
  keyFormat,
}: KeyTextQuestion): Promise<EnteredKey | undefined> {
  const entered = (key: string) => ({ key, ...(keyFormat && { keyFormat }) });
  const key = await ask({
    title,
    prompt,
    password: true,
    flaw: text => (text === '' ? undefined : flawOf(entered(text))),
  });
  return key === undefined || key === '' ? undefined : entered(key);
}

/** A shared secret, in a form that is chosen and not guessed. */
export async function askSecret(title: string, flawOf: KeyFlaw): Promise<EnteredKey | undefined> {
  const details: Readonly<Record<SecretForm, string>> = {
    text: l10n.t('The characters as they stand, as UTF-8'),
    base64: l10n.t('Letters, digits, + and /'),
    base64url: l10n.t('Letters, digits, - and _, as k in a JWK'),
    hex: l10n.t('Two digits from 0 to f for each byte'),
  };
  const items = secretForms.map(form => ({ form, label: formText(form), detail: details[form] }));
  const picked = await pick(items, {
    title,
    placeHolder: l10n.t('How is the secret written?'),
  });
  if (!picked) return undefined;
  const prompt = l10n.t('The shared secret, as {0}', picked.label);
  return askKeyText({ title, prompt, flawOf, keyFormat: picked.form });
}

/** @throws WorkbenchError `key_invalid` */
export async function askKeyFile(title: string): Promise<(EnteredKey & { readonly name: string }) | undefined> {
  const [uri] = await pickFiles(title, { openLabel: l10n.t('Use This Key'), canSelectMany: false });
  if (!uri) return undefined;
  const { size } = await workspace.fs.stat(uri);
  if (size > largestFile) throw new WorkbenchError('key_invalid', { reason: 'pem' });
  const bytes = await workspace.fs.readFile(uri);
  return { key: textOf(bytes), name: uri.path.slice(uri.path.lastIndexOf('/') + 1) };
}

/** A certificate or a key in DER is no text: it is read as the base64 that a PEM would hold. */
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
  }
}

export async function askAddress(
  title: string,
  prompt: string,
  field: 'issuer' | 'jwksUri',
  value = '',
): Promise<string | undefined> {
  const text = await ask({
    title,
    prompt,
    value,
    placeHolder: 'https://',
    flaw: text => (text === '' ? undefined : addressFlaw(text, field)),
  });
  return text === undefined || text === '' ? undefined : text;
}

function addressFlaw(text: string, field: string): string | undefined {
  try {
    requireSecureUrl(text, field);
    return undefined;
  } catch (error) {
    return describeError(classify(error));
  }
}

/** For signatures a text is read as the verifier would; for decrypting only the token can tell. */
export function flawFor(use: 'verify' | 'decrypt', verifier: () => Promise<Verifier>): KeyFlaw {
  return async ({ key, keyFormat }) => {
    if (use === 'decrypt') return undefined;
    try {
      await (await verifier()).readKeys(key, keyFormat);
      return undefined;
    } catch (error) {
      return describeError(classify(error));
    }
  };
}

/** The clipboard's text where it plainly holds a key, and no guess is needed. */
export async function clipboardKey(use: 'verify' | 'decrypt'): Promise<string | undefined> {
  const text = (await env.clipboard.readText()).trim();
  if (text.length > largestFile) return undefined;
  const isPrivate = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text);
  const isJson = (...names: string[]) => text.startsWith('{') && names.some(name => text.includes(`"${name}"`));
  const fits =
    use === 'decrypt' ? isPrivate || isJson('d', 'k') : (!isPrivate && text.includes('-----BEGIN ')) || isJson('kty');
  return fits ? text : undefined;
}
