import assert from 'node:assert/strict';
import fc from 'fast-check';
import { findJwts } from '../../../../src/core/tokens/findJwts.ts';
import { encode } from '../../../support/signing.ts';

const jws = `${encode({ alg: 'RS256' })}.${encode({ iss: 'https://as.example' })}.c2lnbmF0dXJl`;
const unsigned = `${encode({ alg: 'none' })}.${encode({})}.`;
const jwe = `${encode({ alg: 'dir', enc: 'A128GCM' })}..aXY.Y2lwaGVydGV4dA.dGFn`;

const texts = (text: string) => findJwts(text).map(({ start, end, kind }) => [kind, text.slice(start, end)]);

describe('findJwts', () => {
  for (const [name, text, found] of [
    ['a lone token', jws, [['jws', jws]]],
    ['a header line', `Authorization: Bearer ${jws}\r\n`, [['jws', jws]]],
    [
      'JSON',
      `{"access_token":"${jws}","id_token":"${jwe}"}`,
      [
        ['jws', jws],
        ['jwe', jwe],
      ],
    ],
    ['a URL', `https://app/cb#access_token=${jws}&state=1`, [['jws', jws]]],
    ['an escaped URL', `next=Bearer%20${jws}%26`, [['jws', jws]]],
    ['source code with escapes', `"Bearer\\n${jws}\\n"`, [['jws', jws]]],
    ['the end of a sentence', `It is ${jws}.`, [['jws', jws]]],
    ['an ellipsis', `${jws}... and so on`, [['jws', jws]]],
    ['an unsigned token', unsigned, [['jws', unsigned]]],
    ['an unsigned token at the end of a sentence', `${unsigned}.`, [['jws', unsigned]]],
    [
      'a header that starts with a line break',
      `${encode('{\n "alg": "RS256"}')}.e30.c2ln`,
      [['jws', `${encode('{\n "alg": "RS256"}')}.e30.c2ln`]],
    ],
    ['the inside of a word', `x${jws} _${jws} -${jws} .${jws}`, []],
    ['two parts', `${jws.split('.').slice(0, 2).join('.')} and more`, []],
    ['four parts', `${jws}.abcd`, []],
    ['a header without alg', `${encode({ foo: 1 })}.e30.c2ln`, []],
    ['five parts without enc', `${encode({ alg: 'dir' })}..aXY.Y2k.dGFn`, []],
    ['a header that is cut', `eyJhbGciOi.e30.c2ln`, []],
  ] as const) {
    it(`in ${name}`, () => {
      assert.deepEqual(texts(text), found);
    });
  }

  it('finds every token among other words', () => {
    const word = fc.oneof(fc.constantFrom(jws, jwe, unsigned), fc.stringMatching(/^[a-z ,;:"']*$/));
    fc.assert(
      fc.property(fc.array(word), words => {
        const tokens = words.filter(each => each.startsWith('ey'));
        assert.deepEqual(
          texts(words.join(' \n')).map(([, token]) => token),
          tokens.filter(each => each.includes('.')),
        );
      }),
    );
  });

  it('reads each character a bounded number of times, whatever the text', () => {
    for (const unit of [
      'eyJ',
      'eyJ.',
      'eyJ ',
      'eyJ.a.b ',
      '.',
      'eyJhbGciOiJSUzI1NiJ9.',
      `${encode({ alg: 'HS256' })} `,
      `${encode({ alg: 'HS256' })}.e30 `,
      '%20eyJ',
      '\\neyJ',
      'ewogeyJ ',
      `${jws} `,
      'eyJa-',
      'AbC9',
    ]) {
      const [once, twice] = [2000, 4000].map(times => readsOf(unit.repeat(times)));
      assert.ok(once !== undefined && twice !== undefined);
      assert.ok(once / (unit.length * 2000) < 8, `${unit}: ${once} reads of ${unit.length * 2000} characters`);
      assert.ok(twice / once <= 2.01, `${unit}: ${once} reads, then ${twice}`);
    }
  });
});

/** Number of characters that were read or copied. Implements only the string methods that the finder uses. */
function readsOf(text: string): number {
  let reads = 0;
  const counted = {
    length: text.length,
    charCodeAt(at: number) {
      reads++;
      return text.charCodeAt(at);
    },
    slice(from: number, to: number) {
      reads += to - from;
      return text.slice(from, to);
    },
  };
  findJwts(counted as unknown as string);
  return reads;
}
