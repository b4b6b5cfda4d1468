import { env, l10n, type QuickPickItem, ThemeIcon, workspace } from 'vscode';
import type { RememberedKey, RememberedKeys } from '../../core/checks/rememberedKeys.ts';
import { type SecretForm, secretForms } from '../../core/checks/secretText.ts';
import type { KeyOrigin, Verifier } from '../../core/checks/verifier.ts';
import { classify } from '../../core/errors.ts';
import { withScheme } from '../../core/http/http.ts';
import type { UnlockKey } from '../../core/ports.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { confirm, flash, notify, pickFiles, separator } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { formText, keysText, rememberedText } from '../text/inputErrors.ts';
import { askPassphrase, keyFileText, urlFlaw } from './connectionQuestions.ts';
import { connectionItem } from './pick.ts';
import { ask, pick } from './questions.ts';

/** Asks for keys, and remembers those that the user wants to keep. */
export interface KeyChooser {
  /**
   * Offers the keys of the token's issuer first, then other remembered keys, other connections and everything else.
   * @throws WorkbenchError `key_invalid`
   */
  pick(question: KeyQuestion): Promise<PickedKey | undefined>;
  /** False if there is nothing to remember, or the workspace is not trusted. */
  canRemember(picked: PickedKey | undefined): boolean;
  /** @throws WorkbenchError `keys_unreadable`, `keys_full`, `secret_unavailable` */
  remember(picked: PickedKey, question: RememberQuestion, about?: RememberedKey['about']): Promise<void>;
}

export interface KeyChooserParts {
  readonly sessions: Sessions;
  readonly verifier: () => Promise<Verifier>;
  readonly remembered: RememberedKeys;
  readonly unlockKey: UnlockKey;
}

export function createKeyChooser({ sessions, verifier, remembered, unlockKey }: KeyChooserParts): KeyChooser {
  async function kept(): Promise<readonly RememberedKey[]> {
    try {
      return await remembered.list();
    } catch (error) {
      // The other keys can still be offered.
      void notify('warning', describeError(classify(error)));
      return [];
    }
  }

  return {
    async pick(question) {
      const verifying = question.use === 'verify';
      const keys = rememberedItems(await kept(), question);
      const known = verifying ? connectionItems(sessions, question) : [];
      const issuers = verifying ? issuerItems(sessions, question) : [];
      const own = (items: readonly KeyItem[]) => items.filter(({ isOwn }) => isOwn);
      const others = (items: readonly KeyItem[]) => items.filter(({ isOwn }) => !isOwn);
      const groups: [string, KeyItem[]][] = [
        [l10n.t('the issuer that the token names'), [...own(keys), ...own(known), ...own(issuers)]],
        [l10n.t('remembered'), others(keys)],
        [l10n.t('connections'), others(known)],
        [l10n.t('other keys'), [...others(issuers), ...(await textItems({ verifier, unlockKey }, question))]],
      ];
      if (question.shared) groups.unshift([l10n.t('signed with a shared secret'), [secretItem(question, verifier)]]);
      const items = groups.flatMap(([label, group]): KeyItem[] =>
        group.length === 0 ? [] : [separator(label), ...group],
      );
      const placeHolder = verifying
        ? l10n.t('Choose a verification key')
        : question.use === 'sign'
          ? l10n.t('Choose a signing key. It is not stored.')
          : l10n.t('Choose a decryption key. It is not stored.');
      const { title } = question;
      // Stays open while the user fetches the key from another window.
      const stays = { ignoreFocusOut: true };
      const picked = await pick(items, {
        title,
        placeHolder,
        matchOnDescription: true,
        ...stays,
      });
      return picked?.choose?.();
    },
    canRemember: picked => picked?.source !== undefined && workspace.isTrusted,
    async remember({ source }, { use, issuer }, about) {
      if (source === undefined) return;
      const key = {
        use,
        source,
        ...(issuer !== undefined && { issuer }),
        ...('key' in source && about && { about: publicFacts(about) }),
      };
      await remembered.add(key);
      flash(l10n.t('Key remembered: {0}', rememberedText(key)), 3000);
    },
  };
}

/** The displayable properties of a key. Other members are dropped, because they could be secret. */
function publicFacts({ kty, crv, size, kid, alg, thumbprint }: NonNullable<RememberedKey['about']>) {
  return {
    kty,
    ...(crv !== undefined && { crv }),
    ...(size !== undefined && { size }),
    ...(kid !== undefined && { kid }),
    ...(alg !== undefined && { alg }),
    ...(thumbprint !== undefined && { thumbprint }),
  };
}

interface KeyQuestion {
  readonly title: string;
  readonly use: RememberedKey['use'] | 'sign';
  /** The `iss` claim of the token. The user is asked before anything is fetched from it. */
  readonly issuer?: string;
  /** Signed with HMAC. No public key can verify it, so the shared secret is offered first. */
  readonly shared?: boolean;
}

type RememberQuestion = Pick<RememberedKey, 'use' | 'issuer'>;

