import { decodeAscii } from './base64url.ts';
import type { TokenUse } from './tokenUse.ts';

/** Tokens that are not JWTs but have a prefix by which their issuer marks them. To recognize another one, add a row. */
export interface OpaqueKind {
  readonly issuer: string;
  readonly use: TokenUse;
  readonly prefixes: readonly string[];
  /** The least characters after the prefix; 10 if omitted. */
  readonly rest?: number;
  /**
   * The prefixes are so short that other words begin with them: a whole token is recognized by them, but texts are not
   * searched.
   */
  readonly alone?: true;
  /**
   * A public page that shows the prefixes: the issuer's documentation where it does, otherwise what others report, or
   * that no page was found.
   */
  readonly source: string;
}

const github = 'https://github.blog/engineering/behind-githubs-new-authentication-token-formats/';
const slack = 'https://docs.slack.dev/authentication/using-token-rotation';
const slackTypes = 'https://api.slack.com/docs/token-types';
const slackPrefixes = 'https://github.com/symfony/symfony/pull/39606';
const slackSessions = 'https://github.com/wee-slack/wee-slack/issues/849';
const google = 'https://developers.google.com/identity/protocols/oauth2/web-server';
const googleRefresh =
  'https://docs.flashback.tech/support-reference/platform-api-reference/authentication/post__auth_google_refresh';
const anthropic = 'https://github.com/earendil-works/pi/issues/2085';
const anthropicAdmin = 'https://github.com/Checkmarx/2ms/blob/master/engine/rules/anthropic_admin_api_key.go';
const anthropicRefresh = 'https://github.com/RavenStorm-bit/claude-token-refresh';
const salesforce = 'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_refresh_token_flow.htm';
const ory = 'https://ory.sh/docs/self-hosted/oel/oauth2/token-prefix';
const digitalOcean = 'https://gitlab.com/gitlab-org/security-products/analyzers/secrets/-/merge_requests/178';
const gitlab = 'https://gitlab.com/gitlab-org/auth/iam/-/merge_requests/588';
const awsSso = 'https://docs.rs/crate/aws-config/1.8.16/source/src/sso/cache.rs';
const entra = 'https://github.com/wangziyingwen/AutoApiSecret/issues/1';
const microsoft = 'https://github.com/cubezhao/ai-tools-mng/issues/10';
const openShift = 'https://docs.okd.io/latest/rest_api/oauth_apis/oauth-apis-index.html';
const auth0 = 'https://auth0.com/docs/secure/tokens/refresh-tokens/get-refresh-tokens';
const firebase = 'https://github.com/firebase/flutterfire/issues/8058';
const cloudflare = 'https://developers.cloudflare.com/fundamentals/api/get-started/token-formats';
const cloudflareOauth = 'https://github.com/cloudflare/cloudflare-docs/pull/32730';
const vault = 'https://developer.hashicorp.com/vault/docs/concepts/tokens';
const amazon = 'https://developer.amazon.com/docs/login-with-amazon/access-token.html';
const tiktok = 'https://developers.tiktok.com/doc/oauth-user-access-token-management';
const dropbox = 'https://dropboxforum.com/discussions/101000014/access-token/544001/replies/544017';
const shopify = 'https://shopify.dev/changelog/length-of-the-shopify-access-token-is-increasing';
const facebook = 'https://github.com/gitleaks/gitleaks/commit/4b543280a13147d556b70891e55a616355daca5c';
const docker = 'https://docs.docker.com/reference/api/hub/latest/operations/AuthCreateAccessToken.md';
const notion = 'https://docs.airbyte.com/ai-agents/connectors/notion/AUTH';
const databricks = 'https://docs.aws.amazon.com/ja_jp/secretsmanager/latest/userguide/mes-partner-DatabricksPAT.md';
const paypal = 'https://github.com/paypal/paypal-here-sdk-ios-distribution/issues/349';
const publicCode = 'no page about it was found; code of several public repositories shows it';
const npm = 'https://github.blog/2021-09-23-announcing-npms-new-access-token-format/';

const access = (
  issuer: string,
  source: string,
  prefixes: readonly string[],
  more: Partial<OpaqueKind> = {},
): OpaqueKind => ({
  issuer,
  use: 'access_token',
  prefixes,
  source,
  ...more,
});
const refresh: typeof access = (...row) => ({ ...access(...row), use: 'refresh_token' });

