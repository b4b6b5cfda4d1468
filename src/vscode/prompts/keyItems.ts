import { l10n, type QuickPickItem, ThemeIcon } from 'vscode';
import type { RememberedKey } from '../../core/checks/rememberedKeys.ts';
import type { KeyOrigin, Verifier } from '../../core/checks/verifier.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { confirm } from '../screen.ts';
import { keysText, rememberedText } from '../text/keys.ts';
import { askAddress, askKeyFile, askKeyText, askSecret, clipboardKey, type EnteredKey, flawFor } from './enterKey.ts';
import { connectionItem } from './pickConnection.ts';

export interface KeyQuestion {
  readonly title: string;
  readonly use: 'verify' | 'decrypt';
  /** What the token says in `iss`; a proposal, and nothing that is asked without a yes. */
  readonly issuer?: string;
}

export interface PickedKey {
  readonly origin: KeyOrigin;
  /** Where it is from, in words. */
  readonly from: string;
  /** What there is to remember; nothing for what is kept already. */
  readonly source?: RememberedKey['source'];
}

export interface KeyItem extends QuickPickItem {
  readonly choose?: () => Promise<PickedKey | undefined>;
}

export function rememberedItems(keys: readonly RememberedKey[], { use, issuer }: KeyQuestion): KeyItem[] {
  const rank = (key: RememberedKey) => (key.issuer !== undefined && key.issuer === issuer ? 0 : 1);
  return keys
    .filter(key => key.use === use)
    .toSorted((one, other) => rank(one) - rank(other))
    .map(key => ({
      label: rememberedText(key),
      description: key.issuer === undefined ? '' : l10n.t('for {0}', printable(key.issuer, 80)),
      iconPath: new ThemeIcon('bookmark'),
      choose: async () => ({
        origin: key.source,
        from: l10n.t('a remembered key: {0}', rememberedText(key)),
      }),
    }));
}

export function connectionItems(sessions: Sessions, { issuer }: KeyQuestion): KeyItem[] {
  const isNamed = (of: string | undefined) => of !== undefined && of === issuer;
  return sessions
    .list()
    .filter(({ connection }) => (connection.issuer ?? connection.jwksUri) !== undefined)
    .toSorted((one, other) => Number(isNamed(other.connection.issuer)) - Number(isNamed(one.connection.issuer)))
    .map(session => {
      const { connection } = session;
      const { label, detail = '' } = connectionItem(session);
      return {
        label,
        detail,
        iconPath: new ThemeIcon('plug'),
        description: isNamed(connection.issuer) ? l10n.t('the issuer that the token names') : '',
        choose: async () => ({
          origin: { connection },
          from: l10n.t('the key set of the connection "{0}"', printable(label, 80)),
        }),
      };
    });
}

export function issuerItems(sessions: Sessions, { title, issuer }: KeyQuestion): KeyItem[] {
  const known = sessions.list().some(({ connection }) => connection.issuer === issuer);
  const named = issuer !== undefined && URL.canParse(issuer) && !known ? issuer : undefined;
  const keysOf = (issuer: string): PickedKey => ({
    origin: { issuer },
    from: l10n.t('the key set of {0}', printable(issuer, 100)),
    source: { issuer },
  });
  const own = named !== undefined && {
    label: l10n.t('Ask {0}', printable(new URL(named).host, 80)),
    description: l10n.t('the issuer that the token names'),
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
      label: l10n.t('Address of a key set...'),
      description: 'jwks_uri',
      iconPath: new ThemeIcon('link'),
      async choose() {
        const jwksUri = await askAddress(title, l10n.t('The address of a JWK Set'), 'jwksUri');
        const from = l10n.t('the key set at {0}', printable(jwksUri ?? '', 100));
        return jwksUri === undefined ? undefined : { origin: { jwksUri }, from, source: { jwksUri } };
      },
    },
  ];
}

/** Keys in the hands of the user. */
export async function textItems(verifier: () => Promise<Verifier>, { title, use }: KeyQuestion): Promise<KeyItem[]> {
  const flawOf = flawFor(use, verifier);
  const given = (entered: EnteredKey | undefined, from: string): PickedKey | undefined =>
    entered && { origin: entered, from, source: entered };
  const what =
    use === 'verify'
      ? l10n.t('PEM public key or certificate, JWK or JWK Set')
      : l10n.t('PEM private key, JWK or JWK Set');
  const clipboard = await clipboardKey(use);
  const usable = clipboard !== undefined && (await flawOf({ key: clipboard })) === undefined;
  const seen = usable && {
    label: l10n.t('Key on the clipboard'),
    description:
      use === 'decrypt' ? l10n.t('a private key or secret') : keysText(await (await verifier()).readKeys(clipboard)),
    iconPath: new ThemeIcon('clippy'),
    choose: async () => given({ key: clipboard }, l10n.t('the clipboard')),
  };
  return [
    ...(seen ? [seen] : []),
    {
      label: l10n.t('Paste a key...'),
      description: what,
      iconPath: new ThemeIcon('edit'),
      choose: async () => given(await askKeyText({ title, prompt: what, flawOf }), l10n.t('a key that was pasted')),
    },
    {
      label: l10n.t('Open a file with a key...'),
      description: what,
      iconPath: new ThemeIcon('file'),
      async choose() {
        const file = await askKeyFile(title);
        return file && given({ key: file.key }, l10n.t('the file {0}', printable(file.name, 80)));
      },
    },
    {
      label: l10n.t('Shared secret...'),
      description: l10n.t('plain text, base64, base64url or hex'),
      iconPath: new ThemeIcon('lock'),
      choose: async () => given(await askSecret(title, flawOf), l10n.t('a shared secret that was given')),
    },
  ];
}

/** The issuer is the token's own word: whoever wrote the token chose whom to ask. */
async function consent(issuer: string): Promise<boolean> {
  const yes = l10n.t('Ask for Its Keys');
  const answer = await confirm(
    l10n.t('Ask {0} for its keys?', printable(new URL(issuer).host, 100)),
    l10n.t(
      'The token names this issuer, and no connection has it. Its metadata and its keys are fetched; the token is not sent. A token proves nothing with keys of an issuer that you do not trust.',
    ),
    yes,
  );
  return answer === yes;
}
