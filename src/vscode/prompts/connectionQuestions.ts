/** The questions about an issuer and about a client's credential, for new connections and for those that exist. */
import { l10n, ThemeIcon, type Uri } from 'vscode';
import { classify, type WorkbenchError } from '../../core/errors.ts';
import { isTransient } from '../../core/errorTable.ts';
import { requireSecureUrl, withScheme } from '../../core/http/http.ts';
import { readCredentials } from '../../core/issuer/clientKey.ts';
import type { Discovery, IssuerMetadata } from '../../core/issuer/discovery.ts';
import type { UnlockKey } from '../../core/ports.ts';
import { isMutualTls, issuerOfAddress, type TokenEndpointAuthMethod, usesKey } from '../../core/records/connection.ts';
import type { ClientCredentials } from '../../core/records/record.ts';
import { lockedKey, withOpened } from '../../core/tokens/keyMaterial.ts';
import { pickFiles } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { fileBytes } from './pick.ts';
import { type Answer, askChoice, askText, type Place, showBusyInput } from './questions.ts';

// --- The issuer ---

export interface AskedIssuer {
  readonly issuer: string;
  /** Without it, the user enters the token endpoint. */
  readonly metadata?: IssuerMetadata;
  /** False if the issuer was known and its metadata could be read, so the user was not asked. */
  readonly asked: boolean;
}

interface IssuerQuestion {
  /** An issuer whose metadata is tried first, without asking the user. */
  readonly known: string | undefined;
  readonly before: string | undefined;
  readonly prompt: string | undefined;
}

/** Asks for an issuer until its metadata could be read or the user gives up. */
export async function askIssuer(
  place: Place,
  discovery: Discovery,
  { known, before, prompt }: IssuerQuestion,
): Promise<Answer<AskedIssuer>> {
  let issuer = before;
  let asked = false;
  let next = known;
  for (;;) {
    if (next === undefined) {
      asked = true;
      const text = await askText({
        ...place,
        value: issuer,
        prompt:
          prompt ??
          l10n.t(
            'Enter the full URL of the issuer, for example https://login.example.com. Everything else is discovered from it.',
          ),
        placeholder: 'https://login.example.com',
        validate: text => urlFlaw(withScheme(text), 'issuer'),
      });
      if (text.turn !== 'next') return text;
      next = issuerOfAddress(withScheme(text.value));
    }
    issuer = next;
    next = undefined;
    const answer = await discover(place, discovery, issuer);
    if (answer === 'cancelled') return { turn: answer };
    if ('metadata' in answer) return { turn: 'next', value: { issuer, metadata: answer.metadata, asked } };
    const choice = await askChoice(place, choicesAfter(answer.failure, issuer), {
      placeholder: l10n.t('What next?'),
      prompt: describeError(answer.failure),
    });
    if (choice.turn === 'cancelled') return choice;
    const [chosen] = choice.turn === 'next' ? choice.value : [];
    if (chosen?.manual) return { turn: 'next', value: { issuer, asked: true } };
    next = chosen?.issuer;
    if (next !== undefined) asked = true;
  }
}

function discover(place: Place, discovery: Discovery, issuer: string): Promise<Discovered> {
  const shown = { value: issuer, prompt: l10n.t('Asking the issuer for its metadata...') };
  return showBusyInput(place, shown, async signal => {
    try {
      return { metadata: await discovery.metadata(issuer, signal) };
    } catch (error) {
      const failure = classify(error);
      return failure.code === 'cancelled' ? 'cancelled' : { failure };
    }
  });
}

type Discovered = { readonly metadata: IssuerMetadata } | { readonly failure: WorkbenchError } | 'cancelled';

interface Choice {
  readonly label: string;
  readonly description?: string;
  readonly issuer?: string;
  readonly manual?: boolean;
}

function choicesAfter(failure: WorkbenchError, issuer: string): Choice[] {
  const found = failure.code === 'issuer_mismatch' ? failure.data.found : undefined;
  // The issuer named in the metadata is only offered: its own metadata must then name the same issuer. A pattern such
  // as {tenantid} is not an address.
  const other = found !== undefined && !found.includes('{') && urlFlaw(found, 'issuer') === undefined;
  return [
    ...(other
      ? [
          {
            label: l10n.t('Use {0}', found),
            description: l10n.t("the name in the issuer's metadata and tokens"),
            issuer: found,
          },
        ]
      : []),
    ...(isTransient(failure) ? [{ label: l10n.t('Try again'), issuer }] : []),
    { label: l10n.t('Change the URL') },
    {
      label: l10n.t('Enter the token endpoint manually'),
      description: l10n.t('for issuers without metadata'),
      manual: true,
    },
  ];
}

/** What is wrong with the text as a URL, or `undefined`. */
export function urlFlaw(text: string, field: string): string | undefined {
  try {
    requireSecureUrl(text, field);
    return undefined;
  } catch (error) {
    return describeError(classify(error));
  }
}

// --- The client's credential ---

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
