import { l10n } from 'vscode';

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
