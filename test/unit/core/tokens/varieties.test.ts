import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeySource } from '../../../../src/core/checks/signatures.ts';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { decodeToken } from '../../../../src/core/tokens/jwt.ts';
import { keysAt, readableContent, varieties, varietyOf } from '../../../../src/core/tokens/varieties.ts';
import type * as Texts from '../../../../src/vscode/text/varieties.ts';
import { samples } from '../../../docs/samples.ts';
import { keyFor, sampleOf, secret } from '../../../docs/zoo.ts';
import { withoutVscode } from '../../../support/withoutVscode.ts';

const now = 1893456000_000 + 60_000;

describe('varieties of tokens', function () {
  this.timeout(60_000);
  let texts: typeof Texts;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'varieties-'));
    texts = await withoutVscode<typeof Texts>('text/varieties', folder);
  });
  after(() => rm(folder, { recursive: true }));

  for (const variety of varieties) {
    it(`tells a ${variety.name} by its sample`, () => {
      const sample = sampleOf(variety);
      const decoded = decodeToken(sample);
      assert.equal(varietyOf(sample, decoded)?.id, variety.id);
      const advice = texts.varietyAdvice(variety);
      assert.match(advice, /^[A-Za-z].*\.$/);
      assert.match(texts.varietyText(variety, keysAt(variety, sample, decoded)), /Who can verify it: .+\./);
    });
  }

  it('show what can be read without a key in tokens that are not JWTs', () => {
    const said = varieties.flatMap(variety => {
      const sample = sampleOf(variety);
      const payload = readableContent(sample, decodeToken(sample));
      return payload ? [[variety.id, payload]] : [];
    });
    assert.deepEqual(said, [
      ['paseto', { sub: 'u-1' }],
      ['flask_cookie', { user: 'ada' }],
      ['rails_cookie', { _rails: {} }],
      ['django_signed', { u: 1 }],
    ]);
    // The first v4.public vector of https://github.com/paseto-standard/test-vectors.
    const vector =
      'v4.public.eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIiwiZXhwIjoiMjAyMi0wMS0wMVQwMDowMDowMCswMDowMCJ9bg_XBBzds8lTZShVlwwKSgeKpLT3yukTw6JUz3W4h_ExsQV-P0V54zemZDcAxFaSeef1QlXEFtkqxT1ciiQEDA';
    assert.deepEqual(readableContent(vector, decodeToken(vector)), {
      data: 'this is a signed message',
      exp: '2022-01-01T00:00:00+00:00',
    });
    for (const odd of ['v4.local.AAAA', 'v4.public.AAAA', 'v4.public.', 'eyJ1IjoxfQ'])
      assert.equal(readableContent(odd, decodeToken(odd)), undefined);
  });

  it('have ids of their own, and no sentence or sample without a row', () => {
    const ids = varieties.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(texts.varietySentenceIds.toSorted(), ids.toSorted());
    assert.deepEqual(Object.keys(samples).toSorted(), ids.toSorted());
  });

  // The others cannot be verified with the keys made here: a signature was cut off, or a key binding is unsigned.
  const unverifiable = new Set(['cut', 'sd_jwt_kb', 'jws_json']);
  for (const variety of varieties.filter(({ id }) => samples[id]?.alg !== undefined && !unverifiable.has(id))) {
    it(`verifies a ${variety.name} with the right key, by the rules of its kind`, async () => {
      const alg = samples[variety.id]?.alg;
      const source: KeySource =
        alg === 'HS256'
          ? { kind: 'key', text: secret }
          : { kind: 'key', text: alg === undefined ? '' : JSON.stringify({ ...keyFor(alg).jwk, kid: undefined }) };
      const { verified, checks } = await verifyToken(sampleOf(variety), {}, source, now);
      const failed = checks.filter(({ status }) => status === 'failed').map(({ id, code }) => `${id} ${code}`);
      assert.deepEqual(failed, []);
      assert.equal(verified, true);
    });
  }
});
