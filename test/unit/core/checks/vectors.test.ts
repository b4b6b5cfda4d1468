import assert from 'node:assert/strict';
import { decrypt } from '../../../../src/core/checks/decrypt.ts';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { classify } from '../../../../src/core/errors.ts';
import { decodeToken } from '../../../../src/core/tokens/jwt.ts';
import vectors from '../../../fixtures/vectors/jose.json' with { type: 'json' };

/** Findings for tokens whose signature is valid and which must be rejected anyway. */
const flaws: Readonly<Record<string, string>> = {
  'json_web_signature_test, test 375': 'encoding_ambiguous',
  'json_web_key_test, test 7': 'rsa_roca',
  'json_web_key_test, test 10': 'hmac_too_short',
  'json_web_key_test, test 11': 'hmac_too_short',
  'json_web_key_test, test 12': 'hmac_too_short',
};

/** Published examples, each with its source. Most sign a sentence or a word, so they are a JWS but not a JWT. */
describe('published test vectors', () => {
  const given = (key: object | string) =>
    ({ kind: 'key', text: typeof key === 'string' ? key : JSON.stringify(key) }) as const;
  const signatureOf = async (token: string, key: object) => {
    const { verified, checks } = await verifyToken(token, { requireExp: false }, given(key), 0);
    return { verified, signature: checks.find(({ id }) => id === 'signature'), checks };
  };

  for (const { source, alg, token, key } of vectors.signed) {
    it(`${source}: a signature that holds (${alg})`, async () => {
      const { signature, verified, checks } = await signatureOf(token, key);
      assert.equal(signature?.status, 'passed');
      assert.equal(signature.found, alg);
      const decoded = decodeToken(token);
      assert.ok(decoded.kind === 'jws');
      // Signed content without claims is shown as it is and never treated as a JWT.
      const [, payload = ''] = token.split('.');
      assert.equal(decoded.payloadText, Buffer.from(payload, 'base64url').toString());
      const isJwt = decoded.payloadText.startsWith('{');
      assert.equal(decoded.content, isJwt ? undefined : 'text');
      const members = checks.find(({ id }) => id === 'members');
      assert.equal(members?.code, isJwt ? 'members_unique' : 'not_claims');
      assert.equal(verified, isJwt);

      const changed = token.replace(/\.[^.]+\./, `.${Buffer.from('{}').toString('base64url')}.`);
      assert.equal((await signatureOf(changed, key)).signature?.code, 'signature_invalid');
    });
  }

  it('OpenID Connect Core appendix A.3: the hash of the access token', async () => {
    const [example] = vectors.signed.filter(
      ({ source }) => source.endsWith('appendix A.3') && source.startsWith('Open'),
    );
    const accessToken = 'jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y';
    const asked = { kind: 'id_token', clientId: 's6BhdRkqt3', nonce: 'n-0S6_WzA2Mj', accessToken } as const;
    assert.ok(example);
    const { verified, checks } = await verifyToken(
      example.token,
      { ...asked, issuer: 'https://server.example.com' },
      given(example.key),
      1311281969_000,
    );
    assert.equal(checks.find(({ id }) => id === 'at_hash')?.code, 'hash_matches');
    assert.equal(verified, true);
  });

  for (const { source, token, key } of vectors.refused) {
    it(`${source}: refused`, async () => {
      try {
        const { verified, signature, checks } = await signatureOf(token, key);
        assert.equal(verified, false);
        // If the signature itself is valid, the key is too weak, or the encoding has an ending that no encoder writes.
        const against = checks.filter(({ id, status }) => /^(?:key|encoding)$/.test(id) && status !== 'passed');
        const said = flaws[source.slice(source.indexOf('json'))];
        assert.deepEqual(signature?.status === 'passed' ? against.map(({ code }) => code) : undefined, said && [said]);
      } catch (error) {
        assert.match(classify(error).code, /^(?:not_a_token|token_)/);
      }
    });
  }

  for (const { source, token, key, text } of vectors.encrypted) {
    it(`${source}: what is encrypted`, async () => {
      const opening = decrypt({ token, key: typeof key === 'string' ? key : JSON.stringify(key) });
      if (source.endsWith('5.1')) {
        // RSA1_5: RFC 8725 section 3.2 advises against it, and it is never decrypted here.
        await assert.rejects(opening, { code: 'jwe_refused', data: { reason: 'rsa1_5', found: 'RSA1_5' } });
        return;
      }
      const { content } = await opening;
      assert.ok(content.kind === 'text' || content.kind === 'claims');
      assert.equal(content.text, text);
    });
  }

  for (const { source, token, key } of vectors.notDecrypted) {
    it(`${source}: not decrypted`, async () => {
      const codes = /^(?:not_a_token|not_encrypted|token_|decryption_failed$|jwe_refused$|key_invalid$)/;
      await assert.rejects(decrypt({ token, key: JSON.stringify(key) }), error => codes.test(classify(error).code));
    });
  }
});
