import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { chains } from '../../../support/chains.ts';
import { encode, jwt, signer, signerOf } from '../../../support/signing.ts';

const now = Date.UTC(2030, 0, 1);
const keyPair = (der: string) => {
  const privateKey = createPrivateKey({ key: Buffer.from(der, 'base64'), format: 'der', type: 'pkcs8' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
};
const by = signerOf('ES256', keyPair(chains.signerKey), 'k1');
const pem = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
const claims = { sub: 'u-1', exp: now / 1000 + 300 };
const purchase = { bundleId: 'com.example', transactionId: '1', signedDate: now };

async function outcome(x5c: readonly unknown[], root: string, more: { payload?: object; token?: string } = {}) {
  const token = more.token ?? jwt(by, more.payload ?? claims, { x5c, kid: undefined });
  const { verified, checks } = await verifyToken(token, {}, { kind: 'key', text: root }, now);
  const of = (id: string) => checks.find(check => check.id === id);
  const { code, found, data } = of('signature') ?? {};
  return {
    verified,
    signature: [code, found, data?.reason].filter(each => each !== undefined).join(' '),
    key: of('key')?.code,
    embedded: of('header_key')?.status,
  };
}

describe('a chain of certificates in x5c', () => {
  const { signer: leaf, intermediate, root } = chains;

  it('is followed to the root that was given, whether it is in the chain or not', async () => {
    const right = { verified: true, signature: 'signature_valid ES256', key: 'chain_valid', embedded: 'skipped' };
    for (const x5c of [
      [leaf, intermediate],
      [leaf, intermediate, root],
    ])
      for (const given of [pem(root), root, pem(chains.sameName) + pem(root)])
        assert.deepEqual(await outcome(x5c, given), right);
    assert.deepEqual(await outcome([leaf], pem(intermediate)), right, 'an intermediate that is trusted itself');
    assert.deepEqual(await outcome([chains.signedByRsa], pem(chains.rsaRoot)), right);
  });

  it('does not matter where the certificate is that of the signer', async () => {
    const own = await outcome([leaf, intermediate], pem(leaf));
    assert.deepEqual([own.verified, own.key, own.embedded], [true, 'key_ok', 'warning']);
    assert.equal((await outcome(['AAAA'], pem(leaf))).verified, true);
  });

  it('says where it breaks', async () => {
    const said = async (x5c: readonly unknown[], given: string) => {
      const { verified, signature } = await outcome(x5c, pem(given));
      assert.equal(verified, false);
      return signature;
    };
    assert.equal(await said([leaf, intermediate], chains.sameName), 'chain_invalid Test intermediate root');
    assert.equal(await said([leaf, intermediate], chains.rsaRoot), 'chain_invalid Test intermediate root');
    assert.equal(await said([leaf], root), 'chain_invalid Test signer root');
    assert.equal(await said([leaf, chains.sameName], root), 'chain_invalid Test signer root');
    assert.equal(await said([chains.expired, intermediate], root), 'chain_invalid Test signer time');
    assert.equal(await said([chains.critical, intermediate], root), 'chain_invalid Test signer critical');
    for (const odd of ['AAAA', 7, null, '', root.slice(0, 200)])
      assert.equal(await said([odd, intermediate], root), 'chain_invalid malformed');
    assert.equal(await said([], root), 'chain_invalid root');
    const forged = `${leaf.slice(0, 60)}${leaf[60] === 'A' ? 'B' : 'A'}${leaf.slice(61)}`;
    assert.match(await said([forged, intermediate], root), /^chain_invalid .*(?:signature|malformed|root)$/);
  });

  it('ends at a certificate that may not issue others', async () => {
    const end = signerOf('ES256', keyPair(chains.endKey), 'k1');
    const token = jwt(end, claims, { x5c: [chains.end, leaf, intermediate], kid: undefined });
    const { verified, signature } = await outcome([], pem(root), { token });
    assert.deepEqual([verified, signature], [false, 'chain_invalid Test signer authority']);
  });

  it('counts for the key that it names and no other', async () => {
    const token = jwt(signer('ES256'), claims, { x5c: [leaf, intermediate], kid: undefined });
    assert.deepEqual(await outcome([], pem(root), { token }), {
      verified: false,
      signature: 'signature_invalid ES256',
      key: 'chain_valid',
      embedded: 'skipped',
    });
    const none = `${encode({ alg: 'none', x5c: [leaf, intermediate] })}.${encode(claims)}.`;
    assert.equal((await outcome([], pem(root), { token: none })).verified, false);
  });

  it("has to be made for the App Store's signed data where the token is that", async () => {
    const apple = { payload: purchase };
    assert.equal((await outcome([leaf, intermediate], pem(root), apple)).verified, true);
    assert.equal((await outcome([leaf], pem(intermediate), apple)).verified, true);
    const other = await outcome([chains.plain, intermediate], pem(root), apple);
    assert.deepEqual([other.verified, other.signature], [false, 'chain_invalid Test signer purpose']);
    const direct = await outcome([chains.signedByRsa], pem(chains.rsaRoot), apple);
    assert.deepEqual([direct.verified, direct.signature], [false, 'chain_invalid Test signer purpose']);
  });
});
