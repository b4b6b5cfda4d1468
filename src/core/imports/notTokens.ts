/**
 * Words that are no tokens of a connection but that nothing distinguishes from a refresh token, which has no fixed form,
 * except the beginning that their makers gave them. To refuse another one by its name, add a row.
 */
import { WorkbenchError } from '../errors.ts';

interface Known {
  readonly name: string;
  readonly pattern: RegExp;
  /** A public page that shows the beginning. */
  readonly source: string;
}

const gitlab = 'https://docs.gitlab.com/security/tokens/#token-prefixes';
const stripe = 'https://docs.stripe.com/keys';
const gitleaks = 'https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml';

/** Credentials that are sent in another way than as a bearer token, or that identify a client. */
const credentials: readonly Known[] = [
  {
    name: 'Atlassian API token',
    pattern: /^ATATT3[\w=-]{20,}$/,
    source: 'https://github.com/KKloudTarus/synapse-ce/pull/894',
  },
  { name: 'GitLab runner token', pattern: /^(?:glrtr?-|GR1348941)[\w.-]{16,}$/, source: gitlab },
  { name: 'GitLab deploy token', pattern: /^gldt-[\w.-]{16,}$/, source: gitlab },
  { name: 'GitLab CI/CD job token', pattern: /^glcbt-[\w.-]{16,}$/, source: gitlab },
  { name: 'GitLab pipeline trigger token', pattern: /^glptt-[\w.-]{16,}$/, source: gitlab },
  { name: 'GitLab feed token', pattern: /^glft-[\w.-]{16,}$/, source: gitlab },
  { name: 'GitLab agent token', pattern: /^glagent-[\w.-]{16,}$/, source: gitlab },
  { name: 'client secret of a GitLab application', pattern: /^gloas-[\w.-]{16,}$/, source: gitlab },
  { name: 'client secret of Google', pattern: /^GOCSPX-[\w-]{20,}$/, source: gitleaks },
  { name: 'Google API key', pattern: /^AIza[\w-]{35}$/, source: gitleaks },
  { name: 'Stripe API key', pattern: /^(?:sk|rk|pk)_(?:live|test)_\w{10,}$/, source: stripe },
  {
    name: 'AWS access key ID',
    pattern: /^A(?:KI|SI)A[A-Z\d]{16}$/,
    source: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids',
  },
];

/** The magic numbers of packed data, as the beginning of its base64. */
const packed: readonly Known[] = [
  {
    name: 'gzip',
    pattern: /^H4sI[A-P][\w+/-]{16,}={0,2}$/,
    source: 'https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1',
  },
  {
    name: 'zstd',
    pattern: /^KLUv[/_][\w+/-]{16,}={0,2}$/,
    source: 'https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1',
  },
  {
    name: 'zip',
    pattern: /^UEsDBB[\w+/-]{16,}={0,2}$/,
    source: 'https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT',
  },
  { name: 'xz', pattern: /^[/_]Td6WFoA[\w+/-]{16,}={0,2}$/, source: 'https://tukaani.org/xz/xz-file-format.txt' },
];

/** @throws WorkbenchError `nothing_to_import` if the word is one of these */
export function requireNoOther(word: string): void {
  const refuse = (reason: 'compressed' | 'other_kind', known: readonly Known[], text: string) => {
    const variety = known.find(({ pattern }) => pattern.test(text))?.name;
    if (variety !== undefined) throw new WorkbenchError('nothing_to_import', { reason, variety });
  };
  refuse('other_kind', credentials, word);
  // Tools break long base64 into lines.
  refuse('compressed', packed, word.replace(/\s+/g, ''));
}
