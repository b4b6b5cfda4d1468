import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, randomBytes, sign } from 'node:crypto';

/*
 * A certificate for `--tls`, made at the start. Node reads certificates and makes none, so the few DER elements of
 * RFC 5280 section 4.1 are written here.
 */

const sequence = (...parts: Buffer[]) => element(0x30, ...parts);
const set = (...parts: Buffer[]) => element(0x31, ...parts);
const oid = (hex: string) => element(0x06, Buffer.from(hex, 'hex'));
const bits = (content: Buffer) => element(0x03, Buffer.from([0]), content);

const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
const commonName = oid('550403');
const subjectAltName = oid('551d11');
const basicConstraints = oid('551d13');

/** PEM. For these host names and for 127.0.0.1 and ::1, valid for a year from `now` in milliseconds. */
export function selfSignedCertificate(names: readonly string[], now: number): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const addresses = [Buffer.from([127, 0, 0, 1]), Buffer.concat([Buffer.alloc(15), Buffer.from([1])])];
  const alternatives = sequence(
    ...names.map(each => element(0x82, Buffer.from(each, 'latin1'))),
    ...addresses.map(each => element(0x87, each)),
  );
  const critical = element(0x01, Buffer.from([0xff]));
  const extensions = sequence(
    sequence(subjectAltName, element(0x04, alternatives)),
    // It signs itself, and clients that trust it as an authority want it to be one.
    sequence(basicConstraints, critical, element(0x04, sequence(critical))),
  );
  const cert = certificate(publicKey, privateKey, now, extensions);
  const lines = cert.toString('base64').replace(/.{64}(?!$)/g, '$&\n');
  return {
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

/** DER. A self-signed certificate around a key: no authority vouches for it, and the signing key is not kept. */
export function certificateOf(key: JsonWebKey, now: number): Buffer {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return certificate(createPublicKey({ key, format: 'jwk' }), privateKey, now);
}

function certificate(publicKey: KeyObject, signer: KeyObject, now: number, ...extensions: Buffer[]): Buffer {
  const name = sequence(set(sequence(commonName, element(0x0c, Buffer.from('Mock issuer')))));
  const serial = randomBytes(16);
  serial[0] = 0x4d; // Positive, and not padded.
  const body = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, serial),
    ecdsaWithSha256,
    name,
    sequence(time(now - 60_000), time(now + 365 * 86_400_000)),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    ...extensions.map(each => element(0xa3, each)),
  );
  return sequence(body, ecdsaWithSha256, bits(sign('sha256', body, signer)));
}

function element(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

/** GeneralizedTime is for years from 2050 on; before that it has to be UTCTime. */
function time(at: number): Buffer {
  const [year, rest] = [new Date(at).toISOString().slice(0, 4), new Date(at).toISOString().slice(4, 19)];
  const digits = `${rest.replace(/\D/g, '')}Z`;
  return Number(year) < 2050
    ? element(0x17, Buffer.from(year.slice(2) + digits))
    : element(0x18, Buffer.from(year + digits));
}
