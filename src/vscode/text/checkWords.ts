/** What the sentences about checks have in common. What a token says is shown with its invisible characters. */
import { l10n } from 'vscode';
import type { Check } from '../../core/checks/finding.ts';
import { printable, valueText } from '../../core/redact.ts';
import { dateText, skewAdvice } from './time.ts';

/** What was found, and what to do where something can be done. */
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

/** Names of checks that stand for a claim or a parameter are their own. */
export function nameOf(id: string): string {
  return id === 'header_key' ? l10n.t('key in its header') : id;
}

/** Where the clock explains the failure it is named; otherwise it is one of the things to look at. */
export function clockOr(data: Check['data'], otherwise: string): string {
  return typeof data?.ahead === 'number' ? skewAdvice(data.ahead) : otherwise;
}

export function plain(value: string | number | boolean | undefined, otherwise = ''): string {
  return value === undefined || value === '' ? otherwise : printable(valueText(value), 200);
}

export function quoted(value: string | number | undefined): string {
  return `"${plain(value)}"`;
}

export function dateOf(at: number | undefined): string {
  return dateText(at ?? Number.NaN);
}

/** A check's name in the words of the specifications. */
export function titleOf(id: string): string {
  switch (id) {
    case 'signature':
      return l10n.t('Signature');
    case 'key':
      return l10n.t('Key');
    case 'alg':
      return l10n.t('Algorithm (alg)');
    case 'typ':
      return l10n.t('Type (typ)');
    case 'crit':
      return l10n.t('Critical extensions (crit)');
    case 'b64':
      return l10n.t('Payload encoding (b64)');
    case 'header_key':
      return l10n.t('Keys in the header');
    case 'members':
      return l10n.t('Member names');
    case 'encoding':
      return l10n.t('Encoding');
    case 'iss':
      return l10n.t('Issuer (iss)');
    case 'aud':
      return l10n.t('Audience (aud)');
    case 'azp':
      return l10n.t('Authorized party (azp)');
    case 'sub':
      return l10n.t('Subject (sub)');
    case 'exp':
      return l10n.t('Expiry (exp)');
    case 'nbf':
      return l10n.t('Not before (nbf)');
    case 'iat':
      return l10n.t('Issued at (iat)');
    case 'nonce':
      return l10n.t('Nonce (nonce)');
    case 'at_hash':
      return l10n.t('Access token hash (at_hash)');
    case 'cnf':
      return l10n.t('Bound to a key (cnf)');
    case 'numbers':
      return l10n.t('Numbers');
    case 'claims':
      return l10n.t('Claims of the type');
    case 'disclosures':
      return l10n.t('Disclosures (SD-JWT)');
    case 'key_binding':
      return l10n.t('Key binding (SD-JWT)');
    case 'proof':
      return l10n.t('Proof of possession (DPoP)');
    default:
      return id;
  }
}
