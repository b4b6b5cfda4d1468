import type { TokenKind } from './effects.ts';
import { isWithin } from './forms.ts';
import { type MockReply, oauthError } from './http.ts';
import type { Issuing } from './issuing.ts';
import type { Settings } from './options.ts';
import { audienceOf, targetsOf } from './targets.ts';
import type { GrantWork } from './tokenEndpoint.ts';
import type { TokenReader } from './tokenReader.ts';

const type = (name: string) => `urn:ietf:params:oauth:token-type:${name}`;

/** RFC 8693 section 3. */
const kindsOf = new Map<string, readonly TokenKind[]>([
  [type('access_token'), ['access_token']],
  [type('id_token'), ['id_token']],
  [type('jwt'), ['access_token', 'id_token']],
]);

/** RFC 8693 section 2.1: a token of this issuer for one that is meant for somebody else. There is no acting for another. */
export function tokenExchangeGrant(settings: Settings, reader: TokenReader, issuing: Issuing): GrantWork {
  return async ({ client, form, now, effects, cnf }) => {
    const subjectToken = form.get('subject_token');
    const subjectTokenType = form.get('subject_token_type');
    const wantedType = form.get('requested_token_type') ?? type('access_token');
    if (subjectToken === undefined || subjectTokenType === undefined)
      return invalid('subject_token and subject_token_type are needed');
    if (form.has('actor_token') || form.has('actor_token_type')) return invalid('There is no support for actors');
    const kinds = kindsOf.get(subjectTokenType);
    if (kinds === undefined) return invalid('No such subject_token_type here');
    if (wantedType !== type('access_token') && wantedType !== type('jwt'))
      return invalid('Only access tokens are issued here, which are JWTs');
    const subject = await reader.read(subjectToken);
    if (subject === undefined || !reader.isActive(subject, now))
      return invalid('The subject_token is not one of this issuer, or is over');
    const { kind, claims, family } = subject;
    if (!kinds.includes(kind)) return invalid('The subject_token is not of the subject_token_type');
    // An ID token is a message to one client, and worth nothing in the hands of another.
    if (kind === 'id_token' && claims.aud !== client.client_id)
      return invalid('The ID token was issued to another client');
    const granted = kind === 'id_token' ? (family?.grant.scope ?? '') : String(claims.scope ?? '');
    const scope = form.get('scope') ?? granted;
    if (!isWithin(scope, granted)) return oauthError(400, 'invalid_scope', 'More than the subject_token has');
    const asked = targetsOf(form, settings.audiences);
    if ('refused' in asked) return oauthError(400, asked.refused, asked.description);
    // It goes on for no longer than what it came of, and ends with the same grant.
    const left = Math.floor(Number(claims.exp) - now / 1000);
    const lifetime = Math.max(0, Math.min(settings.accessTokenLifetime, left));
    const grant = {
      clientId: client.client_id,
      subject: String(claims.sub),
      scope,
      audience: asked.targets === undefined ? settings.audience : audienceOf(asked.targets),
      sid: family?.grant.sid ?? '',
      authTime: 0,
    };
    const tokens = await issuing.respond({ grant, scope, now, effects, lifetime, cnf });
    return { ...tokens, issued_token_type: wantedType };
  };
}

/** RFC 8693 section 2.2.2: so is a subject_token that is not valid. */
function invalid(description: string): MockReply {
  return oauthError(400, 'invalid_request', description);
}
