import { classify } from '../errors.ts';
import { certificateThumbprint } from '../issuer/clientKey.ts';
import { type Discovery, resolveEndpoints } from '../issuer/discovery.ts';
import type { Clock, Fetch } from '../ports.ts';
import type { ClockSkew, ClockSkews } from '../records/clockSkew.ts';
import { audienceOf, type Connection } from '../records/connection.ts';
import { isSignable, type Session, type TokenName, tokenOf } from '../records/sessions.ts';
import { thumbprintOf } from '../records/tokenSet.ts';
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { encodeBase64url } from '../tokens/base64url.ts';
import { digestOf } from '../tokens/forms.ts';
import { defined, isObject, type JsonObject, own, textOf } from '../tokens/json.ts';
import {
  type DecodedJws,
  type DecodedToken,
  decodeDetached,
  decodeToken,
  inflated,
  isHmac,
  tryDecode,
} from '../tokens/jwt.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import { runChecks } from './checks.ts';
import { type Decrypted, type DecryptRequest, decrypt } from './decrypt.ts';
import {
  type Finding,
  failed,
  type KeyInfo,
  type VerificationPolicy,
  type VerificationResult,
  warning,
} from './finding.ts';
import { createJwksClient, readKeySet } from './keySets.ts';
import { type KeySet, readJwk } from './keys.ts';
import { isProof, readPresentation } from './possession.ts';
import { type OwnKey, readKeyText, readOwnKey, type SecretForm } from './secretText.ts';
import { checkSignature, type FoundKeys, isKeySet, type KeySource, keysFrom, type Outcome } from './signatures.ts';

/** What a token is checked against. Without a source of keys the signature is not checked, and the result says so. */
export interface VerifyRequest {
  readonly token: string;
  readonly connection?: Connection;
  readonly issuer?: string;
  readonly jwksUri?: string;
  /** A JWK Set as JSON text or as an object (RFC 7517 §5). */
  readonly jwks?: object;
  /** PEM, JWK or shared secret as text. */
  readonly key?: string;
  /** The encoding of a shared secret; if omitted, the form of the text is detected. */
  readonly keyFormat?: SecretForm;
  readonly audience?: string | readonly string[];
  readonly algorithms?: readonly string[];
  /** Seconds. */
  readonly clockTolerance?: number;
  /** The value that an ID token or the key binding of an SD-JWT must repeat. */
  readonly nonce?: string;
  /** For `at_hash` of an ID token and `ath` of a DPoP proof. */
  readonly accessToken?: string;
  /** The signed content if it is detached from the token (RFC 7515 appendix F, RFC 7797). */
  readonly payload?: string | Uint8Array;
}

/** The sources of keys. */
export type KeyOrigin = Pick<VerifyRequest, 'connection' | 'issuer' | 'jwksUri' | 'jwks' | 'key' | 'keyFormat'>;

export interface Verifier {
  /** Checks a stored token of a connection. Never rejects because of an issuer's answer. */
  verifySession(connection: Connection, name: TokenName, session: Session): Promise<VerificationResult>;
  /** @throws WorkbenchError what decodeToken throws, `key_invalid` */
  verify(request: VerifyRequest): Promise<VerificationResult>;
  /** The keys that the connection or the issuer publishes, from the cache if they are fresh. @throws WorkbenchError */
  keysOf(request: KeyOrigin): Promise<readonly KeyInfo[]>;
  /** The keys in a text, read as for `verify`. @throws WorkbenchError `key_invalid`, `jwks_invalid` */
  readKeys(text: string, form?: SecretForm): Promise<readonly KeyInfo[]>;
  /** Reads a key for signing an edited token. @throws WorkbenchError as `readOwnKey` */
  readOwnKey(text: string, form?: SecretForm): Promise<OwnKey>;
  /** @throws WorkbenchError as `decrypt` in decrypt.ts */
  decrypt(request: DecryptRequest): Promise<Decrypted>;
}

export interface VerifierParts {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly discovery: Discovery;
  readonly skews?: Pick<ClockSkews, 'of'>;
}

