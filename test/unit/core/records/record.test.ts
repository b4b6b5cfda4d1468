import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isWorkbenchError } from '../../../../src/core/errors.ts';
import {
  assertRoomForIntent,
  emptyRecord,
  isPrints,
  isRefused,
  newest,
  parseRecord,
  printsOf,
  recordLimit,
  type StoredRecord,
  serializeRecord,
  type TokenFamily,
  trimToLimit,
  turnOfPrint,
  withoutTokens,
  withPrints,
} from '../../../../src/core/records/record.ts';
import { dataOf } from '../../../support/failureOf.ts';
import { present } from '../refresh/refreshWorld.ts';

const full: StoredRecord = {
  version: 1,
  connection: 'main',
  generation: 3,
  binding: {
    issuer: 'https://issuer.example',
    token_endpoint: 'https://issuer.example/token',
    client_id: 'demo',
  },
  tokens: {
    access_token: 'access',
    token_type: 'Bearer',
    refresh_token: 'refresh',
    id_token: 'id',
    scope: '',
    expires_at: 2,
    refresh_expires_at: 3,
    obtained_at: 1,
    refresh_token_stored_at: 1,
    refresh_token_last_used_at: 1,
  },
  client_secret: 'secret',
  intent: { generation: 3, at: 1, retried: true },
  refused: { generation: 2, error: 'invalid_grant', at: 1, answer_lost_at: 1 },
};

/** Code and reason of the error that parsing throws. */
function flaw(text: string): unknown[] {
  try {
    parseRecord('main', text);
  } catch (error) {
    assert.ok(isWorkbenchError(error));
    return [error.code, dataOf(error).reason ?? dataOf(error).version];
  }
  return ['fine'];
}