const opaqueKinds: readonly OpaqueKind[] = [
  access('Google', google, ['ya29.']),
  refresh('Google', googleRefresh, ['1//0']),
  access('GitHub', github, ['gho_', 'ghp_', 'ghs_', 'ghu_', 'github_pat_']),
  refresh('GitHub', github, ['ghr_']),
  access('Slack', slack, ['xoxe.xoxb-', 'xoxe.xoxp-'], { rest: 8 }),
  access('Slack', slackPrefixes, ['xoxb-', 'xoxp-', 'xoxa-'], { rest: 8 }),
  access('Slack', slackSessions, ['xoxc-', 'xoxs-'], { rest: 8 }),
  access('Slack', slackTypes, ['xapp-'], { rest: 8 }),
  refresh('Slack', slack, ['xoxe-'], { rest: 8 }),
  access('OpenShift', openShift, ['sha256~']),
  access('Anthropic', anthropic, ['sk-ant-oat', 'sk-ant-api']),
  access('Anthropic', anthropicAdmin, ['sk-ant-admin']),
  refresh('Anthropic', anthropicRefresh, ['sk-ant-ort']),
  refresh('OpenAI', publicCode, ['rt_', 'rt.1.'], { rest: 14, alone: true }),
  access('Ory', ory, ['ory_at_']),
  refresh('Ory', ory, ['ory_rt_']),
  access('DigitalOcean', digitalOcean, ['doo_v1_', 'dop_v1_'], { rest: 16 }),
  refresh('DigitalOcean', digitalOcean, ['dor_v1_'], { rest: 16 }),
  access('GitLab', gitlab, ['gliamat-']),
  access('GitLab', 'https://gitlab.com/gitlab-org/gitlab/-/issues/342327', ['glpat-']),
  refresh('GitLab', gitlab, ['gliamrt-']),
  access('AWS IAM Identity Center', awsSso, ['aoaAAAA'], { rest: 8 }),
  refresh('AWS IAM Identity Center', awsSso, ['aorAAAA'], { rest: 8 }),
  refresh('Microsoft Entra ID', entra, ['0.A', '1.A'], { rest: 20, alone: true }),
  refresh('Microsoft', microsoft, ['M.C'], { rest: 20, alone: true }),
  refresh('Microsoft', publicCode, ['M.R'], { rest: 20, alone: true }),
  refresh('Auth0', auth0, ['v1.M'], { rest: 16, alone: true }),
  refresh('Firebase', firebase, ['AMf-vB']),
  refresh('Salesforce', salesforce, ['5Aep861']),
  access('Linear', 'https://linear.app/developers/graphql', ['lin_oauth_', 'lin_api_']),
  access('Hugging Face', 'https://huggingface.co/docs/hub/security-tokens', ['hf_'], { rest: 20, alone: true }),
  access('HashiCorp Vault', vault, ['hvs.', 'hvb.'], { rest: 20 }),
  access('Cloudflare', cloudflare, ['cfut_', 'cfat_'], { rest: 40, alone: true }),
  access('Cloudflare', cloudflareOauth, ['cfoat_'], { rest: 20, alone: true }),
  access('npm', npm, ['npm_'], { rest: 30 }),
  access('Amazon', amazon, ['Atza|'], { rest: 20, alone: true }),
  refresh('Amazon', amazon, ['Atzr|'], { rest: 20, alone: true }),
  access('TikTok', tiktok, ['act.'], { rest: 24, alone: true }),
  refresh('TikTok', tiktok, ['rft.'], { rest: 24, alone: true }),
  access('Pinterest', publicCode, ['pina_'], { rest: 20, alone: true }),
  refresh('Pinterest', publicCode, ['pinr_', 'pinr.'], { rest: 20, alone: true }),
  access('Dropbox', dropbox, ['sl.'], { rest: 40, alone: true }),
  access('Shopify', shopify, ['shpat_', 'shpca_', 'shppa_'], { rest: 32, alone: true }),
  access('Facebook', facebook, ['EAA'], { rest: 60, alone: true }),
  access('Notion', notion, ['ntn_'], { rest: 40, alone: true }),
  access('Databricks', databricks, ['dapi'], { rest: 32, alone: true }),
  access('PayPal', paypal, ['A21AA'], { rest: 40, alone: true }),
  access('Docker Hub', docker, ['dckr_pat_'], { rest: 16, alone: true }),
];

/** Characters that issuers use in tokens; quotes, brackets and separators are not among them. */
const wholeToken = /^[\w.~+/!*$|-]+={0,2}$/;

/** The kind of a whole token; `undefined` if its form tells nothing. */
export function opaqueKind(token: string): OpaqueKind | undefined {
  if (token.length > longest || !wholeToken.test(token)) return undefined;
  const fits = ({ prefixes, rest = 10 }: OpaqueKind) =>
    prefixes.some(prefix => token.length >= prefix.length + rest && token.startsWith(prefix));
  return opaqueKinds.find(fits) ?? kindInside(token);
}

const longest = 4000;

/**
 * HCP Terraform marks a token after its first 14 characters. X (Twitter) puts the kind at the end of a text that it then
 * encodes: `...:1:at:1` and `...:1:rt:1`.
 */