export interface PickedKey {
  readonly origin: KeyOrigin;
  /** Where the key comes from, as a text. */
  readonly from: string;
  /** What to store if the key is remembered; undefined if it already is. */
  readonly source?: RememberedKey['source'];
}

interface KeyItem extends QuickPickItem {
  /** A key of the issuer that the token names: others can hardly verify it. */
  readonly isOwn?: boolean;
  readonly choose?: () => Promise<PickedKey | undefined>;
}

function rememberedItems(keys: readonly RememberedKey[], { use, issuer }: KeyQuestion): KeyItem[] {
  return keys
    .filter(key => key.use === use)
    .map(key => ({
      isOwn: key.issuer !== undefined && key.issuer === issuer,
      label: rememberedText(key),
      description: key.issuer === undefined ? '' : l10n.t('for {0}', printable(key.issuer, 80)),
      iconPath: new ThemeIcon('bookmark'),
      choose: async () => ({
        origin: key.source,
        from: l10n.t('a remembered key: {0}', rememberedText(key)),
      }),
    }));
}

function connectionItems(sessions: Sessions, { issuer }: KeyQuestion): KeyItem[] {
  const isNamed = (of: string | undefined) => of !== undefined && of === issuer;
  return sessions
    .list()
    .filter(({ connection }) => (connection.issuer ?? connection.jwksUri) !== undefined)
    .map(session => {
      const { connection } = session;
      const { label, detail = '' } = connectionItem(session);
      return {
        label,
        detail,
        iconPath: new ThemeIcon('plug'),
        isOwn: isNamed(connection.issuer),
        choose: async () => ({
          origin: { connection },
          from: l10n.t('the key set of the connection "{0}"', printable(label, 80)),
        }),
      };
    });
}

function issuerItems(sessions: Sessions, { title, issuer }: KeyQuestion): KeyItem[] {
  const known = sessions.list().some(({ connection }) => connection.issuer === issuer);
  const named = issuer !== undefined && URL.canParse(issuer) && !known ? issuer : undefined;
  const keysOf = (issuer: string): PickedKey => ({
    origin: { issuer },
    from: l10n.t('the key set of {0}', printable(issuer, 100)),
    source: { issuer },
  });
  const own = named !== undefined && {
    label: l10n.t('Ask {0}', printable(new URL(named).host, 80)),
    isOwn: true,
    iconPath: new ThemeIcon('globe'),
    choose: async () => ((await consent(named)) ? keysOf(named) : undefined),
  };
  return [
    ...(own ? [own] : []),
    {
      label: l10n.t('Another issuer...'),
      iconPath: new ThemeIcon('globe'),
      async choose() {
        const typed = await askAddress(title, l10n.t('The issuer, as its tokens name it (iss)'), 'issuer');
        return typed === undefined ? undefined : keysOf(typed);
      },
    },
    {
      label: l10n.t('URL of a key set...'),
      description: 'jwks_uri',
      iconPath: new ThemeIcon('link'),
      async choose() {
        const jwksUri = await askAddress(title, l10n.t('The URL of a JWK Set'), 'jwksUri');
        const from = l10n.t('the key set at {0}', printable(jwksUri ?? '', 100));
        return jwksUri === undefined ? undefined : { origin: { jwksUri }, from, source: { jwksUri } };
      },
    },
  ];
}

/** Keys that the user enters or loads from a file. */
async function textItems(
  { verifier, unlockKey }: Pick<KeyChooserParts, 'verifier' | 'unlockKey'>,
  question: KeyQuestion,
): Promise<KeyItem[]> {
  const { title, use, shared = false } = question;
  const flawOf = flawFor(use, verifier);
  const opened = async (entered: EnteredKey | undefined, from: string): Promise<PickedKey | undefined> => {
    // A signature is checked with the public key, so a private key is rejected without asking for its passphrase.
    if (entered === undefined || use === 'verify') return given(entered, from);
    const text = await askPassphrase({ title, step: 0 }, entered.key, unlockKey);
    return text.turn === 'next' ? given({ ...entered, key: text.value }, from) : undefined;
  };
  const what =
    use === 'verify'
      ? l10n.t('PEM public key or certificate, JWK or JWK Set')
      : l10n.t('PEM private key, JWK or JWK Set');
  const clipboard = await clipboardKey(use);
  const usable = clipboard !== undefined && (await flawOf({ key: clipboard })) === undefined;
  const seen = usable && {
    label: l10n.t('Key on the clipboard'),
    description:
      use !== 'verify' ? l10n.t('a private key or secret') : keysText(await (await verifier()).readKeys(clipboard)),
    iconPath: new ThemeIcon('clippy'),
    choose: () => opened({ key: clipboard }, l10n.t('the clipboard')),
  };
  return [
    ...(seen ? [seen] : []),
    {
      label: l10n.t('Paste a key...'),
      description: what,
      iconPath: new ThemeIcon('edit'),
      choose: async () => opened(await askKeyText({ title, prompt: what, flawOf }), l10n.t('a pasted key')),
    },
    {
      label: l10n.t('Open a file with a key...'),
      description: what,
      iconPath: new ThemeIcon('file'),
      async choose() {
        const file = await askKeyFile(title);
        return opened(file && { key: file.key }, l10n.t('the file {0}', printable(file?.name ?? '', 80)));
      },
    },
    ...(shared ? [] : [secretItem(question, verifier)]),
  ];
}

