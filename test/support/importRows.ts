import assert from 'node:assert/strict';
import { importText } from '../../src/core/imports/importText.ts';
import { hmacJwt } from './signing.ts';

/** A text with tokens. `source`: where people have it from. `warnings`: the codes, each once. */
export type ImportRow = readonly [
  name: string,
  source: string,
  text: string,
  tokens: object,
  warnings?: readonly string[],
];

export const key = 'a secret of the tests, long enough';
export const now = 1_795_000_000;
export const claims = { iss: 'https://issuer.example', sub: 'u-1', iat: now, exp: now + 3600 };
export const access = hmacJwt(key, { ...claims, aud: 'api://orders', scope: 'orders', client_id: 'client-1' });
export const id = hmacJwt(key, { ...claims, aud: 'client-1', nonce: 'n', at_hash: 'h' });
/** In the format of Microsoft Entra ID. */
export const refresh = '0.AXYAbcDEF-123_ghi.AgABAwEAAAJKLmno456pqr';
/** With the characters that forms, properties and shells escape. */
export const special = '1//0gLu-abc+DEF_ghi/JKLmno.pqr~stu==';
export const base64 = (text: string) => Buffer.from(text).toString('base64');

/** One test for each row: the tokens, the warnings if the row has some, and no doubt about which tokens are meant. */
export function itReads(rows: readonly ImportRow[]): void {
  for (const [name, source, text, tokens, warnings] of rows)
    it(`${name} (${source})`, () => {
      const found = importText(text);
      assert.deepEqual(found.tokens, tokens);
      const codes = [...new Set(found.warnings.map(({ code }) => code))];
      if (warnings) assert.deepEqual(codes, warnings);
      assert.ok(!codes.includes('several_found') && !codes.includes('member_ignored'), codes.join());
    });
}