export function createVerifier(parts: VerifierParts): Verifier {
  const { clock, discovery, skews } = parts;
  const jwks = createJwksClient(parts);

  /** Given keys take precedence, then the given URL, then the key set of the issuer or the connection. */
  async function keySource(request: VerifyRequest): Promise<KeySource | undefined> {
    const { connection, issuer } = request;
    if (request.key !== undefined) return { kind: 'key', text: request.key, form: request.keyFormat };
    if (request.jwks !== undefined) return { kind: 'jwks', keys: request.jwks };
    if (request.jwksUri !== undefined) return { kind: 'remote', jwks, jwksUri: request.jwksUri };
    const published = issuer ?? (connection?.jwksUri === undefined ? connection?.issuer : undefined);
    if (published !== undefined) {
      const { jwks_uri, jwks: keys } = await discovery.metadata(published);
      if (jwks_uri === undefined && keys) return { kind: 'jwks', keys: readKeySet(keys, 'jwks_uri') };
      if (issuer !== undefined) return jwks_uri === undefined ? undefined : { kind: 'remote', jwks, jwksUri: jwks_uri };
    }
    if (connection === undefined || (connection.issuer ?? connection.jwksUri) === undefined) return undefined;
    const { jwks_uri } = await resolveEndpoints(connection, discovery, undefined, ['jwks_uri']);
    return { kind: 'remote', jwks, jwksUri: jwks_uri };
  }

  async function verifyWith(
    request: VerifyRequest,
    policy: VerificationPolicy,
    decoded: DecodedToken = decodeToken(request.token),
  ): Promise<VerificationResult> {
    let source: KeySource = { kind: 'none' };
    try {
      // No key helps with an encrypted or opaque token, so none is fetched.
      if (decoded.kind === 'jws') source = (await keySource(request)) ?? source;
    } catch (error) {
      source = { kind: 'none', error: classify(error) };
    }
    const skew = skews?.of(request.issuer ?? request.connection);
    return verifyToken(request.token, policy, source, clock.now(), skew, decoded);
  }

  return {
    async verifySession(connection, name, session) {
      const token = tokenOf(session, name) ?? '';
      const audience = audienceOf(connection);
      const tokens = session.record?.tokens;
      // `at_hash` refers to the access token of the same answer, and the ID token can be older than the current one.
      const together = tokens?.id_token_obtained_at === tokens?.obtained_at;
      const accessToken = together ? tokenOf(session, 'access_token') : undefined;
      const decoded = decodeToken(token);
      const request = { token, connection, ...clientSecretFor(decoded, name, session) };
      return verifyWith(
        request,
        {
          kind: name === 'id_token' ? 'id_token' : 'access_token',
          // A connection of pasted tokens without an issuer has no known client.
          ...(isSignable(session) && { clientId: connection.clientId }),
          ...(connection.issuer !== undefined && { issuer: connection.issuer }),
          ...(name === 'access_token' && audience !== undefined && { audience }),
          ...(name === 'access_token' && {
            holder: {
              jkt: thumbprintOf(session.record?.dpop_key),
              'x5t#S256': await certificateThumbprint(session.record?.private_key),
              required: connection.dpop,
            },
          }),
          ...(name === 'id_token' && accessToken !== undefined && { accessToken }),
        },
        decoded,
      );
    },
    async keysOf(request) {
      if (request.key !== undefined) return infosOf(await readKeyText(request.key, request.keyFormat));
      if (request.jwks !== undefined) return infosOf(readKeySet(request.jwks, 'jwks'));
      const source = await keySource({ ...request, token: '' });
      if (source?.kind === 'remote') return infosOf((await source.jwks.keysFor(source.jwksUri, {})).keys);
      return source?.kind === 'jwks' && isKeySet(source.keys) ? infosOf(source.keys) : [];
    },
    readKeys: async (text, form) => infosOf(await readKeyText(text, form)),
    readOwnKey,
    decrypt,
    async verify(request) {
      const { connection, algorithms, clockTolerance } = request;
      const { token, payload } = request;
      const decoded = payload === undefined ? decodeToken(token) : decodeDetached(token, payload);
      const use = tokenUse(decoded);
      // A guessed kind must not fail a token.
      const kind = use?.certain && use.use !== 'refresh_token' ? use.use : 'any';
      const issuer = request.issuer ?? connection?.issuer;
      const audience = request.audience ?? (kind === 'id_token' ? undefined : audienceOf(connection ?? {}));
      const policy = defined<VerificationPolicy>({
        kind,
        issuer,
        audience,
        clientId: connection?.clientId,
        algorithms,
        clockTolerance,
        nonce: request.nonce,
        accessToken: request.accessToken,
      });
      return verifyWith(request, policy, decoded);
    },
  };
}

/** OpenID Connect Core section 10.1: an ID token with HMAC is signed with the client's own secret, as UTF-8. */
function clientSecretFor(
  decoded: DecodedToken,
  name: TokenName,
  { record }: Session,
): Pick<VerifyRequest, 'key' | 'keyFormat'> {
  const secret = record?.client_secret;
  return name === 'id_token' && isHmac(decoded) && secret ? { key: secret, keyFormat: 'text' } : {};
}

function infosOf({ keys }: KeySet): Promise<readonly KeyInfo[]> {
  return Promise.all(keys.map(key => key.info()));
}

