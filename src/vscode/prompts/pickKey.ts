import { l10n, QuickPickItemKind, workspace } from 'vscode';
import type { RememberedKey, RememberedKeys } from '../../core/checks/rememberedKeys.ts';
import type { Verifier } from '../../core/checks/verifier.ts';
import { classify } from '../../core/errors.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { flash, notify, pick } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { rememberedText } from '../text/keys.ts';
import {
  connectionItems,
  issuerItems,
  type KeyItem,
  type KeyQuestion,
  type PickedKey,
  rememberedItems,
  textItems,
} from './keyItems.ts';

/** Asks for keys, and remembers those that somebody wants remembered. */
export interface KeyChooser {
  /** What was remembered first, then connections, then everything else. @throws WorkbenchError `key_invalid` */
  pick(question: KeyQuestion): Promise<PickedKey | undefined>;
  /** False where there is nothing to remember, or the workspace is not trusted. */
  canRemember(picked: PickedKey | undefined): boolean;
  /** @throws WorkbenchError `keys_unreadable`, `keys_full`, `secret_unavailable` */
  remember(picked: PickedKey, question: Omit<KeyQuestion, 'title'>, about?: RememberedKey['about']): Promise<void>;
}

export interface KeyChooserParts {
  readonly sessions: Sessions;
  readonly verifier: () => Promise<Verifier>;
  readonly remembered: RememberedKeys;
}

export function createKeyChooser({ sessions, verifier, remembered }: KeyChooserParts): KeyChooser {
  async function kept(): Promise<readonly RememberedKey[]> {
    try {
      return await remembered.list();
    } catch (error) {
      // The other keys are there all the same.
      void notify('warning', describeError(classify(error)));
      return [];
    }
  }

  return {
    async pick(question) {
      const verifying = question.use === 'verify';
      const groups: [string, KeyItem[]][] = [
        [l10n.t('remembered'), rememberedItems(await kept(), question)],
        [l10n.t('connections'), verifying ? connectionItems(sessions, question) : []],
        [
          l10n.t('other keys'),
          [...(verifying ? issuerItems(sessions, question) : []), ...(await textItems(verifier, question))],
        ],
      ];
      const items = groups.flatMap(([label, group]): KeyItem[] =>
        group.length === 0 ? [] : [{ label, kind: QuickPickItemKind.Separator }, ...group],
      );
      const placeHolder = verifying
        ? l10n.t('Verify with whose keys?')
        : l10n.t('Decrypt with which key? It is used here and kept nowhere.');
      const { title } = question;
      // It stays while somebody fetches the key from another window.
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

/** What may be shown of a key, and nothing else that may stand beside it. */
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
