/** Files with one token each, in every form that Find Tokens knows, and files that only look so. */
import { createHmac } from 'node:crypto';
import { opaquePrefixes } from '../../src/core/tokens/opaqueTokens.ts';
import { encode, hmacJwt } from './signing.ts';

export interface CorpusFile {
  readonly name: string;
  readonly text: string;
  /** The kind of its leak; absent if it has none. */
  readonly kind?: string;
}

const refreshToken = 'v1.Mr8a2kd0xZq93hDkeQ_lls0';
const generated = 'Ab3dE6gH9jKlMn0pQr5tUv8xYz1bC4eF7hJkLm2n';

/** The first line of a header, as programs indent JSON: each begins differently in base64. */
const openings = ['{', '{ ', '{  ', '{ \t', '{ \n', '{ \r\n', '{\n  ', '{\n\t', '{\n', '{\r\n  ', '{\t'];

/** Uses of refresh tokens have the kind of their own. */
const refreshPrefix = /^(?:1\/\/0|ghr_|xoxe-|sk-ant-ort|ory_rt_|dor_v1_|gliamrt-|aorAAAA|AMf-vB|5Aep861)$/;

/** @param now milliseconds since the epoch */
export function leakCorpus(now: number): CorpusFile[] {
  const exp = Math.floor(now / 1000) + 3600;
  const valid = hmacJwt('a secret of the corpus', { sub: 'ada', exp });
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const files: CorpusFile[] = [];
  const add = (name: string, text: string, kind?: string) =>
    files.push({ name: `${files.length}-${name}.txt`, text, ...(kind !== undefined && { kind }) });

  for (const opening of openings) {
    const input = `${Buffer.from(`${opening}"alg":"HS256","typ":"JWT"}`).toString('base64url')}.${encode({ sub: 'ada', exp })}`;
    const token = `${input}.${createHmac('sha256', 'a secret of the corpus').update(input).digest('base64url')}`;
    add('header', `TOKEN=${token}\n`, 'token');
    add('header-json', JSON.stringify({ a: JSON.stringify({ token }) }), 'token');
    add('header-base64', `token: ${base64(token)}\n`, 'token');
  }
  for (const prefix of opaquePrefixes) {
    const token = prefix + generated;
    const kind = refreshPrefix.test(prefix) ? 'refresh_token' : 'opaque_token';
    add('opaque', `TOKEN=${token}\n`, kind);
    add('opaque-quoted', `{"a":"${token}"}`, kind);
    add('opaque-base64', `data:\n  a: ${base64(token)}\n`, kind);
    add('opaque-placeholder', `TOKEN=${prefix}${'x'.repeat(40)}\n`);
  }
  for (const name of ['refresh_token', 'refreshToken', 'RefreshToken', 'REFRESH_TOKEN', 'refresh-token'])
    for (const after of ['=', ': ', '":"', '\\":\\"', '%22%3A%22', '&quot;:&quot;', "' => '", '\\u0022:\\u0022'])
      add('named', `x ${name}${after}${refreshToken}\n`, 'refresh_token');
  for (const between of ['\n', '\r\n', '" +\n  "', "'\\\n'", '=\r\n', '\n> '])
    add('wrapped', `x="${(valid.match(/.{1,14}/g) ?? []).join(between)}"\n`, 'token');
  add(
    'encrypted',
    `${encode({ alg: 'dir', enc: 'A128GCM' })}..aXY.Y2lwaGVydGV4dA.${'a'.repeat(22)}`,
    'encrypted_token',
  );
  add('endless', hmacJwt('a secret of the corpus', { sub: 'ada' }), 'endless_token');
  add('expired', hmacJwt('a secret of the corpus', { sub: 'ada', exp: 1_000_000 }));
  add('installation', `ghs_1234567_${valid}`, 'token');
  add('card', `shc:/${Array.from(valid, each => String(each.charCodeAt(0) - 45).padStart(2, '0')).join('')}`, 'token');
  for (const dot of ['%2E', '%2e']) add('encoded-dots', `?t=${valid.replaceAll('.', dot)}&a`, 'token');
  add('json-base64', base64(JSON.stringify({ access_token: valid })), 'token');
  add('mark-of-order', `\uFEFFTOKEN=${valid}`, 'token');
  // ripgrep reads files in blocks of 64 KiB.
  for (const length of [65_500, 65_536, 131_000, 400_000])
    add('far', `${'a word of the text\n'.repeat(length / 19)}\u00e9 TOKEN=${valid}`, 'token');
  add('long-line', `${'var a=b(c);'.repeat(50_000)}"${valid}"`, 'token');
  // A search tells where its matches start, and one match can cover the beginning of another.
  const code = 'call(me, { a: [1] });\n'.repeat(10_000);
  const run = 'abCD+/12'.repeat(15_000);
  add('between', `${code}TOKEN=${valid}\n${code}`, 'token');
  add('in-a-run', `${code}eyJ${run}/ghp_${generated}\n${code}`);
  add('name-behind-a-run', `${code}eyJ${run}\n;refresh_token="${refreshToken}"\n${code}`, 'refresh_token');
  add('many-marks', `${'eyJhbCDefGhij.a, '.repeat(20_000)}\n${code}TOKEN=${valid}\n${code}`, 'token');
  add('behind-a-zero', `TOKEN=eyJhbCDefGhij.\n${code}\u0000\nTOKEN=${valid}\n`, 'token');
  add('behind-a-zero-nearby', `${code.slice(0, 2000)}\u0000\nTOKEN=${valid}\n`, 'token');
  add('before-a-zero', `TOKEN=${valid}\n${code}\u0000`, 'token');
  const long = hmacJwt('a secret of the corpus', { sub: 'ada', exp, text: 'x'.repeat(90_000) });
  add('long', `${code}TOKEN=${long}\n${code}`, 'token');
  add('long-wrapped', `${code}${(long.match(/.{1,400}/g) ?? []).join('\n')}\n${code}`, 'token');
  add('names', 'const keyJwkThumbprintMismatch = "key_jwk"; refreshToken: this.parsedResponseBody.refresh_token,');
  return files;
}
