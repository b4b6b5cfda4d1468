import { l10n } from 'vscode';
import type { KeyInfo } from '../../core/checks/checks.ts';
import type { RememberedKey } from '../../core/checks/rememberedKeys.ts';
import type { SecretForm } from '../../core/checks/secretText.ts';
import { printable } from '../../core/redact.ts';

/** What a key is, without showing it: "RSA, 2048 bits, kid 2024-1". */
export function keyText({ kty, crv, size, kid, alg }: NonNullable<RememberedKey['about']>): string {
  const kind = kty === 'oct' ? l10n.t('shared secret') : (crv ?? (kty === 'AKP' ? alg : undefined) ?? kty);
  const bits = size === undefined ? undefined : l10n.t('{0} bits', size);
  const id = kid === undefined ? undefined : l10n.t('key id {0}', printable(kid, 60));
  return [kind, bits, id].filter(each => each !== undefined).join(', ');
}

export function keysText(keys: readonly KeyInfo[]): string {
  const [first] = keys;
  return first !== undefined && keys.length === 1 ? keyText(first) : l10n.t('{0} keys', keys.length);
}

/** Where a remembered key is from, or what it is. */
export function rememberedText({ source, about }: Pick<RememberedKey, 'source' | 'about'>): string {
  if ('jwksUri' in source) return l10n.t('Keys at {0}', printable(source.jwksUri, 100));
  if ('issuer' in source) return l10n.t('Keys of {0}', printable(source.issuer, 100));
  return about ? keyText(about) : l10n.t('A key');
}

export function formText(form: SecretForm): string {
  return form === 'text' ? l10n.t('plain text') : form;
}
