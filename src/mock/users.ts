import type { ClaimsRequest, Family } from './families.ts';
import type { Claims, Exchange } from './http.ts';
import type { Settings } from './options.ts';
import { rootOf } from './personas.ts';
import type { MockUser } from './registry.ts';
import { isObject, members, object, optional, problemsOf, shape, type ValueOf } from './shape.ts';
import { createExpiringMap, randomText } from './shelf.ts';

/* Sign-in: browser sessions of users, and which of their claims are issued. */

const requestedClaim = shape<unknown>('null or an object', {}, value => value === null || isObject(value));
const claimsShape = object({
  id_token: optional(members(requestedClaim), ''),
  userinfo: optional(members(requestedClaim), ''),
});

/** Undefined if the text is not JSON in the form of section 5.5. */
export function parseClaims(sent: string): ClaimsRequest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(sent);
  } catch {
    return undefined;
  }
  if (problemsOf(claimsShape, value, '').length > 0) return undefined;
  const { id_token = {}, userinfo = {} }: ValueOf<typeof claimsShape> = Object(value);
  const acr: { essential?: unknown; value?: unknown; values?: unknown } = Object(id_token.acr);
  const sub: { value?: unknown } = Object(id_token.sub);
  const values = [acr.values ?? acr.value].flat().filter(each => typeof each === 'string');
  return {
    idToken: Object.keys(id_token),
    userInfo: Object.keys(userinfo),
    ...(acr.essential === true && values.length > 0 && { acr: values }),
    ...(typeof sub.value === 'string' && { sub: sub.value }),
  };
}

/**
 * All claims of a user. A user that the options do not name gets a name and an email address derived from the subject.
 */
export function claimsOfUser(settings: Settings, subject: string): Claims {
  const user = userCalled(settings, subject);
  const made = {
    name: subject,
    preferred_username: subject,
    email: `${encodeURIComponent(subject)}@example.com`,
    email_verified: true,
  };
  return { ...(user === undefined ? made : user.claims), ...(user?.groups && { groups: user.groups }) };
}

function userCalled({ users }: Settings, subject: string): MockUser | undefined {
  return users.find(({ sub }) => sub === subject);
}

/**
 * The user that a hint refers to by subject, email address or user name. Without users in the options, any hint is
 * taken as the subject.
 */
export function subjectOfHint({ users }: Settings, hint: string | undefined): string | undefined {
  if (hint === undefined || users.length === 0) return hint;
  return users.find(({ sub, claims = {} }) => [sub, claims.email, claims.preferred_username].includes(hint))?.sub;
}

/** The claims that these scopes or requests by name select. */
export function selectClaims(
  settings: Settings,
  claims: () => Claims,
  scope: string,
  named: readonly string[],
): Claims {
  if (scope === '' && named.length === 0) return {};
  const wanted = new Set([...scope.split(' ').flatMap(each => settings.scopeClaims[each] ?? []), ...named]);
  return Object.fromEntries(Object.entries(claims()).filter(([name]) => wanted.has(name)));
}

/** A user who is signed in with a browser. */
export interface Session {
  readonly id: string;
  readonly subject: string;
  /** Seconds since the epoch. */
  readonly authTime: number;
  readonly acr: string | undefined;
  readonly amr: readonly string[] | undefined;
  /** Grants made in this session, by `client_id`. */
  readonly families: Map<string, Family>;
}

export interface Sessions {
  readonly size: number;
  /** The session of the requesting browser. */
  of(exchange: Exchange): Session | undefined;
  start(subject: string, acr: string | undefined, now: number): Session;
  end(session: Session): void;
  endAll(): void;
  /** `Set-Cookie` that sets this session, or that deletes the cookie. */
  cookie(session: Session | undefined): string;
}

export function createSessions(settings: Settings): Sessions {
  const { host, protocol } = new URL(settings.issuer);
  const path = rootOf(settings.issuer, settings.persona) || '/';
  let sessions = createExpiringMap<Session>(1_000);
  // Browsers send cookies to every port of a host, so two issuers on one machine need two names.
  const name = `mock_session_${host.replace(/\W/g, '_')}`;
  // A single-page app on another site renews in a frame, which needs SameSite=None. Browsers allow that only over
  // https.
  const attributes = `Path=${path}; HttpOnly; SameSite=${protocol === 'https:' ? 'None; Secure' : 'Lax'}`;
  return {
    get size() {
      return sessions.size;
    },
    of(exchange) {
      const sent = exchange.request.header('cookie')?.split(/; */) ?? [];
      const id = sent.find(each => each.startsWith(`${name}=`))?.slice(name.length + 1);
      return sessions.get(id, exchange.now());
    },
    start(subject, acr, now) {
      const user = userCalled(settings, subject);
      const session: Session = {
        id: randomText(32),
        subject,
        authTime: Math.floor(now / 1000),
        acr: user?.acr ?? acr,
        amr: user?.amr,
        families: new Map(),
      };
      sessions.put(session.id, session, now + settings.sessionLifetime * 1000, now);
      return session;
    },
    end: session => sessions.delete(session.id),
    endAll() {
      sessions = createExpiringMap<Session>(1_000);
    },
    cookie: session => `${name}=${session?.id ?? ''}; ${attributes}${session === undefined ? '; Max-Age=0' : ''}`,
  };
}
