import type { AuthorizationRequest } from './authorizationRequest.ts';
import type { Families, Family } from './families.ts';
import { oauthError } from './http.ts';
import { type Issuing, refreshTokenOf } from './issuing.ts';
import type { Settings } from './options.ts';
import { sha256 } from './proofs.ts';
import { randomText } from './random.ts';
import { createShelf } from './shelf.ts';
import { targetsOf } from './targets.ts';
import { type GrantWork, narrowed } from './tokenEndpoint.ts';

interface Code {
  readonly request: AuthorizationRequest;
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** What it gave when it was used. */
  family: Family | undefined;
}

export interface Codes {
  issue(request: AuthorizationRequest, subject: string, now: number): string;
  /** RFC 6749 section 4.1.3 with the code_verifier of RFC 7636 section 4.5. */
  readonly grant: GrantWork;
}

// Milliseconds.
const codeLifetime = 60_000;
/** How long a second use is recognised as one. */
const remembered = 3_600_000;

export function createCodes(settings: Settings, families: Families, issuing: Issuing): Codes {
  const codes = createShelf<Code>(1_000);
  const invalid = (description: string) => oauthError(400, 'invalid_grant', description);

  return {
    issue(request, subject, now) {
      const code = randomText(32);
      codes.put(code, { request, subject, expiresAt: now + codeLifetime, family: undefined }, now + remembered, now);
      return code;
    },
    async grant({ client, form, now, effects, cnf }) {
      const verifier = form.get('code_verifier');
      if (!form.has('code')) return oauthError(400, 'invalid_request', 'No code');
      if (verifier === undefined) return oauthError(400, 'invalid_request', 'No code_verifier: PKCE is required');
      const challenge = /^[\w.~-]{43,128}$/.test(verifier) ? await sha256(verifier) : undefined;
      // From here to the mark that it is used there is no await, so that no two requests interleave.
      const code = codes.get(form.get('code'), now);
      if (code === undefined) return invalid('This code is unknown');
      const { request, subject } = code;
      if (request.client !== client) return invalid('This code was issued to another client');
      if (code.family !== undefined) {
        families.revoke(code.family);
        return invalid('This code was used before; what it gave is now revoked');
      }
      if (now >= code.expiresAt) return invalid('This code has expired');
      if (form.get('redirect_uri') !== request.sentRedirectUri)
        return invalid('redirect_uri is not the one of the authorization request');
      if (challenge !== request.challenge) return invalid('code_verifier does not fit the code_challenge');
      if (request.jkt !== undefined && request.jkt !== cnf?.jkt)
        return invalid('This code is bound to another DPoP key');
      const { scope, nonce } = request;
      const asked = targetsOf(form, request.targets ?? settings.audiences);
      if ('refused' in asked) return oauthError(400, asked.refused, asked.description);
      const family = issuing.begin(client, { subject, scope, targets: request.targets }, cnf, now);
      code.family = family;
      const grant = narrowed(family.grant, asked.targets);
      const refreshToken = refreshTokenOf(client, family);
      return issuing.respond({ grant, scope, now, effects, family, refreshToken, nonce, cnf });
    },
  };
}
