import { l10n, ThemeIcon, type Uri } from 'vscode';
import { classify } from '../../core/errors.ts';
import { readCredentials } from '../../core/issuer/clientKey.ts';
import type { UnlockKey } from '../../core/ports.ts';
import { isMutualTls, type TokenEndpointAuthMethod, usesKey } from '../../core/records/connection.ts';
import type { ClientCredentials } from '../../core/records/record.ts';
import { lockedKey, withOpened } from '../../core/tokens/keyMaterial.ts';
import { pickFiles } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { fileBytes } from './pick.ts';
import { type Answer, askText, type Place } from './questions.ts';

/** What is wrong with a text, or `undefined`. */
type FlawOf = (text: string) => Promise<string | undefined>;

/** Asks for the client's credential: a secret, or a private key from the clipboard or a file. */
export async function askCredentials(
  place: Place,
  method: TokenEndpointAuthMethod,
  unlock: UnlockKey,
): Promise<Answer<ClientCredentials>> {
  const button = { iconPath: new ThemeIcon('folder-opened'), tooltip: l10n.t('Read from a File...') };
  const flaw: FlawOf = text => flawOf(method, text);
  const given = await askText({
    ...place,
    password: true,
    prompt: promptFor(method),
    validate: async text => (usesKey(method) && lockedKey(text) !== undefined ? undefined : flaw(text)),
    ...(usesKey(method) && { fetch: { button, text: fromFiles } }),
  });
  const opened =
    given.turn === 'next' && usesKey(method) ? await askPassphrase(place, given.value, unlock, flaw) : given;
  return opened.turn === 'next' ? { turn: 'next', value: await readCredentials(method, opened.value) } : opened;
}

/** Decrypts a private key that is protected by a passphrase. The passphrase is not stored. */
export async function askPassphrase(
  place: Place,
  text: string,
  unlock: UnlockKey,
  flaw: FlawOf = async () => undefined,
): Promise<Answer<string>> {
  const locked = lockedKey(text);
  if (locked === undefined) return { turn: 'next', value: text };
  let opened = text;
  const asked = await askText({
    ...place,
    password: true,
    exact: true,
    prompt: l10n.t('The passphrase of this private key. It opens the key now and is not stored.'),
    async validate(passphrase) {
      try {
        opened = withOpened(text, await unlock(locked, passphrase));
      } catch (error) {
        return describeError(classify(error));
      }
      return flaw(opened);
    },
  });
  return asked.turn === 'next' ? { turn: 'next', value: opened } : asked;
}

function promptFor(method: TokenEndpointAuthMethod): string {
  if (!usesKey(method))
    return l10n.t('The client secret. It is kept in VS Code SecretStorage, never in your settings.');
  return isMutualTls(method)
    ? l10n.t(
        'The certificate and its private key, as PEM. They are kept in VS Code SecretStorage, never in your settings.',
      )
    : l10n.t('The private key, as PEM (PKCS #8) or JWK. It is kept in VS Code SecretStorage, never in your settings.');
}

async function flawOf(method: TokenEndpointAuthMethod, text: string): Promise<string | undefined> {
  if (text === '' && !usesKey(method)) return l10n.t('This client authentication requires the secret.');
  return readCredentials(method, text).then(
    () => undefined,
    error => describeError(classify(error)),
  );
}

async function fromFiles(): Promise<string | undefined> {
  const files = await pickFiles(l10n.t('Private Key'), { canSelectMany: true });
  const contents = await Promise.all(files.map(file => keyFileText(file)));
  return files.length === 0 ? undefined : contents.join('\n');
}

/** Largest key file, in bytes. */
const largestFile = 2 ** 19;

/**
 * The text of a key file. A certificate or key in DER is returned as the base64 that a PEM would contain.
 * @throws WorkbenchError `file_unreadable`
 */
export async function keyFileText(file: Uri): Promise<string> {
  const bytes = await fileBytes(file, largestFile);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
  }
}