/**
 * Verifies a JWS (RFC 7515, RFC 7519) under a policy: its signature with Web Crypto, everything else with the rows of
 * checks.ts. Every check runs and is reported, whatever the others found. If the keys are unavailable, the `signature`
 * check fails; no exception is thrown. Encrypted and opaque tokens cannot be checked, and their result says so.
 * @param given the token, as decoded from `text`
 * @param now milliseconds since the epoch
 * @param skew the known skew of the issuer's clock; it changes no result but explains some failures
 * @throws WorkbenchError what `decodeToken` throws
 */
export async function verifyToken(
  text: string,
  policy: VerificationPolicy,
  keySource: KeySource,
  now: number,
  skew?: ClockSkew,
  given: DecodedToken = decodeToken(text),
): Promise<VerificationResult> {
  if (given.kind !== 'jws') return { verified: false, checks: runChecks({ token: given, policy, now, skew }) };
  const token = own(given.header, 'zip') === 'DEF' ? await inflated(given) : given;
  const source = isProof(token.header) && keySource.kind === 'none' ? ownKey(token.header, keySource) : keySource;
  const pending = keysFrom(source, token, now);
  const keys = pending instanceof Promise ? await pending : pending;
  const { signature, key } = await (token.form?.kind === 'json' ? signaturesOf : checkSignature)(token, policy, keys);
  const hashing = hashFor(token, policy);
  const accessTokenHash = hashing && (await hashing);
  const { form } = token;
  const presentation =
    form?.kind === 'sd_jwt' ? await readPresentation(token, form, policy, holderKey, signedBy) : undefined;
  const disclosed = presentation?.disclosed.payload;
  const checks = runChecks({
    token: disclosed ? { ...token, payload: disclosed } : token,
    policy,
    now,
    skew,
    secret: keys.secret,
    accessTokenHash,
    presentation,
    chained: key?.finding.code === 'chain_valid',
    signature,
    key: source === keySource ? key?.finding : key && ownKeyFinding(key.finding),
  });
  // `verified` is set nowhere else.
  const verified = signature?.status === 'passed' && checks.every(({ status }) => status !== 'failed');
  const result = disclosed ? { verified, checks, disclosed } : { verified, checks };
  return key ? { ...result, key: key.info } : result;
}

/** Checks all signatures of a JWS in JSON; one invalid signature is the result. */
async function signaturesOf(token: DecodedJws, policy: VerificationPolicy, keys: FoundKeys): Promise<Outcome> {
  const first = await checkSignature(token, policy, keys);
  if (token.form?.kind !== 'json') return first;
  for (const compact of token.form.others) {
    const other = tryDecode(compact);
    if ('error' in other || other.kind !== 'jws') return { signature: failed('signature_malformed') };
    const outcome = await checkSignature(other, policy, keys);
    if (outcome.signature?.status !== 'passed') return outcome;
  }
  return first;
}

/** A proof is checked with the key that it contains, unless another key was given. */
function ownKey(header: JsonObject, otherwise: KeySource): KeySource {
  const jwk = own(header, 'jwk');
  const keys = isObject(jwk) ? holderKey(jwk) : undefined;
  return keys ? { kind: 'jwks', keys } : otherwise;
}

/** This key proves that the sender has its private half, and nothing about the sender's identity. */
function ownKeyFinding(finding: Finding): Finding {
  return finding.status === 'passed'
    ? warning('proof_key', { ...(finding.found && { found: finding.found }) })
    : finding;
}

/** The public key of a holder; `undefined` for anything else, in particular a shared secret. */
function holderKey(jwk: JsonObject): KeySet | undefined {
  const key = readJwk(jwk, 'header');
  return key && key.kty !== 'oct' ? { keys: [key], ignored: 0 } : undefined;
}

async function signedBy(token: DecodedJws, keys: KeySet): Promise<Finding> {
  const { signature } = await checkSignature(token, {}, { keys, secret: false, given: true });
  return signature ?? failed('signature_invalid');
}

/**
 * The hash of the access token: for `at_hash` the left half with the ID token's algorithm, for a proof's `ath` the
 * whole SHA-256.
 */
function hashFor({ header, payload }: DecodedJws, { accessToken }: VerificationPolicy): Promise<string> | undefined {
  if (accessToken === undefined) return undefined;
  if (isProof(header)) return digestOf(accessToken, 'SHA-256');
  const hash = Object.hasOwn(payload, 'at_hash') && signatureAlgorithms.get(textOf(header, 'alg') ?? '')?.hash;
  return hash ? leftHalf(hash, accessToken) : undefined;
}

/** OpenID Connect Core section 3.1.3.6: the left half of the access token's hash. */
async function leftHalf(hash: string, accessToken: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest(hash, new TextEncoder().encode(accessToken)));
  return encodeBase64url(digest.subarray(0, digest.length / 2));
}
