import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bindingMismatch, imported, merge, onlyRotated, type TokenSet } from '../../../../src/core/records/tokenSet.ts';

const now = 1_700_000_000_000;
const before: TokenSet = {
  access_token: 'access',
  token_type: 'Bearer',
  refresh_token: 'refresh',
  id_token: 'id',
  scope: 'a b',
  expires_at: now - 1,
  refresh_expires_at: now + 9,
  obtained_at: now - 1000,
  refresh_token_stored_at: now - 1000,
  refresh_token_last_used_at: now - 500,
};

/** A token with readable claims and a meaningless signature. */
function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2ln`;
}

describe('merge', () => {
  it('takes the new members and keeps those left out (RFC 6749 §5.1, §6)', () => {
    assert.deepEqual(merge(before, { access_token: 'new', expires_in: 60 }, now), {
      ...before,
      access_token: 'new',
      expires_at: now + 60_000,
      obtained_at: now,
    });
  });

  it('replaces a refresh token, and what was known of the old one', () => {
    const { refresh_expires_at: _, refresh_token_last_used_at: __, ...rest } = before;
    assert.deepEqual(merge(before, { access_token: 'new', refresh_token: 'next', expires_in: 1 }, now), {
      ...rest,
      access_token: 'new',
      refresh_token: 'next',
      expires_at: now + 1000,
      obtained_at: now,
      refresh_token_stored_at: now,
    });
  });

  it('forgets that a refresh token was kept when another one replaces it', () => {
    const kept = { ...before, refresh_token_kept: true as const };
    assert.equal(merge(kept, { access_token: 'new' }, now).refresh_token_kept, true);
    const answer = merge(kept, { access_token: 'new', refresh_token: 'next' }, now);
    assert.equal(answer.refresh_token_kept, undefined);
    assert.equal(onlyRotated(kept, answer).refresh_token_kept, undefined);
    assert.equal(imported(kept, { refresh_token: 'other' }, now).refresh_token_kept, undefined);
  });

  it('recognizes the same refresh token', () => {
    const tokens = merge(before, { access_token: 'new', refresh_token: 'refresh' }, now);
    assert.equal(tokens.refresh_token_stored_at, before.refresh_token_stored_at);
    assert.equal(tokens.refresh_token_last_used_at, before.refresh_token_last_used_at);
    assert.equal(tokens.refresh_expires_at, before.refresh_expires_at);
  });

  it('takes an empty text for none', () => {
    const empty = { access_token: '', refresh_token: '', id_token: '', token_type: '' };
    assert.deepEqual(merge(before, empty, now), before);
    assert.deepEqual(merge(undefined, empty, now), { obtained_at: now });
  });

  for (const [name, expires_in, expected] of [
    ['seconds', 60, now + 60_000],
    ['a fraction', 0.5, now + 500],
    ['0', 0, now],
    ['negative', -5, now],
    ['30 days', 30 * 86_400, now + 30 * 86_400_000],
    ['absurd', 1e15, undefined],
    ['infinite', Number.POSITIVE_INFINITY, undefined],
    ['no number', Number.NaN, undefined],
    ['absent', undefined, undefined],
  ] as const) {
    it(`reads a lifetime that is ${name}`, () => {
      const tokens = merge(before, { access_token: 'new', ...(expires_in !== undefined && { expires_in }) }, now);
      assert.equal(tokens.expires_at, expected);
      assert.equal('expires_at' in tokens, expected !== undefined);
    });
  }

  it('believes the response before the token, and the token where the response says nothing', () => {
    const access_token = jwt({ exp: now / 1000 + 100 });
    assert.equal(merge(undefined, { access_token, expires_in: 5 }, now).expires_at, now + 5000);
    assert.equal(merge(undefined, { access_token }, now).expires_at, now + 100_000);
    assert.equal(merge(undefined, { access_token: jwt({ exp: 'soon' }) }, now).expires_at, undefined);
    assert.equal(merge(undefined, { refresh_token: access_token }, now).refresh_expires_at, now + 100_000);
  });

  it('takes 0 for a refresh token without an end', () => {
    const tokens = merge(before, { access_token: 'new', refresh_token: 'offline', refresh_expires_in: 0 }, now);
    assert.equal('refresh_expires_at' in tokens, false);
    const renewed = merge(before, { access_token: 'new', refresh_expires_in: 60 }, now);
    assert.equal(renewed.refresh_expires_at, now + 60_000);
  });

  it('never loses a refresh token, and never makes one up', () => {
    const text = fc.option(fc.string(), { nil: undefined });
    const raw = fc.record(
      { access_token: text, refresh_token: text, id_token: text, expires_in: fc.double() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(raw, fc.option(fc.constant(before), { nil: undefined }), (response, previous) => {
        const given = Object.fromEntries(Object.entries(response).filter(([, value]) => value !== undefined));
        const { refresh_token } = merge(previous, given, now);
        assert.equal(refresh_token, given.refresh_token || previous?.refresh_token);
        assert.ok(Object.values(merge(previous, given, now)).every(value => value !== undefined && value !== ''));
      }),
    );
  });
});

describe('imported', () => {
  it('believes a token before an expires_in that counts from nobody knows when', () => {
    const access_token = jwt({ exp: now / 1000 - 100 });
    const refresh_token = jwt({ exp: now / 1000 + 500 });
    const tokens = imported(
      undefined,
      { access_token, refresh_token, expires_in: 3600, refresh_expires_in: 7200 },
      now,
    );
    assert.deepEqual([tokens.expires_at, tokens.refresh_expires_at], [now - 100_000, now + 500_000]);
  });

  it('keeps nothing of another grant', () => {
    assert.deepEqual(imported(before, { refresh_token: 'other' }, now), {
      refresh_token: 'other',
      obtained_at: now,
      refresh_token_stored_at: now,
    });
  });

  it('keeps the refresh token beside an access token alone', () => {
    assert.equal(imported(before, { access_token: 'new' }, now).refresh_token, 'refresh');
    assert.equal(imported(before, { access_token: 'new', refresh_token: 'refresh' }, now).id_token, 'id');
  });
});

describe('onlyRotated', () => {
  it('takes of an answer nothing but the refresh token', () => {
    const answer = merge(
      before,
      { access_token: 'bad', id_token: 'bad', refresh_token: 'next', expires_in: 5, refresh_expires_in: 60 },
      now,
    );
    const { refresh_token_last_used_at: _, ...rest } = before;
    assert.deepEqual(onlyRotated(before, answer), {
      ...rest,
      refresh_token: 'next',
      refresh_expires_at: now + 60_000,
      refresh_token_stored_at: now,
    });
    const same = merge(before, { access_token: 'bad' }, now);
    assert.deepEqual(onlyRotated(before, same), before);
    assert.deepEqual(onlyRotated(undefined, answer), {
      refresh_token: 'next',
      refresh_expires_at: now + 60_000,
      obtained_at: now,
      refresh_token_stored_at: now,
    });
  });
});

describe('bindingMismatch', () => {
  const bound = { issuer: 'https://a.example', token_endpoint: 'https://a.example/token', client_id: 'c' };

  it('finds nothing where all is the same', () => {
    assert.equal(bindingMismatch(bound, { ...bound }), undefined);
  });

  for (const [member, value] of [
    ['issuer', 'https://b.example'],
    ['issuer', 'https://a.example/'],
    ['client_id', 'C'],
    ['token_endpoint', 'https://a.example/token/'],
  ] as const) {
    it(`names the member that differs: ${member} ${value}`, () => {
      assert.deepEqual(bindingMismatch(bound, { ...bound, [member]: value }), {
        member,
        expected: bound[member],
        found: value,
      });
    });
  }

  it('does not take a missing member for a fitting one', () => {
    const { issuer: _, ...withoutIssuer } = bound;
    assert.equal(bindingMismatch(bound, withoutIssuer)?.member, 'issuer');
    assert.equal(bindingMismatch(withoutIssuer, bound)?.member, 'issuer');
    const { token_endpoint: __, ...withoutEndpoint } = bound;
    assert.equal(bindingMismatch(bound, withoutEndpoint)?.member, 'token_endpoint');
  });

  it('lets a token whose endpoint was not known go to any of its issuer, and to none without an issuer', () => {
    const { token_endpoint: _, ...withoutEndpoint } = bound;
    assert.equal(bindingMismatch(withoutEndpoint, bound), undefined);
    const endpointOnly = { client_id: 'c', token_endpoint: 'https://evil.example/token' };
    assert.equal(bindingMismatch({ client_id: 'c' }, endpointOnly)?.member, 'token_endpoint');
  });
});