function kindInside(token: string): OpaqueKind | undefined {
  if (/^[A-Za-z\d]{14}\.atlasv1\.[A-Za-z\d]{60,80}$/.test(token))
    return access('HCP Terraform', 'https://developer.hashicorp.com/terraform/cloud-docs/api-docs/user-tokens', []);
  const inside = /^\w{60,200}$/.test(token) ? decodeAscii(token) : undefined;
  const use = /:\d:(at|rt):1$/.exec(inside ?? '')?.[1];
  if (use === undefined) return undefined;
  const source = 'https://docs.x.com/resources/fundamentals/authentication/oauth-2-0/authorization-code';
  return { issuer: 'X', use: use === 'at' ? 'access_token' : 'refresh_token', prefixes: [], source };
}

/** The characters of a token after its prefix. */
const characters = '[\\w.~+/!*$-]';

/** The prefixes that are searched in texts. */
export const opaquePrefixes: readonly string[] = opaqueKinds.flatMap(({ alone, prefixes }) => (alone ? [] : prefixes));

/**
 * A pattern that matches any of the words and examines each common prefix once, because the engine is faster with fewer
 * choices.
 */
export function anyOf(words: readonly string[]): string {
  if (words.includes('')) return '';
  const choices = [...new Set(words.map(word => word.charAt(0)))].map(first => {
    const rest = words.filter(word => word.startsWith(first)).map(word => word.slice(1));
    return first.replace(/[^\w-]/, '\\$&') + anyOf(rest);
  });
  return choices.length === 1 ? String(choices[0]) : `(?:${choices.join('|')})`;
}

const beginning = new RegExp(anyOf(opaquePrefixes), 'g');
const whole = new RegExp(`${anyOf(opaquePrefixes)}${characters}{8,${longest}}={0,2}`, 'y');

/** Patterns for the files that can have one of these tokens, one for all prefixes with the same least length. */
export const opaquePatterns: readonly string[] = patternsOf(opaqueKinds.filter(({ alone }) => !alone));

/** What those patterns begin with. */
export const searchedPrefixes: readonly string[] = opaquePrefixes.map(rareEnd);

function patternsOf(kinds: readonly OpaqueKind[]): string[] {
  const least = ({ rest = 10 }: OpaqueKind) => Math.max(rest, 8);
  return [...new Set(kinds.map(least))].map(rest => {
    const prefixes = kinds.filter(kind => least(kind) === rest).flatMap(kind => kind.prefixes.map(rareEnd));
    return `${anyOf(prefixes)}${characters}{${rest}}`;
  });
}

/**
 * ripgrep looks for the first three characters of a pattern. Code is full of `lin` and `sha`, but has few `n_o` and `a25`,
 * so a long prefix is searched from the letter before its first sign or digit.
 */
function rareEnd(prefix: string): string {
  return prefix.replace(/^[a-z]+(?=[a-z][\d_~-].{3,}$)/, '');
}

export interface FoundOpaque {
  /** Offsets in UTF-16 code units, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  readonly token: string;
  readonly kind: OpaqueKind;
}

/** Finds tokens with a known prefix in any text, in time linear in its length. */
export function findOpaque(text: string, limit: number): FoundOpaque[] {
  const found: FoundOpaque[] = [];
  beginning.lastIndex = 0;
  for (let match = beginning.exec(text); match && found.length < limit; match = beginning.exec(text)) {
    const { token, end } = opaqueAt(text, match.index);
    if (token) found.push(token);
    beginning.lastIndex = Math.max(beginning.lastIndex, end);
  }
  return found;
}

/** The token with a known prefix that starts at an offset, and where the search for the next one continues. */
export function opaqueAt(text: string, start: number): { readonly token?: FoundOpaque; readonly end: number } {
  // A check of the character before the prefix in the pattern itself makes the engine much slower.
  if (start > 0 && /[\w.~+/-]/.test(text.charAt(start - 1))) return { end: start };
  whole.lastIndex = start;
  const run = whole.exec(text)?.[0] ?? '';
  // A full stop at the end of a sentence does not belong to the token.
  const token = run.replace(/[.!*$/]+$/, '');
  const kind = isVaried(token) ? opaqueKind(token) : undefined;
  const end = start + run.length;
  return kind ? { token: { start, end: start + token.length, token, kind }, end } : { end };
}

/** False for placeholders such as `ghp_xxxxxxxxxxxx` and `xoxb-your-token-here`. */
function isVaried(token: string): boolean {
  const rest = token.slice(5);
  return /\d/.test(rest) && /[a-z]/i.test(rest) && !/(.)\1{6}/.test(rest) && !/your|example|token/i.test(rest);
}
