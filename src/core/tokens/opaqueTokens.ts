import { decodeAscii } from './base64url.ts';
import type { TokenUse } from './tokenUse.ts';

/** Tokens that are no JWTs, and whose issuer marks what they are by how they begin. To know one more, add a row. */
export interface OpaqueKind {
  readonly issuer: string;
  readonly use: TokenUse;
  /** What the token starts with, as the source of a regular expression. */
  readonly prefix: string;
  /** The least characters after the prefix; 10 where nothing is said. */
  readonly rest?: number;
  /** The prefix is so short that other words begin with it: these are not looked for inside a text. */
  readonly alone?: true;
  /** Where the prefix is described. */
  readonly source: string;
}

const github = 'https://github.blog/engineering/behind-githubs-new-authentication-token-formats/';
const slack = 'https://docs.slack.dev/authentication/using-token-rotation';
const google = 'https://developers.google.com/identity/protocols/oauth2/web-server';
const salesforce = 'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_refresh_token_flow.htm';
const ory = 'https://github.com/ory/hydra/issues/2845';
const digitalOcean = 'https://gitlab.com/gitlab-org/security-products/analyzers/secrets/-/merge_requests/178';
const gitlab = 'https://gitlab.com/gitlab-org/auth/iam/-/merge_requests/588';
const anthropic = 'https://github.com/XxxXTeam/codex-proxy/issues/26';
const awsSso = 'https://docs.rs/crate/aws-config/1.8.16/source/src/sso/cache.rs';
const entra = 'https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow';

/** The first row that fits counts. */
export const opaqueKinds: readonly OpaqueKind[] = [
  { issuer: 'Google', use: 'access_token', prefix: 'ya29\\.', source: google },
  { issuer: 'Google', use: 'refresh_token', prefix: '1//0', source: google },
  { issuer: 'GitHub', use: 'refresh_token', prefix: 'ghr_', source: github },
  { issuer: 'GitHub', use: 'access_token', prefix: 'gh[opsu]_|github_pat_', source: github },
  { issuer: 'Slack', use: 'access_token', prefix: 'xoxe\\.xox[bp]-|xox[abcps]-|xapp-', rest: 8, source: slack },
  { issuer: 'Slack', use: 'refresh_token', prefix: 'xoxe-', rest: 8, source: slack },
  {
    issuer: 'OpenShift',
    use: 'access_token',
    prefix: 'sha256~',
    source: 'https://docs.openshift.com/container-platform/latest/authentication/understanding-authentication.html',
  },
  { issuer: 'Anthropic', use: 'access_token', prefix: 'sk-ant-(?:oat|api|admin)\\d\\d-', source: anthropic },
  { issuer: 'Anthropic', use: 'refresh_token', prefix: 'sk-ant-ort\\d\\d-', source: anthropic },
  { issuer: 'OpenAI, Stripe', use: 'refresh_token', prefix: 'rt_', rest: 14, source: anthropic },
  { issuer: 'Ory', use: 'access_token', prefix: 'ory_at_', source: ory },
  { issuer: 'Ory', use: 'refresh_token', prefix: 'ory_rt_', source: ory },
  { issuer: 'DigitalOcean', use: 'access_token', prefix: 'do[op]_v1_', rest: 16, source: digitalOcean },
  { issuer: 'DigitalOcean', use: 'refresh_token', prefix: 'dor_v1_', rest: 16, source: digitalOcean },
  { issuer: 'GitLab', use: 'access_token', prefix: 'gliamat-|glpat-', source: gitlab },
  { issuer: 'GitLab', use: 'refresh_token', prefix: 'gliamrt-', source: gitlab },
  { issuer: 'AWS IAM Identity Center', use: 'access_token', prefix: 'aoaAAAA', rest: 8, source: awsSso },
  { issuer: 'AWS IAM Identity Center', use: 'refresh_token', prefix: 'aorAAAA', rest: 8, source: awsSso },
  { issuer: 'Microsoft Entra ID', use: 'refresh_token', prefix: '[01]\\.A[A-Za-z]', rest: 20, source: entra },
  { issuer: 'Microsoft', use: 'refresh_token', prefix: 'M\\.[CR]\\d+_', rest: 20, source: entra },
  {
    issuer: 'Auth0',
    use: 'refresh_token',
    prefix: 'v1\\.M',
    rest: 16,
    source: 'https://auth0.com/docs/secure/tokens/refresh-tokens/get-refresh-tokens',
  },
  {
    issuer: 'Firebase',
    use: 'refresh_token',
    prefix: 'AMf-vB',
    source: 'https://github.com/firebase/flutterfire/issues/8058',
  },
  { issuer: 'Salesforce', use: 'refresh_token', prefix: '5Aep861', source: salesforce },
  { issuer: 'Salesforce', use: 'access_token', prefix: '00D[\\dA-Za-z]{12,15}!', source: salesforce },
  {
    issuer: 'Linear',
    use: 'access_token',
    prefix: 'lin_(?:oauth|api)_',
    source: 'https://linear.app/developers/graphql',
  },
  {
    issuer: 'Hugging Face',
    use: 'access_token',
    prefix: 'hf_(?:oauth_)?',
    rest: 20,
    source: 'https://huggingface.co/docs/hub/security-tokens',
  },
  {
    issuer: 'HashiCorp Vault',
    use: 'access_token',
    prefix: 'hv[sb]\\.',
    rest: 20,
    source: 'https://developer.hashicorp.com/vault/docs/concepts/tokens',
  },
  {
    issuer: 'npm',
    use: 'access_token',
    prefix: 'npm_',
    rest: 30,
    source: 'https://github.blog/2021-09-23-announcing-npms-new-access-token-format/',
  },
  {
    issuer: 'Dropbox',
    use: 'access_token',
    prefix: 'sl\\.(?:u\\.)?',
    rest: 60,
    alone: true,
    source: 'https://developers.dropbox.com/oauth-guide',
  },
];

