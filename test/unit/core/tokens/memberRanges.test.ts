import assert from 'node:assert/strict';
import fc from 'fast-check';
import { memberRanges } from '../../../../src/core/tokens/tokenParts.ts';
import { encode } from '../../../support/signing.ts';

describe('memberRanges', () => {
  it('names each member with its place, nested ones not', () => {
    const json = '{"a": {"b":[1,{"c":"}"}]},\n "d\\"" : "x,y" ,"a":2}';
    assert.deepEqual(
      memberRanges(json).map(({ name }) => name),
      ['"a"', '"d\\""', '"a"'],
    );
  });

  it('is empty for an empty object', () => assert.deepEqual(memberRanges(' { } '), []));

  it('finds in the encoded part what decodes to the member', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 6 }), fc.boolean(), (object, spaced) => {
        const json = JSON.stringify(object, undefined, spaced ? 2 : undefined);
        const encoded = encode(json);
        const ranges = memberRanges(json);
        assert.deepEqual(
          ranges.map(({ name }) => JSON.parse(name)),
          Object.keys(object),
        );
        for (const { name, start, end } of ranges) {
          const from = start - (start % 4);
          const text = Buffer.from(encoded.slice(from, end + 1), 'base64url').toString('latin1');
          assert.ok(text.includes(Buffer.from(name).toString('latin1')), name);
        }
      }),
    );
  });
});
