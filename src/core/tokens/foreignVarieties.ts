/** Rows of the table of varieties (varieties.ts) for tokens and cookies that are not JOSE. */
import { decodeBase64, encodeBase64url } from './base64url.ts';
import { opaque, type Variety } from './variety.ts';

/** base62 of bytes that begin with 0xBA and a time: of random texts of letters and digits, one in a thousand. */
function isBranca(text: string): boolean {
  if (!/^[A-Za-z\d]{61,2000}$/.test(text)) return false;
  let number = 0n;
  for (const each of text) number = number * 62n + BigInt(base62.indexOf(each));
  const bytes = number.toString(16);
  const seconds = Number.parseInt(bytes.slice(2, 10), 16);
  return bytes.length % 2 === 0 && bytes.length >= 90 && bytes.startsWith('ba') && seconds < 2 ** 31;
}

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The signature stands behind the message in one piece, as long as the version makes it. */
function pasetoMessage(text: string): string | undefined {
  const [version = '', purpose, body = ''] = text.split('.', 3);
  const bytes = purpose === 'public' ? decodeBase64(body) : undefined;
  const message = bytes?.subarray(0, -({ v1: 256, v3: 96 }[version] ?? 64));
  return message && encodeBase64url(message);
}

const firstPiece = (text: string) => text.split(/[.:]/, 1)[0];

function percentDecoded(text: string): string {
  return text.replace(/%[\da-f]{2}/gi, code => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
}

export const foreignVarieties: readonly Variety[] = [
  opaque(
    'paseto',
    'PASETO',
    /^v[1-4]\.(?:local|public)\.[\w-]+/,
    'https://paseto.io/',
    'published_keys',
    pasetoMessage,
  ),
  opaque(
    'flask_cookie',
    'Flask session cookie',
    /^\.?e[yJ][\w-]+\.[\w-]{6,8}\.[\w-]{27,}$/,
    'https://itsdangerous.palletsprojects.com/',
    'issuer',
    firstPiece,
  ),
  opaque(
    'express_cookie',
    'Express signed cookie',
    /^s(?::|%3A)[^.]+\.[\w+/%-]{27,}=*$/i,
    'https://github.com/tj/node-cookie-signature',
    'issuer',
  ),
  opaque(
    'rails_cookie',
    'Rails signed cookie',
    /^[\w+/=%-]{8,}--[\da-f]{40,64}$/,
    'https://guides.rubyonrails.org/security.html#session-storage',
    'issuer',
    text => percentDecoded(text).split('--')[0],
  ),
  opaque(
    'django_signed',
    'Django signed value',
    /^\.?[\w-]+:[\w-]{6,}:[\w-]{27,}$/,
    'https://docs.djangoproject.com/en/stable/topics/signing/',
    'issuer',
    firstPiece,
  ),
  opaque('fernet', 'Fernet token', /^gAAAAA[\w-]{60,}=*$/, 'https://github.com/fernet/spec', 'secret'),
  opaque('iron', 'Iron sealed value', /^Fe26\.2\*/, 'https://github.com/hapijs/iron', 'secret'),
  opaque(
    'aspnet_protected',
    'ASP.NET protected data',
    /^CfDJ8[\w-]{20,}$/,
    'https://learn.microsoft.com/aspnet/core/security/data-protection/',
    'issuer',
  ),
  opaque(
    'macaroon',
    'Macaroon',
    /^(?:MDA[\w+/=-]{40,}|AgE[\w+/=-]{40,})$/,
    'https://github.com/rescrv/libmacaroons',
    'issuer',
  ),
  opaque(
    'biscuit',
    'Biscuit',
    /^(?:biscuit:|E[nop][\w-]{2}C)[\w-]{40,}=*$/,
    'https://www.biscuitsec.org/',
    'published_keys',
  ),
  {
    id: 'branca',
    name: 'Branca token',
    source: 'https://github.com/tuupola/branca-spec',
    verifiers: 'secret',
    is: ({ kind, text }) => kind === 'opaque' && isBranca(text),
  },
  opaque(
    'nextcloud',
    'Nextcloud app password',
    /^(?=.*\d)(?=.*[A-Z])(?=.*[a-z])[A-Za-z\d]{5}(?:-[A-Za-z\d]{5}){4}$/,
    'https://docs.nextcloud.com/server/latest/developer_manual/client_apis/LoginFlow/index.html',
    'issuer',
  ),
  opaque(
    'github_token',
    'GitHub token',
    /^(?:gh[opusr]_\w{20,}|github_pat_\w{20,})$/,
    'https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github',
    'issuer',
  ),
  opaque(
    'slack_token',
    'Slack token',
    /^xox[a-z](?:\.xox[a-z])?-[\w.-]{10,}$/,
    'https://docs.slack.dev/authentication/tokens',
    'issuer',
  ),
  opaque(
    'google_access',
    'Google access token',
    /^ya29\.[\w-]{20,}/,
    'https://cloud.google.com/docs/authentication/token-types',
    'issuer',
  ),
  opaque(
    'salesforce',
    'Salesforce access token',
    /^00D[A-Za-z\d]{12,15}![\w.]{20,}$/,
    'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_access_tokens.htm',
    'issuer',
  ),
  opaque(
    'matrix',
    'Matrix access token',
    /^(?:syt_[\w+/=-]+_[\w-]{20}_\w{6}|mat_[\w-]{20,})$/,
    'https://spec.matrix.org/latest/client-server-api/',
    'issuer',
  ),
  opaque(
    'openshift',
    'OpenShift access token',
    /^sha256~[\w-]{40,}$/,
    'https://docs.openshift.com/container-platform/latest/authentication/managing-oauth-access-tokens.html',
    'issuer',
  ),
];