function secretItem({ title, use }: KeyQuestion, verifier: () => Promise<Verifier>): KeyItem {
  return {
    label: l10n.t('Shared secret...'),
    description: l10n.t('plain text, base64, base64url or hex'),
    iconPath: new ThemeIcon('lock'),
    choose: async () => given(await askSecret(title, flawFor(use, verifier)), l10n.t('a shared secret')),
  };
}

function given(entered: EnteredKey | undefined, from: string): PickedKey | undefined {
  return entered && { origin: entered, from, source: entered };
}

/** Asks before fetching, because the issuer is only a claim of the token and an attacker can name any server in it. */
async function consent(issuer: string): Promise<boolean> {
  const yes = l10n.t('Fetch Its Keys');
  const answer = await confirm(
    l10n.t('Fetch the keys of {0}?', printable(new URL(issuer).host, 100)),
    l10n.t(
      'The token names this issuer, and no connection uses it. Its metadata and its keys are fetched; the token is not sent. Keys of an issuer that you do not trust prove nothing.',
    ),
    yes,
  );
  return answer === yes;
}

interface EnteredKey {
  readonly key: string;
  readonly keyFormat?: SecretForm;
}

/** What is wrong with a text as a key, or `undefined`. */
type KeyFlaw = (key: EnteredKey) => Promise<string | undefined>;

interface KeyTextQuestion {
  readonly title: string;
  readonly prompt: string;
  readonly flawOf: KeyFlaw;
  readonly keyFormat?: SecretForm;
}

/** The input is masked, so that a private key or a secret pasted by mistake stays hidden. */
async function askKeyText({ title, prompt, flawOf, keyFormat }: KeyTextQuestion): Promise<EnteredKey | undefined> {
  const entered = (key: string) => ({ key, ...(keyFormat && { keyFormat }) });
  const key = await ask({
    title,
    prompt,
    password: true,
    flaw: text => (text === '' ? undefined : flawOf(entered(text))),
  });
  return key === undefined || key === '' ? undefined : entered(key);
}

/** Asks for a shared secret and its encoding, which cannot be guessed. */
async function askSecret(title: string, flawOf: KeyFlaw): Promise<EnteredKey | undefined> {
  const details: Readonly<Record<SecretForm, string>> = {
    text: l10n.t('The characters as they are, in UTF-8'),
    base64: l10n.t('Letters, digits, + and /'),
    base64url: l10n.t('Letters, digits, - and _, as k in a JWK'),
    hex: l10n.t('Two digits from 0 to f for each byte'),
  };
  const items = secretForms.map(form => ({ form, label: formText(form), detail: details[form] }));
  const picked = await pick(items, {
    title,
    placeHolder: l10n.t('How is the secret encoded?'),
  });
  if (!picked) return undefined;
  const prompt = l10n.t('The shared secret, as {0}', picked.label);
  return askKeyText({ title, prompt, flawOf, keyFormat: picked.form });
}

/** @throws WorkbenchError `file_unreadable` */
async function askKeyFile(title: string): Promise<(EnteredKey & { readonly name: string }) | undefined> {
  const [uri] = await pickFiles(title, { openLabel: l10n.t('Use This Key'), canSelectMany: false });
  return uri && { key: await keyFileText(uri), name: uri.path.slice(uri.path.lastIndexOf('/') + 1) };
}

async function askAddress(title: string, prompt: string, field: 'issuer' | 'jwksUri'): Promise<string | undefined> {
  const text = await ask({
    title,
    prompt,
    placeHolder: 'https://',
    flaw: text => (text === '' ? undefined : urlFlaw(withScheme(text), field)),
  });
  return text === undefined || text === '' ? undefined : withScheme(text);
}

/** For signatures, the verifier reads the key. For decryption, only the token can tell whether the key fits. */
function flawFor(use: KeyQuestion['use'], verifier: () => Promise<Verifier>): KeyFlaw {
  return async ({ key, keyFormat }) => {
    if (use === 'decrypt') return undefined;
    try {
      const { readKeys, readOwnKey } = await verifier();
      await (use === 'sign' ? readOwnKey : readKeys)(key, keyFormat);
      return undefined;
    } catch (error) {
      return describeError(classify(error));
    }
  };
}

/** Characters. Longer texts are not keys. */
const longestClipboard = 512 * 1024;

/** The text on the clipboard, if it unmistakably is a key. */
async function clipboardKey(use: KeyQuestion['use']): Promise<string | undefined> {
  const text = (await env.clipboard.readText()).trim();
  if (text.length > longestClipboard) return undefined;
  const isPrivate = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text);
  const isJson = (...names: string[]) => text.startsWith('{') && names.some(name => text.includes(`"${name}"`));
  const fits =
    use !== 'verify' ? isPrivate || isJson('d', 'k') : (!isPrivate && text.includes('-----BEGIN ')) || isJson('kty');
  return fits ? text : undefined;
}
