import { supportedScopes } from './authorizationRequest.ts';
import type { DpopVerifier } from './dpop.ts';
import { asymmetricAlgs } from './dpop.ts';
import { type Confirmation, hasScope } from './families.ts';
import type { Answer, Exchange, MockReply } from './http.ts';
import { type Claims, hasForm, jsonReply, oauthError, readForm, textReply } from './http.ts';
import { pathsOf } from './metadata.ts';
import type { Settings } from './options.ts';
import type { ReadToken, TokenReader } from './tokenStatus.ts';
import { claimsOfUser, selectClaims } from './users.ts';

const algs = `algs="${asymmetricAlgs.join(' ')}"`;
const realm = 'realm="mock issuer"';

/** A request's access token after validation, or the error response. */
type Access =
  | { readonly token: ReadToken; readonly scope: string; readonly headers: Record<string, string> }
  | { readonly refused: MockReply };

/** What an endpoint asks of a request's access token. */
interface AccessRule {
  readonly scope?: string | undefined;
  /** The API that the token must be addressed to. */
  readonly resource?: {
    readonly url: string;
    readonly metadata: string;
    readonly isAudience: boolean;
    /** It also takes tokens that are for their client. */
    readonly orClient: boolean;
  };
  /** The token may also be in the form of a POST (RFC 6750 section 2.2). */
  readonly inForm?: true;
}

export type AccessCheck = (exchange: Exchange, rule: AccessRule) => Promise<Access>;

/** RFC 6750 section 3.1, RFC 9449 section 7.1, RFC 8705 section 3 and RFC 9728 section 5.1. */
export function createAccessCheck(reader: TokenReader, proofs: DpopVerifier): AccessCheck {
  return async (exchange, { scope: wanted, resource, inForm }) => {
    const { request } = exchange;
    const pointer = resource === undefined ? [] : [`resource_metadata="${resource.metadata}"`];
    const refused = (...args: Parameters<typeof refusal>): Access => {
      const reply = refusal(...args);
      const challenge = [reply.headers['www-authenticate'], ...pointer].join(', ');
      return { refused: { ...reply, headers: { ...reply.headers, 'www-authenticate': challenge } } };
    };
    const authorization = request.header('authorization') ?? '';
    const isInHeader = /^(Bearer|DPoP)\b/i.test(authorization);
    let [, scheme, token] = /^(Bearer|DPoP) +([\w.~+/-]+=*)$/i.exec(authorization) ?? [];
    const isInQuery = new URLSearchParams(request.target.split('?')[1]).has('access_token');
    let isInForm = false;
    if (inForm && request.method === 'POST' && hasForm(request)) {
      const read = await readForm(exchange);
      if ('refused' in read) return read;
      const { form, duplicate } = read;
      if (duplicate !== undefined)
        return refused('Bearer', 400, 'invalid_request', 'A parameter was sent more than once');
      isInForm = form.has('access_token');
      if (isInForm) [scheme, token] = ['Bearer', form.get('access_token')];
    }
    if ([isInHeader, isInForm, isInQuery].filter(Boolean).length > 1)
      return refused('Bearer', 400, 'invalid_request', 'The access token was sent in more than one way');
    if (scheme === undefined || token === undefined) {
      if (isInHeader) return refused('Bearer', 400, 'invalid_request', 'The Authorization header has no token');
      // Without credentials, the response has a challenge and no error code (RFC 6750 section 3.1).
      const challenge = ['Bearer realm="mock issuer"', ...pointer, `DPoP ${realm}`, algs].join(', ');
      return { refused: textReply(401, '', 'text/plain', { 'www-authenticate': challenge }) };
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
    const isForClient = resource?.orClient && claims.aud === read.clientId;
    if (resource?.isAudience && !isForClient && ![claims.aud].flat().includes(resource.url))
      return invalid('This access token is for another audience');
    const { scope } = read;
    if (wanted !== undefined && !hasScope(scope, wanted))
      return refused(kind, 403, 'insufficient_scope', `This access token was not issued for ${wanted}`, {
        scope: wanted,
      });
    return { token: read, scope, headers: byProof ? { ...proofs.headers } : {} };
  };
}

/** OpenID Connect Core section 5.3. */
export function createUserInfo(settings: Settings, check: AccessCheck): Answer {
  return async exchange => {
    const access = await check(exchange, { scope: 'openid', inForm: true });
    if ('refused' in access) return access.refused;
    const { token, scope, headers } = access;
    const sub = String(token.claims.sub);
    const named = token.family?.grant.claims?.userInfo ?? [];
    return jsonReply(200, { sub, ...selectClaims(settings, () => claimsOfUser(settings, sub), scope, named) }, headers);
  };
}

/** A sample API that returns what the request and its token contain. `/api/scope/admin` needs the scope `admin`. */
export function createResource(settings: Settings, check: AccessCheck): Answer {
  const { resource, resourceMetadata } = pathsOf(settings);
  const { origin } = new URL(settings.issuer);
  return async exchange => {
    const path = new URL(exchange.url).pathname.slice(resource.length);
    const [, wanted] = /^\/scope\/([\w.:-]+)$/.exec(path) ?? [];
    const access = await check(exchange, {
      scope: wanted,
      resource: {
        url: origin + resource,
        metadata: origin + resourceMetadata,
        isAudience: settings.persona?.withoutAudience !== true,
        orClient: settings.persona?.clientAudience === true,
      },
    });
    if ('refused' in access) return access.refused;
    const { claims } = access.token;
    return jsonReply(200, { path, method: exchange.request.method, claims }, access.headers);
  };
}

/** RFC 9728 section 2. */
export function resourceMetadataOf(settings: Settings): Claims {
  const { origin } = new URL(settings.issuer);
  return {
    resource: origin + pathsOf(settings).resource,
    authorization_servers: [settings.issuer],
    scopes_supported: supportedScopes(settings),
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: asymmetricAlgs,
  };
}

function refusal(
  scheme: 'Bearer' | 'DPoP',
  status: number,
  error: string,
  description: string,
  { scope, ...headers }: Readonly<Record<string, string>> = {},
): MockReply {
  const details = [
    realm,
    `error="${error}"`,
    `error_description="${description}"`,
    ...(scope === undefined ? [] : [`scope="${scope}"`]),
    ...(scheme === 'DPoP' ? [algs] : []),
  ];
  return oauthError(status, error, description, {
    ...headers,
    'www-authenticate': `${scheme} ${details.join(', ')}`,
  });
}
