/** Shared parts of the sentences about checks. Text from tokens is shown with its invisible characters. */
import { l10n } from 'vscode';
import type { CheckId } from '../../core/checks/checks.ts';
import type { Check } from '../../core/checks/finding.ts';
import { printable } from '../../core/redact.ts';
import { textFrom } from '../../core/tokens/json.ts';
import { dateText, skewAdvice } from './time.ts';

/** The finding, and advice if there is any. */
export type Sentences = readonly [detail: string, advice?: string];

export type SentencesOf = (check: Check) => Sentences;

export function kindOf(kind: string | undefined): string {
  switch (kind) {
    case 'id_token':
      return l10n.t('ID token');
    case 'refresh_token':
      return l10n.t('offline or refresh token');
    default:
      return l10n.t('access token');
  }
}

/** Checks named after a claim or a parameter use that name. */
export function nameOf(id: string): string {
  return id === 'header_key' ? l10n.t('key in its header') : id;
}

/** Names the clock if it explains the failure; otherwise returns the general advice. */
export function clockOr(data: Check['data'], otherwise: string): string {
  return typeof data?.ahead === 'number' ? skewAdvice(data.ahead) : otherwise;
}

export function plain(value: string | number | boolean | undefined, otherwise = ''): string {
  return value === undefined || value === '' ? otherwise : printable(textFrom(value), 200);
}

export function quoted(value: string | number | undefined): string {
  return `"${plain(value)}"`;
}

export function dateOf(at: number | undefined): string {
  return dateText(at ?? Number.NaN);
}

/** A check's name in the terms of the specifications. */
export function titleOf(id: string): string {
  const title = Object.hasOwn(titles, id) ? titles[id as CheckId] : undefined;
  return title?.() ?? id;
}

const titles: Readonly<Record<CheckId, () => string>> = {
  signature: () => l10n.t('Signature'),
  key: () => l10n.t('Key'),
  alg: () => l10n.t('Algorithm (alg)'),
  typ: () => l10n.t('Type (typ)'),
  crit: () => l10n.t('Critical extensions (crit)'),
  b64: () => l10n.t('Payload encoding (b64)'),
  header_key: () => l10n.t('Keys in the header'),
  members: () => l10n.t('Member names'),
  encoding: () => l10n.t('Encoding'),
  iss: () => l10n.t('Issuer (iss)'),
  aud: () => l10n.t('Audience (aud)'),
  azp: () => l10n.t('Authorized party (azp)'),
  sub: () => l10n.t('Subject (sub)'),
  exp: () => l10n.t('Expiry (exp)'),
  nbf: () => l10n.t('Not before (nbf)'),
  iat: () => l10n.t('Issued at (iat)'),
  nonce: () => l10n.t('Nonce (nonce)'),
  at_hash: () => l10n.t('Access token hash (at_hash)'),
  cnf: () => l10n.t('Bound to a key (cnf)'),
  numbers: () => l10n.t('Numbers'),
  claims: () => l10n.t('Claims of the type'),
  disclosures: () => l10n.t('Disclosures (SD-JWT)'),
  key_binding: () => l10n.t('Key binding (SD-JWT)'),
  proof: () => l10n.t('Proof of possession (DPoP)'),
};
