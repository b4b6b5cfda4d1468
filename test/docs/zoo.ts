/** The token zoo: a sample of each variety, signed with keys generated here, and the table in docs/tokens.md. */
import { deflateRawSync } from 'node:zlib';
import { decodeToken, tryDecode } from '../../src/core/tokens/jwt.ts';
import { varieties, varietyOf } from '../../src/core/tokens/varieties.ts';
import type { Variety, Verifiers } from '../../src/core/tokens/variety.ts';
import { encode, hmacJwt, type Signer, signature, signer } from '../support/signing.ts';
import { type Sample, samples } from './samples.ts';

export const secret = 'a secret of at least thirty-two characters';

const keys = new Map<string, Signer>();

export function keyFor(alg: 'ES256' | 'RS256' | 'EdDSA'): Signer {
  const key = keys.get(alg) ?? signer(alg);
  keys.set(alg, key);
  return key;
}

/** The sample as its holder would have it. */
export function sampleOf({ id }: Variety): string {
  const { alg, header = {}, payload = {}, padded, text = compact => compact }: Sample = samples[id] ?? {};
  if (alg === undefined) return text('');
  if (alg === 'HS256') return text(hmacJwt(secret, payload, header));
  const by = keyFor(alg);
  // A key in the header is the one that signs.
  const jwk = header.jwk === undefined ? {} : { jwk: { ...by.jwk, kid: undefined, alg: undefined } };
  const head = encode({ alg, kid: by.jwk.kid, ...header, ...jwk });
  const body = header.zip === 'DEF' ? deflateRawSync(JSON.stringify(payload)).toString('base64url') : encode(payload);
  const parts = [head, body].map(part => (padded ? part + '='.repeat((4 - (part.length % 4)) % 4) : part));
  return text(`${parts.join('.')}.${signature(by, parts.join('.')).toString(padded ? 'base64' : 'base64url')}`);
}

const verifiers: Readonly<Record<Verifiers, string>> = {
  published_keys: "anyone, with the issuer's published keys",
  secret: 'anyone who has the shared secret',
  own_key: 'anyone, with the key that it contains or that another token names',
  certificate: 'anyone who trusts the root of its certificates',
  recipient: 'only the service that it is for',
  issuer: 'only its issuer',
};

/** The page that `npm run docs` writes. @param advice returns the sentence for a variety */
export function tokensPage(advice: (variety: Variety) => string): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = varieties.map(variety => {
    const rules = [
      variety.required && `${variety.required.map(each => `\`${each}\``).join(', ')} required`,
      variety.endless && '`exp` is optional',
    ].filter(each => typeof each === 'string');
    const name = `[${variety.name}](${variety.source})`;
    return `| ${[name, cell(advice(variety)), verifiers[variety.verifiers], rules.join('; ')].join(' | ')} |`;
  });
  return [
    '# Tokens that are recognised',
    '',
    `JWT Workbench has a name for ${varieties.length} varieties of tokens. It goes by their form, type, issuer and claims, which anyone can`,
    'write into a token: a name does not show that a token is genuine. Only a verified signature does.',
    '',
    'The last column says which claims the specification requires. A token that names its type in the header (`typ`) fails',
    'verification without them. Every token also needs `exp`, except where that is optional: without it such a token gets a warning.',
    '',
    'This page is written from `src/core/tokens/varieties.ts` by `npm run docs`.',
    '',
    '| Token | What to know | Who can verify it | Claims by specification |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** How this extension classifies a sample, in two words. */
export function seenHere(text: string): string {
  const decoded = tryDecode(text);
  if ('error' in decoded) return decoded.error.code;
  const found = varietyOf(text, decoded);
  return `${decoded.kind}, ${found?.name ?? 'no variety'}`;
}

export { decodeToken, encode, varieties };