describe('a record', () => {
  it('is read as it was written', () => {
    for (const record of [full, emptyRecord('main')])
      assert.deepEqual(parseRecord('main', serializeRecord(record)), record);
  });

  it('keeps what it does not know', () => {
    const text = JSON.stringify({ ...full, more: { a: 1 } });
    assert.equal(serializeRecord(parseRecord('main', text)), text);
  });

  for (const [reason, change] of [
    ['version', { version: undefined }],
    ['version', { version: '1' }],
    ['version', { version: 0 }],
    ['connection', { connection: 'other' }],
    ['generation', { generation: -1 }],
    ['generation', { generation: 1.5 }],
    ['generation', { generation: Number.MAX_SAFE_INTEGER }],
    ['binding', { binding: undefined }],
    ['binding', { binding: { issuer: 'https://issuer.example' } }],
    ['binding', { binding: { client_id: '' } }],
    ['tokens', { tokens: [] }],
    ['tokens', { tokens: null }],
    ['tokens', { tokens: {} }],
    ['tokens', { tokens: { obtained_at: 1, refresh_token: '' } }],
    ['tokens', { tokens: { obtained_at: 1, access_token: 5 } }],
    ['tokens', { tokens: { obtained_at: '1' } }],
    ['client_secret', { client_secret: '' }],
    ['intent', { intent: { generation: 1 } }],
    ['intent', { intent: { generation: 1, at: 1, retried: 'yes' } }],
    ['refused', { refused: { generation: 1, at: 1, error: '' } }],
  ] as const) {
    it(`is unreadable, and says so, with ${JSON.stringify(change)}`, () => {
      assert.deepEqual(flaw(JSON.stringify({ ...full, ...change })), ['record_unreadable', reason]);
    });
  }

  for (const [reason, text] of [
    ['json', ''],
    ['json', '{"version":1'],
    ['shape', '[]'],
    ['shape', 'null'],
    ['shape', '1'],
    ['size', `"${'x'.repeat(recordLimit)}"`],
  ]) {
    it(`is unreadable where there is none: ${String(text).slice(0, 20)}`, () => {
      assert.deepEqual(flaw(String(text)), ['record_unreadable', reason]);
    });
  }

  it('of a newer version is recognized, whatever else it contains', () => {
    assert.deepEqual(flaw('{"version":2}'), ['record_newer_version', 2]);
  });

  it('never crashes, however it is mutated, and what is accepted can be written again', () => {
    const text = JSON.stringify(full);
    const mutated = fc
      .array(
        fc.record({
          at: fc.nat(text.length),
          cut: fc.nat(8),
          put: fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('null', '""', '{', '}', ',', '1e400', '-1')),
        }),
        { maxLength: 4 },
      )
      .map(edits => edits.reduce((each, { at, cut, put }) => each.slice(0, at) + put + each.slice(at + cut), text));
    fc.assert(
      fc.property(mutated, each => {
        const [code] = flaw(each);
        assert.ok(['fine', 'record_unreadable', 'record_newer_version'].includes(String(code)));
        if (code === 'fine') parseRecord('main', serializeRecord(parseRecord('main', each)));
      }),
      { numRuns: 2000, seed: 1 },
    );
    fc.assert(
      fc.property(fc.jsonValue(), value => void flaw(JSON.stringify(value))),
      { numRuns: 500, seed: 1 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(full)), fc.jsonValue(), (member, value) => {
        assert.doesNotMatch(String(flaw(JSON.stringify({ ...full, [member]: value }))[0]), /internal/);
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('is never written where it could not be read again', () => {
    const tokens = { obtained_at: 1, refresh_token: '' };
    assert.throws(() => serializeRecord({ ...full, tokens }), { code: 'internal' });
    assert.throws(() => serializeRecord({ ...full, client_secret: '' }), { code: 'internal' });
  });

  it('has a size, and tokens leave room for a mark', () => {
    const sized = (length: number): StoredRecord => {
      const tokens = { obtained_at: 1, access_token: 'x' };
      const rest = JSON.stringify({ ...full, tokens }).length - 1;
      return { ...full, tokens: { ...tokens, access_token: 'x'.repeat(length - rest) } };
    };
    assert.equal(serializeRecord(sized(recordLimit)).length, recordLimit);
    assert.throws(() => serializeRecord(sized(recordLimit + 1)), { code: 'record_too_large' });
    assertRoomForIntent(sized(recordLimit - 1024));
    assert.throws(() => assertRoomForIntent(sized(recordLimit - 1023)), { code: 'record_too_large' });
  });

  it('gives up the oldest that it owes where all of it does not fit beside its refresh token', () => {
    const owed = Array.from({ length: 40 }, (_, turn) => ({
      generation: turn,
      family: { id: `family ${turn}`, turn, with: ['other'] },
      tokens: { obtained_at: 1, access_token: 'a', refresh_token: 'r'.repeat(3000) },
    }));
    const id_token = 'x'.repeat(20_000);
    const { record } = trimToLimit({ ...full, tokens: { ...full.tokens, obtained_at: 1, id_token }, owed });
    assert.deepEqual([record.tokens?.refresh_token, record.tokens?.id_token], ['refresh', undefined]);
    const left = present(record.owed);
    assert.ok(left.length >= 18, `${left.length} of what is owed`);
    assert.deepEqual(
      left.map(({ generation }) => generation),
      owed.slice(-left.length).map(({ generation }) => generation),
    );
    assert.deepEqual(parseRecord('main', serializeRecord(record)), record);
  });

  it('is cut to what fits, and keeps its refresh token', () => {
    const big = 'x'.repeat(recordLimit);
    const cut = (tokens: object) => trimToLimit({ ...full, tokens: { ...full.tokens, obtained_at: 1, ...tokens } });
    assert.deepEqual(trimToLimit(full), { record: full });
    const withoutId = cut({ id_token: big });
    assert.equal(withoutId.error?.code, 'record_too_large');
    assert.deepEqual([withoutId.record.tokens?.id_token, withoutId.record.tokens?.access_token], [undefined, 'access']);
    for (const tokens of [{ access_token: big }, { scope: big }, { access_token: big, id_token: big }]) {
      const { record } = cut(tokens);
      assert.deepEqual(Object.keys(record.tokens ?? {}).sort(), [
        'obtained_at',
        'refresh_expires_at',
        'refresh_token',
        'refresh_token_last_used_at',
        'refresh_token_stored_at',
      ]);
      serializeRecord(record);
    }
  });

  it('is cut first by what an import has replaced, down to its refresh token if that fits', () => {
    const { tokens, binding } = full;
    const half = 'x'.repeat(recordLimit / 2);
    const most = 'x'.repeat(recordLimit - 1024 - JSON.stringify(full).length);
    const before = { binding: present(binding), tokens: { ...present(tokens), access_token: half } };
    const cut = (access_token = '') =>
      trimToLimit({ ...full, tokens: { ...present(tokens), access_token }, replaced: before });
    assert.deepEqual(cut('short').record.replaced, before);
    const { record, error } = cut(half);
    assert.deepEqual(
      [record.tokens?.access_token, record.replaced?.tokens, error],
      [half, { obtained_at: 1, refresh_token: 'refresh' }, undefined],
    );
    assert.deepEqual([cut(most).record.tokens?.access_token, cut(most).record.replaced], [most, undefined]);
  });

  it('leaves out the fingerprints of earlier tokens before anything else, whichever part of it grows', () => {
    const earlier = `0:${'f'.repeat(16 * 128)}`;
    const family = { id: 'first', turn: 128 };
    const tokens = { ...present(full.tokens), obtained_at: 1 };
    const owed = [{ generation: 1, family: { ...family, id: 'owed', with: ['other'] }, tokens }];
    const bare = { ...full, tokens, family, owed };
    const room = recordLimit - 1024 - JSON.stringify(bare).length - 10;
    const most = { ...bare, tokens: { ...tokens, access_token: 'x'.repeat(room) } };
    const noted = owed.map(each => ({ ...each, family: { ...each.family, earlier } }));
    const { record, error } = trimToLimit({ ...most, family: { ...family, earlier }, owed: noted });
    assert.deepEqual([parseRecord('main', serializeRecord(record)), error], [most, undefined]);
    assertRoomForIntent(record);
    // What another connection or a mark adds is not cut: it is written as it is.
    const marked = { ...record, intent: { generation: 3, at: 1 } };
    assert.deepEqual(parseRecord('main', serializeRecord(marked)), { ...most, intent: marked.intent });
    const small = { ...bare, family: { ...family, earlier } };
    assert.deepEqual(parseRecord('main', serializeRecord(small)), small);
  });

  describe('notes fingerprints of tokens that followed each other', () => {
    const print = (turn: number) => turn.toString(16).padStart(16, '0');
    const noting = (...turns: number[]) =>
      turns.reduce<TokenFamily>((each, turn) => withPrints(each, printsOf(turn, print(turn))), {
        id: 'first',
        turn: 0,
      });

    it('finds them by the text of each', () => {
      const family = noting(3, 4, 6);
      assert.equal(family.earlier, `3:${print(3)}${print(4)}${'-'.repeat(16)}${print(6)}`);
      const found = [3, 4, 5, 6].map(turn => turnOfPrint(family, print(turn)));
      assert.deepEqual(found, [3, 4, undefined, 6]);
      // Not in the middle of two.
      assert.equal(turnOfPrint(family, `${print(3).slice(8)}${print(4).slice(0, 8)}`), undefined);
      assert.equal(turnOfPrint({ id: 'first', turn: 0 }, print(3)), undefined);
    });

    it('joins what two connections have noted, in either order', () => {
      const [one, other] = [noting(3, 4), noting(1, 2, 4, 7)];
      const both = noting(1, 2, 3, 4, 7).earlier;
      assert.deepEqual([withPrints(one, other.earlier).earlier, withPrints(other, one.earlier).earlier], [both, both]);
      assert.equal(withPrints(one, undefined), one);
    });

    it('keeps the latest 128, however far the turns are apart', () => {
      const all = noting(...Array.from({ length: 200 }, (_, turn) => turn));
      assert.deepEqual([turnOfPrint(all, print(71)), turnOfPrint(all, print(72))], [undefined, 72]);
      const far = withPrints(all, printsOf(10 ** 14, print(5)));
      assert.deepEqual([turnOfPrint(far, print(5)), turnOfPrint(far, print(199))], [10 ** 14, undefined]);
      assert.ok(isPrints(far.earlier));
    });

    it('takes no other form', () => {
      assert.deepEqual(
        [printsOf(0, ''), printsOf(0, 'token'), printsOf(2 ** 52, print(0))],
        [undefined, undefined, undefined],
      );
      for (const earlier of [
        '',
        '0:',
        `-1:${print(0)}`,
        `0:${print(0)}0`,
        `0:${'f'.repeat(16 * 129)}`,
        { 0: print(0) },
      ]) {
        const text = JSON.stringify({ ...full, family: { id: 'first', turn: 1, earlier } });
        assert.deepEqual(flaw(text), ['record_unreadable', 'family']);
      }
    });
  });

  it('of the higher generation counts, and of two the stored one', () => {
    const [one, other, next] = [{ ...full }, { ...full }, { ...full, generation: 4 }];
    assert.equal(newest(one, other), one);
    assert.equal(newest(one, next), next);
    assert.equal(newest(next, one), next);
    assert.equal(newest(undefined, one), one);
    assert.equal(newest(one, undefined), one);
    assert.equal(newest(undefined, undefined), undefined);
  });

  it('that was emptied holds nothing but its name, its number and the client secret', () => {
    assert.deepEqual(withoutTokens(full, 9), {
      version: 1,
      connection: 'main',
      generation: 9,
      client_secret: 'secret',
    });
    assert.deepEqual(withoutTokens(emptyRecord('main'), 1), { version: 1, connection: 'main', generation: 1 });
  });

  it('is refused only by its own generation', () => {
    assert.equal(isRefused(full), false);
    assert.equal(isRefused({ ...full, generation: 2 }), true);
    assert.equal(isRefused(emptyRecord('main')), false);
  });
});
