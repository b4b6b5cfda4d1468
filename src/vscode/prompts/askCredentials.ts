import { l10n, ThemeIcon, workspace } from 'vscode';
import { classify } from '../../core/errors.ts';
import { readCredentials } from '../../core/issuer/clientKey.ts';
import { isMutualTls, type TokenEndpointAuthMethod, usesKey } from '../../core/records/connection.ts';
import type { ClientCredentials } from '../../core/records/credentials.ts';
import { pickFiles } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { askText, type Place, type Turn } from './steps.ts';

/** Asks for what the client proves itself with: a secret, or a private key from the clipboard or a file. */
export async function askCredentials(
  place: Place,
  method: TokenEndpointAuthMethod,
): Promise<ClientCredentials | Exclude<Turn, 'next'>> {
  const button = { iconPath: new ThemeIcon('folder-opened'), tooltip: l10n.t('Read from a File...') };
  const text = await askText({
    ...place,
    password: true,
    prompt: promptFor(method),
    validate: text => flawOf(method, text),
    ...(usesKey(method) && { fetch: { button, text: fromFile } }),
  });
  return text === 'back' || text === 'cancelled' ? text : readCredentials(method, text);
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
  if (text === '' && !usesKey(method)) return l10n.t('This client authentication needs the secret.');
  return readCredentials(method, text).then(
    () => undefined,
    error => describeError(classify(error)),
  );
}

/** The largest file that is looked at, in bytes: a chain of certificates is far smaller. */
const largest = 64 * 1024;

async function fromFile(): Promise<string | undefined> {
  const files = await pickFiles(l10n.t('Private Key'), { canSelectMany: true });
  const contents = await Promise.all(
    files.map(async file => {
      const { size } = await workspace.fs.stat(file);
      return size > largest ? '' : new TextDecoder().decode(await workspace.fs.readFile(file));
    }),
  );
  return files.length === 0 ? undefined : contents.join('\n');
}