/** What a token may be made of after its prefix: these are what issuers use, and no quotes, brackets or separators. */
const rest = '[\\w.~+/!*$-]';

const patternOf = ({ prefix, rest: least = 10 }: OpaqueKind) => `(?:${prefix})${rest}{${least},4000}={0,2}`;

const prefixes = new RegExp(`^(?:${opaqueKinds.map(({ prefix }) => prefix).join('|')})`);
const whole = opaqueKinds.map(kind => ({ kind, pattern: new RegExp(`^${patternOf(kind)}$`) }));

/** The kind of a whole token; `undefined` where its form tells nothing. */
export function opaqueKind(token: string): OpaqueKind | undefined {
  if (!prefixes.test(token)) return kindInside(token);
  return whole.find(({ pattern }) => pattern.test(token))?.kind;
}

/** X (Twitter) writes what a token is at the end of a text that it then encodes: `...:1:at:1` and `...:1:rt:1`. */
function kindInside(token: string): OpaqueKind | undefined {
  const inside = /^\w{60,200}$/.test(token) ? decodeAscii(token) : undefined;
  const use = /:\d:(at|rt):1$/.exec(inside ?? '')?.[1];
  if (use === undefined) return undefined;
  const source = 'https://docs.x.com/resources/fundamentals/authentication/oauth-2-0/authorization-code';
  return { issuer: 'X', use: use === 'at' ? 'access_token' : 'refresh_token', prefix: '', source };
}

const anywhere = new RegExp(
  `(?<![\\w.~+/=-])(?:${opaqueKinds
    .filter(({ alone }) => !alone)
    .map(patternOf)
    .join('|')})`,
  'g',
);

export interface FoundOpaque {
  /** Offsets in UTF-16 code units, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  readonly token: string;
  readonly kind: OpaqueKind;
}

/** Marked tokens in any text, in time linear in its length. */
export function findOpaque(text: string, limit: number): FoundOpaque[] {
  const found: FoundOpaque[] = [];
  for (const { 0: written, index: start } of text.matchAll(anywhere)) {
    // A sentence's full stop is no part of it.
    const token = written.replace(/[.!*$/]+$/, '');
    const kind = isVaried(token) ? opaqueKind(token) : undefined;
    if (!kind) continue;
    found.push({ start, end: start + token.length, token, kind });
    if (found.length >= limit) break;
  }
  return found;
}

/** `ghp_xxxxxxxxxxxx` and `xoxb-your-token-here` are places for one. */
function isVaried(token: string): boolean {
  return (
    /\d/.test(token.slice(5)) &&
    /[a-z]/i.test(token.slice(5)) &&
    !/(.)\1{6}/.test(token) &&
    !/your|example|token/i.test(token)
  );
}
