import type { Confirmation } from './clients.ts';
import type { ProofDesk } from './dpop.ts';
import { asymmetricAlgs } from './dpop.ts';
import type { Answer, MockReply } from './http.ts';
import { jsonReply, oauthError, textReply } from './http.ts';
import type { Settings } from './options.ts';
import { hasScope } from './requested.ts';
import type { TokenReader } from './tokenStatus.ts';
import { claimsOfUser, selectClaims } from './users.ts';

const algs = `algs="${asymmetricAlgs.join(' ')}"`;
const realm = 'realm="mock issuer"';

/** OpenID Connect Core section 5.3, with the errors of RFC 6750 section 3.1, RFC 9449 section 7.1 and RFC 8705 section 3. */
export function createUserInfo(settings: Settings, reader: TokenReader, proofs: ProofDesk): Answer {
  return async exchange => {
    const { request } = exchange;
    const authorization = request.header('authorization');
    const [, scheme, token] = /^(Bearer|DPoP) +([\w.~+/-]+=*)$/i.exec(authorization ?? '') ?? [];
    if (scheme === undefined || token === undefined) {
      if (authorization !== undefined && /^(Bearer|DPoP)\b/i.test(authorization))
        return refused('Bearer', 400, 'invalid_request', 'The Authorization header has no token');
      // Nothing was tried, so nothing is said but how to (RFC 6750 section 3.1).
      return textReply(401, '', 'text/plain', {
        'www-authenticate': `Bearer ${realm}, DPoP ${realm}, ${algs}`,
      });
    }
    const byProof = scheme.toLowerCase() === 'dpop';
    const kind = byProof ? 'DPoP' : 'Bearer';
    const invalid = (description: string) => refused(kind, 401, 'invalid_token', description);
    const now = exchange.now();
    const read = await reader.read(token);
    if (read === undefined || read.kind !== 'access_token')
      return invalid('This is not an access token of this issuer');
    if (!reader.isActive(read, now)) return invalid('This access token has expired or was revoked');
    const { claims } = read;
    const { jkt, 'x5t#S256': certificate }: Confirmation = Object(claims.cnf);
    const bound = jkt !== undefined;
    if (bound !== byProof)
      return invalid(bound ? 'This access token needs a DPoP proof' : 'This access token is not bound to a key');
    if (byProof) {
      const proof = await proofs.check(exchange, token);
      if ('refused' in proof) return refused(kind, 401, proof.refused, proof.description, proofs.headers);
      if (proof.jkt === undefined) return refused(kind, 401, 'invalid_dpop_proof', 'No DPoP proof', proofs.headers);
      if (proof.jkt !== jkt) return invalid('This access token is bound to another DPoP key');
    }
    if (certificate !== undefined && certificate !== request.certificate?.thumbprint)
      return invalid('This access token is bound to another certificate');
    const scope = String(claims.scope ?? '');
    if (!hasScope(scope, 'openid')) {
      const reply = refused(kind, 403, 'insufficient_scope', 'This access token was not issued for openid');
      const challenge = `${reply.headers['www-authenticate']}, scope="openid"`;
      return { ...reply, headers: { ...reply.headers, 'www-authenticate': challenge } };
    }
    const sub = String(claims.sub);
    const named = read.family?.grant.claims?.userInfo ?? [];
    const claimed = selectClaims(settings, claimsOfUser(settings, sub), scope, named);
    return jsonReply(200, { sub, ...claimed }, byProof ? { ...proofs.headers } : {});
  };
}

function refused(
  scheme: 'Bearer' | 'DPoP',
  status: number,
  error: string,
  description: string,
  headers: Readonly<Record<string, string>> = {},
): MockReply {
  const details = [
    realm,
    `error="${error}"`,
    `error_description="${description}"`,
    ...(scheme === 'DPoP' ? [algs] : []),
  ];
  return oauthError(status, error, description, {
    ...headers,
    'www-authenticate': `${scheme} ${details.join(', ')}`,
  });
}
